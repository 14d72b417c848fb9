//! A record made of plain maps: it reads facts and applies decisions as the store does, and judges each of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::decision::{Decision, Effect, Facts, NewAttempt, NewBinding, NewRun, NewSession, Write};
use crate::descriptor::Fidelity;
use crate::event::EventKind;
use crate::id::{AttemptId, BindingId, OwnerId, RunId, SessionId};
use crate::input::{SessionRef, Wants};
use crate::row::{Attempt, Binding, BindingStatus, OpenApproval, Run, Session};
use crate::status::Status;

/// What is wrong with a decision.
type Fault = String;

/// Everything that is recorded.
#[derive(Default)]
pub(super) struct World {
    sessions: BTreeMap<SessionId, (Session, SessionRef)>,
    /// In the order in which they were accepted.
    pub(super) runs: Vec<Run>,
    /// In the order in which they were made.
    pub(super) attempts: Vec<Attempt>,
    bindings: BTreeMap<BindingId, Binding>,
    open: BTreeSet<(AttemptId, u32)>,
    stop_requested: BTreeSet<RunId>,
    executed: BTreeSet<AttemptId>,
}

fn ensure(holds: bool, fault: impl FnOnce() -> Fault) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(fault()) }
}

impl World {
    /// What an input wants to know.
    pub(super) fn facts(&self, wants: &Wants) -> Facts {
        match wants {
            Wants::Request { owner, session, client, request } => {
                let run = self.runs.iter().find(|run| run.client == *client && run.request == *request);
                let session = match run {
                    Some(run) => self.session(&run.session),
                    None => self.resolve(owner, session),
                };
                Facts { session, run: run.cloned(), ..Facts::default() }
            }
            Wants::Run(id) => match self.runs.iter().find(|run| run.id == *id) {
                Some(run) => self.around(run, self.last_attempt(id)),
                None => Facts::default(),
            },
            Wants::Attempt { attempt, opened } => {
                let Some(attempt) = self.attempts.iter().find(|known| known.id == *attempt) else {
                    return Facts::default();
                };
                let run = self.runs.iter().find(|run| run.id == attempt.run).unwrap();
                let named = opened.as_ref().and_then(|(binding, _)| self.bindings.get(binding)).cloned();
                let native_conflict = opened.as_ref().and_then(|(_, native_id)| {
                    let has = |binding: &&Binding| {
                        binding.adapter == run.adapter
                            && binding.native_id.as_ref() == Some(native_id)
                            && binding.status != BindingStatus::Closed
                    };
                    self.bindings.values().find(has).cloned()
                });
                Facts { named, native_conflict, ..self.around(run, Some(attempt)) }
            }
            Wants::Unfinished => self.unfinished(),
        }
    }

    fn session(&self, id: &SessionId) -> Option<Session> {
        self.sessions.get(id).map(|(session, _)| session.clone())
    }

    fn resolve(&self, owner: &OwnerId, wanted: &SessionRef) -> Option<Session> {
        let mut own = self.sessions.values().filter(|(session, _)| session.owner == *owner);
        if wanted.id.is_some() {
            return own
                .find(|(session, _)| Some(&session.id) == wanted.id.as_ref())
                .map(|(session, _)| session.clone());
        }
        let named = |(_, names): &&(Session, SessionRef)| {
            (wanted.external.is_some() && names.external == wanted.external)
                || (wanted.legacy.is_some() && names.legacy == wanted.legacy)
        };
        own.find(named).map(|(session, _)| session.clone())
    }

    fn around(&self, run: &Run, attempt: Option<&Attempt>) -> Facts {
        let mine = |binding: &&Binding| binding.session == run.session && binding.adapter == run.adapter;
        let open = |attempt: &Attempt| {
            let of = self.open.iter().filter(|(asks, _)| *asks == attempt.id);
            of.map(|&(_, request)| OpenApproval { request }).collect()
        };
        let bindings = || self.bindings.values().filter(mine);
        Facts {
            session: self.session(&run.session),
            run: Some(run.clone()),
            attempt: attempt.cloned(),
            binding: bindings().find(|binding| binding.status == BindingStatus::Active).cloned(),
            generation: bindings().map(|binding| binding.generation).max().unwrap_or(0),
            open_approvals: attempt
                .filter(|attempt| !attempt.status.is_terminal())
                .map(open)
                .unwrap_or_default(),
            ..Facts::default()
        }
    }

