//! Bindings as they are listed.

use omi_kernel::command::RunMode;
use omi_kernel::id::{
    AdapterId, AttemptId, BindingId, ClientId, OwnerId, RequestId, RunId, SessionId, Timestamp,
};
use rusqlite::{Connection, Result};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::time;
use crate::rows::{all, first, json, parsed};
use crate::words;

/// One generation of the tie between a session and a native session, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BindingView {
    /// Its identifier.
    pub binding_id: String,
    /// Its session.
    pub session_id: String,
    /// The registration.
    pub adapter_id: String,
    /// 1 for the first of its session and registration.
    pub binding_generation: i64,
    /// The runtime's name of it.
    pub adapter_session_id: Option<String>,
    /// The worker that holds it.
    pub worker_id: Option<String>,
    /// `native`, `reconstructed` or `none`.
    pub resume_fidelity: String,
    /// `active`, `stale`, `invalid` or `closed`.
    pub status: String,
    /// The working folder.
    pub cwd: Option<String>,
    /// The model in use.
    pub model_id: Option<String>,
    /// The system prompt it was opened with, as a hash.
    pub system_prompt_hash: Option<String>,
    /// The MCP configuration it was opened with, as a hash.
    pub mcp_hash: Option<String>,
    /// What else was recorded: the digest of the component that opened it.
    #[schema(value_type = Object)]
    pub metadata: Value,
    /// When it was made.
    #[schema(value_type = i64)]
    pub created_at_ms: Timestamp,
    /// When it was last opened or taken up.
    #[schema(value_type = Option<i64>)]
    pub last_used_at_ms: Option<Timestamp>,
    /// When it could be used no longer.
    #[schema(value_type = Option<i64>)]
    pub invalidated_at_ms: Option<Timestamp>,
}

/// The attempt that a native session executes, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutingAttempt {
    /// The owner of its session.
    pub owner_id: OwnerId,
    /// Its session.
    pub session_id: SessionId,
    /// Its run.
    pub run_id: RunId,
    /// Itself.
    pub attempt_id: AttemptId,
    /// The client that asked for its run.
    pub client_id: ClientId,
    /// The client's request.
    pub request_id: RequestId,
    /// The registration.
    pub adapter_id: AdapterId,
    /// What its run may do.
    pub mode: RunMode,
}

/// The one attempt that a binding executes; none if its agent has no prompt, or is to stop.
pub(super) fn executing(db: &Connection, binding: &BindingId) -> Result<Option<ExecutingAttempt>> {
    // A run has one attempt that is not over, a session one prompt in flight; the newest is that of the binding.
    let sql = "SELECT owner_id, sessions.session_id, runs.run_id, attempt_id, run_attempts.adapter_id, mode, \
         client_id, request_id \
         FROM run_attempts JOIN runs USING (run_id) JOIN sessions USING (session_id) \
         WHERE run_attempts.status IN ('running', 'waiting_input', 'waiting_approval') \
         AND binding_id = ?1 ORDER BY run_attempts.rowid DESC LIMIT 1";
    first(db.prepare_cached(sql)?, [binding.as_str()], |row| {
        Ok(ExecutingAttempt {
            owner_id: OwnerId(row.get(0)?),
            session_id: parsed(row, 1, |text| SessionId::parse(text).ok())?,
            run_id: parsed(row, 2, |text| RunId::parse(text).ok())?,
            attempt_id: parsed(row, 3, |text| AttemptId::parse(text).ok())?,
            adapter_id: AdapterId(row.get(4)?),
            mode: parsed(row, 5, words::mode)?,
            client_id: ClientId(row.get(6)?),
            request_id: RequestId(row.get(7)?),
        })
    })
}

pub(super) fn list(
    db: &Connection,
    owner: Option<&OwnerId>,
    session: &SessionId,
) -> Result<Vec<BindingView>> {
    let sql = "SELECT binding_id, session_id, adapter_id, binding_generation, adapter_native_session_id, \
         adapter_instance_id, resume_fidelity, status, cwd, model_id, system_prompt_hash, mcp_hash, \
         metadata_json, created_at_ms, last_used_at_ms, invalidated_at_ms FROM adapter_bindings \
         WHERE session_id = ?1 AND (?2 IS NULL OR ?2 = \
         (SELECT owner_id FROM sessions WHERE sessions.session_id = adapter_bindings.session_id)) \
         ORDER BY rowid DESC";
    all(db.prepare_cached(sql)?, (session.as_str(), owner.map(OwnerId::as_str)), |row| {
        Ok(BindingView {
            binding_id: row.get(0)?,
            session_id: row.get(1)?,
            adapter_id: row.get(2)?,
            binding_generation: row.get(3)?,
            adapter_session_id: row.get(4)?,
            worker_id: row.get(5)?,
            resume_fidelity: row.get(6)?,
            status: row.get(7)?,
            cwd: row.get(8)?,
            model_id: row.get(9)?,
            system_prompt_hash: row.get(10)?,
            mcp_hash: row.get(11)?,
            metadata: json(row, 12)?,
            created_at_ms: Timestamp(row.get(13)?),
            last_used_at_ms: time(row, 14)?,
            invalidated_at_ms: time(row, 15)?,
        })
    })
}
