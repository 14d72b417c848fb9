//! The handle of a worker: commands go in, reports come out, and the last report is always that it ended.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use omi_kernel::command::Command;
use omi_kernel::id::WorkerId;
use omi_kernel::report::{Report, WorkerEnd};

use crate::actor::Actor;
use crate::engine::{EngineError, Runtime};
use crate::inbox::{Inbox, Item};
use crate::load::Adapter;
use crate::lock::lock;
use crate::process::Processes;
use crate::recorder::CallSink;
use crate::registration::Registration;
use crate::trap::{TrapKind, Trapped};

/// Where a worker's reports go. It may block; then the worker waits.
pub type ReportSink = Box<dyn FnMut(Report) + Send>;

/// What a worker is.
#[derive(Debug, Clone)]
pub struct WorkerSpec {
    /// Its id.
    pub id: WorkerId,
    /// Its registration.
    pub registration: Arc<Registration>,
    /// The folder of its processes, where the registration names none.
    pub cwd: PathBuf,
    /// Its randomness, recorded with it.
    pub seed: u32,
    /// Where its calls are written down, if they are.
    pub calls: Option<CallSink>,
}

/// The worker is over: its last report is there, or on its way.
#[derive(Debug, thiserror::Error)]
#[error("the worker `{0}` has ended")]
pub struct WorkerGone(pub WorkerId);

/// A running worker. It is killed when this is dropped.
pub struct Worker {
    id: WorkerId,
    common: Arc<Common>,
}

/// What the handle, the worker's thread and the watch over stuck calls share.
pub(crate) struct Common {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) processes: Processes,
    /// Nobody wants the worker any more: the call that runs is interrupted.
    pub(crate) killed: Arc<AtomicBool>,
    tokio: tokio::runtime::Handle,
    /// Gone when the end was reported: whatever comes later is dropped.
    sink: Mutex<Option<ReportSink>>,
}

impl Worker {
    pub(crate) fn start(
        runtime: &Runtime,
        adapter: &Adapter,
        spec: WorkerSpec,
        sink: ReportSink,
    ) -> Result<Self, EngineError> {
        let id = spec.id.clone();
        let common = Arc::new(Common {
            inbox: Arc::new(Inbox::new(runtime.limits.inbox_bytes)),
            processes: Processes::default(),
            killed: Arc::new(AtomicBool::new(false)),
            tokio: runtime.tokio.clone(),
            sink: Mutex::new(Some(sink)),
        });
        let actor = Actor::new(runtime.clone(), adapter.clone(), spec, Arc::clone(&common));
        let theirs = Arc::clone(&common);
        thread::Builder::new()
            .name("omi-worker".into())
            .spawn(move || {
                let run = std::panic::AssertUnwindSafe(move || actor.run());
                let end = std::panic::catch_unwind(run).unwrap_or_else(|_| {
                    let panicked = Trapped::new(
                        TrapKind::Host,
                        "the engine panicked; hint: report the log of the daemon",
                    );
                    WorkerEnd::Trapped(panicked.into())
                });
                theirs.end(end);
            })
            .map_err(|error| EngineError::Thread { what: format!("the worker `{id}`"), error })?;
        Ok(Self { id, common })
    }

    /// Its id.
    pub fn id(&self) -> &WorkerId {
        &self.id
    }

    /// Has it do something. Commands are carried out in order.
    pub fn send(&self, command: Command) -> Result<(), WorkerGone> {
        if self.common.inbox.tell(Item::Command(command)) { Ok(()) } else { Err(WorkerGone(self.id.clone())) }
    }

    /// Ends it at once, with all its processes. It reports that it stopped.
    pub fn kill(&self) {
        self.common.killed.store(true, Ordering::Relaxed);
        self.common.inbox.close();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
    }
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Common {
    /// Passes a report on; nothing after the end.
    pub(crate) fn report(&self, report: Report) {
        if let Some(sink) = lock(&self.sink).as_mut() {
            sink(report);
        }
    }

    /// Ends the worker: its processes first, so that nothing of it runs when its end is reported. Once.
    pub(crate) fn end(&self, end: WorkerEnd) {
        self.killed.store(true, Ordering::Relaxed);
        self.inbox.close();
        self.processes.kill_all(&self.tokio);
        let sink = lock(&self.sink).take();
        if let Some(mut sink) = sink {
            sink(Report::Ended(end));
        }
    }
}
