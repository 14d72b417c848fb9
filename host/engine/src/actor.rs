//! The thread of one worker: takes what waits, calls the adapter, and does what the adapter asks.

mod accesses;
mod command_line;
mod commands;
mod effects;
mod files;
mod folder;
mod http;
mod reports;
mod requests;
mod spawn;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use omi_kernel::report::WorkerEnd;

use crate::access::Accesses;
use crate::blobs::Blobs;
use crate::engine::Runtime;
use crate::file_jobs::FileJobs;
use crate::gate::Gate;
use crate::holdings::Holdings;
use crate::http::Transfer;
use crate::inbox::{Batch, Item, Taken};
use crate::input::{Input, Op, Start, Why};
use crate::instance::{Instance, Purpose};
use crate::limits;
use crate::load::Adapter;
use crate::recorder::Recorder;
use crate::timers::Timers;
use crate::trap::{TrapKind, Trapped};
use crate::v0_1;
use crate::worker::{Common, WorkerSpec};

/// Items of the inbox in one call: the rest of the inputs may be timers.
const ITEMS_PER_CALL: usize = (limits::INPUTS_PER_CALL - limits::TIMERS) as usize;
/// Time a stopping worker has beyond the steps of ending its processes, to say its last words.
const STOP_SLACK: Duration = Duration::from_millis(500);

/// A worker, as its thread sees it.
pub(crate) struct Actor {
    runtime: Runtime,
    adapter: Adapter,
    spec: WorkerSpec,
    common: Arc<Common>,
    gate: Gate,
    holdings: Holdings,
    blobs: Blobs,
    timers: Timers,
    accesses: Accesses,
    files: FileJobs,
    /// Requests that are open.
    transfers: BTreeMap<Op, Transfer>,
    /// Refusals by the gate that were recorded.
    refusals: u32,
    /// `now-ms` counts from here.
    started: Instant,
    /// It was asked to stop: nothing more is started.
    stopping: bool,
    /// When a worker that was told to stop ends in any case.
    stops_at: Option<Instant>,
    violations: u32,
    /// Bytes of artifacts that this call may still pass on.
    artifact_room: usize,
    recorder: Option<Recorder>,
}

/// The worker goes on, or it ends.
type Step = Result<(), WorkerEnd>;

impl Actor {
    pub(crate) fn new(runtime: Runtime, adapter: Adapter, spec: WorkerSpec, common: Arc<Common>) -> Self {
        let gate = Gate::new(adapter.descriptor(), adapter.digest(), Arc::clone(&spec.registration));
        let blobs = Blobs::new(runtime.limits.blob_bytes);
        let recorder = spec
            .calls
            .clone()
            .map(|calls| Recorder::new(calls, adapter.component().shapes(), &spec.registration));
        Self {
            runtime,
            adapter,
            spec,
            common,
            gate,
            holdings: Holdings::default(),
            blobs,
            timers: Timers::default(),
            accesses: Accesses::default(),
            files: FileJobs::default(),
            transfers: BTreeMap::new(),
            refusals: 0,
            started: Instant::now(),
            stopping: false,
            stops_at: None,
            violations: 0,
            artifact_room: 0,
            recorder,
        }
    }

    /// Runs until the worker ends, and says how.
    pub(crate) fn run(mut self) -> WorkerEnd {
        match self.live() {
            Ok(()) => WorkerEnd::Stopped,
            Err(end) => end,
        }
    }

    fn live(&mut self) -> Step {
        let mut instance = Instance::start(&self.runtime, self.adapter.component(), self.purpose())
            .map_err(|trapped| self.trapped(trapped))?;
        let start = Input::Start(Start {
            registration: self.spec.registration.name.clone(),
            config: config_text(&self.spec.registration.config),
            grants: self.gate.usable(),
            origins: self.gate.origins(),
            seed: self.spec.seed,
            limits: self.runtime.limits.clone(),
        });
        self.call(&mut instance, vec![start])?;
        loop {
            let batch = match self.common.inbox.take(self.next_look(), ITEMS_PER_CALL) {
                Taken::Batch(batch) => batch,
                Taken::Closed => return Ok(()),
                Taken::Overflow => {
                    let text = "more replies wait for the adapter than it may let wait; it asks faster than it reads";
                    return Err(WorkerEnd::Trapped(Trapped::new(TrapKind::Limit, text).into()));
                }
            };
            let Batch { items, permits } = batch;
            let inputs = self.inputs(items);
            if !inputs.is_empty() {
                self.call(&mut instance, inputs)?;
            }
            // The room that the inputs took is given back only now, so that what is in flight is bounded, too.
            drop(permits);
            if self.stopping && self.stops_at.is_none() {
                self.begin_stop();
            }
            if self.has_stopped() {
                return Ok(());
            }
        }
    }