    fn last_attempt(&self, run: &RunId) -> Option<&Attempt> {
        self.attempts.iter().rfind(|attempt| attempt.run == *run)
    }

    fn unfinished(&self) -> Facts {
        let live = |run: &Run| self.last_attempt(&run.id).filter(|last| !last.status.is_terminal()).cloned();
        let active = self.runs.iter().filter(|run| !run.status.is_terminal());
        let lost = |binding: &&Binding| {
            binding.status == BindingStatus::Active && binding.fidelity == Fidelity::None
        };
        Facts {
            unfinished: active.map(|run| (run.clone(), live(run))).collect(),
            lost_bindings: self.bindings.values().filter(lost).cloned().collect(),
            ..Facts::default()
        }
    }

    /// Whether another run of the session has a worker: the scheduler would not give a second one.
    pub(super) fn is_busy(&self, run: &Run) -> bool {
        let busy = |other: &Run| {
            other.id != run.id && other.session == run.session && other.status != Status::Queued
        };
        self.runs.iter().any(|other| busy(other) && !other.status.is_terminal())
    }

    /// The active bindings.
    pub(super) fn active_bindings(&self) -> Vec<BindingId> {
        let active = |binding: &&Binding| binding.status == BindingStatus::Active;
        self.bindings.values().filter(active).map(|binding| binding.id.clone()).collect()
    }

    /// The sessions with their owners.
    pub(super) fn sessions(&self) -> Vec<(SessionId, OwnerId)> {
        self.sessions.values().map(|(session, _)| (session.id.clone(), session.owner.clone())).collect()
    }

    /// A session takes no new runs.
    pub(super) fn close(&mut self, id: &SessionId) {
        self.sessions.get_mut(id).unwrap().0.open = false;
    }

    /// Applies a decision. The error is the first rule that it breaks.
    pub(super) fn apply(&mut self, decision: &Decision) -> Result<(), Fault> {
        let over = |attempt: &&Attempt| attempt.status.is_terminal();
        let over: BTreeSet<AttemptId> = self.attempts.iter().filter(over).map(|a| a.id.clone()).collect();
        for write in &decision.writes {
            self.write(write)?;
        }
        self.record(decision, &over)?;
        self.perform(decision)?;
        self.check()
    }

    fn write(&mut self, write: &Write) -> Result<(), Fault> {
        match write {
            Write::InsertSession(new) => self.insert_session(new),
            Write::TouchSession(id) => ensure(self.sessions.contains_key(id), || format!("no session {id}")),
            Write::InsertRun(new) => self.insert_run(new),
            Write::MoveRun { id, from, to, .. } => self.move_run(id, *from, *to),
            Write::InsertAttempt(new) => self.insert_attempt(new),
            Write::MoveAttempt { id, from, to, change } => {
                let attempt = self.attempt(id)?;
                ensure(attempt.status == *from, || format!("{id} is {}, not {from}", attempt.status))?;
                ensure(!from.is_terminal(), || format!("{id} left {from}"))?;
                attempt.status = *to;
                attempt.binding = change.binding.clone().or(attempt.binding.take());
                let bound = attempt.binding.clone();
                let known = bound.is_none_or(|binding| self.bindings.contains_key(&binding));
                ensure(known, || format!("the binding of {id} is not recorded"))
            }
            Write::RecordCancelDispatch { id, dispatched, acknowledged } => {
                let attempt = self.attempt(id)?;
                attempt.cancel_dispatched |= dispatched;
                attempt.cancel_acknowledged |= acknowledged;
                Ok(())
            }
            Write::InsertBinding(new) => self.insert_binding(new),
            Write::ResumeBinding { id, fidelity, native_id, .. } => {
                let binding = self.binding(id)?;
                ensure(binding.status == BindingStatus::Active, || format!("{id} is not active"))?;
                binding.fidelity = *fidelity;
                binding.native_id = Some(native_id.clone());
                Ok(())
            }
            Write::MoveBinding { id, from, to } => {
                let binding = self.binding(id)?;
                ensure(binding.status == *from, || format!("{id} is {:?}, not {from:?}", binding.status))?;
                binding.status = *to;
                Ok(())
            }
            Write::InsertLegacyGrant { run, .. } => {
                ensure(self.runs.iter().any(|known| known.id == *run), || format!("a grant for {run}"))
            }
            Write::CompactMessage { attempt, .. } => self.attempt(attempt).map(|_| ()),
            Write::ForgetWorkers => {
                self.attempts.iter_mut().for_each(|attempt| attempt.worker = None);
                Ok(())
            }
        }
    }

