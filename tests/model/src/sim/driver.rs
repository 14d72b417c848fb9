//! What the simulated daemon keeps in memory. It is a cache: when the daemon dies all of it is gone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use omi_kernel::command::{Command, StopReason};
use omi_kernel::effect::Effect;
use omi_kernel::id::{AdapterId, AttemptId, BindingId, Ids, RunId, SessionId, Timestamp, WorkerId};
use omi_kernel::input::{AccessAsked, Begin, Input};
use omi_kernel::pool::{Lease, Pool, Runs};
use omi_kernel::row::RequestKind;
use omi_kernel::schedule::{Scheduler, Waiting};
use omi_kernel::transcript::Transcript;
use omi_kernel::watch::Watch;

use super::fake::Fake;
use super::{Setting, Sim};
use crate::script::Dice;
use crate::{Fault, story};

/// An attempt that its adapter has.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) run: RunId,
    pub(super) worker: WorkerId,
    pub(super) transcript: Transcript,
    pub(super) cancelling: bool,
    /// What it asked and has not been told: its number and kind.
    pub(super) asks: BTreeSet<(u32, RequestKind)>,
}

/// A cancellation under way.
#[derive(Debug, Default)]
pub(super) struct Cancel {
    pub(super) acknowledge_by: Option<Timestamp>,
    pub(super) stop_by: Option<Timestamp>,
}

/// What the simulated daemon keeps in memory.
#[derive(Debug)]
pub(super) struct Driver {
    pub(super) scheduler: Scheduler,
    pub(super) pool: Pool,
    pub(super) watch: Watch,
    /// The attempts that adapters have.
    pub(super) live: BTreeMap<AttemptId, Live>,
    /// The binding that each worker is making, for which attempt and session.
    pub(super) making: BTreeMap<WorkerId, (AttemptId, BindingId, SessionId)>,
    pub(super) cancels: BTreeMap<AttemptId, Cancel>,
    /// What is to be told the adapter of a run once it has a permit.
    pub(super) withheld: BTreeMap<RunId, Vec<Effect>>,
    /// What workers want to open whose run has no attempt yet.
    pub(super) accesses: BTreeMap<WorkerId, Vec<AccessAsked>>,
    /// Runs that have a permit and need another worker.
    pub(super) elsewhere: VecDeque<Waiting>,
    /// The runs that left the queue and are not over.
    pub(super) held: BTreeSet<RunId>,
}

impl Driver {
    pub(super) fn new(setting: Setting) -> Self {
        let limits = story::limits(setting.parked_max);
        Self {
            scheduler: Scheduler::new(setting.permits_max, setting.parked_max),
            pool: Pool::new(setting.permits_max, limits.of_adapter),
            watch: Watch::default(),
            live: BTreeMap::new(),
            making: BTreeMap::new(),
            cancels: BTreeMap::new(),
            withheld: BTreeMap::new(),
            accesses: BTreeMap::new(),
            elsewhere: VecDeque::new(),
            held: BTreeSet::new(),
        }
    }
}

impl Sim {
    /// Gives permits and workers to those whose turn it is: who returns, who lost a worker, who is new.
    pub(super) fn schedule(&mut self) -> Result<(), Fault> {
        for worker in self.driver.pool.outdated() {
            self.coverage.met("ended because something else is installed");
            self.evict(&worker);
        }
        while let Some(run) = self.driver.scheduler.resume() {
            self.driver.watch.resume(&run, self.clock);
            self.tell_withheld(&run)?;
        }
        for _ in 0..self.driver.elsewhere.len() {
            let Some(waiting) = self.driver.elsewhere.pop_front() else { break };
            if !self.place(&waiting) {
                self.driver.elsewhere.push_back(waiting);
            }
        }
        loop {
            let mut evict = None;
            let Driver { scheduler, pool, .. } = &mut self.driver;
            let parked = scheduler.parked();
            let leased = scheduler.lease(|waiting| match pool.find(waiting, parked) {
                Lease::Use(_) | Lease::Start | Lease::Move { .. } => true,
                Lease::Evict(worker) => {
                    evict.get_or_insert(worker);
                    false
                }
                Lease::Wait => false,
            });
            if let Some(waiting) = leased {
                self.driver.held.insert(waiting.run.clone());
                if !self.place(&waiting) {
                    self.driver.elsewhere.push_back(waiting);
                }
                continue;
            }
            if let Some(worker) = evict {
                self.evict(&worker);
            }
            return Ok(());
        }
    }

    /// Finds a worker for a run that has a permit. Answers whether it has one now, or will.
    fn place(&mut self, waiting: &Waiting) -> bool {
        let parked = self.driver.scheduler.parked();
        match self.driver.pool.find(waiting, parked) {
            Lease::Use(worker) => {
                self.must_run_what_is_installed(&worker);
                self.driver.pool.lease(&worker, &waiting.run);
                self.begin(&waiting.run, &worker);
                true
            }
            Lease::Start => {
                let worker = WorkerId::new(&mut Ids::new(&mut || self.other_id()));
                self.driver.pool.starting(worker.clone(), waiting, self.clock);
                let fake = Fake::new(worker.clone(), waiting.adapter.clone(), self.loads(&waiting.adapter));
                self.fakes.insert(worker, fake);
                true
            }
            Lease::Move { worker, binding } => {
                self.driver.pool.let_go(&worker, &binding);
                self.tell(&worker, Command::CloseBinding { binding });
                self.place(waiting)
            }
            Lease::Evict(worker) => {
                self.evict(&worker);
                false
            }
            Lease::Wait => false,
        }
    }

    /// An idle worker is to end. What it holds is recorded as lost before anything takes its place.
    pub(super) fn evict(&mut self, worker: &WorkerId) {
        self.driver.pool.stopping(worker);
        self.items.push_back(Input::WorkerOver { worker: worker.clone(), stop: Some(StopReason::Idle) });
    }

    /// The bytes that a new worker of a registration runs: what is installed as it begins to load them.
    fn loads(&self, adapter: &AdapterId) -> Option<Runs> {
        let component = story::component_path(story::registration(adapter));
        let bundled = || Some(story::DIGEST.to_owned());
        let digest = self.installed.get(&component).map_or_else(bundled, Option::clone)?;
        Some(Runs { component, digest })
    }

    pub(super) fn begin(&mut self, run: &RunId, worker: &WorkerId) {
        let held = self.driver.pool.get(worker).map(|worker| worker.holds.keys().cloned().collect());
        let Some(fake) = self.fakes.get(worker) else { return };
        let registration = story::registration(&fake.adapter);
        let mut dice = Dice::new(u64::try_from(self.last_other_id % 1_000_003).unwrap_or_default());
        let digest = fake.digest();
        let begin =
            story::begin(run.clone(), worker.clone(), held.unwrap_or_default(), registration, &mut dice);
        self.items.push_back(Input::Begin(Begin { digest, ..begin }));
    }
}
