//! Inserts the rows of a decision. What a unique index of the store forbids is a fault here.

use omi_kernel::artifact::ArtifactState;
use omi_kernel::delegation::{Delegation, DelegationStatus};
use omi_kernel::id::{Cursor, Timestamp};
use omi_kernel::new::{NewArtifact, NewAttempt, NewBinding, NewDelegation, NewRun, NewSession};
use omi_kernel::row::{Attempt, Binding, BindingStatus, Run, Session};
use omi_kernel::session::SessionStatus;
use omi_kernel::status::Status;
use omi_kernel::usage::Usage;

use super::Record;
use crate::row::{ArtifactFull, AttemptRow, BindingRow, DelegationRow, RunRow, SessionRow};
use crate::{Fault, ensure};

/// Why an attempt follows another one though nobody asked for it: that happens once (SPEC §12).
const BY_ITSELF: [&str; 3] = ["stale_binding", "transient", "worker_lost"];

impl Record {
    pub(super) fn insert_session(&mut self, new: &NewSession, now: Timestamp) -> Result<(), Fault> {
        let taken = |row: &SessionRow| {
            row.session.owner == new.owner
                && ((new.external.is_some() && row.external == new.external)
                    || (new.legacy.is_some() && row.legacy == new.legacy))
        };
        ensure(!self.sessions.rows().iter().any(taken), || format!("{} has a name that is taken", new.id))?;
        let session = Session {
            id: new.id.clone(),
            owner: new.owner.clone(),
            default_adapter: new.default_adapter.clone(),
            default_cwd: new.default_cwd.clone(),
            profile: new.profile,
            title: new.title.clone(),
            status: SessionStatus::Open,
        };
        let row = SessionRow {
            session,
            surface: new.surface.clone(),
            external: new.external.clone(),
            legacy: new.legacy.clone(),
            metadata: serde_json::json!({}),
            pruned_through: Cursor::default(),
            created_at: now,
            updated_at: now,
            used_at: now,
        };
        self.sessions.insert(&new.id, row)
    }

    pub(super) fn insert_run(&mut self, new: &NewRun, now: Timestamp) -> Result<(), Fault> {
        let request = (new.client.clone(), new.request.clone());
        let before = self.of_request.insert(request, new.id.clone());
        ensure(before.is_none(), || format!("request {} of {} has two runs", new.request, new.client))?;
        ensure(self.sessions.get(&new.session).is_some(), || format!("{} has no session", new.id))?;
        let same_key = |row: &RunRow| row.run.session == new.session && row.key == new.idempotency_key;
        let taken = new.idempotency_key.is_some() && self.runs.rows().iter().any(same_key);
        ensure(!taken, || format!("the key {:?} has two runs in {}", new.idempotency_key, new.session))?;
        if let Some(parent) = &new.parent {
            ensure(self.runs.get(parent).is_some(), || format!("{} has no parent {parent}", new.id))?;
            self.children_of.entry(parent.clone()).or_default().push(new.id.clone());
        }
        let run = Run {
            id: new.id.clone(),
            session: new.session.clone(),
            client: new.client.clone(),
            request: new.request.clone(),
            status: Status::Queued,
            mode: new.mode,
            input: new.input.clone(),
            parent: new.parent.clone(),
            adapter: new.adapter.clone(),
            profile: new.profile,
            model: new.model.clone(),
            cwd: new.cwd.clone(),
            system_prompt_hash: new.system_prompt_hash.clone(),
            retry: None,
        };
        self.live.insert(new.id.clone());
        let row = RunRow {
            run,
            key: new.idempotency_key.clone(),
            text: None,
            stop_reason: None,
            error: None,
            usage: Usage::default(),
            created_at: now,
            started_at: None,
            completed_at: None,
            updated_at: now,
        };
        self.runs.insert(&new.id, row)
    }

