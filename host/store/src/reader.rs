//! Reads what is recorded, beside the writer. What is listed here is what the command line shows.

use std::path::{Path, PathBuf};

use omi_kernel::event::{Event, EventKind};
use omi_kernel::id::{AttemptId, Cursor, EventId, RequestId, RunId, SessionId, Timestamp};
use rusqlite::{Connection, Row};
use serde::Serialize;
use serde_json::Value;

use crate::error::StoreError;
use crate::open;
use crate::rows::parsed;

/// A connection that only reads.
pub struct Reader {
    db: Connection,
    path: PathBuf,
}

/// A session as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    /// Its identifier.
    pub session_id: String,
    /// Its owner.
    pub owner_id: String,
    /// Its title.
    pub title: Option<String>,
    /// `open`, `archived` or `closed`.
    pub status: String,
    /// The kind of surface it was made from.
    pub surface_kind: String,
    /// The registration it uses.
    pub default_adapter_id: String,
    /// The folder it works in.
    pub default_cwd: Option<String>,
    /// How many runs it has.
    pub run_count: i64,
    /// When it was made.
    pub created_at_ms: Timestamp,
    /// When something last happened in it.
    pub last_activity_at_ms: Timestamp,
}

/// A run as it is listed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunView {
    /// Its identifier.
    pub run_id: String,
    /// Its session.
    pub session_id: String,
    /// The client's request.
    pub request_id: String,
    /// The registration.
    pub adapter_id: String,
    /// Where it stands.
    pub status: String,
    /// `ask` or `act`.
    pub mode: String,
    /// What was asked.
    pub input: Value,
    /// The answer, whole or partial.
    pub final_text: Option<String>,
    /// How it failed, as a word.
    pub error_code: Option<String>,
    /// How it failed, as a sentence.
    pub error_message: Option<String>,
    /// Tokens read.
    pub input_tokens: Option<i64>,
    /// Tokens written.
    pub output_tokens: Option<i64>,
    /// Tokens read from a cache.
    pub cache_read_tokens: Option<i64>,
    /// Tokens written to a cache.
    pub cache_write_tokens: Option<i64>,
    /// Money, in US dollars.
    pub cost_usd: Option<f64>,
    /// When it was accepted.
    pub created_at_ms: Timestamp,
    /// When its adapter had it.
    pub started_at_ms: Option<Timestamp>,
    /// When it was over.
    pub completed_at_ms: Option<Timestamp>,
    /// Its attempts, the first one first.
    pub attempts: Vec<AttemptView>,
}

/// An attempt as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptView {
    /// Its identifier.
    pub attempt_id: String,
    /// 1 for the first of its run.
    pub attempt_no: i64,
    /// Where it stands.
    pub status: String,
    /// The binding it used.
    pub binding_id: Option<String>,
    /// The runtime's name of its session.
    pub adapter_session_id: Option<String>,
    /// Why there was another attempt.
    pub retry_reason: Option<String>,
    /// How it failed, as a word.
    pub error_code: Option<String>,
    /// How it failed, as a sentence.
    pub error_message: Option<String>,
}

/// Which events are read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// Of this session.
    pub session: Option<SessionId>,
    /// Of this run.
    pub run: Option<RunId>,
    /// After this cursor.
    pub after: Cursor,
    /// At most so many.
    pub limit: u32,
}

impl Reader {
    /// Opens the database at `path`, which must exist.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { db: open::reader(path)?, path: path.to_owned() })
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        read(&self.db).map_err(|source| StoreError::from_sqlite(&self.path, source))
    }

    /// The sessions, newest activity first.
    pub fn sessions(&self, limit: u32) -> Result<Vec<SessionView>, StoreError> {
        let sql = "SELECT session_id, owner_id, title, status, surface_kind, default_adapter_id, default_cwd, \
             (SELECT COUNT(*) FROM runs WHERE runs.session_id = sessions.session_id), created_at_ms, \
             last_activity_at_ms FROM sessions ORDER BY last_activity_at_ms DESC, rowid DESC LIMIT ?1";
        self.read(|db| db.prepare(sql)?.query_map([limit], session_view)?.collect())
    }

    /// The runs, newest first: of one session, or all.
    pub fn runs(&self, session: Option<&SessionId>, limit: u32) -> Result<Vec<RunView>, StoreError> {
        let sql = format!(
            "SELECT {RUN_VIEW} FROM runs WHERE ?1 IS NULL OR session_id = ?1 \
             ORDER BY created_at_ms DESC, rowid DESC LIMIT ?2"
        );
        self.read(|db| {
            let session = session.map(SessionId::as_str);
            let mut runs: Vec<RunView> =
                db.prepare(&sql)?.query_map((session, limit), run_view)?.collect::<rusqlite::Result<_>>()?;
            for run in &mut runs {
                run.attempts = attempts(db, &run.run_id)?;
            }
            Ok(runs)
        })
    }

    /// One run.
    pub fn run(&self, run: &RunId) -> Result<Option<RunView>, StoreError> {
        let sql = format!("SELECT {RUN_VIEW} FROM runs WHERE run_id = ?1");
        self.read(|db| {
            let mut found = crate::rows::first(db.prepare_cached(&sql)?, [run.as_str()], run_view)?;
            if let Some(run) = &mut found {
                run.attempts = attempts(db, &run.run_id)?;
            }
            Ok(found)
        })
    }

    /// Events in their order.
    pub fn events(&self, filter: &EventFilter) -> Result<Vec<Event>, StoreError> {
        let session = filter.session.as_ref().map(SessionId::as_str);
        let run = filter.run.as_ref().map(RunId::as_str);
        // What is asked for is spelled out, not tested for NULL: only so does SQLite use the index that follows it.
        let of_session = session.map_or("?2 IS NULL", |_| "events.session_id = ?2");
        let of_run = run.map_or("?3 IS NULL", |_| "events.run_id = ?3");
        let sql = format!(
            "SELECT event_seq, event_id, events.session_id, events.run_id, attempt_id, request_id, type, \
             events.created_at_ms, payload_json FROM events LEFT JOIN runs ON runs.run_id = events.run_id \
             WHERE event_seq > ?1 AND {of_session} AND {of_run} ORDER BY event_seq LIMIT ?4"
        );
        self.read(|db| {
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map((filter.after.0, session, run, filter.limit), event)?;
            rows.collect()
        })
    }
}

