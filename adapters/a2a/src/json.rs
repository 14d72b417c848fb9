//! JSON of the agent, which may not be what the protocol says: every question has an answer, none of them a panic.

use serde_json::Value;

/// Characters of foreign text in one message for a person: enough for an error and its cause, not for a log.
const QUOTE_CHARS_MAX: usize = 1000;

/// The text of a member, if it is one and not empty.
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The text of a member, taken out of it.
pub(crate) fn take_text(value: &mut Value, key: &str) -> Option<String> {
    match value.get_mut(key).map(Value::take) {
        Some(Value::String(text)) => Some(text),
        Some(_) | None => None,
    }
}

/// The elements of a member that is a list, taken out of it; none if it is not.
pub(crate) fn take_list(value: &mut Value, key: &str) -> Vec<Value> {
    match value.get_mut(key).map(Value::take) {
        Some(Value::Array(list)) => list,
        Some(_) | None => Vec::new(),
    }
}

/// The elements of a member that is a list; none if it is not.
pub(crate) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Foreign text on its way into a message for a person: one line, and its beginning. The host replaces the secrets of
/// the registration in whatever a server says.
pub(crate) fn quote(text: &str) -> String {
    let line: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(QUOTE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
