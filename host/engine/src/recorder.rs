//! Writes down what a worker is told and what it asks for, without what must not be seen.

use std::sync::Arc;

use serde_json::Value;

use crate::redact::Hidden;
use crate::registration::Registration;
use crate::secret;
use crate::v0_1::{Input, Output, Shapes};

/// Bytes at least of an argument, or of a part of what a server is given, to be hidden wherever it stands: a shorter one is a
/// word that protocols have, too (`--stdio`, `Bearer`), and a recording without it could not be replayed.
const PART_BYTES_MIN: usize = 8;

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

/// What the MCP servers of sessions are given that may be a key: arguments, environment, headers and the query of the
/// address, each as a whole and in its parts. What is too short stands in every other word.
fn mcp_values(inputs: &Value) -> Vec<&str> {
    let settings = inputs.as_array().into_iter().flatten().filter_map(|input| {
        input.get("open-binding").or_else(|| input.get("resume-binding"))?.get("settings")
    });
    let servers = settings.flat_map(|settings| settings["mcp-servers"].as_array().into_iter().flatten());
    let transports =
        servers.filter_map(|server| server["transport"].as_object().and_then(|one| one.values().next()));
    transports.flat_map(given).collect()
}

/// What one server is given, whatever its transport.
fn given(transport: &Value) -> impl Iterator<Item = &str> {
    let listed = |name: &str| transport[name].as_array().into_iter().flatten();
    let args =
        listed("args").filter_map(Value::as_str).flat_map(|arg| [arg].into_iter().chain(after_equals(arg)));
    let pairs = listed("env").chain(listed("headers")).filter_map(|pair| pair[1].as_str());
    let query = transport["url"].as_str().and_then(|url| url.split('#').next()?.split_once('?'));
    let query = query.into_iter().flat_map(|(_, query)| {
        let values = query.split('&').map(|pair| after_equals(pair).unwrap_or(pair));
        [query].into_iter().chain(values)
    });
    let whole = pairs.clone().filter(|value| value.len() >= secret::BYTES_MIN);
    // `Bearer KEY` also stands as `KEY` alone.
    let parts = args.chain(query).chain(pairs.flat_map(str::split_whitespace));
    whole.chain(parts.filter(|part| part.len() >= PART_BYTES_MIN))
}

/// The value in `--name=value` or `name=value`.
fn after_equals(text: &str) -> Option<&str> {
    text.split_once('=').map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What must not be seen of a session with these servers.
    fn hidden(transports: &[Value]) -> Hidden {
        let servers: Vec<Value> =
            transports.iter().map(|one| json!({ "name": "a", "transport": one })).collect();
        let settings = json!({ "settings": { "mcp-servers": servers } });
        let inputs = json!([{ "timer": 1 }, { "open-binding": settings }, { "resume-binding": settings }]);
        let hidden = Hidden::default().with(mcp_values(&inputs));
        let shown = hidden.json(inputs).to_string();
        assert!(!shown.contains("sesame"), "also where it was given: {shown}");
        hidden
    }

    #[test]
    fn what_an_mcp_server_is_given_is_hidden_wherever_it_stands() {
        let stdio = json!({ "stdio": { "command": "x", "env": [["KEY", "sesame-1"], ["N", "1"]] } });
        let remote = json!({ "http": { "url": "u", "headers": [["authorization", "Bearer two\"2"]] } });
        let hidden = hidden(&[stdio, remote]);
        let line = json!({ "bytes": json!({ "env": "sesame-1", "header": "Bearer two\"2" }).to_string() });
        let shown = hidden.json(line).to_string();
        assert!(!shown.contains("sesame") && !shown.contains("two"), "{shown}");
        assert_eq!(hidden.text("1 time"), "1 time", "what is too short is not hidden");
    }

    #[test]
    fn each_word_of_what_a_server_is_given_is_hidden() {
        let header = json!({ "sse": { "url": "u", "headers": [["authorization", "Bearer sesame-1"]] } });
        let env = json!({ "stdio": { "command": "x", "env": [["OPTS", "-k sesame-2"]] } });
        let hidden = hidden(&[header, env]);
        assert_eq!(hidden.text("with sesame-1 and sesame-2"), "with [redacted] and [redacted]");
    }

    #[test]
    fn arguments_and_queries_are_hidden() {
        let args = json!(["-y", "--key=sesame-1", "sesame-2"]);
        let stdio = json!({ "stdio": { "command": "x", "args": args, "env": [] } });
        let url = "https://mcp.example/of?sesame-3&token=sesame-4&n=1#part";
        let hidden = hidden(&[stdio, json!({ "http": { "url": url, "headers": [] } })]);
        let said = "-y n=1 at https://mcp.example/of: sesame-1, sesame-2, sesame-3, sesame-4";
        let shown = "-y n=1 at https://mcp.example/of: [redacted], [redacted], [redacted], [redacted]";
        assert_eq!(hidden.text(said), shown);
    }

    #[test]
    fn a_value_as_short_as_a_secret_may_be_is_hidden() {
        let env = json!([["KEY", "x".repeat(secret::BYTES_MIN)]]);
        let hidden = hidden(&[json!({ "stdio": { "command": "x", "env": env } })]);
        assert_eq!(hidden.text("a xxxx b"), "a [redacted] b");
    }
}
