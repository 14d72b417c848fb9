//! A worker: one server, the sessions that are open with it, and the attempts that go on.

use std::collections::BTreeMap;

use omi_adapter_sdk::{
    Attempt, AttemptFinished, Binding, BindingOpened, BindingSettings, CancelAnswer, ExecuteAttempt, Failure,
    Fault, Fidelity, HttpOutcome, Input, Millis, Op, Outcome, Outputs, Ready, Refused, Scope, Start, log,
};

use crate::attempt::{Order, Over, Running};
use crate::config::Config;
use crate::conversation::Conversation;
use crate::exchange::{Begin, Exchange};
use crate::failures::broken;
use crate::models;
use crate::ops::Ops;
use crate::said::{Bytes, Piece};

/// What a server is called that does not say its name.
const UNNAMED: &str = "OpenAI-compatible server";

/// A server that is there lists its models at once, or says that it is not ready yet.
const GREETING_MS: Millis = 30_000;

/// A worker that was started.
#[derive(Debug)]
pub(crate) struct Worker {
    shared: Shared,
    seed: u32,
    /// The question whether the server is there.
    greeting: Option<Exchange>,
    conversations: BTreeMap<Binding, Conversation>,
    running: BTreeMap<Attempt, Running>,
    is_stopping: bool,
}

/// What every attempt of a worker needs.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) ops: Ops,
    /// The models that the server listed at the start.
    pub(crate) models: Vec<String>,
    /// The server was not heard to refuse that.
    pub(crate) asks_for_usage: bool,
}

impl Worker {
    /// Asks the server whether it is there.
    pub(crate) fn start(config: Config, start: &Start, now: Millis, out: &mut Outputs) -> Self {
        let shared = Shared { config, ops: Ops::default(), models: Vec::new(), asks_for_usage: true };
        let mut worker = Self {
            shared,
            seed: start.seed,
            greeting: None,
            conversations: BTreeMap::new(),
            running: BTreeMap::new(),
            is_stopping: false,
        };
        worker.greet(now, out);
        worker
    }

    /// Takes one thing that happened; gives the failure with which the worker ends, if it does.
    pub(crate) fn handle(&mut self, now: Millis, input: Input, out: &mut Outputs) -> Option<Failure> {
        match input {
            Input::OpenBinding(open) => {
                // Unique over workers: each has its seed.
                let native_id = format!("chat-{:08x}-{}", self.seed, open.binding);
                self.open(open.binding, native_id, &open.settings, out);
            }
            Input::ResumeBinding(resume) => {
                self.open(resume.binding, resume.native_id, &resume.settings, out);
            }
            Input::CloseBinding(close) => self.close(close.binding, out),
            Input::ExecuteAttempt(execute) => self.execute(execute, now, out),
            Input::CancelAttempt(cancel) => self.cancel(cancel.attempt, out),
            Input::HttpHead(head) => match self.greeting.as_mut().filter(|greeting| greeting.op == head.op) {
                Some(greeting) => greeting.head(head, now),
                None => {
                    if let Some(running) = self.waiting_for(head.op) {
                        running.head(head, now);
                    }
                }
            },
            Input::HttpBody(body) => match self.greeting.as_mut().filter(|greeting| greeting.op == body.op) {
                Some(greeting) => {
                    greeting.heard(now);
                    greeting.keep(&body.data);
                }
                None => {
                    if let Some(running) = self.waiting_for(body.op) {
                        let attempt = running.attempt;
                        let over = running.hear(&body, now, out);
                        self.finish(attempt, over, out);
                    }
                }
            },
            Input::HttpEnd(end) => return self.end(end.op, &end.outcome, now, out),
            Input::Refused(refused) => return self.refused(refused, out),
            Input::Timer(op) => return self.due(op, now, out),
            Input::BlobCreated(created) => {
                self.kept(created.op, Bytes::Kept(created.blob));
            }
            Input::Authenticate(_) => self.greet(now, out),
            Input::Stop(_) => self.stop(out),
            Input::Start(_)
            | Input::Approval(_)
            | Input::ProvidedInput(_)
            | Input::ToolResult(_)
            | Input::Spawned(_)
            | Input::Stdout(_)
            | Input::Stderr(_)
            | Input::StdinProgress(_)
            | Input::StdinClosed(_)
            | Input::Exited(_)
            | Input::File(_)
            | Input::Extension(_) => {}
        }
        None
    }

    fn greet(&mut self, now: Millis, out: &mut Outputs) {
        if self.is_stopping || self.greeting.is_some() {
            return;
        }
        let silence_ms = self.shared.config.silence_ms.min(GREETING_MS);
        let begin = Begin { scope: Scope::Worker, now, silence_ms };
        let request = models::request(&self.shared.config);
        self.greeting = Some(Exchange::begin(&begin, request, &mut self.shared.ops, out));
    }

    fn greeted(&mut self, greeting: &Exchange, end: &HttpOutcome, out: &mut Outputs) -> Option<Failure> {
        greeting.forget(out);
        if self.is_stopping {
            return None;
        }
        match models::of_answer(&self.shared.config, greeting, end) {
            Ok(models) => {
                self.shared.models = models;
                out.push(Ready::new(greeting.server.as_deref().unwrap_or(UNNAMED)));
                None
            }
            Err(Failure::AuthRequired(wanted)) => {
                out.push(wanted);
                None
            }
            Err(failure) => Some(fault(failure, out)),
        }
    }

    fn open(&mut self, binding: Binding, native_id: String, settings: &BindingSettings, out: &mut Outputs) {
        let mut conversation = Conversation::new(settings);
        conversation.before("", self.shared.config.context_chars, out);
        let opened = BindingOpened::new(binding, native_id, Fidelity::Reconstructed);
        let model = settings.model.clone().or_else(|| self.shared.config.model.clone());
        out.push(BindingOpened { model, ..opened });
        self.conversations.insert(binding, conversation);
    }

