//! Attempts: the message that begins one, and what the agent says to it.

use omi_adapter_sdk::rpc::RpcError;
use omi_adapter_sdk::{
    Attempt, AttemptFinished, AuthRequired, ExecuteAttempt, Failure, Outcome, Outputs, log,
};
use serde_json::Value;

use crate::json::quote;
use crate::link::{Due, Over};
use crate::outbox::Sink;
use crate::reading::{self, Heard, State, Status, Task};
use crate::turn::{Follow, Turn};
use crate::wire::{self, Letter, LetterPart, Method};
use crate::worker::Worker;

/// Whatever an attempt cannot know after its message went out.
const UNKNOWN: &str = "it is not known whether the agent took the message, so it is not sent again";

impl Worker {
    /// Run an attempt.
    pub(crate) fn execute(&mut self, execute: ExecuteAttempt, out: &mut Outputs) {
        let (attempt, binding) = (execute.attempt, execute.binding);
        let refuse = |failure| AttemptFinished::new(attempt, Outcome::Failed(failure), None);
        let (Some(conversation), Some(agent)) = (self.conversations.get_mut(&binding), &self.agent) else {
            return out.push(refuse(Failure::stale("no_session", "the binding is not open")));
        };
        if self.is_stopping {
            return out.push(refuse(Failure::retryable("stopped", "the worker was told to stop")));
        }
        if conversation.attempt.is_some() {
            let why = "the conversation has an attempt that is not over";
            return out.push(refuse(Failure::retryable("busy", why)));
        }
        let parts = match Letter::parts_of(conversation.prepend.clone(), execute.prompt) {
            Ok(parts) => parts,
            Err(failure) => return out.push(refuse(failure)),
        };
        conversation.attempt = Some(attempt);
        let follow = if agent.streaming { Follow::Stream } else { Follow::Poll };
        let context = conversation.context.clone();
        let turn = Turn::new(attempt, binding, execute.omi_attempt, context, follow, self.now);
        self.turns.insert(attempt, turn);
        self.link.timer(Due::Silence(attempt), self.config.silence_ms, out);
        self.send(attempt, parts, out);
    }

    /// Send a message: the prompt, or an answer to what the agent asked.
    pub(crate) fn send(&mut self, attempt: Attempt, parts: Vec<LetterPart>, out: &mut Outputs) {
        let (Some(turn), Some(agent)) = (self.turns.get_mut(&attempt), &self.agent) else { return };
        let method = if agent.streaming { Method::Stream } else { Method::Send };
        let id = turn.next_message();
        let letter = Letter { id, context: turn.context.clone(), task: turn.task.clone(), parts };
        self.link.call(attempt, method, agent, |op| wire::message_body(op, method, &letter, agent), out);
    }

    /// The agent answered.
    pub(crate) fn answered(
        &mut self,
        attempt: Attempt,
        method: Method,
        answer: Result<Value, RpcError>,
        out: &mut Outputs,
    ) {
        if !self.turns.contains_key(&attempt) {
            return;
        }
        match (method, answer) {
            (_, Ok(result)) => {
                let is_new = self.hear(attempt, reading::heard(result), out);
                match method {
                    Method::Cancel => self.cancel_settled(attempt, None, out),
                    Method::Get => self.state_read(attempt, is_new, out),
                    Method::Send | Method::Stream | Method::Subscribe => self.decide(attempt, out),
                }
            }
            (Method::Send | Method::Stream, Err(error)) => {
                let message =
                    format!("the agent refused the message with error {}: {}", error.code, words(&error));
                self.fail(attempt, Failure::fatal("agent_error", message), out);
            }
            (Method::Subscribe, Err(error)) => {
                log::debug(&format!("the task is not followed by a stream: {}", words(&error)));
                self.poll(attempt, out);
            }
            (Method::Get, Err(error)) => self.state_unknown(attempt, Some(error.code), &words(&error), out),
            (Method::Cancel, Err(error)) => {
                let said = format!("error {}: {}", error.code, words(&error));
                self.cancel_settled(attempt, Some(said), out);
            }
        }
    }

    /// A request is over.
    pub(crate) fn over(&mut self, attempt: Attempt, method: Method, over: Over, out: &mut Outputs) {
        let Some(turn) = self.turns.get(&attempt) else { return };
        let is_known = turn.task.is_some();
        match (method, over) {
            (Method::Get | Method::Cancel, Over::Complete) => {}
            (Method::Send | Method::Stream, Over::Complete) if !is_known => {
                let message = format!("the agent answered the message with nothing; {UNKNOWN}");
                self.fail(attempt, Failure::fatal("no_answer", message), out);
            }
            (Method::Send | Method::Stream | Method::Subscribe, Over::Complete) => {
                self.stream_ended(attempt, out);
            }
            (Method::Send | Method::Stream, over)
                if !is_known || turn.answered.is_some() && method == Method::Send =>
            {
                self.not_taken(attempt, over, out);
            }
            (Method::Send | Method::Stream | Method::Subscribe, over) => {
                log::info(&format!("the stream of the agent dropped: {}", why(over)));
                self.stream_ended(attempt, out);
            }
            (Method::Get, over) => self.state_unknown(attempt, None, &why(over), out),
            (Method::Cancel, Over::NotSent(failure)) => {
                log::warn(&format!("the cancellation was not sent: {failure:?}"));
                self.cancel_not_sent(attempt, out);
            }
            (Method::Cancel, over) => self.cancel_settled(attempt, Some(why(over)), out),
        }
    }

