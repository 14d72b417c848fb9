//! One remote agent and its conversations: where every input goes.

use std::collections::{BTreeMap, BTreeSet};

use omi_adapter_sdk::{
    Attempt, AuthMethod, AuthRequired, Binding, Failure, Fault, Input, Millis, Op, Outputs, Ready, Start,
    Why, log,
};
use serde_json::Value;

use crate::card::{self, Agent, CardError};
use crate::config::Config;
use crate::conversation::Conversation;
use crate::json::quote;
use crate::link::{Call, Due, Link, Over, Told};
use crate::outbox::Outbox;
use crate::turn::Turn;

/// Everything that lives as long as the worker.
pub(crate) struct Worker {
    pub(crate) config: Config,
    /// The origin of the grant, if the host says it.
    origin: Option<String>,
    pub(crate) seed: u32,
    pub(crate) now: Millis,
    /// What the card says, once it was read.
    pub(crate) agent: Option<Agent>,
    pub(crate) link: Link,
    pub(crate) outbox: Outbox,
    pub(crate) conversations: BTreeMap<Binding, Conversation>,
    /// The contexts of closed conversations whose system prompt the agent was never seen to take.
    pub(crate) unheard: BTreeSet<String>,
    pub(crate) turns: BTreeMap<Attempt, Turn>,
    /// The last number of a question to a person.
    pub(crate) last_request: u32,
    /// The worker is to end: nothing new begins.
    pub(crate) is_stopping: bool,
    /// Set by `fault`: the worker is over.
    failed: Option<Failure>,
}

impl Worker {
    /// Ask for the card.
    pub(crate) fn start(config: Config, start: &Start, out: &mut Outputs) -> Self {
        let mut worker = Self {
            config,
            origin: origin(&start.extra),
            seed: start.seed,
            now: 0,
            agent: None,
            link: Link::default(),
            outbox: Outbox::new(start.limits.inline_bytes),
            conversations: BTreeMap::new(),
            unheard: BTreeSet::new(),
            turns: BTreeMap::new(),
            last_request: 0,
            is_stopping: false,
            failed: None,
        };
        worker.ask_for_card(out);
        worker
    }

    fn ask_for_card(&mut self, out: &mut Outputs) {
        self.link.get_card(&self.config.card_path, out);
    }

