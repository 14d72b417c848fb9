//! Wire protocol v1, as clients spoke it before there were canonical sessions (seed §13.6, SPEC §1.10 and §3.10).
//!
//! What it asks for becomes the request of v2 that it means, with rows of its own: there is no other path, and no map of
//! sessions. What it is told is v1's catalogue of messages and nothing else, and none says whose it is.
//! A field that is not known here is no mistake: older and newer clients of v1 sent more.

mod said;
#[cfg(test)]
mod tests;

use omi_kernel::command::RunMode;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::request::LEGACY_SCOPE_DEFAULT;
use super::schema::word;
use super::{Address, Authenticate, Interrupt, Invalidation, Query, Version, WireError};

pub(crate) use said::Said;

/// What every client of v1 is called (SPEC §3.10).
pub(crate) const CLIENT: &str = "legacy-jsonl-client";
/// The kind of surface of the sessions that it makes.
const SURFACE: &str = "legacy_jsonl";
/// The key of the session of queries that name neither a session nor a model.
const KEY_DEFAULT: &str = "default";

/// A request.
#[derive(Debug)]
pub(crate) struct Inbound {
    /// The client's name of it, if it has one.
    pub(crate) id: Option<String>,
    /// Whom the client takes the owner to be.
    pub(crate) owner: Option<String>,
    /// What is wanted.
    pub(crate) what: What,
}

/// What a request wants.
#[derive(Debug)]
pub(crate) enum What {
    /// Run a prompt.
    Query(Box<Query>),
    /// Stop the run of the request; without a name, the one that goes on.
    Interrupt(Interrupt),
    /// Log in, on behalf of the run of the request; without a name, of the one that goes on.
    Authenticate(Authenticate),
    /// Let the native sessions of a session go.
    InvalidateSession(Invalidation),
    /// Be ready for what may come.
    Warmup,
    /// Use another token.
    RefreshToken,
}

/// Run a prompt.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct QueryFields {
    prompt: String,
    /// What the client calls the session; without it the model's name is taken.
    session_key: Option<String>,
    /// A native session of an earlier product, to be taken up. It is never the id of a session.
    resume: Option<String>,
    adapter_id: Option<String>,
    image_base64: Option<String>,
    system_prompt: Option<String>,
    cwd: Option<String>,
    #[schemars(with = "Option<word::Mode>")]
    mode: Option<RunMode>,
    model: Option<String>,
}

/// Let the native sessions of a session go.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct InvalidateFields {
    session_key: String,
}

/// Log in by a method that was offered.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct AuthenticateFields {
    method_id: String,
}

/// Nothing that is used here.
#[derive(Debug, Deserialize, JsonSchema)]
struct NoFields {}

impl From<QueryFields> for Query {
    fn from(fields: QueryFields) -> Self {
        let key = fields.session_key.or_else(|| fields.model.clone());
        Self {
            adapter_id: fields.adapter_id,
            surface_kind: Some(SURFACE.to_owned()),
            legacy_client_scope: Some(LEGACY_SCOPE_DEFAULT.to_owned()),
            legacy_session_key: Some(key.unwrap_or_else(|| KEY_DEFAULT.to_owned())),
            legacy_adapter_session_id: fields.resume,
            prompt: fields.prompt,
            image_base64: fields.image_base64,
            system_prompt: fields.system_prompt,
            cwd: fields.cwd,
            mode: fields.mode.unwrap_or_default(),
            model: fields.model,
            ..Self::default()
        }
    }
}

/// Each kind of message: its word, its fields, and what it wants. What is read and what the schema says are one list.
macro_rules! kinds {
    ($($word:literal: $fields:ty => $what:expr,)+) => {
        fn what(kind: &str, fields: Map<String, Value>) -> Result<What, WireError> {
            Ok(match kind {
                $($word => $what(super::read_fields::<$fields>(kind, fields)?),)+
                _ => {
                    let kind = super::brief(kind);
                    let why = format!(
                        "`type`: protocol version 1 has no message `{kind}`; hint: `protocolVersion` {}",
                        super::PROTOCOL_VERSION
                    );
                    return Err(WireError::invalid(why));
                }
            })
        }

        /// The fields of each kind of message.
        pub(super) fn fields_of_kinds(generator: &mut SchemaGenerator) -> Vec<(&'static str, schemars::Schema)> {
            vec![$(($word, <$fields as JsonSchema>::json_schema(generator)),)+]
        }
    };
}

kinds! {
    "query": QueryFields => |query: QueryFields| What::Query(Box::new(query.into())),
    "interrupt": NoFields => |_| What::Interrupt(Interrupt::default()),
    "authenticate": AuthenticateFields => |fields: AuthenticateFields| What::Authenticate(Authenticate::by(fields.method_id)),
    "invalidate_session": InvalidateFields => |fields: InvalidateFields| What::InvalidateSession(Invalidation::of_key(fields.session_key)),
    "warmup": NoFields => |_| What::Warmup,
    "refresh_token": NoFields => |_| What::RefreshToken,
}

/// Reads a message of v1.
pub(super) fn read(kind: &str, mut fields: Map<String, Value>) -> Result<Inbound, WireError> {
    let owner = super::guard(&mut fields)?;
    let mut id = None;
    // An old client calls it `id`, a newer one `requestId`.
    for name in ["id", "requestId"] {
        match fields.remove(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => id = Some(text),
            Some(_) => return Err(WireError::invalid(format!("{kind}: `{name}` is not a text"))),
        }
    }
    Ok(Inbound { id, owner, what: what(kind, fields)? })
}

/// The request of this name.
pub(crate) fn address(request: String) -> Address {
    Address { version: Version::V1, client: CLIENT.to_owned(), request }
}

impl What {
    /// What that is in v2.
    pub(crate) fn meant(self) -> super::What {
        match self {
            Self::Query(query) => super::What::Query(query),
            Self::Interrupt(interrupt) => super::What::Interrupt(interrupt),
            Self::Authenticate(authenticate) => super::What::Authenticate(authenticate),
            Self::InvalidateSession(invalidation) => super::What::InvalidateSession(invalidation),
            Self::Warmup => super::What::Warmup,
            Self::RefreshToken => super::What::RefreshToken,
        }
    }
}
