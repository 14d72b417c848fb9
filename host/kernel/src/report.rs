//! What a worker reports to the kernel. The engine has read it from the adapter's outputs and checked its scope.

use serde::{Deserialize, Serialize};

use crate::descriptor::Fidelity;
pub use crate::failure::{AuthMethod, Failure, FailureDetail};
use crate::grant::Asked;
use crate::id::{AttemptId, BindingId, NativeSessionId, SessionId};
pub use crate::usage::Usage;

/// A payload: what the contract calls inline or blob is text here, with its size where it was cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Payload {
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// A JSON value.
    Json {
        /// The value.
        value: serde_json::Value,
    },
    /// Bytes too large to travel along.
    Large {
        /// How many.
        bytes: u64,
        /// Their SHA-256, in hexadecimal.
        #[serde(rename = "contentHash")]
        content_hash: String,
    },
}

/// A concrete result of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// `file`, `patch`, `report`, `memory_candidate`, …
    pub kind: String,
    /// `input`, `result`, `checkpoint`, `tool_output`, `log`, `other`.
    pub role: String,
    /// Where it is.
    pub uri: String,
    /// A name for people.
    pub name: Option<String>,
    /// Its media type.
    pub mime_type: Option<String>,
    /// Its bytes, where the adapter sent them along. Whoever records it keeps them in a file and takes them out.
    pub content: Option<Vec<u8>>,
    /// The SHA-256 of its bytes in hexadecimal, where they are known.
    pub content_hash: Option<String>,
    /// How many bytes, where they are known.
    pub size_bytes: Option<u64>,
    /// What else is known about it: a JSON object.
    pub metadata: serde_json::Value,
}

/// Something an attempt did.
#[derive(Debug, Clone, PartialEq)]
pub enum Activity {
    /// A piece of the answer.
    MessageDelta {
        /// Which message of the attempt.
        message: String,
        /// The text.
        text: String,
    },
    /// A message is complete.
    MessageEnd {
        /// Which message of the attempt.
        message: String,
    },
    /// A private thought: shown while it happens, never stored (seed §11.3).
    ThoughtDelta {
        /// The text.
        text: String,
    },
    /// A safe summary.
    Progress {
        /// The text.
        text: String,
    },
    /// A tool begins.
    ToolStarted {
        /// The runtime's id of the call.
        id: String,
        /// A machine name.
        name: String,
        /// A title for people.
        title: String,
        /// `read`, `edit`, `execute`, …
        kind: String,
        /// Its input.
        input: Option<Payload>,
    },
    /// A tool goes on.
    ToolUpdated {
        /// The runtime's id of the call.
        id: String,
        /// A new title.
        title: Option<String>,
        /// What it shows.
        content: Option<Payload>,
    },
    /// A tool is done.
    ToolCompleted {
        /// The runtime's id of the call.
        id: String,
        /// Its output.
        output: Option<Payload>,
    },
    /// A tool failed.
    ToolFailed {
        /// The runtime's id of the call.
        id: String,
        /// How.
        error: FailureDetail,
    },
    /// The use of the attempt so far.
    Usage(Usage),
    /// A concrete result.
    Artifact(Artifact),
    /// The model that answered.
    ModelUsed {
        /// Its name.
        model: String,
    },
    /// Something else, shown as progress.
    Other {
        /// Its name.
        name: String,
        /// A JSON value.
        value: serde_json::Value,
    },
}

impl Activity {
    /// Whether something was done that a repetition would do again.
    pub fn acts(&self) -> bool {
        match self {
            Self::ToolStarted { .. }
            | Self::ToolUpdated { .. }
            | Self::ToolCompleted { .. }
            | Self::ToolFailed { .. }
            | Self::Artifact(_) => true,
            Self::MessageDelta { .. }
            | Self::MessageEnd { .. }
            | Self::ThoughtDelta { .. }
            | Self::Progress { .. }
            | Self::Usage(_)
            | Self::ModelUsed { .. }
            | Self::Other { .. } => false,
        }
    }
}

/// What choosing an option means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptionKind {
    /// Allow it this time.
    AllowOnce,
    /// Allow it from now on.
    AllowAlways,
    /// Refuse it this time.
    RejectOnce,
    /// Refuse it from now on.
    RejectAlways,
    /// A kind of the runtime's own: never chosen automatically.
    Other(String),
}

