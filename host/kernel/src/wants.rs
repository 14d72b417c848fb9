//! What must be read before an input can be decided. The store reads it inside the transaction that will write.

use crate::descriptor::Fidelity;
use crate::id::{
    AdapterId, ArtifactId, AttemptId, BindingId, ClientId, GrantId, NativeSessionId, OwnerId, RequestId,
    RunId, SessionId, WorkerId,
};
use crate::input::Input;
use crate::request::SessionRef;

/// What must be read before an input can be decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wants {
    /// For a prompt: `session`; `run`, the one that answers the same (client, request), then with its own session;
    /// `keyed`, the one with the same key in the session that is meant or, if none is found, in any of the owner's.
    Request {
        /// Who asks.
        owner: OwnerId,
        /// For which session.
        session: SessionRef,
        /// The client.
        client: ClientId,
        /// The client's request.
        request: RequestId,
        /// The client's key.
        key: Option<String>,
    },
    /// A run: `run`, `session`, its last `attempt`, `open_requests`, the active `binding` and highest `generation` of
    /// session and registration, `native_conflict` for the legacy native id that its input names, `delegation` (with
    /// `artifacts` and `open_questions`), `awaits_child`,
    /// and `usage` if the run was delegated.
    Run(RunId),
    /// What [`Wants::Run`] reads, and of the runs of its session that are over, but itself: `last_adapter`, `told`, and
    /// `history`, which a worker that holds the binding and has missed nothing need not be told.
    Begin {
        /// The run.
        run: RunId,
        /// What its worker holds.
        held: Vec<BindingId>,
    },
    /// What [`Wants::Run`] reads, and `descendants`.
    Tree(RunId),
    /// What [`Wants::Run`] reads, `artifact`: the checkpoint, `legacy_granted` and `left_to`.
    Retry(RunId, Option<ArtifactId>),
    /// What [`Wants::Run`] reads about the attempt's run, with this attempt, and `budgets` if the run was delegated.
    Attempt {
        /// The attempt.
        attempt: AttemptId,
        /// A binding that is said to be there (`named`), and the native id that is about to be recorded for it
        /// (`native_conflict`).
        opened: Option<(BindingId, NativeSessionId)>,
    },
    /// What [`Wants::Run`] reads about the parent, and `depth`, `budgets`, `waiting_parents`, and `child_session`:
    /// the session named here with its `bindings`, if the parent's session has a delegation that led to it.
    /// If (client, request) has a run: `keyed` is that run with its session, and `delegation` what it works for,
    /// ended or not.
    Delegation {
        /// The parent.
        parent: RunId,
        /// The session to go on in.
        session: Option<SessionId>,
        /// The client.
        client: ClientId,
        /// The client's request.
        request: RequestId,
    },
    /// A session of the owner: `session`, `bindings` (its active ones), `session_busy`.
    Session {
        /// Who asks.
        owner: OwnerId,
        /// Which session.
        session: SessionRef,
    },
    /// An artifact: `artifact`, `session`.
    Artifact(ArtifactId),
    /// What [`Wants::Attempt`] reads, where an attempt is named; else the `session` that is named, if one is. And `grants`,
    /// those of that session, or of the attempt's, for the registration or any, without those of other runs; and
    /// `component_grants`.
    Access {
        /// The attempt in whose name a person is asked.
        attempt: Option<AttemptId>,
        /// The session on whose behalf something is opened.
        session: Option<SessionId>,
        /// The registration.
        registration: AdapterId,
        /// The component.
        component: String,
    },
    /// A grant: `grant`, and the `session` it is of.
    Grant(GrantId),
    /// An installed component, by its path: `component`, and its `component_grants` for any registration.
    Component(String),
    /// What a worker holds: `bindings`.
    Worker(WorkerId),
    /// Everything that is not over: `unfinished`, `lost_bindings`, `leases`.
    Unfinished,
    /// Nothing.
    Nothing,
}

impl Input {
    /// What must be read before this can be decided.
    pub fn wants(&self) -> Wants {
        let attempt = |attempt: &AttemptId| Wants::Attempt { attempt: attempt.clone(), opened: None };
        match self {
            Self::Accept(accept) => Wants::Request {
                owner: accept.owner.clone(),
                session: accept.session.clone(),
                client: accept.client.clone(),
                request: accept.request.clone(),
                key: accept.idempotency_key.clone(),
            },
            // Who restores by itself is told nothing.
            Self::Begin(begin) if begin.resume == Fidelity::Reconstructed => {
                Wants::Begin { run: begin.run.clone(), held: begin.held.clone() }
            }
            Self::Begin(begin) => Wants::Run(begin.run.clone()),
            Self::CannotBegin { run, .. } => Wants::Run(run.clone()),
            Self::Cancel { run, .. } => Wants::Tree(run.clone()),
            Self::Retry(retry) => Wants::Retry(retry.run.clone(), retry.checkpoint.clone()),
            Self::Delegate(delegate) => Wants::Delegation {
                parent: delegate.parent.clone(),
                session: delegate.session.clone(),
                client: delegate.client.clone(),
                request: delegate.request.clone(),
            },
            Self::CreateSession(create) => Wants::Session {
                owner: create.owner.clone(),
                session: SessionRef { external: create.external.clone(), ..SessionRef::default() },
            },
            Self::UpdateSession { owner, session, .. } => Wants::Session {
                owner: owner.clone(),
                session: SessionRef { id: Some(session.clone()), ..SessionRef::default() },
            },
            Self::InvalidateBindings { owner, session } => {
                Wants::Session { owner: owner.clone(), session: session.clone() }
            }
            Self::UpdateArtifact { artifact, .. } => Wants::Artifact(artifact.clone()),
            Self::WorkerOver { worker, .. } => Wants::Worker(worker.clone()),
            Self::BindingOpened(opened) => {
                let binding = (opened.binding.clone(), opened.native_id.clone());
                Wants::Attempt { attempt: opened.attempt.clone(), opened: Some(binding) }
            }
            Self::ApprovalRequested { request, .. } => attempt(&request.attempt),
            Self::InputRequested { request, .. } => attempt(&request.attempt),
            Self::Finished(finished) => attempt(&finished.attempt),
            Self::BindingFailed { attempt: id, .. }
            | Self::Chunk { attempt: id, .. }
            | Self::MessageCompleted { attempt: id, .. }
            | Self::Activity { attempt: id, .. }
            | Self::ApprovalAnswered { attempt: id, .. }
            | Self::InputProvided { attempt: id, .. }
            | Self::WorkerLost { attempt: id, .. }
            | Self::TimedOut { attempt: id, .. }
            | Self::Leased { attempt: id, .. }
            | Self::CameLate { attempt: id, .. }
            | Self::CancelDispatched { attempt: id, .. }
            | Self::CancelGraceOver { attempt: id } => attempt(id),
            Self::AccessAsked(asked) => Wants::Access {
                attempt: asked.attempt.clone(),
                session: asked.session.clone(),
                registration: asked.asked.terms.registration.clone(),
                component: asked.asked.terms.component.clone(),
            },
            Self::RevokeGrant { grant, .. } => Wants::Grant(grant.clone()),
            Self::InstallComponent(component) => Wants::Component(component.path.clone()),
            Self::RemoveComponent { path } => Wants::Component(path.clone()),
            Self::Retain { .. } => Wants::Nothing,
            Self::Reconcile => Wants::Unfinished,
        }
    }
}
