//! What is recorded of a step, without what differs each time: identifiers by their order, no times, no cursors, nothing
//! of client and surface, text in one piece.

use std::collections::BTreeMap;

use omi_tests::world::World;
use serde_json::{Map, Value, json};

/// What names the client, the surface or the moment, and so differs.
const DIFFERS: [&str; 14] = [
    "clientId",
    "requestId",
    "surfaceKind",
    "idempotencyKey",
    "externalRefKind",
    "externalRefId",
    "legacyClientScope",
    "legacySessionKey",
    "cursor",
    "adapterSessionId",
    "nativeId",
    "sequence",
    "pid",
    "lateReports",
];
/// Digits of an identifier behind its prefix.
const DIGITS: usize = 32;

/// The rows of a step.
#[derive(Debug)]
pub(super) struct Rows(Vec<Value>);

impl Rows {
    /// What is recorded of the sessions that were begun with these prompts.
    pub(super) fn of(world: &World, prompts: &[String]) -> Self {
        let events = world.run(&["events", "--json", "--limit", "1000000"], "");
        let events: Vec<Value> =
            events.stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
        let runs = world.show(&["runs", "--json", "--limit", "1000"]);
        let sessions = world.show(&["sessions", "--json", "--limit", "1000"]);
        Self(prompts.iter().map(|prompt| one(world, &sessions, &runs, &events, prompt)).collect())
    }

    /// As JSON, to be compared.
    pub(super) fn json(&self) -> Value {
        Value::Array(self.0.clone())
    }
}

fn one(world: &World, sessions: &Value, runs: &Value, events: &[Value], prompt: &str) -> Value {
    let of = |list: &Value, key: &str, wanted: &Value| -> Vec<Value> {
        let list = list.as_array().expect("a list").iter();
        list.filter(|row| row[key] == *wanted).cloned().collect()
    };
    let all = runs.as_array().expect("runs");
    let begun: Vec<&Value> = all.iter().filter(|run| run["input"]["prompt"][0]["text"] == prompt).collect();
    assert_eq!(begun.len(), 1, "`{prompt}` has one run: {begun:?}");
    let session = &begun[0]["sessionId"];
    let own: Vec<Value> = events.iter().filter(|event| event["sessionId"] == *session).cloned().collect();
    // How much was said until it was stopped, and after that was asked for, is a matter of time.
    let stopped = begun[0]["status"] == "cancelled";
    let mut events = merged(own);
    if stopped {
        let first = events.iter().position(|event| event["type"] == "message.delta");
        let mut place = 0..;
        events.retain(|event| {
            let here = place.next();
            event["type"] != "message.delta" || here == first
        });
    }
    let mut whole = json!({ "session": of(sessions, "sessionId", session), "events": events,
        "runs": of(runs, "sessionId", session) });
    Normal { world: world.path("").display().to_string(), ids: BTreeMap::new(), stopped }.value(&mut whole);
    whole
}

/// Events with the pieces of each message as one.
fn merged(events: Vec<Value>) -> Vec<Value> {
    let mut merged: Vec<Value> = Vec::new();
    for event in events {
        let is_more = |before: &Value| {
            before["type"] == "message.delta" && before["payload"]["message"] == event["payload"]["message"]
        };
        match merged.last_mut().filter(|before| event["type"] == "message.delta" && is_more(before)) {
            Some(before) => {
                let text = [&before["payload"]["text"], &event["payload"]["text"]];
                let text: String = text.into_iter().filter_map(Value::as_str).collect();
                before["payload"]["text"] = text.into();
                before["payload"]["end"] = event["payload"]["end"].clone();
            }
            None => merged.push(event),
        }
    }
    merged
}

/// Takes away what differs each time.
struct Normal {
    world: String,
    ids: BTreeMap<String, String>,
    stopped: bool,
}

impl Normal {
    fn value(&mut self, value: &mut Value) {
        match value {
            Value::Object(fields) => self.fields(fields),
            Value::Array(values) => values.iter_mut().for_each(|value| self.value(value)),
            Value::String(text) => *text = self.text(text),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn fields(&mut self, fields: &mut Map<String, Value>) {
        let differs = |name: &str| DIFFERS.contains(&name) || name.ends_with("AtMs") || name == "timestampMs";
        fields.retain(|name, value| !differs(name) && !value.is_null());
        if self.stopped {
            for name in ["finalText", "text", "offset", "end"] {
                if let Some(text) = fields.get_mut(name) {
                    *text = "some".into();
                }
            }
        }
        // In the order of their names: so they are met in the same order each time.
        let mut names: Vec<String> = fields.keys().cloned().collect();
        names.sort();
        for name in names {
            if let Some(value) = fields.get_mut(&name) {
                self.value(value);
            }
        }
    }

    /// An identifier by the order in which it is met; a path of this world as one of any.
    fn text(&mut self, text: &str) -> String {
        let id = text.split_once('_').filter(|(_, digits)| {
            digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        if let Some((kind, _)) = id {
            let count = self.ids.len();
            return self.ids.entry(text.to_owned()).or_insert_with(|| format!("{kind}-{count}")).clone();
        }
        text.replace(&self.world, "WORLD/")
    }
}
