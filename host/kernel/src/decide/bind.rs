//! What became of making or taking up a native session (seed §10).

use serde_json::json;

use crate::decision::{Decision, Reply};
use crate::draft::{Draft, about, run_and_attempt};
use crate::effect::{Effect, Wait};
use crate::ending::Ending;
use crate::event::{About, EventKind};
use crate::facts::Facts;
use crate::id::{AttemptId, BindingId, Ids};
use crate::input::BindingOpened;
use crate::new::NewBinding;
use crate::refusal::Refusal;
use crate::report::{Failure, FailureDetail};
use crate::row::{Attempt, Binding, BindingStatus, Run};
use crate::status::Status;
use crate::write::Write;

/// The error of an attempt whose binding another session got (by its native id) while it was taken up.
const BINDING_LOST: &str = "binding_lost";

pub(super) fn opened(opened: &BindingOpened, facts: &Facts, ids: &mut Ids<'_>) -> Result<Decision, Refusal> {
    let (run, attempt) = run_and_attempt(facts, &opened.attempt)?;
    let mut draft = Draft::new(ids);
    let Some(worker) = attempt.worker.as_ref().filter(|_| waits_for_binding(attempt, facts)) else {
        return Ok(draft.reply(Reply::Late));
    };
    if facts.named.is_some() && !is_active(&opened.binding, facts) {
        let lost = FailureDetail::new(BINDING_LOST, "the session was taken out of use while it was resumed");
        return failed(&opened.attempt, &opened.binding, &Failure::Stale(lost), false, facts, draft.ids);
    }
    give_way(opened, run, attempt, facts, &mut draft);
    record(opened, run, attempt, facts, &mut draft);
    if run.status == Status::Cancelling {
        draft.cancelled(run, attempt, &Ending::new(facts, None, None), "before_execution")?;
    } else {
        super::begin::dispatch(run, attempt, worker, &opened.binding, facts, &mut draft)?;
    }
    Ok(draft.done())
}

/// An attempt has its binding from the moment it is handed over: what is said about one after that is late. So is
/// what is said while a person is asked to log in: the next attempt begins with that.
fn waits_for_binding(attempt: &Attempt, facts: &Facts) -> bool {
    attempt.binding.is_none()
        && !super::finish::waits_for_log_in(facts)
        && matches!(attempt.status, Status::Starting | Status::WaitingApproval | Status::Cancelling)
}

fn is_active(binding: &BindingId, facts: &Facts) -> bool {
    facts.binding.as_ref().is_some_and(|active| active.id == *binding)
}

/// Takes out of use whatever has the place of this binding: as the session's active one, or by its native id.
fn give_way(opened: &BindingOpened, run: &Run, attempt: &Attempt, facts: &Facts, draft: &mut Draft<'_, '_>) {
    let another = |binding: &&Binding| binding.id != opened.binding;
    let active = facts.binding.as_ref().filter(another);
    if let Some(active) = active {
        draft.stale(&about(run, Some(attempt)), active, "replaced");
    }
    let Some(other) = facts.native_conflict.as_ref().filter(another) else { return };
    let mut from = other.status;
    if from == BindingStatus::Active {
        if active.is_none_or(|active| active.id != other.id) {
            let loser = About { session: other.session.clone(), run: None, attempt: None };
            draft.stale(&loser, other, "native_id_reused");
        }
        from = BindingStatus::Stale;
    }
    // A restarted runtime gives the same native id again: it names the new session now (SPEC §11.1 row 11).
    draft.write(Write::MoveBinding { id: other.id.clone(), from, to: BindingStatus::Closed });
}

fn record(opened: &BindingOpened, run: &Run, attempt: &Attempt, facts: &Facts, draft: &mut Draft<'_, '_>) {
    let about = about(run, Some(attempt));
    let fidelity = opened.fidelity;
    if is_active(&opened.binding, facts) {
        draft.write(Write::ResumeBinding {
            id: opened.binding.clone(),
            fidelity,
            worker: attempt.worker.clone(),
            native_id: opened.native_id.clone(),
        });
        let payload = json!({ "bindingId": opened.binding, "fidelity": fidelity });
        return draft.event(&about, EventKind::BindingResumed, payload);
    }
    let generation = facts.generation + 1;
    let session = facts.session.as_ref();
    draft.write(Write::InsertBinding(Box::new(NewBinding {
        id: opened.binding.clone(),
        session: run.session.clone(),
        adapter: run.adapter.clone(),
        generation,
        native_id: opened.native_id.clone(),
        fidelity,
        worker: attempt.worker.clone(),
        cwd: session.and_then(|session| super::begin::requested_cwd(run, session)),
        model: opened.model.clone(),
        system_prompt_hash: run.system_prompt_hash.clone(),
        mcp_hash: opened.mcp_hash.clone(),
        digest: opened.digest.clone(),
    })));
    let kind = if generation == 1 { EventKind::BindingCreated } else { EventKind::BindingReplaced };
    let payload = json!({ "bindingId": opened.binding, "adapterId": run.adapter, "generation": generation,
        "fidelity": fidelity });
    draft.event(&about, kind, payload);
}

pub(super) fn failed(
    attempt: &AttemptId,
    binding: &BindingId,
    failure: &Failure,
    person: bool,
    facts: &Facts,
    ids: &mut Ids<'_>,
) -> Result<Decision, Refusal> {
    let (run, attempt) = run_and_attempt(facts, attempt)?;
    let mut draft = Draft::new(ids);
    if !waits_for_binding(attempt, facts) {
        return Ok(draft.reply(Reply::Late));
    }
    let resumed = facts.binding.as_ref().filter(|active| active.id == *binding);
    let stale = matches!(failure, Failure::Stale(_));
    if let Some(active) = resumed.filter(|_| stale) {
        draft.stale(&about(run, Some(attempt)), active, "resume_failed");
    }
    let ending = Ending::new(facts, None, None);
    if run.status == Status::Cancelling {
        draft.cancelled(run, attempt, &ending, "before_execution")?;
        return Ok(draft.done());
    }
    if run.status == Status::WaitingApproval {
        draft.close_requests(run, attempt, &facts.open_requests, true);
        if !(person && matches!(failure, Failure::AuthRequired { .. })) {
            draft.effect(Effect::Unpark { run: run.id.clone(), why: Wait::Person });
        }
    }
    match failure {
        Failure::Stale(detail) if resumed.is_some() && super::retry::may_repeat(attempt) => {
            super::retry::here(run, attempt, detail, super::retry::STALE_BINDING, None, &mut draft)?;
        }
        // Nothing was delivered to the runtime, so nothing can happen twice.
        Failure::Retryable(detail) if super::retry::may_repeat(attempt) => {
            super::retry::here(run, attempt, detail, super::retry::TRANSIENT, None, &mut draft)?;
        }
        Failure::AuthRequired { methods, message } if person => {
            super::request::ask_to_log_in(run, attempt, (methods, message), None, &mut draft)?;
        }
        Failure::Stale(_) | Failure::Retryable(_) | Failure::AuthRequired { .. } | Failure::Fatal(_) => {
            draft.failed(run, attempt, &failure.detail(), &ending)?;
        }
    }
    Ok(draft.done())
}
