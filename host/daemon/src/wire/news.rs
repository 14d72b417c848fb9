//! What the client of a run is told about it: each recorded event as a message of its own kind, or as none.

use omi_kernel::event::{Event, EventKind};
use omi_kernel::status::Status;
use serde_json::{Value, json};

/// The message about what a run does.
const TOOL_ACTIVITY: &str = "tool_activity";

/// What the client that delegated is told about the run that works for it: where it stands, and what it asks people. Its
/// text is for the run that waits.
pub(crate) fn about_child(event: &Event) -> Option<(&'static str, Value)> {
    about_run(event).filter(|(kind, _)| *kind != TOOL_ACTIVITY)
}

/// The kind of message that an event is to the client of its run, and its fields. Text and the end are told otherwise.
pub(crate) fn about_run(event: &Event) -> Option<(&'static str, Value)> {
    let payload = &event.payload;
    match event.kind {
        EventKind::RunQueued => Some(status(Status::Queued)),
        EventKind::RunStarting => Some(status(Status::Starting)),
        EventKind::RunRunning => Some(status(Status::Running)),
        EventKind::RunWaitingInput => Some(status(Status::WaitingInput)),
        EventKind::RunWaitingApproval => Some(status(Status::WaitingApproval)),
        EventKind::RunCancelling => Some(status(Status::Cancelling)),
        EventKind::ToolStarted => Some(tool("started", payload)),
        EventKind::ToolUpdated => Some(tool("progress", payload)),
        EventKind::ToolCompleted => Some(tool("completed", payload)),
        EventKind::ToolFailed => Some(tool("failed", payload)),
        EventKind::ApprovalRequested => Some((
            "approval_requested",
            json!({ "approval": payload["request"], "kind": payload["kind"], "title": payload["title"],
                "reason": payload["reason"], "toolUseId": payload["toolUseId"], "options": payload["options"],
                "details": payload["details"] }),
        )),
        EventKind::ApprovalResolved => Some((
            "approval_resolved",
            json!({ "approval": payload["request"], "outcome": payload["outcome"],
                "optionId": payload["optionId"], "reason": payload["reason"], "by": payload["by"],
                "automatic": payload["automatic"], "policy": payload["policy"] }),
        )),
        EventKind::InputRequested => Some((
            "input_requested",
            json!({ "request": payload["request"], "kind": payload["kind"], "prompt": payload["prompt"],
                "schema": payload["schema"], "url": payload["url"], "methods": payload["methods"] }),
        )),
        EventKind::InputProvided => Some((
            "input_provided",
            json!({ "request": payload["request"], "outcome": payload["outcome"], "by": payload["by"] }),
        )),
        EventKind::SessionCreated
        | EventKind::SessionUpdated
        | EventKind::RunCancellationRequested
        | EventKind::RunSucceeded
        | EventKind::RunFailed
        | EventKind::RunCancelled
        | EventKind::RunTimedOut
        | EventKind::RunOrphaned
        | EventKind::AttemptCreated
        | EventKind::AttemptStarted
        | EventKind::AttemptFailed
        | EventKind::AttemptOrphaned
        | EventKind::AttemptCancelDispatch
        | EventKind::AttemptCancelled
        | EventKind::BindingCreated
        | EventKind::BindingResumed
        | EventKind::BindingStale
        | EventKind::BindingReplaced
        | EventKind::MessageDelta
        | EventKind::MessageCompleted
        | EventKind::ProgressUpdated
        | EventKind::ArtifactCreated
        | EventKind::UsageUpdated
        | EventKind::GrantDecided
        | EventKind::DelegationCreated
        | EventKind::DelegationCompleted => None,
    }
}

fn status(status: Status) -> (&'static str, Value) {
    ("status", json!({ "status": status }))
}

fn tool(status: &str, payload: &Value) -> (&'static str, Value) {
    let fields = json!({ "status": status, "name": payload["name"], "title": payload["title"],
        "toolUseId": payload["toolUseId"], "input": payload["input"] });
    (TOOL_ACTIVITY, fields)
}
