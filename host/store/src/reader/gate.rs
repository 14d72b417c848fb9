//! What the gate decided outside of any session, as it is listed.

use omi_kernel::grant::Access;
use omi_kernel::id::{GrantId, Timestamp};
use rusqlite::{Connection, Result, Row};
use serde::Serialize;
use utoipa::ToSchema;

use crate::rows::{all, perhaps};

/// The columns that [`view`] reads.
const DECISION: &str = "decision_seq, kind, decision, grant_id, component, digest, adapter_id, access_json, reason, created_at_ms";

/// A decision of the gate outside of any session, or about a component, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GateDecisionView {
    /// Its number: the higher, the later.
    pub decision_seq: i64,
    /// `access`, `install`, `remove` or `revoke`.
    pub kind: String,
    /// `allow`, `deny`, `installed`, `removed` or `revoked`.
    pub decision: String,
    /// The grant, where one was used or is meant.
    pub grant_id: Option<String>,
    /// The component, as a registration names it, or its path; empty where none is meant.
    pub component: String,
    /// Its digest.
    pub digest: String,
    /// The registration, where it is about one.
    pub adapter_id: Option<String>,
    /// What was to be opened, where it is about that.
    #[schema(value_type = Option<Object>)]
    pub access: Option<Access>,
    /// Who decided, or why not.
    pub reason: String,
    /// When it was decided.
    #[schema(value_type = i64)]
    pub created_at_ms: Timestamp,
}

pub(super) fn list(db: &Connection, limit: u32) -> Result<Vec<GateDecisionView>> {
    let sql = format!("SELECT {DECISION} FROM gate_decisions ORDER BY decision_seq DESC LIMIT ?1");
    all(db.prepare_cached(&sql)?, [limit], view)
}

/// What names a grant: the newest, in their order.
pub(super) fn of_grant(db: &Connection, grant: &GrantId, limit: u32) -> Result<Vec<GateDecisionView>> {
    let sql = format!(
        "SELECT {DECISION} FROM gate_decisions WHERE grant_id = ?1 ORDER BY decision_seq DESC LIMIT ?2"
    );
    let mut decisions = all(db.prepare_cached(&sql)?, (grant.as_str(), limit), view)?;
    decisions.reverse();
    Ok(decisions)
}

fn view(row: &Row<'_>) -> Result<GateDecisionView> {
    Ok(GateDecisionView {
        decision_seq: row.get(0)?,
        kind: row.get(1)?,
        decision: row.get(2)?,
        grant_id: row.get(3)?,
        component: row.get(4)?,
        digest: row.get(5)?,
        adapter_id: row.get(6)?,
        access: perhaps(row, 7, |text| serde_json::from_str(text).ok())?,
        reason: row.get(8)?,
        created_at_ms: Timestamp(row.get(9)?),
    })
}
