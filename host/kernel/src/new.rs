//! New rows.

use crate::artifact::ArtifactRole;
use crate::command::RunMode;
use crate::delegation::DelegationMode;
use crate::descriptor::{Fidelity, Recovery};
use crate::id::{
    AdapterId, ArtifactId, AttemptId, BindingId, ClientId, DelegationId, NativeSessionId, OwnerId, RequestId,
    RunId, SessionId, WorkerId,
};
use crate::model::ModelProfile;
use crate::report::Lease;
use crate::row::{Binding, BindingStatus, RunInput};

/// A new session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// Its identifier.
    pub id: SessionId,
    /// Who owns it.
    pub owner: OwnerId,
    /// Its title.
    pub title: Option<String>,
    /// The kind of surface it was made from.
    pub surface: String,
    /// What that surface calls it.
    pub external: Option<(String, String)>,
    /// What an old client calls it.
    pub legacy: Option<(String, String)>,
    /// The registration it uses unless a run names another.
    pub default_adapter: AdapterId,
    /// The folder it works in unless a run names another.
    pub default_cwd: Option<String>,
    /// What its runs need of a model unless one says otherwise.
    pub profile: Option<ModelProfile>,
}

/// A new run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRun {
    /// Its identifier.
    pub id: RunId,
    /// Its session.
    pub session: SessionId,
    /// The client that asked.
    pub client: ClientId,
    /// That client's request.
    pub request: RequestId,
    /// What it may do.
    pub mode: RunMode,
    /// What was asked.
    pub input: RunInput,
    /// The run that delegated it.
    pub parent: Option<RunId>,
    /// A key of the client's that names the run within its session.
    pub idempotency_key: Option<String>,
    /// The registration.
    pub adapter: AdapterId,
    /// The system prompt as a hash.
    pub system_prompt_hash: Option<String>,
    /// What it needs of a model.
    pub profile: ModelProfile,
    /// The model asked for by name.
    pub model: Option<String>,
    /// The working folder asked for.
    pub cwd: Option<String>,
}

/// A new attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAttempt {
    /// Its identifier.
    pub id: AttemptId,
    /// Its run.
    pub run: RunId,
    /// 1 for the first of its run.
    pub number: u32,
    /// The registration.
    pub adapter: AdapterId,
    /// The worker.
    pub worker: WorkerId,
    /// The attempt it takes over from.
    pub resume_from: Option<AttemptId>,
    /// Why there is another attempt.
    pub retry_reason: Option<String>,
    /// The checkpoint it begins from.
    pub checkpoint: Option<ArtifactId>,
    /// The digest of the component.
    pub digest: String,
    /// What identifies the worker's process, if it has one already.
    pub lease: Option<Lease>,
    /// Who takes up its turn if that is interrupted.
    pub recovery: Recovery,
}

/// A new binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBinding {
    /// Its identifier.
    pub id: BindingId,
    /// Its session.
    pub session: SessionId,
    /// The registration.
    pub adapter: AdapterId,
    /// 1 for the first of its session and registration.
    pub generation: u32,
    /// The runtime's name of it.
    pub native_id: NativeSessionId,
    /// How it can be taken up again.
    pub fidelity: Fidelity,
    /// The worker that holds it.
    pub worker: Option<WorkerId>,
    /// The working folder.
    pub cwd: Option<String>,
    /// The model in use.
    pub model: Option<String>,
    /// The system prompt as a hash.
    pub system_prompt_hash: Option<String>,
    /// The MCP configuration as a hash.
    pub mcp_hash: Option<String>,
    /// The digest of the component.
    pub digest: String,
}

impl NewBinding {
    /// The binding as it is once it is recorded.
    pub fn row(&self) -> Binding {
        Binding {
            id: self.id.clone(),
            session: self.session.clone(),
            adapter: self.adapter.clone(),
            generation: self.generation,
            native_id: Some(self.native_id.clone()),
            fidelity: self.fidelity,
            status: BindingStatus::Active,
            cwd: self.cwd.clone(),
            system_prompt_hash: self.system_prompt_hash.clone(),
            mcp_hash: self.mcp_hash.clone(),
            worker: self.worker.clone(),
        }
    }
}

/// A new artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewArtifact {
    /// Its identifier.
    pub id: ArtifactId,
    /// Its session.
    pub session: SessionId,
    /// The run that made it.
    pub run: RunId,
    /// The attempt that made it.
    pub attempt: AttemptId,
    /// `file`, `patch`, `report`, `memory_candidate`, …
    pub kind: String,
    /// What it is to its run.
    pub role: ArtifactRole,
    /// Where it is.
    pub uri: String,
    /// A name for people.
    pub name: Option<String>,
    /// Its media type.
    pub mime_type: Option<String>,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub content_hash: Option<String>,
    /// How many bytes.
    pub size_bytes: Option<u64>,
    /// What else is known: a JSON object.
    pub metadata: serde_json::Value,
}

/// A new delegation, pending.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDelegation {
    /// Its identifier.
    pub id: DelegationId,
    /// The session that asks.
    pub parent_session: SessionId,
    /// The run that asks.
    pub parent_run: RunId,
    /// The session that works.
    pub child_session: SessionId,
    /// The run that works.
    pub child_run: RunId,
    /// How.
    pub mode: DelegationMode,
    /// What for.
    pub objective: String,
    /// US dollars that the child run and everything below it may cost.
    pub budget_usd: f64,
    /// The request as it was made: a JSON object. `budgetUsd` is in it.
    pub request: serde_json::Value,
}
