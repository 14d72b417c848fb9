//! Every row and every column of the database beside what the reference has: nothing is left out.

mod gate;

use std::path::Path;

use omi_kernel::command::RunMode;
use omi_kernel::descriptor::Fidelity;
use omi_kernel::event::{Retention, Visibility};
use omi_kernel::id::Timestamp;
use omi_kernel::report::FailureDetail;
use omi_model::Record;
use omi_model::row::{AttemptRow, BindingRow, DelegationRow, RunRow, SessionRow};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Map, Value, json};

/// The tables, and the order of their rows.
const TABLES: [(&str, &str); 11] = [
    ("sessions", "rowid"),
    ("runs", "rowid"),
    ("run_attempts", "rowid"),
    ("adapter_bindings", "rowid"),
    ("artifacts", "rowid"),
    ("delegations", "rowid"),
    ("grants", "rowid"),
    ("component_grants", "rowid"),
    ("components", "path"),
    ("gate_decisions", "decision_seq"),
    ("events", "event_seq"),
];

/// The rows of a table as JSON objects. Columns whose name says JSON are read as such.
fn rows(db: &Connection, table: &str, order: &str) -> Vec<Value> {
    let mut statement = db.prepare(&format!("SELECT * FROM {table} ORDER BY {order}")).unwrap();
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut rows = statement.query([]).unwrap();
    let mut found = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let mut object = Map::new();
        for (index, name) in columns.iter().enumerate() {
            let value = match row.get_ref(index).unwrap() {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(number) => json!(number),
                ValueRef::Real(number) => json!(number),
                ValueRef::Text(text) if name.ends_with("_json") => serde_json::from_slice(text).unwrap(),
                ValueRef::Text(text) => json!(std::str::from_utf8(text).unwrap()),
                ValueRef::Blob(_) => panic!("{table}.{name} is a blob"),
            };
            object.insert(name.clone(), value);
        }
        found.push(Value::Object(object));
    }
    found
}

/// The database has exactly the rows of the reference.
pub(crate) fn assert_equal(path: &Path, reference: &Record) {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let count = "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let count: u32 = db.query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(count as usize, TABLES.len() + 1, "a table that nobody compares (beside `schema_migrations`)");
    for (table, order) in TABLES {
        let (is, should) = (rows(&db, table, order), expected(reference, table));
        assert_eq!(is.len(), should.len(), "rows of {table}");
        for (is, should) in is.into_iter().zip(should) {
            assert_eq!(is, should, "a row of {table}");
        }
    }
}

fn expected(reference: &Record, table: &str) -> Vec<Value> {
    match table {
        "sessions" => reference.sessions.rows().iter().map(session).collect(),
        "runs" => reference.runs.rows().iter().map(run).collect(),
        "run_attempts" => reference.attempts.rows().iter().map(attempt).collect(),
        "adapter_bindings" => reference.bindings.rows().iter().map(binding).collect(),
        "artifacts" => artifacts(reference),
        "delegations" => reference.delegations.rows().iter().map(delegation).collect(),
        "grants" => reference.grants.rows().iter().map(gate::grant).collect(),
        "component_grants" => reference.component_grants.iter().map(gate::component_grant).collect(),
        "components" => reference.components.values().map(gate::component).collect(),
        "gate_decisions" => reference.gate_decisions.iter().map(gate::decision).collect(),
        "events" => events(reference),
        table => panic!("nobody knows what is in {table}"),
    }
}

fn at(time: Option<Timestamp>) -> Option<i64> {
    time.map(|time| time.0)
}

fn code(error: Option<&FailureDetail>) -> (Option<&str>, Option<&str>) {
    error.map(|error| (error.code.as_str(), error.message.as_str())).unzip()
}

fn fidelity(fidelity: Fidelity) -> &'static str {
    match fidelity {
        Fidelity::Native => "native",
        Fidelity::Reconstructed => "reconstructed",
        Fidelity::None => "none",
    }
}

fn session(row: &SessionRow) -> Value {
    let session = &row.session;
    let (external_kind, external_id) = row.external.clone().unzip();
    let (scope, key) = row.legacy.clone().unzip();
    json!({
        "session_id": session.id, "owner_id": session.owner, "agent_definition_id": "omi.generalist@1",
        "title": session.title, "status": session.status.as_str(), "surface_kind": row.surface,
        "external_ref_kind": external_kind, "external_ref_id": external_id,
        "legacy_client_scope": scope, "legacy_session_key": key,
        "default_adapter_id": session.default_adapter, "default_cwd": session.default_cwd,
        "model_profile": session.profile.map(omi_kernel::model::ModelProfile::as_str), "metadata_json": row.metadata,
        "created_at_ms": row.created_at.0, "updated_at_ms": row.updated_at.0,
        "last_activity_at_ms": row.used_at.0, "pruned_through": row.pruned_through.0,
    })
}

