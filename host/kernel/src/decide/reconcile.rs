//! The daemon starts: what was running when the last one ended is orphaned (seed §8.4, and the head of SPEC).

use serde_json::json;

use crate::decision::Decision;
use crate::delegation::Delegation;
use crate::draft::{Draft, about};
use crate::effect::Effect;
use crate::ending::Ending;
use crate::event::{EventKind, Visibility};
use crate::facts::{Facts, Unfinished};
use crate::id::Ids;
use crate::refusal::Refusal;
use crate::row::{Binding, BindingStatus};
use crate::status::{Status, Step};
use crate::write::{AttemptChange, Write};

/// The reason recorded with each orphan.
const REASON: &str = "daemon_startup_reconciliation";

pub(super) fn reconcile(facts: &Facts, ids: &mut Ids<'_>) -> Result<Decision, Refusal> {
    let mut draft = Draft::new(ids);
    for lease in &facts.leases {
        draft.effect(Effect::Reap { lease: lease.clone() });
    }
    for unfinished in &facts.unfinished {
        let Unfinished { run, attempt, delegation } = unfinished;
        match (run.status, attempt) {
            (Status::Queued, None) if nobody_waits(delegation.as_ref(), facts) => {
                draft.event(
                    &about(run, None),
                    EventKind::RunCancellationRequested,
                    json!({ "reason": REASON }),
                );
                super::cancel::stop_queued(run, &Ending::bare(delegation.as_ref()), &mut draft)?;
            }
            // It never had a worker, so nothing is lost: it stays queued and is scheduled.
            (Status::Queued, None) => draft.effect(Effect::Schedule {
                run: run.id.clone(),
                session: run.session.clone(),
                adapter: run.adapter.clone(),
            }),
            _ => orphan(unfinished, &mut draft)?,
        }
    }
    for binding in &facts.lost_bindings {
        lose(binding, &mut draft);
    }
    draft.write(Write::ForgetWorkers);
    Ok(draft.done())
}

/// The run that waits for the result is orphaned itself: to work for it now would surprise everybody.
fn nobody_waits(delegation: Option<&Delegation>, facts: &Facts) -> bool {
    let Some(delegation) = delegation.filter(|delegation| delegation.mode.waits()) else { return false };
    let parent = facts.unfinished.iter().find(|other| other.run.id == delegation.parent_run);
    parent.is_some_and(|parent| parent.run.status != Status::Queued || parent.attempt.is_some())
}

fn orphan(unfinished: &Unfinished, draft: &mut Draft<'_, '_>) -> Result<(), Refusal> {
    let Unfinished { run, attempt, delegation } = unfinished;
    if let Some(attempt) = attempt {
        draft.move_attempt(attempt, Step::Orphan, AttemptChange::default())?;
        let payload = json!({ "reason": REASON, "was": attempt.status });
        draft.event(&about(run, Some(attempt)), EventKind::AttemptOrphaned, payload);
    }
    let payload = json!({ "reason": REASON, "was": run.status });
    let ending = Ending::bare(delegation.as_ref());
    draft.run_over(run, &about(run, attempt.as_ref()), Step::Orphan, None, payload, &ending)
}

fn lose(binding: &Binding, draft: &mut Draft<'_, '_>) {
    let about = super::session::only(&binding.session);
    let reason = "non_resumable_binding_after_restart";
    draft.retire(&about, binding, BindingStatus::Stale, reason, Visibility::Internal);
}
