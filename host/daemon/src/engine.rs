//! The engine, made when something needs it first: a daemon that only listens holds no compiler. Where none can be made, the
//! first run says so, and `doctor`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use omi_engine::{Engine, EngineConfig, Limits, SupervisorCommand};
use tokio::runtime::Handle;

use crate::state::StateDir;

/// The word with which the program is started again as the supervisor of a process.
pub(crate) const SUPERVISE: &str = "__supervise";

/// What the engine is made of, and the engine once it is made. Cheap to clone.
#[derive(Clone)]
pub(crate) struct LateEngine(Arc<Late>);

struct Late {
    cache_dir: Option<PathBuf>,
    private: Vec<PathBuf>,
    tokio: Handle,
    made: Mutex<Option<Engine>>,
}

impl LateEngine {
    /// An engine that keeps compiled components in this folder, or nowhere. `private` is what no confined process may be
    /// given.
    pub(crate) fn new(cache_dir: Option<PathBuf>, private: Vec<PathBuf>, tokio: &Handle) -> Self {
        let (tokio, made) = (tokio.clone(), Mutex::new(None));
        Self(Arc::new(Late { cache_dir, private, tokio, made }))
    }

    /// One that keeps them in the state folder.
    pub(crate) fn of(state: &StateDir, private: Vec<PathBuf>, tokio: &Handle) -> Self {
        Self::new(Some(state.compiled()), private, tokio)
    }

    /// The engine.
    pub(crate) fn get(&self) -> anyhow::Result<Engine> {
        let mut made = self.0.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = &*made {
            return Ok(engine.clone());
        }
        let program =
            std::env::current_exe().context("cannot find the program itself, which supervises processes")?;
        let config = EngineConfig {
            metered: false,
            cache_dir: self.0.cache_dir.clone(),
            limits: Limits::default(),
            supervisor: SupervisorCommand {
                program,
                args: vec![SUPERVISE.into()],
                private: self.0.private.clone(),
            },
        };
        let engine = Engine::new(config, self.0.tokio.clone())?;
        *made = Some(engine.clone());
        Ok(engine)
    }
}
