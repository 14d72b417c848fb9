//! Runs with their attempts as they are listed.

use omi_kernel::id::{AdapterId, OwnerId, RunId, SessionId, Timestamp, WorkerId};
use omi_kernel::status::Status;
use rusqlite::{Connection, Result, Row, named_params};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::time;
use crate::rows::{all, first, json, parsed, perhaps};
use crate::words::ACTIVE;

/// A run as it is listed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunView {
    /// Its identifier.
    pub run_id: String,
    /// Its session.
    pub session_id: String,
    /// The run that delegated it.
    pub parent_run_id: Option<String>,
    /// The client that asked.
    pub client_id: String,
    /// The client's request.
    pub request_id: String,
    /// The client's key.
    pub idempotency_key: Option<String>,
    /// The registration.
    pub adapter_id: String,
    /// Where it stands.
    pub status: String,
    /// `ask` or `act`.
    pub mode: String,
    /// What was asked.
    #[schema(value_type = Object)]
    pub input: Value,
    /// What it needs of a model.
    pub model_profile: Option<String>,
    /// The model asked for.
    pub requested_model_id: Option<String>,
    /// The working folder asked for.
    pub cwd: Option<String>,
    /// The system prompt as a hash.
    pub system_prompt_hash: Option<String>,
    /// Why it is to be tried again, until its next attempt begins.
    pub retry_reason: Option<String>,
    /// The checkpoint that its next attempt is to begin from.
    pub retry_checkpoint_id: Option<String>,
    /// The answer, whole or partial.
    pub final_text: Option<String>,
    /// What else its end said.
    #[schema(value_type = Option<Object>)]
    pub result: Option<Value>,
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
    #[schema(value_type = i64)]
    pub created_at_ms: Timestamp,
    /// When its adapter first had it.
    #[schema(value_type = Option<i64>)]
    pub started_at_ms: Option<Timestamp>,
    /// When it was over.
    #[schema(value_type = Option<i64>)]
    pub completed_at_ms: Option<Timestamp>,
    /// Its attempts, the first one first.
    pub attempts: Vec<AttemptView>,
}

/// An attempt as it is listed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttemptView {
    /// Its identifier.
    pub attempt_id: String,
    /// 1 for the first of its run.
    pub attempt_no: i64,
    /// Where it stands.
    pub status: String,
    /// The registration.
    pub adapter_id: String,
    /// The worker that has it; none once the daemon that had the worker is gone.
    pub worker_id: Option<String>,
    /// The binding it used.
    pub binding_id: Option<String>,
    /// The runtime's name of its session.
    pub adapter_session_id: Option<String>,
    /// The attempt it took over from.
    pub resume_from_attempt_id: Option<String>,
    /// The checkpoint it began from.
    pub checkpoint_artifact_id: Option<String>,
    /// Another attempt may help.
    pub retryable: bool,
    /// Why there was another attempt.
    pub retry_reason: Option<String>,
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
    /// Reports that came when it was over.
    pub late_reports: i64,
    /// What else was recorded: the digest of its component.
    #[schema(value_type = Object)]
    pub metadata: Value,
    /// When it was made.
    #[schema(value_type = i64)]
    pub created_at_ms: Timestamp,
    /// When its adapter had it.
    #[schema(value_type = Option<i64>)]
    pub started_at_ms: Option<Timestamp>,
    /// When it was over.
    #[schema(value_type = Option<i64>)]
    pub completed_at_ms: Option<Timestamp>,
    /// When somebody wanted it to stop.
    #[schema(value_type = Option<i64>)]
    pub cancellation_requested_at_ms: Option<Timestamp>,
    /// When the runtime was told.
    #[schema(value_type = Option<i64>)]
    pub cancellation_dispatched_at_ms: Option<Timestamp>,
    /// When the runtime confirmed.
    #[schema(value_type = Option<i64>)]
    pub cancellation_acknowledged_at_ms: Option<Timestamp>,
}

