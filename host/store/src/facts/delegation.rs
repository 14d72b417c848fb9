//! What is above and below a run: who it works for, what that may cost, and what works for it.

use omi_kernel::artifact::ArtifactSummary;
use omi_kernel::delegation::{Budget, Delegation, RESULT_ARTIFACTS_MAX};
use omi_kernel::facts::{Descendant, Facts, RunUsage, WaitingParent};
use omi_kernel::id::{AdapterId, ClientId, DelegationId, RequestId, RunId, SessionId};
use omi_kernel::report::Usage;
use omi_kernel::row::{Attempt, Run, Session};
use rusqlite::{Connection, Result, Row};

use super::{request, run, session};
use crate::rows::{self, ARTIFACT_SUMMARY, DELEGATION, RUN, SESSION, all, first, only, parsed};
use crate::words::ACTIVE;

/// Runs that are above each other, at most: far more than the kernel allows (5), so that a circle in a damaged file
/// ends.
const CHAIN_MAX: u32 = 64;

/// What is there for a run that asks another one for work.
pub(super) fn asked(
    db: &Connection,
    parent: &RunId,
    session: Option<&SessionId>,
    by: (&ClientId, &RequestId),
) -> Result<Facts> {
    let mut facts = run::by_id(db, parent)?;
    let Some(parent) = &facts.run else { return Ok(facts) };
    facts.depth = depth(db, parent)?;
    facts.budgets = match &parent.parent {
        Some(_) => budgets(db, &parent.id)?,
        None => Vec::new(),
    };
    facts.waiting_parents = waiting_parents(db)?;
    if let Some(session) = session {
        facts.child_session = child_session(db, &parent.session, session)?;
    }
    if let Some(session) = &facts.child_session {
        facts.bindings = session::bindings(db, &session.id)?;
    }
    facts.keyed = session::with_session(db, run::of_request(db, by.0, by.1)?)?;
    if let Some((run, _)) = &facts.keyed {
        facts.delegation = any(db, &run.id)?;
    }
    Ok(facts)
}

/// The delegation that a run works for, if that has not ended.
pub(super) fn unended(db: &Connection, run: &RunId) -> Result<Option<Delegation>> {
    let sql = format!(
        "SELECT {DELEGATION} FROM delegations WHERE child_run_id = ?1 AND status IN ('pending', 'running')"
    );
    first(db.prepare_cached(&sql)?, [run.as_str()], rows::delegation)
}

/// The delegation that a run works for, ended or not.
fn any(db: &Connection, run: &RunId) -> Result<Option<Delegation>> {
    let sql = format!("SELECT {DELEGATION} FROM delegations WHERE child_run_id = ?1");
    first(db.prepare_cached(&sql)?, [run.as_str()], rows::delegation)
}

/// Whether a run waits for the result of a delegation.
pub(super) fn awaits_child(db: &Connection, run: &RunId) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM delegations WHERE parent_run_id = ?1 \
               AND mode IN ('call', 'continue') AND status IN ('pending', 'running'))";
    db.prepare_cached(sql)?.query_row([run.as_str()], only)
}

/// The runs that hold a worker and wait for the result of another run.
fn waiting_parents(db: &Connection) -> Result<Vec<WaitingParent>> {
    let sql = format!(
        "SELECT runs.adapter_id, run_attempts.adapter_instance_id FROM runs JOIN run_attempts USING (run_id) \
         WHERE runs.status IN {ACTIVE} AND run_attempts.status IN {ACTIVE} \
         AND EXISTS (SELECT 1 FROM delegations WHERE parent_run_id = runs.run_id \
                     AND mode IN ('call', 'continue') AND status IN ('pending', 'running')) \
         ORDER BY runs.rowid"
    );
    all(db.prepare_cached(&sql)?, [], |row| {
        Ok(WaitingParent { adapter: AdapterId(row.get(0)?), worker: rows::worker(row, 1)? })
    })
}

/// How many runs are above a run.
fn depth(db: &Connection, run: &Run) -> Result<u32> {
    if run.parent.is_none() {
        return Ok(0);
    }
    let sql = "WITH RECURSIVE above (id, height) AS (SELECT ?1, 0 UNION ALL \
               SELECT parent_run_id, height + 1 FROM above JOIN runs ON run_id = id \
               WHERE parent_run_id IS NOT NULL AND height < ?2) SELECT MAX(height) FROM above";
    db.prepare_cached(sql)?.query_row((run.id.as_str(), CHAIN_MAX), only)
}

