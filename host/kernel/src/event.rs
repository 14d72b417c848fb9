//! Canonical events: the ordered record of every change (seed §11).

mod payload;

pub use payload::EventPayload;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::{AttemptId, Cursor, EventId, RequestId, RunId, SessionId, Timestamp};
use crate::status::Status;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)+) => {
        /// What an event says (seed §11.2).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum EventKind { $($(#[$doc])* $name,)+ }

        impl EventKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The word of the tables and of the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// Reads the word of the tables.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)+ _ => None }
            }
        }
    };
}

kinds! {
    /// A session was made.
    SessionCreated = "session.created",
    /// A session changed.
    SessionUpdated = "session.updated",
    /// A run was accepted.
    RunQueued = "run.queued",
    /// A run has a worker.
    RunStarting = "run.starting",
    /// A run is executed.
    RunRunning = "run.running",
    /// A run waits for information from a person.
    RunWaitingInput = "run.waiting_input",
    /// A run waits for a permission.
    RunWaitingApproval = "run.waiting_approval",
    /// Somebody wants a run to stop.
    RunCancellationRequested = "run.cancellation_requested",
    /// A run is stopping.
    RunCancelling = "run.cancelling",
    /// A run is done.
    RunSucceeded = "run.succeeded",
    /// A run failed.
    RunFailed = "run.failed",
    /// A run has stopped.
    RunCancelled = "run.cancelled",
    /// A run was stopped by a deadline.
    RunTimedOut = "run.timed_out",
    /// A run's daemon died while it ran.
    RunOrphaned = "run.orphaned",
    /// An attempt was made.
    AttemptCreated = "attempt.created",
    /// An attempt was handed to its adapter.
    AttemptStarted = "attempt.started",
    /// An attempt failed.
    AttemptFailed = "attempt.failed",
    /// An attempt's daemon died while it ran.
    AttemptOrphaned = "attempt.orphaned",
    /// What became of telling the adapter to cancel.
    AttemptCancelDispatch = "attempt.cancel_dispatch",
    /// An attempt has stopped.
    AttemptCancelled = "attempt.cancelled",
    /// A session has its first native session.
    BindingCreated = "binding.created",
    /// A native session was taken up again.
    BindingResumed = "binding.resumed",
    /// A native session is lost, or does not fit any more.
    BindingStale = "binding.stale",
    /// A session has another native session.
    BindingReplaced = "binding.replaced",
    /// A piece of the answer.
    MessageDelta = "message.delta",
    /// A message of the answer, whole.
    MessageCompleted = "message.completed",
    /// A safe summary of what is going on.
    ProgressUpdated = "progress.updated",
    /// A tool begins.
    ToolStarted = "tool.started",
    /// A tool goes on.
    ToolUpdated = "tool.updated",
    /// A tool is done.
    ToolCompleted = "tool.completed",
    /// A tool failed.
    ToolFailed = "tool.failed",
    /// There is an artifact.
    ArtifactCreated = "artifact.created",
    /// What was used.
    UsageUpdated = "usage.updated",
    /// A person is asked for information.
    InputRequested = "input.requested",
    /// The information was given, or not.
    InputProvided = "input.provided",
    /// A person is asked for permission.
    ApprovalRequested = "approval.requested",
    /// The permission was given, or not.
    ApprovalResolved = "approval.resolved",
    /// It was decided whether an adapter may open something, or such a decision was taken back.
    GrantDecided = "grant.decided",
    /// A run was delegated.
    DelegationCreated = "delegation.created",
    /// A delegated run is over.
    DelegationCompleted = "delegation.completed",
}

impl EventKind {
    /// Where the run stands from this event on; none for what says something else. Its word is that of the status.
    pub fn run_status(self) -> Option<Status> {
        self.as_str().strip_prefix("run.").and_then(Status::parse)
    }
}

/// How long an event is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retention {
    /// For good.
    Core,
    /// Until it is compacted into something else.
    Transient,
}

/// Who is shown an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// Every surface.
    Ui,
    /// Whoever looks after the daemon.
    Internal,
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Its session.
    pub session: SessionId,
    /// Its run, if it is about one.
    pub run: Option<RunId>,
    /// Its attempt, if it is about one.
    pub attempt: Option<AttemptId>,
}

/// An event to be recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// Its identifier.
    pub id: EventId,
    /// What it is about.
    pub about: About,
    /// What it says.
    pub kind: EventKind,
    /// How long it is kept.
    pub retention: Retention,
    /// Who is shown it.
    pub visibility: Visibility,
    /// The rest, a JSON object.
    pub payload: Value,
}

/// An event as it is recorded: the envelope of the wire (seed §11.1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Always 2.
    pub protocol_version: u8,
    /// Its identifier.
    pub event_id: EventId,
    /// Its place in the order of all events.
    pub cursor: Cursor,
    /// Its session.
    pub session_id: SessionId,
    /// Its run.
    pub run_id: Option<RunId>,
    /// Its attempt.
    pub attempt_id: Option<AttemptId>,
    /// The client's request that its run answers.
    pub request_id: Option<RequestId>,
    /// What it says.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// When it was recorded.
    pub timestamp_ms: Timestamp,
    /// The rest.
    pub payload: EventPayload,
}

impl Serialize for EventKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for EventKind {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let unknown = || serde::de::Error::custom(format!("there is no event `{text}`"));
        Self::parse(&text).ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_40_kinds_and_each_is_read_back() {
        assert_eq!(EventKind::ALL.len(), 40);
        for kind in EventKind::ALL {
            assert_eq!(EventKind::parse(kind.as_str()), Some(*kind));
            let json = serde_json::to_value(kind).unwrap();
            assert_eq!(serde_json::from_value::<EventKind>(json).unwrap(), *kind);
        }
        let other = serde_json::from_value::<EventKind>("run.danced".into()).unwrap_err();
        assert!(other.to_string().contains("`run.danced`"), "{other}");
    }

    #[test]
    fn each_status_has_its_event() {
        let told: Vec<Status> = EventKind::ALL.iter().filter_map(|kind| kind.run_status()).collect();
        assert_eq!(told.len(), Status::ALL.len());
        assert!(Status::ALL.iter().all(|status| told.contains(status)));
        assert_eq!(EventKind::RunCancellationRequested.run_status(), None, "it stands where it stood");
        assert_eq!(EventKind::AttemptFailed.run_status(), None);
    }
}
