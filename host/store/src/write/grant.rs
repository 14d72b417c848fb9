//! Grants: of sessions, and of components.

use omi_kernel::grant::{ComponentGrant, Grant};
use omi_kernel::id::{AdapterId, GrantId, RunId, SessionId, Timestamp};
use rusqlite::{Connection, Result, named_params};
use serde_json::json;

use super::{Written, changed};
use crate::rows::{ANY_CAPABILITY, Constraints, capability};
use crate::words::{effect_text, source_text};

pub(super) fn insert(db: &Connection, grant: &Grant, now: Timestamp) -> Result<Written> {
    let word = grant.capability.as_ref().map_or(ANY_CAPABILITY, |capability| capability.as_str());
    // An unknown capability may be called like one that is known, or like any: its grant would be read as a wider one.
    if capability(word) != grant.capability {
        return Ok(Written::Conflict);
    }
    let sql = "INSERT INTO grants (grant_id, session_id, run_id, adapter_id, grant_name, capability, operation, \
         resource_pattern, effect, source, constraints_json, origin_grant_id, created_at_ms, expires_at_ms, \
         revoked_at_ms) VALUES (:id, :session, :run, :adapter, :name, :capability, :operation, :pattern, \
         :effect, :source, :constraints, :origin, :now, :expires, :revoked)";
    let constraints = json!(Constraints { only: grant.only.clone(), to: grant.to.clone() }).to_string();
    let values = named_params! {
        ":id": grant.id.as_str(), ":session": grant.session.as_ref().map(SessionId::as_str),
        ":run": grant.run.as_ref().map(RunId::as_str),
        ":adapter": grant.registration.as_ref().map(AdapterId::as_str), ":name": grant.name,
        ":capability": word, ":operation": grant.operation, ":pattern": grant.pattern,
        ":effect": effect_text(grant.effect), ":source": source_text(grant.source),
        ":constraints": constraints, ":origin": grant.origin.as_ref().map(GrantId::as_str), ":now": now.0,
        ":expires": grant.expires_at.map(|at| at.0), ":revoked": grant.revoked_at.map(|at| at.0),
    };
    db.prepare_cached(sql)?.execute(values).map(changed)
}

pub(super) fn insert_of_component(
    db: &Connection,
    grant: &ComponentGrant,
    now: Timestamp,
) -> Result<Written> {
    let sql = "INSERT INTO component_grants (grant_id, component, digest, adapter_id, declared_json, operation, \
         resource_pattern, created_at_ms, revoked_at_ms) \
         VALUES (:id, :component, :digest, :adapter, :declared, :operation, :pattern, :now, :revoked)";
    let values = named_params! {
        ":id": grant.id.as_str(), ":component": grant.to.component, ":digest": grant.to.digest,
        ":adapter": grant.registration.as_str(), ":declared": json!(grant.to.declared).to_string(),
        ":operation": grant.operation, ":pattern": grant.pattern, ":now": now.0,
        ":revoked": grant.revoked_at.map(|at| at.0),
    };
    db.prepare_cached(sql)?.execute(values).map(changed)
}

/// What was copied from it is revoked with it, in every session.
pub(super) fn revoke(db: &Connection, id: &GrantId, now: Timestamp) -> Result<Written> {
    let of_sessions = "UPDATE grants SET revoked_at_ms = ?2 \
         WHERE (grant_id = ?1 OR origin_grant_id = ?1) AND revoked_at_ms IS NULL";
    let of_component =
        "UPDATE component_grants SET revoked_at_ms = ?2 WHERE grant_id = ?1 AND revoked_at_ms IS NULL";
    let mut rows = 0;
    for sql in [of_sessions, of_component] {
        rows += db.prepare_cached(sql)?.execute((id.as_str(), now.0))?;
    }
    Ok(changed(rows))
}
