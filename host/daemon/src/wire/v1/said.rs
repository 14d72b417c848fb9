//! What a client of v1 is told: v1's catalogue of messages, with nothing that says whose they are.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::wire::ending::{Failed, RunResult};
use crate::wire::outbound::{Answer, AuthRequired, Said as SaidV2, ToolResultDisplay};

/// What a client of v1 is told: all of it. What is not known is left out.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
#[schemars(rename = "V1Answer")]
pub(crate) enum Said {
    /// A piece of the answer.
    TextDelta {
        /// The piece.
        text: String,
    },
    /// A piece of a private thought. It is never recorded.
    ThinkingDelta {
        /// The piece.
        text: String,
    },
    /// What a tool does.
    ToolActivity {
        /// The tool's name; empty if it is not known.
        name: String,
        /// `started`, `completed` or `failed`.
        status: &'static str,
        /// The runtime's id of the call.
        #[serde(skip_serializing_if = "Option::is_none")]
        tool_use_id: Option<String>,
        /// The tool's input.
        #[serde(skip_serializing_if = "Value::is_null")]
        input: Value,
    },
    /// What a tool that is done gave out, for showing: its beginning.
    ToolResultDisplay(ToolResultDisplay),
    /// The end of a run that succeeded or was stopped.
    Result {
        /// The answer, whole or partial.
        text: String,
        /// The runtime's own name of its session; empty if it has none.
        session_id: String,
        /// `succeeded` or `cancelled`.
        terminal_status: String,
        /// What it cost, in US dollars.
        #[serde(skip_serializing_if = "Option::is_none")]
        cost_usd: Option<f64>,
        /// Tokens read.
        #[serde(skip_serializing_if = "Option::is_none")]
        input_tokens: Option<i64>,
        /// Tokens written.
        #[serde(skip_serializing_if = "Option::is_none")]
        output_tokens: Option<i64>,
        /// Tokens read from a cache.
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_read_tokens: Option<i64>,
        /// Tokens written to a cache.
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_write_tokens: Option<i64>,
    },
    /// Why nothing came of a request, or how a run failed.
    Error {
        /// One line, for people.
        message: String,
        /// How a run failed, if it was a run.
        #[serde(skip_serializing_if = "Option::is_none")]
        failure: Option<Failed>,
    },
    /// The runtime wants a log-in: `authenticate` answers it.
    AuthRequired(AuthRequired),
    /// After a log-in was chosen, the runtime did something: it has accepted it.
    AuthSuccess {},
}

impl Said {
    /// What a message is to a client of v1; none if v1 has no word for it.
    pub(in crate::wire) fn of(answer: Answer) -> Option<Self> {
        match answer.said {
            SaidV2::TextDelta { text, .. } => Some(Self::TextDelta { text }),
            SaidV2::ThinkingDelta { text, .. } => Some(Self::ThinkingDelta { text }),
            // It knows no `progress`.
            SaidV2::ToolActivity(tool) => (tool.status != "progress").then(|| Self::ToolActivity {
                name: tool.name.unwrap_or_default(),
                status: tool.status,
                tool_use_id: tool.tool_use_id,
                input: bare(tool.input),
            }),
            SaidV2::ToolResultDisplay(shown) => Some(Self::ToolResultDisplay(shown)),
            SaidV2::Error { message, .. } => Some(Self::Error { message, failure: None }),
            SaidV2::AuthRequired(required) => Some(Self::AuthRequired(required)),
            SaidV2::AuthSuccess {} => Some(Self::AuthSuccess {}),
            SaidV2::Result(result) => Some(Self::ended(*result)),
            SaidV2::Ack { .. }
            | SaidV2::CancelAck { .. }
            | SaidV2::Status { .. }
            | SaidV2::ApprovalRequested { .. }
            | SaidV2::ApprovalResolved { .. }
            | SaidV2::InputRequested { .. }
            | SaidV2::InputProvided { .. }
            | SaidV2::Delegated { .. }
            | SaidV2::DelegationResult { .. }
            | SaidV2::ToolUse { .. }
            | SaidV2::ControlToolResult { .. }
            | SaidV2::Event { .. }
            | SaidV2::Gap { .. } => None,
        }
    }
    fn ended(result: RunResult) -> Self {
        // A client that reads no `terminalStatus` must take nothing else for done.
        if !matches!(result.terminal_status.as_str(), "succeeded" | "cancelled") {
            let said = result.failure.as_ref().map(|failure| failure.user_message.clone());
            let said = said.filter(|message| !message.is_empty());
            let message = said.unwrap_or_else(|| format!("the run is {}", result.terminal_status));
            return Self::Error { message, failure: result.failure };
        }
        Self::Result {
            text: result.text,
            session_id: result.adapter_session_id.unwrap_or_default(),
            terminal_status: result.terminal_status,
            cost_usd: result.cost_usd,
            input_tokens: result.input_tokens,
            output_tokens: result.output_tokens,
            cache_read_tokens: result.cache_read_tokens,
            cache_write_tokens: result.cache_write_tokens,
        }
    }
}

/// The input of a tool itself, which v1 has without what kind of payload it is; null if it is too large for the record.
fn bare(mut payload: Value) -> Value {
    match payload["type"].as_str() {
        Some("text") => payload["text"].take(),
        Some("json") => payload["value"].take(),
        Some(_) | None => Value::Null,
    }
}
