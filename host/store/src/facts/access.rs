//! What may be opened: the grants that an access, a revocation or an installation is decided by.

use omi_kernel::facts::Facts;
use omi_kernel::grant::{Component, ComponentGrant, Grant};
use omi_kernel::id::{AdapterId, AttemptId, GrantId, RunId, SessionId};
use omi_kernel::row::Run;
use rusqlite::{Connection, Result};

use super::{run, session};
use crate::rows::{self, COMPONENT, COMPONENT_GRANT, GRANT, all, first};

/// What is there for an access. The attempt is the one in whose name a person is asked: it may be of another session
/// than the one on whose behalf something is opened, or there may be no such session.
pub(super) fn asked(
    db: &Connection,
    attempt: Option<&AttemptId>,
    session: Option<&SessionId>,
    registration: &AdapterId,
    component: &str,
) -> Result<Facts> {
    let facts = match (attempt, session) {
        (Some(attempt), _) => run::of_attempt(db, attempt, None)?,
        (None, Some(session)) => Facts { session: session::by_id(db, session)?, ..Facts::default() },
        (None, None) => Facts::default(),
    };
    // What a worker does for itself is held against the session it works for.
    let session = session.or(facts.run.as_ref().map(|run| &run.session));
    let grants = match session {
        Some(session) => of_session(db, session, facts.run.as_ref(), registration)?,
        None => Vec::new(),
    };
    Ok(Facts { grants, component_grants: of_component(db, component, Some(registration))?, ..facts })
}

/// The grants of a session for a registration or any, of any state. Those of other runs allow and deny nothing here:
/// they are not read, so that an access costs the same however many runs a session has had.
fn of_session(
    db: &Connection,
    session: &SessionId,
    run: Option<&Run>,
    registration: &AdapterId,
) -> Result<Vec<Grant>> {
    // Each half uses the index on session and run.
    let sql = format!(
        "SELECT * FROM ( \
         SELECT {GRANT}, rowid AS place FROM grants WHERE session_id = ?1 AND run_id IS NULL \
         UNION ALL SELECT {GRANT}, rowid FROM grants WHERE session_id = ?1 AND run_id = ?2) \
         WHERE adapter_id IS NULL OR adapter_id = ?3 ORDER BY place"
    );
    let run = run.map(|run| run.id.as_str());
    all(db.prepare_cached(&sql)?, (session.as_str(), run, registration.as_str()), rows::grant)
}

/// What was granted to a component for good: for a registration, or for all of them.
pub(super) fn of_component(
    db: &Connection,
    component: &str,
    registration: Option<&AdapterId>,
) -> Result<Vec<ComponentGrant>> {
    let sql = format!(
        "SELECT {COMPONENT_GRANT} FROM component_grants WHERE component = ?1 \
         AND (?2 IS NULL OR adapter_id = ?2) ORDER BY rowid"
    );
    all(db.prepare_cached(&sql)?, (component, registration.map(AdapterId::as_str)), rows::component_grant)
}

/// A grant of a session, with that session, or one of a component.
pub(super) fn grant(db: &Connection, id: &GrantId) -> Result<Facts> {
    let sql = format!("SELECT {GRANT} FROM grants WHERE grant_id = ?1");
    let of_session = first(db.prepare_cached(&sql)?, [id.as_str()], rows::grant)?;
    let sql = format!("SELECT {COMPONENT_GRANT} FROM component_grants WHERE grant_id = ?1");
    let grant = match of_session {
        Some(grant) => Some(grant),
        None => first(db.prepare_cached(&sql)?, [id.as_str()], rows::component_grant)?.map(|one| one.grant()),
    };
    let session = match grant.as_ref().and_then(|grant| grant.session.as_ref()) {
        Some(session) => session::by_id(db, session)?,
        None => None,
    };
    Ok(Facts { grant, session, ..Facts::default() })
}

/// The component that is installed at a path.
pub(super) fn component(db: &Connection, path: &str) -> Result<Option<Component>> {
    let sql = format!("SELECT {COMPONENT} FROM components WHERE path = ?1");
    first(db.prepare_cached(&sql)?, [path], rows::component)
}

/// The run has the grant of the legacy policy.
pub(super) fn legacy_granted(db: &Connection, run: &RunId) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM grants JOIN runs USING (session_id) \
               WHERE runs.run_id = ?1 AND grants.run_id = ?1 AND source = 'legacy_default')";
    db.prepare_cached(sql)?.query_row([run.as_str()], |row| row.get(0))
}
