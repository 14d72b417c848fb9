//! The engine as the daemon uses it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use omi_engine::{
    Adapter, Engine, EngineConfig, Limits, Registration, SupervisorCommand, Worker, WorkerSpec,
    read_component,
};
use omi_kernel::id::{Ids, WorkerId};
use omi_kernel::report::Report;

use crate::Failed;

/// The longest that anything here may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// An engine with a runtime of its own.
pub(crate) struct Ours {
    pub(crate) engine: Engine,
    _tokio: tokio::runtime::Runtime,
}

/// A worker, and what it reports.
pub(crate) struct Started {
    pub(crate) worker: Worker,
    reports: Receiver<Report>,
}

/// The bytes of a bundled adapter.
pub(crate) fn bundled(name: &str) -> Result<Vec<u8>, Failed> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/adapters");
    let path = folder.join(format!("{name}.wasm"));
    read_component(&path).map_err(|error| format!("{error}; hint: run `cargo xtask adapters`").into())
}

impl Ours {
    /// One that keeps what it compiled in this folder.
    pub(crate) fn new(cache: &Path) -> Result<Self, Failed> {
        let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        // No adapter that is measured here starts a process.
        let supervisor =
            SupervisorCommand { program: "/bin/false".into(), args: Vec::new(), private: Vec::new() };
        let config = EngineConfig {
            cache_dir: Some(cache.to_owned()),
            limits: Limits::default(),
            metered: false,
            supervisor,
        };
        Ok(Self { engine: Engine::new(config, tokio.handle().clone())?, _tokio: tokio })
    }

    /// A worker that has said that it is ready.
    pub(crate) fn start(&self, adapter: &Adapter) -> Result<Started, Failed> {
        let (sink, reports) = mpsc::channel();
        let sink = Box::new(move |report| drop(sink.send(report)));
        let registration = Arc::new(Registration { name: "bench".to_owned(), ..Registration::default() });
        let spec = WorkerSpec { id: id(WorkerId::new), registration, cwd: "/".into(), seed: 7, calls: None };
        let started = Started { worker: self.engine.start_worker(adapter, spec, sink)?, reports };
        match started.next()? {
            Report::Ready { .. } => Ok(started),
            other => Err(format!("the worker is not ready: {other:?}").into()),
        }
    }
}

impl Started {
    /// The next report.
    pub(crate) fn next(&self) -> Result<Report, Failed> {
        Ok(self.reports.recv_timeout(PATIENCE)?)
    }

    /// Ends it, and waits until it has ended.
    pub(crate) fn end(self) -> Result<(), Failed> {
        self.worker.kill();
        while !matches!(self.next()?, Report::Ended(_)) {}
        Ok(())
    }
}

/// A new identifier.
pub(crate) fn id<T>(make: impl FnOnce(&mut Ids<'_>) -> T) -> T {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    make(&mut Ids::new(&mut || NEXT.fetch_add(1, Ordering::Relaxed).into()))
}
