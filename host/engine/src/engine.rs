//! The engine: one wasmtime, one linker, one ticker for every worker of the daemon.

use std::path::PathBuf;
use std::sync::Arc;

use wasmtime::component::Linker;
use wasmtime::{Config, OptLevel};

use crate::cache::Cache;
use crate::instance::State;
use crate::limits::{self, Limits};
use crate::load::{self, Adapter, LoadError};
use crate::process::SupervisorCommand;
use crate::ticker::Ticker;
use crate::v0_1;
use crate::wasi;
use crate::worker::{ReportSink, Worker, WorkerSpec};

/// How an engine is set up.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Where compiled components are kept; none means that each start compiles anew.
    pub cache_dir: Option<PathBuf>,
    /// What workers may take.
    pub limits: Limits,
    /// Calls count the fuel they take. Such an engine compiles components in another way, and they are slower.
    pub metered: bool,
    /// The program under which processes run.
    pub supervisor: SupervisorCommand,
}

/// The engine failed, not an adapter.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// wasmtime cannot run here.
    #[error("the WebAssembly runtime cannot be set up: {0}")]
    Wasmtime(String),
    /// The system gives no more threads.
    #[error("cannot start a thread for {what}: {error}; hint: see the limit of processes (`ulimit -u`)")]
    Thread {
        /// What it was for.
        what: String,
        /// Why not.
        error: std::io::Error,
    },
}

/// Loads adapters and runs workers. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Runtime);

/// What every part of the engine shares.
#[derive(Clone)]
pub(crate) struct Runtime(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) wasmtime: wasmtime::Engine,
    pub(crate) linker: Linker<State>,
    pub(crate) ticker: Ticker,
    pub(crate) tokio: tokio::runtime::Handle,
    pub(crate) limits: Limits,
    pub(crate) metered: bool,
    pub(crate) cache: Option<Cache>,
    pub(crate) supervisor: SupervisorCommand,
}

impl std::ops::Deref for Runtime {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Engine {
    /// An engine whose processes and timers run on `tokio`.
    pub fn new(config: EngineConfig, tokio: tokio::runtime::Handle) -> Result<Self, EngineError> {
        let failed = |error: wasmtime::Error| EngineError::Wasmtime(error.root_cause().to_string());
        let wasmtime = wasmtime::Engine::new(&features(config.metered)).map_err(failed)?;
        let cache = config.cache_dir.as_deref().and_then(|folder| Cache::open(folder, &wasmtime));
        let mut linker = Linker::new(&wasmtime);
        wasi::link(&mut linker).and_then(|()| v0_1::link(&mut linker)).map_err(failed)?;
        let ticker = Ticker::start(&wasmtime)
            .map_err(|error| EngineError::Thread { what: "the ticker".to_owned(), error })?;
        Ok(Self(Runtime(Arc::new(Shared {
            wasmtime,
            linker,
            ticker,
            tokio,
            limits: config.limits,
            metered: config.metered,
            cache,
            supervisor: config.supervisor,
        }))))
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.0
    }

    /// Loads a component from its bytes. May take seconds: it compiles.
    pub fn load(&self, name: &str, bytes: &[u8]) -> Result<Adapter, LoadError> {
        load::load(&self.0, name, bytes, load::digest(bytes))
    }

    /// The same with the [`digest`](crate::digest) of the bytes, where it is known: it is not computed again. The digest
    /// is believed: with that of other bytes, what was compiled of those may be run. So it must have been computed of
    /// these bytes, by this program or by its build.
    pub fn load_known(&self, name: &str, bytes: &[u8], digest: &str) -> Result<Adapter, LoadError> {
        debug_assert_eq!(digest, load::digest(bytes), "the digest is that of the bytes");
        load::load(&self.0, name, bytes, digest.to_owned())
    }

    /// Starts a worker: an instance with a thread and a store of its own. What it reports goes to `sink`, which may
    /// block: then the adapter waits, and with it the processes whose output it reads.
    pub fn start_worker(
        &self,
        adapter: &Adapter,
        spec: WorkerSpec,
        sink: ReportSink,
    ) -> Result<Worker, EngineError> {
        Worker::start(&self.0, adapter, spec, sink)
    }
}

/// What components may use of WebAssembly: no more than adapters need, whatever the next wasmtime turns on by itself.
/// The async part of the component model is not even compiled in.
fn features(metered: bool) -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .concurrency_support(false)
        .wasm_gc(false)
        .wasm_function_references(false)
        .wasm_exceptions(false)
        .wasm_threads(false)
        .wasm_shared_everything_threads(false)
        .wasm_stack_switching(false)
        .wasm_memory64(false)
        .epoch_interruption(true)
        .consume_fuel(metered)
        .max_wasm_stack(limits::WASM_STACK_BYTES)
        .cranelift_opt_level(OptLevel::Speed);
    // The default handler of traps on macOS aborts in programs that start child processes.
    #[cfg(target_os = "macos")]
    config.macos_use_mach_ports(false);
    config
}