    fn purpose(&self) -> Purpose {
        let common = Arc::clone(&self.common);
        let text = "a call neither returned nor could be interrupted; it was given up";
        let give_up = move || {
            common.end(WorkerEnd::Trapped(Trapped::new(TrapKind::Deadline, text).into()));
        };
        Purpose {
            who: format!("{} {}", self.spec.registration.name, self.spec.id),
            seed: self.spec.seed,
            transfer_bytes: if self.recorder.is_some() {
                limits::RECORDED_TRANSFER_BYTES
            } else {
                limits::TRANSFER_BYTES
            },
            killed: Arc::clone(&self.common.killed),
            give_up: Arc::new(give_up),
        }
    }

    /// What the adapter is told in this call: what waited, then timers that are due.
    fn inputs(&mut self, items: Vec<Item>) -> Vec<Input> {
        let mut inputs = Vec::new();
        for item in items {
            match item {
                Item::Command(command) => inputs.extend(self.command(command)),
                Item::Report(report) => self.common.report(report),
                Item::File(done) => inputs.push(self.file_done(done)),
                Item::Input(input) => {
                    self.closed_by(&input);
                    inputs.push(input);
                }
            }
        }
        inputs.extend(self.timers.take_due(self.now_ms()).into_iter().map(|op| Input::Timer { op }));
        inputs
    }

    fn call(&mut self, instance: &mut Instance, inputs: Vec<Input>) -> Step {
        let inputs: Vec<v0_1::Input> = inputs.into_iter().map(v0_1::write_input).collect();
        let now_ms = self.now_ms();
        let recorded = self.recorder.as_mut().map(|recorder| recorder.begins(&inputs));
        let handled = instance.handle(now_ms, &inputs);
        if let Some((recorder, recorded)) = self.recorder.as_ref().zip(recorded) {
            recorder.ended(now_ms, recorded, handled.as_deref().ok());
        }
        let outputs = handled.map_err(|trapped| self.trapped(trapped))?;
        self.artifact_room = self.runtime.limits.blob_bytes as usize;
        for output in outputs {
            let output = v0_1::read_output(output, &self.blobs);
            self.perform(output)?;
        }
        Ok(())
    }

    /// How a worker whose call failed ended. A call that was interrupted because the worker was killed is as asked.
    fn trapped(&self, trapped: Trapped) -> WorkerEnd {
        if self.common.killed.load(std::sync::atomic::Ordering::Relaxed) {
            WorkerEnd::Stopped
        } else {
            WorkerEnd::Trapped(trapped.into())
        }
    }

    fn now_ms(&self) -> u32 {
        u32::try_from(self.started.elapsed().as_millis()).unwrap_or(u32::MAX)
    }

    /// When to look even if nothing comes.
    fn next_look(&self) -> Option<Instant> {
        let timer = self.timers.next_ms().map(|at_ms| self.started + Duration::from_millis(at_ms.into()));
        match (timer, self.stops_at) {
            (Some(timer), Some(stop)) => Some(timer.min(stop)),
            (timer, stop) => timer.or(stop),
        }
    }

    /// Begins to stop, once the adapter has said its last words to its processes: they are ended while it goes on
    /// hearing of them.
    fn begin_stop(&mut self) {
        let grace = Duration::from_millis(self.runtime.limits.grace_ms.into());
        self.common.processes.end_all(grace);
        self.stops_at = Some(Instant::now() + 2 * grace + STOP_SLACK);
    }

    fn has_stopped(&self) -> bool {
        self.stops_at.is_some_and(|at| Instant::now() >= at || self.common.processes.count() == 0)
    }

    /// Counts something the adapter must not do. A few may be a race; many end the worker.
    fn violation(&mut self, what: &str) -> Step {
        self.violations += 1;
        tracing::warn!(worker = %self.spec.id, count = self.violations, "the adapter broke the contract: {what}");
        if self.violations > limits::VIOLATIONS {
            let text = format!("the adapter broke the contract {} times, last: {what}", self.violations);
            return Err(WorkerEnd::Trapped(Trapped::new(TrapKind::Contract, text).into()));
        }
        Ok(())
    }

    fn refuse(&self, op: Op, why: Why) {
        self.tell(Input::Refused { op, why });
    }

    fn tell(&self, input: Input) {
        self.common.inbox.tell(Item::Input(input));
    }
}

/// The configuration as the JSON object that the contract promises.
fn config_text(config: &serde_json::Value) -> String {
    if config.is_null() { "{}".to_owned() } else { config.to_string() }
}
