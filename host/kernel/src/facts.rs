//! What is read for an input before it is decided.

use crate::artifact::{ArtifactRow, ArtifactSummary};
use crate::delegation::{Budget, Delegation};
use crate::grant::{Component, ComponentGrant, Grant};
use crate::history::History;
use crate::id::{AdapterId, WorkerId};
use crate::report::{Lease, Usage};
use crate::row::{Attempt, Binding, OpenRequest, Run, Session};

/// What was read for an input.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Facts {
    /// The session.
    pub session: Option<Session>,
    /// The run; for a prompt, the one that already answers the same request.
    pub run: Option<Run>,
    /// For a prompt: the run that has the same idempotency key, and its session.
    pub keyed: Option<(Run, Session)>,
    /// The run's last attempt.
    pub attempt: Option<Attempt>,
    /// The active binding of the session and the run's registration.
    pub binding: Option<Binding>,
    /// What was said in the session before; read when a run begins and its runtime has to be told.
    pub history: History,
    /// The registration that executed the run of the session which was over last; read with `history`.
    pub last_adapter: Option<AdapterId>,
    /// The system prompt that the binding was opened with; read with `history`.
    pub told: Option<String>,
    /// For a retry: a registration whose runtime takes up interrupted turns by itself, if it had one of this run and never
    /// confirmed that it stopped.
    pub left_to: Option<AdapterId>,
    /// The highest generation so far of the session and the run's registration; 0 for none.
    pub generation: u32,
    /// The binding that the input says is there, whatever its state; none if it is new.
    pub named: Option<Binding>,
    /// Another binding, not closed, that has the native id that is about to be recorded.
    pub native_conflict: Option<Binding>,
    /// What the attempt has asked and nobody has answered.
    pub open_requests: Vec<OpenRequest>,
    /// The run works for this delegation, which has not ended.
    pub delegation: Option<Delegation>,
    /// What the run has made, newest last; read with `delegation`.
    pub artifacts: Vec<ArtifactSummary>,
    /// What the run asked and was never told; read with `delegation`.
    pub open_questions: Vec<String>,
    /// What the run has used, as far as is recorded; read if it was delegated.
    pub usage: RunUsage,
    /// What the run and those above it may still cost, its own delegation first.
    pub budgets: Vec<Budget>,
    /// How many runs are above this one.
    pub depth: u32,
    /// The run waits for the result of a delegation.
    pub awaits_child: bool,
    /// For a delegation: the session that is to be continued, if the parent's session has delegated to it before.
    pub child_session: Option<Session>,
    /// For a delegation: the runs that hold a worker and wait for the result of another run.
    pub waiting_parents: Vec<WaitingParent>,
    /// The runs below this one that are not over, the nearest first.
    pub descendants: Vec<Descendant>,
    /// The active bindings of a session (for a delegation: of the one to be continued), or those that a worker holds.
    pub bindings: Vec<Binding>,
    /// A run of the session is not over.
    pub session_busy: bool,
    /// The grants of the session that may be about an access, of any state.
    pub grants: Vec<Grant>,
    /// For a retry: the run has a `legacy_default` grant.
    pub legacy_granted: bool,
    /// The grants of the component for the registration, of any state.
    pub component_grants: Vec<ComponentGrant>,
    /// The grant that is meant; one of a component has no session.
    pub grant: Option<Grant>,
    /// The component that is meant.
    pub component: Option<Component>,
    /// The artifact that is meant.
    pub artifact: Option<ArtifactRow>,
    /// At start-up: the runs that are not over.
    pub unfinished: Vec<Unfinished>,
    /// At start-up: the active bindings that cannot be taken up again.
    pub lost_bindings: Vec<Binding>,
    /// At start-up: the processes of the workers that the last daemon had.
    pub leases: Vec<Lease>,
}

/// A run that holds a worker and waits for the result of another run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingParent {
    /// Its registration.
    pub adapter: AdapterId,
    /// The worker; none if nobody knows it any more.
    pub worker: Option<WorkerId>,
}

/// What a run has used, as far as is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RunUsage {
    /// The attempts before the last one.
    pub before: Usage,
    /// The last attempt.
    pub attempt: Usage,
}

/// A run below another one that is not over.
#[derive(Debug, Clone, PartialEq)]
pub struct Descendant {
    /// The run.
    pub run: Run,
    /// Its attempt, if one is not over.
    pub attempt: Option<Attempt>,
    /// What that attempt has asked and nobody has answered.
    pub open_requests: Vec<OpenRequest>,
    /// The delegation it works for, if that has not ended.
    pub delegation: Option<Delegation>,
}

/// A run that was not over when the last daemon ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Unfinished {
    /// The run.
    pub run: Run,
    /// Its attempt, if one is not over.
    pub attempt: Option<Attempt>,
    /// The delegation it works for, if that has not ended.
    pub delegation: Option<Delegation>,
}