    /// Take an input; give the failure if it was the end of the worker.
    pub(crate) fn handle(&mut self, now: Millis, input: Input, out: &mut Outputs) -> Option<Failure> {
        self.now = now;
        match input {
            Input::HttpHead(head) => self.link.head(&head),
            Input::HttpBody(piece) => {
                let told = self.link.body(&piece, out);
                self.tell(told, out);
            }
            Input::HttpEnd(end) => {
                let told = self.link.end(end.op, &end.outcome);
                self.tell(told, out);
            }
            Input::Refused(refused) => self.refused(refused.op, refused.why, out),
            Input::Timer(op) => match self.link.timed(op) {
                Some(Due::Silence(attempt)) => self.look(attempt, out),
                Some(Due::Again(attempt)) => self.ask_again(attempt, out),
                Some(Due::Cancel(attempt)) => self.cancel_overdue(attempt, out),
                None => {}
            },
            Input::BlobCreated(created) => {
                self.outbox.blob(created.op, Some(created.blob), out);
            }
            Input::OpenBinding(open) => self.open(open.binding, &open.omi_session, open.settings, out),
            Input::ResumeBinding(resume) => {
                self.resume(resume.binding, resume.native_id, resume.settings, out);
            }
            Input::CloseBinding(close) => self.close(close.binding, out),
            Input::ExecuteAttempt(execute) => self.execute(execute, out),
            Input::CancelAttempt(cancel) => self.cancel(cancel.attempt, out),
            Input::ProvidedInput(provided) => self.provided(provided.request, provided.answer, out),
            // A person gave the secret, or says so: the card shows whether the server is there.
            Input::Authenticate(_) => self.ask_for_card(out),
            Input::Stop(_) => self.stop(out),
            Input::Start(_)
            | Input::Approval(_)
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
        self.failed.take()
    }

    fn refused(&mut self, op: Op, why: Why, out: &mut Outputs) {
        if self.outbox.blob(op, None, out) {
            return;
        }
        if let Some(due) = self.link.timed(op) {
            log::warn(&format!("a timer was refused: {why}"));
            return self.untimed(due, out);
        }
        let told = self.link.refused(op, why);
        self.tell(told, out);
    }

    fn tell(&mut self, told: Option<(Call, Vec<Told>)>, out: &mut Outputs) {
        let Some((call, told)) = told else { return };
        for one in told {
            match (call, one) {
                (Call::Card, Told::Answer(Ok(card))) => self.card_read(&card, out),
                // What is no card at all was told with the answer.
                (Call::Card, Told::Answer(Err(_)) | Told::Over(Over::Complete)) => {}
                (Call::Card, Told::Over(over)) => self.no_card(over, out),
                (Call::Of(attempt, method), Told::Answer(answer)) => {
                    self.answered(attempt, method, answer, out);
                }
                (Call::Of(attempt, method), Told::Over(over)) => self.over(attempt, method, over, out),
            }
        }
    }

    fn card_read(&mut self, card: &Value, out: &mut Outputs) {
        match card::read(card, self.origin.as_deref(), self.config.rpc_path.as_deref()) {
            Ok(agent) => {
                out.push(Ready::new(agent.title.as_str()));
                self.agent = Some(agent);
            }
            Err(error) => {
                let code = match error {
                    CardError::NotACard(_) => "not_a_card",
                    CardError::NoJsonRpc { .. } => "no_json_rpc",
                    CardError::Version { .. } => "version_unknown",
                    CardError::OtherOrigin { .. } => "other_origin",
                };
                self.fault(Failure::fatal(code, error.to_string()), out);
            }
        }
    }

    fn no_card(&mut self, over: Over, out: &mut Outputs) {
        let path = &self.config.card_path;
        let failure = match over {
            Over::Complete => return,
            Over::Status(401 | 403, words) => {
                let message =
                    format!("the server shows its agent card only to those it knows: {}", quote(&words));
                let methods = self.methods();
                return out.push(AuthRequired { methods, message, extra: String::new() });
            }
            Over::Status(status, words) => {
                let message = format!("no agent card at `{path}`: status {status} {words}");
                if status == 429 || status >= 500 {
                    Failure::retryable("no_card", message)
                } else {
                    Failure::fatal(
                        "no_card",
                        format!("{message}; hint: `cardPath` in `[config]` says where it is"),
                    )
                }
            }
            Over::Lost(why) => {
                let hint = unreached_hint(&why);
                Failure::retryable("no_card", format!("no agent card at `{path}`: {why}{hint}"))
            }
            Over::NotSent(failure) => failure,
        };
        self.fault(failure, out);
    }

    /// What the registration has to give.
    pub(crate) fn methods(&self) -> Vec<AuthMethod> {
        let named = self.agent.as_ref().map(|agent| agent.schemes.clone()).unwrap_or_default();
        if named.is_empty() { vec![card::unnamed_scheme()] } else { named }
    }

    fn fault(&mut self, failure: Failure, out: &mut Outputs) {
        self.end_everything(&failure, out);
        out.push(Fault::new(failure.clone()));
        self.failed = Some(failure);
    }

    /// Nothing can be sent any more, not even a cancellation.
    fn stop(&mut self, out: &mut Outputs) {
        self.is_stopping = true;
        let why = "the worker was told to stop; the agent may go on with its task";
        self.end_everything(&Failure::retryable("stopped", why), out);
    }

    fn end_everything(&mut self, failure: &Failure, out: &mut Outputs) {
        self.outbox.give_up_blobs(out);
        let attempts: Vec<Attempt> = self.turns.keys().copied().collect();
        for attempt in attempts {
            self.fail(attempt, failure.clone(), out);
        }
        self.outbox.give_up_blobs(out);
    }
}

/// What to do where no agent answers, as far as the words of the host tell why. They may have a hint of their own.
fn unreached_hint(why: &str) -> &'static str {
    let has = |words: &str| why.to_ascii_lowercase().contains(words);
    if has("hint: ") {
        ""
    } else if has("cannot find the address of") || has("has no address") {
        "; hint: correct the name in `origin` of the grant `remote`, or see whether this machine is online"
    } else if has("connection refused") {
        "; hint: start the agent, or correct `origin` of the grant `remote`"
    } else {
        "; hint: see whether the agent is up, and whether `origin` of the grant `remote` is its address"
    }
}

/// The origin of the grant, which a host may say beside the names of the grants.
fn origin(extra: &str) -> Option<String> {
    let extra: Value = serde_json::from_str(extra).ok()?;
    extra["origins"][crate::REMOTE].as_str().map(str::to_owned)
}
