//! What a value has to look like: JSON where the contract says so, and ids that are the runtime's own.

use serde_json::Value;

use crate::rule;
use crate::stop::{Broken, keeps};
use crate::told;

pub(super) fn native_id(native_id: &str) -> Result<(), Broken> {
    let is_omi =
        native_id == told::SESSION || native_id == told::RUN || native_id.starts_with("att_0000000000000000");
    keeps(!is_omi, &rule::NATIVE_ID_OWN, || {
        format!("it gives `{native_id}`, an id of Omi, as the runtime's own")
    })?;
    keeps(!native_id.is_empty(), &rule::NATIVE_ID_OWN, || "it gives an empty native id".to_owned())
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
    format!("{:?}", &text[..text.floor_char_boundary(60)])
}
