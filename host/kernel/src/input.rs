//! What can happen: the closed list of things the kernel decides about.

use crate::artifact::ArtifactState;
use crate::command::{Answer, InputAnswer, McpServer, StopReason};
use crate::descriptor::{Fidelity, Recovery};
use crate::grant::{Asked, Component};
use crate::id::{
    ArtifactId, AttemptId, BindingId, GrantId, NativeSessionId, OwnerId, RunId, SessionId, Timestamp,
    WorkerId,
};
use crate::model::Models;
use crate::permission::ApprovalPolicy;
use crate::report::{Activity, ApprovalRequest, Failure, FailureDetail, InputRequest, Lease, Outcome, Usage};
use crate::request::{Accept, CreateSession, Delegate, Retry, SessionRef};
use crate::session::SessionChange;
use crate::transcript::Chunk;

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
    /// Who takes up a turn that is interrupted.
    pub recovery: Recovery,
    /// The working folder where neither the run nor its session names one.
    pub default_cwd: String,
    /// The digest of the component.
    pub digest: String,
    /// What the component speaks to its runtime: `acp`, `pi-rpc`, …
    pub protocol: String,
    /// The models that the registration has for the profiles.
    pub models: Models,
    /// The MCP servers that a native session is to have.
    pub mcp_servers: Vec<McpServer>,
    /// The stable part of the MCP configuration as a hash.
    pub mcp_hash: Option<String>,
    /// What identifies the worker's process, if it has one already.
    pub lease: Option<Lease>,
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
    /// The stable part of the MCP configuration as a hash.
    pub mcp_hash: Option<String>,
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
    /// It used a tool, or made something: repeated, it would do that twice.
    pub acted: bool,
    /// A person can be asked to log in.
    pub person: bool,
}

/// Who answers a request to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// A person: the owner of the session.
    Person(OwnerId),
    /// The runtime took it back.
    Runtime,
    /// Nobody did in time.
    Deadline,
    /// Nobody: the client of the run, which is its owner's, has no way to ask a person.
    Nobody(OwnerId),
}

impl By {
    /// The word of the record.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Person(_) => "user",
            Self::Runtime => "runtime",
            Self::Deadline => "deadline",
            Self::Nobody(_) => "nobody_to_ask",
        }
    }
}

/// An adapter wants to open something: a program, a file, a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessAsked {
    /// When.
    pub at: Timestamp,
    /// The number under which a person is asked, of [`crate::row::HOST_REQUESTS`].
    pub request: u32,
    /// The session on whose behalf; none for the worker itself.
    pub session: Option<SessionId>,
    /// The attempt on whose behalf, or the one that the worker has: a person is asked in its name.
    pub attempt: Option<AttemptId>,
    /// What, and under which terms.
    pub asked: Asked,
    /// A person can be asked.
    pub person: bool,
}

/// Which limit of time an attempt went over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeout {
    /// The running time of its run.
    Deadline,
    /// The time without a sign of progress.
    NoProgress,
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
        /// A person can be asked to log in.
        person: bool,
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
        /// Who answered.
        by: By,
    },
    /// An adapter asks for information.
    InputRequested {
        /// What it asks.
        request: InputRequest,
        /// A person can be asked.
        person: bool,
    },
    /// Somebody answered a request for information, or for a log-in.
    InputProvided {
        /// The attempt that asks.
        attempt: AttemptId,
        /// The number of the request.
        request: u32,
        /// The answer.
        answer: InputAnswer,
        /// Who answered.
        by: By,
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
        /// Another worker may do better.
        retry: bool,
    },
    /// An attempt took too long.
    TimedOut {
        /// The attempt.
        attempt: AttemptId,
        /// Which limit it went over.
        timeout: Timeout,
        /// The text of its messages so far.
        text: String,
    },
    /// A worker is over, or is to end because it is idle: what cannot be taken up without it is lost.
    WorkerOver {
        /// The worker.
        worker: WorkerId,
        /// It is still there and is to be stopped now, for this reason.
        stop: Option<StopReason>,
    },
    /// The worker of an attempt started a process.
    Leased {
        /// The attempt.
        attempt: AttemptId,
        /// What identifies the process.
        lease: Lease,
    },
    /// Something was reported about an attempt that is over.
    CameLate {
        /// The attempt.
        attempt: AttemptId,
        /// How many times.
        count: u32,
    },
    /// Somebody wants a run tried again.
    Retry(Retry),
    /// A run asks another one for work.
    Delegate(Box<Delegate>),
    /// A client wants a session to be there.
    CreateSession(Box<CreateSession>),
    /// Somebody changes a session.
    UpdateSession {
        /// Who.
        owner: OwnerId,
        /// The session.
        session: SessionId,
        /// What changes.
        change: SessionChange,
    },
    /// Somebody wants the native sessions of a session not used again.
    InvalidateBindings {
        /// Who.
        owner: OwnerId,
        /// The session.
        session: SessionRef,
    },
    /// Somebody did something with an artifact.
    UpdateArtifact {
        /// Who.
        owner: OwnerId,
        /// The artifact.
        artifact: ArtifactId,
        /// What.
        state: ArtifactState,
    },
    /// An adapter wants to open something.
    AccessAsked(Box<AccessAsked>),
    /// Somebody takes a grant back.
    RevokeGrant {
        /// Who.
        owner: OwnerId,
        /// The grant.
        grant: GrantId,
    },
    /// Somebody installs a component.
    InstallComponent(Box<Component>),
    /// Somebody wants a component installed no longer.
    RemoveComponent {
        /// Its path.
        path: String,
    },
    /// Old events are to go.
    Retain {
        /// Runs that ended before this time lose their events.
        ended_before: Timestamp,
        /// So many events are kept.
        events_max: u64,
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
