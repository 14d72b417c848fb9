//! What the stories are made of: one session, one run, one attempt, one binding, and what can happen to them.

use crate::command::{PromptBlock, RunMode};
use crate::decision::Decision;
use crate::delegation::{Delegation, DelegationMode, DelegationStatus};
use crate::descriptor::{Fidelity, Recovery};
use crate::facts::Facts;
use crate::id::{ArtifactId, AttemptId, BindingId, DelegationId, Ids, RunId, SessionId, WorkerId};
use crate::input::{Begin, BindingOpened, Finished, Input};
use crate::model::{ModelProfile, Models};
use crate::refusal::Refusal;
use crate::report::{AuthMethod, Failure, FailureDetail, Outcome, Usage};
use crate::request::{Accept, SessionRef};
use crate::row::{Attempt, Binding, BindingStatus, LOG_IN, OpenRequest, RequestKind, Run, RunInput, Session};
use crate::session::SessionStatus;
use crate::status::Status;

/// Facts that a story begins with.
#[derive(Clone)]
pub(super) struct Story {
    pub(super) facts: Facts,
}

impl Story {
    /// Nothing is recorded.
    pub(super) fn nothing() -> Self {
        Self { facts: Facts::default() }
    }

    /// A session and its run, with the attempt that such a run has.
    pub(super) fn at(status: Status) -> Self {
        let attempt = (status != Status::Queued).then(|| attempt(status));
        let binding = attempt.as_ref().and_then(|attempt| attempt.binding.as_ref()).map(|_| binding());
        let generation = u32::from(binding.is_some());
        let (session, run) = (Some(session()), Some(run(status)));
        Self { facts: Facts { session, run, attempt, binding, generation, ..Facts::default() } }
    }

    /// It was to stop before its adapter had it.
    pub(super) fn cancelled_while_starting() -> Self {
        let mut story = Self::at(Status::Cancelling);
        story.facts.attempt.as_mut().unwrap().binding = None;
        story.facts.binding = None;
        story.facts.generation = 0;
        story
    }

    /// Its runtime wants a log-in, and a person is asked.
    pub(super) fn logging_in() -> Self {
        let mut story = Self::at(Status::WaitingInput);
        story.facts.attempt.as_mut().unwrap().binding = None;
        story.facts.open_requests = vec![log_in()];
        story
    }

    /// The session has this binding.
    pub(super) fn bound(mut self, binding: Binding) -> Self {
        self.facts.generation = binding.generation;
        self.facts.binding = Some(binding);
        self
    }

    /// These requests for approval are open as well.
    pub(super) fn asked(mut self, requests: &[u32]) -> Self {
        self.facts.open_requests.extend(requests.iter().map(|&request| approval(request)));
        self
    }

    /// These requests for information are open as well.
    pub(super) fn asked_for_input(mut self, requests: &[u32]) -> Self {
        self.facts.open_requests.extend(requests.iter().map(|&request| information(request)));
        self
    }

    /// It is the second attempt, made for this reason.
    pub(super) fn second_attempt(mut self, reason: &str) -> Self {
        let attempt = self.facts.attempt.as_mut().unwrap();
        attempt.number = 2;
        attempt.retry_reason = Some(reason.to_owned());
        self
    }

    /// The run works for another one.
    pub(super) fn for_parent(mut self, mode: DelegationMode, status: DelegationStatus) -> Self {
        self.facts.run.as_mut().unwrap().parent = Some(parent_run_id());
        self.facts.delegation = Some(delegation(mode, status));
        self
    }

    /// What the kernel makes of an input.
    pub(super) fn decide(&self, input: &Input) -> Result<Decision, Refusal> {
        let mut last = 0x1000;
        let mut source = || {
            last += 1;
            last
        };
        crate::decide(input, &self.facts, &mut Ids::new(&mut source))
    }

    /// What the kernel makes of an input that it takes.
    pub(super) fn then(&self, input: &Input) -> Decision {
        self.decide(input).unwrap()
    }

    /// Why the kernel does not take an input.
    pub(super) fn refuses(&self, input: &Input) -> Refusal {
        self.decide(input).unwrap_err()
    }
}

macro_rules! known {
    ($($name:ident: $type:ident = $bits:literal,)+) => {
        $(pub(super) fn $name() -> $type { $type::new(&mut Ids::new(&mut || $bits)) })+
    };
}

known! {
    session_id: SessionId = 1,
    run_id: RunId = 2,
    attempt_id: AttemptId = 3,
    binding_id: BindingId = 4,
    worker_id: WorkerId = 5,
    new_binding_id: BindingId = 6,
    other_session_id: SessionId = 7,
    artifact_id: ArtifactId = 8,
    delegation_id: DelegationId = 9,
    parent_run_id: RunId = 10,
    parent_session_id: SessionId = 11,
    child_run_id: RunId = 12,
    child_session_id: SessionId = 13,
    child_attempt_id: AttemptId = 14,
}

pub(super) fn session() -> Session {
    Session {
        id: session_id(),
        owner: "ann".into(),
        default_adapter: "echo".into(),
        default_cwd: None,
        profile: None,
        title: None,
        status: SessionStatus::Open,
    }
}

pub(super) fn run(status: Status) -> Run {
    Run {
        id: run_id(),
        session: session_id(),
        client: "cli".into(),
        request: "r1".into(),
        status,
        mode: RunMode::Act,
        input: prompt("hello"),
        parent: None,
        adapter: "echo".into(),
        profile: ModelProfile::MainReasoner,
        model: None,
        cwd: None,
        system_prompt_hash: None,
        retry: None,
    }
}