const RUN_VIEW: &str = "run_id, session_id, request_id, adapter_id, status, mode, input_json, final_text, \
     error_code, error_message, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_usd, \
     created_at_ms, started_at_ms, completed_at_ms";

fn attempts(db: &Connection, run: &str) -> rusqlite::Result<Vec<AttemptView>> {
    let sql = "SELECT attempt_id, attempt_no, run_attempts.status, run_attempts.binding_id, \
         adapter_native_session_id, retry_reason, error_code, error_message FROM run_attempts \
         LEFT JOIN adapter_bindings ON adapter_bindings.binding_id = run_attempts.binding_id \
         WHERE run_id = ?1 ORDER BY attempt_no";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map([run], |row| {
        Ok(AttemptView {
            attempt_id: row.get(0)?,
            attempt_no: row.get(1)?,
            status: row.get(2)?,
            binding_id: row.get(3)?,
            adapter_session_id: row.get(4)?,
            retry_reason: row.get(5)?,
            error_code: row.get(6)?,
            error_message: row.get(7)?,
        })
    })?;
    rows.collect()
}

fn session_view(row: &Row<'_>) -> rusqlite::Result<SessionView> {
    Ok(SessionView {
        session_id: row.get(0)?,
        owner_id: row.get(1)?,
        title: row.get(2)?,
        status: row.get(3)?,
        surface_kind: row.get(4)?,
        default_adapter_id: row.get(5)?,
        default_cwd: row.get(6)?,
        run_count: row.get(7)?,
        created_at_ms: Timestamp(row.get(8)?),
        last_activity_at_ms: Timestamp(row.get(9)?),
    })
}

fn run_view(row: &Row<'_>) -> rusqlite::Result<RunView> {
    Ok(RunView {
        run_id: row.get(0)?,
        session_id: row.get(1)?,
        request_id: row.get(2)?,
        adapter_id: row.get(3)?,
        status: row.get(4)?,
        mode: row.get(5)?,
        input: parsed(row, 6, |text| serde_json::from_str(text).ok())?,
        final_text: row.get(7)?,
        error_code: row.get(8)?,
        error_message: row.get(9)?,
        input_tokens: row.get(10)?,
        output_tokens: row.get(11)?,
        cache_read_tokens: row.get(12)?,
        cache_write_tokens: row.get(13)?,
        cost_usd: row.get(14)?,
        created_at_ms: Timestamp(row.get(15)?),
        started_at_ms: row.get::<_, Option<i64>>(16)?.map(Timestamp),
        completed_at_ms: row.get::<_, Option<i64>>(17)?.map(Timestamp),
        attempts: Vec::new(),
    })
}

fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    let run: Option<String> = row.get(3)?;
    let attempt: Option<String> = row.get(4)?;
    Ok(Event {
        protocol_version: 2,
        cursor: Cursor(row.get(0)?),
        event_id: parsed(row, 1, |text| EventId::parse(text).ok())?,
        session_id: parsed(row, 2, |text| SessionId::parse(text).ok())?,
        run_id: run.and_then(|text| RunId::parse(&text).ok()),
        attempt_id: attempt.and_then(|text| AttemptId::parse(&text).ok()),
        request_id: row.get::<_, Option<String>>(5)?.map(RequestId),
        kind: parsed(row, 6, EventKind::parse)?,
        timestamp_ms: Timestamp(row.get(7)?),
        payload: parsed(row, 8, |text| serde_json::from_str(text).ok())?,
    })
}
