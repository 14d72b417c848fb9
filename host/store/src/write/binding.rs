//! Bindings.

use omi_kernel::descriptor::Fidelity;
use omi_kernel::id::{BindingId, NativeSessionId, Timestamp, WorkerId};
use omi_kernel::new::NewBinding;
use omi_kernel::row::BindingStatus;
use rusqlite::{Connection, Result, named_params};
use serde_json::json;

use super::{Written, changed};
use crate::words::fidelity_text;

pub(super) fn insert(db: &Connection, binding: &NewBinding, now: Timestamp) -> Result<Written> {
    let sql = "INSERT INTO adapter_bindings (binding_id, session_id, adapter_id, binding_generation, \
         adapter_native_session_id, adapter_instance_id, resume_fidelity, status, cwd, model_id, \
         system_prompt_hash, mcp_hash, metadata_json, created_at_ms, updated_at_ms, last_used_at_ms) \
         VALUES (:id, :session, :adapter, :generation, :native, :worker, :fidelity, 'active', :cwd, :model, \
         :hash, :mcp_hash, :metadata, :now, :now, :now)";
    let values = named_params! {
        ":id": binding.id.as_str(), ":session": binding.session.as_str(),
        ":adapter": binding.adapter.as_str(), ":generation": binding.generation,
        ":native": binding.native_id.as_str(), ":worker": binding.worker.as_ref().map(WorkerId::as_str),
        ":fidelity": fidelity_text(binding.fidelity), ":cwd": binding.cwd, ":model": binding.model,
        ":hash": binding.system_prompt_hash, ":mcp_hash": binding.mcp_hash, ":now": now.0,
        ":metadata": json!({ "componentDigest": binding.digest }).to_string(),
    };
    db.prepare_cached(sql)?.execute(values).map(changed)
}

pub(super) fn resume(
    db: &Connection,
    id: &BindingId,
    fidelity: Fidelity,
    worker: Option<&WorkerId>,
    native_id: &NativeSessionId,
    now: Timestamp,
) -> Result<Written> {
    let sql = "UPDATE adapter_bindings SET resume_fidelity = ?2, adapter_instance_id = ?3, \
         adapter_native_session_id = ?4, updated_at_ms = ?5, last_used_at_ms = ?5 \
         WHERE binding_id = ?1 AND status = 'active'";
    let worker = worker.map(WorkerId::as_str);
    let values = (id.as_str(), fidelity_text(fidelity), worker, native_id.as_str(), now.0);
    db.prepare_cached(sql)?.execute(values).map(changed)
}

pub(super) fn backfill(
    db: &Connection,
    id: &BindingId,
    system_prompt_hash: Option<&str>,
    mcp_hash: Option<&str>,
    now: Timestamp,
) -> Result<Written> {
    let sql = "UPDATE adapter_bindings SET updated_at_ms = ?4, \
         system_prompt_hash = COALESCE(system_prompt_hash, ?2), mcp_hash = COALESCE(mcp_hash, ?3) \
         WHERE binding_id = ?1 AND status = 'active'";
    db.prepare_cached(sql)?.execute((id.as_str(), system_prompt_hash, mcp_hash, now.0)).map(changed)
}

/// There may be none to release: that is no conflict.
pub(super) fn release(db: &Connection, worker: &WorkerId, now: Timestamp) -> Result<Written> {
    let sql = "UPDATE adapter_bindings SET adapter_instance_id = NULL, updated_at_ms = ?2 \
         WHERE adapter_instance_id = ?1";
    db.prepare_cached(sql)?.execute((worker.as_str(), now.0))?;
    Ok(Written::Done)
}

pub(super) fn advance(
    db: &Connection,
    id: &BindingId,
    (from, to): (BindingStatus, BindingStatus),
    now: Timestamp,
) -> Result<Written> {
    let sql = "UPDATE adapter_bindings SET status = ?3, adapter_instance_id = NULL, updated_at_ms = ?4, \
         invalidated_at_ms = COALESCE(invalidated_at_ms, ?4) WHERE binding_id = ?1 AND status = ?2";
    let values = (id.as_str(), from.as_str(), to.as_str(), now.0);
    db.prepare_cached(sql)?.execute(values).map(changed)
}
