//! The workers of this daemon: which run has which, and which bindings each holds open.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use omi_engine::{Adapter, Engine, ReportSink, WorkerSpec};
use omi_kernel::command::{Command, StopReason};
use omi_kernel::id::{AdapterId, AttemptId, BindingId, Ids, RunId, SessionId, WorkerId};
use omi_kernel::input::Begin;
use omi_kernel::report::FailureDetail;
use omi_kernel::schedule::Waiting;
use tokio::sync::mpsc;

use super::{Message, Started, random};
use crate::bundled;
use crate::config::Config;

/// A worker, and what it is doing.
struct Slot {
    adapter: AdapterId,
    started: Option<Started>,
    ready: bool,
    /// The run that has it; none while it is idle.
    run: Option<RunId>,
    attempt: Option<AttemptId>,
    /// The binding that is being made.
    bind: Option<(AttemptId, BindingId, SessionId)>,
    held: BTreeMap<BindingId, SessionId>,
    /// Commands for when it is ready.
    waiting: Vec<Command>,
    ended: Option<FailureDetail>,
}

/// The workers of this daemon.
pub(super) struct Pool {
    engine: Engine,
    config: Arc<Config>,
    cwd: PathBuf,
    messages: mpsc::Sender<Message>,
    tokio: tokio::runtime::Handle,
    /// Components by what the registration names, so that each is compiled once.
    components: Arc<Mutex<BTreeMap<String, Adapter>>>,
    slots: BTreeMap<WorkerId, Slot>,
}

