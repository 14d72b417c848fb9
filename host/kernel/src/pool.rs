//! Which worker a run gets: the one that holds its session's binding, an idle one, a new one, or none yet
//! (seed §4.2, SPEC §1.16).
//!
//! ```text
//!              ┌──────── lease ────────┐
//!  starting ──started──▶ idle ◀──release── leased      one lease covers binding and execution, so that nothing can be
//!     │                   │               │             evicted in between
//!     └───────────────────┴──── stop ─────┴──▶ stopping ──ended──▶ (gone)
//! ```
//!
//! A binding that does not survive its worker pins its session to it. Only idle workers are ever evicted, the one that
//! was used longest ago first; what they hold is recorded as stale before anything takes their place.
//!
//! A run keeps the worker in which its attempt began. A worker whose component was installed anew meanwhile, with other
//! bytes, gets no further run: it ends once it is idle, like one that is evicted, and a worker with the new bytes takes up
//! what can be taken up.

use std::collections::BTreeMap;

use crate::descriptor::Fidelity;
use crate::id::{AdapterId, BindingId, RunId, SessionId, Timestamp, WorkerId};
use crate::schedule::Waiting;

/// Where a worker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerStatus {
    /// Its component is being loaded for a run.
    Starting,
    /// It can take a run.
    Idle,
    /// A run has it.
    Leased,
    /// It is to end, or has ended while a run had it.
    Stopping,
}

/// What a worker holds open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// The session.
    pub session: SessionId,
    /// How it can be taken up again.
    pub fidelity: Fidelity,
}

/// What a worker runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runs {
    /// The component, as the record calls it.
    pub component: String,
    /// The SHA-256 of its bytes.
    pub digest: String,
}

/// A worker.
#[derive(Debug, Clone)]
pub struct PoolWorker {
    /// Its registration.
    pub adapter: AdapterId,
    /// Where it stands.
    pub status: WorkerStatus,
    /// The run that has it, or for which it is started.
    pub run: Option<RunId>,
    /// What it holds open.
    pub holds: BTreeMap<BindingId, Holding>,
    /// What it runs, once that is loaded.
    runs: Option<Runs>,
    bindings_max: usize,
    used_at: Timestamp,
}

impl PoolWorker {
    fn has_room(&self) -> bool {
        self.holds.len() < self.bindings_max
    }

    fn holding(&self, session: &SessionId) -> Option<(&BindingId, &Holding)> {
        self.holds.iter().find(|(_, holding)| holding.session == *session)
    }

    /// What a run of a session gets whose binding this worker holds. Two workers with the same native session open
    /// would write over each other, and a session that lives in its worker alone cannot leave it.
    fn lease(&self, id: &WorkerId, binding: &BindingId, holding: &Holding) -> Lease {
        match (self.status, holding.fidelity) {
            (WorkerStatus::Idle, _) => Lease::Use(id.clone()),
            (WorkerStatus::Leased, Fidelity::Native | Fidelity::Reconstructed) => {
                Lease::Move { worker: id.clone(), binding: binding.clone() }
            }
            (WorkerStatus::Leased, Fidelity::None) | (WorkerStatus::Starting | WorkerStatus::Stopping, _) => {
                Lease::Wait
            }
        }
    }
}

/// What a run gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lease {
    /// This worker.
    Use(WorkerId),
    /// A new worker.
    Start,
    /// Nothing before this worker, which is busy with another session, has let the run's own session go: then another
    /// worker can take it up.
    Move {
        /// The worker.
        worker: WorkerId,
        /// What it holds of the session.
        binding: BindingId,
    },
    /// Nothing before this idle worker has ended.
    Evict(WorkerId),
    /// Nothing before another run gives its worker back, or a worker that is to end has ended.
    Wait,
}

/// The workers of this daemon. A cache: at start-up there are none.
#[derive(Debug)]
pub struct Pool {
    workers_max: usize,
    of_adapter: BTreeMap<AdapterId, usize>,
    workers: BTreeMap<WorkerId, PoolWorker>,
    /// The bytes of each component that was installed or removed in this daemon's life; none if it was removed.
    installed: BTreeMap<String, Option<String>>,
}

impl Pool {
    /// No workers yet; at most so many that are not parked in all, and so many of each registration that has a limit.
    pub fn new(workers_max: usize, of_adapter: BTreeMap<AdapterId, usize>) -> Self {
        let (workers, installed) = (BTreeMap::new(), BTreeMap::new());
        Self { workers_max: workers_max.max(1), of_adapter, workers, installed }
    }

    /// The workers.
    pub fn workers(&self) -> &BTreeMap<WorkerId, PoolWorker> {
        &self.workers
    }

    /// A worker.
    pub fn get(&self, worker: &WorkerId) -> Option<&PoolWorker> {
        self.workers.get(worker)
    }

    /// The worker that a run has.
    pub fn of_run(&self, run: &RunId) -> Option<&WorkerId> {
        self.workers.iter().find(|(_, worker)| worker.run.as_ref() == Some(run)).map(|(id, _)| id)
    }

