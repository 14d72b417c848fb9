//! Wire protocol v2: the messages of `serve --stdio` (SPEC §1.10). One JSON object a line, in both directions.

mod component;
mod correlation;
mod news;
mod query;
mod request;
#[cfg(test)]
mod tests;
mod tool;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::client::RequestError;
use crate::config::ConfigError;
pub(crate) use component::{InstallComponent, RemoveComponent};
pub(crate) use correlation::Correlation;
pub(crate) use news::{about_child, about_run};
pub(crate) use query::{Query, absolute, both};
pub(crate) use request::{
    ApprovalDecision, Delegation, Interrupt, Invalidation, ProvideInput, RetryRun, RevokeGrant, Subscribe,
    Unsubscribe, UpdateArtifact, UpdateSession,
};
pub(crate) use tool::{ControlTool, DirectControlTool, ToolResult, control_tool_result, tool_use};

/// The version that is spoken.
pub(crate) const PROTOCOL_VERSION: u8 = 2;

/// What a client sends.
#[derive(Debug)]
pub(crate) enum Line {
    /// A request.
    Request(Box<Inbound>),
    /// End the daemon.
    Stop,
}

/// A request with whose it is.
#[derive(Debug)]
pub(crate) struct Inbound {
    /// Whose it is.
    pub(crate) address: Address,
    /// What is wanted.
    pub(crate) what: What,
}

/// Whose a request is: what its answers carry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Address {
    /// The client.
    pub(crate) client: String,
    /// That client's request.
    pub(crate) request: String,
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

/// Reads a line.
pub(crate) fn read(line: &str) -> Result<Line, WireError> {
    let value: Value = serde_json::from_str(line)
        .map_err(|error| WireError::invalid(format!("this is no message: {error}")))?;
    let Value::Object(mut fields) = value else {
        return Err(WireError::invalid("this is no message: it is not a JSON object"));
    };
    let kind = text(&mut fields, "type")?;
    if kind == "stop" {
        return Ok(Line::Stop);
    }
    version(fields.remove("protocolVersion"))?;
    let address =
        Address { client: text(&mut fields, "clientId")?, request: text(&mut fields, "requestId")? };
    let what = what(&kind, fields)?;
    Ok(Line::Request(Box::new(Inbound { address, what })))
}

fn what(kind: &str, fields: Map<String, Value>) -> Result<What, WireError> {
    Ok(match kind {
        "query" => What::Query(Box::new(read_fields(kind, fields)?)),
        "interrupt" => What::Interrupt(read_fields(kind, fields)?),
        "approval_decision" => What::ApprovalDecision(read_fields(kind, fields)?),
        "provide_input" => What::ProvideInput(read_fields(kind, fields)?),
        "retry" => What::Retry(read_fields(kind, fields)?),
        "delegate" => What::Delegate(Box::new(read_fields(kind, fields)?)),
        "update_session" => What::UpdateSession(read_fields(kind, fields)?),
        "invalidate_session" => What::InvalidateSession(read_fields(kind, fields)?),
        "update_artifact" => What::UpdateArtifact(read_fields(kind, fields)?),
        "revoke_grant" => What::RevokeGrant(read_fields(kind, fields)?),
        "install_component" => What::InstallComponent(read_fields(kind, fields)?),
        "remove_component" => What::RemoveComponent(read_fields(kind, fields)?),
        "control_tool" => What::ControlTool(read_fields(kind, fields)?),
        "direct_control_tool" => What::DirectControlTool(read_fields(kind, fields)?),
        "tool_result" => What::ToolResult(read_fields(kind, fields)?),
        "subscribe" => What::Subscribe(read_fields(kind, fields)?),
        "unsubscribe" => {
            let Unsubscribe {} = read_fields(kind, fields)?;
            What::Unsubscribe
        }
        _ => return Err(WireError::invalid(format!("`type`: there is no message `{kind}`"))),
    })
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

fn version(given: Option<Value>) -> Result<(), WireError> {
    let hint = format!("hint: use {PROTOCOL_VERSION}");
    match given {
        Some(version) if version == PROTOCOL_VERSION => Ok(()),
        Some(version) => {
            let message = format!("protocol version {version} is not spoken here; {hint}");
            Err(WireError::new("protocol_version", message))
        }
        None => Err(WireError::new("protocol_version", format!("`protocolVersion` is missing; {hint}"))),
    }
}

/// The first message: what is spoken here.
pub(crate) fn init() -> Value {
    json!({ "type": "init", "protocolVersion": PROTOCOL_VERSION, "sessionId": "",
        "agentControlTools": crate::tool::names(), "runtimeVersion": env!("CARGO_PKG_VERSION") })
}
