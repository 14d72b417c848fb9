//! The bytes that one worker keeps, so that a picture is never copied through a guest.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::output::Scope;

/// Bytes of a blob, for whoever still needs them when it is forgotten.
pub(crate) type Bytes = Arc<Counted>;

/// Bytes that count until nobody holds them: a process that does not read keeps them long after they were forgotten.
#[derive(Debug)]
pub(crate) struct Counted {
    bytes: Box<[u8]>,
    /// All that count.
    all: Arc<AtomicUsize>,
}

impl Counted {
    /// These bytes, counted in `all`.
    pub(crate) fn new(bytes: Vec<u8>, all: &Arc<AtomicUsize>) -> Self {
        all.fetch_add(bytes.len(), Ordering::Relaxed);
        Self { bytes: bytes.into(), all: Arc::clone(all) }
    }
}

impl Deref for Counted {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

/// The blobs of one worker.
#[derive(Debug)]
pub(crate) struct Blobs {
    next: u32,
    held: BTreeMap<u32, Held>,
    /// Bytes of all that are held, and of those that were forgotten while somebody needs them.
    bytes: Arc<AtomicUsize>,
    bytes_max: usize,
}

#[derive(Debug)]
struct Held {
    scope: Scope,
    bytes: Bytes,
}

/// The worker keeps as much as it may.
#[derive(Debug, thiserror::Error)]
#[error("{bytes} more bytes do not fit: a worker keeps {bytes_max} bytes of blobs at most")]
pub(crate) struct BlobsFull {
    bytes: usize,
    bytes_max: usize,
}

impl Blobs {
    /// None yet.
    pub(crate) fn new(bytes_max: u32) -> Self {
        Self { next: 0, held: BTreeMap::new(), bytes: Arc::default(), bytes_max: bytes_max as usize }
    }

    /// Keeps bytes until they are dropped or `scope` ends.
    pub(crate) fn keep(&mut self, scope: Scope, bytes: Vec<u8>) -> Result<u32, BlobsFull> {
        // Only this thread adds to it.
        if self.bytes.load(Ordering::Relaxed) + bytes.len() > self.bytes_max {
            return Err(BlobsFull { bytes: bytes.len(), bytes_max: self.bytes_max });
        }
        self.next += 1;
        let bytes = Arc::new(Counted::new(bytes, &self.bytes));
        self.held.insert(self.next, Held { scope, bytes });
        Ok(self.next)
    }

    /// The bytes of a blob.
    pub(crate) fn get(&self, blob: u32) -> Option<Bytes> {
        self.held.get(&blob).map(|held| Arc::clone(&held.bytes))
    }

    /// Forgets a blob, if it is still there.
    pub(crate) fn forget(&mut self, blob: u32) {
        self.held.remove(&blob);
    }

    /// Forgets everything that was kept for `scope`.
    pub(crate) fn end(&mut self, scope: Scope) {
        let ended: Vec<u32> =
            self.held.iter().filter(|(_, held)| held.scope == scope).map(|(blob, _)| *blob).collect();
        for blob in ended {
            self.forget(blob);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_and_ends_with_its_scope() {
        let mut blobs = Blobs::new(10);
        let first = blobs.keep(Scope::Attempt(1), vec![1; 6]).unwrap();
        assert!(blobs.keep(Scope::Worker, vec![2; 5]).is_err());
        let second = blobs.keep(Scope::Worker, vec![3; 4]).unwrap();
        blobs.end(Scope::Attempt(1));
        assert!(blobs.get(first).is_none());
        assert_eq!(blobs.get(second).unwrap()[..], [3; 4]);
        blobs.forget(first);
        blobs.forget(second);
        assert!(blobs.keep(Scope::Worker, vec![4; 10]).is_ok());
    }

    #[test]
    fn what_is_forgotten_counts_while_somebody_holds_it() {
        let mut blobs = Blobs::new(10);
        let blob = blobs.keep(Scope::Worker, vec![1; 6]).unwrap();
        let held = blobs.get(blob).unwrap();
        blobs.forget(blob);
        assert!(blobs.keep(Scope::Worker, vec![2; 5]).is_err());
        drop(held);
        assert!(blobs.keep(Scope::Worker, vec![2; 10]).is_ok());
    }
}
