//! JSON of the agent, which may not be what the protocol says: every question has an answer, none of them a panic.

use serde::Serialize;
use serde_json::Value;

/// The text of a member, if it is one.
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

/// The elements of a member that is a list; none if it is not.
pub(crate) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Whether a capability is there: `true` or an object; `false`, `null` and nothing are not.
pub(crate) fn offered(value: &Value, path: &[&str]) -> bool {
    let mut place = value;
    for key in path {
        match place.get(key) {
            Some(next) => place = next,
            None => return false,
        }
    }
    matches!(place, Value::Bool(true) | Value::Object(_))
}

/// A count that fits, if it is one.
pub(crate) fn count(value: &Value, key: &str) -> Option<u32> {
    value.get(key).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok())
}

/// The official types have text keys and finite numbers, so they always become JSON.
pub(crate) fn value(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_capability_is_an_object_or_true() {
        let value = json!({"session": {"resume": {}, "list": null, "close": false, "fork": true}});
        let offers = |key| offered(&value, &["session", key]);
        assert_eq!([offers("resume"), offers("fork")], [true, true]);
        assert_eq!([offers("list"), offers("close"), offers("missing")], [false, false, false]);
    }
}
