//! A run with everything that decisions about it need. What cannot matter to a run is not looked for.

use omi_kernel::facts::{Facts, RunUsage};
use omi_kernel::id::{
    AdapterId, ArtifactId, AttemptId, BindingId, ClientId, NativeSessionId, RequestId, RunId, SessionId,
};
use omi_kernel::row::{Attempt, Binding, Run};
use rusqlite::{Connection, Result};

use super::{delegation, request, session};
use crate::rows::{self, ARTIFACT, ATTEMPT, BINDING, RUN, first};

/// The run with its last attempt.
pub(super) fn by_id(db: &Connection, id: &RunId) -> Result<Facts> {
    let Some(run) = run_row(db, id)? else { return Ok(Facts::default()) };
    let attempt = last_attempt(db, &run.id)?;
    around(db, run, attempt, None)
}

/// The run of an attempt with that attempt, and what may still be spent on it.
pub(super) fn of_attempt(
    db: &Connection,
    id: &AttemptId,
    opened: Option<&(BindingId, NativeSessionId)>,
) -> Result<Facts> {
    let sql = format!("SELECT {ATTEMPT} FROM run_attempts WHERE attempt_id = ?1");
    let Some(attempt) = first(db.prepare_cached(&sql)?, [id.as_str()], rows::attempt)? else {
        return Ok(Facts::default());
    };
    let Some(run) = run_row(db, &attempt.run)? else { return Ok(Facts::default()) };
    let budgets = match &run.parent {
        Some(_) => delegation::budgets(db, &run.id)?,
        None => Vec::new(),
    };
    Ok(Facts { budgets, ..around(db, run, Some(attempt), opened)? })
}

fn around(
    db: &Connection,
    run: Run,
    attempt: Option<Attempt>,
    opened: Option<&(BindingId, NativeSessionId)>,
) -> Result<Facts> {
    // What is about to be recorded comes before what was asked for.
    let native_id = opened.map(|(_, id)| id).or(run.input.legacy_adapter_session_id.as_ref());
    let delegation = match &run.parent {
        Some(_) => delegation::unended(db, &run.id)?,
        None => None,
    };
    let (artifacts, open_questions) = match &delegation {
        Some(_) => (delegation::artifacts(db, &run.id)?, request::never_told(db, &run.id)?),
        None => Default::default(),
    };
    let usage = match &run.parent {
        Some(_) => delegation::usage(db, attempt.as_ref())?,
        None => RunUsage::default(),
    };
    Ok(Facts {
        named: match opened {
            Some((binding, _)) => binding_by_id(db, binding)?,
            None => None,
        },
        session: session::by_id(db, &run.session)?,
        binding: active_binding(db, &run.session, &run.adapter)?,
        generation: generation(db, &run.session, &run.adapter)?,
        native_conflict: match native_id {
            Some(native_id) => binding_by_native_id(db, &run.adapter, native_id)?,
            None => None,
        },
        open_requests: match &attempt {
            Some(attempt) => request::open(db, attempt)?,
            None => Vec::new(),
        },
        awaits_child: delegation::awaits_child(db, &run.id)?,
        delegation,
        artifacts,
        open_questions,
        usage,
        run: Some(run),
        attempt,
        ..Facts::default()
    })
}

pub(super) fn run_row(db: &Connection, id: &RunId) -> Result<Option<Run>> {
    let sql = format!("SELECT {RUN} FROM runs WHERE run_id = ?1");
    first(db.prepare_cached(&sql)?, [id.as_str()], rows::run)
}

pub(super) fn of_request(db: &Connection, client: &ClientId, request: &RequestId) -> Result<Option<Run>> {
    let sql = format!("SELECT {RUN} FROM runs WHERE client_id = ?1 AND request_id = ?2");
    first(db.prepare_cached(&sql)?, [client.as_str(), request.as_str()], rows::run)
}

fn last_attempt(db: &Connection, run: &RunId) -> Result<Option<Attempt>> {
    let sql =
        format!("SELECT {ATTEMPT} FROM run_attempts WHERE run_id = ?1 ORDER BY attempt_no DESC LIMIT 1");
    first(db.prepare_cached(&sql)?, [run.as_str()], rows::attempt)
}

/// The registration whose runtime may be going on with a run by itself: it had the prompt, and never confirmed that it
/// has stopped.
pub(super) fn left_to(db: &Connection, run: &RunId) -> Result<Option<AdapterId>> {
    let sql = "SELECT adapter_id FROM run_attempts WHERE run_id = ?1 AND recovery = 'runtime' \
               AND binding_id IS NOT NULL AND cancellation_acknowledged_at_ms IS NULL \
               ORDER BY attempt_no DESC LIMIT 1";
    Ok(first(db.prepare_cached(sql)?, [run.as_str()], rows::only::<String>)?.map(AdapterId))
}

/// The attempt that executes a run, if one is not over.
pub(super) fn live_attempt(db: &Connection, run: &RunId) -> Result<Option<Attempt>> {
    Ok(last_attempt(db, run)?.filter(|attempt| !attempt.status.is_terminal()))
}

pub(super) fn artifact(
    db: &Connection,
    id: &ArtifactId,
) -> Result<Option<omi_kernel::artifact::ArtifactRow>> {
    let sql = format!("SELECT {ARTIFACT} FROM artifacts WHERE artifact_id = ?1");
    first(db.prepare_cached(&sql)?, [id.as_str()], rows::artifact)
}

fn active_binding(db: &Connection, session: &SessionId, adapter: &AdapterId) -> Result<Option<Binding>> {
    let sql = format!(
        "SELECT {BINDING} FROM adapter_bindings \
         WHERE session_id = ?1 AND adapter_id = ?2 AND status = 'active'"
    );
    first(db.prepare_cached(&sql)?, [session.as_str(), adapter.as_str()], rows::binding)
}

fn generation(db: &Connection, session: &SessionId, adapter: &AdapterId) -> Result<u32> {
    let sql = "SELECT COALESCE(MAX(binding_generation), 0) FROM adapter_bindings \
               WHERE session_id = ?1 AND adapter_id = ?2";
    db.prepare_cached(sql)?.query_row([session.as_str(), adapter.as_str()], |row| row.get(0))
}

fn binding_by_id(db: &Connection, id: &BindingId) -> Result<Option<Binding>> {
    let sql = format!("SELECT {BINDING} FROM adapter_bindings WHERE binding_id = ?1");
    first(db.prepare_cached(&sql)?, [id.as_str()], rows::binding)
}

fn binding_by_native_id(
    db: &Connection,
    adapter: &AdapterId,
    native_id: &NativeSessionId,
) -> Result<Option<Binding>> {
    let sql = format!(
        "SELECT {BINDING} FROM adapter_bindings \
         WHERE adapter_id = ?1 AND adapter_native_session_id = ?2 AND status != 'closed'"
    );
    first(db.prepare_cached(&sql)?, [adapter.as_str(), native_id.as_str()], rows::binding)
}
