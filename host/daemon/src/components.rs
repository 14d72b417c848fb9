//! The components of a running daemon: each is compiled once, and again when other bytes of it are installed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use omi_engine::{Adapter, Engine};
use omi_kernel::grant::Component;
use omi_kernel::report::FailureDetail;
use tokio::sync::OwnedMutexGuard;

use crate::component::{Bundled, ComponentFile, short, to_record};
use crate::config::Config;
use crate::engine::LateEngine;

/// The word for a file that is not what a person agreed to.
pub(crate) const DIFFERS: &str = "component_differs";

/// The components of a running daemon. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Components {
    engine: LateEngine,
    config: Arc<Config>,
    database: PathBuf,
    /// By what the record calls them; at most one of each path.
    loaded: Arc<Mutex<BTreeMap<String, Adapter>>>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Components {
    /// Nothing is loaded yet. `database` is the record that says what is installed.
    pub(crate) fn new(engine: LateEngine, config: Arc<Config>, database: PathBuf) -> Self {
        Self { engine, config, database, loaded: Arc::default(), turn: Arc::default() }
    }

    /// What runs them.
    pub(crate) fn engine(&self) -> Result<Engine, FailureDetail> {
        self.engine.get().map_err(|error| FailureDetail::new("worker_not_started", format!("{error:#}")))
    }

    /// The component that a registration names, for a new worker, and what the record calls it. The file of one that was
    /// installed is looked at each time: what has changed since is not run, though it is loaded already.
    pub(crate) fn load(&self, named: &str) -> Result<(Adapter, String), FailureDetail> {
        if let Some(bundled) = Bundled::named(named) {
            let adapter = self.once(named, |_| true, || bundled.load(&self.engine()?))?;
            return Ok((adapter, named.to_owned()));
        }
        let file = ComponentFile::named(&self.config, named)?;
        let bytes = file.read_installed(&self.database)?;
        let is_this = |adapter: &Adapter| adapter.digest() == bytes.digest;
        let adapter = self.once(file.path(), is_this, || file.load_bytes(&self.engine()?, &bytes))?;
        Ok((adapter, file.path().to_owned()))
    }

    /// What is loaded already, if it is this one. The others wait while it is loaded, so that what many runs wait for is
    /// compiled once.
    fn once(
        &self,
        component: &str,
        is_this: impl Fn(&Adapter) -> bool,
        load: impl FnOnce() -> Result<Adapter, FailureDetail>,
    ) -> Result<Adapter, FailureDetail> {
        let mut loaded = self.loaded();
        if let Some(adapter) = loaded.get(component).filter(|adapter| is_this(adapter)) {
            return Ok(adapter.clone());
        }
        let adapter = load()?;
        loaded.insert(component.to_owned(), adapter.clone());
        Ok(adapter)
    }

    /// The turn to install or remove: one at a time from reading to recording, so that what a file was is not recorded after
    /// what it is, and the threads that start workers are not all taken by compiling.
    pub(crate) async fn turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.turn).lock_owned().await
    }

    /// Loads a file that a person wants installed, if it has the bytes that they agreed to: what there is to record. It
    /// takes seconds to compile one, and nothing waits for that but who asks.
    pub(crate) fn examine(&self, path: &Path, agreed: Option<&str>) -> Result<Component, FailureDetail> {
        let file = ComponentFile::at(path)?;
        let bytes = file.read()?;
        if let Some(agreed) = agreed.filter(|agreed| *agreed != bytes.digest) {
            let (path, now, agreed) = (file.path(), short(&bytes.digest), short(agreed));
            let why = format!(
                "the component `{path}` is not what was agreed to ({agreed}, now {now}); \
                 hint: look at it: omi-agentd adapter info {path}"
            );
            return Err(FailureDetail::new(DIFFERS, why));
        }
        let adapter = file.load_bytes(&self.engine()?, &bytes)?;
        // Who uses it compares it with what is recorded by then.
        self.loaded().insert(file.path().to_owned(), adapter.clone());
        Ok(to_record(&adapter, file.path()))
    }

    fn loaded(&self) -> MutexGuard<'_, BTreeMap<String, Adapter>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
