//! The messages that are about something that is there: a run, a request to a person, a session, an artifact.

use omi_kernel::artifact::ArtifactState;
use omi_kernel::command::{Answer, InputAnswer, RunMode};
use omi_kernel::delegation::DelegationMode;
use omi_kernel::id::{
    AdapterId, ArtifactId, AttemptId, Cursor, GrantId, OwnerId, RequestId, RunId, SessionId,
};
use omi_kernel::model::ModelProfile;
use omi_kernel::request::{Delegate, Retry, SessionRef};
use omi_kernel::session::{SessionChange, SessionStatus};
use omi_store::RunView;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::query::{absolute, both};
use super::schema::word;
use super::{Address, WireError};
use crate::caller;
use crate::config::Config;

/// The scope of the names of an old client that names none (SPEC §3.10).
pub(super) const LEGACY_SCOPE_DEFAULT: &str = "default";

/// Stop a run: the one that is named, else that of the request. What else is said about it is a guard: where it is not
/// so, nothing is stopped.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the fields are called as they are on the wire")]
pub(crate) struct Interrupt {
    #[schemars(with = "Option<word::Run>")]
    pub(crate) run_id: Option<RunId>,
    #[schemars(with = "Option<word::Session>")]
    session_id: Option<SessionId>,
    #[schemars(with = "Option<word::Attempt>")]
    attempt_id: Option<AttemptId>,
    /// The last event that the client has seen. It says nothing about what is to stop.
    #[serde(rename = "eventId")]
    _event_id: Option<String>,
}

impl Interrupt {
    /// Something is said about the run beside its id.
    pub(crate) fn is_guarded(&self) -> bool {
        self.session_id.is_some() || self.attempt_id.is_some()
    }

    /// The run is the one that the client takes it to be.
    pub(crate) fn check(&self, run: &RunView) -> Result<(), WireError> {
        if let Some(session) = self.session_id.as_ref().filter(|session| session.as_str() != run.session_id) {
            return Err(WireError::not_found("run of this request in the session", session.as_str()));
        }
        let has = |id: &AttemptId| run.attempts.iter().any(|attempt| attempt.attempt_id == id.as_str());
        match self.attempt_id.as_ref().filter(|attempt| !has(attempt)) {
            Some(attempt) => {
                Err(WireError::not_found("run of this request with the attempt", attempt.as_str()))
            }
            None => Ok(()),
        }
    }
}

/// Answer a request for permission. Which one: of the attempt, else of the run, else of the run of this request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct ApprovalDecision {
    #[schemars(with = "Option<word::Run>")]
    pub(crate) run_id: Option<RunId>,
    #[schemars(with = "Option<word::Attempt>")]
    pub(crate) attempt_id: Option<AttemptId>,
    pub(crate) approval: u32,
    option_id: Option<String>,
    decision: Option<Decision>,
}

/// A decision that is none of the options.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Decision {
    Rejected,
    Cancelled,
}

impl ApprovalDecision {
    /// What was decided.
    pub(crate) fn answer(&self) -> Result<Answer, WireError> {
        match (&self.option_id, self.decision) {
            (Some(option_id), None) => Ok(Answer::Selected { option_id: option_id.clone() }),
            (None, Some(Decision::Rejected)) => Ok(Answer::Rejected { reason: "refused".to_owned() }),
            (None, Some(Decision::Cancelled)) => Ok(Answer::Cancelled),
            (Some(_), Some(_)) | (None, None) => {
                Err(WireError::invalid("approval_decision: one of `optionId` and `decision` is needed"))
            }
        }
    }
}

/// Answer a request for information, or for a log-in: its value is the id of a method then.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct ProvideInput {
    #[schemars(with = "Option<word::Run>")]
    pub(crate) run_id: Option<RunId>,
    #[schemars(with = "Option<word::Attempt>")]
    pub(crate) attempt_id: Option<AttemptId>,
    pub(crate) request: u32,
    value: Option<Value>,
    decision: Option<NoInput>,
}

/// An answer that gives nothing.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum NoInput {
    Declined,
    Cancelled,
}

impl ProvideInput {
    /// What was said.
    pub(crate) fn answer(self) -> Result<InputAnswer, WireError> {
        match (self.value, self.decision) {
            (Some(value), None) => Ok(InputAnswer::Provided { value }),
            (None, Some(NoInput::Declined)) => Ok(InputAnswer::Declined),
            (None, Some(NoInput::Cancelled)) => Ok(InputAnswer::Cancelled),
            (Some(_), Some(_)) | (None, None) => {
                Err(WireError::invalid("provide_input: one of `value` and `decision` is needed"))
            }
        }
    }
}

/// Try a run again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct RetryRun {
    #[schemars(with = "word::Run")]
    pub(crate) run_id: RunId,
    #[schemars(with = "Option<String>")]
    adapter_id: Option<AdapterId>,
    model: Option<String>,
    #[schemars(with = "Option<word::Artifact>")]
    checkpoint_artifact_id: Option<ArtifactId>,
    #[serde(default)]
    anyway: bool,
}

impl RetryRun {
    /// What the kernel takes, before the registration is looked up.
    pub(crate) fn retry(self, owner: OwnerId) -> Retry {
        Retry {
            owner,
            run: self.run_id,
            adapter: self.adapter_id,
            model: self.model,
            checkpoint: self.checkpoint_artifact_id,
            legacy: vec![],
            anyway: self.anyway,
        }
    }
}

