//! A simulated world around the kernel: a driver as the daemon's, with the kernel's own scheduler, pool and watch, the
//! reference as its store, workers that misbehave, clients, and a clock of its own. A script makes every choice.
//!
//! ```text
//!  script ─▶ client asks · worker works · report arrives · time passes · daemon dies
//!                 │                                               ▲
//!                 ▼                                               │
//!            inputs ─▶ Record::take (decides, applies, judges) ─▶ effects ─▶ workers, scheduler, timers
//! ```

mod access;
mod client;
mod clock;
mod driver;
mod effect;
mod fake;
mod gate;
mod person;
mod report;
mod rules;
mod settle;

use std::collections::{BTreeMap, VecDeque};

use omi_kernel::id::{Ids, SessionId, Timestamp, WorkerId};
use omi_kernel::input::Input;
use omi_kernel::refusal::Refusal;

use crate::Fault;
use crate::coverage::Coverage;
use crate::record::{Record, Taken};
use crate::script::Dice;
use driver::Driver;
use fake::Fake;

/// When the simulated world begins.
const START: Timestamp = Timestamp(1_700_000_000_000);
/// Inputs of one batch, at most: small, so that most effects happen between two inputs.
const BATCH_MAX: usize = 3;
/// Inputs that one step leads to, at most: a kernel and a driver that answer each other for ever are stuck.
const INPUTS_MAX: usize = 400;

/// What happened, so that it can happen again to another record.
#[derive(Debug, Clone)]
pub enum Entry {
    /// Inputs were decided together.
    Batch {
        /// What the clock said.
        now: Timestamp,
        /// The inputs.
        inputs: Vec<Input>,
        /// What each came to.
        outcomes: Vec<Result<Taken, Refusal>>,
    },
    /// The daemon died and began again.
    Restart,
}

/// How the simulated daemon is configured.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Runs that execute at the same time.
    pub permits_max: usize,
    /// Runs that wait for a person without a permit.
    pub parked_max: usize,
    /// At the end nobody answers any more, and the time to answer must come to an end by itself.
    pub patient: bool,
}

impl Setting {
    /// How many settings there are.
    pub const COUNT: u64 = 24;

    /// The setting that a number stands for: one permit is the narrowest world, and four are enough for everything to
    /// get into everything else's way.
    pub fn new(number: u64) -> Self {
        let mut dice = Dice::new(number);
        Self { permits_max: 1 + dice.below(4), parked_max: 1 + dice.below(3), patient: dice.once_in(2) }
    }
}

/// A simulated world.
#[derive(Debug)]
pub struct Sim {
    /// What is recorded.
    pub record: Record,
    /// What was seen.
    pub coverage: Coverage,
    /// What happened, if it is kept.
    pub journal: Option<Vec<Entry>>,
    setting: Setting,
    driver: Driver,
    fakes: BTreeMap<WorkerId, Fake>,
    items: VecDeque<Input>,
    /// What the wall says: it may jump.
    now: Timestamp,
    /// What never goes back.
    clock: Timestamp,
    last_id: u128,
    last_other_id: u128,
    last_native: u64,
    /// The bytes of each component that somebody installed or removed; none if they removed it. The others came with
    /// the daemon.
    installed: BTreeMap<String, Option<String>>,
    /// A rule that was broken where nobody could say so.
    fault: Option<Fault>,
}

/// What one step is about.
#[derive(Debug, Clone, Copy)]
enum Act {
    Report,
    Work,
    Ask,
    Tick,
    Settle,
    Die,
}

impl Sim {
    /// A world in which nothing has happened.
    pub fn new(setting: Setting) -> Self {
        Self {
            record: Record::default(),
            coverage: Coverage::default(),
            journal: None,
            setting,
            driver: Driver::new(setting),
            fakes: BTreeMap::new(),
            items: VecDeque::new(),
            now: START,
            clock: Timestamp(0),
            last_id: 0,
            last_other_id: 1 << 64,
            last_native: 0,
            installed: BTreeMap::new(),
            fault: None,
        }
    }

    /// Plays a script from the beginning, then has everybody behave. The error is the first rule that is broken.
    pub fn play(&mut self, script: &[u64]) -> Result<(), Fault> {
        for (step, number) in script.iter().enumerate() {
            self.step(*number).map_err(|fault| format!("step {step}: {fault}"))?;
        }
        self.settle().map_err(|fault| format!("at the end: {fault}"))
    }

    /// One step.
    pub fn step(&mut self, number: u64) -> Result<(), Fault> {
        let mut dice = Dice::new(number);
        let act = dice.weighed(&[
            (90, Act::Report),
            (70, Act::Work),
            (40, Act::Ask),
            (12, Act::Tick),
            (1, Act::Die),
            (1, Act::Settle),
        ]);
        match act {
            // Nobody has anything to say or to do: somebody asks for something.
            Act::Report if self.hear(&mut dice) => {}
            Act::Report | Act::Work if self.work(&mut dice) => {}
            Act::Report | Act::Work | Act::Ask => self.ask(&mut dice),
            Act::Tick => self.tick(&mut dice),
            Act::Settle => return self.settle(),
            Act::Die => return self.die(),
        }
        self.go_on()
    }

    /// Decides what waits until nothing does, then looks at what must be true always.
    fn go_on(&mut self) -> Result<(), Fault> {
        for _ in 0..INPUTS_MAX {
            self.schedule()?;
            if self.items.is_empty() {
                return self.check();
            }
            self.commit()?;
        }
        Err(format!("the driver goes on for ever, with {:?}", self.items.front()))
    }

    /// Decides a batch, and performs what follows once all of it is recorded.
    fn commit(&mut self) -> Result<(), Fault> {
        let count = self.items.len().min(BATCH_MAX);
        let inputs: Vec<Input> = self.items.drain(..count).collect();
        let mut outcomes = Vec::with_capacity(count);
        for input in &inputs {
            let last_id = &mut self.last_id;
            let mut source = || {
                *last_id += 1;
                *last_id
            };
            let taken = self.record.take(input, self.now, &mut Ids::new(&mut source));
            let taken = taken.map_err(|fault| format!("{fault}\nafter {input:#?}"))?;
            self.coverage.note(input, &taken, &self.record);
            outcomes.push(taken);
        }
        if let Some(journal) = &mut self.journal {
            journal.push(Entry::Batch { now: self.now, inputs: inputs.clone(), outcomes: outcomes.clone() });
        }
        for (input, outcome) in inputs.into_iter().zip(outcomes) {
            match outcome {
                Ok(taken) => taken.effects.into_iter().try_for_each(|effect| self.perform(effect))?,
                Err(refusal) => Self::refused(&input, &refusal)?,
            }
        }
        Ok(())
    }

    fn other_id(&mut self) -> u128 {
        self.last_other_id += 1;
        self.last_other_id
    }

    /// The sessions, the oldest first.
    fn sessions(&self) -> Vec<SessionId> {
        self.record.sessions.rows().iter().map(|row| row.session.id.clone()).collect()
    }

    /// The daemon dies: what was not recorded is forgotten, its workers end with it, and another one starts.
    fn die(&mut self) -> Result<(), Fault> {
        self.driver = Driver::new(self.setting);
        self.fakes.clear();
        self.items.clear();
        if let Some(journal) = &mut self.journal {
            journal.push(Entry::Restart);
        }
        self.items.push_back(Input::Reconcile);
        self.go_on()
    }
}
