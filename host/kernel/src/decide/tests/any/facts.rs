//! Facts by chance. They need not fit together.

use super::dice::Dice;
use crate::artifact::{ArtifactRole, ArtifactRow, ArtifactState, ArtifactSummary};
use crate::command::{PromptBlock, RunMode};
use crate::delegation::{Budget, Delegation, DelegationMode, DelegationStatus};
use crate::descriptor::{Fidelity, Recovery};
use crate::facts::{Descendant, Facts, RunUsage, Unfinished, WaitingParent};
use crate::history::History;
use crate::id::{ArtifactId, AttemptId, BindingId, DelegationId, RunId, SessionId, WorkerId};
use crate::model::ModelProfile;
use crate::report::{Lease, Usage};
use crate::row::{
    Attempt, Binding, BindingStatus, LOG_IN, OpenRequest, RequestKind, RetryNote, Run, RunInput, Session,
};
use crate::session::SessionStatus;
use crate::status::Status;

impl Dice {
    pub(super) fn facts(&mut self) -> Facts {
        let run = self.mostly(Self::run);
        let mut attempt = self.mostly(Self::attempt);
        if let Some((run, attempt)) = run.as_ref().zip(attempt.as_mut()) {
            // Mostly they stand where they can stand together.
            if !self.once_in(4) && run.status != Status::Queued {
                attempt.status = run.status;
            }
        }
        Facts {
            session: self.mostly(Self::session),
            run,
            keyed: if self.once_in(4) { Some((self.run(), self.session())) } else { None },
            attempt,
            binding: self.maybe(Self::binding),
            history: History::default(),
            last_adapter: self.maybe(|dice| dice.name().as_str().into()),
            told: self.maybe(Self::text),
            left_to: self.maybe(|dice| dice.name().as_str().into()),
            generation: self.small(),
            named: self.maybe(Self::binding),
            native_conflict: self.maybe(Self::binding),
            open_requests: self.few(Self::open_request),
            delegation: self.maybe(Self::delegation),
            artifacts: self.few(Self::artifact_summary),
            open_questions: self.few(Self::text),
            usage: RunUsage { before: self.usage(), attempt: self.usage() },
            budgets: if self.flip() { self.few(Self::budget) } else { Vec::new() },
            depth: self.small(),
            awaits_child: self.flip(),
            child_session: self.maybe(Self::session),
            waiting_parents: self.few(Self::waiting_parent),
            descendants: self.few(Self::descendant),
            bindings: self.few(Self::binding),
            session_busy: self.flip(),
            grants: self.few(Self::grant),
            legacy_granted: self.flip(),
            component_grants: self.few(Self::component_grant),
            grant: self.mostly(Self::grant),
            component: self.maybe(Self::component),
            artifact: self.mostly(Self::artifact),
            unfinished: self.few(Self::unfinished),
            lost_bindings: self.few(Self::binding),
            leases: self.few(Self::lease),
        }
    }

    fn status(&mut self) -> Status {
        self.of(&Status::ALL)
    }

    fn session(&mut self) -> Session {
        Session {
            id: self.id(SessionId::new),
            owner: self.of(&["ann", "ann", "ann", "bob"]).into(),
            default_adapter: self.name().as_str().into(),
            default_cwd: self.maybe(Self::name),
            profile: self.maybe(|dice| dice.of(&ModelProfile::ALL)),
            title: self.maybe(Self::text),
            status: self.of(&SessionStatus::ALL),
        }
    }

    pub(super) fn run_input(&mut self) -> RunInput {
        RunInput {
            prompt: self.few(|dice| PromptBlock::Text { text: dice.name() }),
            system_prompt: self.maybe(Self::name),
            adapter: self.maybe(|dice| dice.name().as_str().into()),
            model: self.maybe(Self::name),
            profile: self.maybe(|dice| dice.of(&ModelProfile::ALL)),
            cwd: self.maybe(Self::name),
            legacy_adapter_session_id: self.maybe(|dice| dice.name().as_str().into()),
            timeout_ms: self.maybe(|dice| dice.of(&[0, 1, u64::MAX])),
        }
    }

    fn run(&mut self) -> Run {
        Run {
            id: self.id(RunId::new),
            session: self.id(SessionId::new),
            client: self.name().as_str().into(),
            request: self.name().as_str().into(),
            status: self.status(),
            mode: self.of(&[RunMode::Ask, RunMode::Act]),
            input: self.run_input(),
            parent: self.maybe(|dice| dice.id(RunId::new)),
            adapter: self.name().as_str().into(),
            profile: self.of(&ModelProfile::ALL),
            model: self.maybe(Self::name),
            cwd: self.maybe(Self::name),
            system_prompt_hash: self.maybe(Self::name),
            retry: self.maybe(|dice| RetryNote {
                reason: "retry".to_owned(),
                checkpoint: dice.maybe(|dice| dice.id(ArtifactId::new)),
            }),
        }
    }

