//! Judges a decision once it is applied: what must be true always (host/README.md, "Invariants").

use omi_kernel::decision::Decision;
use omi_kernel::delegation::{BUDGET_USD_MAX, DEPTH_MAX, DelegationStatus};
use omi_kernel::effect::Effect;
use omi_kernel::id::{AttemptId, BindingId, RunId, WorkerId};
use omi_kernel::row::BindingStatus;
use omi_kernel::status::Status;
use omi_kernel::usage::Usage;
use omi_kernel::write::Write;

use super::{Record, Touched};
use crate::row::{AttemptRow, RunRow};
use crate::{Fault, ensure};

impl Record {
    /// What can only be told before a decision is applied: which attempts its events are about were over already.
    pub(super) fn before(&self, decision: &Decision) -> Touched {
        let about = decision.events.iter().filter_map(|event| event.about.attempt.as_ref());
        let over =
            |id: &&AttemptId| self.attempts.get(id).is_some_and(|row| row.attempt.status.is_terminal());
        Touched { over: about.filter(over).cloned().collect(), ..Touched::default() }
    }

    pub(super) fn judge(&mut self, decision: &Decision, touched: &Touched) -> Result<(), Fault> {
        for event in &decision.events {
            let Some(attempt) = &event.about.attempt else { continue };
            let known = self.attempts.get(attempt);
            let known =
                known.ok_or_else(|| format!("{:?} about {attempt}, which is not there", event.kind))?;
            let of_run = event.about.run.as_ref() == Some(&known.attempt.run);
            ensure(of_run, || format!("{:?} about {attempt} is not about its run", event.kind))?;
            let late = touched.over.contains(attempt);
            ensure(!late, || format!("{:?} about {attempt} after its end", event.kind))?;
        }
        for write in &decision.writes {
            self.judge_write(write, decision)?;
        }
        for effect in &decision.effects {
            self.judge_effect(effect, decision)?;
        }
        touched.runs.iter().try_for_each(|run| self.judge_run(run))?;
        touched.bindings.iter().try_for_each(|binding| self.judge_binding(binding))
    }

    /// Judges everything that is recorded, touched lately or not.
    pub fn judge_all(&self) -> Result<(), Fault> {
        self.runs.rows().iter().try_for_each(|row| self.judge_run(&row.run.id))?;
        self.bindings.rows().iter().try_for_each(|row| self.judge_binding(&row.binding.id))
    }

    /// A change that nobody is told about has not happened for those who look on, and a lease that is not given back
    /// is lost.
    fn judge_write(&self, write: &Write, decision: &Decision) -> Result<(), Fault> {
        match write {
            Write::MoveRun { id, from, to, change } => {
                let spent = change.error.as_ref().is_some_and(|error| error.code == "budget_exceeded");
                let over = |row: &RunRow| {
                    self.works_for(&row.run.id)
                        .is_some_and(|row| self.cost(&row.delegation.child_run) > row.delegation.budget_usd)
                };
                let really = !spent || self.above(id).any(over);
                self.judge_cascade(id, *to)?;
                ensure(really, || format!("{id} is ended for its cost, which is within every budget"))?;
                let word = format!("run.{to}");
                let says = |event: &omi_kernel::event::NewEvent| {
                    event.kind.as_str() == word && event.about.run.as_ref() == Some(id)
                };
                let told = decision.events.iter().any(says);
                // What stays as it is has been told: its adapter got its binding while a person is asked.
                let stays = from == to;
                ensure(told || stays || *to == Status::Starting, || {
                    format!("{id} is {to} and no event says so")
                })?;
                let gives_back = |effect: &Effect| matches!(effect, Effect::Release { run } | Effect::Dequeue { run } if run == id);
                let given_back = decision.effects.iter().any(gives_back) || *to == Status::Orphaned;
                let ended = to.is_terminal() && !from.is_terminal();
                ensure(given_back || !ended, || format!("{id} is over and keeps its place"))
            }
            Write::InsertDelegation(new) => {
                let above = self.above(&new.child_run).count() - 1;
                let deep = u32::try_from(above).is_ok_and(|above| above <= DEPTH_MAX);
                ensure(deep, || format!("{} is {above} deep", new.child_run))?;
                let fits = new.budget_usd > 0.0 && new.budget_usd <= BUDGET_USD_MAX;
                ensure(fits, || format!("{} may cost {}", new.id, new.budget_usd))?;
                let facts = self.facts(&omi_kernel::wants::Wants::Delegation {
                    parent: new.parent_run.clone(),
                    session: None,
                    client: "".into(),
                    request: "".into(),
                });
                let spent = facts.budgets.iter().find(|budget| budget.spent_usd >= budget.limit_usd);
                ensure(spent.is_none(), || format!("{} although {spent:?}", new.id))
            }
            Write::InsertSession(_)
            | Write::TouchSession(_)
            | Write::UpdateSession { .. }
            | Write::InsertRun(_)
            | Write::InsertAttempt(_)
            | Write::MoveAttempt { .. }
            | Write::RecordCancelDispatch { .. }
            | Write::RecordUsage { .. }
            | Write::RecordLease { .. }
            | Write::CountLate { .. }
            | Write::InsertBinding(_)
            | Write::ResumeBinding { .. }
            | Write::BackfillBinding { .. }
            | Write::ReleaseBindings { .. }
            | Write::MoveBinding { .. }
            | Write::InsertGrant(_)
            | Write::InsertComponentGrant(_)
            | Write::RevokeGrant(_)
            | Write::RecordGateDecision(_)
            | Write::PutComponent(_)
            | Write::RemoveComponent { .. }
            | Write::CompactMessage { .. }
            | Write::InsertArtifact(_)
            | Write::MoveArtifact { .. }
            | Write::MoveDelegation { .. }
            | Write::PruneEvents { .. }
            | Write::ForgetWorkers => Ok(()),
        }
    }