    fn close(&mut self, binding: Binding, out: &mut Outputs) {
        let failure = || Failure::retryable("binding_closed", "the session was closed");
        self.give_up(|running| running.binding == binding, failure, out);
        self.conversations.remove(&binding);
    }

    fn execute(&mut self, execute: ExecuteAttempt, now: Millis, out: &mut Outputs) {
        let ExecuteAttempt { attempt, binding, omi_run, prompt, model, .. } = execute;
        let conversation = self.conversations.get_mut(&binding);
        let begun = match conversation {
            _ if self.is_stopping => Err(stopped()),
            None => Err(Failure::stale("binding_unknown", "this worker has no such session")),
            Some(conversation) => {
                let prompt: Result<Vec<Piece>, Failure> = prompt.iter().map(Piece::of_prompt).collect();
                prompt.map(|prompt| {
                    // Not the model of an earlier run: after a restart nobody would know it.
                    let model = model.or_else(|| self.shared.config.model.clone());
                    let order = Order { attempt, binding, run: omi_run, prompt, model };
                    Running::begin(order, conversation, now, &mut self.shared, out)
                })
            }
        };
        match begun {
            Ok(running) => {
                self.running.insert(attempt, running);
            }
            Err(failure) => out.push(AttemptFinished::new(attempt, Outcome::Failed(failure), None)),
        }
    }

    fn cancel(&mut self, attempt: Attempt, out: &mut Outputs) {
        match self.running.get_mut(&attempt) {
            Some(running) => {
                running.cancel(out);
                // Closing the connection is all that the server is told, and it confirms nothing.
                out.push(CancelAnswer::new(attempt, true, false).because("the request is closed"));
            }
            None => {
                out.push(CancelAnswer::new(attempt, false, false).because("the attempt was over already"));
            }
        }
    }

    fn end(&mut self, op: Op, end: &HttpOutcome, now: Millis, out: &mut Outputs) -> Option<Failure> {
        if let Some(greeting) = self.greeting.take_if(|greeting| greeting.op == op) {
            return self.greeted(&greeting, end, out);
        }
        let running = self.running.values_mut().find(|running| running.waits_for(op))?;
        let attempt = running.attempt;
        // Its attempts end before a session is closed.
        let conversation = self.conversations.get_mut(&running.binding)?;
        let over = running.end(end, conversation, now, &mut self.shared, out);
        self.finish(attempt, over, out);
        None
    }

    fn refused(&mut self, refused: Refused, out: &mut Outputs) -> Option<Failure> {
        let Refused { op, why, .. } = refused;
        if let Some(greeting) = self.greeting.take_if(|greeting| greeting.op == op) {
            greeting.forget(out);
            return (!self.is_stopping).then(|| fault(why.into(), out));
        }
        if self.kept(op, Bytes::Gone) {
            log::info(&format!("a picture of the prompt is not kept for later prompts: {why}"));
            return None;
        }
        let running = self.waiting_for(op)?;
        let (attempt, over) = (running.attempt, running.refused(why, out));
        self.finish(attempt, Some(over), out);
        None
    }

    fn due(&mut self, timer: Op, now: Millis, out: &mut Outputs) -> Option<Failure> {
        if let Some(greeting) = self.greeting.as_mut().filter(|greeting| greeting.timer == timer) {
            if !greeting.is_silent(now, &mut self.shared.ops, out) {
                return None;
            }
            greeting.abort(out);
            self.greeting = None;
            let message = "the server takes the question which models it has, and does not answer";
            return (!self.is_stopping).then(|| fault(broken("silent", message, false), out));
        }
        let running = self.running.values_mut().find(|running| running.waits_for(timer))?;
        let (attempt, over) = (running.attempt, running.due(now, &mut self.shared, out));
        self.finish(attempt, over, out);
        None
    }

    fn kept(&mut self, op: Op, bytes: Bytes) -> bool {
        self.conversations.values_mut().any(|conversation| conversation.kept(op, bytes))
    }

    fn stop(&mut self, out: &mut Outputs) {
        self.is_stopping = true;
        if let Some(greeting) = &mut self.greeting {
            greeting.abort(out);
        }
        self.give_up(|_| true, stopped, out);
    }

    /// Ends some attempts before their requests are over.
    fn give_up(
        &mut self,
        which: impl Fn(&Running) -> bool,
        failure: impl Fn() -> Failure,
        out: &mut Outputs,
    ) {
        let some = self.running.values().filter(|running| which(running)).map(|running| running.attempt);
        for attempt in some.collect::<Vec<_>>() {
            let over = self.running.get_mut(&attempt).map(|running| running.give_up(failure().into(), out));
            self.finish(attempt, over, out);
        }
    }

    /// What the attempt said is what the session remembers, however it ended.
    fn finish(&mut self, attempt: Attempt, over: Option<Over>, out: &mut Outputs) {
        let Some(over) = over else { return };
        let Some(running) = self.running.remove(&attempt) else { return };
        let (binding, run) = (running.binding, running.run.clone());
        let text = running.finish(over, out);
        if let Some(conversation) = self.conversations.get_mut(&binding) {
            conversation.answered(&run, text);
        }
    }

    fn waiting_for(&mut self, op: Op) -> Option<&mut Running> {
        self.running.values_mut().find(|running| running.waits_for(op))
    }
}

fn fault(failure: Failure, out: &mut Outputs) -> Failure {
    out.push(Fault::new(failure.clone()));
    failure
}

fn stopped() -> Failure {
    Failure::retryable("stopped", "the worker is to end")
}
