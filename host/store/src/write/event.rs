//! Events.

use omi_kernel::event::{Event, EventPayload, NewEvent};
use omi_kernel::id::{AttemptId, Cursor, RunId, Timestamp};
use rusqlite::{Connection, Result};

use super::Written;
use crate::rows::request_of;
use crate::words::{retention_text, visibility_text};

/// Records an event. Answers it as it is recorded.
pub(crate) fn event(db: &Connection, event: &NewEvent, now: Timestamp) -> Result<Event> {
    let payload = EventPayload::from(event.payload.clone());
    let sql = "INSERT INTO events (event_id, session_id, run_id, attempt_id, type, retention_class, \
         visibility, payload_json, created_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    db.prepare_cached(sql)?.execute((
        event.id.as_str(),
        event.about.session.as_str(),
        event.about.run.as_ref().map(RunId::as_str),
        event.about.attempt.as_ref().map(AttemptId::as_str),
        event.kind.as_str(),
        retention_text(event.retention),
        visibility_text(event.visibility),
        payload.text(),
        now.0,
    ))?;
    let cursor = Cursor(db.last_insert_rowid());
    let request_id = match &event.about.run {
        Some(run) => request_of(db, run)?,
        None => None,
    };
    Ok(Event {
        protocol_version: 2,
        event_id: event.id.clone(),
        cursor,
        session_id: event.about.session.clone(),
        run_id: event.about.run.clone(),
        attempt_id: event.about.attempt.clone(),
        request_id,
        kind: event.kind,
        timestamp_ms: now,
        payload,
    })
}

/// Takes away the kept pieces of a message that is whole.
pub(super) fn compact(db: &Connection, attempt: &AttemptId, message: &str) -> Result<Written> {
    let sql = "DELETE FROM events WHERE attempt_id = ?1 AND retention_class = 'transient' \
         AND type = 'message.delta' AND payload_json ->> 'message' = ?2";
    db.prepare_cached(sql)?.execute([attempt.as_str(), message])?;
    Ok(Written::Done)
}