/// Which runs are listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunFilter {
    /// Of this owner.
    pub owner: Option<OwnerId>,
    /// Of this session.
    pub session: Option<SessionId>,
    /// That are not over.
    pub active: bool,
    /// That stand here.
    pub status: Option<Status>,
    /// The oldest first, not the newest.
    pub oldest_first: bool,
    /// After this one, the last of the page before. What is recorded meanwhile is left out of no page and is on no page
    /// twice, because what the order goes by never changes.
    pub after: Option<RunId>,
    /// At most so many.
    pub limit: u32,
    /// What was asked and answered in them is at most so many bytes, but for the first one; none means any.
    pub bytes_max: Option<usize>,
}

/// A run that holds a worker, as it is listed: it has begun and is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldingRun {
    /// Its identifier.
    pub run_id: RunId,
    /// The registration.
    pub adapter_id: AdapterId,
    /// The worker.
    pub worker_id: Option<WorkerId>,
}

pub(super) fn holding(db: &Connection) -> Result<Vec<HoldingRun>> {
    let sql = format!(
        "SELECT run_id, adapter_id, (SELECT NULLIF(adapter_instance_id, '') FROM run_attempts \
         WHERE run_attempts.run_id = runs.run_id ORDER BY attempt_no DESC LIMIT 1) \
         FROM runs WHERE status IN {ACTIVE} AND status != 'queued'"
    );
    all(db.prepare_cached(&sql)?, [], |row| {
        Ok(HoldingRun {
            run_id: parsed(row, 0, |text| RunId::parse(text).ok())?,
            adapter_id: AdapterId(row.get(1)?),
            worker_id: perhaps(row, 2, |text| WorkerId::parse(text).ok())?,
        })
    })
}

const VIEW: &str = "run_id, session_id, parent_run_id, client_id, request_id, idempotency_key, adapter_id, \
     status, mode, input_json, model_profile, requested_model_id, cwd, system_prompt_hash, retry_reason, \
     retry_checkpoint_id, final_text, result_json, error_code, error_message, input_tokens, output_tokens, \
     cache_read_tokens, cache_write_tokens, cost_usd, created_at_ms, started_at_ms, completed_at_ms";

pub(super) fn list(db: &Connection, filter: &RunFilter) -> Result<Vec<RunView>> {
    // What is asked for is spelled out, not tested for NULL: only so does SQLite use the index that follows it.
    let of_session = filter.session.as_ref().map_or(":session IS NULL", |_| "session_id = :session");
    let active = if filter.active { format!("status IN {ACTIVE}") } else { "1".to_owned() };
    let (direction, beyond) = if filter.oldest_first { ("ASC", '>') } else { ("DESC", '<') };
    let after = match filter.after {
        Some(_) => format!(
            "(created_at_ms, rowid) {beyond} (SELECT created_at_ms, rowid FROM runs WHERE run_id = :after)"
        ),
        None => ":after IS NULL".to_owned(),
    };
    let sql = format!(
        "SELECT {VIEW} FROM runs WHERE {of_session} AND {after} AND {active} \
         AND (:status IS NULL OR status = :status) AND (:owner IS NULL OR :owner = \
         (SELECT owner_id FROM sessions WHERE sessions.session_id = runs.session_id)) \
         ORDER BY created_at_ms {direction}, rowid {direction} LIMIT :limit"
    );
    let values = named_params! {
        ":session": filter.session.as_ref().map(SessionId::as_str),
        ":after": filter.after.as_ref().map(RunId::as_str), ":status": filter.status.map(Status::as_str),
        ":owner": filter.owner.as_ref().map(OwnerId::as_str), ":limit": filter.limit,
    };
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(values)?;
    let (mut runs, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        bytes += size(row)?;
        if !runs.is_empty() && filter.bytes_max.is_some_and(|max| bytes > max) {
            break;
        }
        runs.push(view(row)?);
    }
    for run in &mut runs {
        run.attempts = attempts(db, &run.run_id)?;
    }
    Ok(runs)
}

