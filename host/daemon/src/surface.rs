//! What every surface has: the way to the driver, the record beside it, what is configured, and whose it is.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use omi_kernel::id::OwnerId;
use omi_store::{Reader, StoreError};

use crate::artifacts::Artifacts;
use crate::client::Client;
use crate::components::Components;
use crate::config::Config;
use crate::files::Files;
use crate::relay::Relay;

/// Readers that are kept open for the next question: more than ask at the same time on a small machine.
const READERS_KEPT_MAX: usize = 8;

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
    /// What clients send along.
    pub(crate) files: Files,
    /// Readers that nobody uses at the moment.
    pub(crate) readers: Readers,
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

    /// Reads the record, from a task: others go on meanwhile.
    pub(crate) fn read<T>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        tokio::task::block_in_place(|| self.readers.read(read))
    }
}

/// Open readers: to open one takes longer than most questions.
///
/// Nobody keeps one for itself: each takes memory, and as long as anybody reads the record, the descriptors of those that
/// were closed.
#[derive(Clone)]
pub(crate) struct Readers {
    database: PathBuf,
    /// None once no reader is kept any more.
    kept: Arc<Mutex<Option<Vec<Reader>>>>,
}

impl Readers {
    /// Readers of a record.
    pub(crate) fn new(database: PathBuf) -> Self {
        Self { database, kept: Arc::new(Mutex::new(Some(Vec::new()))) }
    }

    /// Reads the record.
    pub(crate) fn read<T>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let reader = match self.take() {
            Some(reader) => reader,
            None => Reader::open(&self.database)?,
        };
        // A reader that failed is opened anew the next time.
        let found = read(&reader)?;
        self.keep(reader);
        Ok(found)
    }

    /// Keeps no reader any more: only where nobody else has the record open is it written back whole when it is closed.
    pub(crate) fn close(&self) {
        self.lock().take();
    }

    fn take(&self) -> Option<Reader> {
        self.lock().as_mut()?.pop()
    }

    fn keep(&self, reader: Reader) {
        if let Some(readers) = self.lock().as_mut().filter(|readers| readers.len() < READERS_KEPT_MAX) {
            readers.push(reader);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<Reader>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
