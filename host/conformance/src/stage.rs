//! The played host: tells an adapter what happens, in virtual time, and does what it asks with a pretended runtime.

mod effects;
pub(crate) mod flow;
mod runtime;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use omi_engine::{Adapter, Engine, Trial, TrialError};
use serde_json::Value;

use crate::output;
use crate::peer::Peer;
use crate::recording::Call;
use crate::rule::{self, Rule};
use crate::stop::{Broken, Step, keeps};
use crate::told;
use crate::watch::Watch;
use crate::weather::Weather;
use runtime::Child;

/// Milliseconds that anything may take that does not depend on a person: longer than any time limit of an adapter.
const PATIENCE_MS: u32 = 15 * 60_000;
/// Rounds of telling and asking after one event: who still asks then asks for ever.
const ROUNDS_MAX: usize = 2_000;
/// Timers that come due while one thing is waited for: who sets more polls, and that is waited for no longer.
const TIMERS_MAX: usize = 10_000;
/// Timers that come due at the same moment: who sets more asks for ever.
const TIMERS_AT_ONCE_MAX: usize = 1_000;
/// A number that no blob of a worker has.
const FIRST_BLOB: u32 = 1_001;
/// What `wasi:random` is made of: the same each time.
const SEED: u32 = 1;

/// What is judged.
pub(crate) struct Subject {
    pub(crate) engine: Engine,
    pub(crate) adapter: Adapter,
    pub(crate) peer: Option<Peer>,
}

/// What the last calls took, for the rules about bounds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Took {
    pub(crate) fuel: u64,
    pub(crate) input_bytes: usize,
    pub(crate) memory_bytes: usize,
}

/// One worker on a played host.
pub(crate) struct Stage<'s> {
    pub(crate) subject: &'s Subject,
    pub(crate) weather: Weather,
    pub(crate) watch: Watch,
    /// Everything told and asked so far.
    pub(crate) calls: Vec<Call>,
    /// What each call took.
    pub(crate) took: Vec<Took>,
    /// What a call that does not return breaks.
    pub(crate) blamed: &'static Rule,
    pub(crate) now_ms: u32,
    trial: Trial,
    /// What happens next.
    queue: VecDeque<Value>,
    /// Processes that take what was written to them a moment after that.
    later: Vec<u32>,
    timers: BTreeMap<u32, u32>,
    children: BTreeMap<u32, Child>,
    /// Requests that are not over.
    transfers: BTreeSet<u32>,
    files: BTreeMap<String, Vec<u8>>,
    blobs: BTreeMap<u32, Vec<u8>>,
    /// Timers that were cleared before they were due.
    pub(crate) cleared: Vec<u32>,
    next_blob: u32,
    /// Steps of the runtime so far.
    steps: usize,
    /// Bytes were cut, or nonsense was said, as the weather wants it.
    pub(crate) weathered: bool,
    /// The last line that a pretended program was told and has no reply to.
    pub(crate) unheard: Option<String>,
}

impl<'s> Stage<'s> {
    /// A worker that was not told anything yet.
    pub(crate) fn new(subject: &'s Subject, weather: Weather) -> Step<Self> {
        let trial = subject.engine.trial(&subject.adapter, SEED);
        let trial = trial.map_err(|error| Broken::new(&rule::STARTS_WITHIN_LIMITS, error.to_string()))?;
        Ok(Self {
            subject,
            weather,
            watch: Watch::new(subject.adapter.descriptor().clone()),
            calls: Vec::new(),
            took: Vec::new(),
            blamed: &rule::CALL_RETURNS,
            now_ms: 0,
            trial,
            queue: VecDeque::new(),
            later: Vec::new(),
            timers: BTreeMap::new(),
            children: BTreeMap::new(),
            transfers: BTreeSet::new(),
            files: BTreeMap::new(),
            blobs: BTreeMap::new(),
            cleared: Vec::new(),
            next_blob: FIRST_BLOB,
            steps: 0,
            weathered: false,
            unheard: None,
        })
    }

    /// Asks it to describe itself, which may happen at any time.
    pub(crate) fn describe(&mut self) -> Step<Value> {
        Ok(self.trial.describe().map_err(|error| Broken::new(&rule::DESCRIBE_RETURNS, error.to_string()))?)
    }

