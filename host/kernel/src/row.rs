//! What is recorded: the kernel's view of the rows that decisions need (SPEC §1.5). Rows are the truth.

use crate::command::{PromptBlock, RunMode};
use crate::descriptor::Fidelity;
use crate::id::{
    AdapterId, AttemptId, BindingId, ClientId, NativeSessionId, OwnerId, RequestId, RunId, SessionId,
    WorkerId,
};
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
    /// It takes new runs.
    pub open: bool,
}

/// What was asked of a run. Stored whole as `runs.input_json`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunInput {
    /// The prompt.
    pub prompt: Vec<PromptBlock>,
    /// The system prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_prompt: Option<String>,
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
    /// The registration that executes it.
    pub adapter: AdapterId,
    /// The model asked for.
    pub model: Option<String>,
    /// The working folder asked for.
    pub cwd: Option<String>,
    /// The system prompt as a hash.
    pub system_prompt_hash: Option<String>,
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
}

/// A request for approval that nobody has answered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenApproval {
    /// The adapter's number of the request.
    pub request: u32,
}
