//! What an attempt does while it runs becomes events. Nothing is recorded once the attempt is over (seed §12.2).

use serde_json::{Value, json};

use crate::decision::Decision;
use crate::draft::{Draft, about, run_and_attempt};
use crate::effect::Effect;
use crate::ending::Ending;
use crate::event::{About, EventKind, Retention, Visibility};
use crate::facts::Facts;
use crate::id::{AttemptId, Ids};
use crate::refusal::Refusal;
use crate::report::{Activity, FailureDetail, Usage};
use crate::row::{Attempt, Run};
use crate::status::Status;
use crate::transcript::Chunk;
use crate::write::Write;

/// The error of a run that has cost more than it may.
const BUDGET_EXCEEDED: &str = "budget_exceeded";

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
    id: &AttemptId,
    activity: &Activity,
    facts: &Facts,
    ids: &mut Ids<'_>,
) -> Result<Decision, Refusal> {
    let (run, attempt) = run_and_attempt(facts, id)?;
    let mut draft = Draft::new(ids);
    if is_over(attempt, facts) {
        return Ok(draft.late(id));
    }
    match activity {
        Activity::Artifact(artifact) => super::artifact::record(run, attempt, artifact, &mut draft),
        Activity::Usage(usage) => used(run, attempt, *usage, facts, &mut draft)?,
        activity => {
            if let Some((kind, payload)) = event(activity) {
                draft.event(&about(run, Some(attempt)), kind, payload);
            }
        }
    }
    Ok(draft.done())
}

/// What an attempt has used so far. A delegated run that has cost more than it may is ended (seed §16).
fn used(
    run: &Run,
    attempt: &Attempt,
    usage: Usage,
    facts: &Facts,
    draft: &mut Draft<'_, '_>,
) -> Result<(), Refusal> {
    draft.write(Write::RecordUsage { id: attempt.id.clone(), usage });
    let about = about(run, Some(attempt));
    draft.event(&about, EventKind::UsageUpdated, json!({ "usage": usage, "final": false }));
    let recorded = facts.usage.attempt.cost_usd.unwrap_or(0.0);
    let more = usage.cost_usd.unwrap_or(recorded) - recorded;
    let spent = facts.budgets.iter().find(|budget| budget.spent_usd + more > budget.limit_usd);
    let Some(budget) = spent.filter(|_| run.status != Status::Cancelling) else { return Ok(()) };
    let message =
        format!("the budget of ${:.2} is spent (${:.2})", budget.limit_usd, budget.spent_usd + more);
    draft.close_requests(run, attempt, &facts.open_requests, false);
    if let Some(worker) = &attempt.worker {
        draft.effect(Effect::KillWorker { worker: worker.clone(), cancel: attempt.given().cloned() });
    }
    let ending = Ending::new(facts, None, Some(usage));
    draft.failed(run, attempt, &FailureDetail::new(BUDGET_EXCEEDED, message), &ending)
}

/// Records something about an attempt that is not over.
fn record(
    id: &AttemptId,
    facts: &Facts,
    ids: &mut Ids<'_>,
    write: impl FnOnce(&mut Draft<'_, '_>, &About),
) -> Result<Decision, Refusal> {
    let (run, attempt) = run_and_attempt(facts, id)?;
    let mut draft = Draft::new(ids);
    if is_over(attempt, facts) {
        return Ok(draft.late(id));
    }
    write(&mut draft, &about(run, Some(attempt)));
    Ok(draft.done())
}

/// It is over, or its runtime is done with it.
pub(super) fn is_over(attempt: &Attempt, facts: &Facts) -> bool {
    attempt.status.is_terminal() || super::finish::waits_for_log_in(facts)
}

/// The event that records an activity. Text is recorded as chunks, thoughts not at all, the rest with its rows.
fn event(activity: &Activity) -> Option<(EventKind, Value)> {
    Some(match activity {
        Activity::MessageDelta { .. }
        | Activity::MessageEnd { .. }
        | Activity::ThoughtDelta { .. }
        | Activity::Usage(_)
        | Activity::Artifact(_) => return None,
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
        Activity::ModelUsed { model } => (EventKind::ProgressUpdated, json!({ "model": model })),
        Activity::Other { name, value } => {
            (EventKind::ProgressUpdated, json!({ "name": name, "value": value }))
        }
    })
}