    /// Tells this in one call, then everything that follows from it without time passing.
    pub(crate) fn tell(&mut self, inputs: Vec<Value>) -> Step {
        self.call(inputs)?;
        self.follow()
    }

    /// Everything that follows from what has happened, without time passing.
    pub(crate) fn follow(&mut self) -> Step {
        for _ in 0..ROUNDS_MAX {
            if self.queue.is_empty() && !self.weather.stdin_stuck {
                for op in std::mem::take(&mut self.later) {
                    self.child_takes(op);
                }
            }
            if self.queue.is_empty() || self.is_over() {
                return Ok(());
            }
            let most = self.weather.limits().inputs.min(self.queue.len());
            let inputs = self.queue.drain(..most).collect();
            self.call(inputs)?;
        }
        let what = format!("after {ROUNDS_MAX} rounds it still asks for more");
        Err(Broken::new(&rule::OUTPUTS_BOUNDED, what).into())
    }

    /// Lets time pass, timer by timer, until something is so; whether it came to be.
    pub(crate) fn until(&mut self, so: impl Fn(&Watch) -> bool) -> Step<bool> {
        let end = self.now_ms + PATIENCE_MS;
        let (mut fired, mut at_once) = (0, 0);
        while !so(&self.watch) && !self.is_over() && fired < TIMERS_MAX {
            let next = self.timers.iter().min_by_key(|(_, due)| **due).map(|(op, due)| (*op, *due));
            let Some((op, due)) = next.filter(|(_, due)| *due <= end) else { return Ok(false) };
            self.timers.remove(&op);
            fired += 1;
            at_once = if due > self.now_ms { 0 } else { at_once + 1 };
            keeps(at_once < TIMERS_AT_ONCE_MAX, &rule::OUTPUTS_BOUNDED, || {
                format!("{TIMERS_AT_ONCE_MAX} timers are due one after the other, and no time passes")
            })?;
            self.now_ms = self.now_ms.max(due);
            self.tell(vec![told::timer(op)])?;
        }
        Ok(so(&self.watch))
    }

    /// The adapter has given up: its worker is ended and nothing more is told.
    pub(crate) fn is_over(&self) -> bool {
        self.watch.fault.is_some()
    }

    /// Whether it has started a program.
    pub(crate) fn has_process(&self) -> bool {
        !self.children.is_empty()
    }

    /// Steps that the runtime has taken.
    pub(crate) fn steps(&self) -> usize {
        self.steps
    }

    /// Whether the runtime was lost as the weather wants it.
    pub(crate) fn is_gone(&self) -> bool {
        self.weather.gone_at.is_some_and(|at| self.steps > at)
    }

    fn call(&mut self, mut inputs: Vec<Value>) -> Step {
        if self.weather.extra {
            inputs = inputs.into_iter().map(told::with_extra).collect();
        }
        self.watch.told_all(&inputs);
        let inputs = Value::Array(inputs);
        let input_bytes = inputs.to_string().len();
        let called = self.trial.call(self.now_ms, &inputs);
        self.calls.push(Call { now_ms: self.now_ms, inputs, outputs: Value::Null });
        let called = called.map_err(|error| self.blame(&error))?;
        let (fuel, memory_bytes) = (called.fuel, called.memory_bytes);
        self.took.push(Took { fuel, input_bytes, memory_bytes });
        let outputs = output::read(&called.outputs);
        if let Some(call) = self.calls.last_mut() {
            call.outputs = called.outputs.clone();
        }
        for (output, raw) in outputs.iter().zip(called.outputs.as_array().into_iter().flatten()) {
            self.watch.asks(output, raw)?;
            self.perform(output)?;
        }
        Ok(())
    }

    fn blame(&self, error: &TrialError) -> Broken {
        let rule = match error {
            TrialError::Waited(_) => &rule::WAITS_NEVER,
            TrialError::TooMany { .. } => &rule::OUTPUTS_BOUNDED,
            TrialError::NoInputs(_)
            | TrialError::Deadline(_)
            | TrialError::Limit(_)
            | TrialError::Trapped(_)
            | TrialError::Host(_) => self.blamed,
        };
        Broken::new(rule, error.to_string())
    }
}
