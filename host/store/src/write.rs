//! Writes the rows of a decision. Every update names the state it saw; a row that is elsewhere is a conflict.

mod artifact;
mod attempt;
mod binding;
mod component;
mod delegation;
mod event;
mod gate;
mod grant;
mod prune;
mod run;
mod session;
#[cfg(test)]
mod tests;

pub(crate) use event::event;
use omi_kernel::id::Timestamp;
use omi_kernel::write::Write;
use rusqlite::{Connection, Result};

/// What one write came to.
pub(crate) enum Written {
    /// The row is as the decision wants it.
    Done,
    /// The row was not where the decision saw it.
    Conflict,
}

fn changed(rows: usize) -> Written {
    if rows == 0 { Written::Conflict } else { Written::Done }
}

/// A number that SQLite can hold: nothing that is counted here is larger.
fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Writes one row.
pub(crate) fn write(db: &Connection, write: &Write, now: Timestamp) -> Result<Written> {
    match write {
        Write::InsertSession(session) => session::insert(db, session, now),
        Write::TouchSession(id) => session::touch(db, id, now),
        Write::UpdateSession { id, from, change } => session::update(db, id, *from, change, now),
        Write::InsertRun(run) => run::insert(db, run, now),
        Write::MoveRun { id, from, to, change } => run::advance(db, id, (*from, *to), change, now),
        Write::InsertAttempt(attempt) => attempt::insert(db, attempt, now),
        Write::MoveAttempt { id, from, to, change } => attempt::advance(db, id, (*from, *to), change, now),
        Write::RecordCancelDispatch { id, dispatched, acknowledged } => {
            attempt::cancel_dispatch(db, id, *dispatched, *acknowledged, now)
        }
        Write::RecordUsage { id, usage } => attempt::usage(db, id, *usage),
        Write::RecordLease { id, lease } => attempt::lease(db, id, lease),
        Write::CountLate { id, count } => attempt::late(db, id, *count),
        Write::InsertBinding(binding) => binding::insert(db, binding, now),
        Write::ResumeBinding { id, fidelity, worker, native_id } => {
            binding::resume(db, id, *fidelity, worker.as_ref(), native_id, now)
        }
        Write::BackfillBinding { id, system_prompt_hash, mcp_hash } => {
            binding::backfill(db, id, system_prompt_hash.as_deref(), mcp_hash.as_deref(), now)
        }
        Write::ReleaseBindings { worker } => binding::release(db, worker, now),
        Write::MoveBinding { id, from, to } => binding::advance(db, id, (*from, *to), now),
        Write::InsertGrant(grant) => grant::insert(db, grant, now),
        Write::InsertComponentGrant(grant) => grant::insert_of_component(db, grant, now),
        Write::RevokeGrant(id) => grant::revoke(db, id, now),
        Write::RecordGateDecision(decision) => gate::record(db, decision, now),
        Write::PutComponent(component) => component::put(db, component, now),
        Write::RemoveComponent { path } => component::remove(db, path, now),
        Write::CompactMessage { attempt, message } => event::compact(db, attempt, message),
        Write::InsertArtifact(artifact) => artifact::insert(db, artifact, now),
        Write::MoveArtifact { id, from, to } => artifact::advance(db, id, (*from, *to), now),
        Write::InsertDelegation(delegation) => delegation::insert(db, delegation, now),
        Write::MoveDelegation { id, from, to, result } => {
            delegation::advance(db, id, (*from, *to), result.as_ref(), now)
        }
        Write::PruneEvents { ended_before, events_max } => prune::events(db, *ended_before, *events_max),
        Write::ForgetWorkers => attempt::forget_workers(db),
    }
}
