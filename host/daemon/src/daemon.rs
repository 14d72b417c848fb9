//! Everything that has to be there before a prompt can run: the state folder, the record, the engine, the driver.

use std::path::PathBuf;
use std::sync::Arc;

use omi_kernel::id::OwnerId;
use omi_store::Store;

use crate::artifacts::Artifacts;
use crate::client::Client;
use crate::clock;
use crate::components::Components;
use crate::config::Config;
use crate::driver::{self, Setup};
use crate::engine::LateEngine;
use crate::files::Files;
use crate::recording::Recordings;
use crate::relay::Relay;
use crate::shim;
use crate::state::{StateDir, StateLock};
use crate::surface::{Readers, Surface};

/// A daemon that runs.
pub(crate) struct Daemon {
    /// The way to it.
    pub(crate) client: Client,
    /// What is configured.
    pub(crate) config: Arc<Config>,
    /// What adapters are made of.
    pub(crate) components: Components,
    artifacts: Artifacts,
    files: Files,
    readers: Readers,
    relay: Relay,
    /// The socket of the agents' tools, if a registration asks for it.
    shims: Option<shim::Serving>,
    _lock: StateLock,
}

/// What differs between a one-shot run and a server.
pub(crate) struct Manner {
    /// The working folder where neither run nor session names one.
    pub(crate) cwd: PathBuf,
    /// There is a person who can be asked for permission.
    pub(crate) person: bool,
    /// Runs that an earlier daemon left in the queue are taken up.
    pub(crate) adopt_queued: bool,
    /// Where what workers are told and ask for is written down, if it is.
    pub(crate) recordings: Option<Recordings>,
}

impl Daemon {
    /// Starts a daemon on a state folder: locks it, opens the record, reconciles it.
    pub(crate) fn start(state: &StateDir, config: Config, manner: Manner) -> anyhow::Result<Self> {
        Self::begin(state.lock()?, state, config, manner)
    }

    /// The same on a folder that is locked already.
    pub(crate) fn begin(
        mut lock: StateLock,
        state: &StateDir,
        config: Config,
        manner: Manner,
    ) -> anyhow::Result<Self> {
        if manner.adopt_queued {
            lock.serves()?;
        }
        let store = Store::open(&state.database(), clock::of_day())?;
        let config = Arc::new(config);
        let tokio = tokio::runtime::Handle::current();
        // Who could write either of them could allow itself anything.
        let private = vec![state.path().to_owned(), config.path.clone()];
        let engine = LateEngine::of(state, private, &tokio);
        let components = Components::new(engine, config.clone(), state.database());
        let artifacts = Artifacts::new(state.artifacts());
        let offered = if config.offers_tools() { Some(shim::Socket::bind()?) } else { None };
        let offer = offered.as_ref().map(shim::Socket::offer).transpose()?;
        let setup = Setup {
            store,
            components: components.clone(),
            config: config.clone(),
            artifacts: artifacts.clone(),
            tools: offer.clone(),
            cwd: manner.cwd,
            person: manner.person,
            adopt_queued: manner.adopt_queued,
            recordings: manner.recordings,
        };
        let mut daemon = Self {
            client: driver::start(setup, &tokio)?,
            config,
            components,
            artifacts,
            files: Files::new(state.files()),
            readers: Readers::new(state.database()),
            relay: Relay::default(),
            shims: None,
            _lock: lock,
        };
        // Whose a call is comes with each of them.
        let nobody = daemon.surface(OwnerId(String::new()));
        daemon.shims = offered.zip(offer).map(|(socket, offer)| socket.serve(nobody, offer.handles));
        Ok(daemon)
    }

    /// A way in for an owner.
    pub(crate) fn surface(&self, owner: OwnerId) -> Surface {
        Surface {
            client: self.client.clone(),
            config: self.config.clone(),
            components: self.components.clone(),
            artifacts: self.artifacts.clone(),
            relay: self.relay.clone(),
            owner,
            files: self.files.clone(),
            readers: self.readers.clone(),
        }
    }

    /// Ends it: workers are stopped and what they did is recorded.
    pub(crate) async fn end(self) {
        self.readers.close();
        self.client.shutdown().await;
        drop(self.shims);
    }
}
