//! The schema of the wire (JSON Schema, 2020-12): every message in and out, of both versions, made of the types that are
//! read and written. `docs/wire.schema.json` is this, for whoever writes a client.

pub(super) mod envelope;
pub(super) mod word;

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::init::Init;
use super::outbound::Answer;
use super::{PROTOCOL_VERSION, v1};

/// The schema of the wire.
pub(crate) fn wire_schema() -> Value {
    let mut generator = SchemaGenerator::new(SchemaSettings::draft2020_12());
    let mut parts = Map::new();
    let v2 =
        super::fields_of_kinds(&mut generator).into_iter().map(|(kind, fields)| message(kind, fields, &V2));
    parts.insert("V2ToDaemon".to_owned(), one_of("What a client that speaks v2 says.", v2.chain([stop()])));
    let v1 = v1::fields_of_kinds(&mut generator).into_iter().map(|(kind, fields)| message(kind, fields, &V1));
    parts.insert("V1ToDaemon".to_owned(), one_of("What a client that speaks v1 says.", v1.chain([stop()])));
    let v2 = [generator.subschema_for::<Init>(), generator.subschema_for::<Answer>()].map(Schema::to_value);
    parts.insert("V2FromDaemon".to_owned(), one_of("What a client that speaks v2 is told.", v2));
    let v1 = [generator.subschema_for::<Init>(), generator.subschema_for::<v1::Said>()].map(Schema::to_value);
    parts.insert("V1FromDaemon".to_owned(), one_of("What a client that speaks v1 is told.", v1));
    let any: Vec<Value> = parts.keys().map(|part| json!({ "$ref": format!("#/$defs/{part}") })).collect();
    parts.extend(generator.take_definitions(true));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The wire of omi-agentd",
        "description": "One JSON object a line, in both directions, or one a message of what carries it.",
        "anyOf": any,
        "$defs": parts,
    })
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
