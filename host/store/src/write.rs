//! Writes the rows of a decision. Every update names the state it saw; a row that is elsewhere is a conflict.

use omi_kernel::decision::{AttemptChange, NewAttempt, NewBinding, NewRun, NewSession, RunChange, Write};
use omi_kernel::event::{Event, NewEvent, Retention, Visibility};
use omi_kernel::id::{AttemptId, BindingId, Cursor, RunId, Timestamp, WorkerId};
use omi_kernel::status::Status;
use rusqlite::{Connection, Result, named_params};
use serde_json::json;

use crate::rows::{fidelity_text, mode_text};

/// What one write came to.
pub(crate) enum Written {
    /// The row is as the decision wants it.
    Done,
    /// The row was not where the decision saw it.
    Conflict,
}

fn changed(rows: usize) -> Written {
    if rows == 0 { Written::Conflict } else { Written::Done }
}

/// Writes one row.
pub(crate) fn write(db: &Connection, write: &Write, now: Timestamp) -> Result<Written> {
    match write {
        Write::InsertSession(session) => insert_session(db, session, now),
        Write::TouchSession(id) => {
            let sql =
                "UPDATE sessions SET updated_at_ms = ?2, last_activity_at_ms = ?2 WHERE session_id = ?1";
            db.prepare_cached(sql)?.execute((id.as_str(), now.0)).map(changed)
        }
        Write::InsertRun(run) => insert_run(db, run, now),
        Write::MoveRun { id, from, to, change } => move_run(db, id, *from, *to, change, now),
        Write::InsertAttempt(attempt) => insert_attempt(db, attempt, now),
        Write::MoveAttempt { id, from, to, change } => move_attempt(db, id, *from, *to, change, now),
        Write::RecordCancelDispatch { id, dispatched, acknowledged } => {
            let sql = "UPDATE run_attempts SET updated_at_ms = ?4, \
                 cancellation_dispatched_at_ms = COALESCE(cancellation_dispatched_at_ms, IIF(?2, ?4, NULL)), \
                 cancellation_acknowledged_at_ms = COALESCE(cancellation_acknowledged_at_ms, IIF(?3, ?4, NULL)) \
                 WHERE attempt_id = ?1";
            db.prepare_cached(sql)?.execute((id.as_str(), dispatched, acknowledged, now.0)).map(changed)
        }
        Write::InsertBinding(binding) => insert_binding(db, binding, now),
        Write::ResumeBinding { id, fidelity, worker, native_id } => {
            let sql = "UPDATE adapter_bindings SET resume_fidelity = ?2, adapter_instance_id = ?3, \
                 adapter_native_session_id = ?4, updated_at_ms = ?5, last_used_at_ms = ?5 \
                 WHERE binding_id = ?1 AND status = 'active'";
            let worker = worker.as_ref().map(WorkerId::as_str);
            let values = (id.as_str(), fidelity_text(*fidelity), worker, native_id.as_str(), now.0);
            db.prepare_cached(sql)?.execute(values).map(changed)
        }
        Write::MoveBinding { id, from, to } => {
            let sql = "UPDATE adapter_bindings SET status = ?3, adapter_instance_id = NULL, updated_at_ms = ?4, \
                 invalidated_at_ms = COALESCE(invalidated_at_ms, ?4) WHERE binding_id = ?1 AND status = ?2";
            let values = (id.as_str(), from.as_str(), to.as_str(), now.0);
            db.prepare_cached(sql)?.execute(values).map(changed)
        }
        Write::InsertLegacyGrant { id, session, run } => {
            let sql = "INSERT INTO grants (grant_id, session_id, run_id, capability, operation, \
                 resource_pattern, effect, source, created_at_ms) \
                 VALUES (?1, ?2, ?3, '*', '*', '*', 'allow', 'legacy_default', ?4)";
            let values = (id.as_str(), session.as_str(), run.as_str(), now.0);
            db.prepare_cached(sql)?.execute(values).map(changed)
        }
        Write::CompactMessage { attempt, message } => {
            let sql = "DELETE FROM events WHERE attempt_id = ?1 AND type = 'message.delta' \
                 AND json_extract(payload_json, '$.message') = ?2";
            db.prepare_cached(sql)?.execute([attempt.as_str(), message])?;
            Ok(Written::Done)
        }
        Write::ForgetWorkers => {
            db.execute(
                "UPDATE run_attempts SET adapter_instance_id = '' WHERE adapter_instance_id != ''",
                [],
            )?;
            let sql = "UPDATE adapter_bindings SET adapter_instance_id = NULL \
                 WHERE adapter_instance_id IS NOT NULL";
            db.execute(sql, [])?;
            Ok(Written::Done)
        }
    }
}