impl Pool {
    pub(super) fn new(
        engine: Engine,
        config: Arc<Config>,
        cwd: PathBuf,
        messages: mpsc::Sender<Message>,
        tokio: tokio::runtime::Handle,
    ) -> Self {
        Self { engine, config, cwd, messages, tokio, components: Arc::default(), slots: BTreeMap::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Finds a worker for a run: the one that holds its session's binding, else an idle one with room, else a new
    /// one, which is announced by [`Message::Started`].
    pub(super) fn lease(&mut self, waiting: &Waiting) -> Option<WorkerId> {
        let idle = |slot: &Slot| slot.is_idle() && slot.ready && slot.adapter == waiting.adapter;
        let holds = |slot: &Slot| slot.held.values().any(|session| *session == waiting.session);
        let found = self.slots.iter().find(|(_, slot)| idle(slot) && holds(slot));
        let found = found.or_else(|| self.slots.iter().find(|(_, slot)| idle(slot) && slot.has_room()));
        if let Some(worker) = found.map(|(worker, _)| worker.clone()) {
            if let Some(slot) = self.slots.get_mut(&worker) {
                slot.run = Some(waiting.run.clone());
            }
            return Some(worker);
        }
        self.make_room();
        self.start(waiting);
        None
    }

    /// Ends an idle worker where there would be too many.
    fn make_room(&mut self) {
        if self.slots.len() >= self.config.workers_max {
            let idle = self.slots.values_mut().find(|slot| slot.is_idle());
            if let Some(slot) = idle {
                slot.stop(StopReason::Idle);
            }
        }
    }

    fn start(&mut self, waiting: &Waiting) {
        let worker = WorkerId::new(&mut Ids::new(&mut random));
        self.slots.insert(worker.clone(), Slot::new(waiting));
        let start = Start {
            engine: self.engine.clone(),
            config: self.config.clone(),
            cwd: self.cwd.clone(),
            components: self.components.clone(),
            messages: self.messages.clone(),
            adapter: waiting.adapter.clone(),
            worker: worker.clone(),
        };
        let (run, messages) = (waiting.run.clone(), self.messages.clone());
        // Compiling a component takes seconds: it must not hold up the loop.
        self.tokio.spawn_blocking(move || {
            let started = start.start();
            // A driver that is gone needs no worker.
            let _ = messages.blocking_send(Message::Started { run, worker, started });
        });
    }

    pub(super) fn started(&mut self, worker: &WorkerId, started: Started) {
        if let Some(slot) = self.slots.get_mut(worker) {
            slot.started = Some(started);
            slot.flush();
        }
    }

    pub(super) fn forget(&mut self, worker: &WorkerId) {
        self.slots.remove(worker);
    }

    /// What the kernel needs to know to begin a run with a worker.
    pub(super) fn begin(&self, run: RunId, worker: &WorkerId, default_cwd: String) -> Option<Begin> {
        let slot = self.slots.get(worker)?;
        let started = slot.started.as_ref()?;
        Some(Begin {
            run,
            worker: worker.clone(),
            held: slot.held.keys().cloned().collect(),
            resume: started.resume,
            default_cwd,
            digest: started.digest.clone(),
        })
    }

    pub(super) fn ready(&mut self, worker: &WorkerId) {
        if let Some(slot) = self.slots.get_mut(worker) {
            slot.ready = true;
            slot.flush();
        }
    }

    pub(super) fn binding(
        &mut self,
        worker: &WorkerId,
        attempt: AttemptId,
        binding: BindingId,
        session: SessionId,
    ) {
        if let Some(slot) = self.slots.get_mut(worker) {
            slot.attempt = Some(attempt.clone());
            slot.bind = Some((attempt, binding, session));
        }
    }

    pub(super) fn executing(&mut self, worker: &WorkerId, attempt: AttemptId) {
        if let Some(slot) = self.slots.get_mut(worker) {
            slot.attempt = Some(attempt);
        }
    }

    /// Sends a command, at once or when the worker is ready.
    pub(super) fn send(&mut self, worker: &WorkerId, command: Command) -> Result<(), FailureDetail> {
        let gone = || FailureDetail::new("worker_gone", "the worker had ended");
        let slot = self.slots.get_mut(worker).ok_or_else(gone)?;
        if let Some(failure) = &slot.ended {
            return Err(failure.clone());
        }
        slot.waiting.push(command);
        slot.flush();
        Ok(())
    }

    /// The attempt and binding that a worker is making.
    pub(super) fn bound(&self, worker: &WorkerId) -> Option<(AttemptId, BindingId)> {
        let (attempt, binding, _) = self.slots.get(worker)?.bind.clone()?;
        Some((attempt, binding))
    }

    /// A binding is open. Answers the attempt that needs it and the component's digest.
    pub(super) fn opened(&mut self, worker: &WorkerId, binding: &BindingId) -> Option<(AttemptId, String)> {
        let slot = self.slots.get_mut(worker)?;
        let (attempt, _, session) = slot.bind.take_if(|(_, making, _)| making == binding)?;
        slot.held.insert(binding.clone(), session);
        Some((attempt, slot.started.as_ref()?.digest.clone()))
    }

    /// A binding is not open, or no more. Answers the attempt that needs it.
    pub(super) fn not_opened(&mut self, worker: &WorkerId, binding: &BindingId) -> Option<AttemptId> {
        let slot = self.slots.get_mut(worker)?;
        slot.held.remove(binding);
        slot.bind.take_if(|(_, making, _)| making == binding).map(|(attempt, _, _)| attempt)
    }

    /// It is not ready yet.
    pub(super) fn is_fresh(&self, worker: &WorkerId) -> bool {
        self.slots.get(worker).is_some_and(|slot| !slot.ready)
    }

    /// A worker that was started too late: it ends without a run.
    pub(super) fn dismiss(&mut self, worker: &WorkerId, started: Started) {
        if let Some(slot) = self.slots.get_mut(worker) {
            slot.run = None;
            slot.started = Some(started);
            slot.stop(StopReason::Shutdown);
        }
    }

    pub(super) fn adapter(&self, worker: &WorkerId) -> Option<AdapterId> {
        self.slots.get(worker).map(|slot| slot.adapter.clone())
    }

    pub(super) fn attempt(&self, worker: &WorkerId) -> Option<AttemptId> {
        self.slots.get(worker)?.attempt.clone()
    }

    /// A run needs its worker no longer. Answers the attempt the worker had.
    pub(super) fn release(&mut self, run: &RunId) -> Option<AttemptId> {
        let (worker, slot) = self.slots.iter_mut().find(|(_, slot)| slot.run.as_ref() == Some(run))?;
        let worker = worker.clone();
        slot.run = None;
        slot.bind = None;
        let attempt = slot.attempt.take();
        if slot.ended.is_some() {
            self.slots.remove(&worker);
        }
        attempt
    }

    /// A worker is over. Answers the attempt that is lost with it.
    pub(super) fn ended(&mut self, worker: &WorkerId, failure: FailureDetail) -> Option<AttemptId> {
        let slot = self.slots.get_mut(worker)?;
        let attempt = slot.attempt.clone();
        if slot.run.is_some() {
            // The run gives it back when its end is decided.
            slot.ended = Some(failure);
        } else {
            self.slots.remove(worker);
        }
        attempt
    }

    pub(super) fn kill(&mut self, worker: &WorkerId) {
        if let Some(started) = self.slots.get(worker).and_then(|slot| slot.started.as_ref()) {
            started.worker.kill();
        }
    }

    /// Has a worker end; what it was doing is decided by its end.
    pub(super) fn stop(&mut self, worker: &WorkerId) {
        if let Some(slot) = self.slots.get_mut(worker) {
            slot.stop(StopReason::Recycle);
        }
    }

    pub(super) fn stop_all(&mut self) {
        self.slots.values_mut().for_each(|slot| slot.stop(StopReason::Shutdown));
    }

    pub(super) fn kill_all(&mut self) {
        self.slots
            .values()
            .filter_map(|slot| slot.started.as_ref())
            .for_each(|started| started.worker.kill());
    }
}

impl Slot {
    fn new(waiting: &Waiting) -> Self {
        Self {
            adapter: waiting.adapter.clone(),
            started: None,
            ready: false,
            run: Some(waiting.run.clone()),
            attempt: None,
            bind: None,
            held: BTreeMap::new(),
            waiting: Vec::new(),
            ended: None,
        }
    }

    fn is_idle(&self) -> bool {
        self.run.is_none() && self.ended.is_none()
    }

    fn has_room(&self) -> bool {
        self.started.as_ref().is_some_and(|started| self.held.len() < started.bindings_max)
    }

    fn stop(&mut self, reason: StopReason) {
        // It takes no further run, whatever it still says.
        self.ready = false;
        if let Some(started) = &self.started {
            // One that is gone has stopped.
            let _ = started.worker.send(Command::Stop { reason });
        }
    }

    /// Sends what waits, if it can be taken. A worker that is gone says so itself.
    fn flush(&mut self) {
        let Some(started) = self.started.as_ref().filter(|_| self.ready) else { return };
        for command in self.waiting.drain(..) {
            if started.worker.send(command).is_err() {
                return;
            }
        }
    }
}

/// What it takes to start a worker, away from the loop.
struct Start {
    engine: Engine,
    config: Arc<Config>,
    cwd: PathBuf,
    components: Arc<Mutex<BTreeMap<String, Adapter>>>,
    messages: mpsc::Sender<Message>,
    adapter: AdapterId,
    worker: WorkerId,
}

impl Start {
    fn start(self) -> Result<Started, FailureDetail> {
        let name = self.adapter.as_str();
        let registration = self
            .config
            .registration(name)
            .map_err(|error| FailureDetail::new("adapter_not_registered", error.to_string()))?;
        let adapter = self.load(&registration.component)?;
        let spec = WorkerSpec {
            id: self.worker.clone(),
            registration: Arc::new(registration.bind(name)),
            cwd: self.cwd.clone(),
            seed: u32::try_from(random() & u128::from(u32::MAX)).unwrap_or_default(),
        };
        let (messages, worker) = (self.messages.clone(), self.worker.clone());
        let sink: ReportSink = Box::new(move |report| {
            // A driver that is gone hears nothing.
            let _ = messages.blocking_send(Message::Report { worker: worker.clone(), report });
        });
        let started = self.engine.start_worker(&adapter, spec, sink);
        let worker = started.map_err(|error| FailureDetail::new("worker_not_started", error.to_string()))?;
        let capabilities = &adapter.descriptor().capabilities;
        Ok(Started {
            worker,
            digest: adapter.digest().to_owned(),
            resume: capabilities.resume,
            bindings_max: usize::try_from(capabilities.bindings_per_worker.max(1)).unwrap_or(1),
        })
    }

    fn load(&self, component: &str) -> Result<Adapter, FailureDetail> {
        let mut components = self.components.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(adapter) = components.get(component) {
            return Ok(adapter.clone());
        }
        let adapter = load(&self.engine, &self.config, component)?;
        components.insert(component.to_owned(), adapter.clone());
        Ok(adapter)
    }
}

/// Loads a component by the name of a bundled one or by its path, relative to the configuration file.
pub(crate) fn load(engine: &Engine, config: &Config, component: &str) -> Result<Adapter, FailureDetail> {
    let bundled = bundled::COMPONENTS.iter().find(|(name, _)| *name == component);
    let loaded = match bundled {
        Some((name, bytes)) => engine.load(name, bytes),
        None => {
            let folder = config.path.parent().map(PathBuf::from).unwrap_or_default();
            engine.load_file(&folder.join(component))
        }
    };
    loaded.map_err(|error| {
        FailureDetail::new("component_rejected", format!("cannot load the component `{component}`: {error}"))
    })
}
