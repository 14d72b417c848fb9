//! Reads rows into the kernel's types. A row that cannot be read is an error, never a guess.

mod grant;

use omi_kernel::artifact::{ArtifactRole, ArtifactRow, ArtifactState, ArtifactSummary};
use omi_kernel::delegation::{Delegation, DelegationMode, DelegationStatus};
use omi_kernel::id::{
    AdapterId, ArtifactId, AttemptId, BindingId, ClientId, DelegationId, NativeSessionId, OwnerId, RequestId,
    RunId, SessionId, WorkerId,
};
use omi_kernel::model::ModelProfile;
use omi_kernel::row::{Attempt, Binding, BindingStatus, RetryNote, Run, Session};
use omi_kernel::session::SessionStatus;
use omi_kernel::status::Status;
use rusqlite::types::{FromSql, FromSqlError, Type};
use rusqlite::{Connection, Row, Statement};
use serde::de::DeserializeOwned;

pub(crate) use grant::{
    ANY_CAPABILITY, COMPONENT, COMPONENT_GRANT, Constraints, GRANT, capability, component, component_grant,
    grant,
};

use crate::words;

/// The columns that [`session`] reads.
pub(crate) const SESSION: &str =
    "session_id, owner_id, default_adapter_id, default_cwd, model_profile, title, status";
/// The columns that [`run`] reads.
pub(crate) const RUN: &str = "run_id, session_id, client_id, request_id, status, mode, input_json, \
     parent_run_id, adapter_id, model_profile, requested_model_id, cwd, system_prompt_hash, retry_reason, \
     retry_checkpoint_id";
/// The columns that [`attempt`] reads.
pub(crate) const ATTEMPT: &str = "attempt_id, run_id, attempt_no, status, adapter_id, adapter_instance_id, \
     binding_id, cancellation_dispatched_at_ms, cancellation_acknowledged_at_ms, retry_reason, recovery";
/// The columns that [`binding`] reads.
pub(crate) const BINDING: &str = "binding_id, session_id, adapter_id, binding_generation, \
     adapter_native_session_id, resume_fidelity, status, cwd, system_prompt_hash, mcp_hash, \
     adapter_instance_id";
/// The columns that [`delegation`] reads.
pub(crate) const DELEGATION: &str = "delegation_id, parent_session_id, parent_run_id, child_session_id, \
     child_run_id, mode, status, budget_usd";
/// The columns that [`artifact`] reads.
pub(crate) const ARTIFACT: &str = "artifact_id, session_id, run_id, attempt_id, role, lifecycle_state";
/// The columns that [`artifact_summary`] reads.
pub(crate) const ARTIFACT_SUMMARY: &str = "artifact_id, kind, role, uri, display_name, content_hash";

/// A column whose text has a fixed set of values or a fixed form.
pub(crate) fn parsed<T>(
    row: &Row<'_>,
    column: usize,
    parse: impl FnOnce(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str().map_err(|error| no_text(column, error))?;
    parse(text).ok_or_else(|| unreadable(column, text))
}

/// Such a column that may be empty.
pub(crate) fn perhaps<T>(
    row: &Row<'_>,
    column: usize,
    parse: impl FnOnce(&str) -> Option<T>,
) -> rusqlite::Result<Option<T>> {
    let text = row.get_ref(column)?.as_str_or_null().map_err(|error| no_text(column, error))?;
    let Some(text) = text else { return Ok(None) };
    parse(text).map(Some).ok_or_else(|| unreadable(column, text))
}

/// A column of JSON.
pub(crate) fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    parsed(row, column, |text| serde_json::from_str(text).ok())
}

/// A row that does not read as what it must be: damage.
pub(crate) fn unreadable(column: usize, text: &str) -> rusqlite::Error {
    let message = format!("`{text}` is not a value of this column");
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, message.into())
}

/// A row whose column must be a text and is none: damage.
fn no_text(column: usize, error: FromSqlError) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into())
}

/// The first row, if there is one.
pub(crate) fn first<'s, T>(
    mut statement: impl std::ops::DerefMut<Target = Statement<'s>>,
    parameters: impl rusqlite::Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<T>> {
    let mut rows = statement.query(parameters)?;
    rows.next()?.map(read).transpose()
}

/// Every row.
pub(crate) fn all<'s, T>(
    mut statement: impl std::ops::DerefMut<Target = Statement<'s>>,
    parameters: impl rusqlite::Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    statement.query_map(parameters, read)?.collect()
}

/// The client's request that a run answers.
pub(crate) fn request_of(db: &Connection, run: &RunId) -> rusqlite::Result<Option<RequestId>> {
    let sql = "SELECT request_id FROM runs WHERE run_id = ?1";
    first(db.prepare_cached(sql)?, [run.as_str()], |row| row.get(0).map(RequestId))
}

/// The first column of a row.
pub(crate) fn only<T: FromSql>(row: &Row<'_>) -> rusqlite::Result<T> {
    row.get(0)
}

