//! Applies the writes of a decision, each from the state it names.

use omi_kernel::decision::Decision;
use omi_kernel::id::{AttemptId, BindingId, RunId, Timestamp, WorkerId};
use omi_kernel::row::{BindingStatus, RequestKind};
use omi_kernel::session::SessionChange;
use omi_kernel::status::Status;
use omi_kernel::usage::Usage;
use omi_kernel::write::{AttemptChange, ModelChange, RunChange, Write};

use super::{Record, Taken, Touched};
use crate::row::SessionRow;
use crate::{Fault, ensure};

impl Record {
    /// Applies a decision. The error is the first rule that it breaks.
    pub fn apply(&mut self, decision: &Decision, now: Timestamp) -> Result<Taken, Fault> {
        let mut touched = self.before(decision);
        for write in &decision.writes {
            self.write(write, now, &mut touched)?;
        }
        let events = decision.events.iter().map(|event| self.record(event, now));
        let events = events.collect::<Result<Vec<_>, Fault>>()?;
        self.judge(decision, &touched)?;
        Ok(Taken { reply: decision.reply.clone(), events, effects: decision.effects.clone() })
    }

    fn write(&mut self, write: &Write, now: Timestamp, touched: &mut Touched) -> Result<(), Fault> {
        match write {
            Write::InsertSession(new) => self.insert_session(new, now),
            Write::TouchSession(id) => {
                let row = self.sessions.change(id)?;
                (row.updated_at, row.used_at) = (now, now);
                Ok(())
            }
            Write::UpdateSession { id, from, change } => {
                let row = self.sessions.change(id)?;
                ensure(row.session.status == *from, || {
                    format!("{id} is {}, not {from}", row.session.status)
                })?;
                update_session(row, change, now)
            }
            Write::InsertRun(new) => {
                touched.runs.insert(new.id.clone());
                self.insert_run(new, now)
            }
            Write::MoveRun { id, from, to, change } => {
                touched.runs.insert(id.clone());
                self.move_run(id, *from, *to, change, now)
            }
            Write::InsertAttempt(new) => {
                touched.runs.insert(new.run.clone());
                self.insert_attempt(new, now)
            }
            Write::MoveAttempt { id, from, to, change } => {
                let run = self.move_attempt(id, *from, *to, change, now)?;
                touched.runs.insert(run);
                Ok(())
            }
            Write::RecordCancelDispatch { id, dispatched, acknowledged } => {
                let row = self.attempts.change(id)?;
                row.attempt.cancel_dispatched |= dispatched;
                row.attempt.cancel_acknowledged |= acknowledged;
                row.cancel_dispatched_at = row.cancel_dispatched_at.or(dispatched.then_some(now));
                row.cancel_acknowledged_at = row.cancel_acknowledged_at.or(acknowledged.then_some(now));
                row.updated_at = now;
                Ok(())
            }
            Write::RecordUsage { id, usage } => {
                let run = self.use_of(id, *usage)?;
                touched.runs.insert(run);
                Ok(())
            }
            Write::RecordLease { id, lease } => {
                let row = self.attempts.change(id)?;
                row.lease = Some(lease.clone());
                Ok(())
            }
            Write::CountLate { id, count } => {
                // While a person is asked to log in, its runtime is done with it.
                let open = self.open_of(id);
                let log_in = open.iter().any(|(_, kind)| *kind == RequestKind::Authentication);
                let row = self.attempts.change(id)?;
                let is = row.attempt.status;
                let done = is.is_terminal() || log_in;
                ensure(done, || format!("late for {id}, which is {is}"))?;
                row.late += count;
                Ok(())
            }
            Write::InsertBinding(new) => {
                touched.bindings.insert(new.id.clone());
                self.insert_binding(new, now)
            }
            Write::ResumeBinding { id, fidelity, worker, native_id } => {
                touched.bindings.insert(id.clone());
                let row = self.bindings.change(id)?;
                let binding = &mut row.binding;
                ensure(binding.status == BindingStatus::Active, || {
                    format!("{id} is resumed but not active")
                })?;
                binding.fidelity = *fidelity;
                binding.worker.clone_from(worker);
                binding.native_id = Some(native_id.clone());
                (row.updated_at, row.used_at) = (now, now);
                Ok(())
            }
            Write::BackfillBinding { id, system_prompt_hash, mcp_hash } => {
                let row = self.bindings.change(id)?;
                let binding = &mut row.binding;
                binding.system_prompt_hash = binding.system_prompt_hash.take().or(system_prompt_hash.clone());
                binding.mcp_hash = binding.mcp_hash.take().or(mcp_hash.clone());
                row.updated_at = now;
                Ok(())
            }
            Write::ReleaseBindings { worker } => {
                self.release_bindings(worker, now);
                Ok(())
            }
            Write::MoveBinding { id, from, to } => {
                touched.bindings.insert(id.clone());
                self.move_binding(id, *from, *to, now)
            }
            Write::InsertGrant(grant) => self.insert_grant(grant, now),
            Write::InsertComponentGrant(grant) => self.insert_component_grant(grant, now),
            Write::RevokeGrant(id) => self.revoke(id, now),
            Write::RecordGateDecision(decision) => {
                self.record_gate_decision(decision, now);
                Ok(())
            }
            Write::PutComponent(component) => {
                self.put_component(component, now);
                Ok(())
            }
            Write::RemoveComponent { path } => self.remove_component(path, now),
            Write::CompactMessage { attempt, message } => {
                self.attempts.change(attempt)?;
                self.compact(attempt, message);
                Ok(())
            }
            Write::InsertArtifact(new) => self.insert_artifact(new, now),
            Write::MoveArtifact { id, from, to } => {
                let row = self.artifacts.change(id)?;
                ensure(row.state == *from, || format!("{id} is {:?}, not {from:?}", row.state))?;
                (row.state, row.state_at) = (*to, Some(now));
                Ok(())
            }
            Write::InsertDelegation(new) => {
                touched.runs.extend([new.parent_run.clone(), new.child_run.clone()]);
                self.insert_delegation(new, now)
            }
            Write::MoveDelegation { id, from, to, result } => {
                let row = self.delegations.change(id)?;
                touched.runs.insert(row.delegation.child_run.clone());
                let is = row.delegation.status;
                ensure(is == *from, || format!("{id} is {}, not {}", is.as_str(), from.as_str()))?;
                ensure(row.is_live(), || format!("{id} left {}", is.as_str()))?;
                row.delegation.status = *to;
                ensure(result.is_none() || !row.is_live(), || format!("{id} has a result and goes on"))?;
                row.result = result.clone().or(row.result.take());
                row.completed_at = (!row.is_live()).then_some(now);
                Ok(())
            }
            Write::PruneEvents { ended_before, events_max } => {
                self.prune(*ended_before, *events_max);
                Ok(())
            }
            Write::ForgetWorkers => {
                self.attempts.rows_mut().iter_mut().for_each(|row| row.attempt.worker = None);
                self.bindings.rows_mut().iter_mut().for_each(|row| row.binding.worker = None);
                Ok(())
            }
        }
    }

