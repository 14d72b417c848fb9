//! What an adapter is told, as the JSON of the contract.

use omi_engine::limits as host;
use serde_json::{Value, json};

/// Ids that only look like Omi's: an adapter may not keep or return them.
pub(crate) const SESSION: &str = "ses_00000000000000000000000000000001";
/// The run of every attempt here.
pub(crate) const RUN: &str = "run_00000000000000000000000000000002";

/// What the played host allows of a worker, where a case may want it otherwise; the rest is as hosts have it by default.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) inputs: usize,
    pub(crate) chunk_bytes: usize,
    pub(crate) stdin_bytes: usize,
}

pub(crate) fn start(config: &Value, grants: &[String], limits: Limits) -> Value {
    json!({ "start": {
        "registration": "check", "config": config.to_string(), "host-version": env!("CARGO_PKG_VERSION"),
        "host-extensions": [], "grants": grants, "limits": to_json(limits), "seed": 1,
    }})
}

fn to_json(limits: Limits) -> Value {
    json!({
        "inputs-per-call": limits.inputs, "outputs-per-call": host::OUTPUTS_PER_CALL, "call-ms": host::CALL_MS,
        "chunk-bytes": limits.chunk_bytes, "stdin-queue-bytes": limits.stdin_bytes,
        "inline-bytes": host::INLINE_BYTES, "processes": host::PROCESSES, "timers": host::TIMERS,
        "requests": host::REQUESTS, "blob-bytes": host::BLOB_BYTES,
    })
}

pub(crate) fn stop() -> Value {
    json!({ "stop": { "reason": "idle", "grace-ms": 2000 } })
}

pub(crate) fn authenticate(method: &str) -> Value {
    json!({ "authenticate": { "method": method } })
}

pub(crate) fn open(binding: u32) -> Value {
    json!({ "open-binding": { "binding": binding, "omi-session": SESSION, "settings": settings() } })
}

pub(crate) fn resume(binding: u32, native_id: &str) -> Value {
    json!({ "resume-binding":
        { "binding": binding, "omi-session": SESSION, "native-id": native_id, "settings": settings() } })
}

fn settings() -> Value {
    json!({ "cwd": "/work/project", "mcp-servers": [], "history": [], "history-left-out": 0 })
}

pub(crate) fn close(binding: u32) -> Value {
    json!({ "close-binding": { "binding": binding } })
}

pub(crate) fn execute(attempt: u32, binding: u32, prompt: &str) -> Value {
    let omi_attempt = format!("att_{attempt:032x}");
    json!({ "execute-attempt": {
        "attempt": attempt, "binding": binding, "omi-session": SESSION, "omi-run": RUN, "omi-attempt": omi_attempt,
        "number": 1, "prompt": [{ "text": prompt }], "mode": "act", "tools": [],
    }})
}

pub(crate) fn cancel(attempt: u32) -> Value {
    json!({ "cancel-attempt": { "attempt": attempt } })
}

pub(crate) fn approval(request: u32, decision: &Value) -> Value {
    json!({ "approval": { "request": request, "decision": decision } })
}

pub(crate) fn provided(request: u32, answer: &Value) -> Value {
    json!({ "provided-input": { "request": request, "answer": answer } })
}

pub(crate) fn tool_failed(op: u32) -> Value {
    let error = json!({ "code": "no_such_tool", "message": "the host offers no tools" });
    json!({ "tool-result": { "op": op, "outcome": { "failed": error } } })
}

pub(crate) fn spawned(op: u32) -> Value {
    json!({ "spawned": { "op": op } })
}

pub(crate) fn stdout(op: u32, data: &[u8], end: &str) -> Value {
    json!({ "stdout": { "op": op, "data": bytes(data), "end": end } })
}

pub(crate) fn stdin_progress(op: u32, accepted: usize) -> Value {
    json!({ "stdin-progress": { "op": op, "accepted": accepted, "queued": 0 } })
}

pub(crate) fn stdin_closed(op: u32, why: &str) -> Value {
    json!({ "stdin-closed": { "op": op, "why": why, "lost": 0 } })
}

pub(crate) fn exited(op: u32, exit: &Value) -> Value {
    json!({ "exited": { "op": op, "exit": exit, "stderr-tail": "" } })
}

pub(crate) fn timer(op: u32) -> Value {
    json!({ "timer": op })
}

pub(crate) fn file(op: u32, outcome: &Value) -> Value {
    json!({ "file": { "op": op, "outcome": outcome } })
}

pub(crate) fn file_read(op: u32, data: &[u8], size: usize) -> Value {
    let read = json!({ "content": { "bytes": bytes(data) }, "size": size });
    file(op, &json!({ "read": read }))
}

pub(crate) fn http_head(op: u32, status: u16, headers: &[(&String, &String)]) -> Value {
    json!({ "http-head": { "op": op, "status": status, "headers": headers } })
}

pub(crate) fn http_body(op: u32, data: &[u8], end: &str) -> Value {
    json!({ "http-body": { "op": op, "data": bytes(data), "end": end } })
}

pub(crate) fn http_end(op: u32, outcome: &Value) -> Value {
    json!({ "http-end": { "op": op, "outcome": outcome } })
}

pub(crate) fn blob_created(op: u32, blob: u32, size: usize) -> Value {
    json!({ "blob-created": { "op": op, "blob": blob, "size": size } })
}

pub(crate) fn refused(op: u32, why: &Value) -> Value {
    json!({ "refused": { "op": op, "why": why } })
}

pub(crate) fn extension(name: &str) -> Value {
    json!({ "extension": { "name": name, "json": "{\"of\": \"a later host\"}" } })
}

/// Bytes as the contract's JSON has them; a byte that is no text becomes a list of numbers, which is read as well.
pub(crate) fn bytes(data: &[u8]) -> Value {
    match std::str::from_utf8(data) {
        Ok(text) => Value::from(text),
        Err(_) => Value::from(data),
    }
}

/// The same input with a member in its `extra` that nobody knows.
pub(crate) fn with_extra(mut input: Value) -> Value {
    const EXTRA: &str = r#"{"of-a-later-host": {"x": [1, 2, 3]}}"#;
    let payloads = input.as_object_mut().into_iter().flat_map(|input| input.values_mut());
    for payload in payloads.filter(|payload| payload.is_object()) {
        payload["extra"] = EXTRA.into();
        for inner in ["settings", "limits"] {
            if payload[inner].is_object() {
                payload[inner]["extra"] = EXTRA.into();
            }
        }
    }
    input
}
