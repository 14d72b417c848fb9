//! A run is to stop: recorded first, dispatched then, and never claimed to be more than is known (seed §12).

use serde_json::json;

use crate::decision::{AttemptChange, Decision, Effect, Facts, Refusal, Reply, RunChange, Write};
use crate::draft::{Draft, about, run_and_attempt};
use crate::event::EventKind;
use crate::id::{AttemptId, Ids, OwnerId, RunId};
use crate::row::{Attempt, Run};
use crate::status::{Status, Step};

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
    let draft = Draft::new(ids);
    match (run.status, attempt) {
        (status, _) if status.is_terminal() => Ok(draft.reply(known(false, run, facts.attempt.as_ref()))),
        (Status::Cancelling, attempt) => Ok(draft.reply(known(true, run, attempt))),
        (_, Some(attempt)) => cancel_attempt(run, attempt, facts, draft),
        (_, None) => cancel_queued(run, draft),
    }
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

/// No adapter has it: it stops here and now.
fn cancel_queued(run: &Run, mut draft: Draft<'_, '_>) -> Result<Decision, Refusal> {
    let about = about(run, None);
    draft.event(&about, EventKind::RunCancellationRequested, json!({}));
    let to = draft.move_run(run, Step::RequestCancel, RunChange::default())?;
    draft.event(&about, EventKind::RunCancelling, json!({}));
    let run = Run { status: to, ..run.clone() };
    let status = draft.move_run(&run, Step::Cancel, RunChange::default())?;
    draft.event(&about, EventKind::RunCancelled, json!({}));
    draft.effect(Effect::Dequeue { run: run.id.clone() });
    Ok(draft.reply(Reply::Cancelling {
        accepted: true,
        attempt: None,
        dispatching: false,
        dispatched: false,
        acknowledged: false,
        status,
    }))
}

fn cancel_attempt(
    run: &Run,
    attempt: &Attempt,
    facts: &Facts,
    mut draft: Draft<'_, '_>,
) -> Result<Decision, Refusal> {
    let about = about(run, Some(attempt));
    draft.event(&about, EventKind::RunCancellationRequested, json!({}));
    draft.move_attempt(attempt, Step::RequestCancel, AttemptChange::default())?;
    let status = draft.move_run(run, Step::RequestCancel, RunChange::default())?;
    draft.event(&about, EventKind::RunCancelling, json!({}));
    draft.close_approvals(run, attempt, facts, true);
    // An attempt that is still being bound is unknown to its adapter: it ends when its binding is there or not.
    let executing = attempt.status != Status::Starting;
    if let Some(worker) = &attempt.worker {
        draft.effect(Effect::DispatchCancel {
            attempt: attempt.id.clone(),
            worker: worker.clone(),
            executing,
        });
    }
    Ok(draft.reply(Reply::Cancelling {
        accepted: true,
        attempt: Some(attempt.id.clone()),
        dispatching: executing,
        dispatched: false,
        acknowledged: false,
        status,
    }))
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
            draft.effect(Effect::KillWorker { worker: worker.clone() });
            Ok(draft.done())
        }
        _ => Ok(draft.reply(Reply::Late)),
    }
}
