//! What attempts asked of people and nobody has answered, as it is listed.

use omi_kernel::id::{OwnerId, Timestamp};
use omi_kernel::row::RequestKind;
use omi_kernel::status::Status;
use rusqlite::{Connection, Result, Row};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::facts::{kind, options};
use crate::rows::{all, json, parsed};
use crate::words::{ACTIVE, REQUEST_EVENTS};

/// Where a request stands that nobody has answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequestState {
    /// Its attempt waits for an answer.
    Open,
    /// The daemon that had its attempt is gone: an answer would reach nobody.
    Orphaned,
}

/// A request to a person that nobody has answered, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestView {
    /// What it waits for: `approval`, `access`, `input` or `authentication`.
    pub kind: String,
    /// Where it stands.
    pub state: RequestState,
    /// The owner of its session.
    pub owner_id: String,
    /// Its session.
    pub session_id: String,
    /// Its run.
    pub run_id: String,
    /// The attempt that asks.
    pub attempt_id: String,
    /// The adapter's number of the request.
    pub request: u32,
    /// What is asked, in words.
    pub title: Option<String>,
    /// The ids of the possible answers, where only some are possible.
    pub options: Vec<String>,
    /// All that was said about it.
    #[schema(value_type = Object)]
    pub details: Value,
    /// When it was asked.
    #[schema(value_type = i64)]
    pub asked_at_ms: Timestamp,
}

pub(super) fn list(
    db: &Connection,
    owner: Option<&OwnerId>,
    state: Option<RequestState>,
) -> Result<Vec<RequestView>> {
    // Once its run is tried again, nobody asks any more what an orphaned attempt asked.
    let orphaned = "(run_attempts.status = 'orphaned' AND runs.status = 'orphaned')";
    let of_state = match state {
        Some(RequestState::Open) => format!("run_attempts.status IN {ACTIVE}"),
        Some(RequestState::Orphaned) => orphaned.to_owned(),
        None => format!("(run_attempts.status IN {ACTIVE} OR {orphaned})"),
    };
    // Open is what was asked last: an adapter may give the number of an answered request again.
    let sql = format!(
        "SELECT type, payload_json, events.created_at_ms, owner_id, events.session_id, events.run_id, \
         attempt_id, run_attempts.status, payload_json ->> 'request' AS request, MAX(event_seq) AS asked \
         FROM events JOIN run_attempts USING (attempt_id) JOIN runs ON runs.run_id = events.run_id \
         JOIN sessions ON sessions.session_id = events.session_id \
         WHERE type IN {REQUEST_EVENTS} AND {of_state} AND (?1 IS NULL OR owner_id = ?1) \
         GROUP BY attempt_id, request HAVING type IN ('approval.requested', 'input.requested') ORDER BY asked"
    );
    all(db.prepare_cached(&sql)?, [owner.map(OwnerId::as_str)], view)
}

fn view(row: &Row<'_>) -> Result<RequestView> {
    let details: Value = json(row, 1)?;
    let kind = kind(row, 0, &details)?;
    let title = match kind {
        RequestKind::Approval | RequestKind::Access => &details["title"],
        RequestKind::Input | RequestKind::Authentication => &details["prompt"],
    };
    Ok(RequestView {
        kind: word(kind).to_owned(),
        state: match parsed(row, 7, Status::parse)? {
            Status::Orphaned => RequestState::Orphaned,
            Status::Queued
            | Status::Starting
            | Status::Running
            | Status::WaitingInput
            | Status::WaitingApproval
            | Status::Cancelling
            | Status::Succeeded
            | Status::Failed
            | Status::Cancelled
            | Status::TimedOut => RequestState::Open,
        },
        owner_id: row.get(3)?,
        session_id: row.get(4)?,
        run_id: row.get(5)?,
        attempt_id: row.get(6)?,
        request: row.get(8)?,
        title: title.as_str().map(str::to_owned),
        options: options(kind, &details),
        details,
        asked_at_ms: Timestamp(row.get(2)?),
    })
}

fn word(kind: RequestKind) -> &'static str {
    match kind {
        RequestKind::Approval => "approval",
        RequestKind::Access => "access",
        RequestKind::Input => "input",
        RequestKind::Authentication => "authentication",
    }
}
