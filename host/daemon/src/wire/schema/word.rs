//! What the schema says of texts that have a form of their own: identifiers, and words to choose from. The kernel, whose
//! they are, knows no schema.

use std::borrow::Cow;

use omi_kernel::artifact::ArtifactState;
use omi_kernel::command::RunMode;
use omi_kernel::delegation::DelegationMode;
use omi_kernel::event::EventKind;
use omi_kernel::id::{ArtifactId, AttemptId, GrantId, RunId, SessionId};
use omi_kernel::model::ModelProfile;
use omi_kernel::session::SessionStatus;
use omi_kernel::status::Status;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::json;

macro_rules! identifier {
    ($name:ident, $id:ty) => {
        #[doc = concat!("The text of a `", stringify!($id), "`.")]
        pub(crate) enum $name {}

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($id).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let pattern = format!("^{}[0-9a-f]{{32}}$", <$id>::PREFIX);
                json_schema!({ "type": "string", "pattern": pattern })
            }
        }
    };
}

identifier!(Session, SessionId);
identifier!(Run, RunId);
identifier!(Attempt, AttemptId);
identifier!(Artifact, ArtifactId);
identifier!(Grant, GrantId);

macro_rules! words {
    ($name:ident, $kind:ty, $all:expr) => {
        #[doc = concat!("A word of `", stringify!($kind), "`.")]
        pub(crate) enum $name {}

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let words: Vec<_> = $all.iter().map(|word| json!(word)).collect();
                json_schema!({ "type": "string", "enum": words })
            }
        }
    };
}

words!(Mode, RunMode, [RunMode::Ask, RunMode::Act]);
words!(DelegateMode, DelegationMode, [DelegationMode::Call, DelegationMode::Spawn, DelegationMode::Continue]);
words!(SessionState, SessionStatus, SessionStatus::ALL);
words!(ArtifactLifecycle, ArtifactState, ArtifactState::ALL);
words!(Profile, ModelProfile, ModelProfile::ALL);
words!(RunStatus, Status, Status::ALL);
words!(EventType, EventKind, EventKind::ALL);
