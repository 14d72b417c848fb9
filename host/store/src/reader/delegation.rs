//! Delegations as they are listed.

use omi_kernel::id::{DelegationId, OwnerId, RunId, Timestamp};
use rusqlite::{Connection, Result, Row, named_params};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::time;
use crate::rows::{all, json, perhaps};

/// A delegation as it is listed.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
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
    #[schema(value_type = Object)]
    pub request: Value,
    /// US dollars that the child run and everything below it may cost.
    pub budget_usd: f64,
    /// What came of it.
    #[schema(value_type = Option<Object>)]
    pub result: Option<Value>,
    /// When it was made.
    #[schema(value_type = i64)]
    pub created_at_ms: Timestamp,
    /// When it was over.
    #[schema(value_type = Option<i64>)]
    pub completed_at_ms: Option<Timestamp>,
}

/// Which delegations are listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DelegationFilter {
    /// Of this owner.
    pub owner: Option<OwnerId>,
    /// This one.
    pub delegation: Option<DelegationId>,
    /// That this run made, and the one it works for.
    pub run: Option<RunId>,
    /// After this one, the last of the page before.
    pub after: Option<DelegationId>,
    /// At most so many.
    pub limit: u32,
}

pub(super) fn list(db: &Connection, filter: &DelegationFilter) -> Result<Vec<DelegationView>> {
    // What is asked for is spelled out, not tested for NULL: only so does SQLite use the index that follows it.
    let is = filter.delegation.as_ref().map_or(":id IS NULL", |_| "delegation_id = :id");
    let of_run =
        filter.run.as_ref().map_or(":run IS NULL", |_| "(parent_run_id = :run OR child_run_id = :run)");
    let after = match filter.after {
        Some(_) => "rowid > (SELECT rowid FROM delegations WHERE delegation_id = :after)",
        None => ":after IS NULL",
    };
    let sql = format!(
        "SELECT delegation_id, parent_session_id, parent_run_id, child_session_id, child_run_id, mode, \
         status, objective, request_json, budget_usd, result_json, created_at_ms, completed_at_ms \
         FROM delegations WHERE {is} AND {of_run} AND {after} AND (:owner IS NULL OR :owner = \
         (SELECT owner_id FROM sessions WHERE sessions.session_id = delegations.parent_session_id)) \
         ORDER BY rowid LIMIT :limit"
    );
    let values = named_params! {
        ":id": filter.delegation.as_ref().map(DelegationId::as_str),
        ":run": filter.run.as_ref().map(RunId::as_str),
        ":after": filter.after.as_ref().map(DelegationId::as_str),
        ":owner": filter.owner.as_ref().map(OwnerId::as_str), ":limit": filter.limit,
    };
    all(db.prepare_cached(&sql)?, values, view)
}

fn view(row: &Row<'_>) -> Result<DelegationView> {
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
}
