//! What can happen: the closed list of things the kernel decides about.

use crate::command::Answer;
use crate::descriptor::Fidelity;
use crate::id::{
    AdapterId, AttemptId, BindingId, ClientId, NativeSessionId, OwnerId, RequestId, RunId, SessionId,
    WorkerId,
};
use crate::permission::ApprovalPolicy;
use crate::report::{Activity, ApprovalRequest, Failure, FailureDetail, Outcome, Usage};
use crate::row::RunInput;
use crate::transcript::Chunk;

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
    /// The registration; none means the session's own.
    pub adapter: Option<AdapterId>,
    /// The registration of a session that is made now and names none.
    pub default_adapter: AdapterId,
    /// What is asked.
    pub input: RunInput,
    /// The system prompt as a hash.
    pub system_prompt_hash: Option<String>,
    /// What it may do.
    pub mode: crate::command::RunMode,
    /// The model asked for.
    pub model: Option<String>,
    /// The working folder asked for.
    pub cwd: Option<String>,
    /// The registration opted in to the legacy permission policy.
    pub legacy_grant: bool,
}

/// A worker was leased for a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begin {
    /// The run.
    pub run: RunId,
    /// The worker.
    pub worker: WorkerId,
    /// The bindings that are open in this worker: these need no resume.
    pub held: Vec<BindingId>,
    /// What the component can do at best.
    pub resume: Fidelity,
    /// The working folder where neither the run nor its session names one.
    pub default_cwd: String,
    /// The digest of the component.
    pub digest: String,
}

/// A native session is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindingOpened {
    /// The attempt that needs it.
    pub attempt: AttemptId,
    /// The binding.
    pub binding: BindingId,
    /// The runtime's name of it.
    pub native_id: NativeSessionId,
    /// How it can be taken up again.
    pub fidelity: Fidelity,
    /// The model in use.
    pub model: Option<String>,
    /// The digest of the component.
    pub digest: String,
}

/// An attempt is over.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// The attempt.
    pub attempt: AttemptId,
    /// How.
    pub outcome: Outcome,
    /// What it used.
    pub usage: Option<Usage>,
    /// The text of all its messages.
    pub text: String,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A client wants a prompt run.
    Accept(Box<Accept>),
    /// A worker was leased for a run.
    Begin(Begin),
    /// No worker can be had for a run.
    CannotBegin {
        /// The run.
        run: RunId,
        /// Why.
        failure: FailureDetail,
    },
    /// A native session is there.
    BindingOpened(BindingOpened),
    /// A native session is not there.
    BindingFailed {
        /// The attempt that needs it.
        attempt: AttemptId,
        /// The binding.
        binding: BindingId,
        /// Why.
        failure: Failure,
    },
    /// A piece of an answer is to be kept.
    Chunk {
        /// The attempt.
        attempt: AttemptId,
        /// The piece.
        chunk: Chunk,
    },
    /// A message of an answer is whole.
    MessageCompleted {
        /// The attempt.
        attempt: AttemptId,
        /// Which message of the attempt.
        message: String,
        /// Its text.
        text: String,
    },
    /// Something else that an attempt did.
    Activity {
        /// The attempt.
        attempt: AttemptId,
        /// What.
        activity: Activity,
    },
    /// An adapter asks for permission.
    ApprovalRequested {
        /// What it asks.
        request: ApprovalRequest,
        /// How it is decided.
        policy: ApprovalPolicy,
    },
    /// Somebody answered a request for approval.
    ApprovalAnswered {
        /// The attempt that asks.
        attempt: AttemptId,
        /// The adapter's number of the request.
        request: u32,
        /// The answer.
        answer: Answer,
        /// Who answered: `user`, `runtime`.
        by: String,
    },
    /// An attempt is over.
    Finished(Finished),
    /// The worker of an attempt is over.
    WorkerLost {
        /// The attempt.
        attempt: AttemptId,
        /// Why.
        failure: FailureDetail,
        /// The text of its messages so far.
        text: String,
    },
    /// Somebody wants a run to stop.
    Cancel {
        /// Who.
        owner: OwnerId,
        /// The run.
        run: RunId,
    },
    /// What became of telling the adapter.
    CancelDispatched {
        /// The attempt.
        attempt: AttemptId,
        /// The runtime was told.
        dispatched: bool,
        /// The runtime confirmed.
        acknowledged: bool,
    },
    /// The time a cancelled attempt was given to stop is over.
    CancelGraceOver {
        /// The attempt.
        attempt: AttemptId,
    },
    /// The daemon starts.
    Reconcile,
}

/// What must be read before an input can be decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wants {
    /// The session that a prompt is for, and the run that already answers the same request.
    Request {
        /// Who asks.
        owner: OwnerId,
        /// For which session.
        session: SessionRef,
        /// The client.
        client: ClientId,
        /// The client's request.
        request: RequestId,
    },
    /// A run with its session, its last attempt and its bindings.
    Run(RunId),
    /// An attempt with its run, session and bindings.
    Attempt {
        /// The attempt.
        attempt: AttemptId,
        /// A binding that is said to be there, and the native id that is about to be recorded for it.
        opened: Option<(BindingId, NativeSessionId)>,
    },
    /// Everything that is not over.
    Unfinished,
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
            },
            Self::Begin(begin) => Wants::Run(begin.run.clone()),
            Self::CannotBegin { run, .. } | Self::Cancel { run, .. } => Wants::Run(run.clone()),
            Self::BindingOpened(opened) => {
                let binding = (opened.binding.clone(), opened.native_id.clone());
                Wants::Attempt { attempt: opened.attempt.clone(), opened: Some(binding) }
            }
            Self::ApprovalRequested { request, .. } => attempt(&request.attempt),
            Self::Finished(finished) => attempt(&finished.attempt),
            Self::BindingFailed { attempt: id, .. }
            | Self::Chunk { attempt: id, .. }
            | Self::MessageCompleted { attempt: id, .. }
            | Self::Activity { attempt: id, .. }
            | Self::ApprovalAnswered { attempt: id, .. }
            | Self::WorkerLost { attempt: id, .. }
            | Self::CancelDispatched { attempt: id, .. }
            | Self::CancelGraceOver { attempt: id } => attempt(id),
            Self::Reconcile => Wants::Unfinished,
        }
    }
}
