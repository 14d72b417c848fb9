//! An attempt is over, one way or another (seed §9.3, §12.2).

use serde_json::json;

use crate::command::StopReason;
use crate::decision::{Decision, Reply};
use crate::draft::{Draft, about, run_and_attempt};
use crate::effect::{Effect, Wait};
use crate::ending::Ending;
use crate::event::EventKind;
use crate::facts::Facts;
use crate::id::{AttemptId, Ids};
use crate::input::{Finished, Timeout};
use crate::refusal::Refusal;
use crate::report::{Failure, FailureDetail, Outcome};
use crate::row::{Attempt, RequestKind, Run};
use crate::status::{Status, Step};
use crate::write::AttemptChange;

/// The error of an attempt whose runtime says it was cancelled although nobody asked for that.
const CANCELLED_BY_RUNTIME: &str = "cancelled_by_runtime";
/// The error of an attempt that ran longer than it may.
const RUN_DEADLINE: &str = "run_deadline";
/// The error of an attempt that gave no sign of progress for too long.
const NO_PROGRESS: &str = "no_progress";

pub(super) fn finished(finished: &Finished, facts: &Facts, ids: &mut Ids<'_>) -> Result<Decision, Refusal> {
    let (run, attempt) = run_and_attempt(facts, &finished.attempt)?;
    let mut draft = Draft::new(ids);
    if attempt.status.is_terminal() || waits_for_log_in(facts) {
        return Ok(draft.late(&attempt.id));
    }
    draft.close_requests(run, attempt, &facts.open_requests, false);
    let ending = Ending::new(facts, Some(finished.text.clone()), finished.usage);
    if run.status == Status::Cancelling {
        // What arrives after the request is kept as partial text; it never turns into a success.
        draft.cancelled(run, attempt, &ending, how(&finished.outcome))?;
        return Ok(draft.done());
    }
    match &finished.outcome {
        Outcome::Succeeded { stop_reason } => succeeded(run, attempt, stop_reason, &ending, &mut draft)?,
        Outcome::Failed(failure) => failed(run, attempt, failure, finished, facts, &mut draft)?,
        Outcome::Cancelled => {
            let detail = FailureDetail::new(
                CANCELLED_BY_RUNTIME,
                "the runtime stopped the turn although nobody asked for that",
            );
            draft.failed(run, attempt, &detail, &ending)?;
        }
    }
    Ok(draft.done())
}

/// Its runtime is done with it, and a person is asked to log in before another attempt.
pub(super) fn waits_for_log_in(facts: &Facts) -> bool {
    facts.open_requests.iter().any(|open| open.kind == RequestKind::Authentication)
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
    ending: &Ending<'_>,
    draft: &mut Draft<'_, '_>,
) -> Result<(), Refusal> {
    let about = about(run, Some(attempt));
    let change = AttemptChange { usage: ending.usage, ..AttemptChange::default() };
    draft.move_attempt(attempt, Step::Succeed, change)?;
    draft.event(&about, EventKind::UsageUpdated, json!({ "usage": ending.usage, "final": true }));
    draft.run_over(run, &about, Step::Succeed, None, json!({ "stopReason": stop_reason }), ending)
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
    }
    // An attempt that has shown nothing and delegated nothing can be repeated without doing anything twice.
    let silent = finished.text.is_empty() && !finished.acted && !facts.awaits_child;
    match failure {
        Failure::Stale(detail) if silent && super::retry::may_repeat(attempt) => {
            if !facts.open_requests.is_empty() {
                draft.effect(Effect::Unpark { run: run.id.clone(), why: Wait::Person });
            }
            let reason = super::retry::STALE_BINDING;
            return super::retry::here(run, attempt, detail, reason, finished.usage, draft);
        }
        Failure::AuthRequired { methods, message } if silent && finished.person => {
            return super::request::ask_to_log_in(run, attempt, (methods, message), finished.usage, draft);
        }
        Failure::Stale(_) | Failure::AuthRequired { .. } => {}
        // What failed may be broken for good: the next attempt gets a worker of its own (SPEC §11.1 row 2).
        Failure::Retryable(_) | Failure::Fatal(_) => {
            if let Some(worker) = &attempt.worker {
                draft.effect(Effect::StopWorker { worker: worker.clone(), reason: StopReason::Recycle });
            }
        }
    }
    let ending = Ending::new(facts, Some(finished.text.clone()), finished.usage);
    draft.failed(run, attempt, &failure.detail(), &ending)
}

/// The worker is gone, so the work has stopped.
pub(super) fn worker_lost(
    attempt: &AttemptId,
    failure: &FailureDetail,
    text: &str,
    retry: bool,
    facts: &Facts,
    ids: &mut Ids<'_>,
) -> Result<Decision, Refusal> {
    let (run, attempt) = run_and_attempt(facts, attempt)?;
    let mut draft = Draft::new(ids);
    if attempt.status.is_terminal() {
        return Ok(draft.reply(Reply::Late));
    }
    draft.close_requests(run, attempt, &facts.open_requests, false);
    let ending = Ending::new(facts, (!text.is_empty()).then(|| text.to_owned()), None);
    if run.status == Status::Cancelling {
        draft.cancelled(run, attempt, &ending, "worker_ended")?;
    } else if retry && attempt.status == Status::Starting && super::retry::may_repeat(attempt) {
        // The runtime had nothing yet, so nothing can happen twice (ARCHITECTURE §2).
        super::retry::elsewhere(run, attempt, failure, &mut draft)?;
    } else {
        draft.failed(run, attempt, failure, &ending)?;
    }
    Ok(draft.done())
}

/// It took too long: its runtime is told, and its worker is ended.
pub(super) fn timed_out(
    attempt: &AttemptId,
    timeout: Timeout,
    text: &str,
    facts: &Facts,
    ids: &mut Ids<'_>,
) -> Result<Decision, Refusal> {
    let (run, attempt) = run_and_attempt(facts, attempt)?;
    let mut draft = Draft::new(ids);
    // One that is to stop has a time limit for that.
    if attempt.status.is_terminal() || run.status == Status::Cancelling {
        return Ok(draft.reply(Reply::Late));
    }
    let error = match timeout {
        Timeout::Deadline => FailureDetail::new(RUN_DEADLINE, "the run took longer than it may"),
        Timeout::NoProgress => {
            FailureDetail::new(NO_PROGRESS, "the runtime gave no sign of progress for too long")
        }
    };
    draft.close_requests(run, attempt, &facts.open_requests, false);
    let about = about(run, Some(attempt));
    let change = AttemptChange { error: Some(error.clone()), ..AttemptChange::default() };
    draft.move_attempt(attempt, Step::TimeOut, change)?;
    let payload = json!({ "errorCode": error.code, "errorMessage": error.message, "retryable": false });
    draft.event(&about, EventKind::AttemptFailed, payload.clone());
    if let Some(worker) = &attempt.worker {
        draft.effect(Effect::KillWorker { worker: worker.clone(), cancel: attempt.given().cloned() });
    }
    let ending = Ending::new(facts, (!text.is_empty()).then(|| text.to_owned()), None);
    draft.run_over(run, &about, Step::TimeOut, Some(&error), payload, &ending)?;
    Ok(draft.done())
}
