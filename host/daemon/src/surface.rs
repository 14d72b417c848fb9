//! What every surface has: the way to the driver, the record beside it, what is configured, and whose it is.

use std::path::PathBuf;
use std::sync::Arc;

use omi_kernel::id::OwnerId;
use omi_store::{Reader, StoreError};

use crate::artifacts::Artifacts;
use crate::client::Client;
use crate::components::Components;
use crate::config::Config;
use crate::relay::Relay;

/// A client's way in, on behalf of one owner. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Surface {
    /// The way to the driver.
    pub(crate) client: Client,
    /// What is configured.
    pub(crate) config: Arc<Config>,
    /// What adapters are made of.
    pub(crate) components: Components,
    /// The record, for reading.
    pub(crate) database: PathBuf,
    /// The files of artifacts.
    pub(crate) artifacts: Artifacts,
    /// The tools that surfaces have themselves.
    pub(crate) relay: Relay,
    /// Whose everything is that is seen and changed through it.
    pub(crate) owner: OwnerId,
}

impl Surface {
    /// The same for another owner.
    pub(crate) fn of(&self, owner: OwnerId) -> Self {
        Self { owner, ..self.clone() }
    }

    /// The record as it is now.
    pub(crate) fn reader(&self) -> Result<Reader, StoreError> {
        Reader::open(&self.database)
    }
}