    /// What a run delegated stops with it (seed §12).
    fn judge_cascade(&self, run: &RunId, to: Status) -> Result<(), Fault> {
        if to != Status::Cancelling {
            return Ok(());
        }
        self.children(run).try_for_each(|child| {
            let status = self.runs.get(child).map(|row| row.run.status);
            let stops = status.is_some_and(|status| status.is_terminal() || status == Status::Cancelling);
            ensure(stops, || format!("{run} is to stop, and {child} below it is {status:?}"))?;
            self.judge_cascade(child, to)
        })
    }

    fn judge_effect(&mut self, effect: &Effect, decision: &Decision) -> Result<(), Fault> {
        match effect {
            Effect::Execute { worker, execute, .. } => {
                let row = self.has_worker(&execute.attempt, worker)?;
                let status = row.attempt.status;
                ensure(matches!(status, Status::Running | Status::WaitingApproval), || {
                    format!("{} is executed while {status}", execute.attempt)
                })?;
                let bound = row.attempt.binding.as_ref() == Some(&execute.binding);
                ensure(bound, || format!("{} is executed with {}", execute.attempt, execute.binding))?;
                let first = self.once.executed.insert(execute.attempt.clone());
                ensure(first, || format!("{} is executed twice", execute.attempt))
            }
            Effect::Bind { attempt, worker, .. } => {
                let status = self.has_worker(attempt, worker)?.attempt.status;
                ensure(status == Status::Starting, || format!("{attempt} is bound while {status}"))
            }
            Effect::DispatchCancel { attempt, worker, executing, .. } => {
                let status = self.has_worker(attempt, worker)?.attempt.status;
                ensure(status == Status::Cancelling, || format!("{attempt} is told to stop while {status}"))?;
                let executed = self.once.executed.contains(attempt);
                ensure(executed == *executing, || format!("{attempt}: executing is not {executing}"))?;
                let first = self.once.dispatched.insert(attempt.clone());
                ensure(first, || format!("{attempt} is told to stop twice"))
            }
            Effect::Answer { attempt, worker, run, .. }
            | Effect::ProvideInput { attempt, worker, run, .. } => {
                let row = self.has_worker(attempt, worker)?;
                ensure(row.attempt.run == *run, || format!("{attempt} is answered as of {run}"))
            }
            Effect::Perform { run, worker, op, grant } => {
                self.judge_perform(run.as_ref(), worker, *op, grant.as_deref(), decision)
            }
            Effect::Refuse { worker, op, why } => self.judge_refuse(worker, *op, why, decision),
            Effect::Revoke { grant } => {
                let is_live = self.grant(grant).is_some_and(|grant| grant.revoked_at.is_none());
                ensure(!is_live, || format!("{grant} is taken back and not recorded so"))
            }
            Effect::UseComponent { path, digest } => {
                let installed = self.components.get(path).map(|row| &row.component.digest);
                ensure(installed == digest.as_ref(), || {
                    format!("{path} is used as {digest:?}, not recorded so")
                })
            }
            Effect::CloseBinding { binding, .. } => {
                let active = self.bindings.get(binding).map(|row| row.binding.status);
                // One that has missed something is told again, in the same decision.
                let is_told_again = decision.effects.iter().any(|effect| {
                    matches!(effect, Effect::Bind { binding: bound, resume: Some(_), .. } if bound == binding)
                });
                ensure(is_told_again || active.is_some_and(|status| status != BindingStatus::Active), || {
                    format!("{binding} is let go while {active:?}")
                })
            }
            Effect::Schedule { run, session, adapter } => {
                let row = self.runs.get(run).ok_or_else(|| format!("{run} is scheduled and not there"))?;
                let fits = row.run.session == *session && row.run.adapter == *adapter;
                ensure(fits && row.run.status == Status::Queued, || format!("{:?} is scheduled", row.run))
            }
            Effect::BeginAgain { run, .. } | Effect::BeginElsewhere { run } => {
                let status = self.runs.get(run).map(|row| row.run.status);
                let begins = matches!(status, Some(Status::Starting)) && self.executing(run).is_none();
                ensure(begins, || format!("{run} is to begin again while {status:?}"))
            }
            Effect::Authenticate { .. }
            | Effect::Park { .. }
            | Effect::Unpark { .. }
            | Effect::Dequeue { .. }
            | Effect::StopWorker { .. }
            | Effect::Reap { .. }
            | Effect::KillWorker { .. }
            | Effect::Release { .. } => Ok(()),
        }
    }

