//! Wire protocol v2: the messages of `serve --stdio` (SPEC §1.10). One JSON object a line, in both directions.
//!
//! A line without `protocolVersion` is of v1 (`v1.rs`): it becomes the same request, and its answers have v1's form.

mod address;
mod component;
mod correlation;
mod ending;
mod host;
mod init;
mod news;
mod outbound;
mod query;
mod request;
mod schema;
#[cfg(test)]
mod tests;
mod tool;
mod tool_calls;
pub(crate) mod v1;

use schemars::SchemaGenerator;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::client::RequestError;
use crate::config::ConfigError;
use crate::terminal::plain;
pub(crate) use address::{Address, Version};
pub(crate) use component::{InstallComponent, RemoveComponent};
pub(crate) use correlation::Correlation;
pub(crate) use ending::{ARTIFACTS_MAX, Ended};
pub(crate) use host::{Authenticate, RefreshOwner, RefreshToken, Warmup};
pub(crate) use init::init;
pub(crate) use news::{about_child, about_run, log_in};
pub(crate) use outbound::{Outbound, Said};
pub(crate) use query::{Query, absolute, both};
pub(crate) use request::{
    ApprovalDecision, Delegation, Interrupt, Invalidation, ProvideInput, RetryRun, RevokeGrant, Subscribe,
    Unsubscribe, UpdateArtifact, UpdateSession,
};
pub(crate) use schema::wire_schema;
pub(crate) use tool::{ControlTool, DirectControlTool, ToolResult, control_tool_result, tool_use};
pub(crate) use tool_calls::ToolCalls;

/// The version that is spoken.
pub(crate) const PROTOCOL_VERSION: u8 = 2;

/// What a client sends.
#[derive(Debug)]
pub(crate) enum Line {
    /// A request.
    Request(Box<Inbound>),
    /// A request in the words of v1.
    V1(Box<v1::Inbound>),
    /// End the daemon.
    Stop {
        /// Who says so.
        address: Address,
        /// Whom the client takes the owner to be.
        owner: Option<String>,
    },
}

/// A request with whose it is.
#[derive(Debug)]
pub(crate) struct Inbound {
    /// Whose it is.
    pub(crate) address: Address,
    /// Whom the client takes the owner to be: only a guard, it makes nobody the owner (SPEC §1.16).
    pub(crate) owner: Option<String>,
    /// What is wanted.
    pub(crate) what: What,
}

/// A line that cannot be taken: whom that is told, and why.
#[derive(Debug)]
pub(crate) struct Unread {
    /// As far as it could be read.
    pub(crate) address: Address,
    /// Why.
    pub(crate) error: WireError,
}

/// What a request wants.
#[derive(Debug)]
pub(crate) enum What {
    /// Run a prompt.
    Query(Box<Query>),
    /// Stop a run.
    Interrupt(Interrupt),
    /// Answer a request for permission.
    ApprovalDecision(ApprovalDecision),
    /// Answer a request for information, or for a log-in.
    ProvideInput(ProvideInput),
    /// Try a run again.
    Retry(RetryRun),
    /// Run something on behalf of a run.
    Delegate(Box<Delegation>),
    /// Rename a session, put it away, close it.
    UpdateSession(UpdateSession),
    /// Let the native sessions of a session go.
    InvalidateSession(Invalidation),
    /// Say what was done with an artifact.
    UpdateArtifact(UpdateArtifact),
    /// Take a grant back.
    RevokeGrant(RevokeGrant),
    /// Let a component be used, with the bytes that it has now.
    InstallComponent(InstallComponent),
    /// Let a component be used no longer.
    RemoveComponent(RemoveComponent),
    /// Call a control tool about the run of this request.
    ControlTool(ControlTool),
    /// Call a control tool outside of any run.
    DirectControlTool(DirectControlTool),
    /// Give the result of a tool of the surface.
    ToolResult(ToolResult),
    /// Hear about everything, or about a session or run.
    Subscribe(Subscribe),
    /// Hear no more.
    Unsubscribe,
    /// Log in: the answer to a runtime that asked for it.
    Authenticate(Authenticate),
    /// Be ready for what may come.
    Warmup,
    /// Make sure whose all this is.
    RefreshOwner,
    /// Use another token.
    RefreshToken,
}

/// Why a message is answered with an error: a word for programs, a line for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WireError {
    /// A stable word.
    pub(crate) code: &'static str,
    /// One line.
    pub(crate) message: String,
}

impl WireError {
    /// An error with a code and a line.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// A message that is not as this protocol has it.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new("invalid_message", message)
    }

    /// There is no such thing, or it belongs to somebody else: nobody can tell which.
    pub(crate) fn not_found(what: &str, id: &str) -> Self {
        Self::new("not_found", format!("there is no {what} `{id}`"))
    }
}

