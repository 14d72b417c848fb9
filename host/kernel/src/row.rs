//! What is recorded: the kernel's view of the rows that decisions need (SPEC §1.5). Rows are the truth.

use crate::command::{PromptBlock, RunMode};
use crate::descriptor::{Fidelity, Recovery};
use crate::grant::Asked;
use crate::id::{
    AdapterId, ArtifactId, AttemptId, BindingId, ClientId, NativeSessionId, OwnerId, RequestId, RunId,
    SessionId, WorkerId,
};
use crate::model::ModelProfile;
use crate::session::SessionStatus;
use crate::status::Status;

/// A session, as far as decisions need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its identifier.
    pub id: SessionId,
    /// Who owns it.
    pub owner: OwnerId,
    /// The registration it uses unless a run names another.
    pub default_adapter: AdapterId,
    /// The folder it works in unless a run names another.
    pub default_cwd: Option<String>,
    /// What its runs need of a model unless one says otherwise.
    pub profile: Option<ModelProfile>,
    /// Its title.
    pub title: Option<String>,
    /// Where it stands.
    pub status: SessionStatus,
}

/// What was asked of a run, exactly: two requests are the same if this is. Stored whole as `runs.input_json`.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunInput {
    /// The prompt.
    pub prompt: Vec<PromptBlock>,
    /// The system prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_prompt: Option<String>,
    /// The registration, if one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapter: Option<AdapterId>,
    /// The model, if one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What is needed of a model, if that was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<ModelProfile>,
    /// The working folder, if one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// A native session of an earlier product, to be taken up as the first binding (seed §14). Never an Omi id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legacy_adapter_session_id: Option<NativeSessionId>,
    /// Milliseconds of running time it may take, if that was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// Why a run is to be tried again, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryNote {
    /// `retry` or `failover`.
    pub reason: String,
    /// The checkpoint that the next attempt begins from.
    pub checkpoint: Option<ArtifactId>,
}

/// A run, as far as decisions need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its identifier.
    pub id: RunId,
    /// Its session.
    pub session: SessionId,
    /// The client that asked.
    pub client: ClientId,
    /// That client's request.
    pub request: RequestId,
    /// Where it stands.
    pub status: Status,
    /// What it may do.
    pub mode: RunMode,
    /// What was asked.
    pub input: RunInput,
    /// The run that delegated it.
    pub parent: Option<RunId>,
    /// The registration that executes it.
    pub adapter: AdapterId,
    /// What it needs of a model.
    pub profile: ModelProfile,
    /// The model asked for: by name, or through its profile once it has begun.
    pub model: Option<String>,
    /// The working folder asked for.
    pub cwd: Option<String>,
    /// The system prompt as a hash.
    pub system_prompt_hash: Option<String>,
    /// Somebody wants it tried again, and no attempt has been made since.
    pub retry: Option<RetryNote>,
}

/// An attempt, as far as decisions need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its identifier.
    pub id: AttemptId,
    /// Its run.
    pub run: RunId,
    /// 1 for the first of its run.
    pub number: u32,
    /// Where it stands.
    pub status: Status,
    /// The registration.
    pub adapter: AdapterId,
    /// The worker that executes it; none after a restart.
    pub worker: Option<WorkerId>,
    /// Its binding, once there is one.
    pub binding: Option<BindingId>,
    /// The adapter was told to cancel it.
    pub cancel_dispatched: bool,
    /// The adapter confirmed that it has stopped.
    pub cancel_acknowledged: bool,
    /// It failed and another attempt may help, for this reason; before that, why it was made.
    pub retry_reason: Option<String>,
    /// Who takes up its turn if that was interrupted.
    pub recovery: Recovery,
}

impl Attempt {
    /// Its id, if its adapter was given it.
    pub fn given(&self) -> Option<&AttemptId> {
        self.binding.as_ref().map(|_| &self.id)
    }
}

/// Where a binding stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindingStatus {
    /// It is the session's binding.
    Active,
    /// Its native session is lost, or does not fit any more.
    Stale,
    /// Somebody wants it not used again.
    Invalid,
    /// Its native id belongs to another binding now.
    Closed,
}

impl BindingStatus {
    /// The word of the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Stale => "stale",
            Self::Invalid => "invalid",
            Self::Closed => "closed",
        }
    }

    /// Reads the word of the tables.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Stale, Self::Invalid, Self::Closed].into_iter().find(|s| s.as_str() == text)
    }
}

/// One generation of the tie between a session and a native session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Its identifier.
    pub id: BindingId,
    /// Its session.
    pub session: SessionId,
    /// The registration.
    pub adapter: AdapterId,
    /// 1 for the first of its session and registration.
    pub generation: u32,
    /// The runtime's name of it.
    pub native_id: Option<NativeSessionId>,
    /// How it can be taken up again.
    pub fidelity: Fidelity,
    /// Where it stands.
    pub status: BindingStatus,
    /// The working folder that was asked for; none means the default one.
    pub cwd: Option<String>,
    /// The system prompt it was opened with, as a hash; none means any.
    pub system_prompt_hash: Option<String>,
    /// The MCP configuration it was opened with, as a hash; none means any.
    pub mcp_hash: Option<String>,
    /// The worker that holds it; none means that nobody does.
    pub worker: Option<WorkerId>,
}

/// The first of the numbers of requests that are the host's own. No adapter may use them.
pub const HOST_REQUESTS: u32 = 1 << 31;
/// The number of the kernel's own request for a log-in: the last of them.
pub const LOG_IN: u32 = u32::MAX;

/// What kind of answer a request waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RequestKind {
    /// A permission.
    Approval,
    /// Information.
    Input,
    /// A log-in: the kernel asks, on behalf of the runtime.
    Authentication,
    /// Whether an adapter may open something.
    Access,
}

/// A request to a person that nobody has answered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRequest {
    /// The adapter's number of the request.
    pub request: u32,
    /// What it waits for.
    pub kind: RequestKind,
    /// The ids of the possible answers, where only some are possible.
    pub options: Vec<String>,
    /// What an adapter wants to open, if it is about that.
    pub access: Option<Box<Asked>>,
}
