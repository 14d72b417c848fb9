//! What a conversation means to a session, whatever effects it took: the canonical events of an adapter's outputs.

use serde_json::{Value, json};

use crate::recording::Call;

/// What an adapter reports, in order: who is ready, which bindings are there, what attempts do and how they end.
/// Pieces of the same text are put together; private thoughts, effects and `extra` are left out.
pub fn events(calls: &[Call]) -> Vec<Value> {
    let outputs = calls.iter().flat_map(|call| call.outputs.as_array().into_iter().flatten());
    let mut events: Vec<Value> = Vec::new();
    for (case, payload) in outputs.filter_map(|output| output.as_object()?.iter().next()) {
        let kept = match case.as_str() {
            "attempt-event" => attempt_event(payload, &mut events),
            "ready" | "auth-required" | "fault" | "binding-opened" | "binding-failed"
            | "attempt-finished" | "cancel-answer" | "request-approval" | "request-input"
            | "withdraw-request" | "call-tool" => true,
            _ => false,
        };
        if kept {
            events.push(without_extra(json!({ case: payload })));
        }
    }
    events
}

/// Puts a piece of text to the text before it; whether the event is to be kept by itself.
fn attempt_event(payload: &Value, events: &mut [Value]) -> bool {
    let event = &payload["event"];
    if event.get("thought-delta").is_some() {
        return false;
    }
    let Some(delta) = event.get("message-delta") else { return true };
    let before = events.last_mut().and_then(|last| last.get_mut("attempt-event"));
    let Some(before) = before.filter(|before| before["attempt"] == payload["attempt"]) else { return true };
    let Some(text) = before["event"].get_mut("message-delta") else { return true };
    if text["message"] != delta["message"] {
        return true;
    }
    let joined = [&text["text"], &delta["text"]].map(|text| text.as_str().unwrap_or_default()).concat();
    text["text"] = Value::from(joined);
    false
}

fn without_extra(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .filter(|(name, _)| name != "extra")
            .map(|(name, value)| (name, without_extra(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(without_extra).collect(),
        other => other,
    }
}

/// The text that an attempt answered with.
pub(crate) fn text(events: &[Value], attempt: u32) -> String {
    let deltas =
        events.iter().map(|event| &event["attempt-event"]).filter(|event| event["attempt"] == attempt);
    deltas.filter_map(|event| event["event"]["message-delta"]["text"].as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(outputs: Value) -> Call {
        Call { now_ms: 0, inputs: json!([]), outputs }
    }

    fn delta(message: &str, text: &str) -> Value {
        let delta = json!({ "message-delta": { "message": message, "text": text, "extra": "{}" } });
        json!({ "attempt-event": { "attempt": 1, "event": delta, "extra": "" } })
    }

    #[test]
    fn pieces_of_one_text_are_one_event_and_effects_are_none() {
        let spawn = json!({ "spawn": { "op": 1 } });
        let thought = json!({ "attempt-event": { "attempt": 1, "event": { "thought-delta": "hm" } } });
        let finished = json!({ "attempt-finished": { "attempt": 1, "outcome": "cancelled", "extra": "" } });
        let calls = [
            call(json!([delta("a", "hel"), spawn, thought])),
            call(json!([delta("a", "lo"), delta("b", "you"), finished])),
        ];
        let events = events(&calls);
        assert_eq!(events.len(), 3, "{events:?}");
        assert_eq!(text(&events, 1), "helloyou");
        assert_eq!(events[2]["attempt-finished"]["outcome"], "cancelled");
        assert_eq!(events[0]["attempt-event"]["event"]["message-delta"]["text"], "hello");
        assert!(events[0]["attempt-event"].get("extra").is_none());
    }
}
