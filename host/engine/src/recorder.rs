//! Writes down what a worker is told and what it asks for, without what must not be seen.

use std::sync::Arc;

use serde_json::Value;

use crate::redact::Hidden;
use crate::registration::Registration;
use crate::secret;
use crate::v0_1::{Input, Output, Shapes};

/// Bytes of a value of an MCP server's environment or headers at least, to be hidden wherever it stands: a shorter one
/// stands in every other word.
const HIDDEN_BYTES_MIN: usize = 6;

/// A call of a worker, as JSON in the words of the contract.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedCall {
    /// Milliseconds since the worker's start.
    pub now_ms: u32,
    /// What it was told.
    pub inputs: Value,
    /// What it asked for; `null` if the call did not return.
    pub outputs: Value,
}

/// Where the calls of a worker go. It is called on the worker's thread, and the worker waits for it.
#[derive(Clone)]
pub struct CallSink(Arc<dyn Fn(RecordedCall) + Send + Sync>);

impl CallSink {
    /// Calls go to this.
    pub fn new(sink: impl Fn(RecordedCall) + Send + Sync + 'static) -> Self {
        Self(Arc::new(sink))
    }
}

impl std::fmt::Debug for CallSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CallSink")
    }
}

/// What writes down the calls of one worker.
pub(crate) struct Recorder {
    sink: CallSink,
    shapes: Shapes,
    /// The secrets of the registration, and what the MCP servers of its sessions are given.
    hidden: Hidden,
}

impl Recorder {
    pub(crate) fn new(sink: CallSink, shapes: Shapes, registration: &Registration) -> Self {
        Self { sink, shapes, hidden: secret::of_registration(registration) }
    }

    /// The inputs of a call that begins; they are given to [`Recorder::ended`].
    pub(crate) fn begins(&mut self, inputs: &[Input]) -> Value {
        let inputs = self.shapes.write_inputs(inputs);
        let given = mcp_values(&inputs);
        if !given.is_empty() {
            self.hidden = self.hidden.with(given);
        }
        self.hidden.json(inputs)
    }

    /// A call is over, or has not returned.
    pub(crate) fn ended(&self, now_ms: u32, inputs: Value, outputs: Option<&[Output]>) {
        let outputs =
            outputs.map_or(Value::Null, |outputs| self.hidden.json(self.shapes.write_outputs(outputs)));
        (self.sink.0)(RecordedCall { now_ms, inputs, outputs });
    }
}

/// What the MCP servers of sessions get in their environment and headers: keys, more often than not.
fn mcp_values(inputs: &Value) -> Vec<&str> {
    let settings = inputs.as_array().into_iter().flatten().filter_map(|input| {
        input.get("open-binding").or_else(|| input.get("resume-binding"))?.get("settings")
    });
    let servers = settings.flat_map(|settings| settings["mcp-servers"].as_array().into_iter().flatten());
    let pairs = servers.flat_map(|server| {
        let transport = server["transport"].as_object().and_then(|transport| transport.values().next());
        let named = |name| transport.and_then(|transport| transport[name].as_array());
        [named("env"), named("headers")].into_iter().flatten().flatten()
    });
    let values = pairs.filter_map(|pair| pair[1].as_str());
    values.filter(|value| value.len() >= HIDDEN_BYTES_MIN).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_an_mcp_server_is_given_is_hidden_wherever_it_stands() {
        let stdio = json!({ "stdio": { "command": "x", "env": [["KEY", "sesame-1"], ["N", "1"]] } });
        let remote = json!({ "http": { "url": "u", "headers": [["authorization", "Bearer two\"2"]] } });
        let servers = json!([{ "name": "a", "transport": stdio }, { "name": "b", "transport": remote }]);
        let inputs = json!([{ "timer": 1 }, { "open-binding": { "settings": { "mcp-servers": servers } } }]);
        let given = mcp_values(&inputs);
        assert_eq!(given, ["sesame-1", "Bearer two\"2"]);
        let hidden = Hidden::default().with(given);
        let line = json!({ "bytes": json!({ "env": "sesame-1", "header": "Bearer two\"2" }).to_string() });
        let shown = hidden.json(line).to_string();
        assert!(!shown.contains("sesame") && !shown.contains("two"), "{shown}");
        assert!(!hidden.json(inputs).to_string().contains("sesame"));
    }
}
