//! What a value has to look like: JSON where the contract says so, and ids that are the runtime's own.

use omi_kernel::id::is_omi_id;
use serde_json::Value;

use crate::rule;
use crate::stop::{Broken, keeps};

/// Bytes of a native id that the host takes.
const NATIVE_ID_BYTES: usize = 4096;
/// Bytes of a text that are shown where it is wrong.
const SHOWN_BYTES: usize = 60;

pub(super) fn native_id(native_id: &str) -> Result<(), Broken> {
    let own = |kept: bool, what: &str| keeps(kept, &rule::NATIVE_ID_OWN, || format!("it gives {what}"));
    own(!native_id.is_empty(), "an empty native id")?;
    own(native_id.len() <= NATIVE_ID_BYTES, "a native id of more than 4 KiB")?;
    own(!is_omi_id(native_id), &format!("`{native_id}`, an id of Omi, as the runtime's own"))
}

pub(super) fn is_json(member: &str, text: &str) -> Result<(), Broken> {
    let valid = text.is_empty() || serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    keeps(valid, &rule::JSON_VALID, || format!("`{member}` is no JSON: {}", beginning(text)))
}

/// `extra` is empty or a JSON object, wherever it is; a payload that is called JSON is JSON.
pub(super) fn json_is_valid(value: &Value) -> Result<(), Broken> {
    match value {
        Value::Object(members) => members.iter().try_for_each(|(name, value)| match (name.as_str(), value) {
            ("extra", Value::String(text)) => {
                let object = text.is_empty() || serde_json::from_str::<serde_json::Map<_, _>>(text).is_ok();
                keeps(object, &rule::JSON_VALID, || format!("`extra` is no JSON object: {}", beginning(text)))
            }
            ("json", Value::String(text)) => is_json("json", text),
            (_, value) => json_is_valid(value),
        }),
        Value::Array(items) => items.iter().try_for_each(json_is_valid),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn beginning(text: &str) -> String {
    format!("{:?}", &text[..text.floor_char_boundary(SHOWN_BYTES)])
}