    fn move_run(
        &mut self,
        id: &RunId,
        from: Status,
        to: Status,
        change: &RunChange,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let attempts = self.attempts_of.get(id).map_or(0, Vec::len);
        let row = self.runs.change(id)?;
        ensure(row.run.status == from, || format!("{id} is {}, not {from}", row.run.status))?;
        let retried = to == Status::Queued && from != Status::Succeeded;
        ensure(!from.is_terminal() || retried, || format!("{id} left {from} for {to}"))?;
        row.run.status = to;
        row.text = change.text.clone().or(row.text.take());
        row.error.clone_from(&change.error);
        row.stop_reason = change.stop_reason.clone().or(row.stop_reason.take());
        row.run.adapter = change.adapter.clone().unwrap_or_else(|| row.run.adapter.clone());
        match &change.model {
            Some(ModelChange::Ask(model)) => row.run.model = Some(model.clone()),
            Some(ModelChange::Unknown) => row.run.model = None,
            None => {}
        }
        row.run.retry = match (&change.retry, to) {
            (Some(note), _) => Some(note.clone()),
            (None, Status::Starting) => None,
            (None, _) => row.run.retry.take(),
        };
        row.started_at = row.started_at.or((to == Status::Running).then_some(now));
        row.completed_at = to.is_terminal().then_some(now);
        row.updated_at = now;
        if to.is_terminal() {
            self.live.remove(id);
        } else {
            self.live.insert(id.clone());
        }
        // A request to stop is about what was tried until then, and a retry begins anew.
        if to == Status::Cancelling {
            self.once.stop_requested.insert(id.clone());
        } else if to == Status::Queued {
            self.once.stop_requested.remove(id);
        }
        let stopped = to == Status::Succeeded && self.once.stop_requested.contains(id);
        ensure(!stopped, || format!("{id} succeeded at attempt {attempts} after it was to stop"))
    }

