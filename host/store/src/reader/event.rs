//! Events as they were published.

use std::collections::BTreeMap;

use omi_kernel::event::{Event, EventKind, EventPayload, Visibility};
use omi_kernel::id::{AttemptId, Cursor, EventId, GrantId, OwnerId, RunId, SessionId, Timestamp};
use rusqlite::{Connection, Params, Result, Row, named_params};

use crate::rows::{all, first, parsed, perhaps, request_of};
use crate::words::visibility_text;

/// The columns that [`event`] reads.
const EVENT: &str = "event_seq, event_id, session_id, run_id, attempt_id, type, created_at_ms, payload_json";

/// Which events are read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// Of this owner.
    pub owner: Option<OwnerId>,
    /// Of this session.
    pub session: Option<SessionId>,
    /// Of this run.
    pub run: Option<RunId>,
    /// That are shown to these; none means all.
    pub visibility: Option<Visibility>,
    /// After this cursor.
    pub after: Cursor,
    /// At most so many.
    pub limit: u32,
}

pub(super) fn list(db: &Connection, filter: &EventFilter) -> Result<Vec<Event>> {
    // What is asked for is spelled out, not tested for NULL: only so does SQLite use the index that follows it.
    let of_session = filter.session.as_ref().map_or(":session IS NULL", |_| "events.session_id = :session");
    let of_run = filter.run.as_ref().map_or(":run IS NULL", |_| "events.run_id = :run");
    let sql = format!(
        "SELECT {EVENT} FROM events WHERE event_seq > :after AND {of_session} AND {of_run} \
         AND (:visibility IS NULL OR visibility = :visibility) AND (:owner IS NULL OR :owner = \
         (SELECT owner_id FROM sessions WHERE sessions.session_id = events.session_id)) \
         ORDER BY event_seq LIMIT :limit"
    );
    let values = named_params! {
        ":after": filter.after.0, ":session": filter.session.as_ref().map(SessionId::as_str),
        ":run": filter.run.as_ref().map(RunId::as_str),
        ":visibility": filter.visibility.map(visibility_text),
        ":owner": filter.owner.as_ref().map(OwnerId::as_str), ":limit": filter.limit,
    };
    read(db, &sql, values)
}

/// Events with the requests that their runs answer. A request is looked up once for each run, not once for each of its many
/// events.
fn read(db: &Connection, sql: &str, values: impl Params) -> Result<Vec<Event>> {
    let mut events = all(db.prepare_cached(sql)?, values, event)?;
    let mut known = BTreeMap::new();
    for event in &mut events {
        let Some(run) = &event.run_id else { continue };
        event.request_id = match known.get(run) {
            Some(known) => Option::clone(known),
            None => {
                let found = request_of(db, run)?;
                known.insert(run.clone(), found.clone());
                found
            }
        };
    }
    Ok(events)
}

/// What a run was last about: the newest that are shown to these, in the order of their cursors.
pub(super) fn newest(
    db: &Connection,
    owner: Option<&OwnerId>,
    run: &RunId,
    visibility: Option<Visibility>,
    limit: u32,
) -> Result<Vec<Event>> {
    let sql = format!(
        "SELECT {EVENT} FROM events WHERE run_id = ?1 \
         AND (?2 IS NULL OR ?2 = (SELECT owner_id FROM sessions WHERE sessions.session_id = events.session_id)) \
         AND (?3 IS NULL OR visibility = ?3) ORDER BY event_seq DESC LIMIT ?4"
    );
    let values = (run.as_str(), owner.map(OwnerId::as_str), visibility.map(visibility_text), limit);
    let mut events = read(db, &sql, values)?;
    events.reverse();
    Ok(events)
}

/// What was decided under a grant or what was copied from it: the newest, in the order of their cursors.
pub(super) fn of_grant(
    db: &Connection,
    owner: Option<&OwnerId>,
    grant: &GrantId,
    limit: u32,
) -> Result<Vec<Event>> {
    // The identifiers come first, so that SQLite looks each of them up in the index instead of going through it.
    let sql = format!(
        "WITH ids (id) AS (SELECT ?1 UNION ALL SELECT grant_id FROM grants WHERE origin_grant_id = ?1) \
         SELECT {EVENT} FROM ids CROSS JOIN events INDEXED BY events_grant_idx \
         ON type = 'grant.decided' AND payload_json ->> 'grantId' = ids.id \
         WHERE ?2 IS NULL OR ?2 = (SELECT owner_id FROM sessions WHERE sessions.session_id = events.session_id) \
         ORDER BY event_seq DESC LIMIT ?3"
    );
    let values = (grant.as_str(), owner.map(OwnerId::as_str), limit);
    let mut events = read(db, &sql, values)?;
    events.reverse();
    Ok(events)
}

pub(super) fn latest(db: &Connection) -> Result<Cursor> {
    // Not the highest that is left: the newest event may have gone.
    let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'events'";
    let latest = first(db.prepare_cached(sql)?, [], |row| row.get(0))?;
    Ok(Cursor(latest.unwrap_or(0)))
}

pub(super) fn pruned_through(db: &Connection, filter: &EventFilter) -> Result<Cursor> {
    // What is asked for is spelled out, not tested for NULL: only so does SQLite use the index that follows it.
    let of_owner = filter.owner.as_ref().map_or(":owner IS NULL", |_| "owner_id = :owner");
    let of_session = filter.session.as_ref().map_or(":session IS NULL", |_| "session_id = :session");
    let of_run = filter
        .run
        .as_ref()
        .map_or(":run IS NULL", |_| "session_id = (SELECT session_id FROM runs WHERE run_id = :run)");
    let sql = format!(
        "SELECT COALESCE(MAX(pruned_through), 0) FROM sessions WHERE {of_owner} AND {of_session} AND {of_run}"
    );
    let values = named_params! {
        ":owner": filter.owner.as_ref().map(OwnerId::as_str),
        ":session": filter.session.as_ref().map(SessionId::as_str),
        ":run": filter.run.as_ref().map(RunId::as_str),
    };
    db.prepare_cached(&sql)?.query_row(values, |row| row.get(0).map(Cursor))
}

/// An event, but for the request that its run answers.
fn event(row: &Row<'_>) -> Result<Event> {
    Ok(Event {
        protocol_version: 2,
        cursor: Cursor(row.get(0)?),
        event_id: parsed(row, 1, |text| EventId::parse(text).ok())?,
        session_id: parsed(row, 2, |text| SessionId::parse(text).ok())?,
        run_id: perhaps(row, 3, |text| RunId::parse(text).ok())?,
        attempt_id: perhaps(row, 4, |text| AttemptId::parse(text).ok())?,
        request_id: None,
        kind: parsed(row, 5, EventKind::parse)?,
        timestamp_ms: Timestamp(row.get(6)?),
        payload: parsed(row, 7, |text| EventPayload::parse(text.to_owned()))?,
    })
}