    pub(super) fn insert_attempt(&mut self, new: &NewAttempt, now: Timestamp) -> Result<(), Fault> {
        let last = self.last_attempt(&new.run);
        let number = last.map_or(1, |last| last.attempt.number + 1);
        ensure(new.number == number, || format!("{} is number {}, not {number}", new.id, new.number))?;
        let from = last.map(|last| &last.attempt.id);
        ensure(new.resume_from.as_ref() == from, || {
            format!("{} takes over from {:?}", new.id, new.resume_from)
        })?;
        // One that was cancelled in the queue is tried again without an attempt before.
        let reason = new.retry_reason.is_some() || number == 1;
        ensure(reason, || format!("{} is number {number} and its reason is {:?}", new.id, new.retry_reason))?;
        let by_itself =
            |reason: Option<&String>| reason.is_some_and(|reason| BY_ITSELF.contains(&reason.as_str()));
        let twice = last.is_some_and(|last| by_itself(last.made_for.as_ref()));
        ensure(!(twice && by_itself(new.retry_reason.as_ref())), || {
            format!("{} is the second in a row that nobody asked for", new.id)
        })?;
        let attempt = Attempt {
            id: new.id.clone(),
            run: new.run.clone(),
            number: new.number,
            status: Status::Starting,
            adapter: new.adapter.clone(),
            worker: Some(new.worker.clone()),
            binding: None,
            cancel_dispatched: false,
            cancel_acknowledged: false,
            retry_reason: new.retry_reason.clone(),
            recovery: new.recovery,
        };
        let row = AttemptRow {
            attempt,
            made_for: new.retry_reason.clone(),
            resume_from: new.resume_from.clone(),
            checkpoint: new.checkpoint.clone(),
            retryable: false,
            usage: Usage::default(),
            error: None,
            digest: new.digest.clone(),
            lease: new.lease.clone(),
            late: 0,
            cancel_requested_at: None,
            cancel_dispatched_at: None,
            cancel_acknowledged_at: None,
            created_at: now,
            started_at: None,
            completed_at: None,
            updated_at: now,
        };
        self.attempts_of.entry(new.run.clone()).or_default().push(new.id.clone());
        self.attempts.insert(&new.id, row)
    }

    pub(super) fn insert_binding(&mut self, new: &NewBinding, now: Timestamp) -> Result<(), Fault> {
        let place = (new.session.clone(), new.adapter.clone());
        let others = self.bindings_of.entry(place).or_default();
        let rows = others.iter().filter_map(|id| self.bindings.get(id));
        let highest = rows.map(|row| row.binding.generation).max().unwrap_or(0);
        let (id, is) = (&new.id, new.generation);
        ensure(is == highest + 1, || format!("{id} is generation {is} after {highest}"))?;
        others.push(new.id.clone());
        let binding = Binding {
            id: new.id.clone(),
            session: new.session.clone(),
            adapter: new.adapter.clone(),
            generation: new.generation,
            native_id: Some(new.native_id.clone()),
            fidelity: new.fidelity,
            status: BindingStatus::Active,
            cwd: new.cwd.clone(),
            system_prompt_hash: new.system_prompt_hash.clone(),
            mcp_hash: new.mcp_hash.clone(),
            worker: new.worker.clone(),
        };
        let row = BindingRow {
            binding,
            new: new.clone(),
            created_at: now,
            updated_at: now,
            used_at: now,
            invalidated_at: None,
        };
        self.bindings.insert(&new.id, row)
    }

    pub(super) fn insert_artifact(&mut self, new: &NewArtifact, now: Timestamp) -> Result<(), Fault> {
        let attempt = self.attempts.get(&new.attempt).map(|row| &row.attempt);
        let made = attempt.is_some_and(|attempt| attempt.run == new.run && !attempt.status.is_terminal());
        ensure(made, || format!("{} is not of a live attempt of {}", new.id, new.run))?;
        self.artifacts_of.entry(new.run.clone()).or_default().push(new.id.clone());
        let row = ArtifactFull {
            new: new.clone(),
            state: ArtifactState::Retained,
            state_at: None,
            created_at: now,
        };
        self.artifacts.insert(&new.id, row)
    }

    pub(super) fn insert_delegation(&mut self, new: &NewDelegation, now: Timestamp) -> Result<(), Fault> {
        let child = self.runs.get(&new.child_run).map(|row| &row.run);
        let fits = child.is_some_and(|run| {
            run.parent.as_ref() == Some(&new.parent_run) && run.session == new.child_session
        });
        ensure(fits, || format!("{} does not fit its run {}", new.id, new.child_run))?;
        ensure(new.child_session != new.parent_session, || format!("{} is to itself", new.id))?;
        let before = self.worked_for.insert(new.child_run.clone(), new.id.clone());
        ensure(before.is_none(), || format!("{} works for two delegations", new.child_run))?;
        let delegation = Delegation {
            id: new.id.clone(),
            parent_session: new.parent_session.clone(),
            parent_run: new.parent_run.clone(),
            child_session: new.child_session.clone(),
            child_run: new.child_run.clone(),
            mode: new.mode,
            status: DelegationStatus::Pending,
            budget_usd: new.budget_usd,
        };
        let row = DelegationRow {
            delegation,
            objective: new.objective.clone(),
            request: new.request.clone(),
            result: None,
            created_at: now,
            completed_at: None,
        };
        self.delegations.insert(&new.id, row)
    }
}
