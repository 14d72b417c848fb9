//! How a surface talks to the driver: requests with one answer each, and everything that is published.

mod published;

use std::sync::Arc;

use omi_kernel::artifact::ArtifactState;
use omi_kernel::command::{Answer, InputAnswer};
use omi_kernel::grant::Component;
use omi_kernel::id::{ArtifactId, AttemptId, DelegationId, GrantId, OwnerId, RunId, SessionId};
use omi_kernel::input::{By, Input};
use omi_kernel::refusal::Refusal;
use omi_kernel::report::{Activity, Artifact};
use omi_kernel::request::{Accept, CreateSession, Delegate, Retry, SessionRef};
use omi_kernel::session::SessionChange;
use omi_kernel::status::Status;
use omi_store::{Rejected, StoreError};
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::driver::Message;
pub(crate) use published::{LiveKind, LiveText, Once, Owners, Published, Recorded};

/// What a request came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answered {
    /// A prompt was accepted, or had been before; or a run is tried again.
    Accepted {
        /// The session.
        session: SessionId,
        /// The run.
        run: RunId,
        /// It had been accepted before.
        repeated: bool,
    },
    /// A session is there.
    Session {
        /// The session.
        session: SessionId,
        /// It was there before.
        repeated: bool,
    },
    /// A run was delegated, or had been before.
    Delegated {
        /// The delegation.
        delegation: DelegationId,
        /// The session that works.
        session: SessionId,
        /// The run that works.
        run: RunId,
        /// It had been delegated before.
        repeated: bool,
    },
    /// What became of a request to stop.
    Cancel(CancelAck),
    /// It is done.
    Done,
}

/// What became of a request to stop: no more than is known (seed §12.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CancelAck {
    /// The kernel accepted it.
    pub(crate) accepted: bool,
    /// The attempt it is about.
    pub(crate) attempt: Option<AttemptId>,
    /// Telling the adapter was tried.
    pub(crate) dispatch_attempted: bool,
    /// The runtime confirmed that it has stopped.
    pub(crate) adapter_acknowledged: bool,
    /// Where the run stood.
    pub(crate) status: Status,
}

/// Why a request changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RequestError {
    /// It was refused, or could not be recorded.
    #[error("{message}")]
    Refused {
        /// A stable word for programs.
        code: &'static str,
        /// A sentence for people.
        message: String,
    },
    /// The daemon ends.
    #[error("omi-agentd is ending")]
    Ending,
}

impl RequestError {
    /// A stable word for programs.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Refused { code, .. } => code,
            Self::Ending => "ending",
        }
    }

    /// What the kernel or the store would not take.
    pub(crate) fn rejected(rejected: &Rejected) -> Self {
        let code = match rejected {
            Rejected::Refused(refusal) => code(refusal),
            Rejected::Conflict(_) => "conflict",
        };
        Self::Refused { code, message: rejected.to_string() }
    }

    /// It could not be recorded.
    pub(crate) fn not_recorded(error: &StoreError) -> Self {
        Self::Refused { code: "store_unavailable", message: error.to_string() }
    }
}

/// The word of a refusal: programs compare it, so it never changes.
fn code(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::NotFound { .. } => "not_found",
        Refusal::SessionClosed(_) => "session_closed",
        Refusal::SessionCannotBecome { .. } => "session_cannot_become",
        Refusal::SessionBusy(_) => "session_busy",
        Refusal::RequestConflict(_) => "request_conflict",
        Refusal::KeyConflict => "key_conflict",
        Refusal::EmptyPrompt => "empty_prompt",
        Refusal::EmptyName { .. } => "empty_name",
        Refusal::NotBase64 => "not_base64",
        Refusal::TooLong { .. } => "too_long",
        Refusal::NotAnObject { .. } => "not_an_object",
        Refusal::NoTime => "no_time",
        Refusal::NoOpenRequest { .. } => "no_open_request",
        Refusal::NoSuchOption { .. } => "no_such_option",
        Refusal::CannotRetry(_) => "cannot_retry",
        Refusal::RuntimeRecovers(_) => "runtime_recovers",
        Refusal::CannotDelegate(_) => "cannot_delegate",
        Refusal::TooDeep { .. } => "too_deep",
        Refusal::BudgetSpent { .. } => "budget_spent",
        Refusal::InvalidBudget(_) => "invalid_budget",
        Refusal::InvalidDepth(_) => "invalid_depth",
        Refusal::ContinueNamesSession => "continue_names_session",
        Refusal::NotDelegated(_) => "not_delegated",
        Refusal::NoWorkerForCall(_) => "no_worker_for_call",
        Refusal::Illegal(_) => "illegal_step",
    }
}

/// A request with the place for its answer.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) input: Input,
    pub(crate) answer: oneshot::Sender<Result<Answered, RequestError>>,
}

/// The way to the driver. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) messages: mpsc::Sender<Message>,
    /// Never read: a place to subscribe from that does not keep the channel open when the driver is gone.
    pub(crate) published: Arc<broadcast::Receiver<Published>>,
    /// Whose the sessions are that something was said about.
    pub(crate) owners: Owners,
}

