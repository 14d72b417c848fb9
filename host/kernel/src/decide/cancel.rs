//! A run is to stop: recorded first, dispatched then, and never claimed to be more than is known (seed §12). What it
//! delegated is to stop with it.

use serde_json::json;

use crate::decision::{Decision, Reply};
use crate::draft::{Draft, about, run_and_attempt};
use crate::effect::Effect;
use crate::ending::Ending;
use crate::event::EventKind;
use crate::facts::Facts;
use crate::id::{AttemptId, Ids, OwnerId, RunId};
use crate::refusal::Refusal;
use crate::row::{Attempt, OpenRequest, RequestKind, Run};
use crate::status::{Status, Step};
use crate::write::{AttemptChange, RunChange, Write};

pub(super) fn cancel(
    owner: &OwnerId,
    run: &RunId,
    facts: &Facts,
    ids: &mut Ids<'_>,
) -> Result<Decision, Refusal> {
    let missing = || Refusal::NotFound { what: "run", id: run.to_string() };
    let run = facts.run.as_ref().ok_or_else(missing)?;
    facts.session.as_ref().filter(|session| session.owner == *owner).ok_or_else(missing)?;
    let attempt = facts.attempt.as_ref().filter(|attempt| !attempt.status.is_terminal());
    let mut draft = Draft::new(ids);
    if run.status.is_terminal() {
        return Ok(draft.reply(known(false, run, facts.attempt.as_ref())));
    }
    if run.status == Status::Cancelling {
        return Ok(draft.reply(known(true, run, attempt)));
    }
    let (status, dispatching) =
        stop(run, attempt, &facts.open_requests, &Ending::new(facts, None, None), &mut draft)?;
    for below in facts.descendants.iter().filter(|below| below.run.status != Status::Cancelling) {
        let ending = Ending::bare(below.delegation.as_ref());
        stop(&below.run, below.attempt.as_ref(), &below.open_requests, &ending, &mut draft)?;
    }
    Ok(draft.reply(Reply::Cancelling {
        accepted: true,
        attempt: attempt.map(|attempt| attempt.id.clone()),
        dispatching,
        dispatched: false,
        acknowledged: false,
        status,
    }))
}

/// What is known already: nothing changes.
fn known(accepted: bool, run: &Run, attempt: Option<&Attempt>) -> Reply {
    Reply::Cancelling {
        accepted,
        attempt: attempt.map(|attempt| attempt.id.clone()),
        dispatching: false,
        dispatched: accepted && attempt.is_some_and(|attempt| attempt.cancel_dispatched),
        acknowledged: accepted && attempt.is_some_and(|attempt| attempt.cancel_acknowledged),
        status: run.status,
    }
}

/// Has a run stop. Answers where it stands then, and whether its adapter is told.
fn stop(
    run: &Run,
    attempt: Option<&Attempt>,
    open_requests: &[OpenRequest],
    ending: &Ending<'_>,
    draft: &mut Draft<'_, '_>,
) -> Result<(Status, bool), Refusal> {
    draft.event(&about(run, attempt), EventKind::RunCancellationRequested, json!({}));
    match attempt {
        None => Ok((stop_queued(run, ending, draft)?, false)),
        Some(attempt) => stop_attempt(run, attempt, open_requests, ending, draft),
    }
}

/// No adapter has it: it stops here and now.
pub(super) fn stop_queued(
    run: &Run,
    ending: &Ending<'_>,
    draft: &mut Draft<'_, '_>,
) -> Result<Status, Refusal> {
    let about = about(run, None);
    let status = draft.move_run(run, Step::RequestCancel, RunChange::default())?;
    draft.event(&about, EventKind::RunCancelling, json!({}));
    let run = Run { status, ..run.clone() };
    draft.effect(Effect::Dequeue { run: run.id.clone() });
    draft.run_over(&run, &about, Step::Cancel, None, json!({}), ending)?;
    Ok(Status::Cancelled)
}

fn stop_attempt(
    run: &Run,
    attempt: &Attempt,
    open_requests: &[OpenRequest],
    ending: &Ending<'_>,
    draft: &mut Draft<'_, '_>,
) -> Result<(Status, bool), Refusal> {
    draft.move_attempt(attempt, Step::RequestCancel, AttemptChange::default())?;
    let status = draft.move_run(run, Step::RequestCancel, RunChange::default())?;
    draft.event(&about(run, Some(attempt)), EventKind::RunCancelling, json!({}));
    draft.close_requests(run, attempt, open_requests, true);
    if open_requests.iter().any(|open| open.kind == RequestKind::Authentication) {
        // Its runtime is done with it already: nothing is left that could stop.
        let (run, attempt) = (Run { status, ..run.clone() }, Attempt { status, ..attempt.clone() });
        draft.cancelled(&run, &attempt, ending, "before_log_in")?;
        return Ok((Status::Cancelled, false));
    }
    // An attempt that is still being bound is unknown to its adapter: it ends when its binding is there or not.
    let executing = attempt.binding.is_some();
    if let Some(worker) = &attempt.worker {
        draft.effect(Effect::DispatchCancel {
            run: run.id.clone(),
            attempt: attempt.id.clone(),
            worker: worker.clone(),
            executing,
        });
    }
    Ok((status, executing))
}

pub(super) fn dispatched(
    attempt: &AttemptId,
    dispatched: bool,
    acknowledged: bool,
    facts: &Facts,
    ids: &mut Ids<'_>,
) -> Result<Decision, Refusal> {
    let (run, attempt) = run_and_attempt(facts, attempt)?;
    let mut draft = Draft::new(ids);
    if attempt.status != Status::Cancelling {
        return Ok(draft.reply(Reply::Late));
    }
    draft.write(Write::RecordCancelDispatch { id: attempt.id.clone(), dispatched, acknowledged });
    let payload = json!({ "dispatchAttempted": dispatched, "adapterAcknowledged": acknowledged });
    draft.event(&about(run, Some(attempt)), EventKind::AttemptCancelDispatch, payload);
    Ok(draft.done())
}

/// It did not stop in time: its worker is ended, and the attempt with it.
pub(super) fn grace_over(attempt: &AttemptId, facts: &Facts, ids: &mut Ids<'_>) -> Result<Decision, Refusal> {
    let (_, attempt) = run_and_attempt(facts, attempt)?;
    let mut draft = Draft::new(ids);
    match (attempt.status, &attempt.worker) {
        (Status::Cancelling, Some(worker)) => {
            draft.effect(Effect::KillWorker { worker: worker.clone(), cancel: None });
            Ok(draft.done())
        }
        _ => Ok(draft.reply(Reply::Late)),
    }
}
