//! What every message to a client carries: whose it is, and what it is about (SPEC §1.10).

use omi_kernel::event::Event;
use omi_kernel::id::Cursor;
use omi_store::RunView;
use serde_json::{Value, json};

use super::{Address, PROTOCOL_VERSION, WireError};
use crate::client::{CancelAck, LiveKind, LiveText};

/// What every message about a request carries.
#[derive(Debug, Clone)]
pub(crate) struct Correlation {
    pub(super) address: Address,
    pub(crate) session: Option<String>,
    pub(crate) run: Option<String>,
    pub(crate) attempt: Option<String>,
}

impl Correlation {
    /// Of a request of which nothing more is known.
    pub(crate) fn new(address: Address) -> Self {
        Self { address, session: None, run: None, attempt: None }
    }

    /// With the session, run and attempt of an event.
    pub(crate) fn of(&self, event: &Event) -> Self {
        Self {
            address: self.address.clone(),
            session: Some(event.session_id.to_string()),
            run: event.run_id.as_ref().map(ToString::to_string),
            attempt: event.attempt_id.as_ref().map(ToString::to_string),
        }
    }

    /// A message of this request.
    pub(crate) fn message(&self, kind: &str, event: Option<&Event>, fields: Value) -> Value {
        let mut message = json!({
            "type": kind,
            "protocolVersion": PROTOCOL_VERSION,
            "requestId": self.address.request,
            "clientId": self.address.client,
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

    /// Why nothing came of it.
    pub(crate) fn error(&self, error: &WireError) -> Value {
        self.message("error", None, json!({ "code": error.code, "message": error.message }))
    }

    /// It is done, and there is nothing else to say.
    pub(crate) fn ack(&self) -> Value {
        self.message("ack", None, json!({}))
    }

    /// Its run is accepted, and somebody else tells about it.
    pub(crate) fn accepted(&self, repeated: bool) -> Value {
        self.message("ack", None, json!({ "repeated": repeated }))
    }

    /// What became of a request to stop; nothing, if there was no run.
    pub(crate) fn cancel_ack(&self, ack: Option<&CancelAck>) -> Value {
        let Some(ack) = ack else {
            let nothing =
                json!({ "accepted": false, "dispatchAttempted": false, "adapterAcknowledged": false });
            return self.message("cancel_ack", None, nothing);
        };
        let fields = json!({ "accepted": ack.accepted, "dispatchAttempted": ack.dispatch_attempted,
            "adapterAcknowledged": ack.adapter_acknowledged, "status": ack.status });
        let attempt = ack.attempt.as_ref().map(ToString::to_string).or_else(|| self.attempt.clone());
        Self { attempt, ..self.clone() }.message("cancel_ack", None, fields)
    }

    /// An event as it is recorded, in its own envelope (SPEC §1.6).
    pub(crate) fn event(&self, event: &Event) -> Value {
        self.of(event).message("event", Some(event), json!({ "event": event }))
    }

    /// A piece of text while it streams: of which message, and where in it, so that the recorded text is not taken
    /// for more. `text` is what of it is new to the client.
    pub(crate) fn live(&self, live: &LiveText, text: &str) -> Value {
        let correlation = Self {
            address: self.address.clone(),
            session: Some(live.session.to_string()),
            run: Some(live.run.to_string()),
            attempt: Some(live.attempt.to_string()),
        };
        let mut fields = json!({ "text": text, "cursor": live.cursor, "sequence": live.sequence });
        let kind = match &live.kind {
            LiveKind::Message { message, offset } => {
                fields["message"] = json!(message);
                fields["offset"] = json!(offset + live.text.len() - text.len());
                "text_delta"
            }
            LiveKind::Thought => "thinking_delta",
        };
        correlation.message(kind, None, fields)
    }

    /// What of a recorded text is new to the client, as if it had been live.
    pub(crate) fn recorded(&self, event: &Event, text: &str) -> Value {
        let payload = &event.payload;
        let begins = payload["offset"].as_u64().and_then(|offset| usize::try_from(offset).ok()).unwrap_or(0);
        let whole = payload["text"].as_str().unwrap_or_default();
        let fields = json!({ "text": text, "message": payload["message"],
            "offset": begins + whole.len() - text.len() });
        self.message("text_delta", Some(event), fields)
    }

    /// Some events are gone: what follows begins after them.
    pub(crate) fn gap(&self, after: Cursor, through: Cursor, reason: &str) -> Value {
        let fields = json!({ "afterCursor": after, "throughCursor": through, "reason": reason });
        self.message("gap", None, fields)
    }

    /// The end of a run, as it is recorded.
    pub(crate) fn result(&self, event: Option<&Event>, run: &RunView) -> Value {
        let attempt = run.attempts.last();
        let mut fields = json!({
            "terminalStatus": run.status,
            "text": run.final_text.as_deref().unwrap_or_default(),
            "costUsd": run.cost_usd,
            "inputTokens": run.input_tokens,
            "outputTokens": run.output_tokens,
            "cacheReadTokens": run.cache_read_tokens,
            "cacheWriteTokens": run.cache_write_tokens,
            "adapterSessionId": attempt.and_then(|attempt| attempt.adapter_session_id.as_ref()),
        });
        if let Some(code) = &run.error_code {
            fields["failure"] =
                json!({ "code": code, "userMessage": run.error_message, "adapterId": run.adapter_id });
        }
        let attempt = attempt.map(|attempt| attempt.attempt_id.clone());
        Self { attempt, ..self.clone() }.message("result", event, fields)
    }
}