/// One possible answer to a request for approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalOption {
    /// Its id.
    pub option_id: String,
    /// Its name for people.
    pub name: String,
    /// What choosing it means.
    pub kind: OptionKind,
}

/// A request for approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRequest {
    /// The attempt that asks.
    pub attempt: AttemptId,
    /// The adapter's number of the request.
    pub request: u32,
    /// What is to be done.
    pub title: String,
    /// The tool call it is about.
    pub tool: Option<String>,
    /// The possible answers.
    pub options: Vec<ApprovalOption>,
    /// What the runtime said about it.
    pub details: serde_json::Value,
}

/// A request for information from a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputRequest {
    /// The attempt that asks.
    pub attempt: AttemptId,
    /// The adapter's number of the request.
    pub request: u32,
    /// What is asked.
    pub prompt: String,
    /// A JSON Schema of the answer; none means free text.
    pub schema: Option<serde_json::Value>,
    /// A page to open, where the runtime names one.
    pub url: Option<String>,
}

/// What identifies a process beyond the life of the daemon, so that it is never ended by mistake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lease {
    /// Its process id, which is its group's too.
    pub pid: i32,
    /// When it started, in clock ticks since the system booted.
    pub start_ticks: u64,
    /// Which boot of the system.
    pub boot_id: String,
}

/// How an attempt ended, as its adapter says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Well.
    Succeeded {
        /// The runtime's own word.
        stop_reason: String,
    },
    /// Not well.
    Failed(Failure),
    /// Cancelled, and the runtime said so.
    Cancelled,
}

/// How a worker ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkerEnd {
    /// As asked.
    Stopped,
    /// The adapter said it cannot go on.
    Fault(Failure),
    /// The component trapped, went over a limit, or broke the contract.
    Trapped(FailureDetail),
}

/// What a worker reports.
#[derive(Debug, Clone, PartialEq)]
pub enum Report {
    /// It can take bindings.
    Ready {
        /// The runtime's name and version.
        runtime: String,
    },
    /// It wants a log-in.
    AuthRequired {
        /// How.
        methods: Vec<AuthMethod>,
        /// What the runtime says.
        message: String,
    },
    /// A native session is there.
    BindingOpened {
        /// The binding.
        binding: BindingId,
        /// The runtime's name of it.
        native_id: NativeSessionId,
        /// How it can be taken up again.
        fidelity: Fidelity,
        /// The model in use.
        model: Option<String>,
    },
    /// A native session is not there.
    BindingFailed {
        /// The binding.
        binding: BindingId,
        /// Why.
        failure: Failure,
    },
    /// Something an attempt did.
    Activity {
        /// The attempt.
        attempt: AttemptId,
        /// What.
        activity: Activity,
    },
    /// An attempt is over.
    AttemptFinished {
        /// The attempt.
        attempt: AttemptId,
        /// How.
        outcome: Outcome,
        /// What it used.
        usage: Option<Usage>,
    },
    /// What became of a cancellation.
    CancelAnswer {
        /// The attempt.
        attempt: AttemptId,
        /// The runtime was told.
        dispatched: bool,
        /// The runtime confirmed.
        acknowledged: bool,
        /// What it said.
        message: Option<String>,
    },
    /// A request for approval.
    ApprovalRequested(ApprovalRequest),
    /// A request for information.
    InputRequested(InputRequest),
    /// The worker wants to open something; it waits for [`crate::command::Command::Perform`] or `Refuse`.
    AccessAsked {
        /// The number under which a person is asked, of [`crate::row::HOST_REQUESTS`].
        request: u32,
        /// The session on whose behalf; none for the worker itself.
        session: Option<SessionId>,
        /// The attempt on whose behalf, if it is one's.
        attempt: Option<AttemptId>,
        /// What, and under which terms.
        asked: Box<Asked>,
    },
    /// The worker no longer wants to open something that a person may still be asked about.
    AccessWithdrawn {
        /// The number under which a person is asked.
        request: u32,
    },
    /// The worker started a process.
    ProcessStarted {
        /// What identifies it.
        lease: Lease,
    },
    /// A request is taken back.
    RequestWithdrawn {
        /// The adapter's number of the request.
        request: u32,
    },
    /// The worker is over; nothing comes after this.
    Ended(WorkerEnd),
}
