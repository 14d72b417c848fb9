//! Inputs by chance.

use super::dice::Dice;
use crate::artifact::ArtifactState;
use crate::command::{Answer, InputAnswer, RunMode, StopReason};
use crate::id::{ArtifactId, AttemptId, BindingId, GrantId, RunId, SessionId, Timestamp, WorkerId};
use crate::input::{Begin, BindingOpened, By, Finished, Input, Timeout};
use crate::model::ModelProfile;
use crate::permission::ApprovalPolicy;
use crate::report::{
    Activity, ApprovalOption, ApprovalRequest, Artifact, AuthMethod, Failure, FailureDetail, InputRequest,
    OptionKind, Outcome,
};
use crate::request::{Accept, CreateSession, Delegate, Retry, SessionRef, WorkerLimits};
use crate::session::{SessionChange, SessionStatus};
use crate::transcript::Chunk;

/// How many kinds of inputs there are.
pub(super) const KINDS: usize = 33;

impl Dice {
    pub(super) fn input(&mut self) -> Input {
        let attempt = self.id(AttemptId::new);
        let run = self.id(RunId::new);
        match self.below(KINDS) {
            0 => Input::Accept(Box::new(self.accept())),
            1 => Input::Begin(self.begin()),
            2 => Input::CannotBegin { run, failure: self.trouble() },
            3 => Input::BindingOpened(self.binding_opened(attempt)),
            4 => {
                let (binding, failure, person) = (self.id(BindingId::new), self.failure(), self.flip());
                Input::BindingFailed { attempt, binding, failure, person }
            }
            5 => {
                let chunk = Chunk { message: self.name(), offset: self.below(9), text: self.text() };
                Input::Chunk { attempt, chunk }
            }
            6 => Input::MessageCompleted { attempt, message: self.name(), text: self.text() },
            7 => Input::Activity { attempt, activity: self.activity() },
            8 => {
                use ApprovalPolicy as P;
                let policy = self.of(&[P::Ask, P::Ask, P::Refuse, P::Legacy]);
                Input::ApprovalRequested { request: self.approval_request(attempt), policy }
            }
            9 => {
                let (request, answer, by) = (self.request_number(), self.answer(), self.by());
                Input::ApprovalAnswered { attempt, request, answer, by }
            }
            10 => Input::InputRequested { request: self.input_request(attempt), person: self.flip() },
            11 => {
                let (request, answer, by) = (self.request_number(), self.input_answer(), self.by());
                Input::InputProvided { attempt, request, answer, by }
            }
            12 => Input::Finished(self.finished(attempt)),
            13 => {
                Input::WorkerLost { attempt, failure: self.trouble(), text: self.text(), retry: self.flip() }
            }
            14 => {
                let timeout = self.of(&[Timeout::Deadline, Timeout::NoProgress]);
                Input::TimedOut { attempt, timeout, text: self.text() }
            }
            15 => {
                let stop = self.maybe(|dice| dice.of(&[StopReason::Idle, StopReason::Recycle]));
                Input::WorkerOver { worker: self.id(WorkerId::new), stop }
            }
            16 => Input::Leased { attempt, lease: self.lease() },
            17 => Input::CameLate { attempt, count: self.small() },
            18 => Input::Retry(self.retry(run)),
            19 => Input::Delegate(Box::new(self.delegate(run))),
            20 => {
                let (owner, session) = (self.owner(), self.id(SessionId::new));
                Input::UpdateSession { owner, session, change: self.change() }
            }
            21 => Input::InvalidateBindings { owner: self.owner(), session: self.session_ref() },
            22 => {
                let (artifact, state) = (self.id(ArtifactId::new), self.of(&ArtifactState::ALL));
                Input::UpdateArtifact { owner: self.owner(), artifact, state }
            }
            23 => Input::Retain { ended_before: Timestamp(i64::MIN), events_max: u64::MAX },
            24 => Input::Cancel { owner: self.owner(), run },
            25 => {
                let (dispatched, acknowledged) = (self.flip(), self.flip());
                Input::CancelDispatched { attempt, dispatched, acknowledged }
            }
            26 => Input::CancelGraceOver { attempt },
            27 => Input::AccessAsked(Box::new(self.access_asked())),
            28 => Input::RevokeGrant { owner: self.owner(), grant: self.id(GrantId::new) },
            29 => Input::InstallComponent(Box::new(self.component())),
            30 => Input::RemoveComponent { path: self.text() },
            31 => Input::CreateSession(Box::new(self.create_session())),
            _ => Input::Reconcile,
        }
    }

