//! Delegations as they are listed.

use omi_kernel::id::{OwnerId, RunId, Timestamp};
use rusqlite::{Connection, Result};
use serde::Serialize;
use serde_json::Value;

use super::time;
use crate::rows::{all, json, perhaps};

/// A delegation as it is listed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DelegationView {
    /// Its identifier.
    pub delegation_id: String,
    /// The session that asked.
    pub parent_session_id: String,
    /// The run that asked.
    pub parent_run_id: String,
    /// The session that works.
    pub child_session_id: String,
    /// The run that works.
    pub child_run_id: String,
    /// `call`, `spawn` or `continue`.
    pub mode: String,
    /// `pending`, `running`, `succeeded`, `failed` or `cancelled`.
    pub status: String,
    /// What for.
    pub objective: String,
    /// The request as it was made.
    pub request: Value,
    /// US dollars that the child run and everything below it may cost.
    pub budget_usd: f64,
    /// What came of it.
    pub result: Option<Value>,
    /// When it was made.
    pub created_at_ms: Timestamp,
    /// When it was over.
    pub completed_at_ms: Option<Timestamp>,
}

pub(super) fn list(db: &Connection, owner: Option<&OwnerId>, run: &RunId) -> Result<Vec<DelegationView>> {
    let sql = "SELECT delegation_id, parent_session_id, parent_run_id, child_session_id, child_run_id, mode, \
         status, objective, request_json, budget_usd, result_json, created_at_ms, completed_at_ms \
         FROM delegations WHERE (parent_run_id = ?1 OR child_run_id = ?1) AND (?2 IS NULL OR ?2 = \
         (SELECT owner_id FROM sessions WHERE sessions.session_id = delegations.parent_session_id)) \
         ORDER BY rowid";
    all(db.prepare_cached(sql)?, (run.as_str(), owner.map(OwnerId::as_str)), |row| {
        Ok(DelegationView {
            delegation_id: row.get(0)?,
            parent_session_id: row.get(1)?,
            parent_run_id: row.get(2)?,
            child_session_id: row.get(3)?,
            child_run_id: row.get(4)?,
            mode: row.get(5)?,
            status: row.get(6)?,
            objective: row.get(7)?,
            request: json(row, 8)?,
            budget_usd: row.get(9)?,
            result: perhaps(row, 10, |text| serde_json::from_str(text).ok())?,
            created_at_ms: Timestamp(row.get(11)?),
            completed_at_ms: time(row, 12)?,
        })
    })
}
