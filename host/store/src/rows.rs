//! Reads rows into the kernel's types. A row that cannot be read is an error, never a guess.

use omi_kernel::command::RunMode;
use omi_kernel::descriptor::Fidelity;
use omi_kernel::id::{
    AdapterId, AttemptId, BindingId, ClientId, NativeSessionId, OwnerId, RequestId, RunId, SessionId,
    WorkerId,
};
use omi_kernel::row::{Attempt, Binding, BindingStatus, Run, Session};
use omi_kernel::status::Status;
use rusqlite::types::Type;
use rusqlite::{Row, Statement};

/// The columns that [`session`] reads.
pub(crate) const SESSION: &str = "session_id, owner_id, default_adapter_id, default_cwd, status";
/// The columns that [`run`] reads.
pub(crate) const RUN: &str = "run_id, session_id, client_id, request_id, status, mode, input_json, adapter_id, \
     requested_model_id, cwd, system_prompt_hash";
/// The columns that [`attempt`] reads.
pub(crate) const ATTEMPT: &str = "attempt_id, run_id, attempt_no, status, adapter_id, adapter_instance_id, \
     binding_id, cancellation_dispatched_at_ms, cancellation_acknowledged_at_ms";
/// The columns that [`binding`] reads.
pub(crate) const BINDING: &str = "binding_id, session_id, adapter_id, binding_generation, \
     adapter_native_session_id, resume_fidelity, status, cwd, system_prompt_hash";

/// A column whose text has a fixed set of values or a fixed form.
pub(crate) fn parsed<T>(
    row: &Row<'_>,
    column: usize,
    parse: impl FnOnce(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    parse(&text).ok_or_else(|| {
        let message = format!("`{text}` is not a value of this column");
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, message.into())
    })
}

pub(crate) fn session(row: &Row<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        id: parsed(row, 0, |text| SessionId::parse(text).ok())?,
        owner: OwnerId(row.get(1)?),
        default_adapter: AdapterId(row.get(2)?),
        default_cwd: row.get(3)?,
        open: row.get::<_, String>(4)? == "open",
    })
}

pub(crate) fn run(row: &Row<'_>) -> rusqlite::Result<Run> {
    Ok(Run {
        id: parsed(row, 0, |text| RunId::parse(text).ok())?,
        session: parsed(row, 1, |text| SessionId::parse(text).ok())?,
        client: ClientId(row.get(2)?),
        request: RequestId(row.get(3)?),
        status: parsed(row, 4, Status::parse)?,
        mode: parsed(row, 5, mode)?,
        input: parsed(row, 6, |text| serde_json::from_str(text).ok())?,
        adapter: AdapterId(row.get(7)?),
        model: row.get(8)?,
        cwd: row.get(9)?,
        system_prompt_hash: row.get(10)?,
    })
}

pub(crate) fn attempt(row: &Row<'_>) -> rusqlite::Result<Attempt> {
    let binding: Option<String> = row.get(6)?;
    Ok(Attempt {
        id: parsed(row, 0, |text| AttemptId::parse(text).ok())?,
        run: parsed(row, 1, |text| RunId::parse(text).ok())?,
        number: row.get(2)?,
        status: parsed(row, 3, Status::parse)?,
        adapter: AdapterId(row.get(4)?),
        // The empty string is the mark of a worker that is gone (SPEC §1.5).
        worker: WorkerId::parse(&row.get::<_, String>(5)?).ok(),
        binding: binding.and_then(|text| BindingId::parse(&text).ok()),
        cancel_dispatched: row.get::<_, Option<i64>>(7)?.is_some(),
        cancel_acknowledged: row.get::<_, Option<i64>>(8)?.is_some(),
    })
}

pub(crate) fn binding(row: &Row<'_>) -> rusqlite::Result<Binding> {
    let native_id: Option<String> = row.get(4)?;
    Ok(Binding {
        id: parsed(row, 0, |text| BindingId::parse(text).ok())?,
        session: parsed(row, 1, |text| SessionId::parse(text).ok())?,
        adapter: AdapterId(row.get(2)?),
        generation: row.get(3)?,
        native_id: native_id.map(NativeSessionId),
        fidelity: parsed(row, 5, fidelity)?,
        status: parsed(row, 6, BindingStatus::parse)?,
        cwd: row.get(7)?,
        system_prompt_hash: row.get(8)?,
    })
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

fn mode(text: &str) -> Option<RunMode> {
    match text {
        "ask" => Some(RunMode::Ask),
        "act" => Some(RunMode::Act),
        _ => None,
    }
}

pub(crate) fn mode_text(mode: RunMode) -> &'static str {
    match mode {
        RunMode::Ask => "ask",
        RunMode::Act => "act",
    }
}

fn fidelity(text: &str) -> Option<Fidelity> {
    match text {
        "native" => Some(Fidelity::Native),
        "reconstructed" => Some(Fidelity::Reconstructed),
        "none" => Some(Fidelity::None),
        _ => None,
    }
}

pub(crate) fn fidelity_text(fidelity: Fidelity) -> &'static str {
    match fidelity {
        Fidelity::Native => "native",
        Fidelity::Reconstructed => "reconstructed",
        Fidelity::None => "none",
    }
}