    fn attempt(&mut self) -> Attempt {
        Attempt {
            id: self.id(AttemptId::new),
            run: self.id(RunId::new),
            number: self.small(),
            status: self.status(),
            adapter: self.name().as_str().into(),
            worker: self.mostly(|dice| dice.id(WorkerId::new)),
            binding: self.maybe(|dice| dice.id(BindingId::new)),
            cancel_dispatched: self.flip(),
            cancel_acknowledged: self.flip(),
            retry_reason: self.maybe(|dice| dice.of(&["stale_binding", "transient", "retry"]).to_owned()),
            recovery: self.recovery(),
        }
    }

    pub(super) fn recovery(&mut self) -> Recovery {
        self.of(&[Recovery::Host, Recovery::Runtime])
    }

    pub(super) fn fidelity(&mut self) -> Fidelity {
        self.of(&[Fidelity::Native, Fidelity::Reconstructed, Fidelity::None])
    }

    fn binding(&mut self) -> Binding {
        use BindingStatus as S;
        Binding {
            id: self.id(BindingId::new),
            session: self.id(SessionId::new),
            adapter: self.name().as_str().into(),
            generation: self.small(),
            native_id: self.maybe(|dice| dice.name().as_str().into()),
            fidelity: self.fidelity(),
            status: self.of(&[S::Active, S::Active, S::Stale, S::Invalid, S::Closed]),
            cwd: self.maybe(Self::name),
            system_prompt_hash: self.maybe(Self::name),
            mcp_hash: self.maybe(Self::name),
            worker: self.maybe(|dice| dice.id(WorkerId::new)),
        }
    }

    /// The number of a request: one of a few, or the one that is the kernel's.
    pub(super) fn request_number(&mut self) -> u32 {
        if self.once_in(6) { LOG_IN } else { self.small() }
    }

    fn open_request(&mut self) -> OpenRequest {
        use RequestKind as K;
        let kind = self.of(&[K::Approval, K::Approval, K::Input, K::Input, K::Authentication, K::Access]);
        let request = self.request_number();
        if kind == K::Access {
            let options = ["once", "session", "always", "deny"].map(str::to_owned).to_vec();
            return OpenRequest { request, kind, options, access: Some(Box::new(self.asked())) };
        }
        OpenRequest { request, kind, options: self.few(Self::text), access: None }
    }

    fn delegation(&mut self) -> Delegation {
        Delegation {
            id: self.id(DelegationId::new),
            parent_session: self.id(SessionId::new),
            parent_run: self.id(RunId::new),
            child_session: self.id(SessionId::new),
            child_run: self.id(RunId::new),
            mode: self.delegation_mode(),
            status: self.of(&DelegationStatus::ALL),
            budget_usd: self.amount(),
        }
    }

    pub(super) fn delegation_mode(&mut self) -> DelegationMode {
        self.of(&[DelegationMode::Call, DelegationMode::Spawn, DelegationMode::Continue])
    }

    fn budget(&mut self) -> Budget {
        Budget { delegation: self.id(DelegationId::new), limit_usd: self.amount(), spent_usd: self.amount() }
    }

    pub(super) fn usage(&mut self) -> Usage {
        Usage {
            input_tokens: self.maybe(|dice| dice.of(&[0, 1, u32::MAX])),
            cost_usd: self.maybe(Self::amount),
            ..Usage::default()
        }
    }

    fn artifact_summary(&mut self) -> ArtifactSummary {
        ArtifactSummary {
            artifact_id: self.id(ArtifactId::new),
            kind: self.name(),
            role: self.of(&ArtifactRole::ALL),
            uri: self.text(),
            display_name: self.maybe(Self::text),
            content_hash: self.maybe(Self::name),
        }
    }

    fn artifact(&mut self) -> ArtifactRow {
        ArtifactRow {
            id: self.id(ArtifactId::new),
            session: self.id(SessionId::new),
            run: self.maybe(|dice| dice.id(RunId::new)),
            attempt: self.maybe(|dice| dice.id(AttemptId::new)),
            role: self.of(&ArtifactRole::ALL),
            state: self.of(&ArtifactState::ALL),
        }
    }

    fn descendant(&mut self) -> Descendant {
        let Unfinished { run, attempt, delegation } = self.unfinished();
        Descendant { run, attempt, open_requests: self.few(Self::open_request), delegation }
    }

    fn unfinished(&mut self) -> Unfinished {
        let mut run = self.run();
        let mut attempt = self.maybe(Self::attempt);
        if let Some(attempt) = attempt.as_mut().filter(|_| !self.once_in(8)) {
            run.status =
                self.of(&[Status::Starting, Status::Running, Status::WaitingInput, Status::Cancelling]);
            attempt.status = run.status;
        }
        Unfinished { run, attempt, delegation: self.maybe(Self::delegation) }
    }

    fn waiting_parent(&mut self) -> WaitingParent {
        let worker = self.mostly(|dice| dice.id(WorkerId::new));
        WaitingParent { adapter: self.name().as_str().into(), worker }
    }

    pub(super) fn lease(&mut self) -> Lease {
        Lease { pid: self.of(&[0, 1, -1]), start_ticks: 1, boot_id: self.name() }
    }
}
