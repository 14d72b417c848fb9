//! A run that another run asked for: who asked, for what, and how far it may go (seed §16).

use serde::{Deserialize, Serialize};

use crate::id::{DelegationId, RunId, SessionId};
use crate::status::Status;

/// How deep runs may delegate unless the caller asks for less (SPEC §12).
pub const DEPTH_MAX_DEFAULT: u32 = 3;
/// How deep runs may delegate at most (SPEC §12).
pub const DEPTH_MAX: u32 = 5;
/// US dollars that a delegated run and everything below it may cost unless the caller says otherwise (SPEC §12).
pub const BUDGET_USD_DEFAULT: f64 = 5.0;
/// US dollars that a delegated run and everything below it may cost at most (SPEC §12).
pub const BUDGET_USD_MAX: f64 = 10.0;
/// Characters of the context that is handed to a delegated run, at most (SPEC §12).
pub const CONTEXT_CHARS_MAX: usize = 4000;
/// Artifacts that a result lists, at most (SPEC §3.6).
pub const RESULT_ARTIFACTS_MAX: usize = 50;

/// How a run is delegated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DelegationMode {
    /// In a new session; the parent waits for the result.
    Call,
    /// In a new session; the parent goes on.
    Spawn,
    /// In the session of an earlier delegation; the parent waits for the result.
    Continue,
}

impl DelegationMode {
    /// The parent waits for the result.
    pub fn waits(self) -> bool {
        match self {
            Self::Call | Self::Continue => true,
            Self::Spawn => false,
        }
    }

    /// The word of the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Spawn => "spawn",
            Self::Continue => "continue",
        }
    }

    /// Reads the word of the tables.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Call, Self::Spawn, Self::Continue].into_iter().find(|mode| mode.as_str() == text)
    }
}

/// Where a delegation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DelegationStatus {
    /// Its run has not begun.
    Pending,
    /// Its run is executed.
    Running,
    /// Its run succeeded.
    Succeeded,
    /// Its run failed, timed out or was orphaned.
    Failed,
    /// Its run was cancelled.
    Cancelled,
}

impl DelegationStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Running, Self::Succeeded, Self::Failed, Self::Cancelled];

    /// Where a delegation stands when its run has ended so; none if the run has not ended.
    pub fn of(run: Status) -> Option<Self> {
        match run {
            Status::Succeeded => Some(Self::Succeeded),
            Status::Failed | Status::TimedOut | Status::Orphaned => Some(Self::Failed),
            Status::Cancelled => Some(Self::Cancelled),
            Status::Queued
            | Status::Starting
            | Status::Running
            | Status::WaitingInput
            | Status::WaitingApproval
            | Status::Cancelling => None,
        }
    }

    /// The word of the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads the word of the tables.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// A delegation, as far as decisions need it.
#[derive(Debug, Clone, PartialEq)]
pub struct Delegation {
    /// Its identifier.
    pub id: DelegationId,
    /// The session that asked.
    pub parent_session: SessionId,
    /// The run that asked.
    pub parent_run: RunId,
    /// The session that works.
    pub child_session: SessionId,
    /// The run that works.
    pub child_run: RunId,
    /// How it was delegated.
    pub mode: DelegationMode,
    /// Where it stands.
    pub status: DelegationStatus,
    /// US dollars that the child run and everything below it may cost.
    pub budget_usd: f64,
}

/// What a delegation may still cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Budget {
    /// The delegation.
    pub delegation: DelegationId,
    /// What its run and everything below it may cost, in US dollars.
    pub limit_usd: f64,
    /// What the recorded runs have cost, in US dollars.
    pub spent_usd: f64,
}

impl Budget {
    /// What is left, in US dollars; never less than nothing.
    pub fn left_usd(&self) -> f64 {
        (self.limit_usd - self.spent_usd).max(0.0)
    }
}
