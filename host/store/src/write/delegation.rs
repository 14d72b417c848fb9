//! Delegations.

use omi_kernel::delegation::DelegationStatus;
use omi_kernel::id::{DelegationId, Timestamp};
use omi_kernel::new::NewDelegation;
use rusqlite::{Connection, Result, named_params};
use serde_json::Value;

use super::{Written, changed};

pub(super) fn insert(db: &Connection, delegation: &NewDelegation, now: Timestamp) -> Result<Written> {
    let sql = "INSERT INTO delegations (delegation_id, parent_session_id, parent_run_id, child_session_id, \
         child_run_id, mode, status, objective, request_json, budget_usd, created_at_ms) \
         VALUES (:id, :parent_session, :parent_run, :child_session, :child_run, :mode, 'pending', :objective, \
         :request, :budget, :now)";
    let values = named_params! {
        ":id": delegation.id.as_str(), ":parent_session": delegation.parent_session.as_str(),
        ":parent_run": delegation.parent_run.as_str(), ":child_session": delegation.child_session.as_str(),
        ":child_run": delegation.child_run.as_str(), ":mode": delegation.mode.as_str(),
        ":objective": delegation.objective, ":request": delegation.request.to_string(),
        ":budget": delegation.budget_usd, ":now": now.0,
    };
    db.prepare_cached(sql)?.execute(values).map(changed)
}

pub(super) fn advance(
    db: &Connection,
    id: &DelegationId,
    (from, to): (DelegationStatus, DelegationStatus),
    result: Option<&Value>,
    now: Timestamp,
) -> Result<Written> {
    let sql = "UPDATE delegations SET status = :to, completed_at_ms = IIF(:over, :now, NULL), \
         result_json = COALESCE(:result, result_json) WHERE delegation_id = :id AND status = :from";
    let values = named_params! {
        ":id": id.as_str(), ":from": from.as_str(), ":to": to.as_str(), ":over": is_over(to),
        ":result": result.map(Value::to_string), ":now": now.0,
    };
    db.prepare_cached(sql)?.execute(values).map(changed)
}

fn is_over(status: DelegationStatus) -> bool {
    match status {
        DelegationStatus::Succeeded | DelegationStatus::Failed | DelegationStatus::Cancelled => true,
        DelegationStatus::Pending | DelegationStatus::Running => false,
    }
}
