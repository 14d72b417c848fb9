//! Which run gets a worker next: first come, first served, within one cap (seed §4.2).

use std::collections::{BTreeMap, VecDeque};

use crate::id::{AdapterId, RunId, SessionId};

/// Runs that execute at the same time unless the configuration says otherwise (SPEC §12).
pub const WORKERS_MAX_DEFAULT: usize = 8;

/// A run that waits for a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The run.
    pub run: RunId,
    /// Its session: one prompt at a time.
    pub session: SessionId,
    /// The registration.
    pub adapter: AdapterId,
}

/// The queue and who holds a permit. A cache: rows say the same, and start-up derives it again.
#[derive(Debug)]
pub struct Scheduler {
    permits_max: usize,
    queue: VecDeque<Waiting>,
    running: BTreeMap<RunId, SessionId>,
}

impl Scheduler {
    /// An empty queue, and so many permits.
    pub fn new(permits_max: usize) -> Self {
        Self { permits_max: permits_max.max(1), queue: VecDeque::new(), running: BTreeMap::new() }
    }

    /// A run waits from now on. One that waits or runs already does not wait twice.
    pub fn enqueue(&mut self, waiting: Waiting) {
        let known = self.running.contains_key(&waiting.run)
            || self.queue.iter().any(|other| other.run == waiting.run);
        if !known {
            self.queue.push_back(waiting);
        }
    }

    /// A run waits no longer.
    pub fn dequeue(&mut self, run: &RunId) {
        self.queue.retain(|waiting| waiting.run != *run);
    }

    /// Gives the next permit, if there is one and a run that may have it.
    pub fn lease(&mut self) -> Option<Waiting> {
        if self.running.len() >= self.permits_max {
            return None;
        }
        let free = |waiting: &Waiting| !self.running.values().any(|session| *session == waiting.session);
        let place = self.queue.iter().position(free)?;
        let waiting = self.queue.remove(place)?;
        self.running.insert(waiting.run.clone(), waiting.session.clone());
        Some(waiting)
    }

    /// A run gives its permit back.
    pub fn release(&mut self, run: &RunId) {
        self.running.remove(run);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Ids;

    fn waiting(run: u128, session: u128) -> Waiting {
        Waiting {
            run: RunId::new(&mut Ids::new(&mut || run)),
            session: SessionId::new(&mut Ids::new(&mut || session)),
            adapter: "echo".into(),
        }
    }

    #[test]
    fn first_come_first_served_within_the_cap() {
        let mut scheduler = Scheduler::new(2);
        for n in 1..=3 {
            scheduler.enqueue(waiting(n, n));
        }
        assert_eq!(scheduler.lease(), Some(waiting(1, 1)));
        assert_eq!(scheduler.lease(), Some(waiting(2, 2)));
        assert_eq!(scheduler.lease(), None);
        scheduler.release(&waiting(1, 1).run);
        assert_eq!(scheduler.lease(), Some(waiting(3, 3)));
    }

    #[test]
    fn a_session_has_one_prompt_at_a_time() {
        let mut scheduler = Scheduler::new(8);
        scheduler.enqueue(waiting(1, 1));
        scheduler.enqueue(waiting(2, 1));
        scheduler.enqueue(waiting(3, 2));
        assert_eq!(scheduler.lease(), Some(waiting(1, 1)));
        assert_eq!(scheduler.lease(), Some(waiting(3, 2)));
        assert_eq!(scheduler.lease(), None);
        scheduler.release(&waiting(1, 1).run);
        assert_eq!(scheduler.lease(), Some(waiting(2, 1)));
    }

    #[test]
    fn a_run_that_leaves_the_queue_gets_no_permit() {
        let mut scheduler = Scheduler::new(1);
        scheduler.enqueue(waiting(1, 1));
        scheduler.enqueue(waiting(1, 1));
        scheduler.dequeue(&waiting(1, 1).run);
        assert_eq!(scheduler.lease(), None);
    }
}
