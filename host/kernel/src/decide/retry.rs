//! Another attempt under the same run: by itself where nothing can happen twice, else because somebody wants it
//! (seed §9.2, §9.3).

use serde_json::json;

use crate::artifact::ArtifactRole;
use crate::decision::{Decision, Reply};
use crate::draft::{Draft, about};
use crate::effect::Effect;
use crate::event::EventKind;
use crate::facts::Facts;
use crate::grant::Grant;
use crate::id::{GrantId, Ids};
use crate::refusal::Refusal;
use crate::report::{FailureDetail, Usage};
use crate::request::Retry;
use crate::row::{Attempt, RetryNote, Run};
use crate::session::SessionStatus;
use crate::status::{Status, Step};
use crate::write::{ModelChange, RunChange, Write};

/// Why another attempt was made: the native session was gone.
pub(super) const STALE_BINDING: &str = "stale_binding";
/// Why another attempt was made: the runtime said that it may work now.
pub(super) const TRANSIENT: &str = "transient";
/// Why another attempt was made: the worker ended before the runtime had anything.
pub(super) const WORKER_LOST: &str = "worker_lost";
/// Why another attempt was made: a person was asked to log in, and did.
pub(super) const AUTH_RECOVERY: &str = "auth_recovery";
/// Why another attempt was made: somebody wants it.
const RETRY: &str = "retry";
/// Why another attempt was made: somebody wants it with another registration.
const FAILOVER: &str = "failover";

/// One attempt follows another by itself once; what a person caused begins the count again (SPEC §12).
pub(super) fn may_repeat(attempt: &Attempt) -> bool {
    !matches!(attempt.retry_reason.as_deref(), Some(STALE_BINDING | TRANSIENT | WORKER_LOST))
}

/// Ends an attempt, and begins another one with the same worker.
pub(super) fn here(
    run: &Run,
    attempt: &Attempt,
    failure: &FailureDetail,
    reason: &str,
    usage: Option<Usage>,
    draft: &mut Draft<'_, '_>,
) -> Result<(), Refusal> {
    draft.attempt_failed(run, attempt, failure, Some(reason), usage)?;
    draft.move_run(run, Step::Begin, RunChange::default())?;
    if let Some(worker) = &attempt.worker {
        draft.effect(Effect::BeginAgain { run: run.id.clone(), worker: worker.clone() });
    }
    Ok(())
}

/// Ends an attempt, and begins another one with another worker.
pub(super) fn elsewhere(
    run: &Run,
    attempt: &Attempt,
    failure: &FailureDetail,
    draft: &mut Draft<'_, '_>,
) -> Result<(), Refusal> {
    draft.attempt_failed(run, attempt, failure, Some(WORKER_LOST), None)?;
    draft.move_run(run, Step::Begin, RunChange::default())?;
    draft.effect(Effect::BeginElsewhere { run: run.id.clone() });
    Ok(())
}

/// Somebody wants a run tried again: the one way out of what is over and did not succeed.
pub(super) fn retry(retry: &Retry, facts: &Facts, ids: &mut Ids<'_>) -> Result<Decision, Refusal> {
    let missing = || Refusal::NotFound { what: "run", id: retry.run.to_string() };
    let run = facts.run.as_ref().ok_or_else(missing)?;
    let session = facts.session.as_ref().filter(|found| found.owner == retry.owner).ok_or_else(missing)?;
    if !run.status.is_terminal() || run.status == Status::Succeeded {
        return Err(Refusal::CannotRetry(run.status));
    }
    if session.status == SessionStatus::Closed {
        return Err(Refusal::SessionClosed(session.id.clone()));
    }
    // It had the prompt, and never confirmed that it has stopped. An adapter reports a runtime that broke off as a
    // failure, so a failure proves nothing.
    if let Some(adapter) = facts.left_to.clone().filter(|_| !retry.anyway) {
        return Err(Refusal::RuntimeRecovers(adapter));
    }
    if let Some(checkpoint) = &retry.checkpoint {
        let of_session = facts.artifact.as_ref().filter(|found| found.session == run.session);
        of_session
            .filter(|found| found.role == ArtifactRole::Checkpoint)
            .ok_or_else(|| Refusal::NotFound { what: "checkpoint", id: checkpoint.to_string() })?;
    }
    let mut draft = Draft::new(ids);
    super::accept::open(session, &mut draft)?;
    requeue(retry, run, facts, &mut draft)?;
    let reply = Reply::Accepted { session: run.session.clone(), run: run.id.clone(), repeated: false };
    Ok(draft.reply(reply))
}

fn requeue(retry: &Retry, run: &Run, facts: &Facts, draft: &mut Draft<'_, '_>) -> Result<(), Refusal> {
    let other = retry.adapter.clone().filter(|adapter| *adapter != run.adapter);
    let reason = if other.is_some() { FAILOVER } else { RETRY };
    // Another registration has models of its own.
    let model = match (&retry.model, &other) {
        (Some(model), _) => Some(ModelChange::Ask(model.clone())),
        (None, Some(_)) => Some(ModelChange::Unknown),
        (None, None) => None,
    };
    let note = RetryNote { reason: reason.to_owned(), checkpoint: retry.checkpoint.clone() };
    let change = RunChange { adapter: other.clone(), model, retry: Some(note), ..RunChange::default() };
    draft.move_run(run, Step::Retry, change)?;
    // One for each run, whichever of its attempts is the first under that policy (seed §17.1).
    if retry.legacy.contains(other.as_ref().unwrap_or(&run.adapter)) && !facts.legacy_granted {
        let grant = Grant::legacy_default(GrantId::new(draft.ids), run.session.clone(), run.id.clone());
        draft.write(Write::InsertGrant(Box::new(grant)));
    }
    draft.write(Write::TouchSession(run.session.clone()));
    let adapter = other.unwrap_or_else(|| run.adapter.clone());
    let payload = json!({ "adapterId": adapter, "mode": run.mode, "modelProfile": run.profile,
        "parentRunId": run.parent, "retryReason": reason, "was": run.status });
    draft.event(&about(run, None), EventKind::RunQueued, payload);
    draft.effect(Effect::Schedule { run: run.id.clone(), session: run.session.clone(), adapter });
    Ok(())
}
