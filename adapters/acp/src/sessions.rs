//! The native sessions of one agent: what is known of each, and where updates go.

use std::collections::{BTreeSet, VecDeque};

use agent_client_protocol_schema::v1::CloseSessionRequest;
use omi_adapter_sdk::{
    AttemptFinished, Binding, BindingSettings, Event, ExecuteAttempt, Failure, Millis, Op, Outcome, Output,
    Outputs, Usage, log,
};
use serde_json::Value;

use crate::choices::{Choices, What};
use crate::config::Counted;
use crate::json::text;
use crate::link::Call;
use crate::outbox::Sink;
use crate::settings::Wishes;
use crate::turn::{Prompt, Turn};
use crate::usage;
use crate::worker::Worker;

/// Updates that are kept until the answer that names their session arrives: two agents send one or two so early.
const EARLY_MAX: usize = 8;

/// Milliseconds that an agent may take to answer a prompt that was given up, as long as the host gives a cancelled one:
/// the line that could not be read may have been the answer.
const SETTLE_TIMEOUT_MS: Millis = 10_000;

/// How far a session is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The answer that opens it is awaited. While it is loaded the agent says its whole history again, which
    /// belongs to no turn and so is not said on.
    Opening {
        /// It said something of that history.
        replayed: bool,
    },
    /// It is there; what the registration and the host want of it is being chosen.
    Configuring,
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
    /// It is taken up without its MCP servers.
    pub(crate) without_servers: bool,
    pub(crate) choices: Choices,
    pub(crate) wishes: Wishes,
    /// The mode and the model that it was opened with.
    pub(crate) mode_at_open: Option<String>,
    pub(crate) model_at_open: Option<String>,
    /// A system prompt that goes before the first prompt.
    pub(crate) prepend: Option<String>,
    /// The cost of the session so far; not known in a session that was taken up until the agent says it.
    pub(crate) cost: Option<f64>,
    /// The tokens that the agent counted in the session so far, in the same sense.
    pub(crate) counted: Option<Usage>,
    /// The agent's names of what it said and did in the turn before.
    past: BTreeSet<String>,
    /// Updates since that turn that belong to none.
    late: u32,
    pub(crate) turn: Option<Turn>,
    /// The answer to a prompt that was given up is awaited: until then the agent is busy.
    /// Until this timer is due.
    pub(crate) settling: Option<Op>,
    /// An attempt that waits for that answer.
    pub(crate) held: Option<Box<ExecuteAttempt>>,
    early: VecDeque<(String, Value)>,
}

