//! Reads the facts that a decision needs, inside the transaction that will write it.

use omi_kernel::decision::Facts;
use omi_kernel::id::{AdapterId, AttemptId, BindingId, NativeSessionId, OwnerId, RunId, SessionId};
use omi_kernel::input::{SessionRef, Wants};
use omi_kernel::row::{Attempt, Binding, OpenApproval, Run, Session};
use rusqlite::{Connection, Result};

use crate::rows::{self, ATTEMPT, BINDING, RUN, SESSION, first};

/// Reads what `wants` names. What does not exist is absent.
pub(crate) fn read(db: &Connection, wants: &Wants) -> Result<Facts> {
    match wants {
        Wants::Request { owner, session, client, request } => {
            let run = run_of_request(db, &client.0, &request.0)?;
            let session = match &run {
                Some(run) => session_by_id(db, &run.session)?,
                None => resolve(db, owner, session)?,
            };
            Ok(Facts { session, run, ..Facts::default() })
        }
        Wants::Run(run) => match run_by_id(db, run)? {
            Some(run) => {
                let attempt = last_attempt(db, &run.id)?;
                around(db, run, attempt, None)
            }
            None => Ok(Facts::default()),
        },
        Wants::Attempt { attempt, opened } => {
            let Some(attempt) = attempt_by_id(db, attempt)? else { return Ok(Facts::default()) };
            match run_by_id(db, &attempt.run)? {
                Some(run) => around(db, run, Some(attempt), opened.as_ref()),
                None => Ok(Facts::default()),
            }
        }
        Wants::Unfinished => unfinished(db),
    }
}

/// A run with everything that decisions about it need.
fn around(
    db: &Connection,
    run: Run,
    attempt: Option<Attempt>,
    opened: Option<&(BindingId, NativeSessionId)>,
) -> Result<Facts> {
    Ok(Facts {
        named: match opened {
            Some((binding, _)) => binding_by_id(db, binding)?,
            None => None,
        },
        session: session_by_id(db, &run.session)?,
        binding: active_binding(db, &run.session, &run.adapter)?,
        generation: generation(db, &run.session, &run.adapter)?,
        native_conflict: match opened {
            Some((_, native_id)) => binding_by_native_id(db, &run.adapter, native_id)?,
            None => None,
        },
        open_approvals: match &attempt {
            Some(attempt) if !attempt.status.is_terminal() => open_approvals(db, &attempt.id)?,
            Some(_) | None => Vec::new(),
        },
        run: Some(run),
        attempt,
        ..Facts::default()
    })
}

/// The order of the seed, §13.3: the id itself, the surface's name, the old client's name.
fn resolve(db: &Connection, owner: &OwnerId, session: &SessionRef) -> Result<Option<Session>> {
    if let Some(id) = &session.id {
        return Ok(session_by_id(db, id)?.filter(|session| session.owner == *owner));
    }
    if let Some((kind, id)) = &session.external {
        let sql = format!(
            "SELECT {SESSION} FROM sessions \
             WHERE owner_id = ?1 AND external_ref_kind = ?2 AND external_ref_id = ?3"
        );
        let found = first(db.prepare_cached(&sql)?, (&owner.0, kind, id), rows::session)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    let Some((scope, key)) = &session.legacy else { return Ok(None) };
    let sql = format!(
        "SELECT {SESSION} FROM sessions \
         WHERE owner_id = ?1 AND legacy_client_scope = ?2 AND legacy_session_key = ?3"
    );
    first(db.prepare_cached(&sql)?, (&owner.0, scope, key), rows::session)
}

fn session_by_id(db: &Connection, id: &SessionId) -> Result<Option<Session>> {
    let sql = format!("SELECT {SESSION} FROM sessions WHERE session_id = ?1");
    first(db.prepare_cached(&sql)?, [id.as_str()], rows::session)
}

fn run_by_id(db: &Connection, id: &RunId) -> Result<Option<Run>> {
    let sql = format!("SELECT {RUN} FROM runs WHERE run_id = ?1");
    first(db.prepare_cached(&sql)?, [id.as_str()], rows::run)
}

fn run_of_request(db: &Connection, client: &str, request: &str) -> Result<Option<Run>> {
    let sql = format!("SELECT {RUN} FROM runs WHERE client_id = ?1 AND request_id = ?2");
    first(db.prepare_cached(&sql)?, [client, request], rows::run)
}

fn attempt_by_id(db: &Connection, id: &AttemptId) -> Result<Option<Attempt>> {
    let sql = format!("SELECT {ATTEMPT} FROM run_attempts WHERE attempt_id = ?1");
    first(db.prepare_cached(&sql)?, [id.as_str()], rows::attempt)
}

fn last_attempt(db: &Connection, run: &RunId) -> Result<Option<Attempt>> {
    let sql =
        format!("SELECT {ATTEMPT} FROM run_attempts WHERE run_id = ?1 ORDER BY attempt_no DESC LIMIT 1");
    first(db.prepare_cached(&sql)?, [run.as_str()], rows::attempt)
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

fn open_approvals(db: &Connection, attempt: &AttemptId) -> Result<Vec<OpenApproval>> {
    // Open is what was asked last: an adapter may give the number of an answered request again.
    let sql = "SELECT json_extract(payload_json, '$.request') AS request, type, MAX(event_seq) FROM events \
               WHERE attempt_id = ?1 AND type IN ('approval.requested', 'approval.resolved') \
               GROUP BY request HAVING type = 'approval.requested' ORDER BY request";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map([attempt.as_str()], |row| Ok(OpenApproval { request: row.get(0)? }))?;
    rows.collect()
}

fn unfinished(db: &Connection) -> Result<Facts> {
    let sql = format!(
        "SELECT {RUN} FROM runs WHERE status IN ('queued', 'starting', 'running', 'waiting_input', \
         'waiting_approval', 'cancelling') ORDER BY created_at_ms, rowid"
    );
    let runs: Vec<Run> = db.prepare(&sql)?.query_map([], rows::run)?.collect::<Result<_>>()?;
    let mut unfinished = Vec::with_capacity(runs.len());
    for run in runs {
        let attempt = last_attempt(db, &run.id)?.filter(|attempt| !attempt.status.is_terminal());
        unfinished.push((run, attempt));
    }
    let sql = format!(
        "SELECT {BINDING} FROM adapter_bindings WHERE status = 'active' AND resume_fidelity = 'none' \
         ORDER BY rowid"
    );
    let lost_bindings = db.prepare(&sql)?.query_map([], rows::binding)?.collect::<Result<_>>()?;
    Ok(Facts { unfinished, lost_bindings, ..Facts::default() })
}