    /// Answers the run of the attempt.
    fn move_attempt(
        &mut self,
        id: &AttemptId,
        from: Status,
        to: Status,
        change: &AttemptChange,
        now: Timestamp,
    ) -> Result<RunId, Fault> {
        let row = self.attempts.change(id)?;
        ensure(row.attempt.status == from, || format!("{id} is {}, not {from}", row.attempt.status))?;
        ensure(!from.is_terminal(), || format!("{id} left {from}"))?;
        ensure(to != Status::Queued, || format!("{id} is queued"))?;
        row.attempt.status = to;
        row.attempt.binding = change.binding.clone().or(row.attempt.binding.take());
        row.attempt.retry_reason = change.retry_reason.clone().or(row.attempt.retry_reason.take());
        row.retryable = change.retry_reason.is_some();
        row.error.clone_from(&change.error);
        row.started_at = row.started_at.or((to == Status::Running).then_some(now));
        row.completed_at = to.is_terminal().then_some(now);
        row.cancel_requested_at = row.cancel_requested_at.or((to == Status::Cancelling).then_some(now));
        row.updated_at = now;
        let (run, binding) = (row.attempt.run.clone(), row.attempt.binding.clone());
        let known = binding.is_none_or(|binding| self.bindings.get(&binding).is_some());
        ensure(known, || format!("the binding of {id} is not recorded"))?;
        match change.usage {
            Some(usage) => self.use_of(id, usage),
            None => Ok(run),
        }
    }

    /// The use of an attempt, and of its run as the sum over its attempts. Answers the run.
    fn use_of(&mut self, id: &AttemptId, usage: Usage) -> Result<RunId, Fault> {
        let row = self.attempts.change(id)?;
        row.usage = usage.or(row.usage);
        let run = row.attempt.run.clone();
        let sum = self.attempts_of(&run).map(|row| row.usage).fold(Usage::default(), Usage::plus);
        self.runs.change(&run)?.usage = sum;
        Ok(run)
    }

    fn release_bindings(&mut self, worker: &WorkerId, now: Timestamp) {
        for row in self.bindings.rows_mut() {
            if row.binding.worker.as_ref() == Some(worker) {
                (row.binding.worker, row.updated_at) = (None, now);
            }
        }
    }

    fn move_binding(
        &mut self,
        id: &BindingId,
        from: BindingStatus,
        to: BindingStatus,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let row = self.bindings.change(id)?;
        let is = row.binding.status;
        ensure(is == from, || format!("{id} is {}, not {}", is.as_str(), from.as_str()))?;
        ensure(to != BindingStatus::Active, || format!("{id} is active again"))?;
        (row.binding.status, row.binding.worker) = (to, None);
        row.invalidated_at = row.invalidated_at.or(Some(now));
        row.updated_at = now;
        Ok(())
    }
}

fn update_session(row: &mut SessionRow, change: &SessionChange, now: Timestamp) -> Result<(), Fault> {
    let (id, is) = (&row.session.id, row.session.status);
    let to = change.status.unwrap_or(is);
    ensure(is.may_become(to), || format!("{id} left {is} for {to}"))?;
    row.session.status = to;
    row.session.title = change.title.clone().or(row.session.title.take());
    row.metadata = change.metadata.clone().unwrap_or_else(|| row.metadata.take());
    row.updated_at = now;
    Ok(())
}
