//! What is to be done once a decision is committed.

use crate::command::{Answer, BindingSettings, Execute, InputAnswer, NotPerformed, StopReason};
use crate::grant::Grant;
use crate::id::{
    AdapterId, AttemptId, BindingId, GrantId, NativeSessionId, RequestId, RunId, SessionId, WorkerId,
};
use crate::report::Lease;

/// What a run that keeps its worker waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// A person's answer.
    Person,
    /// The result of a run that it delegated.
    Child,
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
    /// Begin again with another worker: the run's own is lost. The run keeps its permit.
    BeginElsewhere {
        /// The run.
        run: RunId,
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
        /// The run.
        run: RunId,
        /// Milliseconds of running time it may take, if the client said so.
        timeout_ms: Option<u64>,
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
        settings: Box<BindingSettings>,
    },
    /// Hand an attempt to its adapter. Once.
    Execute {
        /// The worker.
        worker: WorkerId,
        /// The client's request, for what is live.
        request: RequestId,
        /// Milliseconds of running time it may take, if the client said so.
        timeout_ms: Option<u64>,
        /// What to run.
        execute: Box<Execute>,
    },
    /// Tell an adapter to cancel, and count the time it takes. Once.
    DispatchCancel {
        /// The run.
        run: RunId,
        /// The attempt.
        attempt: AttemptId,
        /// The worker.
        worker: WorkerId,
        /// The adapter has the attempt: it can be told. Otherwise only the time counts.
        executing: bool,
    },
    /// Log in to the runtime. Once. It waits for the permit of a run that was parked, and so does what follows.
    Authenticate {
        /// The run.
        run: RunId,
        /// The worker.
        worker: WorkerId,
        /// The id of one of the methods that the runtime named.
        method: String,
    },
    /// A run waits for a person or for another run: it keeps its worker and gives back its permit.
    Park {
        /// The run.
        run: RunId,
        /// What it waits for.
        why: Wait,
    },
    /// A run waits for this no longer. If it waits for nothing else, it gets a permit before new runs do, and what is
    /// to be told its adapter waits for that.
    Unpark {
        /// The run.
        run: RunId,
        /// What it waited for.
        why: Wait,
    },
    /// A run leaves the queue, or gives up the worker that is being started for it.
    Dequeue {
        /// The run.
        run: RunId,
    },
    /// Answer a request for approval. Once. It waits for the permit of a run that was parked.
    Answer {
        /// The run.
        run: RunId,
        /// The attempt that asks.
        attempt: AttemptId,
        /// The worker.
        worker: WorkerId,
        /// The adapter's number of the request.
        request: u32,
        /// The answer.
        answer: Answer,
    },
    /// Answer a request for information. Once. It waits for the permit of a run that was parked.
    ProvideInput {
        /// The run.
        run: RunId,
        /// The attempt that asks.
        attempt: AttemptId,
        /// The worker.
        worker: WorkerId,
        /// The adapter's number of the request.
        request: u32,
        /// The answer.
        answer: InputAnswer,
    },
    /// Have a worker open what it asked for. Once. If a person was asked, it waits for the permit of the run.
    Perform {
        /// The run that was parked for the question, if a person was asked.
        run: Option<RunId>,
        /// The worker.
        worker: WorkerId,
        /// The worker's number of the effect.
        op: u32,
        /// The grant that allows it; none where the policy of the registration does.
        grant: Option<Box<Grant>>,
    },
    /// Have a worker not open what it asked for.
    Refuse {
        /// The worker.
        worker: WorkerId,
        /// The worker's number of the effect.
        op: u32,
        /// Why.
        why: NotPerformed,
    },
    /// Have every worker use a grant no more. Repeatable.
    Revoke {
        /// The grant, or the one that it was copied from.
        grant: GrantId,
    },
    /// Have new attempts of a component served by these bytes of it only: a worker with others takes no further run, and
    /// ends once it is idle. Repeatable.
    UseComponent {
        /// The component, as the record calls it.
        path: String,
        /// The SHA-256 of its bytes; none if it is not installed any more.
        digest: Option<String>,
    },
    /// Let a native session go.
    CloseBinding {
        /// The worker that holds it.
        worker: WorkerId,
        /// The binding.
        binding: BindingId,
    },
    /// Have a worker end in good order. Repeatable.
    StopWorker {
        /// The worker.
        worker: WorkerId,
        /// Why.
        reason: StopReason,
    },
    /// End a process that a daemon before left, if it is still the same one. Repeatable.
    Reap {
        /// What identifies it.
        lease: Lease,
    },
    /// End a worker that did not stop in time. Repeatable.
    KillWorker {
        /// The worker.
        worker: WorkerId,
        /// The attempt that it is told to cancel first, with a moment for it: killing ends what runs here, and nothing of
        /// what was begun elsewhere.
        cancel: Option<AttemptId>,
    },
    /// A run needs its worker no longer.
    Release {
        /// The run.
        run: RunId,
    },
}

impl Effect {
    /// The run whose permit this waits for, if that run was parked and may go on: what its adapter is to be told.
    pub fn waits_for_permit(&self) -> Option<&RunId> {
        match self {
            Self::Answer { run, .. }
            | Self::ProvideInput { run, .. }
            | Self::Authenticate { run, .. }
            | Self::BeginAgain { run, .. } => Some(run),
            Self::Perform { run, .. } => run.as_ref(),
            Self::Schedule { .. }
            | Self::BeginElsewhere { .. }
            | Self::Bind { .. }
            | Self::Execute { .. }
            | Self::DispatchCancel { .. }
            | Self::Park { .. }
            | Self::Unpark { .. }
            | Self::Dequeue { .. }
            | Self::Refuse { .. }
            | Self::Revoke { .. }
            | Self::UseComponent { .. }
            | Self::CloseBinding { .. }
            | Self::StopWorker { .. }
            | Self::Reap { .. }
            | Self::KillWorker { .. }
            | Self::Release { .. } => None,
        }
    }
}
