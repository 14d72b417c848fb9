//! The first message: what is spoken here, and what this daemon can do.

use omi_kernel::id::OwnerId;
use schemars::JsonSchema;
use serde::Serialize;

use super::outbound::Outbound;
use super::{PROTOCOL_VERSION, schema::envelope};

/// The word of the first message.
pub(super) const INIT: &str = "init";

/// What this daemon can do beyond running prompts, as words that never change: a client that needs one looks for it
/// here, and not at a version.
const CAPABILITIES: &[&str] = &[
    // Permissions and information are asked for, and answered by any client of the owner.
    "approvals",
    "input_requests",
    // A log-in is asked for and chosen: `auth_required`, `authenticate`.
    "log_in",
    // A run that did not succeed is tried again, also with another registration.
    "retry",
    "delegation",
    // The same request is the same run; so is the same `idempotencyKey`.
    "idempotency",
    // Events after a cursor, and as they happen.
    "subscriptions",
    "images",
    "artifacts",
    "grants",
    // Control tools: `control_tool`, `direct_control_tool`. Tools of a surface for its agents: `query.tools`.
    "control_tools",
    "surface_tools",
    // Components are installed and removed while it runs.
    "components",
    // Clients that speak v1 are understood.
    "v1",
];

/// What is spoken here: the first message, in one form for every version.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Init {
    /// The kind of message.
    #[serde(rename = "type")]
    #[schemars(with = "envelope::InitKind")]
    kind: &'static str,
    /// The version that is spoken.
    #[schemars(with = "envelope::V2")]
    protocol_version: u8,
    /// The versions that are understood.
    protocol_versions: [u8; 2],
    /// Always empty: a session is made by a query.
    session_id: &'static str,
    /// The tools that a client may call on behalf of its runs.
    agent_control_tools: Vec<&'static str>,
    /// The version of omi-agentd.
    runtime_version: &'static str,
    /// What it can do, as stable words.
    runtime_capabilities: &'static [&'static str],
    /// Whose everything is that this connection sees and changes.
    owner_id: String,
}

/// The first message, on a connection of this owner.
pub(crate) fn init(owner: &OwnerId) -> Outbound {
    Outbound::Init(Box::new(Init {
        kind: INIT,
        protocol_version: PROTOCOL_VERSION,
        protocol_versions: [1, PROTOCOL_VERSION],
        session_id: "",
        agent_control_tools: crate::tool::names(),
        runtime_version: env!("CARGO_PKG_VERSION"),
        runtime_capabilities: CAPABILITIES,
        owner_id: owner.to_string(),
    }))
}