    fn owner(&mut self) -> crate::id::OwnerId {
        self.of(&["ann", "ann", "ann", "bob"]).into()
    }

    fn by(&mut self) -> By {
        let owner = self.owner();
        self.of(&[By::Person(owner.clone()), By::Runtime, By::Deadline, By::Nobody(owner)])
    }

    fn trouble(&mut self) -> FailureDetail {
        FailureDetail::new(&self.name(), self.text())
    }

    fn failure(&mut self) -> Failure {
        let method = |dice: &mut Self| AuthMethod {
            id: dice.text(),
            kind: dice.name(),
            name: dice.text(),
            description: String::new(),
        };
        match self.below(4) {
            0 => Failure::Stale(self.trouble()),
            1 => Failure::AuthRequired { methods: self.few(method), message: self.text() },
            2 => Failure::Retryable(self.trouble()),
            _ => Failure::Fatal(self.trouble()),
        }
    }

    fn session_ref(&mut self) -> SessionRef {
        SessionRef {
            id: self.maybe(|dice| dice.id(SessionId::new)),
            external: self.maybe(|dice| (dice.name(), dice.name())),
            legacy: self.maybe(|dice| (dice.name(), dice.name())),
        }
    }

    fn create_session(&mut self) -> CreateSession {
        CreateSession {
            owner: self.owner(),
            external: self.maybe(|dice| (dice.name(), dice.name())),
            surface: self.name(),
            title: self.maybe(Self::text),
            adapter: self.name().as_str().into(),
            cwd: self.maybe(Self::name),
            profile: self.maybe(|dice| dice.of(&ModelProfile::ALL)),
        }
    }

    fn accept(&mut self) -> Accept {
        Accept {
            owner: self.owner(),
            client: self.name().as_str().into(),
            request: self.name().as_str().into(),
            session: self.session_ref(),
            surface: self.name(),
            title: self.maybe(Self::text),
            idempotency_key: self.maybe(Self::name),
            default_adapter: self.name().as_str().into(),
            input: self.run_input(),
            system_prompt_hash: self.maybe(Self::name),
            mode: self.of(&[RunMode::Ask, RunMode::Act]),
            legacy: self.few(|dice| dice.name().as_str().into()),
        }
    }

    fn begin(&mut self) -> Begin {
        Begin {
            run: self.id(RunId::new),
            worker: self.id(WorkerId::new),
            held: self.few(|dice| dice.id(BindingId::new)),
            resume: self.fidelity(),
            recovery: self.recovery(),
            default_cwd: self.name(),
            digest: self.name(),
            protocol: self.of(&["acp", "pi-rpc"]).to_owned(),
            models: self.few(|dice| (dice.of(&ModelProfile::ALL), dice.name())).into_iter().collect(),
            mcp_servers: Vec::new(),
            mcp_hash: self.maybe(Self::name),
            lease: self.maybe(Self::lease),
        }
    }

    fn binding_opened(&mut self, attempt: AttemptId) -> BindingOpened {
        BindingOpened {
            attempt,
            binding: self.id(BindingId::new),
            native_id: self.name().as_str().into(),
            fidelity: self.fidelity(),
            model: self.maybe(Self::name),
            digest: self.name(),
            mcp_hash: self.maybe(Self::name),
        }
    }

