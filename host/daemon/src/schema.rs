//! Whether a configuration is what the schema of its component allows: the names of its settings, what kind each is, and
//! what there is to choose from. What else a schema may say is left to the component.

use serde_json::Value;

/// The schema of a component; one that it does not have, or that is no JSON, allows everything.
pub(crate) fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// What is wrong with a configuration, in one sentence; none if nothing is. No value is in it.
pub(crate) fn wrong(config: &Value, schema: &Value) -> Option<String> {
    below("", config, schema)
}

fn below(path: &str, value: &Value, schema: &Value) -> Option<String> {
    if let Some(choices) = schema["enum"].as_array() {
        return (!choices.contains(value)).then(|| format!("`{path}` has to be one of {}", list(choices)));
    }
    if let Some(any) = schema["anyOf"].as_array() {
        let mut whys = Vec::new();
        for schema in any {
            whys.push(below(path, value, schema)?);
        }
        return Some(whys.join(", or "));
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !kinds.is_empty() && !kinds.iter().any(|kind| is(value, kind)) {
        let words: Vec<&str> = kinds.into_iter().map(word).collect();
        return Some(format!("`{path}` has to be {}", words.join(" or ")));
    }
    if let Some((number, limit)) = value.as_f64().zip(schema["minimum"].as_f64())
        && number < limit
    {
        return Some(format!("`{path}` has to be {limit} or more"));
    }
    items(path, value, schema).or_else(|| members(path, value, schema))
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => true,
    }
}

/// What a person calls a kind of value.
fn word(kind: &str) -> &str {
    match kind {
        "string" => "a text",
        "boolean" => "`true` or `false`",
        "integer" => "a whole number",
        "number" => "a number",
        "array" => "a list",
        "object" => "a table",
        "null" => "nothing",
        other => other,
    }
}

fn items(path: &str, value: &Value, schema: &Value) -> Option<String> {
    let mut items = value.as_array().into_iter().flatten().enumerate();
    items.find_map(|(index, item)| below(&format!("{path}[{index}]"), item, &schema["items"]))
}

fn members(path: &str, value: &Value, schema: &Value) -> Option<String> {
    let dot = if path.is_empty() { "" } else { "." };
    value.as_object().into_iter().flatten().find_map(|(key, value)| {
        let path = format!("{path}{dot}{key}");
        match (&schema["properties"][key], &schema["additionalProperties"]) {
            (Value::Null, Value::Bool(false)) => {
                let there_are = schema["properties"].as_object().into_iter().flatten();
                let there_are: Vec<Value> = there_are.map(|(key, _)| Value::from(key.as_str())).collect();
                Some(format!("there is no setting `{path}`; hint: there are {}", list(&there_are)))
            }
            (Value::Null, more) => below(&path, value, more),
            (property, _) => below(&path, value, property),
        }
    })
}

fn list(choices: &[Value]) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    choices.iter().map(|choice| format!("`{}`", text(choice))).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_is_named_with_what_is_expected() {
        let schema = json!({ "type": "object", "additionalProperties": false, "properties": {
            "mode": { "type": "string" }, "how": { "enum": ["auto", "never"] }, "max": { "type": "integer", "minimum": 1 },
            "options": { "type": "object", "additionalProperties": { "type": ["string", "boolean"] } },
            "texts": { "type": "array", "items": { "type": "string" } }, "heat": { "type": "number" },
            "either": { "anyOf": [{ "type": "null" }, { "type": "string" }] } } });
        for (config, expected) in [
            (json!({ "moed": "x" }), "there is no setting `moed`; hint: there are `"),
            (json!({ "mode": 1 }), "`mode` has to be a text"),
            (json!({ "how": "loud" }), "`how` has to be one of `auto`, `never`"),
            (json!({ "max": 0 }), "`max` has to be 1 or more"),
            (json!({ "max": 1.5 }), "`max` has to be a whole number"),
            (json!({ "options": { "a": 1 } }), "`options.a` has to be a text or `true` or `false`"),
            (json!({ "texts": ["a", 1] }), "`texts[1]` has to be a text"),
            (json!({ "either": 1 }), "`either` has to be nothing, or `either` has to be a text"),
        ] {
            let why = wrong(&config, &schema).unwrap_or_default();
            assert!(why.starts_with(expected), "{config}: {why}");
        }
        let fine = json!({ "mode": "plan", "how": "auto", "max": 5, "options": { "a": true }, "texts": ["a"], "heat": 1,
            "either": "x" });
        assert_eq!(wrong(&fine, &schema), None);
        assert_eq!(wrong(&json!({ "any": 1 }), &read("")), None, "no schema says nothing");
    }
}
