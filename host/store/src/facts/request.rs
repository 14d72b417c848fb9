//! What attempts ask of people, as the events tell it: a request is open from its question to its answer.

use omi_kernel::event::EventKind;
use omi_kernel::grant::Asked;
use omi_kernel::id::RunId;
use omi_kernel::row::{Attempt, OpenRequest, RequestKind};
use rusqlite::{Connection, Result, Row};
use serde::Deserialize;
use serde_json::Value;

use crate::rows::{all, json, only, parsed, unreadable};
use crate::words::REQUEST_EVENTS;

/// What an attempt has asked and nobody has answered. What is over waits for nobody.
pub(super) fn open(db: &Connection, attempt: &Attempt) -> Result<Vec<OpenRequest>> {
    if attempt.status.is_terminal() {
        return Ok(Vec::new());
    }
    // Open is what was asked last: an adapter may give the number of an answered request again.
    let sql = format!(
        "SELECT payload_json ->> 'request' AS request, type, payload_json, MAX(event_seq) FROM events \
         WHERE attempt_id = ?1 AND type IN {REQUEST_EVENTS} \
         GROUP BY request HAVING type IN ('approval.requested', 'input.requested') ORDER BY request"
    );
    all(db.prepare_cached(&sql)?, [attempt.id.as_str()], |row| {
        let payload: Value = json(row, 2)?;
        let kind = kind(row, 1, &payload)?;
        let access = match kind {
            RequestKind::Access => Some(asked(row, 2, &payload)?),
            RequestKind::Approval | RequestKind::Input | RequestKind::Authentication => None,
        };
        Ok(OpenRequest { request: row.get(0)?, kind, options: options(kind, &payload), access })
    })
}

/// What an adapter wants to open.
fn asked(row: &Row<'_>, column: usize, payload: &Value) -> Result<Box<Asked>> {
    let asked = Asked::deserialize(&payload["details"]).ok();
    let Some(asked) = asked else { return Err(unreadable(column, &row.get::<_, String>(column)?)) };
    Ok(Box::new(asked))
}

/// What a run asked in words and was never told.
pub(super) fn never_told(db: &Connection, run: &RunId) -> Result<Vec<String>> {
    // The answer to a question is the first one with its number that comes after it.
    let sql = format!(
        "SELECT asked.payload_json ->> 'prompt' FROM run_attempts JOIN events AS asked USING (attempt_id) \
         WHERE run_attempts.run_id = ?1 AND asked.type IN {REQUEST_EVENTS} \
         AND asked.type = 'input.requested' AND asked.payload_json ->> 'prompt' IS NOT NULL \
         AND (SELECT told.payload_json ->> 'outcome' FROM events AS told \
              WHERE told.attempt_id = asked.attempt_id AND told.event_seq > asked.event_seq \
              AND told.type IN {REQUEST_EVENTS} AND told.type = 'input.provided' \
              AND told.payload_json ->> 'request' = asked.payload_json ->> 'request' \
              ORDER BY told.event_seq LIMIT 1) IS NOT 'provided' \
         ORDER BY asked.event_seq"
    );
    all(db.prepare_cached(&sql)?, [run.as_str()], only)
}

/// What the event of a request asks for.
pub(crate) fn kind(row: &Row<'_>, column: usize, payload: &Value) -> Result<RequestKind> {
    let event = parsed(row, column, EventKind::parse)?;
    if event == EventKind::ApprovalRequested {
        Ok(if payload["kind"] == "access" { RequestKind::Access } else { RequestKind::Approval })
    } else if event != EventKind::InputRequested {
        Err(unreadable(column, event.as_str()))
    } else if payload["kind"] == "authentication" {
        Ok(RequestKind::Authentication)
    } else {
        Ok(RequestKind::Input)
    }
}

/// The ids of the possible answers, where only some are possible.
pub(crate) fn options(kind: RequestKind, payload: &Value) -> Vec<String> {
    let (of, id) = match kind {
        RequestKind::Approval | RequestKind::Access => (&payload["options"], "optionId"),
        RequestKind::Authentication => (&payload["methods"], "id"),
        RequestKind::Input => return Vec::new(),
    };
    let options = of.as_array().into_iter().flatten();
    options.filter_map(|option| option[id].as_str()).map(str::to_owned).collect()
}