    fn attempt(&mut self, id: &AttemptId) -> Result<&mut Attempt, Fault> {
        self.attempts.iter_mut().find(|attempt| attempt.id == *id).ok_or_else(|| format!("no {id}"))
    }

    fn binding(&mut self, id: &BindingId) -> Result<&mut Binding, Fault> {
        self.bindings.get_mut(id).ok_or_else(|| format!("no {id}"))
    }

    fn insert_session(&mut self, new: &NewSession) -> Result<(), Fault> {
        let session = Session {
            id: new.id.clone(),
            owner: new.owner.clone(),
            default_adapter: new.default_adapter.clone(),
            default_cwd: new.default_cwd.clone(),
            open: true,
        };
        let taken = |(other, names): &(Session, SessionRef)| {
            other.owner == new.owner
                && ((new.external.is_some() && names.external == new.external)
                    || (new.legacy.is_some() && names.legacy == new.legacy))
        };
        ensure(!self.sessions.values().any(taken), || format!("{} has a name that is taken", new.id))?;
        let names = SessionRef { id: None, external: new.external.clone(), legacy: new.legacy.clone() };
        let before = self.sessions.insert(new.id.clone(), (session, names));
        ensure(before.is_none(), || format!("{} twice", new.id))
    }

    fn insert_run(&mut self, new: &NewRun) -> Result<(), Fault> {
        let same = |run: &Run| run.client == new.client && run.request == new.request;
        ensure(!self.runs.iter().any(same), || format!("request {} has two runs", new.request))?;
        ensure(self.sessions.contains_key(&new.session), || format!("{} has no session", new.id))?;
        self.runs.push(Run {
            id: new.id.clone(),
            session: new.session.clone(),
            client: new.client.clone(),
            request: new.request.clone(),
            status: Status::Queued,
            mode: new.mode,
            input: new.input.clone(),
            adapter: new.adapter.clone(),
            model: new.model.clone(),
            cwd: new.cwd.clone(),
            system_prompt_hash: new.system_prompt_hash.clone(),
        });
        Ok(())
    }

    fn move_run(&mut self, id: &RunId, from: Status, to: Status) -> Result<(), Fault> {
        let run = self.runs.iter_mut().find(|run| run.id == *id).ok_or_else(|| format!("no {id}"))?;
        ensure(run.status == from, || format!("{id} is {}, not {from}", run.status))?;
        ensure(!from.is_terminal(), || format!("{id} left {from}"))?;
        run.status = to;
        if to == Status::Cancelling {
            self.stop_requested.insert(id.clone());
        }
        let stopped = to != Status::Succeeded || !self.stop_requested.contains(id);
        ensure(stopped, || format!("{id} succeeded after it was to stop"))
    }

    fn insert_attempt(&mut self, new: &NewAttempt) -> Result<(), Fault> {
        let number = self.last_attempt(&new.run).map_or(1, |last| last.number + 1);
        ensure(new.number == number, || format!("{} is number {}, not {number}", new.id, new.number))?;
        self.attempts.push(Attempt {
            id: new.id.clone(),
            run: new.run.clone(),
            number: new.number,
            status: Status::Starting,
            adapter: new.adapter.clone(),
            worker: Some(new.worker.clone()),
            binding: None,
            cancel_dispatched: false,
            cancel_acknowledged: false,
        });
        Ok(())
    }

