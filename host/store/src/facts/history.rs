//! What was said in a session before a run: by whom last, and as much of it as a runtime is told.

use omi_kernel::facts::Facts;
use omi_kernel::history::{History, PastRun};
use omi_kernel::id::{AdapterId, BindingId, RunId};
use omi_kernel::row::{Run, RunInput};
use omi_kernel::status::Status;
use rusqlite::{Connection, Result};

use crate::rows::{first, json, only, parsed};

/// The runs of a session that are over, but this one.
const OTHERS: &str = "FROM runs WHERE session_id = ?1 AND run_id != ?2 \
    AND status IN ('succeeded', 'failed', 'cancelled', 'timed_out', 'orphaned')";

/// Adds what a runtime that keeps nothing has to be told; a worker that holds these bindings may have heard it.
pub(super) fn added(db: &Connection, held: &[BindingId], facts: Facts) -> Result<Facts> {
    let Some(run) = &facts.run else { return Ok(facts) };
    let last_adapter = last_adapter(db, run)?;
    let binding = facts.binding.as_ref();
    let heard = last_adapter.as_ref().is_none_or(|last| *last == run.adapter)
        && binding.is_some_and(|binding| held.contains(&binding.id));
    let history = if heard { History::default() } else { before(db, run)? };
    let told = match binding.and_then(|binding| binding.system_prompt_hash.as_ref()) {
        Some(hash) => told(db, run, hash)?,
        None => None,
    };
    Ok(Facts { history, last_adapter, told, ..facts })
}

fn last_adapter(db: &Connection, run: &Run) -> Result<Option<AdapterId>> {
    let sql = format!(
        "SELECT adapter_id {OTHERS} ORDER BY completed_at_ms DESC, created_at_ms DESC, rowid DESC LIMIT 1"
    );
    let found: Option<String> =
        first(db.prepare_cached(&sql)?, [run.session.as_str(), run.id.as_str()], only)?;
    Ok(found.map(AdapterId))
}

/// The system prompt of this hash, as a run of the session named it.
fn told(db: &Connection, run: &Run, hash: &str) -> Result<Option<String>> {
    let sql = "SELECT input_json ->> 'systemPrompt' FROM runs WHERE session_id = ?1 AND system_prompt_hash = ?2 \
               ORDER BY created_at_ms DESC, rowid DESC LIMIT 1";
    Ok(first(db.prepare_cached(sql)?, [run.session.as_str(), hash], only)?.flatten())
}

/// The newest runs, as far as there is room for them. One that cannot be read is left out, and so are those before it.
fn before(db: &Connection, run: &Run) -> Result<History> {
    let of_it = [run.session.as_str(), run.id.as_str()];
    let sql = format!(
        "SELECT run_id, status, input_json, COALESCE(final_text, '') {OTHERS} \
         ORDER BY created_at_ms DESC, rowid DESC"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(of_it)?;
    let mut history = History::default();
    while let Some(row) = rows.next()? {
        if !past_run(row).is_ok_and(|past| history.add_older(past)) {
            let sql = format!("SELECT COUNT(*) {OTHERS}");
            let all: u32 = db.prepare_cached(&sql)?.query_row(of_it, only)?;
            history.left_out = all.saturating_sub(u32::try_from(history.runs.len()).unwrap_or(u32::MAX));
            break;
        }
    }
    Ok(history)
}

fn past_run(row: &rusqlite::Row<'_>) -> Result<PastRun> {
    let input: RunInput = json(row, 2)?;
    Ok(PastRun {
        run: parsed(row, 0, |text| RunId::parse(text).ok())?,
        status: parsed(row, 1, Status::parse)?,
        prompt: input.prompt,
        answer: row.get(3)?,
    })
}
