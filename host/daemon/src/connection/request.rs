//! The requests that are not over, and the run of each: an interrupt or an answer may name a run by its request, and
//! a request that comes again is told about its run once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use omi_kernel::id::RunId;
use tokio::sync::watch;

use crate::wire::{Address, Version};

/// The requests that are not over.
#[derive(Debug, Clone, Default)]
pub(super) struct Requests(Arc<Mutex<BTreeMap<Address, Entry>>>);

#[derive(Debug)]
struct Entry {
    /// None until the run is accepted.
    run: watch::Sender<Option<RunId>>,
    /// The same request may come again while it is not over.
    tickets: usize,
    /// The runs that the client is told about under this request.
    followed: BTreeSet<RunId>,
}

impl Requests {
    /// A request begins. It is over when its ticket is dropped.
    pub(super) fn begin(&self, address: &Address) -> Ticket {
        let mut requests = self.lock();
        let entry = requests.entry(address.clone()).or_insert_with(|| Entry {
            run: watch::channel(None).0,
            tickets: 0,
            followed: BTreeSet::new(),
        });
        entry.tickets += 1;
        Ticket { requests: self.clone(), address: address.clone() }
    }

    /// The run of a request that is not over, once it is accepted; none if there is no such request or nothing came
    /// of it.
    pub(super) async fn run_of(&self, address: &Address) -> Option<RunId> {
        let mut run = self.lock().get(address)?.run.subscribe();
        run.wait_for(Option::is_some).await.ok()?.clone()
    }

    /// The requests of a version that are not over.
    pub(super) fn going_on(&self, version: Version) -> Vec<Address> {
        self.lock().keys().filter(|address| address.version == version).cloned().collect()
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

    /// Begins to tell the client about a run, until this is dropped. If it is told already that goes on, and `taken`
    /// is called: before it is told the end, if that is said only after this is dropped.
    pub(super) fn follow(&self, run: &RunId, taken: impl FnOnce()) -> Option<Followed<'_>> {
        let mut requests = self.requests.lock();
        if requests.get_mut(&self.address)?.followed.insert(run.clone()) {
            return Some(Followed { ticket: self, run: run.clone() });
        }
        taken();
        None
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

/// A run that the client is told about.
#[derive(Debug)]
pub(super) struct Followed<'t> {
    ticket: &'t Ticket,
    run: RunId,
}

impl Drop for Followed<'_> {
    fn drop(&mut self) {
        if let Some(entry) = self.ticket.requests.lock().get_mut(&self.ticket.address) {
            entry.followed.remove(&self.run);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_is_known_until_its_last_ticket_is_gone() {
        let run = RunId::parse(&format!("run_{}", "0".repeat(32))).unwrap();
        let address = Address::v2("c", "r");
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

    #[test]
    fn a_run_is_followed_once_under_a_request() {
        let run = |digit: &str| RunId::parse(&format!("run_{}", digit.repeat(32))).unwrap();
        let address = |request: &str| Address::v2("c", request);
        let requests = Requests::default();
        let (first, again) = (requests.begin(&address("r")), requests.begin(&address("r")));
        let other = requests.begin(&address("other"));
        let follows = |ticket: &Ticket, run: &RunId| {
            let mut taken = false;
            let followed = ticket.follow(run, || taken = true).is_some();
            assert_ne!(followed, taken);
            followed
        };
        let followed = first.follow(&run("0"), || panic!("nobody has it"));
        assert!(!follows(&again, &run("0")));
        assert!(follows(&again, &run("1")), "another run");
        assert!(follows(&other, &run("0")), "another request");
        drop(followed);
        assert!(follows(&again, &run("0")));
    }
    #[tokio::test]
    async fn two_clients_and_two_versions_have_the_same_name_for_different_requests() {
        let requests = Requests::default();
        let run = |digit: &str| RunId::parse(&format!("run_{}", digit.repeat(32))).unwrap();
        let (mine, theirs) = (Address::v2("mine", "1"), Address::v2("theirs", "1"));
        let old = Address { version: Version::V1, ..mine.clone() };
        let tickets = [(&mine, "0"), (&theirs, "1"), (&old, "2")].map(|(address, digit)| {
            let ticket = requests.begin(address);
            ticket.accepted(&run(digit));
            ticket
        });
        for (address, digit) in [(&mine, "0"), (&theirs, "1"), (&old, "2")] {
            assert_eq!(requests.run_of(address).await, Some(run(digit)), "{address:?}");
        }
        assert_eq!(requests.going_on(Version::V1), std::slice::from_ref(&old));
        drop(tickets);
        assert_eq!(requests.going_on(Version::V1), []);
    }
}
