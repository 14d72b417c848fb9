//! What every surface has: the way to the driver, the record beside it, what is configured, and whose it is.

mod readers;

use std::sync::Arc;

use omi_kernel::id::{OwnerId, SessionId};
use omi_store::{Reader, StoreError};

use crate::artifacts::Artifacts;
use crate::client::Client;
use crate::components::Components;
use crate::config::Config;
use crate::files::Files;
use crate::relay::Relay;
pub(crate) use readers::Readers;

/// A client's way in, on behalf of one owner. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Surface {
    /// The way to the driver.
    pub(crate) client: Client,
    /// What is configured.
    pub(crate) config: Arc<Config>,
    /// What adapters are made of.
    pub(crate) components: Components,
    /// The files of artifacts.
    pub(crate) artifacts: Artifacts,
    /// The tools that surfaces have themselves.
    pub(crate) relay: Relay,
    /// Whose everything is that is seen and changed through it.
    pub(crate) owner: OwnerId,
    /// What clients send along.
    pub(crate) files: Files,
    /// The record, for reading.
    pub(crate) readers: Readers,
}

impl Surface {
    /// The same for another owner.
    pub(crate) fn of(&self, owner: OwnerId) -> Self {
        Self { owner, ..self.clone() }
    }

    /// Asks the record something short.
    pub(crate) fn ask<T>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.readers.read(read)
    }

    /// Whether a session is there and the owner's.
    pub(crate) fn owns(&self, session: &SessionId) -> Result<bool, StoreError> {
        Ok(self.ask(|reader| reader.owner(session))?.as_ref() == Some(&self.owner))
    }

    /// Reads the record, from a task, where it may take a while: others go on meanwhile.
    pub(crate) fn read<T>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        tokio::task::block_in_place(|| self.readers.read(read))
    }
}
