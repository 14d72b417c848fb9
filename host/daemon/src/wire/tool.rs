//! The messages about control tools: a call of one, and its answer.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Correlation, Outbound, Said};
use crate::relay::ToolUse;
use crate::tool::{self, ToolError};

/// Call a control tool about the run of this request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ControlTool {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) input: Value,
}

/// Call a control tool outside of any run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DirectControlTool {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) input: Value,
}

/// The result of a tool of the surface, which an agent used.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct ToolResult {
    pub(crate) call_id: String,
    pub(crate) result: String,
}

/// An agent uses a tool of the surface: it answers with `tool_result`.
pub(crate) fn tool_use(correlation: &Correlation, tool_use: &ToolUse) -> Option<Outbound> {
    let correlation = Correlation {
        session: Some(tool_use.attempt.session_id.to_string()),
        run: Some(tool_use.attempt.run_id.to_string()),
        attempt: Some(tool_use.attempt.attempt_id.to_string()),
        ..correlation.clone()
    };
    let (call_id, name) = (tool_use.call_id.clone(), tool_use.name.clone());
    correlation.message(None, Said::ToolUse { call_id, name, input: tool_use.input.clone().into() })
}

/// What a control tool answers: JSON in a text, whatever it is (SPEC §6).
pub(crate) fn control_tool_result(
    correlation: &Correlation,
    name: &str,
    done: Result<Value, ToolError>,
) -> Option<Outbound> {
    let result = tool::answer(done).to_string();
    correlation.message(None, Said::ControlToolResult { name: name.to_owned(), result })
}
