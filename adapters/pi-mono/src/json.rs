//! JSON of pi, which may not be what its version says: every question has an answer, none of them a panic.

use serde_json::Value;

/// The text of a member, if it is one.
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

/// The elements of a member that is a list; none if it is not.
pub(crate) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The text of a `content`: a string, or the text blocks of a list.
pub(crate) fn content_text(value: &Value) -> String {
    match &value["content"] {
        Value::String(text) => text.clone(),
        _ => list(value, "content").iter().filter_map(|block| text(block, "text")).collect(),
    }
}
