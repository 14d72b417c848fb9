//! What the kernel answers: rows to write, events to record, effects to perform once those are committed.

use crate::command::{Answer, BindingSettings, Execute, RunMode};
use crate::descriptor::Fidelity;
use crate::event::NewEvent;
use crate::id::{
    AdapterId, AttemptId, BindingId, ClientId, GrantId, NativeSessionId, OwnerId, RequestId, RunId,
    SessionId, WorkerId,
};
use crate::report::{FailureDetail, Usage};
use crate::row::{Attempt, Binding, BindingStatus, OpenApproval, Run, RunInput, Session};
use crate::status::{IllegalStep, Status};

/// What was read for an input.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Facts {
    /// The session.
    pub session: Option<Session>,
    /// The run; for a prompt, the one that already answers the same request.
    pub run: Option<Run>,
    /// The run's last attempt.
    pub attempt: Option<Attempt>,
    /// The active binding of the session and the run's registration.
    pub binding: Option<Binding>,
    /// The highest generation so far of the session and the run's registration; 0 for none.
    pub generation: u32,
    /// The binding that the input says is there, whatever its state; none if it is new.
    pub named: Option<Binding>,
    /// Another binding, not closed, that has the native id that is about to be recorded.
    pub native_conflict: Option<Binding>,
    /// The attempt's requests for approval that nobody has answered.
    pub open_approvals: Vec<OpenApproval>,
    /// At start-up: the runs that are not over, each with its attempt that is not over.
    pub unfinished: Vec<(Run, Option<Attempt>)>,
    /// At start-up: the active bindings that cannot be taken up again.
    pub lost_bindings: Vec<Binding>,
}

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
    /// The registration.
    pub adapter: AdapterId,
    /// The system prompt as a hash.
    pub system_prompt_hash: Option<String>,
    /// The model asked for.
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
    /// The digest of the component.
    pub digest: String,
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
    /// The digest of the component.
    pub digest: String,
}

/// What else changes when a run moves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunChange {
    /// The text of its answer so far.
    pub text: Option<String>,
    /// How it failed.
    pub error: Option<FailureDetail>,
    /// The runtime's word for why it stopped.
    pub stop_reason: Option<String>,
}

/// What else changes when an attempt moves.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AttemptChange {
    /// Its binding.
    pub binding: Option<BindingId>,
    /// How it failed.
    pub error: Option<FailureDetail>,
    /// It failed and another attempt may help, for this reason.
    pub retry_reason: Option<String>,
    /// What it used; the run's use is the sum of its attempts'.
    pub usage: Option<Usage>,
}

/// A row to write. Each update names the state it moves from; a row that is elsewhere is a conflict.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// A new session.
    InsertSession(NewSession),
    /// A session is used.
    TouchSession(SessionId),
    /// A new run, queued.
    InsertRun(NewRun),
    /// A run moves.
    MoveRun {
        /// The run.
        id: RunId,
        /// From here.
        from: Status,
        /// To here.
        to: Status,
        /// What else changes.
        change: RunChange,
    },
    /// A new attempt, starting.
    InsertAttempt(NewAttempt),
    /// An attempt moves.
    MoveAttempt {
        /// The attempt.
        id: AttemptId,
        /// From here.
        from: Status,
        /// To here.
        to: Status,
        /// What else changes.
        change: AttemptChange,
    },
    /// What became of telling an adapter to cancel.
    RecordCancelDispatch {
        /// The attempt.
        id: AttemptId,
        /// The runtime was told.
        dispatched: bool,
        /// The runtime confirmed.
        acknowledged: bool,
    },
    /// A new binding, active.
    InsertBinding(NewBinding),
    /// A binding was taken up again by a worker.
    ResumeBinding {
        /// The binding.
        id: BindingId,
        /// How it can be taken up again, as learned this time.
        fidelity: Fidelity,
        /// The worker that holds it.
        worker: Option<WorkerId>,
        /// The runtime's name of it, as given this time.
        native_id: NativeSessionId,
    },
    /// A binding moves.
    MoveBinding {
        /// The binding.
        id: BindingId,
        /// From here.
        from: BindingStatus,
        /// To here.
        to: BindingStatus,
    },
    /// A grant that records the broad authority of a run under the legacy policy (seed §17.1).
    InsertLegacyGrant {
        /// Its identifier.
        id: GrantId,
        /// The session.
        session: SessionId,
        /// The run.
        run: RunId,
    },
    /// The kept chunks of a message are replaced by the whole message.
    CompactMessage {
        /// The attempt.
        attempt: AttemptId,
        /// Which message of it.
        message: String,
    },
    /// The workers of the last daemon are gone (seed §8.4).
    ForgetWorkers,
}

