//! The messages about control tools: a call of one, and its answer.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Correlation;
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

/// What a control tool answers: JSON in a text, whatever it is (SPEC §6).
pub(crate) fn control_tool_result(
    correlation: &Correlation,
    name: &str,
    done: Result<Value, ToolError>,
) -> Value {
    let fields = json!({ "name": name, "result": tool::answer(done).to_string() });
    correlation.message("control_tool_result", None, fields)
}
