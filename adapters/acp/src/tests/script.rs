//! The agent of these tests: it says what the test says, and what is written to it is read back as JSON.

use omi_adapter_sdk::testkit::{self, TestKit};
use omi_adapter_sdk::{BindingSettings, Event, Input, OpenBinding, Output, ResumeBinding};
use serde_json::{Value, json};

use crate::Acp;

/// The op of the agent's process.
pub(super) const AGENT: u32 = 1;

/// The kit, and what the adapter asked for in the last step.
pub(super) struct Script {
    pub(super) kit: TestKit<Acp>,
    pub(super) out: Vec<Output>,
}

impl Script {
    /// A worker whose agent has just been started.
    pub(super) fn started(config: &str) -> Self {
        Self::started_with(config, &["agent"])
    }

    fn started_with(config: &str, grants: &[&str]) -> Self {
        let mut kit = TestKit::new();
        let mut out = kit.start_with_grants(config, grants);
        out.extend(kit.send(testkit::spawned(AGENT)));
        Self { kit, out }
    }

    /// A worker whose agent answered `initialize` with these capabilities.
    pub(super) fn ready(config: &str, capabilities: &Value) -> Self {
        Self::started(config).initialized(capabilities)
    }

    fn initialized(mut self, capabilities: &Value) -> Self {
        self.says(&json!({"id": 1, "result": {
            "protocolVersion": 1,
            "agentCapabilities": capabilities,
            "agentInfo": {"name": "scripted", "version": "1.0"},
            "authMethods": [{"id": "key", "name": "A key"}],
        }}));
        self
    }

    /// A worker with one open binding, 1, on the native session `s1`.
    pub(super) fn open(capabilities: &Value) -> Self {
        Self::ready("{}", capabilities).opened()
    }

    /// The same with one open binding, 1, on the native session `s1`.
    pub(super) fn opened(mut self) -> Self {
        self.out = self.kit.open(1, "/work");
        self.answers(&json!({"sessionId": "s1"}));
        assert!(matches!(&self.out[..], [Output::ClearTimer(_), Output::BindingOpened(_)]), "{:?}", self.out);
        self
    }

    /// A worker in the turn of attempt 1, with these grants beside `agent`.
    pub(super) fn prompted_with(grants: &[&str]) -> Self {
        let grants = [&["agent"], grants].concat();
        let mut script = Self::started_with("{}", &grants).initialized(&json!({})).opened();
        script.out = script.kit.execute(1, 1, "do it");
        assert_eq!(script.kit.send(testkit::stdin_taken(AGENT)), []);
        script
    }

