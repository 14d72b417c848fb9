//! The one table of transitions for runs and attempts: the only place where a status changes (seed §9, SPEC §2).
//!
//! ```text
//!  queued ──begin──▶ starting ──dispatch──▶ running ◀──resume──▶ waiting_input · waiting_approval
//!     │                 │ └────────── ask-input: a log-in ──────────────▲
//!     │                 │                      │                        │
//!     └──── request-cancel ─▶ cancelling ◀─────┴────────────────────────┘
//!                                 │
//!  succeeded · failed · timed_out · orphaned   └─cancel─▶ cancelled
//!
//!  failed · timed_out · orphaned · cancelled ──retry──▶ queued     (runs only, the one way out)
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a run or an attempt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Accepted; no worker yet. Runs only.
    Queued,
    /// A worker is leased and the binding is being made.
    Starting,
    /// The adapter executes it.
    Running,
    /// A person is asked for information.
    WaitingInput,
    /// A person is asked for permission.
    WaitingApproval,
    /// It is to stop, and has not stopped yet as far as is known.
    Cancelling,
    /// Done.
    Succeeded,
    /// Not done.
    Failed,
    /// Stopped.
    Cancelled,
    /// Stopped by a deadline.
    TimedOut,
    /// The daemon died while it ran; nobody knows what became of it.
    Orphaned,
}

/// What moves a run or an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// An attempt is made.
    Begin,
    /// The attempt is handed to the adapter.
    Dispatch,
    /// The adapter asks for permission.
    AskApproval,
    /// The adapter asks for information.
    AskInput,
    /// The last open question is answered.
    Resume,
    /// Somebody wants it to stop.
    RequestCancel,
    /// The adapter is done.
    Succeed,
    /// It failed.
    Fail,
    /// It has stopped after a request to.
    Cancel,
    /// A deadline passed.
    TimeOut,
    /// The daemon that ran it is gone.
    Orphan,
    /// Somebody wants it tried again.
    Retry,
}

/// A step that the table does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nothing that is {from} can {step:?}")]
pub struct IllegalStep {
    /// Where it stands.
    pub from: Status,
    /// What was tried.
    pub step: Step,
}

impl Status {
    /// Every status, in the order of the table.
    pub const ALL: [Self; 11] = [
        Self::Queued,
        Self::Starting,
        Self::Running,
        Self::WaitingInput,
        Self::WaitingApproval,
        Self::Cancelling,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::TimedOut,
        Self::Orphaned,
    ];

    /// The status after a step.
    pub fn after(self, step: Step) -> Result<Self, IllegalStep> {
        use Status as S;
        match (self, step) {
            (S::Queued | S::Starting | S::Running | S::WaitingApproval | S::WaitingInput, Step::Begin) => {
                Ok(S::Starting)
            }
            (S::Starting, Step::Dispatch) | (S::WaitingApproval | S::WaitingInput, Step::Resume) => {
                Ok(S::Running)
            }
            // Its adapter got its binding while a person is still asked.
            (S::WaitingApproval, Step::Dispatch) => Ok(S::WaitingApproval),
            // What the worker needs to begin may have to be asked for.
            (S::Starting | S::Running | S::WaitingApproval | S::WaitingInput, Step::AskApproval) => {
                Ok(S::WaitingApproval)
            }
            // A log-in is asked for while the native session is made.
            (S::Starting | S::Running | S::WaitingApproval | S::WaitingInput, Step::AskInput) => {
                Ok(S::WaitingInput)
            }
            (
                S::Queued | S::Starting | S::Running | S::WaitingApproval | S::WaitingInput,
                Step::RequestCancel,
            ) => Ok(S::Cancelling),
            (S::Running | S::WaitingApproval | S::WaitingInput, Step::Succeed) => Ok(S::Succeeded),
            (S::Queued | S::Starting | S::Running | S::WaitingApproval | S::WaitingInput, Step::Fail) => {
                Ok(S::Failed)
            }
            (S::Cancelling, Step::Cancel) => Ok(S::Cancelled),
            (S::Starting | S::Running | S::WaitingApproval | S::WaitingInput, Step::TimeOut) => {
                Ok(S::TimedOut)
            }
            (
                S::Starting | S::Running | S::WaitingApproval | S::WaitingInput | S::Cancelling,
                Step::Orphan,
            ) => Ok(S::Orphaned),
            (S::Failed | S::Cancelled | S::TimedOut | S::Orphaned, Step::Retry) => Ok(S::Queued),
            _ => Err(IllegalStep { from: self, step }),
        }
    }

    /// Nothing more will happen to it, unless somebody retries it.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Succeeded | Self::Failed | Self::Cancelled | Self::TimedOut | Self::Orphaned => true,
            Self::Queued
            | Self::Starting
            | Self::Running
            | Self::WaitingInput
            | Self::WaitingApproval
            | Self::Cancelling => false,
        }
    }

    /// The word of the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::WaitingInput => "waiting_input",
            Self::WaitingApproval => "waiting_approval",
            Self::Cancelling => "cancelling",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed_out",
            Self::Orphaned => "orphaned",
        }
    }

    /// Reads the word of the tables.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [Step; 12] = [
        Step::Begin,
        Step::Dispatch,
        Step::AskApproval,
        Step::AskInput,
        Step::Resume,
        Step::RequestCancel,
        Step::Succeed,
        Step::Fail,
        Step::Cancel,
        Step::TimeOut,
        Step::Orphan,
        Step::Retry,
    ];

    #[test]
    fn terminal_means_terminal_but_for_retry() {
        for status in Status::ALL.into_iter().filter(|status| status.is_terminal()) {
            for step in STEPS {
                match (status, step) {
                    (Status::Succeeded, _) => assert!(status.after(step).is_err(), "{status} {step:?}"),
                    (_, Step::Retry) => assert_eq!(status.after(step), Ok(Status::Queued)),
                    _ => assert!(status.after(step).is_err(), "{status} {step:?}"),
                }
            }
        }
    }

    #[test]
    fn a_cancelling_run_never_succeeds() {
        assert!(Status::Cancelling.after(Step::Succeed).is_err());
        assert!(Status::Cancelling.after(Step::Fail).is_err());
        assert_eq!(Status::Cancelling.after(Step::Cancel), Ok(Status::Cancelled));
    }

    #[test]
    fn every_status_is_reached() {
        let mut reached = vec![Status::Queued];
        let mut next = 0;
        while let Some(&status) = reached.get(next) {
            next += 1;
            for to in STEPS.into_iter().filter_map(|step| status.after(step).ok()) {
                if !reached.contains(&to) {
                    reached.push(to);
                }
            }
        }
        assert_eq!(reached.len(), Status::ALL.len());
    }

    #[test]
    fn words_are_read_back() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
    }
}
