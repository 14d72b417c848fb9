//! The workers of this daemon: the kernel's [`pool`](omi_kernel::pool) says which run gets which, here are their handles.

mod offer;

use std::collections::BTreeMap;
use std::path::Path;

use omi_kernel::command::{Command, StopReason};
use omi_kernel::descriptor::Fidelity;
use omi_kernel::id::{AdapterId, AttemptId, BindingId, Ids, RunId, Timestamp, WorkerId};
use omi_kernel::input::{AccessAsked, Begin};
use omi_kernel::pool::{Holding, Lease, Pool as Places};
use omi_kernel::report::{Failure, FailureDetail, Lease as ProcessLease};
use omi_kernel::schedule::Waiting;

use super::random;
use super::slot::{Bind, Sent, Slot};
use super::start::{Started, Starter};
use crate::config::RegistrationConfig;
use crate::shim::Offer;

/// The workers of this daemon.
pub(super) struct Pool {
    starter: Starter,
    places: Places,
    slots: BTreeMap<WorkerId, Slot>,
    /// What native sessions are offered, where their registration says so.
    tools: Option<Offer>,
}

impl Pool {
    pub(super) fn new(starter: Starter, tools: Option<Offer>) -> Self {
        let config = &starter.config;
        let places = Places::new(config.workers_max, config.worker_limits().of_adapter);
        Self { starter, places, slots: BTreeMap::new(), tools }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub(super) fn find(&self, waiting: &Waiting, parked: usize) -> Lease {
        self.places.find(waiting, parked)
    }

    pub(super) fn lease(&mut self, worker: &WorkerId, run: &RunId) {
        self.places.lease(worker, run);
    }

    /// Starts a worker for a run.
    pub(super) fn start(&mut self, waiting: &Waiting, now: Timestamp) {
        let worker = WorkerId::new(&mut Ids::new(&mut random));
        self.places.starting(worker.clone(), waiting, now);
        self.slots.insert(worker.clone(), Slot::new(waiting.adapter.clone()));
        self.starter.start(waiting.adapter.clone(), worker);
    }

    /// A worker is there. Answers the run that still wants it.
    pub(super) fn started(&mut self, worker: &WorkerId, started: Started) -> Option<RunId> {
        let (runs, bindings_max) = (started.runs.clone(), started.bindings_max);
        self.slots.get_mut(worker)?.start(started);
        self.places.started(worker, runs, bindings_max)
    }

    /// A component is installed with these bytes from now on, or with none.
    pub(super) fn installed(&mut self, component: String, digest: Option<String>) {
        self.places.installed(component, digest);
    }

    /// A worker runs other bytes than are installed now: no attempt begins in it.
    pub(super) fn is_outdated(&self, worker: &WorkerId) -> bool {
        self.places.is_outdated(worker)
    }

    /// The outdated workers that no run has.
    pub(super) fn outdated(&self) -> Vec<WorkerId> {
        self.places.outdated()
    }

    /// A worker could not be started. Answers the run that still wants it.
    pub(super) fn not_started(&mut self, worker: &WorkerId) -> Option<RunId> {
        self.slots.remove(worker);
        self.places.ended(worker)?.run
    }

    /// What the kernel needs to know to begin a run with a worker.
    pub(super) fn begin(&mut self, run: RunId, worker: &WorkerId, default_cwd: &Path) -> Option<Begin> {
        let registration = self.registration(worker).cloned();
        let place = self.places.get(worker)?;
        let slot = self.slots.get_mut(worker)?;
        let started = slot.started.as_ref()?;
        slot.recorded.clone_from(&slot.lease);
        Some(Begin {
            run,
            worker: worker.clone(),
            held: place.holds.keys().cloned().collect(),
            resume: started.resume,
            recovery: registration.as_ref().and_then(|found| found.recovers).unwrap_or(started.recovery),
            default_cwd: default_cwd.display().to_string(),
            digest: started.runs.digest.clone(),
            protocol: started.protocol.clone(),
            mcp_hash: registration.as_ref().and_then(RegistrationConfig::mcp_hash),
            models: registration.as_ref().map(|found| found.models.clone()).unwrap_or_default(),
            mcp_servers: registration.map(|found| found.mcp_servers).unwrap_or_default(),
            lease: slot.lease.clone(),
        })
    }

    pub(super) fn ready(&mut self, worker: &WorkerId) {
        if let Some(slot) = self.slots.get_mut(worker) {
            slot.be_ready();
        }
    }

    /// A worker is to make a binding for an attempt.
    pub(super) fn binding(&mut self, worker: &WorkerId, bind: Bind) {
        if let Some(slot) = self.slots.get_mut(worker) {
            slot.attempt = Some(bind.attempt.clone());
            slot.bind = Some(bind);
        }
    }

    pub(super) fn executing(
        &mut self,
        worker: &WorkerId,
        attempt: AttemptId,
        binding: BindingId,
        run: &RunId,
    ) {
        if let Some(tools) = &self.tools {
            tools.handles.executes(&binding, run);
        }
        if let Some(slot) = self.slots.get_mut(worker) {
            (slot.attempt, slot.executes) = (Some(attempt), Some(binding));
        }
    }

    /// Sends a command, at once or when the worker is ready.
    pub(super) fn send(&mut self, worker: &WorkerId, command: Command) -> Result<Sent, FailureDetail> {
        let gone = || FailureDetail::new("worker_gone", "the worker had ended");
        self.slots.get_mut(worker).ok_or_else(gone)?.send(command)
    }

    /// Sends a command that a worker takes at any time. One that is gone waits for nothing.
    pub(super) fn tell(&mut self, worker: &WorkerId, command: Command) {
        if let Some(slot) = self.slots.get_mut(worker) {
            slot.tell_early(command);
        }
    }

    /// What a worker that is not there yet will be told first.
    #[cfg(test)]
    pub(super) fn early(&self, worker: &WorkerId) -> &[Command] {
        self.slots.get(worker).map(|slot| slot.early.as_slice()).unwrap_or_default()
    }

    /// Sends a command that workers take at any time to all of them.
    pub(super) fn tell_all(&mut self, command: &Command) {
        self.slots.values_mut().for_each(|slot| slot.tell_early(command.clone()));
    }

    pub(super) fn authenticate(&mut self, worker: &WorkerId, method: String) {
        if let Some(slot) = self.slots.get_mut(worker) {
            slot.authenticate(method);
        }
    }

    /// A worker wants a log-in.
    pub(super) fn log_out(&mut self, worker: &WorkerId, wanted: Failure) {
        if let Some(slot) = self.slots.get_mut(worker) {
            slot.logged_out = Some(wanted);
        }
    }

    /// The binding that cannot be made because the worker wants a log-in, and how that goes.
    pub(super) fn logged_out_bind(&mut self, worker: &WorkerId) -> Option<(Bind, Failure)> {
        let slot = self.slots.get_mut(worker)?;
        let wanted = slot.logged_out.clone()?;
        let bind = slot.bind.take()?;
        slot.take_unsent_bind();
        Some((bind, wanted))
    }

    /// The binding that a worker has not been told to make yet: nobody wants it any more.
    pub(super) fn take_unsent_bind(&mut self, worker: &WorkerId) -> Option<Bind> {
        self.slots.get_mut(worker)?.take_unsent_bind()
    }

    pub(super) fn is_logged_out(&self, worker: &WorkerId) -> bool {
        self.slots.get(worker).is_some_and(|slot| slot.logged_out.is_some())
    }

    /// A binding is open. Answers the attempt that needs it and the component's digest.
    pub(super) fn opened(
        &mut self,
        worker: &WorkerId,
        binding: &BindingId,
        fidelity: Fidelity,
    ) -> Option<(AttemptId, String)> {
        let slot = self.slots.get_mut(worker)?;
        let bind = slot.bind.take_if(|making| making.binding == *binding)?;
        let holding = Holding { session: bind.session, fidelity };
        self.places.hold(worker, binding.clone(), holding);
        Some((bind.attempt, slot.started.as_ref()?.runs.digest.clone()))
    }

    /// A binding is not open, or no more. Answers the attempt that needs it.
    pub(super) fn not_opened(&mut self, worker: &WorkerId, binding: &BindingId) -> Option<AttemptId> {
        self.let_go(worker, binding);
        let slot = self.slots.get_mut(worker)?;
        slot.bind.take_if(|making| making.binding == *binding).map(|bind| bind.attempt)
    }

    /// Has a worker let a binding go. One that is gone has.
    pub(super) fn close_binding(&mut self, worker: &WorkerId, binding: BindingId) {
        self.let_go(worker, &binding);
        let _ = self.send(worker, Command::CloseBinding { binding });
    }

    /// The native session of the attempt that a worker executes is gone.
    pub(super) fn close_executing(&mut self, worker: &WorkerId) {
        let executes = self.slots.get_mut(worker).and_then(|slot| slot.executes.take());
        if let Some(binding) = executes {
            self.close_binding(worker, binding);
        }
    }

    /// It has never been ready, so it has never held anything.
    pub(super) fn is_fresh(&self, worker: &WorkerId) -> bool {
        self.slots.get(worker).is_some_and(Slot::is_fresh)
    }

    /// It is gone, or takes no further run.
    pub(super) fn is_over(&self, worker: &WorkerId) -> bool {
        self.slots.get(worker).is_none_or(Slot::is_over)
    }

    pub(super) fn adapter(&self, worker: &WorkerId) -> Option<&AdapterId> {
        self.slots.get(worker).map(|slot| &slot.adapter)
    }

    pub(super) fn registration(&self, worker: &WorkerId) -> Option<&RegistrationConfig> {
        self.starter.config.registrations.get(self.adapter(worker)?.as_str())
    }

    pub(super) fn attempt(&self, worker: &WorkerId) -> Option<AttemptId> {
        self.slots.get(worker)?.attempt.clone()
    }

    /// A worker started a process.
    pub(super) fn process_started(&mut self, worker: &WorkerId, lease: ProcessLease) {
        if let Some(slot) = self.slots.get_mut(worker) {
            slot.lease = Some(lease);
        }
    }

    /// The lease that is to be recorded with a worker's attempt, once.
    pub(super) fn unrecorded_lease(&mut self, worker: &WorkerId) -> Option<(AttemptId, ProcessLease)> {
        let slot = self.slots.get_mut(worker)?;
        let attempt = slot.attempt.clone()?;
        let lease = slot.lease.clone().filter(|_| slot.lease != slot.recorded)?;
        slot.recorded = Some(lease.clone());
        Some((attempt, lease))
    }

    /// The worker that a run has.
    pub(super) fn of_run(&self, run: &RunId) -> Option<&WorkerId> {
        self.places.of_run(run)
    }

    /// A run has this worker, and no attempt in it yet.
    pub(super) fn is_about_to_begin(&self, worker: &WorkerId) -> bool {
        let leased = self.places.get(worker).is_some_and(|place| place.run.is_some());
        leased && self.slots.get(worker).is_some_and(|slot| slot.attempt.is_none() && !slot.is_over())
    }

    /// The run of a worker begins again: the attempt it had is over.
    pub(super) fn begins_again(&mut self, worker: &WorkerId) {
        if let Some(slot) = self.slots.get_mut(worker) {
            slot.attempt = None;
        }
    }

    /// What a worker wants to open before there is an attempt to ask for.
    pub(super) fn held_accesses(&mut self, worker: &WorkerId) -> Option<&mut Vec<AccessAsked>> {
        self.slots.get_mut(worker).map(|slot| &mut slot.accesses)
    }

    /// A run needs its worker no longer.
    pub(super) fn release(&mut self, run: &RunId, now: Timestamp) {
        let worker = self.places.of_run(run).cloned();
        if let Some(worker) = worker
            && let Some(slot) = self.slots.get_mut(&worker)
        {
            // One that was to be made is not held.
            if let (Some(bind), Some(tools)) = (&slot.bind, &self.tools) {
                tools.handles.end(&worker, &bind.binding);
            }
            slot.release();
        }
        self.places.release(run, now);
    }

    /// A worker is over. It keeps its place until that is recorded.
    pub(super) fn ended(&mut self, worker: &WorkerId, failure: FailureDetail, retry: bool) {
        self.places.stopping(worker);
        if let Some(tools) = &self.tools {
            tools.handles.end_worker(worker);
        }
        if let Some(slot) = self.slots.get_mut(worker) {
            slot.ended = Some((failure, retry));
            slot.accesses.clear();
        }
    }

    /// Whether a run has this worker.
    pub(super) fn has(&self, run: &RunId, worker: &WorkerId) -> bool {
        self.of_run(run) == Some(worker)
    }

    /// How a worker ended, if it has, and whether another one may do better.
    pub(super) fn end_of(&self, worker: &WorkerId) -> Option<&(FailureDetail, bool)> {
        self.slots.get(worker)?.ended.as_ref()
    }

    /// It has been started, or could not be: nobody waits to hear which.
    pub(super) fn is_started(&self, worker: &WorkerId) -> bool {
        self.slots.get(worker).is_some_and(|slot| slot.started.is_some())
    }

    /// The end of a worker is recorded: its place is free.
    pub(super) fn gone(&mut self, worker: &WorkerId) {
        self.places.ended(worker);
        self.slots.remove(worker);
    }

    /// A worker is about to be told to end: it takes no further run.
    pub(super) fn stopping(&mut self, worker: &WorkerId) {
        self.places.stopping(worker);
    }

    /// Has a worker end in good order; what it was doing is decided by its end.
    pub(super) fn stop(&mut self, worker: &WorkerId, reason: StopReason, now: Timestamp) {
        self.places.stopping(worker);
        if let Some(slot) = self.slots.get_mut(worker) {
            slot.stop(reason, now);
        }
    }

    pub(super) fn kill(&mut self, worker: &WorkerId) {
        self.places.stopping(worker);
        if let Some(slot) = self.slots.get_mut(worker) {
            slot.kill();
        }
    }

    /// Has a worker cancel an attempt that is over, and kills it a moment later.
    pub(super) fn cancel_and_kill(&mut self, worker: &WorkerId, attempt: AttemptId, now: Timestamp) {
        self.places.stopping(worker);
        if let Some(slot) = self.slots.get_mut(worker) {
            slot.cancel_and_kill(attempt, now);
        }
    }

    pub(super) fn stop_all(&mut self, now: Timestamp) {
        self.slots.values_mut().for_each(|slot| slot.stop(StopReason::Shutdown, now));
    }

    pub(super) fn kill_all(&mut self) {
        self.slots.values_mut().for_each(Slot::kill);
    }

    /// Kills the workers that did not end in time.
    pub(super) fn kill_overdue(&mut self, now: Timestamp) {
        let overdue = |slot: &&mut Slot| slot.stop_by().is_some_and(|by| by <= now);
        self.slots.values_mut().filter(overdue).for_each(Slot::kill);
    }

    /// When a worker that was told to end is killed next.
    pub(super) fn next_overdue(&self) -> Option<Timestamp> {
        self.slots.values().filter_map(Slot::stop_by).min()
    }

    pub(super) fn idle_since(&self, before: Timestamp) -> Vec<WorkerId> {
        self.places.idle_since(before)
    }

    pub(super) fn oldest_idle(&self) -> Option<Timestamp> {
        self.places.oldest_idle()
    }
}