    fn insert_binding(&mut self, new: &NewBinding) -> Result<(), Fault> {
        let same = |other: &Binding| {
            (&other.session, &other.adapter, other.generation) == (&new.session, &new.adapter, new.generation)
        };
        ensure(!self.bindings.values().any(same), || format!("two of generation {}", new.generation))?;
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
        };
        let before = self.bindings.insert(new.id.clone(), binding);
        ensure(before.is_none(), || format!("{} twice", new.id))
    }

    /// `over`: the attempts that were over before this decision.
    fn record(&mut self, decision: &Decision, over: &BTreeSet<AttemptId>) -> Result<(), Fault> {
        for event in &decision.events {
            let Some(attempt) = event.about.attempt.clone() else { continue };
            ensure(!over.contains(&attempt), || format!("{:?} about {attempt} after its end", event.kind))?;
            let request =
                || event.payload["request"].as_u64().and_then(|request| u32::try_from(request).ok());
            if event.kind == EventKind::ApprovalRequested {
                let key = (attempt, request().ok_or("an approval without its number")?);
                ensure(self.open.insert(key.clone()), || format!("{key:?} is asked twice"))?;
            } else if event.kind == EventKind::ApprovalResolved {
                let key = (attempt, request().ok_or("an approval without its number")?);
                ensure(self.open.remove(&key), || format!("{key:?} is resolved but not open"))?;
            }
        }
        for write in &decision.writes {
            let Write::MoveRun { id, to, .. } = write else { continue };
            let word = format!("run.{to}");
            let told = decision.events.iter().any(|event| event.kind.as_str() == word);
            ensure(told || *to == Status::Starting, || format!("{id} is {to} and no event says so"))?;
        }
        Ok(())
    }

    fn perform(&mut self, decision: &Decision) -> Result<(), Fault> {
        for effect in &decision.effects {
            match effect {
                Effect::Execute { execute, .. } => {
                    let first = self.executed.insert(execute.attempt.clone());
                    ensure(first, || format!("{} is executed twice", execute.attempt))?;
                    let status = self.attempt(&execute.attempt)?.status;
                    ensure(status == Status::Running, || format!("executed while {status}"))?;
                }
                Effect::Bind { attempt, .. } => {
                    let status = self.attempt(attempt)?.status;
                    ensure(status == Status::Starting, || format!("bound while {status}"))?;
                }
                Effect::DispatchCancel { attempt, executing, .. } => {
                    let executed = self.executed.contains(attempt);
                    ensure(executed == *executing, || format!("{attempt}: executing is not {executing}"))?;
                }
                Effect::Answer { .. }
                | Effect::Schedule { .. }
                | Effect::BeginAgain { .. }
                | Effect::Dequeue { .. }
                | Effect::KillWorker { .. }
                | Effect::Release { .. } => {}
            }
        }
        Ok(())
    }

    /// What must be true always.
    fn check(&self) -> Result<(), Fault> {
        for run in &self.runs {
            let live = self.attempts.iter().filter(|a| a.run == run.id && !a.status.is_terminal());
            let live: Vec<&Attempt> = live.collect();
            ensure(live.len() <= 1, || format!("{} has {} live attempts", run.id, live.len()))?;
            if let Some(attempt) = live.first() {
                let (is, has) = (run.status, attempt.status);
                ensure(is == has, || format!("{} is {is} and its attempt {has}", run.id))?;
            }
        }
        let mut active = BTreeSet::new();
        let mut named = BTreeSet::new();
        for binding in self.bindings.values() {
            if binding.status == BindingStatus::Active {
                let alone = active.insert((&binding.session, &binding.adapter));
                ensure(alone, || format!("{} has two active bindings", binding.session))?;
            }
            if binding.status != BindingStatus::Closed {
                let alone = named.insert((&binding.adapter, &binding.native_id));
                ensure(alone, || format!("{:?} names two bindings", binding.native_id))?;
            }
        }
        for (attempt, request) in &self.open {
            let asks = self.attempts.iter().find(|known| known.id == *attempt);
            let status = asks.map(|attempt| attempt.status);
            let may_ask = matches!(status, Some(Status::WaitingApproval | Status::Orphaned));
            ensure(may_ask, || format!("{attempt} is {status:?} with request {request} open"))?;
        }
        Ok(())
    }
}
