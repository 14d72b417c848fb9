//! The pi of these tests: it says what the test says, and what is written to it is read back as JSON.

use omi_adapter_sdk::testkit::{self, TestKit};
use omi_adapter_sdk::{BindingSettings, Event, Failure, Input, McpServer, OpenBinding, Outcome, Output};
use serde_json::{Value, json};

use crate::PiMono;

/// The op of `pi --version`.
pub(super) const PROBE: u32 = 1;
/// The op of the pi of the first session.
pub(super) const PI: u32 = 3;

/// The kit, and what the adapter asked for in the last step.
pub(super) struct Script {
    pub(super) kit: TestKit<PiMono>,
    pub(super) out: Vec<Output>,
}

impl Script {
    /// A worker that asked for the version.
    pub(super) fn started(config: &str) -> Self {
        let mut kit = TestKit::new();
        let mut out = kit.start(config);
        out.extend(kit.send(testkit::spawned(PROBE)));
        Self { kit, out }
    }

    /// A worker that knows the version: old pis say it on standard error.
    pub(super) fn ready(config: &str, version: &str) -> Self {
        let mut script = Self::started(config);
        script.send(testkit::exited(PROBE, 0, &format!("{version}\n")));
        script
    }

    /// A worker with one open binding, 1, on the native session `s1`.
    pub(super) fn open_with(config: &str, version: &str) -> Self {
        Self::open_in(config, version, BindingSettings::in_folder("/work"))
    }

    /// The same with MCP servers.
    pub(super) fn open_for(version: &str, mcp_servers: Vec<McpServer>) -> Self {
        Self::open_in("{}", version, BindingSettings { mcp_servers, ..BindingSettings::in_folder("/work") })
    }

    fn open_in(config: &str, version: &str, settings: BindingSettings) -> Self {
        let mut script = Self::ready(config, version);
        let (omi_session, extra) = (String::new(), String::new());
        let open = OpenBinding { binding: 1, omi_session, settings, extra };
        script.out = script.kit.send(Input::OpenBinding(open));
        script.out.extend(script.kit.advance(0));
        script.send(testkit::spawned(PI));
        script.answers(&state("s1", 0)).answers(&commands(&["omi-gate"]));
        assert!(matches!(script.out.last(), Some(Output::BindingOpened(_))), "{:?}", script.out);
        script
    }

    /// A worker in the turn of attempt 1, whose prompt pi took.
    pub(super) fn prompted(version: &str) -> Self {
        let mut script = Self::open_with("{}", version);
        script.out = script.kit.execute(1, 1, "do it");
        script.answers(&json!({"disposition": "started"})).says(&json!({"type": "agent_start"}));
        script
    }

    /// Something happens.
    pub(super) fn send(&mut self, input: Input) -> &mut Self {
        self.out = self.kit.send(input);
        self
    }

    /// pi writes a message.
    pub(super) fn says(&mut self, message: &Value) -> &mut Self {
        self.send(testkit::line(PI, message.to_string()))
    }

    /// pi answers the last command with success.
    pub(super) fn answers(&mut self, data: &Value) -> &mut Self {
        let command = self.last_command();
        let (id, kind) = (command["id"].clone(), command["type"].clone());
        self.says(&json!({"id": id, "type": "response", "command": kind, "success": true, "data": data}))
    }

    /// pi answers the last command with an error.
    pub(super) fn fails(&mut self, error: &str) -> &mut Self {
        let id = self.last_command()["id"].clone();
        self.says(&json!({"id": id, "type": "response", "success": false, "error": error}))
    }

    /// pi says a message of the model: its text in pieces, then its end.
    pub(super) fn says_message(&mut self, text: &str, stop_reason: &str) -> &mut Self {
        self.says(&json!({"type": "message_start", "message": {"role": "assistant"}}));
        let delta = json!({"type": "text_delta", "delta": text});
        self.says(&json!({"type": "message_update", "assistantMessageEvent": delta}));
        self.says(&message_end(text, stop_reason, &usage(10)))
    }

    /// pi asks something in a dialog.
    pub(super) fn asks(&mut self, id: &str, method: &str, mut members: Value) -> &mut Self {
        members["type"] = "extension_ui_request".into();
        members["id"] = id.into();
        members["method"] = method.into();
        self.says(&members)
    }

