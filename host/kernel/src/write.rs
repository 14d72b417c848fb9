//! What a decision writes: rows, each with the state it moves from.

use crate::artifact::ArtifactState;
use crate::delegation::DelegationStatus;
use crate::descriptor::Fidelity;
use crate::grant::{Component, ComponentGrant, GateDecision, Grant};
use crate::id::{
    AdapterId, ArtifactId, AttemptId, BindingId, DelegationId, GrantId, NativeSessionId, RunId, SessionId,
    Timestamp, WorkerId,
};
use crate::new::{NewArtifact, NewAttempt, NewBinding, NewDelegation, NewRun, NewSession};
use crate::report::{FailureDetail, Lease, Usage};
use crate::row::{BindingStatus, RetryNote};
use crate::session::{SessionChange, SessionStatus};
use crate::status::Status;

/// What else changes when a run moves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunChange {
    /// The text of its answer so far.
    pub text: Option<String>,
    /// How it failed.
    pub error: Option<FailureDetail>,
    /// The runtime's word for why it stopped.
    pub stop_reason: Option<String>,
    /// The registration that executes it from now on.
    pub adapter: Option<AdapterId>,
    /// The model that is asked for from now on.
    pub model: Option<ModelChange>,
    /// Why it is to be tried again. Beginning takes the note away.
    pub retry: Option<RetryNote>,
}

/// Which model is asked for from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelChange {
    /// This one.
    Ask(String),
    /// What the profile says: not known before a worker is leased.
    Unknown,
}

/// What else changes when an attempt moves.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AttemptChange {
    /// Its binding.
    pub binding: Option<BindingId>,
    /// How it failed.
    pub error: Option<FailureDetail>,
    /// It failed and another attempt may help, for this reason.
    pub retry_reason: Option<String>,
    /// What it used; the run's use is the sum of its attempts'.
    pub usage: Option<Usage>,
}

/// A row to write. Each update names the state it moves from; a row that is elsewhere is a conflict.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// A new session.
    InsertSession(NewSession),
    /// A session is used.
    TouchSession(SessionId),
    /// A session changes. What is absent stays as it is.
    UpdateSession {
        /// The session.
        id: SessionId,
        /// Where it stood.
        from: SessionStatus,
        /// What changes.
        change: SessionChange,
    },
    /// A new run, queued.
    InsertRun(Box<NewRun>),
    /// A run moves.
    MoveRun {
        /// The run.
        id: RunId,
        /// From here.
        from: Status,
        /// To here.
        to: Status,
        /// What else changes.
        change: RunChange,
    },
    /// A new attempt, starting.
    InsertAttempt(Box<NewAttempt>),
    /// An attempt moves.
    MoveAttempt {
        /// The attempt.
        id: AttemptId,
        /// From here.
        from: Status,
        /// To here.
        to: Status,
        /// What else changes.
        change: AttemptChange,
    },
    /// What became of telling an adapter to cancel.
    RecordCancelDispatch {
        /// The attempt.
        id: AttemptId,
        /// The runtime was told.
        dispatched: bool,
        /// The runtime confirmed.
        acknowledged: bool,
    },
    /// The use of an attempt so far; the run's use is the sum of its attempts'. What is absent stays as it was.
    RecordUsage {
        /// The attempt.
        id: AttemptId,
        /// What it has used.
        usage: Usage,
    },
    /// What identifies the process of an attempt's worker.
    RecordLease {
        /// The attempt.
        id: AttemptId,
        /// What identifies it.
        lease: Lease,
    },
    /// Something was reported about an attempt that is over: it is not recorded, but counted.
    CountLate {
        /// The attempt.
        id: AttemptId,
        /// How many times.
        count: u32,
    },
    /// A new binding, active.
    InsertBinding(Box<NewBinding>),
    /// A binding was taken up again by a worker.
    ResumeBinding {
        /// The binding.
        id: BindingId,
        /// How it can be taken up again, as learned this time.
        fidelity: Fidelity,
        /// The worker that holds it.
        worker: Option<WorkerId>,
        /// The runtime's name of it, as given this time.
        native_id: NativeSessionId,
    },
    /// What a binding was opened with becomes known.
    BackfillBinding {
        /// The binding.
        id: BindingId,
        /// The system prompt as a hash; recorded if none is.
        system_prompt_hash: Option<String>,
        /// The MCP configuration as a hash; recorded if none is.
        mcp_hash: Option<String>,
    },
    /// A worker that ended holds its bindings no longer.
    ReleaseBindings {
        /// The worker.
        worker: WorkerId,
    },
    /// A binding moves.
    MoveBinding {
        /// The binding.
        id: BindingId,
        /// From here.
        from: BindingStatus,
        /// To here.
        to: BindingStatus,
    },
    /// A new grant of a session.
    InsertGrant(Box<Grant>),
    /// A new grant of a component.
    InsertComponentGrant(Box<ComponentGrant>),
    /// A grant holds no more, and neither does what was copied from it.
    RevokeGrant(GrantId),
    /// A decision of the gate outside of any session, or about a component.
    RecordGateDecision(Box<GateDecision>),
    /// A component was installed, in the place of what was there at the same path.
    PutComponent(Box<Component>),
    /// A component is no longer installed, and what was granted to it for good is forgotten, and revoked where it was
    /// copied into a session.
    RemoveComponent {
        /// Its path.
        path: String,
    },
    /// The kept chunks of a message are replaced by the whole message.
    CompactMessage {
        /// The attempt.
        attempt: AttemptId,
        /// Which message of it.
        message: String,
    },
    /// A new artifact.
    InsertArtifact(Box<NewArtifact>),
    /// What a person did with an artifact.
    MoveArtifact {
        /// The artifact.
        id: ArtifactId,
        /// From here.
        from: ArtifactState,
        /// To here.
        to: ArtifactState,
    },
    /// A new delegation, pending.
    InsertDelegation(Box<NewDelegation>),
    /// A delegation moves.
    MoveDelegation {
        /// The delegation.
        id: DelegationId,
        /// From here.
        from: DelegationStatus,
        /// To here.
        to: DelegationStatus,
        /// Its result, a JSON object, once it is over.
        result: Option<serde_json::Value>,
    },
    /// Old events go: those of runs that ended before a time, and the oldest of ended runs beyond a number. What says
    /// how a run ended stays with the run. The oldest decisions of the gate beyond a number of the store's go, too.
    PruneEvents {
        /// Runs that ended before this time lose their events.
        ended_before: Timestamp,
        /// So many events are kept in all, if those of ended runs are enough to get there.
        events_max: u64,
    },
    /// The workers of the last daemon are gone (seed §8.4).
    ForgetWorkers,
}