fn insert_session(db: &Connection, session: &NewSession, now: Timestamp) -> Result<Written> {
    let sql = "INSERT INTO sessions (session_id, owner_id, title, status, surface_kind, external_ref_kind, \
         external_ref_id, legacy_client_scope, legacy_session_key, default_adapter_id, default_cwd, \
         created_at_ms, updated_at_ms, last_activity_at_ms) \
         VALUES (:id, :owner, :title, 'open', :surface, :external_kind, :external_id, :scope, :key, :adapter, \
         :cwd, :now, :now, :now)";
    let (external_kind, external_id) = session.external.clone().unzip();
    let (scope, key) = session.legacy.clone().unzip();
    let values = named_params! {
        ":id": session.id.as_str(), ":owner": session.owner.as_str(), ":title": session.title,
        ":surface": session.surface, ":external_kind": external_kind, ":external_id": external_id,
        ":scope": scope, ":key": key, ":adapter": session.default_adapter.as_str(),
        ":cwd": session.default_cwd, ":now": now.0,
    };
    db.prepare_cached(sql)?.execute(values).map(changed)
}

fn insert_run(db: &Connection, run: &NewRun, now: Timestamp) -> Result<Written> {
    let sql = "INSERT INTO runs (run_id, session_id, client_id, request_id, status, mode, adapter_id, \
         input_json, system_prompt_hash, requested_model_id, cwd, created_at_ms, updated_at_ms) \
         VALUES (:id, :session, :client, :request, 'queued', :mode, :adapter, :input, :hash, :model, :cwd, \
         :now, :now)";
    let values = named_params! {
        ":id": run.id.as_str(), ":session": run.session.as_str(), ":client": run.client.as_str(),
        ":request": run.request.as_str(), ":mode": mode_text(run.mode), ":adapter": run.adapter.as_str(),
        ":input": json!(run.input).to_string(), ":hash": run.system_prompt_hash, ":model": run.model,
        ":cwd": run.cwd, ":now": now.0,
    };
    db.prepare_cached(sql)?.execute(values).map(changed)
}

fn move_run(
    db: &Connection,
    id: &RunId,
    from: Status,
    to: Status,
    change: &RunChange,
    now: Timestamp,
) -> Result<Written> {
    let sql = "UPDATE runs SET status = :to, updated_at_ms = :now, \
         started_at_ms = COALESCE(started_at_ms, IIF(:to = 'running', :now, NULL)), \
         completed_at_ms = IIF(:terminal, :now, NULL), \
         final_text = COALESCE(:text, final_text), \
         error_code = :error_code, error_message = :error_message, \
         result_json = COALESCE(:result, result_json) \
         WHERE run_id = :id AND status = :from";
    let result = change.stop_reason.as_ref().map(|reason| json!({ "stopReason": reason }).to_string());
    let values = named_params! {
        ":id": id.as_str(), ":from": from.as_str(), ":to": to.as_str(), ":now": now.0,
        ":terminal": to.is_terminal(), ":text": change.text, ":result": result,
        ":error_code": change.error.as_ref().map(|error| error.code.as_str()),
        ":error_message": change.error.as_ref().map(|error| error.message.as_str()),
    };
    db.prepare_cached(sql)?.execute(values).map(changed)
}

fn insert_attempt(db: &Connection, attempt: &NewAttempt, now: Timestamp) -> Result<Written> {
    let sql = "INSERT INTO run_attempts (attempt_id, run_id, attempt_no, status, adapter_id, \
         adapter_instance_id, resume_from_attempt_id, retry_reason, metadata_json, created_at_ms, \
         updated_at_ms) \
         VALUES (:id, :run, :number, 'starting', :adapter, :worker, :from, :reason, :metadata, :now, :now)";
    let values = named_params! {
        ":id": attempt.id.as_str(), ":run": attempt.run.as_str(), ":number": attempt.number,
        ":adapter": attempt.adapter.as_str(), ":worker": attempt.worker.as_str(),
        ":from": attempt.resume_from.as_ref().map(AttemptId::as_str), ":reason": attempt.retry_reason,
        ":metadata": json!({ "componentDigest": attempt.digest }).to_string(), ":now": now.0,
    };
    db.prepare_cached(sql)?.execute(values).map(changed)
}