    /// The gate of pi asks for a call of `bash`.
    pub(super) fn gate_asks(&mut self, id: &str, call: &str) -> &mut Self {
        self.says(&json!({"type": "tool_execution_start", "toolCallId": call, "toolName": "bash",
            "args": {"command": "rm x"}}));
        let question = json!({"tool": "bash", "call": call, "input": {"command": "rm x"}});
        self.asks(
            id,
            "select",
            json!({"title": format!("omi-gate:{question}"), "options": ["allow", "refuse"]}),
        )
    }

    /// The messages that were written to pi by the last step.
    pub(super) fn written(&self) -> Vec<Value> {
        let text = testkit::written_text(&self.out);
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
            .collect()
    }

    /// The types of what was written by the last step.
    pub(super) fn commands(&self) -> Vec<String> {
        self.written().iter().map(|message| message["type"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The last command written to pi by the last step.
    pub(super) fn last_command(&self) -> Value {
        let is_command = |message: &Value| message["type"] != "extension_ui_response";
        self.written().into_iter().rfind(is_command).unwrap_or_else(|| panic!("no command in {:?}", self.out))
    }

    /// The events of the last step.
    pub(super) fn events(&self) -> Vec<Event> {
        self.out
            .iter()
            .filter_map(|output| match output {
                Output::AttemptEvent(event) => Some(event.event.clone()),
                _ => None,
            })
            .collect()
    }

    /// `succeeded stop`, `cancelled`, or `fatal empty_turn`: how the last step ended the attempt.
    pub(super) fn ended(&self) -> String {
        match testkit::outcome(&self.out) {
            None => "goes on".to_owned(),
            Some(Outcome::Succeeded(success)) => format!("succeeded {}", success.stop_reason),
            Some(Outcome::Cancelled) => "cancelled".to_owned(),
            Some(Outcome::Failed(failure)) => kind_and_code(failure),
        }
    }

    /// The kind and code with which the last step ended the binding or the worker.
    pub(super) fn failed(&self) -> String {
        let failure = self.out.iter().find_map(|output| match output {
            Output::Fault(fault) => Some(&fault.failure),
            Output::BindingFailed(failed) => Some(&failed.failure),
            _ => None,
        });
        kind_and_code(failure.unwrap_or_else(|| panic!("nothing failed: {:?}", self.out)))
    }

    /// Whether the last step answered a cancellation, and with what.
    pub(super) fn cancel_answer(&self) -> Option<(bool, bool)> {
        self.out.iter().find_map(|output| match output {
            Output::CancelAnswer(answer) => Some((answer.dispatched, answer.acknowledged)),
            _ => None,
        })
    }
}

/// What `get_state` gives.
pub(super) fn state(id: &str, messages: u32) -> Value {
    json!({"sessionId": id, "messageCount": messages, "isStreaming": false, "isCompacting": false,
        "model": {"provider": "mock", "id": "one", "input": ["text"]}})
}

/// What `get_commands` gives.
pub(super) fn commands(names: &[&str]) -> Value {
    let commands: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
    json!({"commands": commands})
}

/// The use of a message with so many input tokens.
pub(super) fn usage(input: u32) -> Value {
    json!({"input": input, "output": 5, "cacheRead": 0, "cacheWrite": 0, "cost": {"total": 0.5}})
}

/// The end of a message of the model.
pub(super) fn message_end(text: &str, stop_reason: &str, usage: &Value) -> Value {
    json!({"type": "message_end", "message": {"role": "assistant", "provider": "mock", "model": "one",
        "content": [{"type": "text", "text": text}], "stopReason": stop_reason, "usage": usage}})
}

fn kind_and_code(failure: &Failure) -> String {
    match failure {
        Failure::Stale(detail) => format!("stale {}", detail.code),
        Failure::AuthRequired(wanted) => format!("auth-required {}", wanted.methods[0].id),
        Failure::Retryable(detail) => format!("retryable {}", detail.code),
        Failure::Fatal(detail) => format!("fatal {}", detail.code),
        Failure::Other(detail) => format!("other {}", detail.code),
    }
}