fn run(row: &RunRow) -> Value {
    let run = &row.run;
    let (error_code, error_message) = code(row.error.as_ref());
    let mode = match run.mode {
        RunMode::Ask => "ask",
        RunMode::Act => "act",
    };
    json!({
        "run_id": run.id, "session_id": run.session, "parent_run_id": run.parent, "client_id": run.client,
        "request_id": run.request, "idempotency_key": row.key, "status": run.status.as_str(), "mode": mode,
        "adapter_id": run.adapter, "input_json": run.input, "system_prompt_hash": run.system_prompt_hash,
        "model_profile": run.profile.as_str(), "requested_model_id": run.model, "cwd": run.cwd,
        "final_text": row.text,
        "result_json": row.stop_reason.as_ref().map(|reason| json!({ "stopReason": reason })),
        "error_code": error_code, "error_message": error_message,
        "input_tokens": row.usage.input_tokens, "output_tokens": row.usage.output_tokens,
        "cache_read_tokens": row.usage.cache_read_tokens, "cache_write_tokens": row.usage.cache_write_tokens,
        "cost_usd": row.usage.cost_usd, "created_at_ms": row.created_at.0,
        "started_at_ms": at(row.started_at), "completed_at_ms": at(row.completed_at),
        "updated_at_ms": row.updated_at.0,
        "retry_reason": run.retry.as_ref().map(|note| &note.reason),
        "retry_checkpoint_id": run.retry.as_ref().and_then(|note| note.checkpoint.as_ref()),
    })
}

fn attempt(row: &AttemptRow) -> Value {
    let attempt = &row.attempt;
    let (error_code, error_message) = code(row.error.as_ref());
    json!({
        "attempt_id": attempt.id, "run_id": attempt.run, "attempt_no": attempt.number,
        "status": attempt.status.as_str(), "adapter_id": attempt.adapter,
        "adapter_instance_id": attempt.worker.as_ref().map_or("", |worker| worker.as_str()),
        "runtime_node_id": "desktop-local", "binding_id": attempt.binding, "adapter_native_run_id": null,
        "resume_from_attempt_id": row.resume_from, "checkpoint_artifact_id": row.checkpoint,
        "retry_reason": attempt.retry_reason, "retryable": i32::from(row.retryable),
        "cancellation_requested_at_ms": at(row.cancel_requested_at),
        "cancellation_dispatched_at_ms": at(row.cancel_dispatched_at),
        "cancellation_acknowledged_at_ms": at(row.cancel_acknowledged_at),
        "input_tokens": row.usage.input_tokens, "output_tokens": row.usage.output_tokens,
        "cache_read_tokens": row.usage.cache_read_tokens, "cache_write_tokens": row.usage.cache_write_tokens,
        "cost_usd": row.usage.cost_usd, "started_at_ms": at(row.started_at),
        "completed_at_ms": at(row.completed_at), "error_code": error_code, "error_message": error_message,
        "metadata_json": { "componentDigest": row.digest }, "created_at_ms": row.created_at.0,
        "updated_at_ms": row.updated_at.0, "lease_json": row.lease, "late_reports": row.late,
        "recovery": attempt.recovery,
    })
}

fn binding(row: &BindingRow) -> Value {
    let binding = &row.binding;
    json!({
        "binding_id": binding.id, "session_id": binding.session, "adapter_id": binding.adapter,
        "binding_generation": binding.generation, "adapter_native_session_id": binding.native_id,
        "adapter_instance_id": binding.worker, "resume_fidelity": fidelity(binding.fidelity),
        "status": binding.status.as_str(), "cwd": binding.cwd, "model_id": row.new.model,
        "system_prompt_hash": binding.system_prompt_hash,
        "metadata_json": { "componentDigest": row.new.digest }, "created_at_ms": row.created_at.0,
        "updated_at_ms": row.updated_at.0, "last_used_at_ms": row.used_at.0,
        "invalidated_at_ms": at(row.invalidated_at), "mcp_hash": binding.mcp_hash,
    })
}

fn artifacts(reference: &Record) -> Vec<Value> {
    let value = |row: &omi_model::row::ArtifactFull| {
        let new = &row.new;
        json!({
            "artifact_id": new.id, "session_id": new.session, "run_id": new.run, "attempt_id": new.attempt,
            "kind": new.kind, "role": new.role.as_str(), "uri": new.uri, "display_name": new.name,
            "mime_type": new.mime_type, "content_hash": new.content_hash, "size_bytes": new.size_bytes,
            "metadata_json": new.metadata, "lifecycle_state": row.state.as_str(),
            "lifecycle_updated_at_ms": at(row.state_at), "created_at_ms": row.created_at.0,
        })
    };
    reference.artifacts.rows().iter().map(value).collect()
}

fn delegation(row: &DelegationRow) -> Value {
    let delegation = &row.delegation;
    json!({
        "delegation_id": delegation.id, "parent_session_id": delegation.parent_session,
        "parent_run_id": delegation.parent_run, "child_session_id": delegation.child_session,
        "child_run_id": delegation.child_run, "mode": delegation.mode.as_str(),
        "status": delegation.status.as_str(), "objective": row.objective, "request_json": row.request,
        "result_artifact_id": null, "created_at_ms": row.created_at.0,
        "completed_at_ms": at(row.completed_at), "budget_usd": delegation.budget_usd,
        "result_json": row.result,
    })
}

fn events(reference: &Record) -> Vec<Value> {
    let value = |row: &omi_model::row::EventRow| {
        let event = &row.event;
        let retention = match event.retention {
            Retention::Core => "core",
            Retention::Transient => "transient",
        };
        let visibility = match event.visibility {
            Visibility::Ui => "ui",
            Visibility::Internal => "internal",
        };
        json!({
            "event_seq": row.cursor.0, "event_id": event.id, "session_id": event.about.session,
            "run_id": event.about.run, "attempt_id": event.about.attempt, "type": event.kind.as_str(),
            "retention_class": retention, "visibility": visibility, "payload_json": event.payload,
            "created_at_ms": row.at.0,
        })
    };
    reference.events.values().map(value).collect()
}
