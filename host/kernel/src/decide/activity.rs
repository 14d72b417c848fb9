//! What an attempt does while it runs becomes events. Nothing is recorded once the attempt is over (seed §12.2).

use serde_json::{Value, json};

use crate::decision::{Decision, Facts, Refusal, Reply, Write};
use crate::draft::{Draft, about, run_and_attempt};
use crate::event::{About, EventKind, Retention, Visibility};
use crate::id::{AttemptId, Ids};
use crate::report::Activity;
use crate::transcript::Chunk;

pub(super) fn chunk(
    attempt: &AttemptId,
    chunk: &Chunk,
    facts: &Facts,
    ids: &mut Ids<'_>,
) -> Result<Decision, Refusal> {
    record(attempt, facts, ids, |draft, about| {
        let payload = json!({ "message": chunk.message, "offset": chunk.offset,
            "end": chunk.offset + chunk.text.len(), "text": chunk.text });
        draft.event_as(about, EventKind::MessageDelta, payload, Retention::Transient, Visibility::Ui);
    })
}

pub(super) fn message_completed(
    attempt: &AttemptId,
    message: &str,
    text: &str,
    facts: &Facts,
    ids: &mut Ids<'_>,
) -> Result<Decision, Refusal> {
    record(attempt, facts, ids, |draft, about| {
        draft.write(Write::CompactMessage { attempt: attempt.clone(), message: message.to_owned() });
        draft.event(about, EventKind::MessageCompleted, json!({ "message": message, "text": text }));
    })
}

pub(super) fn activity(
    attempt: &AttemptId,
    activity: &Activity,
    facts: &Facts,
    ids: &mut Ids<'_>,
) -> Result<Decision, Refusal> {
    record(attempt, facts, ids, |draft, about| {
        if let Some((kind, payload)) = event(activity) {
            draft.event(about, kind, payload);
        }
    })
}

/// Records something about an attempt that is not over.
fn record(
    attempt: &AttemptId,
    facts: &Facts,
    ids: &mut Ids<'_>,
    write: impl FnOnce(&mut Draft<'_, '_>, &About),
) -> Result<Decision, Refusal> {
    let (run, attempt) = run_and_attempt(facts, attempt)?;
    let mut draft = Draft::new(ids);
    if attempt.status.is_terminal() {
        return Ok(draft.reply(Reply::Late));
    }
    write(&mut draft, &about(run, Some(attempt)));
    Ok(draft.done())
}

/// The event that records an activity. Text is recorded as chunks and thoughts not at all.
fn event(activity: &Activity) -> Option<(EventKind, Value)> {
    Some(match activity {
        Activity::MessageDelta { .. } | Activity::MessageEnd { .. } | Activity::ThoughtDelta { .. } => {
            return None;
        }
        Activity::Progress { text } => (EventKind::ProgressUpdated, json!({ "text": text })),
        Activity::ToolStarted { id, name, title, kind, input } => (
            EventKind::ToolStarted,
            json!({ "toolUseId": id, "name": name, "title": title, "kind": kind, "input": input }),
        ),
        Activity::ToolUpdated { id, title, content } => {
            (EventKind::ToolUpdated, json!({ "toolUseId": id, "title": title, "content": content }))
        }
        Activity::ToolCompleted { id, output } => {
            (EventKind::ToolCompleted, json!({ "toolUseId": id, "output": output }))
        }
        Activity::ToolFailed { id, error } => (
            EventKind::ToolFailed,
            json!({ "toolUseId": id, "errorCode": error.code, "errorMessage": error.message }),
        ),
        Activity::Usage(usage) => (EventKind::UsageUpdated, json!({ "usage": usage, "final": false })),
        Activity::Artifact { kind, role, uri, name, mime_type } => (
            EventKind::ArtifactCreated,
            json!({ "kind": kind, "role": role, "uri": uri, "displayName": name, "mimeType": mime_type }),
        ),
        Activity::ModelUsed { model } => (EventKind::ProgressUpdated, json!({ "model": model })),
        Activity::Other { name, value } => {
            (EventKind::ProgressUpdated, json!({ "name": name, "value": value }))
        }
    })
}
