//! The schema of the wire (JSON Schema, 2020-12): every message in and out, of both versions, made of the types that are
//! read and written. `docs/wire.schema.json` is this, for whoever writes a client.

pub(super) mod envelope;
pub(super) mod word;

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::init::Init;
use super::outbound::Answer;
use super::{PROTOCOL_VERSION, v1};

/// The schema of the wire.
pub(crate) fn wire_schema() -> Value {
    let mut read = SchemaGenerator::new(SchemaSettings::draft2020_12());
    let mut written = SchemaGenerator::new(SchemaSettings::draft2020_12().for_serialize());
    let v2 = super::fields_of_kinds(&mut read).into_iter().map(|(kind, fields)| message(kind, fields, &V2));
    let v2_to = one_of("What a client that speaks v2 says.", v2.chain([stop()]));
    let v1 = v1::fields_of_kinds(&mut read).into_iter().map(|(kind, fields)| message(kind, fields, &V1));
    let v1_to = one_of("What a client that speaks v1 says.", v1.chain([stop()]));
    let init = written.subschema_for::<Init>();
    let v2 = [init.clone(), written.subschema_for::<Answer>()].map(Schema::to_value);
    let v2_from = one_of("What a client that speaks v2 is told.", v2);
    let v1 = [init, written.subschema_for::<v1::Said>()].map(Schema::to_value);
    let v1_from = one_of("What a client that speaks v1 is told.", v1);
    let sides =
        [("V2ToDaemon", v2_to), ("V2FromDaemon", v2_from), ("V1ToDaemon", v1_to), ("V1FromDaemon", v1_from)];
    let any = sides.each_ref().map(|(side, _)| json!({ "$ref": format!("#/$defs/{side}") }));
    let mut parts = Map::from_iter(sides.map(|(side, schema)| (side.to_owned(), schema)));
    parts.extend(read.take_definitions(true));
    parts.extend(written.take_definitions(true));
    sorted(json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The wire of omi-agentd",
        "description": "One JSON object a line, in both directions, or one a message of what carries it.",
        "anyOf": any,
        "$defs": parts,
    }))
}

/// The same with its keys in the order of the alphabet, so that its text is the same whatever order serde_json was built
/// to keep.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<String, Value> = fields.into_iter().collect();
            Value::Object(fields.into_iter().map(|(key, value)| (key, sorted(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        value @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => value,
    }
}

fn one_of(what: &str, messages: impl IntoIterator<Item = Value>) -> Value {
    json!({ "description": what, "oneOf": messages.into_iter().collect::<Vec<_>>() })
}

/// What a version has around the fields of its messages.
struct Around {
    properties: fn() -> Value,
    required: &'static [&'static str],
}

const V2: Around = Around {
    properties: || {
        json!({
            "protocolVersion": { "const": PROTOCOL_VERSION },
            "clientId": { "type": "string", "description": "The client: with `requestId` it names the request." },
            "requestId": { "type": "string" },
            "ownerId": guard(),
        })
    },
    required: &["type", "protocolVersion", "clientId", "requestId"],
};

const V1: Around = Around {
    properties: || {
        json!({
            "protocolVersion": { "enum": [1, null] },
            "id": { "type": ["string", "null"] },
            "requestId": { "type": ["string", "null"], "description": "Counts more than `id`." },
            "ownerId": guard(),
        })
    },
    required: &["type"],
};

fn guard() -> Value {
    let what = "Whom the client takes the owner to be: anybody else is an error, and makes nobody the owner.";
    json!({ "type": ["string", "null"], "description": what })
}

/// A whole message of a kind with these fields.
fn message(kind: &str, fields: Schema, around: &Around) -> Value {
    let mut message = fields.to_value();
    let mut properties = (around.properties)();
    properties["type"] = json!({ "const": kind });
    for (name, field) in message["properties"].as_object().into_iter().flatten() {
        properties[name.as_str()] = field.clone();
    }
    let own = message["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let required: Vec<&str> = around.required.iter().copied().chain(own).collect();
    message["required"] = json!(required);
    message["properties"] = properties;
    message["title"] = json!(kind);
    message
}

/// The one message that says neither its version nor whose it is.
fn stop() -> Value {
    json!({ "title": "stop", "description": "End the daemon.", "type": "object",
        "properties": { "type": { "const": "stop" }, "ownerId": guard() }, "required": ["type"] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_that_is_handed_out_is_that_of_the_types() {
        assert!(
            include_str!("../../docs/wire.schema.json") == format!("{:#}\n", wire_schema()),
            "docs/wire.schema.json differs; hint: omi-agentd schema wire > host/daemon/docs/wire.schema.json"
        );
    }

    #[test]
    fn two_types_of_one_name_are_no_two_things() {
        let schema = wire_schema();
        let names: Vec<&String> = schema["$defs"].as_object().unwrap().keys().collect();
        let numbered = names.iter().filter(|name| name.ends_with(|last: char| last.is_ascii_digit()));
        assert_eq!(
            numbered.collect::<Vec<_>>(),
            Vec::<&&String>::new(),
            "schemars numbers what is called alike"
        );
    }
}
