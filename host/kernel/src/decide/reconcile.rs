//! The daemon starts: what was running when the last one ended is orphaned (seed §8.4, and the head of SPEC).

use serde_json::json;

use crate::decision::{AttemptChange, Decision, Effect, Facts, Refusal, RunChange, Write};
use crate::draft::{Draft, about};
use crate::event::{About, EventKind, Visibility};
use crate::id::Ids;
use crate::row::{Attempt, Binding, Run};
use crate::status::{Status, Step};

/// The reason recorded with each orphan.
const REASON: &str = "daemon_startup_reconciliation";

pub(super) fn reconcile(facts: &Facts, ids: &mut Ids<'_>) -> Result<Decision, Refusal> {
    let mut draft = Draft::new(ids);
    for (run, attempt) in &facts.unfinished {
        match (run.status, attempt) {
            // It never had a worker, so nothing is lost: it stays queued and is scheduled.
            (Status::Queued, None) => draft.effect(Effect::Schedule {
                run: run.id.clone(),
                session: run.session.clone(),
                adapter: run.adapter.clone(),
            }),
            (_, attempt) => orphan(run, attempt.as_ref(), &mut draft)?,
        }
    }
    for binding in &facts.lost_bindings {
        lose(binding, &mut draft);
    }
    draft.write(Write::ForgetWorkers);
    Ok(draft.done())
}

fn orphan(run: &Run, attempt: Option<&Attempt>, draft: &mut Draft<'_, '_>) -> Result<(), Refusal> {
    if let Some(attempt) = attempt {
        draft.move_attempt(attempt, Step::Orphan, AttemptChange::default())?;
        let payload = json!({ "reason": REASON, "was": attempt.status });
        draft.event(&about(run, Some(attempt)), EventKind::AttemptOrphaned, payload);
    }
    draft.move_run(run, Step::Orphan, RunChange::default())?;
    let payload = json!({ "reason": REASON, "was": run.status });
    draft.event(&about(run, attempt), EventKind::RunOrphaned, payload);
    Ok(())
}

fn lose(binding: &Binding, draft: &mut Draft<'_, '_>) {
    let about = About { session: binding.session.clone(), run: None, attempt: None };
    draft.stale_as(&about, binding, "non_resumable_binding_after_restart", Visibility::Internal);
}
