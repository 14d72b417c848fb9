//! The rows of the reference: what the kernel sees of each, and what is recorded beside it.

use omi_kernel::artifact::ArtifactState;
use omi_kernel::delegation::{Delegation, DelegationStatus};
use omi_kernel::event::NewEvent;
use omi_kernel::grant::{Component, ComponentGrant, GateDecision, Grant};
use omi_kernel::id::{ArtifactId, AttemptId, Cursor, RequestId, Timestamp};
use omi_kernel::new::{NewArtifact, NewBinding};
use omi_kernel::report::{FailureDetail, Lease};
use omi_kernel::row::{Attempt, Binding, Run, Session};
use omi_kernel::usage::Usage;

/// A session.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// What decisions see.
    pub session: Session,
    /// The kind of surface it was made from.
    pub surface: String,
    /// What that surface calls it.
    pub external: Option<(String, String)>,
    /// What an old client calls it.
    pub legacy: Option<(String, String)>,
    /// What its clients keep with it.
    pub metadata: serde_json::Value,
    /// The highest cursor of its events that was taken away.
    pub pruned_through: Cursor,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was last used.
    pub used_at: Timestamp,
}

/// A run.
#[derive(Debug, Clone)]
pub struct RunRow {
    /// What decisions see.
    pub run: Run,
    /// The client's key.
    pub key: Option<String>,
    /// Its answer so far.
    pub text: Option<String>,
    /// Why its runtime stopped.
    pub stop_reason: Option<String>,
    /// How it failed.
    pub error: Option<FailureDetail>,
    /// The sum over its attempts.
    pub usage: Usage,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When an adapter first had it.
    pub started_at: Option<Timestamp>,
    /// When it was over.
    pub completed_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// An attempt.
#[derive(Debug, Clone)]
pub struct AttemptRow {
    /// What decisions see.
    pub attempt: Attempt,
    /// Why it was made.
    pub made_for: Option<String>,
    /// The attempt it took over from.
    pub resume_from: Option<AttemptId>,
    /// The checkpoint it began from.
    pub checkpoint: Option<ArtifactId>,
    /// Another attempt may help.
    pub retryable: bool,
    /// What it used.
    pub usage: Usage,
    /// How it failed.
    pub error: Option<FailureDetail>,
    /// The digest of the component.
    pub digest: String,
    /// What identifies its worker's process.
    pub lease: Option<Lease>,
    /// How many reports came after its end.
    pub late: u32,
    /// When somebody wanted it to stop.
    pub cancel_requested_at: Option<Timestamp>,
    /// When its runtime was told.
    pub cancel_dispatched_at: Option<Timestamp>,
    /// When its runtime confirmed.
    pub cancel_acknowledged_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its adapter had it.
    pub started_at: Option<Timestamp>,
    /// When it was over.
    pub completed_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A binding.
#[derive(Debug, Clone)]
pub struct BindingRow {
    /// What decisions see.
    pub binding: Binding,
    /// As it was made.
    pub new: NewBinding,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When a worker last took it up.
    pub used_at: Timestamp,
    /// When it went out of use.
    pub invalidated_at: Option<Timestamp>,
}

/// An artifact.
#[derive(Debug, Clone)]
pub struct ArtifactFull {
    /// As it was made.
    pub new: NewArtifact,
    /// What a person did with it.
    pub state: ArtifactState,
    /// When a person did.
    pub state_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A delegation.
#[derive(Debug, Clone)]
pub struct DelegationRow {
    /// What decisions see.
    pub delegation: Delegation,
    /// What for.
    pub objective: String,
    /// The request as it was made.
    pub request: serde_json::Value,
    /// What came of it.
    pub result: Option<serde_json::Value>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was over.
    pub completed_at: Option<Timestamp>,
}

impl DelegationRow {
    /// It has not ended.
    pub fn is_live(&self) -> bool {
        matches!(self.delegation.status, DelegationStatus::Pending | DelegationStatus::Running)
    }
}

/// A grant of a session.
#[derive(Debug, Clone)]
pub struct GrantRow {
    /// What decisions see.
    pub grant: Grant,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A grant of a component.
#[derive(Debug, Clone)]
pub struct ComponentGrantRow {
    /// What decisions see.
    pub grant: ComponentGrant,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An installed component.
#[derive(Debug, Clone)]
pub struct ComponentRow {
    /// What decisions see.
    pub component: Component,
    /// When it was installed, the last time.
    pub installed_at: Timestamp,
}

/// A decision of the gate that is no event.
#[derive(Debug, Clone)]
pub struct GateDecisionRow {
    /// Its place.
    pub number: u64,
    /// What was decided.
    pub decision: GateDecision,
    /// When.
    pub at: Timestamp,
}

/// An event.
#[derive(Debug, Clone)]
pub struct EventRow {
    /// Its place.
    pub cursor: Cursor,
    /// What was recorded.
    pub event: NewEvent,
    /// The client's request that its run answers.
    pub request: Option<RequestId>,
    /// When.
    pub at: Timestamp,
}