    /// A message that has no answer. It is never sent again: an agent makes two tasks of it.
    fn not_taken(&mut self, attempt: Attempt, over: Over, out: &mut Outputs) {
        let failure = match over {
            Over::NotSent(failure) => failure,
            Over::Status(401 | 403, words) => {
                let why = format!("the agent does not know this client: {}", quote(&words));
                Failure::AuthRequired(AuthRequired::new(self.methods(), why))
            }
            // It says that nothing was begun. 503 does not: a proxy says it of a server that took the message and fell.
            Over::Status(429, words) => {
                Failure::retryable("agent_busy", format!("the server has no room: status 429 {words}"))
            }
            Over::Status(status, words) if status < 500 => Failure::fatal(
                "http_status",
                format!("the server refused the message: status {status} {words}"),
            ),
            Over::Status(status, words) => {
                let message = format!("the server failed: status {status} {words}; {UNKNOWN}");
                Failure::fatal("acceptance_unknown", message)
            }
            Over::Lost(why) => Failure::fatal("acceptance_unknown", format!("{why}; {UNKNOWN}")),
            Over::Complete => Failure::fatal("no_answer", UNKNOWN),
        };
        self.fail(attempt, failure, out);
    }

    /// Take what the agent says. Says whether something of it was new.
    pub(crate) fn hear(&mut self, attempt: Attempt, heard: Heard, out: &mut Outputs) -> bool {
        let now = self.now;
        let Some(turn) = self.turns.get_mut(&attempt) else { return false };
        if turn.is_of_another(&heard) {
            log::debug("the agent said something that is of another task, or not its own");
            return false;
        }
        let mut sink = Sink { attempt, outbox: &mut self.outbox, link: &mut self.link, out };
        let (named, context) = match &heard {
            Heard::Task(task) => (Some(&task.id), task.context.as_ref()),
            Heard::Status { task, context, .. } | Heard::Artifact { task, context, .. } => {
                (task.as_ref(), context.as_ref())
            }
            Heard::Message(message) => (None, message.context.as_ref()),
            Heard::Unknown => (None, None),
        };
        if let Some(context) = context.filter(|context| !context.is_empty()) {
            turn.context = Some(context.clone());
        }
        let mut is_new = false;
        if let Some(named) = named.filter(|named| !named.is_empty() && turn.task.is_none()) {
            turn.task = Some(named.clone());
            is_new = true;
        }
        is_new |= match heard {
            Heard::Task(task) => turn.take_task(task, &mut sink),
            Heard::Message(message) => {
                if turn.task.is_none() {
                    turn.is_answered = true;
                    turn.said.answer(message, &mut sink)
                } else {
                    turn.said.progress(&message, &mut sink)
                }
            }
            Heard::Status { status, .. } => turn.take_status(&status, &mut sink),
            Heard::Artifact { artifact, append, .. } => turn.said.artifact(artifact, append, &mut sink),
            Heard::Unknown => {
                log::warn("the agent said something that the protocol does not know");
                return false;
            }
        };
        turn.heard_at = now;
        if is_new {
            turn.changes(now);
        }
        is_new
    }

    /// What follows from where the task stands.
    pub(crate) fn decide(&mut self, attempt: Attempt, out: &mut Outputs) {
        let Some(turn) = self.turns.get(&attempt) else { return };
        if turn.is_answered || turn.state.is_terminal() {
            return self.conclude(attempt, out);
        }
        self.cancel_if_wanted(attempt, out);
        let Some(turn) = self.turns.get(&attempt) else { return };
        if turn.state.waits() {
            self.ask(attempt, out);
        } else {
            self.withdraw(attempt, out);
        }
    }
}

impl Turn {
    /// It is about a task that is not this attempt's, or an echo of what was said to the agent.
    fn is_of_another(&self, heard: &Heard) -> bool {
        let (named, is_echo) = match heard {
            Heard::Task(task) => (Some(&task.id), false),
            Heard::Status { task, .. } | Heard::Artifact { task, .. } => (task.as_ref(), false),
            Heard::Message(message) => (message.task.as_ref(), !message.of_agent),
            Heard::Unknown => (None, false),
        };
        let named = named.filter(|named| !named.is_empty());
        let is_other = named.zip(self.task.as_ref()).is_some_and(|(named, own)| named != own);
        is_echo || is_other
    }

    fn take_task(&mut self, task: Task, sink: &mut Sink<'_>) -> bool {
        let mut is_new = false;
        let now_said = task.status.message.as_ref().map(|message| message.id.clone());
        let history = task.history.into_iter().filter(|message| message.of_agent);
        for message in history.filter(|message| Some(&message.id) != now_said.as_ref()) {
            // A question is in the history too, and was told as one.
            is_new |= self.said.progress(&message, sink);
            self.last_message = Some(message);
        }
        for artifact in task.artifacts {
            is_new |= self.said.artifact(artifact, false, sink);
        }
        self.take_status(&task.status, sink) || is_new
    }

    fn take_status(&mut self, status: &Status, sink: &mut Sink<'_>) -> bool {
        if self.state.is_terminal() {
            // Nothing comes after the end.
            return false;
        }
        let mut is_new = self.stands(status);
        let Some(message) = status.message.as_ref().filter(|message| message.of_agent) else { return is_new };
        is_new |= match status.state {
            State::Working => self.said.progress(message, sink),
            State::Completed => self.said.answer(message.clone(), sink),
            // Told as a question, or in the failure.
            State::InputRequired
            | State::AuthRequired
            | State::Canceled
            | State::Failed
            | State::Rejected => self.said.note(message),
        };
        is_new
    }
}

/// What an agent says about an error.
fn words(error: &RpcError) -> String {
    quote(&error.words())
}

/// How a request ended, in words.
fn why(over: Over) -> String {
    match over {
        Over::Complete => "it ended".to_owned(),
        Over::Status(status, words) => format!("status {status} {words}"),
        Over::Lost(why) => why,
        Over::NotSent(failure) => format!("it was not sent: {failure:?}"),
    }
}
