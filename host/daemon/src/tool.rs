//! The control tools (seed §16): what an agent, an MCP client or a surface may have the daemon do with sessions and runs.
//!
//! Each is defined once, in a file of its own: its name, what models are told about it, its input, and what it does. MCP
//! ([`crate::mcp`]), the wire and the documentation are made of these definitions. A tool has no rule of its own: what may
//! be done the kernel says, and [`ControlContext`] on whose behalf it is.

mod cancel_run;
mod context;
mod delegate;
mod error;
mod get_run;
mod hidden;
#[cfg(test)]
pub(crate) mod house;
mod inspect_artifacts;
mod list_sessions;
mod send_message;
#[cfg(test)]
mod tests;
mod update_artifact;
mod view;
mod wait;

use std::pin::Pin;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

pub(crate) use context::{Caller, ControlContext, Source};
pub(crate) use error::ToolError;
pub(crate) use view::cut;

/// What a tool answers with, in time.
type Called = Pin<Box<dyn Future<Output = Result<Value, ToolError>> + Send>>;

/// One control tool.
pub(crate) struct Tool {
    /// Its name.
    pub(crate) name: &'static str,
    /// What models are told about it.
    pub(crate) description: &'static str,
    /// It changes nothing.
    pub(crate) reads_only: bool,
    schema: fn() -> Map<String, Value>,
    call: fn(ControlContext, Value) -> Called,
}

/// Every control tool.
pub(crate) const TOOLS: [Tool; 7] = [
    list_sessions::TOOL,
    get_run::TOOL,
    cancel_run::TOOL,
    inspect_artifacts::TOOL,
    update_artifact::TOOL,
    send_message::TOOL,
    delegate::TOOL,
];

impl Tool {
    /// The JSON Schema of its input.
    pub(crate) fn input_schema(&self) -> Map<String, Value> {
        (self.schema)()
    }
}

/// The names of all control tools.
pub(crate) fn names() -> Vec<&'static str> {
    TOOLS.iter().map(|tool| tool.name).collect()
}

/// Whether there is a control tool of this name.
pub(crate) fn is_tool(name: &str) -> bool {
    TOOLS.iter().any(|tool| tool.name == name)
}

/// Calls a tool: the fields of its answer, or why there are none.
pub(crate) async fn call(context: ControlContext, name: &str, input: Value) -> Result<Value, ToolError> {
    let Some(tool) = TOOLS.iter().find(|tool| tool.name == name) else {
        let name: String = name.chars().take(NAME_CHARS_SHOWN).collect();
        let why = format!("there is no control tool `{name}`; hint: there are {}", names().join(", "));
        return Err(ToolError::new(error::UNKNOWN_TOOL, why));
    };
    tracing::debug!(tool = tool.name, source = ?context.source, "a control tool is called");
    let hidden = context.agent().is_some().then(|| hidden::Hidden::of(&context.surface));
    let done = (tool.call)(context, input).await;
    match hidden {
        Some(hidden) => hidden.from(done),
        None => done,
    }
}

/// Characters of a name that nobody knows, as far as it is repeated.
const NAME_CHARS_SHOWN: usize = 100;

/// An answer as every door gives it: `ok`, and its fields or the error.
pub(crate) fn answer(done: Result<Value, ToolError>) -> Value {
    match done {
        Ok(Value::Object(fields)) => {
            let mut answer = Map::from_iter([("ok".to_owned(), json!(true))]);
            answer.extend(fields);
            Value::Object(answer)
        }
        Ok(other) => json!({ "ok": true, "result": other }),
        Err(error) => json!({ "ok": false, "error": { "code": error.code, "message": error.message } }),
    }
}

/// Reads the input of a tool. The error names the field.
fn read<T: DeserializeOwned>(input: Value) -> Result<T, ToolError> {
    // Some clients leave out an input without fields.
    let input = if input.is_null() { json!({}) } else { input };
    serde_path_to_error::deserialize(input).map_err(|error| {
        let path = error.path().to_string();
        let why = error.into_inner().to_string().replace('\n', " ");
        let field = if path == "." { String::new() } else { format!("`{path}`: ") };
        ToolError::invalid(format!("{field}{why}"))
    })
}

/// The JSON Schema of an input, without what only its Rust type is called.
fn schema<T: JsonSchema>() -> Map<String, Value> {
    let mut schema = schemars::schema_for!(T).as_object().cloned().unwrap_or_default();
    for of_the_type in ["$schema", "title", "description"] {
        schema.remove(of_the_type);
    }
    schema
}

/// How many of a list are asked for: the usual number, but no more than so many.
fn limit(asked: Option<u32>, usual: u32, max: u32) -> Result<u32, ToolError> {
    match asked {
        None => Ok(usual),
        Some(asked) if (1..=max).contains(&asked) => Ok(asked),
        Some(asked) => Err(ToolError::invalid(format!("`limit` must be 1 to {max}, not {asked}"))),
    }
}
