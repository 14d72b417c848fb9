//! Runs.

use omi_kernel::id::{AdapterId, ArtifactId, RunId, Timestamp};
use omi_kernel::new::NewRun;
use omi_kernel::status::Status;
use omi_kernel::write::{ModelChange, RunChange};
use rusqlite::{Connection, Result, named_params};
use serde_json::json;

use super::{Written, changed};
use crate::words::mode_text;

pub(super) fn insert(db: &Connection, run: &NewRun, now: Timestamp) -> Result<Written> {
    let sql = "INSERT INTO runs (run_id, session_id, parent_run_id, client_id, request_id, idempotency_key, \
         status, mode, adapter_id, input_json, system_prompt_hash, model_profile, requested_model_id, cwd, \
         created_at_ms, updated_at_ms) \
         VALUES (:id, :session, :parent, :client, :request, :key, 'queued', :mode, :adapter, :input, :hash, \
         :profile, :model, :cwd, :now, :now)";
    let values = named_params! {
        ":id": run.id.as_str(), ":session": run.session.as_str(),
        ":parent": run.parent.as_ref().map(RunId::as_str), ":client": run.client.as_str(),
        ":request": run.request.as_str(), ":key": run.idempotency_key, ":mode": mode_text(run.mode),
        ":adapter": run.adapter.as_str(), ":input": json!(run.input).to_string(),
        ":hash": run.system_prompt_hash, ":profile": run.profile.as_str(), ":model": run.model,
        ":cwd": run.cwd, ":now": now.0,
    };
    db.prepare_cached(sql)?.execute(values).map(changed)
}

pub(super) fn advance(
    db: &Connection,
    id: &RunId,
    (from, to): (Status, Status),
    change: &RunChange,
    now: Timestamp,
) -> Result<Written> {
    let sql = "UPDATE runs SET status = :to, updated_at_ms = :now, \
         started_at_ms = COALESCE(started_at_ms, IIF(:to = 'running', :now, NULL)), \
         completed_at_ms = IIF(:terminal, :now, NULL), \
         final_text = COALESCE(:text, final_text), \
         error_code = :error_code, error_message = :error_message, \
         result_json = COALESCE(:result, result_json), \
         adapter_id = COALESCE(:adapter, adapter_id), \
         requested_model_id = IIF(:model_changes, :model, requested_model_id), \
         retry_reason = IIF(:retry_changes, :retry_reason, retry_reason), \
         retry_checkpoint_id = IIF(:retry_changes, :checkpoint, retry_checkpoint_id) \
         WHERE run_id = :id AND status = :from";
    let result = change.stop_reason.as_ref().map(|reason| json!({ "stopReason": reason }).to_string());
    let model = match &change.model {
        Some(ModelChange::Ask(model)) => Some(model.as_str()),
        Some(ModelChange::Unknown) | None => None,
    };
    let retry = change.retry.as_ref();
    let values = named_params! {
        ":id": id.as_str(), ":from": from.as_str(), ":to": to.as_str(), ":now": now.0,
        ":terminal": to.is_terminal(), ":text": change.text, ":result": result,
        ":error_code": change.error.as_ref().map(|error| error.code.as_str()),
        ":error_message": change.error.as_ref().map(|error| error.message.as_str()),
        ":adapter": change.adapter.as_ref().map(AdapterId::as_str),
        ":model_changes": change.model.is_some(), ":model": model,
        ":retry_changes": retry.is_some() || to == Status::Starting,
        ":retry_reason": retry.map(|note| note.reason.as_str()),
        ":checkpoint": retry.and_then(|note| note.checkpoint.as_ref()).map(ArtifactId::as_str),
    };
    db.prepare_cached(sql)?.execute(values).map(changed)
}
