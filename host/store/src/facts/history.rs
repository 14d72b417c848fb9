//! What was said in a session before a run, newest first until there is no room for more.

use omi_kernel::history::{History, PastRun};
use omi_kernel::id::{AdapterId, RunId, Timestamp};
use omi_kernel::row::{Run, RunInput};
use omi_kernel::status::Status;
use rusqlite::{Connection, Result};

use crate::rows::{json, parsed};

/// The runs of the session that are over, but this one.
pub(super) fn before(db: &Connection, run: &Run) -> Result<History> {
    let sql = "SELECT run_id, status, input_json, COALESCE(final_text, ''), completed_at_ms, adapter_id FROM runs \
               WHERE session_id = ?1 AND run_id != ?2 \
               AND status IN ('succeeded', 'failed', 'cancelled', 'timed_out', 'orphaned') \
               ORDER BY created_at_ms DESC, rowid DESC";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([run.session.as_str(), run.id.as_str()])?;
    let mut history = History::default();
    while let Some(row) = rows.next()? {
        let input: RunInput = json(row, 2)?;
        history.add_older(PastRun {
            run: parsed(row, 0, |text| RunId::parse(text).ok())?,
            status: parsed(row, 1, Status::parse)?,
            prompt: input.prompt,
            answer: row.get(3)?,
            completed_at: Timestamp(row.get(4)?),
            adapter: AdapterId(row.get(5)?),
            system_prompt: input.system_prompt,
        });
    }
    Ok(history)
}
