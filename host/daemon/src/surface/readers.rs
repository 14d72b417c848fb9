//! Open readers of the record, lent to whoever asks it something: to open one takes longer than most questions.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use omi_store::{Reader, StoreError};

/// Readers that are kept open for the next question: more than ask at the same time on a small machine.
const KEPT_MAX: usize = 8;

/// The readers of a record. Cheap to clone.
///
/// Nobody keeps one for itself: each takes memory, and as long as anybody reads the record, the descriptors of those that
/// were closed.
#[derive(Clone)]
pub(crate) struct Readers(Arc<Shelf>);

struct Shelf {
    database: PathBuf,
    /// Those that nobody uses at the moment. None once no reader is kept any more.
    kept: Mutex<Option<Vec<Reader>>>,
}

impl Readers {
    /// Readers of a record.
    pub(crate) fn new(database: PathBuf) -> Self {
        Self(Arc::new(Shelf { database, kept: Mutex::new(Some(Vec::new())) }))
    }

    /// Where the record is.
    pub(crate) fn database(&self) -> &Path {
        &self.0.database
    }

    /// Asks the record something.
    pub(crate) fn read<T>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let kept = self.lock().as_mut().and_then(Vec::pop);
        let reader = match kept {
            Some(reader) => reader,
            None => Reader::open(self.database())?,
        };
        // A reader that failed is opened anew the next time.
        let found = read(&reader)?;
        if let Some(kept) = self.lock().as_mut().filter(|kept| kept.len() < KEPT_MAX) {
            kept.push(reader);
        }
        Ok(found)
    }

    /// Keeps no reader any more: only where nobody else has the record open is it written back whole when it is closed.
    pub(crate) fn close(&self) {
        self.lock().take();
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<Reader>>> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
