//! The pipe of wire v1: it names no client, hears no ids, and one thing is asked after the other.

use omi_tests::world::World;
use omi_tests::world::wire::{Serving, text};
use serde_json::{Value, json};

use super::door::{Act, Door, Told};

pub(super) struct OldPipeDoor {
    serving: Option<Serving>,
    /// What was said before the last query.
    before: usize,
}

impl OldPipeDoor {
    pub(super) fn open(world: &World) -> Self {
        Self { serving: Some(Serving::start(world)), before: 0 }
    }

    fn serving(&mut self) -> &mut Serving {
        self.serving.as_mut().expect("it is open")
    }

    /// Something of this kind that was said since the last query.
    fn hear(&mut self, kind: &str) -> Value {
        let before = self.before;
        let kinds = |all: &str| -> Vec<Value> {
            let messages = all.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            messages.filter(|message| message["type"] != "init").collect()
        };
        let find = |all: &str| kinds(all).into_iter().skip(before).find(|message| message["type"] == kind);
        self.serving().running.prints(&format!("`{kind}` of v1"), |all| find(all).is_some());
        find(&self.serving().running.stdout()).expect("it was there")
    }

    fn said(&mut self) -> Vec<Value> {
        self.serving().said().into_iter().filter(|message| message["type"] != "init").collect()
    }
}

impl Door for OldPipeDoor {
    fn supports(&self, act: Act) -> bool {
        match act {
            Act::Stream | Act::Cancel => true,
            Act::Approve | Act::Reconnect | Act::Twins | Act::Stranger => false,
        }
    }

    fn ask(&mut self, _: &str, request: &str, prompt: &str) {
        self.before = self.said().len();
        let query = json!({ "type": "query", "id": request, "sessionKey": request, "adapterId": "tester",
            "prompt": prompt });
        self.serving().say_v1(&query);
    }

    fn text(&mut self, _: &str, _: &str) {
        self.hear("text_delta");
    }

    fn allow(&mut self, _: &str, _: &str) {
        unreachable!("it asks nobody");
    }

    fn stop(&mut self, _: &str, request: &str) {
        self.serving().say_v1(&json!({ "type": "interrupt", "requestId": request }));
    }

    fn ended(&mut self, _: &str, _: &str) -> Told {
        let result = self.hear("result");
        let told = Told { status: text(&result, "terminalStatus"), text: text(&result, "text") };
        let before = self.before;
        let said = self.said();
        let pieces = said.iter().skip(before).filter(|message| message["type"] == "text_delta");
        assert_eq!(pieces.map(|piece| text(piece, "text")).collect::<String>(), told.text);
        for message in said.iter().skip(before) {
            let ids = ["requestId", "clientId", "runId", "attemptId", "cursor", "eventId"];
            assert!(ids.iter().all(|id| message.get(id).is_none()), "{message}");
        }
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
