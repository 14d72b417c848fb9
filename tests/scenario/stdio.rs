//! The pipe of wire v2.

use omi_tests::world::World;
use omi_tests::world::wire::{Serving, text};
use serde_json::{Value, json};

use super::door::{Act, Door, Told};

pub(super) struct PipeDoor {
    serving: Option<Serving>,
}

impl PipeDoor {
    pub(super) fn open(world: &World) -> Self {
        Self { serving: Some(Serving::start(world)) }
    }

    fn serving(&mut self) -> &mut Serving {
        self.serving.as_mut().expect("it is open")
    }

    fn hear(&mut self, kind: &str, client: &str, request: &str) -> Value {
        self.serving().hear_that(kind, request, |message| message["clientId"] == client)
    }
}

impl Door for PipeDoor {
    fn supports(&self, act: Act) -> bool {
        match act {
            Act::Stream | Act::Approve | Act::Cancel | Act::Twins => true,
            Act::Reconnect | Act::Stranger => false,
        }
    }

    fn ask(&mut self, client: &str, request: &str, prompt: &str) {
        let fields = json!({ "adapterId": "tester", "prompt": prompt });
        self.serving().send(client, "query", request, &fields);
    }

    fn text(&mut self, client: &str, request: &str) {
        self.hear("text_delta", client, request);
    }

    fn allow(&mut self, client: &str, request: &str) {
        let asked = self.hear("approval_requested", client, request);
        let fields = json!({ "approval": asked["approval"], "optionId": asked["options"][0]["optionId"] });
        self.serving().send(client, "approval_decision", request, &fields);
    }

    fn stop(&mut self, client: &str, request: &str) {
        self.serving().send(client, "interrupt", request, &json!({}));
        assert_eq!(self.hear("cancel_ack", client, request)["accepted"], true);
    }

    fn ended(&mut self, client: &str, request: &str) -> Told {
        let result = self.hear("result", client, request);
        let told = Told { status: text(&result, "terminalStatus"), text: text(&result, "text") };
        let said = self.serving().said_to("text_delta", request);
        let pieces = said.iter().filter(|piece| piece["clientId"] == client);
        assert_eq!(pieces.map(|piece| text(piece, "text")).collect::<String>(), told.text);
        told
    }

    fn again(&mut self) {
        unreachable!("a pipe is not made again");
    }

    fn stranger(&mut self, _: &str, _: &str) {
        unreachable!("a pipe has one owner");
    }

    fn end(&mut self) {
        self.serving.take().expect("it is open").end();
    }
}