impl Session {
    /// A session that is to be opened, or taken up.
    pub(crate) fn new(settings: BindingSettings, resumes: Option<String>) -> Self {
        Self {
            cost: resumes.is_none().then_some(0.0),
            counted: resumes.is_none().then(usage::nothing),
            past: BTreeSet::new(),
            late: 0,
            native_id: resumes.clone(),
            settings,
            resumes,
            stage: Stage::Opening { replayed: false },
            effective_mcp: Vec::new(),
            without_servers: false,
            choices: Choices::default(),
            wishes: Wishes::default(),
            mode_at_open: None,
            model_at_open: None,
            prepend: None,
            turn: None,
            settling: None,
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

    /// The share of a turn in what its answer counts.
    pub(crate) fn share(&mut self, used: Usage, counted: Counted) -> Usage {
        match counted {
            Counted::Turn => used,
            Counted::Session if usage::known(used.clone()).is_none() => used,
            Counted::Session => {
                let share = usage::since(self.counted.as_ref(), &used);
                let before = self.counted.take().unwrap_or_else(usage::unknown);
                self.counted = Some(usage::merge(used, &before));
                share
            }
        }
    }

    /// A turn is over: what names it used are of the past.
    pub(crate) fn turn_over(&mut self, turn: Turn) {
        self.past = turn.into_names();
    }

    /// A turn begins.
    pub(crate) fn turn_begins(&mut self, turn: Turn) {
        if self.late > 0 {
            log::info(&format!("{} updates came between two turns and belong to no attempt", self.late));
            self.late = 0;
        }
        self.turn = Some(turn);
    }

    /// The agent goes on after the end of a turn. Nobody's attempt runs, so nothing is recorded.
    fn came_late(&mut self, update: &Value) {
        if !is_work(update) {
            return;
        }
        self.late = self.late.saturating_add(1);
        if self.late == 1 && self.stage == Stage::Open {
            log::info("the agent goes on after the end of its turn; what it says belongs to no attempt");
        }
    }

    /// What an update says about the session as a whole; it may come at any time. Gives the model if it changed.
    pub(crate) fn remember(&mut self, update: &Value) -> Option<String> {
        match text(update, "sessionUpdate").unwrap_or_default() {
            "usage_update" => self.cost = usage::session_cost(update).or(self.cost),
            "config_option_update" => {
                let before = self.choices.current(&What::Model);
                self.choices.update(update);
                let now = self.choices.current(&What::Model);
                return now.filter(|now| before.as_ref() != Some(now));
            }
            "current_mode_update" => self.choices.mode_is(text(update, "currentModeId")),
            _ => {}
        }
        None
    }
}

/// Whether an update tells of work, and not of the session as a whole.
fn is_work(update: &Value) -> bool {
    let kind = text(update, "sessionUpdate").unwrap_or_default();
    matches!(kind, "agent_message_chunk" | "agent_thought_chunk" | "tool_call" | "tool_call_update" | "plan")
}

/// Whether an update is a piece of what was said before.
fn is_history(update: &Value) -> bool {
    is_work(update) || text(update, "sessionUpdate") == Some("user_message_chunk")
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
        let model = session.remember(update);
        if let (Stage::Opening { replayed }, true) = (&mut session.stage, is_history(update)) {
            *replayed = true;
        }
        let Some(turn) = session.turn.as_mut().filter(|turn| turn.prompt == Prompt::Sent) else {
            return session.came_late(update);
        };
        if !turn.owns(update, &session.past) {
            return session.came_late(update);
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
        if let Some(timer) = session.settling {
            out.push(Output::ClearTimer(timer));
        }
        self.terminals.close(binding, out);
        if let Some(execute) = session.held {
            let finished = AttemptFinished::new(execute.attempt, Outcome::Failed(failure), None);
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
        if turn.prompt == Prompt::Sent {
            session.settling = Some(self.link.timer(SETTLE_TIMEOUT_MS, out));
            if let Some(id) = &session.native_id {
                self.permissions.cancel(turn.attempt, &mut self.link, out);
                self.questions.cancel(turn.attempt, &mut self.link, out);
                self.link.cancel(id, out);
            }
            self.terminals.kill_all(binding, out);
        }
        log::debug(&format!("attempt {} is given up", turn.attempt));
        self.finish(binding, Outcome::Failed(failure.clone()), None, out);
    }

    /// A prompt that was given up is not answered: whoever waits for the session needs another. Says whether the timer
    /// was that.
    pub(crate) fn settle_expired(&mut self, timer: Op, out: &mut Outputs) -> bool {
        let settling = self.sessions.iter_mut().find(|(_, session)| session.settling == Some(timer));
        let Some((&binding, session)) = settling else { return false };
        session.settling = None;
        if let Some(execute) = session.held.take() {
            let message = format!(
                "the agent did not answer within {SETTLE_TIMEOUT_MS} ms the prompt before, which was given up"
            );
            let outcome = Outcome::Failed(Failure::stale("session_not_settled", message));
            self.outbox.finish(AttemptFinished::new(execute.attempt, outcome, None), out);
        }
        self.close(binding, out);
        true
    }

    /// Give up every turn.
    pub(crate) fn abandon_turns(&mut self, failure: &Failure, out: &mut Outputs) {
        let bindings: Vec<Binding> = self.sessions.keys().copied().collect();
        for binding in bindings {
            self.abandon(binding, failure, out);
        }
    }
}
