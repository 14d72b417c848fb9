//! How a driver is set up and started.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use omi_kernel::id::{Cursor, Timestamp};
use omi_kernel::schedule::Scheduler;
use omi_kernel::watch::Watch;
use omi_store::{Store, StoreError};
use tokio::sync::{broadcast, mpsc};

use super::attempts::Attempts;
use super::cancels::Cancels;
use super::held::Held;
use super::pool::Pool;
use super::requests::OpenRequests;
use super::start::Starter;
use super::{Driver, MESSAGES_MAX, PUBLISHED_MAX};
use crate::artifacts::Artifacts;
use crate::client::{Client, Owners};
use crate::clock::Clock;
use crate::components::Components;
use crate::config::Config;
use crate::recording::Recordings;
use crate::shim::Offer;

/// How a driver is set up.
pub(crate) struct Setup {
    /// The record.
    pub(crate) store: Store,
    /// What adapters are made of, and what runs them.
    pub(crate) components: Components,
    /// What is configured.
    pub(crate) config: Arc<Config>,
    /// Where what adapters make is kept.
    pub(crate) artifacts: Artifacts,
    /// What native sessions of registrations with `tools` are offered.
    pub(crate) tools: Option<Offer>,
    /// The working folder where neither run nor session names one.
    pub(crate) cwd: PathBuf,
    /// There is a person who can be asked for permission.
    pub(crate) person: bool,
    /// Runs that an earlier daemon left in the queue are taken up.
    pub(crate) adopt_queued: bool,
    /// Where what workers are told and ask for is written down, if it is.
    pub(crate) recordings: Option<Recordings>,
}

/// Starts the driver on a thread of its own. The record is reconciled before this returns (seed §8.4).
pub(crate) fn start(setup: Setup, tokio: &tokio::runtime::Handle) -> Result<Client, StoreError> {
    let adopt_queued = setup.adopt_queued;
    let (mut driver, client) = prepare(setup, tokio);
    driver.reconcile(adopt_queued)?;
    // The only place that could fail is the system's limit of threads, and then nothing works.
    std::thread::Builder::new()
        .name("driver".to_owned())
        .spawn(move || driver.run())
        .expect("the system gives the daemon a thread");
    Ok(client)
}

/// A driver that has done nothing yet, and the way to it.
pub(super) fn prepare(setup: Setup, tokio: &tokio::runtime::Handle) -> (Driver, Client) {
    let (sender, messages) = mpsc::channel(MESSAGES_MAX);
    let (asks, asked) = mpsc::channel(MESSAGES_MAX);
    let (published, listener) = broadcast::channel(PUBLISHED_MAX);
    let client = Client { messages: asks.clone(), published: Arc::new(listener), owners: Owners::default() };
    let starter = Starter {
        config: setup.config.clone(),
        cwd: setup.cwd.clone(),
        artifacts: setup.artifacts,
        recordings: setup.recordings,
        messages: sender,
        tokio: tokio.clone(),
        components: setup.components,
    };
    let driver = Driver {
        store: setup.store,
        cwd: setup.cwd,
        person: setup.person,
        tokio: tokio.clone(),
        clock: Clock::start(),
        asked,
        _asked: asks,
        messages,
        published,
        items: VecDeque::new(),
        cursor: Cursor::default(),
        sequence: 0,
        scheduler: Scheduler::new(setup.config.workers_max, setup.config.parked_max),
        leased: BTreeMap::new(),
        elsewhere: VecDeque::new(),
        evicting: BTreeMap::new(),
        left_queued: Vec::new(),
        held: Held::default(),
        pool: Pool::new(starter, setup.tools),
        attempts: Attempts::default(),
        requests: OpenRequests::default(),
        watch: Watch::default(),
        cancels: Cancels::new(Duration::from_millis(setup.config.cancel_grace_ms)),
        retain_at: Timestamp::default(),
        ending: None,
        failing: false,
        config: setup.config,
    };
    (driver, client)
}
