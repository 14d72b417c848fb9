//! What the gate decided outside of any session, and about components.

use omi_kernel::grant::GateDecision;
use omi_kernel::id::{AdapterId, GrantId, Timestamp};
use rusqlite::{Connection, Result, named_params};
use serde_json::json;

use super::{Written, changed};

/// Decisions that are kept: far more than a person reads, and a few megabytes at most, however often workers start.
const DECISIONS_MAX: u32 = 10_000;

pub(super) fn record(db: &Connection, decision: &GateDecision, now: Timestamp) -> Result<Written> {
    let sql = "INSERT INTO gate_decisions (kind, decision, grant_id, component, digest, adapter_id, access_json, \
         reason, created_at_ms) VALUES (:kind, :decision, :grant, :component, :digest, :adapter, :access, :reason, \
         :now)";
    let values = named_params! {
        ":kind": decision.kind, ":decision": decision.decision,
        ":grant": decision.grant.as_ref().map(GrantId::as_str), ":component": decision.component,
        ":digest": decision.digest, ":adapter": decision.registration.as_ref().map(AdapterId::as_str),
        ":access": decision.access.as_ref().map(|access| json!(access).to_string()),
        ":reason": decision.reason, ":now": now.0,
    };
    db.prepare_cached(sql)?.execute(values).map(changed)
}

/// The oldest go, beyond [`DECISIONS_MAX`]. All at once: they lie together, and hardly any index knows them.
pub(super) fn prune(db: &Connection) -> Result<()> {
    let sql = "DELETE FROM gate_decisions WHERE decision_seq <= \
         (SELECT decision_seq FROM gate_decisions ORDER BY decision_seq DESC LIMIT 1 OFFSET ?1)";
    db.prepare_cached(sql)?.execute([DECISIONS_MAX])?;
    Ok(())
}
