//! A driver for tests, one message at a time.

use std::sync::Arc;

use omi_kernel::id::{AdapterId, Ids, RunId, SessionId, Timestamp, WorkerId};
use omi_kernel::schedule::Waiting;
use omi_store::Store;

use super::setup::{Setup, prepare};
use super::{Driver, random};
use crate::artifacts::Artifacts;
use crate::components::Components;
use crate::config::Config;
use crate::engine::LateEngine;

/// A driver that nobody runs, with a worker that is being started for a run.
pub(super) struct Scene {
    pub(super) driver: Driver,
    pub(super) run: RunId,
    pub(super) worker: WorkerId,
    pub(super) folder: tempfile::TempDir,
    pub(super) tokio: tokio::runtime::Runtime,
}

/// A worker of this registration. Nothing is heard of it before the test listens; one of `nobody` is never there.
pub(super) fn scene(adapter: &str) -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let database = folder.path().join("record");
    let engine = LateEngine::new(None, Vec::new(), tokio.handle());
    let config = Arc::new(Config::load(&folder.path().join("config.toml"), false).unwrap());
    let setup = Setup {
        store: Store::open(&database, Timestamp(1)).unwrap(),
        components: Components::new(engine, config.clone(), database),
        config,
        artifacts: Artifacts::new(folder.path().join("artifacts")),
        tools: None,
        cwd: folder.path().to_owned(),
        person: true,
        adopt_queued: false,
        recordings: None,
    };
    let (mut driver, _) = prepare(setup, tokio.handle());
    let mut source = random;
    let ids = &mut Ids::new(&mut source);
    let (run, session) = (RunId::new(ids), SessionId::new(ids));
    let waiting = Waiting { run: run.clone(), session, adapter: AdapterId::from(adapter) };
    driver.pool.start(&waiting, Timestamp(1));
    driver.leased.insert(run.clone(), waiting);
    let worker = driver.pool.of_run(&run).unwrap().clone();
    Scene { driver, run, worker, folder, tokio }
}