    /// An effect names the worker that its attempt has.
    fn has_worker(&self, attempt: &AttemptId, worker: &WorkerId) -> Result<&AttemptRow, Fault> {
        let row = self.attempts.get(attempt).ok_or_else(|| format!("an effect on {attempt}, not there"))?;
        let has = row.attempt.worker.as_ref();
        ensure(has == Some(worker), || format!("an effect names {worker}, but {attempt} has {has:?}"))?;
        Ok(row)
    }

    fn judge_run(&self, id: &RunId) -> Result<(), Fault> {
        let row = self.runs.get(id).ok_or_else(|| format!("there is no {id}"))?;
        let is = row.run.status;
        let live: Vec<&AttemptRow> =
            self.attempts_of(id).filter(|row| !row.attempt.status.is_terminal()).collect();
        ensure(live.len() <= 1, || format!("{id} has {} live attempts", live.len()))?;
        match live.first().map(|row| row.attempt.status) {
            Some(has) => ensure(is == has, || format!("{id} is {is} and its attempt {has}"))?,
            None => {
                let may = is.is_terminal() || matches!(is, Status::Queued | Status::Starting);
                ensure(may, || format!("{id} is {is} without an attempt"))?;
            }
        }
        let sum = self.attempts_of(id).map(|row| row.usage).fold(Usage::default(), Usage::plus);
        ensure(row.usage == sum, || format!("{id} used {:?}, its attempts {sum:?}", row.usage))?;
        let noted = row.run.retry.is_none() || row.run.status == Status::Queued || is.is_terminal();
        ensure(noted, || format!("{id} is {is} and still to be tried again"))?;
        self.attempts_of(id).try_for_each(|row| self.judge_questions(row))?;
        self.judge_session_of(row)?;
        self.judge_delegation(row)
    }

    /// Open is only what lives and waits, or what nobody can answer any more because its daemon died.
    fn judge_questions(&self, row: &AttemptRow) -> Result<(), Fault> {
        let (id, status) = (&row.attempt.id, row.attempt.status);
        let open = self.open.get(id).map_or(0, std::collections::BTreeMap::len);
        let fits = match status {
            Status::WaitingApproval | Status::WaitingInput => open > 0,
            Status::Orphaned => true,
            Status::Queued
            | Status::Starting
            | Status::Running
            | Status::Cancelling
            | Status::Succeeded
            | Status::Failed
            | Status::Cancelled
            | Status::TimedOut => open == 0,
        };
        ensure(fits, || format!("{id} is {status} with {open} open requests"))
    }

    /// One prompt in flight in a session.
    fn judge_session_of(&self, row: &RunRow) -> Result<(), Fault> {
        let busy = !row.run.status.is_terminal() && row.run.status != Status::Queued;
        let two = busy && self.is_busy(&row.run.session, &row.run.id);
        ensure(!two, || format!("{} has two prompts in flight", row.run.session))
    }

    fn judge_delegation(&self, row: &RunRow) -> Result<(), Fault> {
        let Some(delegation) = self.works_for(&row.run.id) else { return Ok(()) };
        let (id, is, run) = (&delegation.delegation.id, delegation.delegation.status, row.run.status);
        // Its adapter has it, even if a person is still asked about what its worker needs.
        let begun = self.attempts_of(&row.run.id).any(|row| row.attempt.binding.is_some());
        let fits = match is {
            DelegationStatus::Pending => !run.is_terminal() && !begun,
            DelegationStatus::Running => !run.is_terminal() && begun,
            DelegationStatus::Succeeded | DelegationStatus::Failed | DelegationStatus::Cancelled => {
                delegation.result.is_some()
            }
        };
        ensure(fits, || format!("{id} is {} and its run {run}", is.as_str()))
    }

    fn judge_binding(&self, id: &BindingId) -> Result<(), Fault> {
        let row = self.bindings.get(id).ok_or_else(|| format!("there is no {id}"))?;
        let binding = &row.binding;
        let held = binding.worker.is_none() || binding.status == BindingStatus::Active;
        ensure(held, || format!("{id} is {} and held", binding.status.as_str()))?;
        for other in self.bindings.rows().iter().map(|row| &row.binding).filter(|other| other.id != *id) {
            let place = (&other.session, &other.adapter) == (&binding.session, &binding.adapter);
            let both = other.status == BindingStatus::Active && binding.status == BindingStatus::Active;
            ensure(!(place && both), || format!("{} has two active bindings", binding.session))?;
            let name = other.adapter == binding.adapter && other.native_id == binding.native_id;
            let both = other.status != BindingStatus::Closed && binding.status != BindingStatus::Closed;
            ensure(!(name && both), || format!("{:?} names two bindings", binding.native_id))?;
        }
        Ok(())
    }
}
