//! Wire protocol v2: the messages of `serve --stdio` (SPEC §1.10).

use std::path::Path;

use omi_kernel::command::{Base64, PromptBlock, RunMode};
use omi_kernel::event::Event;
use omi_kernel::id::SessionId;
use omi_kernel::input::SessionRef;
use omi_store::{Reader, RunView, StoreError};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::CancelAck;
use crate::prompt::Prompt;

/// The version that is spoken.
const PROTOCOL_VERSION: u8 = 2;

/// What a client sends. An unknown type or field is an error that names it.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Inbound {
    /// Run a prompt.
    Query(Box<Query>),
    /// Stop the run of a request.
    Interrupt(Interrupt),
    /// End the daemon.
    Stop {},
}

/// Run a prompt.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Query {
    pub(crate) protocol_version: u8,
    pub(crate) request_id: String,
    pub(crate) client_id: String,
    adapter_id: Option<String>,
    session_id: Option<String>,
    surface_kind: Option<String>,
    external_ref_kind: Option<String>,
    external_ref_id: Option<String>,
    legacy_client_scope: Option<String>,
    legacy_session_key: Option<String>,
    prompt: String,
    image_base64: Option<String>,
    system_prompt: Option<String>,
    cwd: Option<String>,
    #[serde(default)]
    mode: RunMode,
    model: Option<String>,
}

/// Stop the run of a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Interrupt {
    pub(crate) protocol_version: u8,
    pub(crate) request_id: String,
    pub(crate) client_id: String,
}

/// Reads a line. The error is a sentence for the client.
pub(crate) fn read(line: &str) -> Result<Inbound, String> {
    let inbound = serde_json::from_str(line).map_err(|error| format!("this is no message: {error}"))?;
    let version = match &inbound {
        Inbound::Query(query) => query.protocol_version,
        Inbound::Interrupt(interrupt) => interrupt.protocol_version,
        Inbound::Stop {} => PROTOCOL_VERSION,
    };
    if version == PROTOCOL_VERSION {
        Ok(inbound)
    } else {
        Err(format!("protocol version {version} is not spoken here; hint: use {PROTOCOL_VERSION}"))
    }
}

impl Query {
    /// The prompt it carries. The error is a sentence for the client.
    pub(crate) fn prompt(self) -> Result<Prompt, String> {
        let id = self.session_id.as_deref().map(SessionId::parse).transpose().map_err(|e| e.to_string())?;
        if let Some(cwd) = self.cwd.as_deref().filter(|cwd| !Path::new(cwd).is_absolute()) {
            return Err(format!("`cwd` must be absolute, not `{cwd}`"));
        }
        let session = SessionRef {
            id,
            external: both("externalRefKind", self.external_ref_kind, "externalRefId", self.external_ref_id)?,
            legacy: both(
                "legacyClientScope",
                self.legacy_client_scope,
                "legacySessionKey",
                self.legacy_session_key,
            )?,
        };
        let mut blocks = vec![PromptBlock::Text { text: self.prompt }];
        if let Some(data) = self.image_base64 {
            blocks.push(PromptBlock::Image { mime_type: image_type(&data).to_owned(), data: Base64(data) });
        }
        Ok(Prompt {
            client: self.client_id,
            request: self.request_id,
            session,
            surface: self.surface_kind.unwrap_or_else(|| "jsonl".to_owned()),
            adapter: self.adapter_id,
            blocks,
            system_prompt: self.system_prompt,
            mode: self.mode,
            model: self.model,
            cwd: self.cwd,
        })
    }
}

fn both(
    a: &str,
    first: Option<String>,
    b: &str,
    second: Option<String>,
) -> Result<Option<(String, String)>, String> {
    match (first, second) {
        (Some(first), Some(second)) => Ok(Some((first, second))),
        (None, None) => Ok(None),
        (Some(_), None) | (None, Some(_)) => Err(format!("`{a}` and `{b}` go together")),
    }
}

/// The type of a picture by its first bytes, which base64 keeps recognisable.
fn image_type(base64: &str) -> &'static str {
    match base64.get(..4) {
        Some("iVBO") => "image/png",
        Some("R0lG") => "image/gif",
        Some("UklG") => "image/webp",
        _ => "image/jpeg",
    }
}