/// Run something on behalf of a run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Delegation {
    #[schemars(with = "word::Run")]
    parent_run_id: RunId,
    #[schemars(with = "word::DelegateMode")]
    mode: DelegationMode,
    objective: String,
    context: Option<String>,
    #[schemars(with = "Option<word::Session>")]
    child_session_id: Option<SessionId>,
    child_title: Option<String>,
    #[schemars(with = "Option<String>")]
    adapter_id: Option<AdapterId>,
    model: Option<String>,
    #[schemars(with = "Option<word::Profile>")]
    model_profile: Option<ModelProfile>,
    #[schemars(with = "Option<word::Mode>")]
    run_mode: Option<RunMode>,
    cwd: Option<String>,
    max_depth: Option<u32>,
    max_budget_usd: Option<f64>,
}

impl Delegation {
    /// What the kernel takes. A registration that does not exist is refused here.
    pub(crate) fn delegate(
        self,
        address: Address,
        owner: OwnerId,
        config: &Config,
    ) -> Result<Delegate, WireError> {
        absolute(self.cwd.as_deref())?;
        if let Some(adapter) = &self.adapter_id {
            config.registration(adapter.as_str())?;
        }
        Ok(Delegate {
            client: caller::recorded(&owner, &address.client),
            owner,
            parent: self.parent_run_id,
            request: RequestId(address.request),
            mode: self.mode,
            objective: self.objective,
            context: self.context,
            session: self.child_session_id,
            title: self.child_title,
            adapter: self.adapter_id,
            model: self.model,
            profile: self.model_profile,
            // What somebody else asks for only answers, unless it is told that it may act (SPEC §3.6).
            run_mode: self.run_mode.unwrap_or(RunMode::Ask),
            cwd: self.cwd,
            depth_max: self.max_depth,
            budget_usd: self.max_budget_usd,
            limits: config.worker_limits(),
            legacy: config.legacy_adapters(),
        })
    }
}

/// Rename a session, put it away, close it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct UpdateSession {
    #[schemars(with = "word::Session")]
    pub(crate) session_id: SessionId,
    title: Option<String>,
    #[schemars(with = "Option<word::SessionState>")]
    status: Option<SessionStatus>,
    metadata: Option<Value>,
}

impl UpdateSession {
    /// What is to change.
    pub(crate) fn change(self) -> Result<SessionChange, WireError> {
        let change = SessionChange { title: self.title, status: self.status, metadata: self.metadata };
        if change == SessionChange::default() {
            return Err(WireError::invalid(
                "update_session: one of `title`, `status` and `metadata` is needed",
            ));
        }
        Ok(change)
    }
}

/// Let the native sessions of a session go.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Invalidation {
    #[schemars(with = "Option<word::Session>")]
    session_id: Option<SessionId>,
    external_ref_kind: Option<String>,
    external_ref_id: Option<String>,
    legacy_client_scope: Option<String>,
    session_key: Option<String>,
    /// The same, as `query` calls it.
    legacy_session_key: Option<String>,
}

impl Invalidation {
    /// Of the session that an old client calls so.
    pub(super) fn of_key(key: String) -> Self {
        Self { session_key: Some(key), ..Self::default() }
    }

    /// Which session.
    pub(crate) fn session(self) -> Result<SessionRef, WireError> {
        let key = match (self.session_key, self.legacy_session_key) {
            (Some(_), Some(_)) => {
                return Err(WireError::invalid(
                    "`sessionKey` and `legacySessionKey` are two words for one thing",
                ));
            }
            (one, other) => one.or(other),
        };
        let legacy = match (self.legacy_client_scope, key) {
            (scope, Some(key)) => Some((scope.unwrap_or_else(|| LEGACY_SCOPE_DEFAULT.to_owned()), key)),
            (Some(_), None) => {
                return Err(WireError::invalid("`legacyClientScope` goes with a `sessionKey`"));
            }
            (None, None) => None,
        };
        let session = SessionRef {
            id: self.session_id,
            external: both("externalRefKind", self.external_ref_kind, "externalRefId", self.external_ref_id)?,
            legacy,
        };
        if session == SessionRef::default() {
            return Err(WireError::invalid(
                "invalidate_session: one of `sessionId`, `externalRefId` and `sessionKey` is needed",
            ));
        }
        Ok(session)
    }
}

/// Say what was done with an artifact.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct UpdateArtifact {
    #[schemars(with = "word::Artifact")]
    pub(crate) artifact_id: ArtifactId,
    #[schemars(with = "word::ArtifactLifecycle")]
    pub(crate) state: ArtifactState,
}

/// Take a grant back: nothing more is opened under it, and what is open ends.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct RevokeGrant {
    #[schemars(with = "word::Grant")]
    pub(crate) grant_id: GrantId,
}

/// Hear about everything of the owner, or about a session or a run of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Subscribe {
    #[schemars(with = "Option<word::Session>")]
    pub(crate) session_id: Option<SessionId>,
    #[schemars(with = "Option<word::Run>")]
    pub(crate) run_id: Option<RunId>,
    #[schemars(with = "Option<i64>", range(min = 0))]
    after_cursor: Option<Cursor>,
}

impl Subscribe {
    /// After which event; none means from now on.
    pub(crate) fn after(&self) -> Result<Option<Cursor>, WireError> {
        match self.after_cursor {
            Some(Cursor(before @ ..0)) => {
                Err(WireError::invalid(format!("subscribe: `afterCursor`: {before} is less than 0")))
            }
            after => Ok(after),
        }
    }
}

/// Hear no more: the subscription of this request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Unsubscribe {}
