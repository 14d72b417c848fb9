//! Old events go. The rows they led to stay, and events of runs that are not over are never touched.
//!
//! In this order, until [`PRUNE_MAX`] have gone:
//! 1. what runs recorded that ended before a time, and what was recorded about sessions alone before that time. The
//!    first event of a session stays as long as the session;
//! 2. beyond a number of events in all, the oldest ones of runs that are over, but for the last event that says how
//!    such a run ended.
//!
//! Of what the gate decided outside of any session the newest are kept, whatever the events come to.
//!
//! Pieces of text are no exception: those that are left when a run is over are of a message that never became whole.

use std::collections::BTreeMap;

use omi_kernel::id::Timestamp;
use rusqlite::{Connection, Params, Result, Row};

use super::{Written, gate, integer};
use crate::rows::{all, only};
use crate::words::TERMINAL;

/// Events that go in one call, at most: the writer has nothing else to do meanwhile, and what is left goes the next
/// time.
const PRUNE_MAX: u32 = 10_000;

/// What says how a run ended.
const ENDS: &str = "('run.succeeded', 'run.failed', 'run.cancelled', 'run.timed_out', 'run.orphaned')";

pub(super) fn events(db: &Connection, ended_before: Timestamp, events_max: u64) -> Result<Written> {
    let mut left = PRUNE_MAX;
    left -= old(db, ended_before, left)?;
    beyond(db, events_max, left)?;
    gate::prune(db)?;
    Ok(Written::Done)
}

fn old(db: &Connection, ended_before: Timestamp, max: u32) -> Result<u32> {
    // What a run recorded is older than its end: the index on the time of events leaves little to look at.
    let sql = format!(
        "SELECT event_seq FROM events INDEXED BY events_retention_idx LEFT JOIN runs USING (run_id) \
         WHERE type != 'session.created' AND events.created_at_ms < ?1 AND (events.run_id IS NULL OR \
         (runs.status IN {TERMINAL} AND runs.completed_at_ms < ?1)) \
         ORDER BY events.created_at_ms LIMIT ?2"
    );
    take(db, &sql, (ended_before.0, max))
}

fn beyond(db: &Connection, events_max: u64, max: u32) -> Result<u32> {
    let count: i64 = db.prepare_cached("SELECT COUNT(*) FROM events")?.query_row([], only)?;
    let excess = count.saturating_sub(integer(events_max));
    let max = max.min(u32::try_from(excess.max(0)).unwrap_or(u32::MAX));
    if max == 0 {
        return Ok(0);
    }
    // CROSS has SQLite go through the events in their order, and end where it has enough.
    let sql = format!(
        "SELECT event_seq FROM events CROSS JOIN runs USING (run_id) WHERE runs.status IN {TERMINAL} \
         AND (type NOT IN {ENDS} OR EXISTS (SELECT 1 FROM events AS later WHERE later.run_id = events.run_id \
              AND later.event_seq > events.event_seq AND later.type IN {ENDS})) ORDER BY event_seq LIMIT ?1"
    );
    take(db, &sql, [max])
}

/// Takes the events away that a query names, and keeps in mind how far.
fn take(db: &Connection, query: &str, values: impl Params) -> Result<u32> {
    let sql = format!(
        "DELETE FROM events WHERE event_seq IN ({query}) \
         RETURNING event_seq, session_id"
    );
    let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?));
    let taken = all(db.prepare_cached(&sql)?, values, read)?;
    let mut through: BTreeMap<&str, i64> = BTreeMap::new();
    for (cursor, session) in &taken {
        let highest = through.entry(session).or_default();
        *highest = (*highest).max(*cursor);
    }
    for (session, cursor) in through {
        let sql = "UPDATE sessions SET pruned_through = MAX(pruned_through, ?2) WHERE session_id = ?1";
        db.prepare_cached(sql)?.execute((session, cursor))?;
    }
    Ok(u32::try_from(taken.len()).unwrap_or(u32::MAX))
}