/// What is to be done once a decision is committed.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Find a worker for a run. Repeatable: derived again from the queue at start-up.
    Schedule {
        /// The run.
        run: RunId,
        /// Its session: one prompt at a time.
        session: SessionId,
        /// The registration.
        adapter: AdapterId,
    },
    /// Begin again with the worker the run has.
    BeginAgain {
        /// The run.
        run: RunId,
        /// The worker.
        worker: WorkerId,
    },
    /// Create or take up a native session. Once.
    Bind {
        /// The attempt that needs it.
        attempt: AttemptId,
        /// The worker.
        worker: WorkerId,
        /// The binding.
        binding: BindingId,
        /// The session.
        session: SessionId,
        /// The native session to take up; none means a new one.
        resume: Option<NativeSessionId>,
        /// What it is to be like.
        settings: BindingSettings,
    },
    /// Hand an attempt to its adapter. Once.
    Execute {
        /// The worker.
        worker: WorkerId,
        /// The client's request, for what is live.
        request: RequestId,
        /// What to run.
        execute: Box<Execute>,
    },
    /// Tell an adapter to cancel, and count the time it takes. Once.
    DispatchCancel {
        /// The attempt.
        attempt: AttemptId,
        /// The worker.
        worker: WorkerId,
        /// The adapter has the attempt: it can be told. Otherwise only the time counts.
        executing: bool,
    },
    /// A run leaves the queue.
    Dequeue {
        /// The run.
        run: RunId,
    },
    /// Answer a request for approval. Once.
    Answer {
        /// The attempt that asks.
        attempt: AttemptId,
        /// The worker.
        worker: WorkerId,
        /// The adapter's number of the request.
        request: u32,
        /// The answer.
        answer: Answer,
    },
    /// End a worker that did not stop in time. Repeatable.
    KillWorker {
        /// The worker.
        worker: WorkerId,
    },
    /// A run needs its worker no longer.
    Release {
        /// The run.
        run: RunId,
    },
}

/// What the one who sent an input is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// There is nothing to tell.
    Done,
    /// A prompt was accepted, or had been before.
    Accepted {
        /// The session.
        session: SessionId,
        /// The run.
        run: RunId,
        /// The same request had been accepted before.
        repeated: bool,
    },
    /// What became of a request to stop (seed §12.1).
    Cancelling {
        /// The kernel accepted it.
        accepted: bool,
        /// The attempt it is about.
        attempt: Option<AttemptId>,
        /// The adapter will be told now, or has been: its answer completes the acknowledgement.
        dispatching: bool,
        /// The runtime was told.
        dispatched: bool,
        /// The runtime confirmed.
        acknowledged: bool,
        /// Where the run stands.
        status: Status,
    },
    /// It came too late to change anything.
    Late,
}

/// What the kernel decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Rows to write, in this order.
    pub writes: Vec<Write>,
    /// Events to record, in this order.
    pub events: Vec<NewEvent>,
    /// What to do once all that is committed.
    pub effects: Vec<Effect>,
    /// What the sender is told.
    pub reply: Reply,
}

/// Why an input changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such thing, or it belongs to somebody else: nobody can tell which.
    #[error("there is no {what} `{id}`")]
    NotFound {
        /// `session`, `run` or `attempt`.
        what: &'static str,
        /// What was named.
        id: String,
    },
    /// The session takes no new runs.
    #[error("the session `{0}` is not open")]
    SessionClosed(SessionId),
    /// The same client used this request id for something else.
    #[error("request `{0}` was used before for another prompt; hint: use a new request id")]
    RequestConflict(RequestId),
    /// The prompt has no content.
    #[error("the prompt is empty")]
    EmptyPrompt,
    /// Nobody waits for this answer.
    #[error("no approval `{request}` is open for `{attempt}`")]
    NoOpenApproval {
        /// The attempt.
        attempt: AttemptId,
        /// The adapter's number of the request.
        request: u32,
    },
    /// The table of transitions does not have this step.
    #[error(transparent)]
    Illegal(#[from] IllegalStep),
}
