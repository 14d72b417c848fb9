//! An attempt is over, one way or another (seed §9.3, §12.2).

use serde_json::json;

use crate::decision::{AttemptChange, Decision, Effect, Facts, Refusal, Reply, RunChange};
use crate::draft::{Draft, about, run_and_attempt};
use crate::event::EventKind;
use crate::id::{AttemptId, Ids};
use crate::input::Finished;
use crate::report::{Failure, FailureDetail, Outcome, Usage};
use crate::row::{Attempt, Run};
use crate::status::{Status, Step};

/// The error of an attempt whose runtime says it was cancelled although nobody asked for that.
const CANCELLED_BY_RUNTIME: &str = "cancelled_by_runtime";

pub(super) fn finished(finished: &Finished, facts: &Facts, ids: &mut Ids<'_>) -> Result<Decision, Refusal> {
    let (run, attempt) = run_and_attempt(facts, &finished.attempt)?;
    let mut draft = Draft::new(ids);
    if attempt.status.is_terminal() {
        return Ok(draft.reply(Reply::Late));
    }
    draft.close_approvals(run, attempt, facts, false);
    let text = Some(finished.text.clone());
    if run.status == Status::Cancelling {
        // What arrives after the request is kept as partial text; it never turns into a success.
        draft.cancelled(run, attempt, text, finished.usage, how(&finished.outcome))?;
        return Ok(draft.done());
    }
    match &finished.outcome {
        Outcome::Succeeded { stop_reason } => {
            succeeded(run, attempt, stop_reason, &finished.text, finished.usage, &mut draft)?;
        }
        Outcome::Failed(failure) => failed(run, attempt, failure, finished, facts, &mut draft)?,
        Outcome::Cancelled => {
            let detail = FailureDetail::new(
                CANCELLED_BY_RUNTIME,
                "the runtime stopped the turn although nobody asked for that",
            );
            draft.failed(run, attempt, &detail, text, finished.usage)?;
        }
    }
    Ok(draft.done())
}

fn how(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Cancelled => "reported_by_runtime",
        Outcome::Succeeded { .. } => "finished_meanwhile",
        Outcome::Failed(_) => "failed_meanwhile",
    }
}

fn succeeded(
    run: &Run,
    attempt: &Attempt,
    stop_reason: &str,
    text: &str,
    usage: Option<Usage>,
    draft: &mut Draft<'_, '_>,
) -> Result<(), Refusal> {
    let about = about(run, Some(attempt));
    draft.move_attempt(attempt, Step::Succeed, AttemptChange { usage, ..AttemptChange::default() })?;
    draft.event(&about, EventKind::UsageUpdated, json!({ "usage": usage, "final": true }));
    let change =
        RunChange { text: Some(text.to_owned()), stop_reason: Some(stop_reason.to_owned()), error: None };
    draft.move_run(run, Step::Succeed, change)?;
    draft.event(&about, EventKind::RunSucceeded, json!({ "stopReason": stop_reason }));
    draft.effect(Effect::Release { run: run.id.clone() });
    Ok(())
}

fn failed(
    run: &Run,
    attempt: &Attempt,
    failure: &Failure,
    finished: &Finished,
    facts: &Facts,
    draft: &mut Draft<'_, '_>,
) -> Result<(), Refusal> {
    if let (Failure::Stale(_), Some(binding)) = (failure, &facts.binding) {
        draft.stale(&about(run, Some(attempt)), binding, "reported_by_prompt");
        // An attempt that has shown nothing can be repeated without saying anything twice.
        if attempt.number < super::bind::ATTEMPTS_MAX && finished.text.is_empty() {
            return super::bind::again(run, attempt, failure, finished.usage, draft);
        }
    }
    draft.failed(run, attempt, &failure.detail(), Some(finished.text.clone()), finished.usage)
}

/// The worker is gone, so the work has stopped.
pub(super) fn worker_lost(
    attempt: &AttemptId,
    failure: &FailureDetail,
    text: &str,
    facts: &Facts,
    ids: &mut Ids<'_>,
) -> Result<Decision, Refusal> {
    let (run, attempt) = run_and_attempt(facts, attempt)?;
    let mut draft = Draft::new(ids);
    if attempt.status.is_terminal() {
        return Ok(draft.reply(Reply::Late));
    }
    draft.close_approvals(run, attempt, facts, false);
    let text = (!text.is_empty()).then(|| text.to_owned());
    if run.status == Status::Cancelling {
        draft.cancelled(run, attempt, text, None, "worker_ended")?;
    } else {
        draft.failed(run, attempt, failure, text, None)?;
    }
    Ok(draft.done())
}
