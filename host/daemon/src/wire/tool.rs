//! The messages about control tools: a call of one, and its answer.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Correlation;
use crate::relay::ToolUse;
use crate::tool::{self, ToolError};

/// Call a control tool about the run of this request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ControlTool {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) input: Value,
}

/// Call a control tool outside of any run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct DirectControlTool {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) input: Value,
    /// A guard: refused if it is not the owner of the connection.
    pub(crate) owner_id: Option<String>,
}

/// The result of a tool of the surface, which an agent used.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct ToolResult {
    pub(crate) call_id: String,
    pub(crate) result: String,
}

/// An agent uses a tool of the surface: it answers with `tool_result`.
pub(crate) fn tool_use(correlation: &Correlation, tool_use: &ToolUse) -> Value {
    let correlation = Correlation {
        session: Some(tool_use.attempt.session_id.to_string()),
        run: Some(tool_use.attempt.run_id.to_string()),
        attempt: Some(tool_use.attempt.attempt_id.to_string()),
        ..correlation.clone()
    };
    let fields = json!({ "callId": tool_use.call_id, "name": tool_use.name, "input": tool_use.input });
    correlation.message("tool_use", None, fields)
}

/// What a control tool answers: JSON in a text, whatever it is (SPEC §6).
pub(crate) fn control_tool_result(
    correlation: &Correlation,
    name: &str,
    done: Result<Value, ToolError>,
) -> Value {
    let fields = json!({ "name": name, "result": tool::answer(done).to_string() });
    correlation.message("control_tool_result", None, fields)
}