pub(crate) fn session(row: &Row<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        id: parsed(row, 0, |text| SessionId::parse(text).ok())?,
        owner: OwnerId(row.get(1)?),
        default_adapter: AdapterId(row.get(2)?),
        default_cwd: row.get(3)?,
        profile: perhaps(row, 4, ModelProfile::parse)?,
        title: row.get(5)?,
        status: parsed(row, 6, SessionStatus::parse)?,
    })
}

pub(crate) fn run(row: &Row<'_>) -> rusqlite::Result<Run> {
    let checkpoint = perhaps(row, 14, |text| ArtifactId::parse(text).ok())?;
    Ok(Run {
        id: parsed(row, 0, |text| RunId::parse(text).ok())?,
        session: parsed(row, 1, |text| SessionId::parse(text).ok())?,
        client: ClientId(row.get(2)?),
        request: RequestId(row.get(3)?),
        status: parsed(row, 4, Status::parse)?,
        mode: parsed(row, 5, words::mode)?,
        input: json(row, 6)?,
        parent: perhaps(row, 7, |text| RunId::parse(text).ok())?,
        adapter: AdapterId(row.get(8)?),
        // The first schema recorded no profile: every run was a person's.
        profile: perhaps(row, 9, ModelProfile::parse)?.unwrap_or(ModelProfile::MainReasoner),
        model: row.get(10)?,
        cwd: row.get(11)?,
        system_prompt_hash: row.get(12)?,
        retry: row.get::<_, Option<String>>(13)?.map(|reason| RetryNote { reason, checkpoint }),
    })
}

pub(crate) fn attempt(row: &Row<'_>) -> rusqlite::Result<Attempt> {
    Ok(Attempt {
        id: parsed(row, 0, |text| AttemptId::parse(text).ok())?,
        run: parsed(row, 1, |text| RunId::parse(text).ok())?,
        number: row.get(2)?,
        status: parsed(row, 3, Status::parse)?,
        adapter: AdapterId(row.get(4)?),
        worker: worker(row, 5)?,
        binding: perhaps(row, 6, |text| BindingId::parse(text).ok())?,
        cancel_dispatched: row.get::<_, Option<i64>>(7)?.is_some(),
        cancel_acknowledged: row.get::<_, Option<i64>>(8)?.is_some(),
        retry_reason: row.get(9)?,
        recovery: parsed(row, 10, words::recovery)?,
    })
}

/// The empty string is the mark of a worker that is gone (SPEC §1.5).
pub(crate) fn worker(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<WorkerId>> {
    let text: String = row.get(column)?;
    if text.is_empty() {
        return Ok(None);
    }
    WorkerId::parse(&text).map(Some).map_err(|_| unreadable(column, &text))
}

pub(crate) fn binding(row: &Row<'_>) -> rusqlite::Result<Binding> {
    Ok(Binding {
        id: parsed(row, 0, |text| BindingId::parse(text).ok())?,
        session: parsed(row, 1, |text| SessionId::parse(text).ok())?,
        adapter: AdapterId(row.get(2)?),
        generation: row.get(3)?,
        native_id: row.get::<_, Option<String>>(4)?.map(NativeSessionId),
        fidelity: parsed(row, 5, words::fidelity)?,
        status: parsed(row, 6, BindingStatus::parse)?,
        cwd: row.get(7)?,
        system_prompt_hash: row.get(8)?,
        mcp_hash: row.get(9)?,
        worker: perhaps(row, 10, |text| WorkerId::parse(text).ok())?,
    })
}

pub(crate) fn delegation(row: &Row<'_>) -> rusqlite::Result<Delegation> {
    Ok(Delegation {
        id: parsed(row, 0, |text| DelegationId::parse(text).ok())?,
        parent_session: parsed(row, 1, |text| SessionId::parse(text).ok())?,
        parent_run: parsed(row, 2, |text| RunId::parse(text).ok())?,
        child_session: parsed(row, 3, |text| SessionId::parse(text).ok())?,
        child_run: parsed(row, 4, |text| RunId::parse(text).ok())?,
        mode: parsed(row, 5, DelegationMode::parse)?,
        status: parsed(row, 6, DelegationStatus::parse)?,
        budget_usd: row.get(7)?,
    })
}

pub(crate) fn artifact(row: &Row<'_>) -> rusqlite::Result<ArtifactRow> {
    Ok(ArtifactRow {
        id: parsed(row, 0, |text| ArtifactId::parse(text).ok())?,
        session: parsed(row, 1, |text| SessionId::parse(text).ok())?,
        run: perhaps(row, 2, |text| RunId::parse(text).ok())?,
        attempt: perhaps(row, 3, |text| AttemptId::parse(text).ok())?,
        role: parsed(row, 4, ArtifactRole::parse)?,
        state: parsed(row, 5, ArtifactState::parse)?,
    })
}

pub(crate) fn artifact_summary(row: &Row<'_>) -> rusqlite::Result<ArtifactSummary> {
    Ok(ArtifactSummary {
        artifact_id: parsed(row, 0, |text| ArtifactId::parse(text).ok())?,
        kind: row.get(1)?,
        role: parsed(row, 2, ArtifactRole::parse)?,
        uri: row.get(3)?,
        display_name: row.get(4)?,
        content_hash: row.get(5)?,
    })
}
