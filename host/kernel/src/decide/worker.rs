//! What happens to workers beside the attempts they execute.

use crate::command::StopReason;
use crate::decision::{Decision, Reply};
use crate::descriptor::Fidelity;
use crate::draft::{Draft, run_and_attempt};
use crate::effect::Effect;
use crate::facts::Facts;
use crate::id::{AttemptId, Ids, WorkerId};
use crate::refusal::Refusal;
use crate::report::Lease;
use crate::write::Write;

/// A worker is over, or is to end: what cannot be taken up without it is stale from now on. That is recorded before
/// anything takes its place (SPEC §1.16, invariant 3).
pub(super) fn over(
    worker: &WorkerId,
    stop: Option<StopReason>,
    facts: &Facts,
    ids: &mut Ids<'_>,
) -> Decision {
    let mut draft = Draft::new(ids);
    let reason = match stop {
        Some(StopReason::Idle) => "worker_evicted",
        Some(StopReason::Recycle) => "worker_recycled",
        Some(StopReason::Shutdown) | None => "worker_ended",
    };
    for binding in facts.bindings.iter().filter(|binding| binding.fidelity == Fidelity::None) {
        draft.stale(&super::session::only(&binding.session), binding, reason);
    }
    if !facts.bindings.is_empty() {
        draft.write(Write::ReleaseBindings { worker: worker.clone() });
    }
    if let Some(reason) = stop {
        draft.effect(Effect::StopWorker { worker: worker.clone(), reason });
    }
    draft.done()
}

pub(super) fn leased(
    attempt: &AttemptId,
    lease: &Lease,
    facts: &Facts,
    ids: &mut Ids<'_>,
) -> Result<Decision, Refusal> {
    let (_, attempt) = run_and_attempt(facts, attempt)?;
    let mut draft = Draft::new(ids);
    if attempt.status.is_terminal() {
        return Ok(draft.reply(Reply::Late));
    }
    draft.write(Write::RecordLease { id: attempt.id.clone(), lease: lease.clone() });
    Ok(draft.done())
}

pub(super) fn came_late(
    attempt: &AttemptId,
    count: u32,
    facts: &Facts,
    ids: &mut Ids<'_>,
) -> Result<Decision, Refusal> {
    let (_, attempt) = run_and_attempt(facts, attempt)?;
    let mut draft = Draft::new(ids);
    draft.write(Write::CountLate { id: attempt.id.clone(), count });
    Ok(draft.reply(Reply::Late))
}
