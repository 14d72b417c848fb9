//! What an adapter says about itself (`describe` of the contract, ARCHITECTURE §2).

use serde::{Deserialize, Serialize};

/// How faithfully a native session can be taken up again (seed §6.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fidelity {
    /// The runtime restores its own durable state.
    Native,
    /// Enough context can be rebuilt from what Omi recorded.
    Reconstructed,
    /// The state is gone with its worker.
    None,
}

/// What the runtime tells about a cancellation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cancellation {
    /// Only ending its process stops it.
    Unsupported,
    /// It can be told, but does not confirm.
    Dispatched,
    /// It confirms when work has stopped.
    Acknowledged,
}

/// What is left of native sessions when a worker ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Restart {
    /// Another worker can take them up.
    BindingsSurvive,
    /// They are gone.
    BindingsLost,
}

/// Who takes up an interrupted turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recovery {
    /// Omi, with a new attempt.
    Host,
    /// The runtime, by itself.
    Runtime,
}

/// What an adapter can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// The best resume fidelity; each binding states its own.
    pub resume: Fidelity,
    /// What a cancellation tells.
    pub cancellation: Cancellation,
    /// What a restart leaves.
    pub restart: Restart,
    /// Who recovers an interrupted turn.
    pub recovery: Recovery,
    /// A binding cannot leave its worker.
    pub pinned_worker: bool,
    /// Bindings one worker holds at the same time.
    pub bindings_per_worker: u32,
    /// Attempts one worker executes at the same time.
    pub attempts_per_worker: u32,
    /// A run's model may differ from its binding's.
    pub model_switching: bool,
    /// It emits artifacts.
    pub artifacts: bool,
    /// It can call the tools that it is offered.
    pub tools: bool,
}

/// What kind of thing a grant is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Start the program that the registration names.
    Process,
    /// Start programs of the runtime's choice.
    Terminal,
    /// Read or write files below a folder.
    Files,
    /// Send requests to an origin.
    Http,
    /// A capability that this host does not know: always refused.
    Other(String),
}

impl Capability {
    /// The word of the tables.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Process => "process",
            Self::Terminal => "terminal",
            Self::Files => "files",
            Self::Http => "http",
            Self::Other(word) => word,
        }
    }

    /// Reads the word of the tables.
    pub fn parse(text: &str) -> Self {
        match text {
            "process" => Self::Process,
            "terminal" => Self::Terminal,
            "files" => Self::Files,
            "http" => Self::Http,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// One thing an adapter asks to be allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantRequest {
    /// The name that effects use.
    pub name: String,
    /// What kind of thing.
    pub capability: Capability,
    /// `spawn`, `read`, `write`, `request` or `*`.
    pub operation: String,
    /// What it is done to, as a pattern.
    pub pattern: String,
    /// Why, for a person.
    pub reason: String,
    /// It works without it.
    pub optional: bool,
}

/// Who an adapter is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Descriptor {
    /// A stable identifier of the component.
    pub adapter_id: String,
    /// Its version.
    pub version: String,
    /// A short name for people.
    pub title: String,
    /// What it speaks to its runtime.
    pub protocol: String,
    /// What it can do.
    pub capabilities: Capabilities,
    /// What it asks for.
    pub grants: Vec<GrantRequest>,
    /// A JSON Schema of the registration's `[config]` table, or empty.
    pub config_schema: String,
}
