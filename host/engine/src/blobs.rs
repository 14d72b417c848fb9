//! The bytes that one worker keeps, so that a picture is never copied through a guest.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::output::Scope;

/// Bytes of a blob.
pub(crate) type Bytes = Arc<[u8]>;

/// The blobs of one worker.
#[derive(Debug)]
pub(crate) struct Blobs {
    next: u32,
    held: BTreeMap<u32, Held>,
    bytes: usize,
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
        Self { next: 0, held: BTreeMap::new(), bytes: 0, bytes_max: bytes_max as usize }
    }

    /// Keeps bytes until they are dropped or `scope` ends.
    pub(crate) fn keep(&mut self, scope: Scope, bytes: Vec<u8>) -> Result<u32, BlobsFull> {
        if self.bytes + bytes.len() > self.bytes_max {
            return Err(BlobsFull { bytes: bytes.len(), bytes_max: self.bytes_max });
        }
        self.next += 1;
        self.bytes += bytes.len();
        self.held.insert(self.next, Held { scope, bytes: bytes.into() });
        Ok(self.next)
    }

    /// The bytes of a blob.
    pub(crate) fn get(&self, blob: u32) -> Option<Bytes> {
        self.held.get(&blob).map(|held| Arc::clone(&held.bytes))
    }

    /// Forgets a blob, if it is still there.
    pub(crate) fn forget(&mut self, blob: u32) {
        self.bytes -= self.held.remove(&blob).map_or(0, |held| held.bytes.len());
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
        assert_eq!(blobs.get(second).as_deref(), Some(&[3; 4][..]));
        blobs.forget(first);
        blobs.forget(second);
        assert!(blobs.keep(Scope::Worker, vec![4; 10]).is_ok());
    }
}
