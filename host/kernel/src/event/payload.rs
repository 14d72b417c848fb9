//! What an event says beyond its envelope.

use std::ops::Deref;
use std::sync::OnceLock;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// A JSON object as it is recorded. Most of them are only given on: its text is, as it is, and it is read where somebody
/// looks into it.
///
/// It looks like `null` from inside if no [`Value`] can hold what the text says, as where it is nested too deep.
#[derive(Debug, Clone)]
pub struct EventPayload {
    text: Box<RawValue>,
    value: OnceLock<Value>,
}

impl EventPayload {
    /// What was recorded; none if the text is no JSON.
    pub fn parse(text: String) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.contains(&b'\n') || bytes.contains(&b'\r') {
            // Not written by a store: whoever gives a line for each event would give two.
            return serde_json::from_str::<Value>(&text).ok().map(Self::from);
        }
        Some(Self { text: RawValue::from_string(text).ok()?, value: OnceLock::new() })
    }

    /// The text of the JSON.
    pub fn text(&self) -> &str {
        self.text.get()
    }
}

impl From<Value> for EventPayload {
    fn from(value: Value) -> Self {
        // What is a `Value` has a text that is JSON.
        let text = RawValue::from_string(value.to_string()).unwrap_or_default();
        Self { text, value: value.into() }
    }
}

impl Deref for EventPayload {
    type Target = Value;

    fn deref(&self) -> &Value {
        self.value.get_or_init(|| serde_json::from_str(self.text()).unwrap_or_default())
    }
}

impl PartialEq for EventPayload {
    fn eq(&self, other: &Self) -> bool {
        // The order of what an object says depends on who wrote it.
        self.text() == other.text() || **self == **other
    }
}

impl Serialize for EventPayload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for EventPayload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Not the text itself, which only a reader of JSON texts has: an event may lie in what was read already.
        Value::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_recorded_is_given_on_as_it_is_and_can_be_looked_into() {
        let text = r#"{"z":1.0,"a":"\u00e9 \u0041","number":12345678901234567890123}"#;
        let payload = EventPayload::parse(text.to_owned()).unwrap();
        assert_eq!(serde_json::to_string(&payload).unwrap(), text);
        assert_eq!(payload["a"], "é A");
        assert_eq!(serde_json::to_value(&payload).unwrap()["z"], 1.0);
        let again: EventPayload = serde_json::from_str(text).unwrap();
        assert_eq!(again, payload);
        assert_ne!(again, EventPayload::from(json!({ "z": 1.0 })));
    }

    #[test]
    fn its_text_is_one_line() {
        let payload = EventPayload::parse("{\r\n  \"a\": \"b\\n\"\n}".to_owned()).unwrap();
        assert_eq!(payload.text(), r#"{"a":"b\n"}"#);
    }

    #[test]
    fn what_is_no_json_is_no_payload() {
        for text in ["", "{", "{\"a\":}", "{} {}", "nothing"] {
            assert!(EventPayload::parse(text.to_owned()).is_none(), "{text}");
        }
    }

    #[test]
    fn what_no_value_can_hold_is_given_on_all_the_same() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        let payload = EventPayload::parse(deep.clone()).unwrap();
        assert_eq!(*payload, Value::Null);
        assert_eq!(serde_json::to_string(&payload).unwrap(), deep);
    }
}
