//! The tools that a surface declares with what it asks.

use std::collections::BTreeSet;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::tool::is_tool;

/// Tools of one request.
const TOOLS_MAX: usize = 64;
/// Bytes of all of them: they go into the context of a model.
const BYTES_MAX: usize = 256 * 1024;
/// Characters of a name: what model providers take.
const NAME_CHARS_MAX: usize = 64;
/// Milliseconds that a use may take where the tool does not say (SPEC §12).
const TIMEOUT_MS: u64 = 30_000;
/// Milliseconds that a use may take at most (SPEC §12: a long tool).
const TIMEOUT_MS_MAX: u64 = 10 * 60 * 1000;

/// A tool that a surface has itself.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct DeclaredTool {
    /// Its name.
    pub(crate) name: String,
    /// What models are told about it.
    #[serde(default)]
    pub(crate) description: String,
    /// The JSON Schema of its input.
    pub(crate) input_schema: Map<String, Value>,
    /// Milliseconds that a use may take.
    pub(crate) timeout_ms: Option<u64>,
}

impl DeclaredTool {
    /// How long a use may take.
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms.unwrap_or(TIMEOUT_MS))
    }
}

/// What the types cannot say. The error is one line.
pub(crate) fn check(tools: &[DeclaredTool]) -> Result<(), String> {
    if tools.len() > TOOLS_MAX {
        return Err(format!("`tools` has {} tools, {TOOLS_MAX} at most", tools.len()));
    }
    let mut names = BTreeSet::new();
    let mut bytes = 0;
    for (number, tool) in tools.iter().enumerate() {
        let wrong = |why: String| Err(format!("`tools[{number}]`: {why}"));
        let plain = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'_' | b'-');
        if tool.name.is_empty() || tool.name.len() > NAME_CHARS_MAX || !tool.name.bytes().all(plain) {
            return wrong(format!("`name` is not 1 to {NAME_CHARS_MAX} of a-z, A-Z, 0-9, `_` and `-`"));
        }
        if is_tool(&tool.name) {
            return wrong(format!("`{}` is a control tool; hint: use another name", tool.name));
        }
        if !names.insert(&tool.name) {
            return wrong(format!("there are two tools `{}`", tool.name));
        }
        if tool.input_schema.get("type") != Some(&Value::from("object")) {
            return wrong(
                "`inputSchema` is no JSON Schema of an object; hint: {\"type\": \"object\"}".to_owned(),
            );
        }
        if !(1..=TIMEOUT_MS_MAX).contains(&tool.timeout_ms.unwrap_or(TIMEOUT_MS)) {
            return wrong(format!("`timeoutMs` must be 1 to {TIMEOUT_MS_MAX}"));
        }
        bytes += tool.name.len() + tool.description.len();
        bytes += serde_json::to_string(&tool.input_schema).map_or(0, |schema| schema.len());
    }
    if bytes > BYTES_MAX {
        return Err(format!("`tools` has {bytes} bytes, {BYTES_MAX} at most"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wrong(tools: Value) -> String {
        let tools: Vec<DeclaredTool> = serde_json::from_value(tools).unwrap();
        check(&tools).unwrap_err()
    }

    #[test]
    fn what_is_wrong_with_a_declared_tool_is_named() {
        let tool = |name: &str| json!({ "name": name, "inputSchema": { "type": "object" } });
        let good: Vec<DeclaredTool> = serde_json::from_value(json!([tool("ask_user"), tool("b-2")])).unwrap();
        assert_eq!(check(&good), Ok(()));
        assert_eq!(good[0].timeout(), Duration::from_secs(30));
        assert!(wrong(json!([tool("a b")])).contains("`tools[0]`: `name`"));
        assert!(wrong(json!([tool("delegate_agent")])).contains("control tool"));
        assert!(wrong(json!([tool("a"), tool("a")])).contains("two tools `a`"));
        assert!(wrong(json!([{ "name": "a", "inputSchema": {} }])).contains("inputSchema"));
        let slow = json!([{ "name": "a", "inputSchema": { "type": "object" }, "timeoutMs": 600_001 }]);
        assert!(wrong(slow).contains("`timeoutMs`"));
        let many: Vec<Value> = (0..65).map(|number| tool(&format!("t{number}"))).collect();
        assert!(wrong(json!(many)).contains("64"));
        let long = json!([{ "name": "a", "description": "x".repeat(BYTES_MAX), "inputSchema": { "type": "object" } }]);
        assert!(wrong(long).contains("bytes"));
    }
}
