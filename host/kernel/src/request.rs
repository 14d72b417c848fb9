//! What a client asks for.

use std::collections::BTreeMap;

use crate::command::RunMode;
use crate::delegation::DelegationMode;
use crate::id::{AdapterId, ArtifactId, ClientId, OwnerId, RequestId, RunId, SessionId};
use crate::model::ModelProfile;
use crate::row::RunInput;

/// Bytes of all texts of a prompt, the system prompt among them: more than any model reads.
pub const TEXT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of all pictures of a prompt, as base64: what one line of the wire still carries.
pub const IMAGE_BYTES_MAX: usize = 48 * 1024 * 1024;
/// Bytes of each name that a client gives: they are keys of indexes.
pub const NAME_BYTES_MAX: usize = 512;

/// Which session a prompt is for, in the order in which it is resolved (seed §13.3).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionRef {
    /// The session itself.
    pub id: Option<SessionId>,
    /// What a surface calls it: kind and id.
    pub external: Option<(String, String)>,
    /// What an old client calls it: scope and key.
    pub legacy: Option<(String, String)>,
}

/// A prompt that a client wants run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accept {
    /// Who asks.
    pub owner: OwnerId,
    /// The client.
    pub client: ClientId,
    /// The client's request: with the client it names the run.
    pub request: RequestId,
    /// For which session.
    pub session: SessionRef,
    /// The kind of surface, for a new session.
    pub surface: String,
    /// The title of a new session.
    pub title: Option<String>,
    /// A key that names the run within its session, beside the request.
    pub idempotency_key: Option<String>,
    /// The registration of a session that is made now and names none.
    pub default_adapter: AdapterId,
    /// What is asked.
    pub input: RunInput,
    /// The system prompt as a hash.
    pub system_prompt_hash: Option<String>,
    /// What it may do.
    pub mode: RunMode,
    /// The registrations that opted in to the legacy permission policy.
    pub legacy: Vec<AdapterId>,
}

/// A session that a client wants to be there before anything is asked in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateSession {
    /// Who asks.
    pub owner: OwnerId,
    /// What its surface calls it: kind and id. A session that has this name already is the one.
    pub external: Option<(String, String)>,
    /// The kind of surface.
    pub surface: String,
    /// Its title; at most [`crate::session::TITLE_CHARS_MAX`] characters.
    pub title: Option<String>,
    /// The registration it uses unless a run names another.
    pub adapter: AdapterId,
    /// The folder it works in unless a run names another.
    pub cwd: Option<String>,
    /// What its runs need of a model unless one says otherwise.
    pub profile: Option<ModelProfile>,
}

/// A run is to be tried again: a new attempt under the same run (seed §9.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// Who asks.
    pub owner: OwnerId,
    /// The run.
    pub run: RunId,
    /// The registration to fail over to; none means the same one.
    pub adapter: Option<AdapterId>,
    /// The model to ask for; none means the same one, or what the new registration has for the profile.
    pub model: Option<String>,
    /// The checkpoint to begin from: an artifact of the run's session.
    pub checkpoint: Option<ArtifactId>,
    /// The registrations that opted in to the legacy permission policy.
    pub legacy: Vec<AdapterId>,
    /// Also where the runtime may be going on with the turn by itself, so that the work may be done twice.
    pub anyway: bool,
}

/// A run asks another one for work (seed §16).
#[derive(Debug, Clone, PartialEq)]
pub struct Delegate {
    /// Who asks.
    pub owner: OwnerId,
    /// The run that asks.
    pub parent: RunId,
    /// The client that asks on its behalf.
    pub client: ClientId,
    /// That client's request: with the client it names the new run.
    pub request: RequestId,
    /// How.
    pub mode: DelegationMode,
    /// What for.
    pub objective: String,
    /// What the new run needs to know: at most [`crate::delegation::CONTEXT_CHARS_MAX`] characters.
    pub context: Option<String>,
    /// For `continue`: the session to go on in.
    pub session: Option<SessionId>,
    /// The title of a new session.
    pub title: Option<String>,
    /// The registration; none means the session's own, or the parent's.
    pub adapter: Option<AdapterId>,
    /// The model, by name.
    pub model: Option<String>,
    /// What is needed of a model; none means [`ModelProfile::Worker`].
    pub profile: Option<ModelProfile>,
    /// What it may do.
    pub run_mode: RunMode,
    /// The working folder; none means the parent's.
    pub cwd: Option<String>,
    /// How deep runs may delegate.
    pub depth_max: Option<u32>,
    /// US dollars that the new run and everything below it may cost.
    pub budget_usd: Option<f64>,
    /// How many runs may hold a worker: of each registration that has a limit of its own, and in all.
    pub limits: WorkerLimits,
    /// The registrations that opted in to the legacy permission policy.
    pub legacy: Vec<AdapterId>,
}

/// How many workers there may be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WorkerLimits {
    /// Of each registration that has a limit of its own.
    pub of_adapter: BTreeMap<AdapterId, usize>,
    /// Runs that may wait beside those that are executed.
    pub parked_max: usize,
}
