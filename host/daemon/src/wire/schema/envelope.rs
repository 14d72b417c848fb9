//! What the schema says of what is around the fields of a message: the version, and the envelope of an event.
#![expect(dead_code, reason = "these describe what other types write, and are never made")]

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::word;
use crate::wire::PROTOCOL_VERSION;
use crate::wire::init::INIT;

macro_rules! constant {
    ($(#[$doc:meta])* $name:ident, $value:expr) => {
        $(#[$doc])*
        pub(crate) enum $name {}

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "const": $value })
            }
        }
    };
}

constant!(
    /// The number of the version that is spoken.
    V2, PROTOCOL_VERSION
);
constant!(
    /// The word of the first message.
    InitKind, INIT
);

/// An event as it is recorded (`omi_kernel::event::Event`).
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the fields are called as they are in the envelope")]
pub(crate) struct Event {
    /// The version of the envelope.
    protocol_version: V2,
    /// Its identifier.
    event_id: String,
    /// Its place in the order of all events.
    cursor: i64,
    /// Its session.
    session_id: word::Session,
    /// Its run.
    run_id: Option<word::Run>,
    /// Its attempt.
    attempt_id: Option<word::Attempt>,
    /// The client's request that its run answers.
    request_id: Option<String>,
    /// What it says.
    #[schemars(rename = "type")]
    kind: word::EventType,
    /// When it was recorded, in milliseconds since 1970.
    timestamp_ms: i64,
    /// The rest.
    payload: Value,
}