pub(super) fn attempt(status: Status) -> Attempt {
    Attempt {
        id: attempt_id(),
        run: run_id(),
        number: 1,
        status,
        adapter: "echo".into(),
        worker: Some(worker_id()),
        binding: (status != Status::Starting).then(binding_id),
        cancel_dispatched: false,
        cancel_acknowledged: false,
        retry_reason: None,
        recovery: Recovery::Host,
    }
}

pub(super) fn binding() -> Binding {
    Binding {
        id: binding_id(),
        session: session_id(),
        adapter: "echo".into(),
        generation: 1,
        native_id: Some("native-1".into()),
        fidelity: Fidelity::Native,
        status: BindingStatus::Active,
        cwd: None,
        system_prompt_hash: None,
        mcp_hash: None,
        worker: None,
    }
}

/// The run of the story works for another one, in this way.
pub(super) fn delegation(mode: DelegationMode, status: DelegationStatus) -> Delegation {
    Delegation {
        id: delegation_id(),
        parent_session: parent_session_id(),
        parent_run: parent_run_id(),
        child_session: session_id(),
        child_run: run_id(),
        mode,
        status,
        budget_usd: 5.0,
    }
}

pub(super) fn approval(request: u32) -> OpenRequest {
    OpenRequest {
        request,
        kind: RequestKind::Approval,
        options: vec!["no".into(), "yes".into()],
        access: None,
    }
}

pub(super) fn information(request: u32) -> OpenRequest {
    OpenRequest { request, kind: RequestKind::Input, options: Vec::new(), access: None }
}

pub(super) fn log_in() -> OpenRequest {
    let options = vec!["browser".into(), "key".into()];
    OpenRequest { request: LOG_IN, kind: RequestKind::Authentication, options, access: None }
}

pub(super) fn prompt(text: &str) -> RunInput {
    RunInput { prompt: vec![PromptBlock::Text { text: text.into() }], ..RunInput::default() }
}

/// Ann asks for something in no session in particular.
pub(super) fn asks(text: &str) -> Accept {
    Accept {
        owner: "ann".into(),
        client: "cli".into(),
        request: "r1".into(),
        session: SessionRef::default(),
        surface: "cli".into(),
        title: None,
        idempotency_key: None,
        default_adapter: "echo".into(),
        input: prompt(text),
        system_prompt_hash: None,
        mode: RunMode::Act,
        legacy: vec![],
    }
}

/// Ann asks for something in her session.
pub(super) fn asks_in_session(text: &str) -> Accept {
    Accept { session: SessionRef { id: Some(session_id()), ..SessionRef::default() }, ..asks(text) }
}

pub(super) fn accept(accept: Accept) -> Input {
    Input::Accept(Box::new(accept))
}

/// A new worker of a component that can resume what it made.
pub(super) fn begin() -> Begin {
    Begin {
        run: run_id(),
        worker: worker_id(),
        held: Vec::new(),
        resume: Fidelity::Native,
        recovery: Recovery::Host,
        default_cwd: "/home/ann".into(),
        digest: "d1".into(),
        protocol: "acp".into(),
        models: Models::new(),
        mcp_servers: Vec::new(),
        mcp_hash: None,
        lease: None,
    }
}

/// A worker that holds these bindings, of a component that can resume so well.
pub(super) fn leased(held: &[BindingId], resume: Fidelity) -> Input {
    Input::Begin(Begin { held: held.to_vec(), resume, ..begin() })
}

pub(super) fn opened(binding: BindingId, native_id: &str) -> Input {
    Input::BindingOpened(BindingOpened {
        attempt: attempt_id(),
        binding,
        native_id: native_id.into(),
        fidelity: Fidelity::Native,
        model: None,
        digest: "d1".into(),
        mcp_hash: None,
    })
}

pub(super) fn binding_failed(binding: BindingId, failure: Failure, person: bool) -> Input {
    Input::BindingFailed { attempt: attempt_id(), binding, failure, person }
}

pub(super) fn finished(outcome: Outcome, text: &str) -> Input {
    let usage = Some(Usage { input_tokens: Some(7), ..Usage::default() });
    Input::Finished(Finished {
        attempt: attempt_id(),
        outcome,
        usage,
        text: text.into(),
        acted: false,
        person: true,
    })
}

pub(super) fn lost(text: &str) -> Input {
    Input::WorkerLost {
        attempt: attempt_id(),
        failure: trouble("worker_trapped"),
        text: text.into(),
        retry: true,
    }
}

pub(super) fn well() -> Outcome {
    Outcome::Succeeded { stop_reason: "end_turn".into() }
}

pub(super) fn trouble(code: &str) -> FailureDetail {
    FailureDetail::new(code, "it did not work")
}

pub(super) fn stale() -> Failure {
    Failure::Stale(trouble("no_such_session"))
}

/// The runtime wants a log-in, in one of two ways.
pub(super) fn auth_required() -> Failure {
    let method = |id: &str| AuthMethod {
        id: id.into(),
        kind: "agent".into(),
        name: "Log in".into(),
        description: String::new(),
    };
    Failure::AuthRequired { methods: vec![method("browser"), method("key")], message: String::new() }
}

pub(super) fn cancel() -> Input {
    Input::Cancel { owner: "ann".into(), run: run_id() }
}

/// The statuses of what is over.
pub(super) fn terminal() -> impl Iterator<Item = Status> {
    Status::ALL.into_iter().filter(|status| status.is_terminal())
}