impl Client {
    /// Everything that is published from now on. One that lags behind is told so and reads the record.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Published> {
        self.published.resubscribe()
    }

    /// Has a prompt run.
    pub(crate) async fn accept(&self, accept: Accept) -> Result<Answered, RequestError> {
        self.request(Input::Accept(Box::new(accept))).await
    }

    /// Has a run stopped.
    pub(crate) async fn cancel(&self, owner: OwnerId, run: RunId) -> Result<Answered, RequestError> {
        self.request(Input::Cancel { owner, run }).await
    }

    /// Has a run tried again.
    pub(crate) async fn retry(&self, retry: Retry) -> Result<Answered, RequestError> {
        self.request(Input::Retry(retry)).await
    }

    /// Has a run ask another one for work.
    pub(crate) async fn delegate(&self, delegate: Delegate) -> Result<Answered, RequestError> {
        self.request(Input::Delegate(Box::new(delegate))).await
    }

    /// Answers a request for permission, as a person.
    pub(crate) async fn approve(
        &self,
        owner: OwnerId,
        attempt: AttemptId,
        request: u32,
        answer: Answer,
    ) -> Result<Answered, RequestError> {
        self.request(Input::ApprovalAnswered { attempt, request, answer, by: By::Person(owner) }).await
    }

    /// Answers a request for information or for a log-in, as a person.
    pub(crate) async fn provide_input(
        &self,
        owner: OwnerId,
        attempt: AttemptId,
        request: u32,
        answer: InputAnswer,
    ) -> Result<Answered, RequestError> {
        self.request(Input::InputProvided { attempt, request, answer, by: By::Person(owner) }).await
    }

    /// Has a session made before anything is asked in it; one that has its name is the one.
    pub(crate) async fn create_session(&self, create: CreateSession) -> Result<Answered, RequestError> {
        self.request(Input::CreateSession(Box::new(create))).await
    }

    /// Refuses a request for permission because nobody can be asked where it would have to be answered.
    pub(crate) async fn refuse_approval(
        &self,
        owner: OwnerId,
        attempt: AttemptId,
        request: u32,
        reason: &str,
    ) -> Result<Answered, RequestError> {
        let answer = Answer::Rejected { reason: reason.to_owned() };
        self.request(Input::ApprovalAnswered { attempt, request, answer, by: By::Nobody(owner) }).await
    }

    /// Gives no information for the same reason.
    pub(crate) async fn decline_input(
        &self,
        owner: OwnerId,
        attempt: AttemptId,
        request: u32,
    ) -> Result<Answered, RequestError> {
        let answer = InputAnswer::Declined;
        self.request(Input::InputProvided { attempt, request, answer, by: By::Nobody(owner) }).await
    }

    /// Changes a session.
    pub(crate) async fn update_session(
        &self,
        owner: OwnerId,
        session: SessionId,
        change: SessionChange,
    ) -> Result<Answered, RequestError> {
        self.request(Input::UpdateSession { owner, session, change }).await
    }

    /// Has the native sessions of a session not used again.
    pub(crate) async fn invalidate(
        &self,
        owner: OwnerId,
        session: SessionRef,
    ) -> Result<Answered, RequestError> {
        self.request(Input::InvalidateBindings { owner, session }).await
    }

    /// Takes a grant back.
    pub(crate) async fn revoke_grant(
        &self,
        owner: OwnerId,
        grant: GrantId,
    ) -> Result<Answered, RequestError> {
        self.request(Input::RevokeGrant { owner, grant }).await
    }

    /// Installs a component, again or for the first time.
    pub(crate) async fn install_component(&self, component: Component) -> Result<Answered, RequestError> {
        self.request(Input::InstallComponent(Box::new(component))).await
    }

    /// Has a component installed no longer.
    pub(crate) async fn remove_component(&self, path: String) -> Result<Answered, RequestError> {
        self.request(Input::RemoveComponent { path }).await
    }

    /// Records what a person did with an artifact.
    pub(crate) async fn update_artifact(
        &self,
        owner: OwnerId,
        artifact: ArtifactId,
        state: ArtifactState,
    ) -> Result<Answered, RequestError> {
        self.request(Input::UpdateArtifact { owner, artifact, state }).await
    }

    /// Records an artifact that was made for an attempt, if that is not over.
    pub(crate) async fn record_artifact(
        &self,
        attempt: AttemptId,
        artifact: Artifact,
    ) -> Result<Answered, RequestError> {
        self.request(Input::Activity { attempt, activity: Activity::Artifact(artifact) }).await
    }

    /// Ends the driver: workers are stopped, what they did is recorded, the store is closed.
    pub(crate) async fn shutdown(&self) {
        let (done, ended) = oneshot::channel();
        if self.messages.send(Message::Shutdown { done }).await.is_ok() {
            // A driver that is gone has ended.
            let _ = ended.await;
        }
    }

    async fn request(&self, input: Input) -> Result<Answered, RequestError> {
        let (answer, answered) = oneshot::channel();
        let message = Message::Request(Request { input, answer });
        self.messages.send(message).await.map_err(|_| RequestError::Ending)?;
        answered.await.map_err(|_| RequestError::Ending)?
    }
}