impl From<RequestError> for WireError {
    fn from(error: RequestError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<ConfigError> for WireError {
    fn from(error: ConfigError) -> Self {
        Self::new("unknown_registration", error.to_string())
    }
}

impl From<omi_store::StoreError> for WireError {
    fn from(error: omi_store::StoreError) -> Self {
        Self::new("store_failing", error.to_string())
    }
}

/// Each kind of message: its word, its fields, and what it wants. What is read and what the schema says are one list.
macro_rules! kinds {
    ($($word:literal: $fields:ty => $what:expr,)+) => {
        fn what(kind: &str, fields: Map<String, Value>) -> Result<What, WireError> {
            Ok(match kind {
                $($word => $what(read_fields::<$fields>(kind, fields)?),)+
                _ => return Err(WireError::invalid(format!("`type`: there is no message `{}`", brief(kind)))),
            })
        }

        /// The fields of each kind of message.
        fn fields_of_kinds(generator: &mut SchemaGenerator) -> Vec<(&'static str, schemars::Schema)> {
            vec![$(($word, <$fields as schemars::JsonSchema>::json_schema(generator)),)+]
        }
    };
}

kinds! {
    "query": Query => |query| What::Query(Box::new(query)),
    "retry": RetryRun => What::Retry,
    "interrupt": Interrupt => What::Interrupt,
    "approval_decision": ApprovalDecision => What::ApprovalDecision,
    "provide_input": ProvideInput => What::ProvideInput,
    "authenticate": Authenticate => What::Authenticate,
    "delegate": Delegation => |delegation| What::Delegate(Box::new(delegation)),
    "update_session": UpdateSession => What::UpdateSession,
    "invalidate_session": Invalidation => What::InvalidateSession,
    "update_artifact": UpdateArtifact => What::UpdateArtifact,
    "revoke_grant": RevokeGrant => What::RevokeGrant,
    "install_component": InstallComponent => What::InstallComponent,
    "remove_component": RemoveComponent => What::RemoveComponent,
    "control_tool": ControlTool => What::ControlTool,
    "direct_control_tool": DirectControlTool => What::DirectControlTool,
    "tool_result": ToolResult => What::ToolResult,
    "subscribe": Subscribe => What::Subscribe,
    "unsubscribe": Unsubscribe => |_| What::Unsubscribe,
    "warmup": Warmup => |_| What::Warmup,
    "refresh_owner": RefreshOwner => |_| What::RefreshOwner,
    "refresh_token": RefreshToken => |_| What::RefreshToken,
}

/// Reads a line.
pub(crate) fn read(line: &str) -> Result<Line, Box<Unread>> {
    // What cannot be read may still say whose it is.
    let unread = |address: Address, error: WireError| Box::new(Unread { address, error });
    let nobody = || Address::v2("", "");
    let value: Value = serde_json::from_str(line)
        .map_err(|error| unread(nobody(), WireError::invalid(format!("this is no message: {error}"))))?;
    let Value::Object(mut fields) = value else {
        let why = "this is no message: it is not a JSON object";
        return Err(unread(nobody(), WireError::invalid(why)));
    };
    let said = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let address = Address::v2(said("clientId"), said("requestId"));
    let kind = text(&mut fields, "type").map_err(|error| unread(address.clone(), error))?;
    let version = version(fields.remove("protocolVersion"));
    if kind == "stop" {
        let owner = guard(&mut fields).map_err(|error| unread(address.clone(), error))?;
        return Ok(Line::Stop { address, owner });
    }
    match version.map_err(|error| unread(address.clone(), error))? {
        Version::V1 => match v1::read(&kind, fields) {
            Ok(inbound) => Ok(Line::V1(Box::new(inbound))),
            Err(error) => Err(unread(Address { version: Version::V1, ..address }, error)),
        },
        Version::V2 => match read_v2(&kind, fields) {
            Ok(inbound) => Ok(Line::Request(Box::new(inbound))),
            Err(error) => Err(unread(address, error)),
        },
    }
}

fn read_v2(kind: &str, mut fields: Map<String, Value>) -> Result<Inbound, WireError> {
    let (client, request) = (text(&mut fields, "clientId")?, text(&mut fields, "requestId")?);
    let owner = guard(&mut fields)?;
    if kind == "refresh_owner"
        && let Some(owner) = &owner
    {
        // It is what this one is about.
        fields.insert("ownerId".to_owned(), owner.as_str().into());
    }
    Ok(Inbound { address: Address::v2(client, request), owner, what: what(kind, fields)? })
}

/// The fields of one kind of message. The error names the field.
fn read_fields<T: DeserializeOwned>(kind: &str, fields: Map<String, Value>) -> Result<T, WireError> {
    serde_path_to_error::deserialize(Value::Object(fields)).map_err(|error| {
        let path = error.path().to_string();
        let why = error.into_inner().to_string().replace('\n', " ");
        let field = if path == "." { String::new() } else { format!("`{path}`: ") };
        WireError::invalid(format!("{kind}: {field}{why}"))
    })
}

fn text(fields: &mut Map<String, Value>, name: &str) -> Result<String, WireError> {
    match fields.remove(name) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(WireError::invalid(format!("`{name}` is not a text"))),
        None => Err(WireError::invalid(format!("`{name}` is missing"))),
    }
}

/// Whom the client takes the owner to be.
fn guard(fields: &mut Map<String, Value>) -> Result<Option<String>, WireError> {
    match fields.get("ownerId") {
        None | Some(Value::Null) => {
            fields.remove("ownerId");
            Ok(None)
        }
        Some(_) => text(fields, "ownerId").map(Some),
    }
}

/// Who names no version is of before there were any.
fn version(given: Option<Value>) -> Result<Version, WireError> {
    match given {
        None | Some(Value::Null) => Ok(Version::V1),
        Some(version) if version == 1 => Ok(Version::V1),
        Some(version) if version == PROTOCOL_VERSION => Ok(Version::V2),
        Some(version) => {
            let version = brief(&version.to_string());
            let why = format!("protocol version {version} is not spoken here; hint: use {PROTOCOL_VERSION}");
            Err(WireError::new("protocol_version", why))
        }
    }
}

/// A text from outside as it fits into the line of an error.
fn brief(text: &str) -> String {
    plain(&text.chars().take(BRIEF_CHARS_MAX).collect::<String>())
}

/// Characters of a text from outside that an error repeats: enough to know it again.
const BRIEF_CHARS_MAX: usize = 64;
