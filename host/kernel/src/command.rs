//! What the kernel has a worker do. The engine carries it to the adapter in the terms of the contract.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::grant::Grant;
use crate::history::History;
use crate::id::{AttemptId, BindingId, GrantId, NativeSessionId, RunId, SessionId};

/// A piece of a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum PromptBlock {
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// A picture.
    Image {
        /// Its media type.
        #[serde(rename = "mimeType")]
        mime_type: String,
        /// Its bytes, as base64 in JSON.
        data: Base64,
    },
}

/// Bytes that are base64 (standard alphabet, padded) wherever they are text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Base64(pub String);

/// What a run may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunMode {
    /// Answer; change nothing.
    Ask,
    /// Act.
    #[default]
    Act,
}

/// How an MCP server is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "transport", rename_all = "snake_case")]
pub enum McpTransport {
    /// The runtime starts it.
    Stdio {
        /// The program.
        command: String,
        /// Its arguments.
        #[serde(default)]
        args: Vec<String>,
        /// Its environment.
        #[serde(default)]
        env: BTreeMap<String, String>,
    },
    /// The runtime calls it.
    Http {
        /// Where.
        url: String,
        /// What is sent along.
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// The runtime calls it and listens to its events.
    Sse {
        /// Where.
        url: String,
        /// What is sent along.
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
}

/// An MCP server that a native session is to have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct McpServer {
    /// Its name.
    pub name: String,
    /// How it is reached.
    #[serde(flatten)]
    pub transport: McpTransport,
}

/// What a native session is to be like.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BindingSettings {
    /// The working folder, absolute.
    pub cwd: String,
    /// The model asked for.
    pub model: Option<String>,
    /// The system prompt.
    pub system_prompt: Option<String>,
    /// The MCP servers it is to have.
    pub mcp_servers: Vec<McpServer>,
    /// What was said in the session before, for a runtime that has to be told.
    pub history: History,
}

/// One attempt to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execute {
    /// The attempt.
    pub attempt: AttemptId,
    /// Its binding, open in this worker.
    pub binding: BindingId,
    /// Its session, for correlation.
    pub session: SessionId,
    /// Its run, for correlation.
    pub run: RunId,
    /// 1 for the first attempt of a run.
    pub number: u32,
    /// The prompt.
    pub prompt: Vec<PromptBlock>,
    /// What it may do.
    pub mode: RunMode,
    /// The model asked for.
    pub model: Option<String>,
}

/// How a request for approval was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Answer {
    /// An option was chosen.
    Selected {
        /// Its id.
        #[serde(rename = "optionId")]
        option_id: String,
    },
    /// It was refused, or nobody can be asked.
    Rejected {
        /// Why.
        reason: String,
    },
    /// The attempt was cancelled meanwhile.
    Cancelled,
    /// Nobody answered in time.
    Expired,
}

/// What a person said when asked for information.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum InputAnswer {
    /// The information.
    Provided {
        /// A JSON value.
        value: serde_json::Value,
    },
    /// The person does not want to say, or nobody can be asked.
    Declined,
    /// The attempt was cancelled meanwhile.
    Cancelled,
    /// Nobody answered in time.
    Expired,
}

/// Why something that an adapter asked for is not opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotPerformed {
    /// It may not be, with the reason.
    Denied(String),
    /// Nobody answered in time.
    Expired,
    /// It was cancelled before.
    Cancelled,
}

/// Why a worker ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// Nothing to do.
    Idle,
    /// The daemon ends.
    Shutdown,
    /// It is replaced after a failure.
    Recycle,
}

/// What a worker is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Create a native session.
    OpenBinding {
        /// The binding to be.
        binding: BindingId,
        /// Its session.
        session: SessionId,
        /// What it is to be like.
        settings: Box<BindingSettings>,
    },
    /// Take up a native session.
    ResumeBinding {
        /// The binding.
        binding: BindingId,
        /// Its session.
        session: SessionId,
        /// The runtime's name of it.
        native_id: NativeSessionId,
        /// What it is to be like.
        settings: Box<BindingSettings>,
    },
    /// Forget a binding.
    CloseBinding {
        /// The binding.
        binding: BindingId,
    },
    /// Run an attempt.
    Execute(Execute),
    /// Stop an attempt.
    Cancel {
        /// The attempt.
        attempt: AttemptId,
    },
    /// The answer to a request for approval.
    Approval {
        /// The adapter's number of the request.
        request: u32,
        /// How it was decided.
        answer: Answer,
    },
    /// The answer to a request for information.
    ProvideInput {
        /// The adapter's number of the request.
        request: u32,
        /// What was said.
        answer: InputAnswer,
    },
    /// Open what it asked for: it is allowed, and recorded.
    Perform {
        /// The worker's number of the effect.
        op: u32,
        /// The grant that allows it; none where the policy of the registration does.
        grant: Option<Box<Grant>>,
    },
    /// Do not open what it asked for.
    Refuse {
        /// The worker's number of the effect.
        op: u32,
        /// Why.
        why: NotPerformed,
    },
    /// Use a grant no more, and end what was opened under it.
    Revoke {
        /// The grant, or the one that it was copied from.
        grant: GrantId,
    },
    /// Log in.
    Authenticate {
        /// The id of one of the methods that the runtime named.
        method: String,
    },
    /// End.
    Stop {
        /// Why.
        reason: StopReason,
    },
}
