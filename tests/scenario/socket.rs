//! A WebSocket that speaks wire v2.

use omi_tests::world::World;
use omi_tests::world::http::{HttpDaemon, WebSocket};
use omi_tests::world::wire::text;
use serde_json::{Value, json};

use super::door::{Act, Door, OTHER_KEY, Told};

pub(super) struct WebSocketDoor {
    daemon: Option<HttpDaemon>,
    socket: WebSocket,
    /// What was said before the connection was lost.
    before: Vec<Value>,
}

impl WebSocketDoor {
    pub(super) fn open(world: &World) -> Self {
        let daemon = HttpDaemon::start(world, &[]);
        let socket = daemon.unix().websocket().expect("it is let in");
        Self { daemon: Some(daemon), socket, before: vec![] }
    }

    /// Something that was said to a request, or will be.
    fn hear(&mut self, kind: &str, client: &str, request: &str) -> Value {
        let is = |message: &Value| {
            message["type"] == kind && message["clientId"] == client && message["requestId"] == request
        };
        let heard = self.socket.heard.iter().find(|message| is(message)).cloned();
        heard.unwrap_or_else(|| self.socket.hear(is))
    }

    fn connect(&self) -> WebSocket {
        self.daemon.as_ref().expect("it is open").unix().websocket().expect("it is let in")
    }
}

/// The text of a run that one attempt said in one message, put together by its offsets. No piece is missing.
fn joined(heard: &[&Value], run: &str) -> String {
    let mut whole = String::new();
    for message in heard {
        let piece = match message["type"].as_str() {
            Some("text_delta") => *message,
            Some("event") if message["event"]["type"] == "message.delta" => &message["event"]["payload"],
            _ => continue,
        };
        if message["runId"] != run {
            continue;
        }
        let offset = usize::try_from(piece["offset"].as_u64().expect("an offset")).expect("small");
        assert!(offset <= whole.len(), "a gap before {message}");
        if let Some(new) = text(piece, "text").get(whole.len() - offset..) {
            whole.push_str(new);
        }
    }
    whole
}

impl Door for WebSocketDoor {
    fn supports(&self, _: Act) -> bool {
        true
    }

    fn ask(&mut self, client: &str, request: &str, prompt: &str) {
        self.socket.send(client, "query", request, &json!({ "adapterId": "tester", "prompt": prompt }));
    }

    fn text(&mut self, client: &str, request: &str) {
        if self.before.is_empty() {
            self.hear("text_delta", client, request);
        } else {
            self.hear("text_delta", client, "again");
        }
    }

    fn allow(&mut self, client: &str, request: &str) {
        let asked = self.hear("approval_requested", client, request);
        let fields = json!({ "approval": asked["approval"], "optionId": asked["options"][0]["optionId"] });
        self.socket.send(client, "approval_decision", request, &fields);
    }

    fn stop(&mut self, client: &str, request: &str) {
        let run = self
            .before
            .iter()
            .find(|message| message["requestId"] == request && message["runId"].is_string());
        let fields = run.map_or(json!({}), |message| json!({ "runId": message["runId"] }));
        self.socket.send(client, "interrupt", request, &fields);
        assert_eq!(self.hear("cancel_ack", client, request)["accepted"], true);
    }

    fn ended(&mut self, client: &str, request: &str) -> Told {
        if self.before.is_empty() {
            let result = self.hear("result", client, request);
            let told = Told { status: text(&result, "terminalStatus"), text: text(&result, "text") };
            let heard: Vec<&Value> =
                self.socket.heard.iter().filter(|message| message["requestId"] == request).collect();
            assert_eq!(joined(&heard, &text(&result, "runId")), told.text);
            return told;
        }
        // Whoever came again asks for the same once more: it is told what became of it.
        let run = self
            .before
            .iter()
            .find(|message| message["requestId"] == request && message["runId"].is_string());
        let run = text(run.expect("a run"), "runId");
        let is_end =
            |message: &Value| message["event"]["type"] == "run.cancelled" && message["runId"] == *run;
        let ended = self.socket.heard.iter().any(is_end);
        if !ended {
            self.socket.hear(is_end);
        }
        let heard: Vec<&Value> = self.before.iter().chain(&self.socket.heard).collect();
        let text = joined(&heard, &run);
        self.before.clear();
        Told { status: "cancelled".to_owned(), text }
    }

    fn again(&mut self) {
        let mut lost = self.connect();
        std::mem::swap(&mut lost, &mut self.socket);
        self.before = std::mem::take(&mut lost.heard);
        drop(lost);
        let cursors = self.before.iter().filter_map(|message| message["cursor"].as_i64());
        let after = cursors.max().unwrap_or_default();
        self.socket.send("one", "subscribe", "again", &json!({ "afterCursor": after }));
    }

    fn stranger(&mut self, client: &str, request: &str) {
        let result = self.hear("result", client, request);
        let other = self.daemon.as_ref().expect("it is open").unix().with_key(Some(OTHER_KEY));
        let mut other = other.websocket().expect("it is let in");
        for (kind, fields) in [
            ("subscribe", json!({ "runId": result["runId"] })),
            ("interrupt", json!({ "runId": result["runId"] })),
            ("retry", json!({ "runId": result["runId"] })),
            ("query", json!({ "sessionId": result["sessionId"], "prompt": "say stolen" })),
            ("update_session", json!({ "sessionId": result["sessionId"], "title": "stolen" })),
        ] {
            other.send(client, kind, kind, &fields);
            let answer = other.hear(|message| message["requestId"] == kind);
            assert_eq!(
                (&answer["type"], &answer["code"]),
                (&json!("error"), &json!("not_found")),
                "{kind}: {answer}"
            );
        }
    }

    fn end(&mut self) {
        let ended = self.daemon.take().expect("it is open").end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}