    /// What a run would get now. `parked` runs keep a worker beyond the limit of all.
    pub fn find(&self, waiting: &Waiting, parked: usize) -> Lease {
        let mine = || self.workers.iter().filter(|(_, worker)| worker.adapter == waiting.adapter);
        let idle = |worker: &PoolWorker| self.is_free(worker);
        let holds = |(id, worker): (_, &PoolWorker)| {
            let (binding, holding) = worker.holding(&waiting.session)?;
            let ends = worker.status == WorkerStatus::Idle && !idle(worker);
            Some(if ends { Lease::Wait } else { worker.lease(id, binding, holding) })
        };
        if let Some(lease) = mine().find_map(holds) {
            return lease;
        }
        if let Some((id, _)) = mine().find(|(_, worker)| idle(worker) && worker.has_room()) {
            return Lease::Use(id.clone());
        }
        let oldest = |workers: &mut dyn Iterator<Item = (&WorkerId, &PoolWorker)>| {
            let idle = workers.filter(|(_, worker)| idle(worker));
            idle.min_by_key(|(_, worker)| worker.used_at).map(|(id, _)| id.clone())
        };
        let full = self.of_adapter.get(&waiting.adapter).is_some_and(|max| mine().count() >= *max);
        if full {
            return oldest(&mut mine()).map_or(Lease::Wait, Lease::Evict);
        }
        if self.workers.len() >= self.workers_max + parked {
            return oldest(&mut self.workers.iter()).map_or(Lease::Wait, Lease::Evict);
        }
        Lease::Start
    }

    /// A worker is being started for a run.
    pub fn starting(&mut self, worker: WorkerId, waiting: &Waiting, now: Timestamp) {
        let new = PoolWorker {
            adapter: waiting.adapter.clone(),
            status: WorkerStatus::Starting,
            run: Some(waiting.run.clone()),
            holds: BTreeMap::new(),
            runs: None,
            bindings_max: 1,
            used_at: now,
        };
        self.workers.insert(worker, new);
    }

    /// A worker is there, what it runs, and how many bindings it can hold. Answers the run that it was started for; if
    /// that does not want it any more, the worker is idle.
    pub fn started(&mut self, worker: &WorkerId, runs: Runs, bindings_max: usize) -> Option<RunId> {
        let worker = self.workers.get_mut(worker)?;
        worker.runs = Some(runs);
        worker.bindings_max = bindings_max.max(1);
        if worker.status == WorkerStatus::Starting {
            worker.status = if worker.run.is_some() { WorkerStatus::Leased } else { WorkerStatus::Idle };
        }
        worker.run.clone()
    }

    /// A run has an idle worker from now on.
    pub fn lease(&mut self, worker: &WorkerId, run: &RunId) {
        if let Some(worker) = self.workers.get_mut(worker) {
            worker.status = WorkerStatus::Leased;
            worker.run = Some(run.clone());
        }
    }

    /// A run needs its worker no longer.
    pub fn release(&mut self, run: &RunId, now: Timestamp) {
        let mut of_run = self.workers.values_mut().filter(|worker| worker.run.as_ref() == Some(run));
        if let Some(worker) = of_run.next() {
            worker.run = None;
            worker.used_at = now;
            if worker.status == WorkerStatus::Leased {
                worker.status = WorkerStatus::Idle;
            }
        }
    }

    /// A worker takes no further run.
    pub fn stopping(&mut self, worker: &WorkerId) {
        if let Some(worker) = self.workers.get_mut(worker) {
            worker.status = WorkerStatus::Stopping;
        }
    }

    /// A worker has ended. What it held is gone or waits to be taken up by another.
    pub fn ended(&mut self, worker: &WorkerId) -> Option<PoolWorker> {
        self.workers.remove(worker)
    }

    /// A worker holds a binding from now on.
    pub fn hold(&mut self, worker: &WorkerId, binding: BindingId, holding: Holding) {
        if let Some(worker) = self.workers.get_mut(worker) {
            worker.holds.insert(binding, holding);
        }
    }

    /// A worker holds a binding no longer.
    pub fn let_go(&mut self, worker: &WorkerId, binding: &BindingId) {
        if let Some(worker) = self.workers.get_mut(worker) {
            worker.holds.remove(binding);
        }
    }

    /// A component is installed with these bytes from now on, or with none.
    pub fn installed(&mut self, component: String, digest: Option<String>) {
        self.installed.insert(component, digest);
    }

    /// A worker runs other bytes of its component than are installed now: no attempt begins in it.
    pub fn is_outdated(&self, worker: &WorkerId) -> bool {
        self.workers.get(worker).is_some_and(|worker| self.runs_others(worker))
    }

    /// The outdated workers that no run has: they are to end.
    pub fn outdated(&self) -> Vec<WorkerId> {
        let ends = |worker: &PoolWorker| worker.status == WorkerStatus::Idle && self.runs_others(worker);
        self.workers.iter().filter(|(_, worker)| ends(worker)).map(|(id, _)| id.clone()).collect()
    }

    fn runs_others(&self, worker: &PoolWorker) -> bool {
        let Some(runs) = &worker.runs else { return false };
        let installed = self.installed.get(&runs.component);
        installed.is_some_and(|digest| digest.as_ref() != Some(&runs.digest))
    }

    /// It can be given to a run.
    fn is_free(&self, worker: &PoolWorker) -> bool {
        worker.status == WorkerStatus::Idle && !self.runs_others(worker)
    }

    /// The workers that have been idle since before a time.
    pub fn idle_since(&self, before: Timestamp) -> Vec<WorkerId> {
        let idle = |worker: &PoolWorker| worker.status == WorkerStatus::Idle && worker.used_at <= before;
        self.workers.iter().filter(|(_, worker)| idle(worker)).map(|(id, _)| id.clone()).collect()
    }

    /// Since when the worker that was used longest ago has been idle.
    pub fn oldest_idle(&self) -> Option<Timestamp> {
        let idle = self.workers.values().filter(|worker| worker.status == WorkerStatus::Idle);
        idle.map(|worker| worker.used_at).min()
    }
}

#[cfg(test)]
mod tests;
