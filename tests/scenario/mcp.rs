//! MCP over HTTP: an agent of somebody's that has the control tools. What it asks for it hears whole.

use std::collections::BTreeMap;
use std::thread::JoinHandle;

use omi_tests::world::http::{Client, HttpDaemon};
use omi_tests::world::wire::text;
use omi_tests::world::{World, eventually};
use serde_json::{Value, json};

use super::door::{Act, Door, OTHER_KEY, Told};

pub(super) struct McpDoor {
    daemon: Option<HttpDaemon>,
    asked: BTreeMap<String, Asked>,
}

struct Asked {
    session: String,
    answer: Option<JoinHandle<Value>>,
}

/// Calls a tool. The answer is what it gives.
fn call(client: &Client, name: &str, input: &Value) -> Value {
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": name, "arguments": input } });
    let client = client.with("accept", "application/json, text/event-stream");
    let answer = client.with("mcp-protocol-version", "2025-06-18").post("/mcp", &call);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["result"]["structuredContent"].clone()
}

impl McpDoor {
    pub(super) fn open(world: &World) -> Self {
        Self { daemon: Some(HttpDaemon::start(world, &[])), asked: BTreeMap::new() }
    }

    fn client(&self) -> Client {
        self.daemon.as_ref().expect("it is open").tcp()
    }

    /// The run of a request, as it stands.
    fn run(&self, request: &str) -> Value {
        let session = self.asked[request].session.clone();
        let listed = call(&self.client(), "list_agent_sessions", &json!({}));
        let all = listed["sessions"].as_array().expect("sessions");
        let own = all.iter().find(|listed| listed["session"]["omiSessionId"] == *session);
        own.expect("the session")["latestRun"].clone()
    }
}

impl Door for McpDoor {
    fn supports(&self, act: Act) -> bool {
        match act {
            Act::Stream | Act::Cancel | Act::Stranger => true,
            Act::Approve | Act::Reconnect | Act::Twins => false,
        }
    }

    fn ask(&mut self, _: &str, request: &str, prompt: &str) {
        // A session is made first: no tool of an agent makes one of its own.
        let title = prompt.lines().next();
        let made =
            self.client().post("/v1/sessions", &json!({ "adapterId": "tester", "title": title })).json();
        let session = text(&made["session"], "sessionId");
        let input =
            json!({ "omiSessionId": session, "prompt": prompt, "mode": "act", "adapterId": "tester" });
        let client = self.client();
        let answer = std::thread::spawn(move || call(&client, "send_agent_message", &input));
        self.asked.insert(request.to_owned(), Asked { session, answer: Some(answer) });
    }

    fn text(&mut self, _: &str, request: &str) {
        eventually("it has said something", || {
            let run = self.run(request);
            let Some(run) = run["runId"].as_str() else { return false };
            let found = call(&self.client(), "get_agent_run", &json!({ "runId": run }));
            let events = found["events"].as_array().expect("events");
            events
                .iter()
                .any(|event| matches!(event["type"].as_str(), Some("message.delta" | "message.completed")))
        });
    }

    fn allow(&mut self, _: &str, _: &str) {
        unreachable!("no tool answers for a person");
    }

    fn stop(&mut self, _: &str, request: &str) {
        let run = self.run(request)["runId"].clone();
        let stopped = call(&self.client(), "cancel_agent_run", &json!({ "runId": run }));
        assert_eq!(stopped["cancellation"]["accepted"], true, "{stopped}");
    }

    fn ended(&mut self, _: &str, request: &str) -> Told {
        let asked = self.asked.get_mut(request).expect("it was asked");
        let answer = asked.answer.take().expect("once").join().expect("an answer");
        Told { status: text(&answer, "terminalStatus"), text: text(&answer, "text") }
    }

    fn again(&mut self) {
        unreachable!("it has no stream");
    }

    fn stranger(&mut self, _: &str, request: &str) {
        let other = self.client().with_key(Some(OTHER_KEY));
        let run = self.run(request)["runId"].clone();
        let session = self.asked[request].session.clone();
        for (name, input) in [
            ("get_agent_run", json!({ "runId": run })),
            ("cancel_agent_run", json!({ "runId": run })),
            ("send_agent_message", json!({ "omiSessionId": session, "prompt": "say stolen" })),
            ("delegate_agent", json!({ "mode": "spawn", "parentRunId": run, "objective": "say stolen" })),
        ] {
            let refused = call(&other, name, &input);
            assert_eq!(refused["error"]["code"], "not_found", "{name}: {refused}");
        }
        assert_eq!(call(&other, "list_agent_sessions", &json!({}))["sessions"], json!([]));
    }

    fn end(&mut self) {
        let ended = self.daemon.take().expect("it is open").end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}