/// What every message about a query carries.
#[derive(Debug, Clone)]
pub(crate) struct Correlation {
    pub(crate) request: String,
    pub(crate) client: String,
    pub(crate) session: Option<String>,
    pub(crate) run: Option<String>,
    pub(crate) attempt: Option<String>,
}

impl Correlation {
    pub(crate) fn new(client: &str, request: &str) -> Self {
        Self {
            request: request.to_owned(),
            client: client.to_owned(),
            session: None,
            run: None,
            attempt: None,
        }
    }

    /// A message of this query.
    pub(crate) fn message(&self, kind: &str, event: Option<&Event>, fields: Value) -> Value {
        let mut message = json!({
            "type": kind,
            "protocolVersion": PROTOCOL_VERSION,
            "requestId": self.request,
            "clientId": self.client,
            "sessionId": self.session,
            "runId": self.run,
            "attemptId": self.attempt,
        });
        if let Some(event) = event {
            message["eventId"] = json!(event.event_id);
            message["cursor"] = json!(event.cursor);
        }
        if let (Value::Object(message), Value::Object(fields)) = (&mut message, fields) {
            message.extend(fields);
        }
        message
    }

    pub(crate) fn error(&self, text: &str) -> Value {
        self.message("error", None, json!({ "message": text }))
    }

    pub(crate) fn cancel_ack(&self, ack: &CancelAck) -> Value {
        let fields = json!({ "accepted": ack.accepted, "dispatchAttempted": ack.dispatch_attempted,
            "adapterAcknowledged": ack.adapter_acknowledged, "status": ack.status });
        let attempt = ack.attempt.as_ref().map(ToString::to_string).or_else(|| self.attempt.clone());
        Self { attempt, ..self.clone() }.message("cancel_ack", None, fields)
    }

    /// The end of a query, as it is recorded.
    pub(crate) fn result(&self, database: &Path, event: &Event) -> Result<Value, StoreError> {
        let run = match &event.run_id {
            Some(run) => Reader::open(database)?.run(run)?,
            None => None,
        };
        Ok(match run {
            Some(run) => self.message("result", Some(event), result(&run)),
            None => self.error("the run is not in the record"),
        })
    }
}

fn result(run: &RunView) -> Value {
    let mut fields = json!({
        "terminalStatus": run.status,
        "text": run.final_text.as_deref().unwrap_or_default(),
        "costUsd": run.cost_usd,
        "inputTokens": run.input_tokens,
        "outputTokens": run.output_tokens,
        "cacheReadTokens": run.cache_read_tokens,
        "cacheWriteTokens": run.cache_write_tokens,
        "adapterSessionId": run.attempts.last().and_then(|attempt| attempt.adapter_session_id.as_ref()),
    });
    if let Some(code) = &run.error_code {
        fields["failure"] =
            json!({ "code": code, "userMessage": run.error_message, "adapterId": run.adapter_id });
    }
    fields
}

/// The first message: what is spoken here.
pub(crate) fn init() -> Value {
    json!({ "type": "init", "protocolVersion": PROTOCOL_VERSION, "sessionId": "", "agentControlTools": [],
        "runtimeVersion": env!("CARGO_PKG_VERSION") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(extra: &str) -> Result<Inbound, String> {
        read(&format!(
            r#"{{"type":"query","protocolVersion":2,"requestId":"r","clientId":"c","prompt":"hi"{extra}}}"#
        ))
    }

    #[test]
    fn a_query_is_read() {
        let Ok(Inbound::Query(query)) = query(r#","adapterId":"echo","mode":"ask""#) else {
            panic!("no query")
        };
        let prompt = query.prompt().unwrap();
        assert_eq!((prompt.client.as_str(), prompt.mode), ("c", RunMode::Ask));
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(query(r#","colour":1"#).unwrap_err().contains("colour"));
        assert!(read("{").unwrap_err().contains("no message"));
        assert!(read(r#"{"type":"dance"}"#).unwrap_err().contains("dance"));
        let old = read(r#"{"type":"interrupt","protocolVersion":1,"requestId":"r","clientId":"c"}"#);
        assert!(old.unwrap_err().contains("version 1"));
    }

    #[test]
    fn a_reference_needs_both_halves() {
        let Ok(Inbound::Query(query)) = query(r#","externalRefKind":"task""#) else { panic!("no query") };
        assert!(query.prompt().unwrap_err().contains("externalRefId"));
    }
}
