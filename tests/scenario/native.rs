//! Native messaging: an extension of a browser, beside a daemon that serves.

use omi_tests::world::World;
use omi_tests::world::http::HttpDaemon;
use omi_tests::world::wire::text;
use serde_json::{Value, json};

use super::door::{Act, Door, Told};
use crate::native::browser::Extension;

pub(super) struct NativeDoor<'w> {
    world: &'w World,
    daemon: Option<HttpDaemon>,
    extension: Option<Extension>,
    heard: Vec<Value>,
    /// The run whose connection was lost.
    lost: Option<String>,
}

impl<'w> NativeDoor<'w> {
    pub(super) fn open(world: &'w World) -> Self {
        let daemon = HttpDaemon::start(world, &[]);
        let extension = Some(Extension::connect(world));
        Self { world, daemon: Some(daemon), extension, heard: vec![], lost: None }
    }

    fn send(&mut self, kind: &str, client: &str, request: &str, fields: Value) {
        let mut fields = fields;
        fields["clientId"] = client.into();
        self.extension.as_mut().expect("it is connected").ask(kind, request, &fields);
    }

    fn hear(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(message) = self.heard.iter().find(|message| wanted(message)) {
            return message.clone();
        }
        loop {
            let message = self.extension.as_mut().expect("it is connected").message();
            self.heard.push(message.clone());
            if wanted(&message) {
                return message;
            }
        }
    }

    fn of(&mut self, kind: &str, client: &str, request: &str) -> Value {
        self.hear(|message| {
            message["type"] == kind && message["clientId"] == client && message["requestId"] == request
        })
    }
}

impl Door for NativeDoor<'_> {
    fn supports(&self, act: Act) -> bool {
        match act {
            Act::Stream | Act::Approve | Act::Cancel | Act::Reconnect | Act::Twins => true,
            Act::Stranger => false,
        }
    }

    fn ask(&mut self, client: &str, request: &str, prompt: &str) {
        self.send("query", client, request, json!({ "adapterId": "tester", "prompt": prompt }));
    }

    fn text(&mut self, client: &str, request: &str) {
        if self.lost.is_some() {
            self.of("text_delta", client, "again");
        } else {
            self.of("text_delta", client, request);
        }
    }

    fn allow(&mut self, client: &str, request: &str) {
        let asked = self.of("approval_requested", client, request);
        let option = asked["options"][0]["optionId"].clone();
        let decision = json!({ "approval": asked["approval"], "optionId": option });
        self.send("approval_decision", client, request, decision);
    }

    fn stop(&mut self, client: &str, request: &str) {
        let fields = self.lost.as_ref().map_or_else(|| json!({}), |run| json!({ "runId": run }));
        self.send("interrupt", client, request, fields);
        assert_eq!(self.of("cancel_ack", client, request)["accepted"], true);
    }

    fn ended(&mut self, client: &str, request: &str) -> Told {
        if let Some(run) = self.lost.take() {
            self.hear(|message| message["event"]["type"] == "run.cancelled" && message["runId"] == *run);
            return Told { status: "cancelled".to_owned(), text: String::new() };
        }
        let result = self.of("result", client, request);
        let told = Told { status: text(&result, "terminalStatus"), text: text(&result, "text") };
        let is_piece = |message: &&Value| {
            message["type"] == "text_delta"
                && message["clientId"] == client
                && message["requestId"] == request
        };
        let pieces = self.heard.iter().filter(is_piece);
        assert_eq!(pieces.map(|piece| text(piece, "text")).collect::<String>(), told.text);
        told
    }

    fn again(&mut self) {
        let last = self.heard.iter().rfind(|message| message["type"] == "text_delta").expect("some text");
        self.lost = Some(text(last, "runId"));
        let after = last["cursor"].clone();
        self.extension.take().expect("it is connected").disconnect();
        self.extension = Some(Extension::connect(self.world));
        self.send("subscribe", "one", "again", json!({ "afterCursor": after }));
    }

    fn stranger(&mut self, _: &str, _: &str) {
        unreachable!("it has one owner");
    }

    fn end(&mut self) {
        self.extension.take().expect("it is connected").disconnect();
        let ended = self.daemon.take().expect("it is open").end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}
