//! The same inputs, identifiers and times to the kernel with the real store and to the reference: every outcome and
//! every row must be the same.

use omi_kernel::decision::Reply;
use omi_kernel::id::{Ids, Timestamp};
use omi_kernel::input::Input;
use omi_model::coverage::Coverage;
use omi_model::script::{Dice, Seed};
use omi_model::sim::{Entry, Setting, Sim};
use omi_model::walk::Walk;
use omi_model::{Record, Taken};
use omi_store::{Outcome, Rejected, Store};
use tempfile::TempDir;

use crate::rows;
use crate::simulation::seed;

/// Simulated worlds that are played again, and wild walks.
const WORLDS: u64 = 24;
/// Steps of each.
const STEPS: usize = 300;
/// Inputs that the store gets at once, at most. The reference had them in other portions: that must not matter.
const BATCH_MAX: usize = 32;
/// Batches between two looks at all rows.
const LOOK_EVERY: u64 = 25;
/// The seed of every run of this test. The number itself means nothing.
const SEED: u64 = 0x5eed_0004;

/// Two records of the same.
struct Both {
    reference: Record,
    store: Option<Store>,
    folder: TempDir,
    seen: Coverage,
    waiting: Vec<(Input, Result<Taken, omi_kernel::refusal::Refusal>)>,
    now: Timestamp,
    reference_id: u128,
    store_id: u128,
    batches: u64,
}

fn ids(last: &mut u128) -> impl FnMut() -> u128 + '_ {
    || {
        *last += 1;
        *last
    }
}

impl Both {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let now = Timestamp(1_700_000_000_000);
        let store = Some(Store::open(&folder.path().join("model.sqlite3"), now).unwrap());
        Self {
            reference: Record::default(),
            store,
            folder,
            seen: Coverage::default(),
            waiting: Vec::new(),
            now,
            reference_id: 0,
            store_id: 0,
            batches: 0,
        }
    }

    /// The reference takes an input at once, the store with the others of the same time.
    fn take(&mut self, input: Input, now: Timestamp) -> Result<Taken, omi_kernel::refusal::Refusal> {
        if now != self.now || self.waiting.len() == BATCH_MAX {
            self.flush();
        }
        self.now = now;
        let mut source = ids(&mut self.reference_id);
        let taken = self.reference.take(&input, now, &mut Ids::new(&mut source));
        let taken = taken.unwrap_or_else(|fault| panic!("{fault}\nafter {input:#?}"));
        self.seen.note(&input, &taken, &self.reference);
        self.waiting.push((input, taken.clone()));
        taken
    }

    fn flush(&mut self) {
        let (inputs, expected): (Vec<Input>, Vec<_>) = self.waiting.drain(..).unzip();
        if inputs.is_empty() {
            return;
        }
        let mut source = ids(&mut self.store_id);
        let store = self.store.as_mut().unwrap();
        let outcomes = store.batch(&inputs, self.now, &mut Ids::new(&mut source)).unwrap();
        drop(source);
        assert_eq!(outcomes.len(), inputs.len());
        for ((input, outcome), expected) in inputs.iter().zip(outcomes).zip(expected) {
            let is = outcome_of(outcome);
            assert!(is == expected, "the store: {is:#?}\nthe reference: {expected:#?}\nafter {input:#?}");
        }
        self.batches += 1;
        if self.batches.is_multiple_of(LOOK_EVERY) {
            self.look();
        }
    }

    fn look(&self) {
        rows::assert_equal(&self.folder.path().join("model.sqlite3"), &self.reference);
    }

    /// What was committed is there when the file is opened again.
    fn restart(&mut self) {
        self.flush();
        self.store = None;
        self.store = Some(Store::open(&self.folder.path().join("model.sqlite3"), self.now).unwrap());
        self.look();
    }

    fn end(mut self) -> Coverage {
        self.restart();
        self.reference.judge_all().unwrap();
        self.seen
    }
}

fn outcome_of(outcome: Outcome) -> Result<Taken, omi_kernel::refusal::Refusal> {
    match outcome {
        Ok(done) => Ok(Taken { reply: done.reply, events: done.events, effects: done.effects }),
        Err(Rejected::Refused(refusal)) => Err(refusal),
        Err(conflict @ Rejected::Conflict(_)) => panic!("{conflict}"),
    }
}

/// A simulated world, played again.
fn world(setting: u64, script: &[u64]) -> Coverage {
    let mut sim = Sim::new(Setting::new(setting));
    sim.journal = Some(Vec::new());
    sim.play(script).unwrap();
    let mut both = Both::new();
    for entry in sim.journal.unwrap_or_default() {
        match entry {
            Entry::Restart => both.restart(),
            Entry::Batch { now, inputs, outcomes } => {
                for (input, outcome) in inputs.into_iter().zip(outcomes) {
                    assert!(both.take(input, now) == outcome, "the reference itself says two things");
                }
            }
        }
    }
    both.end()
}

/// A wild walk.
fn walk(script: &[u64]) -> Coverage {
    let mut both = Both::new();
    let mut walk = Walk::default();
    let mut now = both.now;
    for number in script {
        let mut dice = Dice::new(*number);
        if dice.once_in(6) {
            now = Timestamp(now.0 + dice.of(&[1, 250, 30_000, -1_000, -600_000]));
        }
        let input = walk.input(&both.reference, now, &mut dice);
        if let Ok(taken) = both.take(input, now) {
            walk.note(&taken);
        }
    }
    both.end()
}

fn play(seed: u64, worlds: u64) -> Coverage {
    let mut scripts = Seed::new(seed);
    let mut seen = Coverage::default();
    for number in 0..worlds {
        println!("seed {seed:#x}: world and walk {number} of {worlds}");
        seen.add(&world(number % Setting::COUNT, &scripts.script(STEPS)));
        seen.add(&walk(&scripts.script(STEPS)));
    }
    seen
}

#[test]
fn the_store_and_the_reference_say_the_same() {
    let seen = play(SEED, WORLDS);
    assert!(seen.missing().is_empty(), "{:#?}", seen.missing());
    assert!(seen.refusals.len() > 15, "only these refusals were given: {:#?}", seen.refusals);
    println!("{} inputs: {seen:#?}", seen.decided);
}

#[test]
fn the_store_and_the_reference_say_the_same_whatever_the_seed() {
    play(seed(), 2);
}

#[test]
fn every_kind_of_input_is_in_the_list_once() {
    let kinds = omi_model::coverage::INPUTS;
    let mut sorted = kinds.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), kinds.len());
    // What answers a question that nobody asked is no success.
    let late = Taken { reply: Reply::Late, events: vec![], effects: vec![] };
    let mut seen = Coverage::default();
    seen.note(&Input::Reconcile, &Ok(late), &Record::default());
    assert!(seen.inputs.is_empty());
}