pub(super) fn one(db: &Connection, owner: Option<&OwnerId>, id: &RunId) -> Result<Option<RunView>> {
    let sql = format!(
        "SELECT {VIEW} FROM runs WHERE run_id = ?1 AND (?2 IS NULL OR ?2 = \
         (SELECT owner_id FROM sessions WHERE sessions.session_id = runs.session_id))"
    );
    let mut found = first(db.prepare_cached(&sql)?, (id.as_str(), owner.map(OwnerId::as_str)), view)?;
    if let Some(run) = &mut found {
        run.attempts = attempts(db, &run.run_id)?;
    }
    Ok(found)
}

/// Bytes of what was asked and answered.
fn size(row: &Row<'_>) -> Result<usize> {
    let length =
        |column: usize| -> Result<usize> { Ok(row.get_ref(column)?.as_str_or_null()?.map_or(0, str::len)) };
    Ok(length(9)? + length(16)?)
}

fn view(row: &Row<'_>) -> Result<RunView> {
    Ok(RunView {
        run_id: row.get(0)?,
        session_id: row.get(1)?,
        parent_run_id: row.get(2)?,
        client_id: row.get(3)?,
        request_id: row.get(4)?,
        idempotency_key: row.get(5)?,
        adapter_id: row.get(6)?,
        status: row.get(7)?,
        mode: row.get(8)?,
        input: json(row, 9)?,
        model_profile: row.get(10)?,
        requested_model_id: row.get(11)?,
        cwd: row.get(12)?,
        system_prompt_hash: row.get(13)?,
        retry_reason: row.get(14)?,
        retry_checkpoint_id: row.get(15)?,
        final_text: row.get(16)?,
        result: perhaps(row, 17, |text| serde_json::from_str(text).ok())?,
        error_code: row.get(18)?,
        error_message: row.get(19)?,
        input_tokens: row.get(20)?,
        output_tokens: row.get(21)?,
        cache_read_tokens: row.get(22)?,
        cache_write_tokens: row.get(23)?,
        cost_usd: row.get(24)?,
        created_at_ms: Timestamp(row.get(25)?),
        started_at_ms: time(row, 26)?,
        completed_at_ms: time(row, 27)?,
        attempts: Vec::new(),
    })
}

fn attempts(db: &Connection, run: &str) -> Result<Vec<AttemptView>> {
    let sql = "SELECT attempt_id, attempt_no, status, adapter_id, NULLIF(adapter_instance_id, ''), binding_id, \
         (SELECT adapter_native_session_id FROM adapter_bindings \
          WHERE adapter_bindings.binding_id = run_attempts.binding_id), \
         resume_from_attempt_id, checkpoint_artifact_id, retryable, retry_reason, error_code, error_message, \
         input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_usd, late_reports, \
         metadata_json, created_at_ms, started_at_ms, completed_at_ms, cancellation_requested_at_ms, \
         cancellation_dispatched_at_ms, cancellation_acknowledged_at_ms \
         FROM run_attempts WHERE run_id = ?1 ORDER BY attempt_no";
    all(db.prepare_cached(sql)?, [run], |row| {
        Ok(AttemptView {
            attempt_id: row.get(0)?,
            attempt_no: row.get(1)?,
            status: row.get(2)?,
            adapter_id: row.get(3)?,
            worker_id: row.get(4)?,
            binding_id: row.get(5)?,
            adapter_session_id: row.get(6)?,
            resume_from_attempt_id: row.get(7)?,
            checkpoint_artifact_id: row.get(8)?,
            retryable: row.get(9)?,
            retry_reason: row.get(10)?,
            error_code: row.get(11)?,
            error_message: row.get(12)?,
            input_tokens: row.get(13)?,
            output_tokens: row.get(14)?,
            cache_read_tokens: row.get(15)?,
            cache_write_tokens: row.get(16)?,
            cost_usd: row.get(17)?,
            late_reports: row.get(18)?,
            metadata: json(row, 19)?,
            created_at_ms: Timestamp(row.get(20)?),
            started_at_ms: time(row, 21)?,
            completed_at_ms: time(row, 22)?,
            cancellation_requested_at_ms: time(row, 23)?,
            cancellation_dispatched_at_ms: time(row, 24)?,
            cancellation_acknowledged_at_ms: time(row, 25)?,
        })
    })
}