/// What a run and those above it may still cost, the run's own delegation first. A delegation that has ended still
/// limits what works below it.
pub(super) fn budgets(db: &Connection, run: &RunId) -> Result<Vec<Budget>> {
    let sql = "WITH RECURSIVE above (id, height) AS (SELECT ?1, 0 UNION ALL \
               SELECT parent_run_id, height + 1 FROM above JOIN runs ON run_id = id \
               WHERE parent_run_id IS NOT NULL AND height < ?2) \
               SELECT delegation_id, budget_usd, (WITH RECURSIVE below (id) AS (SELECT child_run_id UNION \
                   SELECT run_id FROM below JOIN runs ON parent_run_id = below.id) \
                   SELECT TOTAL(cost_usd) FROM below JOIN runs ON run_id = below.id) \
               FROM above JOIN delegations ON child_run_id = above.id ORDER BY height";
    all(db.prepare_cached(sql)?, (run.as_str(), CHAIN_MAX), |row| {
        Ok(Budget {
            delegation: parsed(row, 0, |text| DelegationId::parse(text).ok())?,
            limit_usd: row.get(1)?,
            spent_usd: row.get(2)?,
        })
    })
}

/// The runs below a run that are not over, the nearest first. What is over may have others below it that are not.
pub(super) fn descendants(db: &Connection, run: &RunId) -> Result<Vec<Descendant>> {
    let sql = format!(
        "WITH RECURSIVE below (id, distance) AS (SELECT ?1, 0 UNION ALL \
         SELECT run_id, distance + 1 FROM below JOIN runs ON parent_run_id = id WHERE distance < ?2) \
         SELECT {RUN} FROM below JOIN runs ON run_id = id \
         WHERE distance > 0 AND status IN {ACTIVE} ORDER BY distance, runs.rowid"
    );
    let runs = all(db.prepare_cached(&sql)?, (run.as_str(), CHAIN_MAX), rows::run)?;
    runs.into_iter().map(|run| descendant(db, run)).collect()
}

fn descendant(db: &Connection, run: Run) -> Result<Descendant> {
    let attempt = run::live_attempt(db, &run.id)?;
    let open_requests = match &attempt {
        Some(attempt) => request::open(db, attempt)?,
        None => Vec::new(),
    };
    let delegation = unended(db, &run.id)?;
    Ok(Descendant { run, attempt, open_requests, delegation })
}

/// The session to go on in, if this session has delegated to it before.
fn child_session(db: &Connection, parent: &SessionId, child: &SessionId) -> Result<Option<Session>> {
    let sql = format!(
        "SELECT {SESSION} FROM sessions WHERE session_id = ?2 AND EXISTS \
         (SELECT 1 FROM delegations WHERE parent_session_id = ?1 AND child_session_id = ?2)"
    );
    first(db.prepare_cached(&sql)?, [parent.as_str(), child.as_str()], rows::session)
}

/// What a run has made: the newest, the last one last.
pub(super) fn artifacts(db: &Connection, run: &RunId) -> Result<Vec<ArtifactSummary>> {
    let sql =
        format!("SELECT {ARTIFACT_SUMMARY} FROM artifacts WHERE run_id = ?1 ORDER BY rowid DESC LIMIT ?2");
    let limit = u32::try_from(RESULT_ARTIFACTS_MAX).unwrap_or(u32::MAX);
    let mut made = all(db.prepare_cached(&sql)?, (run.as_str(), limit), rows::artifact_summary)?;
    made.reverse();
    Ok(made)
}

/// What an attempt has used, and those before it of the same run.
pub(super) fn usage(db: &Connection, attempt: Option<&Attempt>) -> Result<RunUsage> {
    let Some(attempt) = attempt else { return Ok(RunUsage::default()) };
    let sums = "SELECT SUM(input_tokens), SUM(output_tokens), SUM(cache_read_tokens), \
                SUM(cache_write_tokens), SUM(cost_usd) FROM run_attempts WHERE run_id = ?1 AND attempt_no";
    let of = (attempt.run.as_str(), attempt.number);
    Ok(RunUsage {
        before: db.prepare_cached(&format!("{sums} < ?2"))?.query_row(of, used)?,
        attempt: db.prepare_cached(&format!("{sums} = ?2"))?.query_row(of, used)?,
    })
}

fn used(row: &Row<'_>) -> Result<Usage> {
    let tokens = |column| {
        let sum: Option<i64> = row.get(column)?;
        // Sums may go beyond what the kernel counts: more than that says no more.
        Ok::<_, rusqlite::Error>(sum.map(|sum| u32::try_from(sum).unwrap_or(u32::MAX)))
    };
    Ok(Usage {
        input_tokens: tokens(0)?,
        output_tokens: tokens(1)?,
        cache_read_tokens: tokens(2)?,
        cache_write_tokens: tokens(3)?,
        cost_usd: row.get(4)?,
    })
}