    /// The agent asks this client something in the session `s1`, with the id of its request.
    pub(super) fn asks(&mut self, id: &str, method: &str, mut params: Value) -> &mut Self {
        params["sessionId"] = "s1".into();
        self.says(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
    }

    /// The result of the agent's request, which the last step answered.
    pub(super) fn result(&self, id: &str) -> Value {
        let answer = self.answer(id);
        assert!(answer["error"].is_null(), "{answer}");
        answer["result"].clone()
    }

    /// The error of the agent's request, which the last step answered: its code and its message.
    pub(super) fn error(&self, id: &str) -> (i64, String) {
        let answer = self.answer(id);
        let code = answer["error"]["code"].as_i64().unwrap_or_else(|| panic!("no error: {answer}"));
        (code, answer["error"]["message"].as_str().unwrap_or_default().to_owned())
    }

    fn answer(&self, id: &str) -> Value {
        let answers: Vec<Value> = self
            .written()
            .into_iter()
            .filter(|message| message["id"] == id && message["method"].is_null())
            .collect();
        match &answers[..] {
            [answer] => answer.clone(),
            other => panic!("one answer to {id} is expected: {other:?} in {:?}", self.out),
        }
    }

    /// A worker in the turn of attempt 1.
    pub(super) fn prompted() -> Self {
        let mut script = Self::open(&json!({}));
        script.out = script.kit.execute(1, 1, "do it");
        script
    }

    /// A worker in the turn of attempt 1, with this configuration.
    pub(super) fn prompted_as(config: &str) -> Self {
        let mut script = Self::ready(config, &json!({})).opened();
        script.out = script.kit.execute(1, 1, "do it");
        script
    }

    /// The agent writes a message.
    pub(super) fn says(&mut self, message: &Value) -> &mut Self {
        self.writes(&message.to_string())
    }

    /// The agent writes a line.
    pub(super) fn writes(&mut self, line: &str) -> &mut Self {
        self.send(testkit::line(AGENT, line))
    }

    /// Something happens.
    pub(super) fn send(&mut self, input: Input) -> &mut Self {
        let mut outputs = self.kit.send(input);
        let mut last = 0;
        // The agent reads everything at once, and what was held back comes after it.
        while outputs[last..].iter().any(|output| matches!(output, Output::WriteStdin(_))) {
            last = outputs.len();
            outputs.extend(self.kit.send(testkit::stdin_taken(AGENT)));
        }
        self.out = outputs;
        self
    }

    /// The agent answers the last request with this result.
    pub(super) fn answers(&mut self, result: &Value) -> &mut Self {
        let id = self.last_request()["id"].clone();
        self.says(&json!({"id": id, "result": result}))
    }

    /// The agent answers the last request with this error.
    pub(super) fn fails(&mut self, code: i64, message: &str) -> &mut Self {
        let id = self.last_request()["id"].clone();
        self.says(&json!({"id": id, "error": {"code": code, "message": message}}))
    }

    /// The agent says something in the session `s1`.
    pub(super) fn updates(&mut self, update: &Value) -> &mut Self {
        self.says(&json!({"method": "session/update", "params": {"sessionId": "s1", "update": update}}))
    }

    /// The agent says a piece of its answer.
    pub(super) fn says_text(&mut self, text: &str) -> &mut Self {
        self.updates(
            &json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text}}),
        )
    }

    /// The messages that were written to the agent by the last step.
    pub(super) fn written(&self) -> Vec<Value> {
        messages(&self.out)
    }

    /// The last request written to the agent by the last step.
    pub(super) fn last_request(&self) -> Value {
        let is_request = |message: &Value| message.get("method").is_some() && message.get("id").is_some();
        self.written().into_iter().rfind(is_request).expect("the last step made a request")
    }

    /// The events of the last step.
    pub(super) fn events(&self) -> Vec<Event> {
        events(&self.out)
    }

    /// How the last step ended an attempt, in a few words.
    pub(super) fn outcome(&self) -> String {
        use omi_adapter_sdk::Outcome::{Cancelled, Failed, Succeeded};
        match testkit::outcome(&self.out) {
            Some(Succeeded(success)) => format!("succeeded {}", success.stop_reason),
            Some(Failed(failure)) => kind_and_code(failure),
            Some(Cancelled) => "cancelled".to_owned(),
            None => panic!("the turn goes on: {:?}", self.out),
        }
    }

    /// The code of the failure with which the last step ended an attempt, a binding or the worker.
    pub(super) fn failure_code(&self) -> String {
        let failure = self.out.iter().find_map(|output| match output {
            Output::Fault(fault) => Some(fault.failure.clone()),
            Output::BindingFailed(failed) => Some(failed.failure.clone()),
            Output::AttemptFinished(finished) => match &finished.outcome {
                omi_adapter_sdk::Outcome::Failed(failure) => Some(failure.clone()),
                _ => None,
            },
            _ => None,
        });
        kind_and_code(&failure.unwrap_or_else(|| panic!("nothing failed: {:?}", self.out)))
    }

    /// The sentence of the worker's fault.
    pub(super) fn fault_message(&self) -> String {
        use omi_adapter_sdk::Failure::{AuthRequired, Fatal, Other, Retryable, Stale};
        let fault = self.out.iter().find_map(|output| match output {
            Output::Fault(fault) => Some(fault.failure.clone()),
            _ => None,
        });
        match fault.unwrap_or_else(|| panic!("no fault: {:?}", self.out)) {
            Stale(detail) | Retryable(detail) | Fatal(detail) | Other(detail) => detail.message,
            AuthRequired(methods) => panic!("no sentence: {methods:?}"),
        }
    }
}

/// The messages in what was written.
pub(super) fn messages(outputs: &[Output]) -> Vec<Value> {
    let text = testkit::written_text(outputs);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect()
}

/// The events in these outputs.
pub(super) fn events(outputs: &[Output]) -> Vec<Event> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::AttemptEvent(event) => Some(event.event.clone()),
            _ => None,
        })
        .collect()
}

/// `fatal empty_turn`.
pub(super) fn kind_and_code(failure: &omi_adapter_sdk::Failure) -> String {
    use omi_adapter_sdk::Failure::{AuthRequired, Fatal, Other, Retryable, Stale};
    match failure {
        Stale(detail) => format!("stale {}", detail.code),
        AuthRequired(wanted) => {
            let ids: Vec<_> = wanted.methods.iter().map(|method| method.id.as_str()).collect();
            format!("auth-required {}", ids.join(" "))
        }
        Retryable(detail) => format!("retryable {}", detail.code),
        Fatal(detail) => format!("fatal {}", detail.code),
        Other(detail) => format!("other {}", detail.code),
    }
}

/// What a native session is to be like when nothing special is asked.
pub(super) fn settings() -> BindingSettings {
    BindingSettings::in_folder("/work")
}

/// A session is to be opened.
pub(super) fn open(settings: BindingSettings) -> Input {
    Input::OpenBinding(OpenBinding { binding: 1, omi_session: String::new(), settings, extra: String::new() })
}

/// The session `s1` is to be taken up.
pub(super) fn resume() -> Input {
    resume_with(settings())
}

/// The same, like this.
pub(super) fn resume_with(settings: BindingSettings) -> Input {
    Input::ResumeBinding(ResumeBinding {
        binding: 1,
        omi_session: String::new(),
        native_id: "s1".to_owned(),
        settings,
        extra: String::new(),
    })
}
