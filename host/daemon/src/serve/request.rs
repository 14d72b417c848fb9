//! The requests that are not over, and the run of each: an interrupt or an answer may name a run by its request.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use omi_kernel::id::RunId;
use tokio::sync::watch;

use crate::wire::Address;

/// The requests that are not over.
#[derive(Debug, Clone, Default)]
pub(super) struct Requests(Arc<Mutex<BTreeMap<Address, Entry>>>);

#[derive(Debug)]
struct Entry {
    /// None until the run is accepted.
    run: watch::Sender<Option<RunId>>,
    /// The same request may come again while it is not over.
    tickets: usize,
}

impl Requests {
    /// A request begins. It is over when its ticket is dropped.
    pub(super) fn begin(&self, address: &Address) -> Ticket {
        let mut requests = self.lock();
        let entry = requests
            .entry(address.clone())
            .or_insert_with(|| Entry { run: watch::channel(None).0, tickets: 0 });
        entry.tickets += 1;
        Ticket { requests: self.clone(), address: address.clone() }
    }

    /// The run of a request that is not over, once it is accepted; none if there is no such request or nothing came
    /// of it.
    pub(super) async fn run_of(&self, address: &Address) -> Option<RunId> {
        let mut run = self.lock().get(address)?.run.subscribe();
        run.wait_for(Option::is_some).await.ok()?.clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Address, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is not over.
#[derive(Debug)]
pub(super) struct Ticket {
    requests: Requests,
    address: Address,
}

impl Ticket {
    /// Its run is accepted.
    pub(super) fn accepted(&self, run: &RunId) {
        if let Some(entry) = self.requests.lock().get(&self.address) {
            entry.run.send_replace(Some(run.clone()));
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut requests = self.requests.lock();
        let Some(entry) = requests.get_mut(&self.address) else { return };
        entry.tickets -= 1;
        if entry.tickets == 0 {
            requests.remove(&self.address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_is_known_until_its_last_ticket_is_gone() {
        let run = RunId::parse(&format!("run_{}", "0".repeat(32))).unwrap();
        let address = Address { client: "c".to_owned(), request: "r".to_owned() };
        let requests = Requests::default();
        assert_eq!(requests.run_of(&address).await, None);
        let first = requests.begin(&address);
        first.accepted(&run);
        let refused = requests.begin(&address);
        drop(refused);
        assert_eq!(requests.run_of(&address).await, Some(run), "a conflict takes nothing from it");
        drop(first);
        assert_eq!(requests.run_of(&address).await, None);
    }
}
