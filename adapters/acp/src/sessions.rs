//! The native sessions of one agent: what is known of each, and where updates go.

use std::collections::VecDeque;

use agent_client_protocol_schema::v1::CloseSessionRequest;
use omi_adapter_sdk::{Binding, BindingSettings, Event, ExecuteAttempt, Failure, Outcome, Outputs, log};
use serde_json::Value;

use crate::choices::Choice;
use crate::json::text;
use crate::link::Call;
use crate::outbox::Sink;
use crate::turn::{Cancel, Prompt, Turn};
use crate::usage;
use crate::worker::Worker;

/// Updates that are kept until the answer that names their session arrives: two agents send one or two so early.
const EARLY_MAX: usize = 8;

/// How far a session is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The answer that opens it is awaited. While it is loaded the agent says its whole history again, which
    /// belongs to no turn and so is not said on.
    Opening,
    /// It is there; its mode and its model are being set.
    Configuring {
        mode_done: bool,
    },
    Open,
}

/// One native session.
pub(crate) struct Session {
    pub(crate) settings: BindingSettings,
    /// The session of an earlier binding that is taken up.
    pub(crate) resumes: Option<String>,
    pub(crate) stage: Stage,
    /// The agent's name for it, as soon as it is known.
    pub(crate) native_id: Option<String>,
    pub(crate) effective_mcp: Vec<String>,
    pub(crate) mode: Option<Choice>,
    pub(crate) model: Option<Choice>,
    /// The model that it was opened with.
    pub(crate) model_at_open: Option<String>,
    /// A system prompt that goes before the first prompt.
    pub(crate) prepend: Option<String>,
    /// The cost of the session so far; not known in a session that was taken up until the agent says it.
    pub(crate) cost: Option<f64>,
    pub(crate) turn: Option<Turn>,
    /// The answer to a prompt that was given up is awaited: until then the agent is busy.
    pub(crate) is_settling: bool,
    /// An attempt that waits for that answer.
    pub(crate) held: Option<Box<ExecuteAttempt>>,
    early: VecDeque<(String, Value)>,
}

impl Session {
    /// A session that is to be opened, or taken up.
    pub(crate) fn new(settings: BindingSettings, resumes: Option<String>) -> Self {
        Self {
            cost: resumes.is_none().then_some(0.0),
            native_id: resumes.clone(),
            settings,
            resumes,
            stage: Stage::Opening,
            effective_mcp: Vec::new(),
            mode: None,
            model: None,
            model_at_open: None,
            prepend: None,
            turn: None,
            is_settling: false,
            held: None,
            early: VecDeque::new(),
        }
    }

    /// Whether `binding-opened` or `binding-failed` is still owed.
    pub(crate) fn is_opening(&self) -> bool {
        self.stage != Stage::Open
    }

    /// The agent's name for it, now that it is known: what it said too early is heard.
    pub(crate) fn named(&mut self, native_id: &str) {
        self.native_id = Some(native_id.to_owned());
        for (id, update) in std::mem::take(&mut self.early) {
            if id == native_id {
                self.remember(&update);
            }
        }
    }

    /// The model that an attempt is to use, if that is anybody's choice.
    pub(crate) fn model_for(&self, execute: &ExecuteAttempt) -> Option<String> {
        execute.model.clone().or_else(|| self.model_at_open.clone())
    }

    /// What an update says about the session as a whole; it may come at any time. Gives the model if it changed.
    pub(crate) fn remember(&mut self, update: &Value) -> Option<String> {
        match text(update, "sessionUpdate").unwrap_or_default() {
            "usage_update" => self.cost = usage::session_cost(update).or(self.cost),
            "config_option_update" => {
                let before = self.model.as_ref().and_then(|model| model.current.clone());
                self.mode = Choice::config_option(update, "mode").or(self.mode.take());
                self.model = Choice::config_option(update, "model").or(self.model.take());
                let now = self.model.as_ref().and_then(|model| model.current.clone());
                return now.filter(|now| before.as_ref() != Some(now));
            }
            _ => {}
        }
        None
    }
}

impl Worker {
    /// The agent said something about a session.
    pub(crate) fn updated(&mut self, params: &Value, out: &mut Outputs) {
        let (Some(id), update) = (text(params, "sessionId"), &params["update"]) else { return };
        let Some((_, session)) =
            self.sessions.iter_mut().find(|(_, session)| session.native_id.as_deref() == Some(id))
        else {
            return self.keep_early(id, update);
        };
        let cost_before = session.cost;
        let model = session.remember(update);
        let Some(turn) = &mut session.turn else { return };
        if matches!(turn.prompt, Prompt::Held(_)) {
            return;
        }
        // The first cost of a session that was taken up is where its turn starts.
        if turn.cost_before.is_none() && cost_before.is_none() {
            turn.cost_before = session.cost;
        }
        if turn.cancel == Cancel::Asked {
            turn.cancel = Cancel::AskedAgain;
            self.link.cancel(id, out);
        }
        let mut sink = Sink { attempt: turn.attempt, outbox: &mut self.outbox, link: &mut self.link, out };
        if let Some(model) = model {
            sink.event(Event::ModelUsed(model));
        }
        turn.update(update, &mut sink);
    }

    /// An update of a session without a name: it may be one that is being opened.
    fn keep_early(&mut self, id: &str, update: &Value) {
        let kind = text(update, "sessionUpdate").unwrap_or_default();
        if !matches!(kind, "usage_update" | "config_option_update") {
            return;
        }
        let unnamed = self.sessions.values_mut().filter(|session| session.native_id.is_none());
        for session in unnamed {
            if session.early.len() == EARLY_MAX {
                session.early.pop_front();
            }
            session.early.push_back((id.to_owned(), update.clone()));
        }
    }

    /// A session is no longer needed.
    pub(crate) fn close(&mut self, binding: Binding, out: &mut Outputs) {
        let failure = Failure::retryable("binding_closed", "the binding was closed");
        self.abandon(binding, &failure, out);
        let Some(session) = self.sessions.remove(&binding) else { return };
        self.terminals.close(binding, out);
        if let Some(execute) = session.held {
            let finished =
                omi_adapter_sdk::AttemptFinished::new(execute.attempt, Outcome::Failed(failure), None);
            self.outbox.finish(finished, out);
        }
        if let (Some(id), true) = (session.native_id, self.agent.offers.close) {
            self.link.call(Call::CloseSession, "session/close", CloseSessionRequest::new(id), None, out);
        }
    }

    /// Give up the turn of a session that goes on at the agent: it is told to stop, and its answer is awaited.
    pub(crate) fn abandon(&mut self, binding: Binding, failure: &Failure, out: &mut Outputs) {
        let Some(session) = self.sessions.get_mut(&binding) else { return };
        let Some(turn) = &session.turn else { return };
        if matches!(turn.prompt, Prompt::Sent) {
            session.is_settling = true;
            if let Some(id) = &session.native_id {
                self.permissions.cancel(turn.attempt, &mut self.link, out);
                self.link.cancel(id, out);
            }
            self.terminals.kill_all(binding, out);
        }
        log::debug(&format!("attempt {} is given up", turn.attempt));
        self.finish(binding, Outcome::Failed(failure.clone()), None, out);
    }

    /// Give up every turn.
    pub(crate) fn abandon_turns(&mut self, failure: &Failure, out: &mut Outputs) {
        let bindings: Vec<Binding> = self.sessions.keys().copied().collect();
        for binding in bindings {
            self.abandon(binding, failure, out);
        }
    }
}
