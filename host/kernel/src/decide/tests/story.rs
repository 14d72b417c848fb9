//! What the stories are made of: one session, one run, one attempt, one binding, and how to read a decision.

use crate::command::{PromptBlock, RunMode};
use crate::decision::{Decision, Effect, Facts, Refusal, Write};
use crate::descriptor::Fidelity;
use crate::id::{AttemptId, BindingId, Ids, RunId, SessionId, WorkerId};
use crate::input::{Accept, Begin, BindingOpened, Finished, Input, SessionRef};
use crate::report::{Failure, FailureDetail, Outcome, Usage};
use crate::row::{Attempt, Binding, BindingStatus, OpenApproval, Run, RunInput, Session};
use crate::status::Status;

/// Facts that a story begins with.
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

    /// The session has this binding.
    pub(super) fn bound(mut self, binding: Binding) -> Self {
        self.facts.generation = binding.generation;
        self.facts.binding = Some(binding);
        self
    }

    /// These requests for approval are open.
    pub(super) fn asked(mut self, requests: &[u32]) -> Self {
        self.facts.open_approvals = requests.iter().map(|&request| OpenApproval { request }).collect();
        self
    }

    /// It is the second attempt.
    pub(super) fn second_attempt(mut self) -> Self {
        self.facts.attempt.as_mut().unwrap().number = 2;
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
}

pub(super) fn session() -> Session {
    Session {
        id: session_id(),
        owner: "ann".into(),
        default_adapter: "echo".into(),
        default_cwd: None,
        open: true,
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
        adapter: "echo".into(),
        model: None,
        cwd: None,
        system_prompt_hash: None,
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
    }
}

pub(super) fn prompt(text: &str) -> RunInput {
    RunInput { prompt: vec![PromptBlock::Text { text: text.into() }], system_prompt: None }
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
        adapter: None,
        default_adapter: "echo".into(),
        input: prompt(text),
        system_prompt_hash: None,
        mode: RunMode::Act,
        model: None,
        cwd: None,
        legacy_grant: false,
    }
}

pub(super) fn accept(accept: Accept) -> Input {
    Input::Accept(Box::new(accept))
}

/// A worker that holds these bindings, of a component that can resume so well.
pub(super) fn leased(held: &[BindingId], resume: Fidelity) -> Input {
    Input::Begin(Begin {
        run: run_id(),
        worker: worker_id(),
        held: held.to_vec(),
        resume,
        default_cwd: "/home/ann".into(),
        digest: "d1".into(),
    })
}

pub(super) fn opened(binding: BindingId, native_id: &str) -> Input {
    Input::BindingOpened(BindingOpened {
        attempt: attempt_id(),
        binding,
        native_id: native_id.into(),
        fidelity: Fidelity::Native,
        model: None,
        digest: "d1".into(),
    })
}

pub(super) fn binding_failed(binding: BindingId, failure: Failure) -> Input {
    Input::BindingFailed { attempt: attempt_id(), binding, failure }
}

pub(super) fn finished(outcome: Outcome, text: &str) -> Input {
    let usage = Some(Usage { input_tokens: Some(7), ..Usage::default() });
    Input::Finished(Finished { attempt: attempt_id(), outcome, usage, text: text.into() })
}

pub(super) fn well() -> Outcome {
    Outcome::Succeeded { stop_reason: "end_turn".into() }
}

pub(super) fn trouble(code: &str) -> FailureDetail {
    FailureDetail::new(code, "it did not work")
}

pub(super) fn cancel() -> Input {
    Input::Cancel { owner: "ann".into(), run: run_id() }
}

/// The words of the events of a decision.
pub(super) fn events(decision: &Decision) -> Vec<&'static str> {
    decision.events.iter().map(|event| event.kind.as_str()).collect()
}

/// The one event of this kind.
pub(super) fn payload<'d>(decision: &'d Decision, kind: &str) -> &'d serde_json::Value {
    let mut found = decision.events.iter().filter(|event| event.kind.as_str() == kind);
    let event = found.next().unwrap_or_else(|| panic!("no {kind} in {:?}", events(decision)));
    assert!(found.next().is_none(), "more than one {kind}");
    &event.payload
}

/// The rows that a decision writes, in a few words each.
pub(super) fn rows(decision: &Decision) -> Vec<String> {
    decision.writes.iter().map(row).collect()
}

fn row(write: &Write) -> String {
    match write {
        Write::InsertSession(_) => "session".into(),
        Write::TouchSession(_) => "session used".into(),
        Write::InsertRun(_) => "run".into(),
        Write::MoveRun { from, to, .. } => format!("run {from} > {to}"),
        Write::InsertAttempt(attempt) => format!("attempt {}", attempt.number),
        Write::MoveAttempt { from, to, .. } => format!("attempt {from} > {to}"),
        Write::RecordCancelDispatch { .. } => "cancel dispatch".into(),
        Write::InsertBinding(binding) => format!("binding {}", binding.generation),
        Write::ResumeBinding { .. } => "binding resumed".into(),
        Write::MoveBinding { from, to, .. } => format!("binding {} > {}", from.as_str(), to.as_str()),
        Write::InsertLegacyGrant { .. } => "legacy grant".into(),
        Write::CompactMessage { message, .. } => format!("compact {message}"),
        Write::ForgetWorkers => "forget workers".into(),
    }
}

/// What is to be done after a decision, in a word each.
pub(super) fn effects(decision: &Decision) -> Vec<&'static str> {
    decision.effects.iter().map(effect).collect()
}

pub(super) fn effect(effect: &Effect) -> &'static str {
    match effect {
        Effect::Schedule { .. } => "schedule",
        Effect::BeginAgain { .. } => "begin again",
        Effect::Bind { resume: None, .. } => "open",
        Effect::Bind { resume: Some(_), .. } => "resume",
        Effect::Execute { .. } => "execute",
        Effect::DispatchCancel { executing: true, .. } => "tell to cancel",
        Effect::DispatchCancel { executing: false, .. } => "count the grace",
        Effect::Dequeue { .. } => "dequeue",
        Effect::Answer { .. } => "answer",
        Effect::KillWorker { .. } => "kill",
        Effect::Release { .. } => "release",
    }
}

/// A decision that came too late: it changes nothing.
pub(super) fn assert_late(decision: &Decision) {
    assert_eq!(decision.reply, crate::decision::Reply::Late);
    assert!(decision.writes.is_empty() && decision.events.is_empty(), "{decision:?}");
}
