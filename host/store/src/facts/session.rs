//! Sessions: by which names they are found, and what is in them.

use omi_kernel::facts::Facts;
use omi_kernel::id::{ClientId, OwnerId, RequestId, SessionId, WorkerId};
use omi_kernel::request::SessionRef;
use omi_kernel::row::{Binding, Run, Session};
use rusqlite::{Connection, Result};

use super::run;
use crate::rows::{self, BINDING, RUN, SESSION, all, first, only};
use crate::words::ACTIVE;

/// What is there for a prompt.
pub(super) fn of_request(
    db: &Connection,
    owner: &OwnerId,
    session: &SessionRef,
    asked: (&ClientId, &RequestId),
    key: Option<&str>,
) -> Result<Facts> {
    let run = run::of_request(db, asked.0, asked.1)?;
    let session = match &run {
        Some(run) => by_id(db, &run.session)?,
        None => resolve(db, owner, session)?,
    };
    let keyed = match key {
        Some(key) => keyed(db, owner, session.as_ref(), key)?,
        None => None,
    };
    Ok(Facts { session, run, keyed, ..Facts::default() })
}

/// The active bindings of a session of the owner, and whether something goes on in it.
pub(super) fn with_bindings(db: &Connection, owner: &OwnerId, session: &SessionRef) -> Result<Facts> {
    let Some(session) = resolve(db, owner, session)? else { return Ok(Facts::default()) };
    let bindings = bindings(db, &session.id)?;
    let sql = format!("SELECT EXISTS (SELECT 1 FROM runs WHERE session_id = ?1 AND status IN {ACTIVE})");
    let session_busy = db.prepare_cached(&sql)?.query_row([session.id.as_str()], only)?;
    Ok(Facts { session: Some(session), bindings, session_busy, ..Facts::default() })
}

/// The active bindings of a session.
pub(super) fn bindings(db: &Connection, session: &SessionId) -> Result<Vec<Binding>> {
    let sql = format!(
        "SELECT {BINDING} FROM adapter_bindings WHERE session_id = ?1 AND status = 'active' ORDER BY rowid"
    );
    all(db.prepare_cached(&sql)?, [session.as_str()], rows::binding)
}

pub(super) fn bindings_of_worker(db: &Connection, worker: &WorkerId) -> Result<Vec<Binding>> {
    let sql = format!(
        "SELECT {BINDING} FROM adapter_bindings WHERE adapter_instance_id = ?1 AND status = 'active' \
         ORDER BY rowid"
    );
    all(db.prepare_cached(&sql)?, [worker.as_str()], rows::binding)
}

pub(super) fn by_id(db: &Connection, id: &SessionId) -> Result<Option<Session>> {
    let sql = format!("SELECT {SESSION} FROM sessions WHERE session_id = ?1");
    first(db.prepare_cached(&sql)?, [id.as_str()], rows::session)
}

/// The order of the seed, §13.3: the id itself, the surface's name, the old client's name.
fn resolve(db: &Connection, owner: &OwnerId, session: &SessionRef) -> Result<Option<Session>> {
    if let Some(id) = &session.id {
        return Ok(by_id(db, id)?.filter(|session| session.owner == *owner));
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

/// The newest run of the owner that has an idempotency key: of one session, if one is meant. New is what was recorded
/// last, whatever the clock said.
fn keyed(
    db: &Connection,
    owner: &OwnerId,
    session: Option<&Session>,
    key: &str,
) -> Result<Option<(Run, Session)>> {
    let sql = format!(
        "SELECT {RUN} FROM runs WHERE idempotency_key = ?1 AND (?3 IS NULL OR session_id = ?3) AND \
         (SELECT owner_id FROM sessions WHERE sessions.session_id = runs.session_id) = ?2 \
         ORDER BY rowid DESC LIMIT 1"
    );
    let of = session.map(|session| session.id.as_str());
    let found = first(db.prepare_cached(&sql)?, (key, owner.as_str(), of), rows::run)?;
    with_session(db, found)
}

/// A run with its session.
pub(super) fn with_session(db: &Connection, run: Option<Run>) -> Result<Option<(Run, Session)>> {
    let Some(run) = run else { return Ok(None) };
    Ok(by_id(db, &run.session)?.map(|session| (run, session)))
}