    fn activity(&mut self) -> Activity {
        match self.below(7) {
            0 => Activity::Usage(self.usage()),
            1 => Activity::Artifact(Artifact {
                kind: self.of(&["file", "memory_candidate"]).to_owned(),
                role: self.name(),
                uri: self.text(),
                name: None,
                mime_type: None,
                content: None,
                content_hash: None,
                size_bytes: None,
                metadata: self.value(),
            }),
            2 => Activity::ThoughtDelta { text: self.text() },
            3 => Activity::ToolFailed { id: self.name(), error: self.trouble() },
            4 => Activity::MessageDelta { message: self.name(), text: self.text() },
            5 => Activity::Progress { text: self.text() },
            _ => Activity::Other { name: self.text(), value: self.value() },
        }
    }

    fn approval_request(&mut self, attempt: AttemptId) -> ApprovalRequest {
        let option = |dice: &mut Self| ApprovalOption {
            option_id: dice.text(),
            name: dice.text(),
            kind: dice.of(&[
                OptionKind::AllowAlways,
                OptionKind::RejectOnce,
                OptionKind::Other(String::new()),
            ]),
        };
        ApprovalRequest {
            attempt,
            request: self.request_number(),
            title: self.text(),
            tool: self.maybe(Self::name),
            options: self.few(option),
            details: self.value(),
        }
    }

    fn input_request(&mut self, attempt: AttemptId) -> InputRequest {
        let (request, prompt) = (self.request_number(), self.text());
        InputRequest {
            attempt,
            request,
            prompt,
            schema: self.maybe(Self::value),
            url: self.maybe(Self::text),
        }
    }

    fn answer(&mut self) -> Answer {
        match self.below(4) {
            0 => Answer::Rejected { reason: self.text() },
            1 => Answer::Cancelled,
            _ => Answer::Selected { option_id: self.text() },
        }
    }

    fn input_answer(&mut self) -> InputAnswer {
        let value = self.value();
        self.of(&[
            InputAnswer::Provided { value },
            InputAnswer::Declined,
            InputAnswer::Cancelled,
            InputAnswer::Expired,
        ])
    }

    fn finished(&mut self, attempt: AttemptId) -> Finished {
        let outcome = match self.below(3) {
            0 => Outcome::Succeeded { stop_reason: self.text() },
            1 => Outcome::Failed(self.failure()),
            _ => Outcome::Cancelled,
        };
        let (usage, text) = (self.maybe(Self::usage), self.text());
        Finished { attempt, outcome, usage, text, acted: self.flip(), person: self.flip() }
    }

    fn retry(&mut self, run: RunId) -> Retry {
        Retry {
            owner: self.owner(),
            run,
            adapter: self.maybe(|dice| dice.name().as_str().into()),
            model: self.maybe(Self::name),
            checkpoint: self.maybe(|dice| dice.id(ArtifactId::new)),
            legacy: self.few(|dice| dice.name().as_str().into()),
            anyway: self.flip(),
        }
    }

    fn delegate(&mut self, parent: RunId) -> Delegate {
        Delegate {
            owner: self.owner(),
            parent,
            client: self.name().as_str().into(),
            request: self.name().as_str().into(),
            mode: self.delegation_mode(),
            objective: self.name(),
            context: self.maybe(Self::text),
            session: self.maybe(|dice| dice.id(SessionId::new)),
            title: self.maybe(Self::text),
            adapter: self.maybe(|dice| dice.name().as_str().into()),
            model: self.maybe(Self::name),
            profile: self.maybe(|dice| dice.of(&ModelProfile::ALL)),
            run_mode: RunMode::Act,
            cwd: self.maybe(Self::name),
            depth_max: self.maybe(|dice| dice.of(&[3, 5, 5, 5, 0, u32::MAX])),
            budget_usd: if self.once_in(4) { Some(self.amount()) } else { None },
            limits: WorkerLimits {
                of_adapter: self
                    .few(|dice| (dice.name().as_str().into(), dice.below(3)))
                    .into_iter()
                    .collect(),
                parked_max: self.below(9),
            },
            legacy: self.few(|dice| dice.name().as_str().into()),
        }
    }

    fn change(&mut self) -> SessionChange {
        SessionChange {
            title: self.maybe(Self::text),
            status: self.maybe(|dice| dice.of(&SessionStatus::ALL)),
            metadata: self.maybe(Self::value),
        }
    }
}