fn move_attempt(
    db: &Connection,
    id: &AttemptId,
    from: Status,
    to: Status,
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
    if let Some(usage) = change.usage {
        record_usage(db, id, usage)?;
    }
    Ok(written)
}

/// The use of an attempt, and of its run as the sum over its attempts (seed §9.3).
fn record_usage(db: &Connection, id: &AttemptId, usage: omi_kernel::report::Usage) -> Result<()> {
    let sql = "UPDATE run_attempts SET input_tokens = ?2, output_tokens = ?3, cache_read_tokens = ?4, \
         cache_write_tokens = ?5, cost_usd = ?6 WHERE attempt_id = ?1";
    let values = (
        id.as_str(),
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.cost_usd,
    );
    db.prepare_cached(sql)?.execute(values)?;
    let sql = "UPDATE runs SET (input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_usd) = \
         (SELECT SUM(input_tokens), SUM(output_tokens), SUM(cache_read_tokens), SUM(cache_write_tokens), \
         SUM(cost_usd) FROM run_attempts WHERE run_attempts.run_id = runs.run_id) \
         WHERE run_id = (SELECT run_id FROM run_attempts WHERE attempt_id = ?1)";
    db.prepare_cached(sql)?.execute([id.as_str()])?;
    Ok(())
}

fn insert_binding(db: &Connection, binding: &NewBinding, now: Timestamp) -> Result<Written> {
    let sql = "INSERT INTO adapter_bindings (binding_id, session_id, adapter_id, binding_generation, \
         adapter_native_session_id, adapter_instance_id, resume_fidelity, status, cwd, model_id, \
         system_prompt_hash, metadata_json, created_at_ms, updated_at_ms, last_used_at_ms) \
         VALUES (:id, :session, :adapter, :generation, :native, :worker, :fidelity, 'active', :cwd, :model, \
         :hash, :metadata, :now, :now, :now)";
    let values = named_params! {
        ":id": binding.id.as_str(), ":session": binding.session.as_str(),
        ":adapter": binding.adapter.as_str(), ":generation": binding.generation,
        ":native": binding.native_id.as_str(), ":worker": binding.worker.as_ref().map(WorkerId::as_str),
        ":fidelity": fidelity_text(binding.fidelity), ":cwd": binding.cwd, ":model": binding.model,
        ":hash": binding.system_prompt_hash, ":now": now.0,
        ":metadata": json!({ "componentDigest": binding.digest }).to_string(),
    };
    db.prepare_cached(sql)?.execute(values).map(changed)
}

/// Records an event. Answers it as it is recorded.
pub(crate) fn event(db: &Connection, event: &NewEvent, now: Timestamp) -> Result<Event> {
    let sql = "INSERT INTO events (event_id, session_id, run_id, attempt_id, type, retention_class, \
         visibility, payload_json, created_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let retention = match event.retention {
        Retention::Core => "core",
        Retention::Transient => "transient",
    };
    let visibility = match event.visibility {
        Visibility::Ui => "ui",
        Visibility::Internal => "internal",
    };
    db.prepare_cached(sql)?.execute((
        event.id.as_str(),
        event.about.session.as_str(),
        event.about.run.as_ref().map(RunId::as_str),
        event.about.attempt.as_ref().map(AttemptId::as_str),
        event.kind.as_str(),
        retention,
        visibility,
        event.payload.to_string(),
        now.0,
    ))?;
    let cursor = Cursor(db.last_insert_rowid());
    let request_id = match &event.about.run {
        Some(run) => crate::rows::first(
            db.prepare_cached("SELECT request_id FROM runs WHERE run_id = ?1")?,
            [run.as_str()],
            |row| row.get(0).map(omi_kernel::id::RequestId),
        )?,
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
        payload: event.payload.clone(),
    })
}
