//! The room for connections of a listener, and who has to go where there is none left: whoever has shown no key yet, the
//! one that came first. So nobody without a key keeps somebody with one out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};

/// Connections of a listener at the same time: each costs some memory and descriptors.
const CONNECTIONS_MAX: usize = 4096;
/// Of so many descriptors one is for a connection of a listener: there are two listeners, and the record, the files that are
/// read and the agents need some too.
const DESCRIPTORS_PER_CONNECTION: u64 = 10;

/// As many descriptors as the system lets this process have, and how many connections of a listener that is for.
pub(super) fn connections_max() -> usize {
    let limit = getrlimit(Resource::Nofile);
    // What cannot be raised is what there is. Agents get a limit of their own, or this one.
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    let descriptors = if raised.is_ok() { limit.maximum } else { limit.current };
    connections_for(descriptors)
}

fn connections_for(descriptors: Option<u64>) -> usize {
    let most = descriptors.map(|descriptors| descriptors / DESCRIPTORS_PER_CONNECTION);
    let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(CONNECTIONS_MAX);
    most.clamp(1, CONNECTIONS_MAX)
}

/// The room of a listener.
pub(super) struct Room {
    places: Arc<Semaphore>,
    strangers: Strangers,
    over: watch::Receiver<bool>,
    next: u64,
}

/// Connections that have shown no key yet, in the order in which they came.
#[derive(Clone, Default)]
struct Strangers(Arc<Mutex<BTreeMap<u64, Arc<Notify>>>>);

/// The place of a connection. It is given back when this is dropped.
pub(super) struct Seat {
    number: u64,
    strangers: Strangers,
    away: Arc<Notify>,
    /// True once the daemon has ended.
    over: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
}

impl Room {
    /// Room for so many, until the daemon has ended.
    pub(super) fn new(connections_max: usize, over: watch::Receiver<bool>) -> Self {
        let places = Arc::new(Semaphore::new(connections_max));
        Self { places, strangers: Strangers::default(), over, next: 0 }
    }

    /// Waits until the daemon has ended.
    pub(super) async fn ended(&self) {
        ended(self.over.clone()).await;
    }

    /// A place for one that has come. None once the daemon has ended.
    pub(super) async fn seat(&mut self) -> Option<Arc<Seat>> {
        let place = match self.places.clone().try_acquire_owned() {
            Ok(place) => place,
            Err(_) => {
                self.strangers.send_first_away();
                self.places.clone().acquire_owned().await.ok()?
            }
        };
        self.next += 1;
        let away = Arc::new(Notify::new());
        self.strangers.lock().insert(self.next, away.clone());
        let (strangers, over) = (self.strangers.clone(), self.over.clone());
        Some(Arc::new(Seat { number: self.next, strangers, away, over, _place: place }))
    }
}

impl Strangers {
    fn send_first_away(&self) {
        if let Some((_, away)) = self.lock().pop_first() {
            away.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Notify>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// It has shown a key: it stays, whoever comes.
    pub(super) fn known(&self) {
        self.strangers.lock().remove(&self.number);
    }

    /// Waits until it has to go for another one.
    pub(super) async fn away(&self) {
        self.away.notified().await;
    }

    /// Waits until the daemon has ended.
    pub(super) async fn ended(&self) {
        ended(self.over.clone()).await;
    }

    /// Whether the daemon has ended.
    pub(super) fn is_over(&self) -> bool {
        *self.over.borrow()
    }
}

async fn ended(mut over: watch::Receiver<bool>) {
    // A server that is gone has ended, too.
    let _ = over.wait_for(|over| *over).await;
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.known();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn the_first_that_showed_no_key_goes_and_nobody_that_did() {
        let (_end, over) = watch::channel(false);
        let mut room = Room::new(2, over);
        let known = room.seat().await.unwrap();
        let stranger = room.seat().await.unwrap();
        known.known();
        assert!(room.seat().now_or_never().is_none(), "it waits until the stranger is gone");
        assert!(stranger.away().now_or_never().is_some());
        assert!(known.away().now_or_never().is_none());
        drop(stranger);
        let next = room.seat().now_or_never().flatten().unwrap();
        next.known();
        assert!(room.seat().now_or_never().is_none(), "nobody goes who has shown a key");
        drop(known);
        assert!(room.seat().now_or_never().flatten().is_some());
    }

    #[test]
    fn there_are_descriptors_for_every_connection() {
        assert_eq!(connections_for(None), CONNECTIONS_MAX);
        assert_eq!(connections_for(Some(1 << 20)), CONNECTIONS_MAX);
        assert_eq!(connections_for(Some(1024)), 102);
        assert_eq!(connections_for(Some(1)), 1);
    }
}
