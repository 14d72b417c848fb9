//! The reference: a record made of plain maps. It reads facts and applies decisions as the store does, in the simplest
//! way that is right, and judges each decision. What it says is what the store must say.

mod apply;
mod event;
mod facts;
mod gate;
mod glob;
mod grant;
mod history;
mod insert;
mod judge;
mod retain;

use std::collections::{BTreeMap, BTreeSet};

use omi_kernel::decision::Reply;
use omi_kernel::effect::Effect;
use omi_kernel::event::Event;
use omi_kernel::grant::Asked;
use omi_kernel::id::{
    AdapterId, ArtifactId, AttemptId, BindingId, ClientId, Cursor, DelegationId, GrantId, Ids, RequestId,
    RunId, SessionId, Timestamp, WorkerId,
};
use omi_kernel::input::{AccessAsked, Input};
use omi_kernel::refusal::Refusal;
use omi_kernel::row::RequestKind;

use crate::Fault;
use crate::row::{
    ArtifactFull, AttemptRow, BindingRow, ComponentGrantRow, ComponentRow, DelegationRow, EventRow,
    GateDecisionRow, GrantRow, RunRow, SessionRow,
};
use crate::table::Table;

/// What an input came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// What its sender is told.
    pub reply: Reply,
    /// What was recorded.
    pub events: Vec<Event>,
    /// What is to be done now.
    pub effects: Vec<Effect>,
}

/// Everything that is recorded.
#[derive(Debug, Default)]
pub struct Record {
    /// The sessions.
    pub sessions: Table<SessionId, SessionRow>,
    /// The runs.
    pub runs: Table<RunId, RunRow>,
    /// The attempts.
    pub attempts: Table<AttemptId, AttemptRow>,
    /// The bindings.
    pub bindings: Table<BindingId, BindingRow>,
    /// The artifacts.
    pub artifacts: Table<ArtifactId, ArtifactFull>,
    /// The delegations.
    pub delegations: Table<DelegationId, DelegationRow>,
    /// The grants of sessions.
    pub grants: Table<GrantId, GrantRow>,
    /// The grants of components.
    pub component_grants: Vec<ComponentGrantRow>,
    /// The installed components, by their paths.
    pub components: BTreeMap<String, ComponentRow>,
    /// The decisions of the gate that are no events, as far as they are kept.
    pub gate_decisions: Vec<GateDecisionRow>,
    /// The events that are still there.
    pub events: BTreeMap<Cursor, EventRow>,
    last_cursor: Cursor,
    of_request: BTreeMap<(ClientId, RequestId), RunId>,
    attempts_of: BTreeMap<RunId, Vec<AttemptId>>,
    bindings_of: BTreeMap<(SessionId, AdapterId), Vec<BindingId>>,
    artifacts_of: BTreeMap<RunId, Vec<ArtifactId>>,
    children_of: BTreeMap<RunId, Vec<RunId>>,
    worked_for: BTreeMap<RunId, DelegationId>,
    live: BTreeSet<RunId>,
    open: BTreeMap<AttemptId, BTreeMap<(u32, RequestKind), Open>>,
    last_gate_decision: u64,
    asked: BTreeMap<(WorkerId, u32), AccessAsked>,
    questions: BTreeMap<RunId, Vec<Question>>,
    pieces: BTreeMap<(AttemptId, String), Vec<Cursor>>,
    once: Once,
}

/// What a run asked.
#[derive(Debug, Clone)]
struct Question {
    attempt: AttemptId,
    request: u32,
    prompt: String,
    told: Option<bool>,
}

/// What somebody is asked.
#[derive(Debug, Clone)]
struct Open {
    options: Vec<String>,
    access: Option<Box<Asked>>,
}

/// What must happen at most once.
#[derive(Debug, Default)]
struct Once {
    told: BTreeSet<(WorkerId, u32)>,
    executed: BTreeSet<AttemptId>,
    dispatched: BTreeSet<AttemptId>,
    stop_requested: BTreeSet<RunId>,
}

/// What a decision touched: only that can have become wrong.
#[derive(Debug, Default)]
struct Touched {
    runs: BTreeSet<RunId>,
    bindings: BTreeSet<BindingId>,
    over: BTreeSet<AttemptId>,
}

impl Record {
    /// Decides an input and applies what follows. The outer error is the first rule that is broken.
    pub fn take(
        &mut self,
        input: &Input,
        now: Timestamp,
        ids: &mut Ids<'_>,
    ) -> Result<Result<Taken, Refusal>, Fault> {
        let facts = self.facts(&input.wants());
        let due = self.note_access(input);
        match omi_kernel::decide(input, &facts, ids) {
            Ok(decision) => {
                due.map_or(Ok(()), |due| due.judge(&decision))?;
                self.apply(&decision, now).map(Ok)
            }
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    /// The attempts of a run, the first one first.
    pub fn attempts_of(&self, run: &RunId) -> impl DoubleEndedIterator<Item = &AttemptRow> {
        self.attempts_of.get(run).into_iter().flatten().filter_map(|id| self.attempts.get(id))
    }

    /// The last attempt of a run.
    pub fn last_attempt(&self, run: &RunId) -> Option<&AttemptRow> {
        self.attempts_of(run).next_back()
    }

    /// The runs that are not over.
    pub fn live(&self) -> impl Iterator<Item = &RunRow> {
        self.live.iter().filter_map(|id| self.runs.get(id))
    }

    /// The delegation a run works for, ended or not.
    pub fn works_for(&self, run: &RunId) -> Option<&DelegationRow> {
        self.worked_for.get(run).and_then(|id| self.delegations.get(id))
    }

    /// The run waits for the result of a delegation.
    pub fn awaits_child(&self, run: &RunId) -> bool {
        let waits = |row: &DelegationRow| row.is_live() && row.delegation.mode.waits();
        self.children(run).any(|child| self.works_for(child).is_some_and(waits))
    }

    /// The runs that a run delegated, the first one first.
    pub fn children(&self, run: &RunId) -> impl Iterator<Item = &RunId> {
        self.children_of.get(run).into_iter().flatten()
    }

    /// What an attempt has asked and nobody has answered.
    pub fn open_of(&self, attempt: &AttemptId) -> Vec<(u32, RequestKind)> {
        self.open.get(attempt).into_iter().flat_map(|open| open.keys().copied()).collect()
    }

    /// What an attempt asks about an access, under a number.
    pub fn open_access(&self, attempt: &AttemptId, request: u32) -> Option<&Asked> {
        self.open.get(attempt)?.get(&(request, RequestKind::Access))?.access.as_deref()
    }
}
