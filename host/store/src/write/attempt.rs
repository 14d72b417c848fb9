//! Attempts, and the workers that execute them.

use omi_kernel::id::{ArtifactId, AttemptId, BindingId, Timestamp};
use omi_kernel::new::NewAttempt;
use omi_kernel::report::{Lease, Usage};
use omi_kernel::status::Status;
use omi_kernel::write::AttemptChange;
use rusqlite::{Connection, Result, named_params};
use serde_json::json;

use super::{Written, changed};
use crate::words::recovery_text;

pub(super) fn insert(db: &Connection, attempt: &NewAttempt, now: Timestamp) -> Result<Written> {
    let sql = "INSERT INTO run_attempts (attempt_id, run_id, attempt_no, status, adapter_id, \
         adapter_instance_id, resume_from_attempt_id, checkpoint_artifact_id, retry_reason, metadata_json, \
         lease_json, recovery, created_at_ms, updated_at_ms) \
         VALUES (:id, :run, :number, 'starting', :adapter, :worker, :from, :checkpoint, :reason, :metadata, \
         :lease, :recovery, :now, :now)";
    let values = named_params! {
        ":id": attempt.id.as_str(), ":run": attempt.run.as_str(), ":number": attempt.number,
        ":adapter": attempt.adapter.as_str(), ":worker": attempt.worker.as_str(),
        ":from": attempt.resume_from.as_ref().map(AttemptId::as_str),
        ":checkpoint": attempt.checkpoint.as_ref().map(ArtifactId::as_str),
        ":reason": attempt.retry_reason,
        ":metadata": json!({ "componentDigest": attempt.digest }).to_string(),
        ":lease": attempt.lease.as_ref().map(|lease| json!(lease).to_string()), ":now": now.0,
        ":recovery": recovery_text(attempt.recovery),
    };
    db.prepare_cached(sql)?.execute(values).map(changed)
}

pub(super) fn advance(
    db: &Connection,
    id: &AttemptId,
    (from, to): (Status, Status),
    change: &AttemptChange,
    now: Timestamp,
) -> Result<Written> {
    let sql = "UPDATE run_attempts SET status = :to, updated_at_ms = :now, \
         started_at_ms = COALESCE(started_at_ms, IIF(:to = 'running', :now, NULL)), \
         completed_at_ms = IIF(:terminal, :now, NULL), \
         cancellation_requested_at_ms = \
             COALESCE(cancellation_requested_at_ms, IIF(:to = 'cancelling', :now, NULL)), \
         binding_id = COALESCE(:binding, binding_id), \
         error_code = :error_code, error_message = :error_message, \
         retryable = :retryable, retry_reason = COALESCE(:reason, retry_reason) \
         WHERE attempt_id = :id AND status = :from";
    let values = named_params! {
        ":id": id.as_str(), ":from": from.as_str(), ":to": to.as_str(), ":now": now.0,
        ":terminal": to.is_terminal(),
        ":binding": change.binding.as_ref().map(BindingId::as_str),
        ":error_code": change.error.as_ref().map(|error| error.code.as_str()),
        ":error_message": change.error.as_ref().map(|error| error.message.as_str()),
        ":retryable": change.retry_reason.is_some(), ":reason": change.retry_reason,
    };
    let written = changed(db.prepare_cached(sql)?.execute(values)?);
    match change.usage {
        Some(used) => usage(db, id, used),
        None => Ok(written),
    }
}

/// The use of an attempt, and of its run as the sum over its attempts (seed §9.3). What is said last counts; what was
/// said once and not again stays.
pub(super) fn usage(db: &Connection, id: &AttemptId, usage: Usage) -> Result<Written> {
    let sql = "UPDATE run_attempts SET input_tokens = COALESCE(?2, input_tokens), \
         output_tokens = COALESCE(?3, output_tokens), cache_read_tokens = COALESCE(?4, cache_read_tokens), \
         cache_write_tokens = COALESCE(?5, cache_write_tokens), cost_usd = COALESCE(?6, cost_usd) \
         WHERE attempt_id = ?1";
    let values = (
        id.as_str(),
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.cost_usd,
    );
    let written = changed(db.prepare_cached(sql)?.execute(values)?);
    let sql = "UPDATE runs SET (input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_usd) = \
         (SELECT SUM(input_tokens), SUM(output_tokens), SUM(cache_read_tokens), SUM(cache_write_tokens), \
         SUM(cost_usd) FROM run_attempts WHERE run_attempts.run_id = runs.run_id) \
         WHERE run_id = (SELECT run_id FROM run_attempts WHERE attempt_id = ?1)";
    db.prepare_cached(sql)?.execute([id.as_str()])?;
    Ok(written)
}

pub(super) fn cancel_dispatch(
    db: &Connection,
    id: &AttemptId,
    dispatched: bool,
    acknowledged: bool,
    now: Timestamp,
) -> Result<Written> {
    let sql = "UPDATE run_attempts SET updated_at_ms = ?4, \
         cancellation_dispatched_at_ms = COALESCE(cancellation_dispatched_at_ms, IIF(?2, ?4, NULL)), \
         cancellation_acknowledged_at_ms = COALESCE(cancellation_acknowledged_at_ms, IIF(?3, ?4, NULL)) \
         WHERE attempt_id = ?1";
    db.prepare_cached(sql)?.execute((id.as_str(), dispatched, acknowledged, now.0)).map(changed)
}

pub(super) fn lease(db: &Connection, id: &AttemptId, lease: &Lease) -> Result<Written> {
    let sql = "UPDATE run_attempts SET lease_json = ?2 WHERE attempt_id = ?1";
    db.prepare_cached(sql)?.execute((id.as_str(), json!(lease).to_string())).map(changed)
}

pub(super) fn late(db: &Connection, id: &AttemptId, count: u32) -> Result<Written> {
    let sql = "UPDATE run_attempts SET late_reports = late_reports + ?2 WHERE attempt_id = ?1";
    db.prepare_cached(sql)?.execute((id.as_str(), count)).map(changed)
}

/// The lease of an attempt stays: only the mark that its worker may still be there goes.
pub(super) fn forget_workers(db: &Connection) -> Result<Written> {
    let sql = "UPDATE run_attempts SET adapter_instance_id = '' WHERE adapter_instance_id != ''";
    db.execute(sql, [])?;
    let sql = "UPDATE adapter_bindings SET adapter_instance_id = NULL WHERE adapter_instance_id IS NOT NULL";
    db.execute(sql, [])?;
    Ok(Written::Done)
}
