//! Which run may go on next: first come, first served, within one cap (seed §4.2, ARCHITECTURE §4).
//!
//! ```text
//!  queue ──lease──▶ executing ──park──▶ parked ──unpark──▶ returning ──resume──▶ executing
//!                      ▲                                                            │
//!                      └──────────────────────── release ends it from anywhere ─────┘
//! ```
//!
//! A run that executes holds a permit. A parked one keeps its worker and gives its permit back, so that eight
//! unanswered questions do not stop the house.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::effect::Wait;
use crate::id::{AdapterId, RunId, SessionId};

/// Runs that execute at the same time unless the configuration says otherwise (SPEC §12).
pub const WORKERS_MAX_DEFAULT: usize = 8;
/// Runs that wait for a person or another run without a permit, unless the configuration says otherwise: each keeps a
/// worker with its processes.
pub const PARKED_MAX_DEFAULT: usize = 8;

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

/// A run that left the queue and is not over.
#[derive(Debug)]
struct Held {
    session: SessionId,
    permit: bool,
    /// What it waits for, and how often: it may have called several runs.
    waits: BTreeMap<Wait, usize>,
}

/// What became of a run that waits for something no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unparked {
    /// It holds a permit and goes on.
    Now,
    /// It goes on when [`Scheduler::resume`] names it.
    Later,
    /// It waits for something else.
    Waits,
}

/// The queue and who holds a permit. A cache: rows say the same, and start-up derives it again.
#[derive(Debug)]
pub struct Scheduler {
    permits_max: usize,
    parked_max: usize,
    queue: VecDeque<Waiting>,
    held: BTreeMap<RunId, Held>,
    returning: VecDeque<RunId>,
}

impl Scheduler {
    /// An empty queue, so many permits, and so many runs that may wait for a person without one.
    pub fn new(permits_max: usize, parked_max: usize) -> Self {
        Self {
            permits_max: permits_max.max(1),
            parked_max,
            queue: VecDeque::new(),
            held: BTreeMap::new(),
            returning: VecDeque::new(),
        }
    }

    /// A run waits from now on. One that waits or is held already does not wait twice.
    pub fn enqueue(&mut self, waiting: Waiting) {
        let known =
            self.held.contains_key(&waiting.run) || self.queue.iter().any(|other| other.run == waiting.run);
        if !known {
            self.queue.push_back(waiting);
        }
    }

    /// A run leaves the queue, and gives back what it holds.
    pub fn dequeue(&mut self, run: &RunId) {
        self.queue.retain(|waiting| waiting.run != *run);
        self.release(run);
    }

    /// The permits that are given out.
    pub fn executing(&self) -> usize {
        self.held.values().filter(|held| held.permit).count()
    }

    /// The runs that keep a worker without a permit.
    pub fn parked(&self) -> usize {
        self.held.values().filter(|held| !held.permit).count()
    }

    /// The runs that wait for a worker.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Gives the next permit to a new run that `can` have a worker, if there is one. Runs that return come first.
    pub fn lease(&mut self, mut can: impl FnMut(&Waiting) -> bool) -> Option<Waiting> {
        if self.executing() >= self.permits_max || !self.returning.is_empty() {
            return None;
        }
        let busy: BTreeSet<&SessionId> = self.held.values().map(|held| &held.session).collect();
        let place = self.queue.iter().position(|waiting| !busy.contains(&waiting.session) && can(waiting))?;
        let waiting = self.queue.remove(place)?;
        let held = Held { session: waiting.session.clone(), permit: true, waits: BTreeMap::new() };
        self.held.insert(waiting.run.clone(), held);
        Some(waiting)
    }

    /// A held run waits. It gives its permit back, unless too many wait for people already. One that waits for
    /// another run always does: that run needs the permit.
    pub fn park(&mut self, run: &RunId, why: Wait) {
        let parked = self.parked();
        let Some(held) = self.held.get_mut(run) else { return };
        // Who may go on and has no permit yet has a place to wait still: its own.
        let room = why == Wait::Child || !held.permit || parked < self.parked_max;
        let count = held.waits.entry(why).or_default();
        *count = match why {
            // However much is asked of a person, the last answer ends it.
            Wait::Person => 1,
            Wait::Child => *count + 1,
        };
        if room {
            held.permit = false;
            self.returning.retain(|returning| returning != run);
        }
    }

    /// A held run waits for this no longer.
    pub fn unpark(&mut self, run: &RunId, why: Wait) -> Unparked {
        let Some(held) = self.held.get_mut(run) else { return Unparked::Now };
        if let Some(count) = held.waits.get_mut(&why) {
            *count = count.saturating_sub(1);
        }
        held.waits.retain(|_, count| *count > 0);
        match (held.waits.is_empty(), held.permit) {
            (false, _) => Unparked::Waits,
            (true, true) => Unparked::Now,
            (true, false) => {
                if !self.returning.contains(run) {
                    self.returning.push_back(run.clone());
                }
                Unparked::Later
            }
        }
    }

    /// Gives the next permit to a run that returns, if there is one.
    pub fn resume(&mut self) -> Option<RunId> {
        if self.executing() >= self.permits_max {
            return None;
        }
        let run = self.returning.pop_front()?;
        if let Some(held) = self.held.get_mut(&run) {
            held.permit = true;
        }
        Some(run)
    }

    /// Whether a run may go on and has no permit yet: what is to be told its adapter waits.
    pub fn is_returning(&self, run: &RunId) -> bool {
        self.returning.contains(run)
    }

    /// A run that is to stop needs no permit for that.
    pub fn stop_returning(&mut self, run: &RunId) {
        self.returning.retain(|returning| returning != run);
    }

    /// A run is over: it gives back what it holds.
    pub fn release(&mut self, run: &RunId) {
        self.held.remove(run);
        self.returning.retain(|returning| returning != run);
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
        let mut scheduler = Scheduler::new(2, 8);
        for n in 1..=3 {
            scheduler.enqueue(waiting(n, n));
        }
        assert_eq!(scheduler.lease(|_| true), Some(waiting(1, 1)));
        assert_eq!(scheduler.lease(|_| true), Some(waiting(2, 2)));
        assert_eq!(scheduler.lease(|_| true), None);
        scheduler.release(&waiting(1, 1).run);
        assert_eq!(scheduler.lease(|_| true), Some(waiting(3, 3)));
    }

    #[test]
    fn a_session_has_one_prompt_at_a_time() {
        let mut scheduler = Scheduler::new(8, 8);
        scheduler.enqueue(waiting(1, 1));
        scheduler.enqueue(waiting(2, 1));
        scheduler.enqueue(waiting(3, 2));
        assert_eq!(scheduler.lease(|_| true), Some(waiting(1, 1)));
        assert_eq!(scheduler.lease(|_| true), Some(waiting(3, 2)));
        assert_eq!(scheduler.lease(|_| true), None);
        scheduler.release(&waiting(1, 1).run);
        assert_eq!(scheduler.lease(|_| true), Some(waiting(2, 1)));
    }

    #[test]
    fn a_run_that_leaves_the_queue_gets_no_permit() {
        let mut scheduler = Scheduler::new(1, 8);
        scheduler.enqueue(waiting(1, 1));
        scheduler.enqueue(waiting(1, 1));
        scheduler.dequeue(&waiting(1, 1).run);
        assert_eq!(scheduler.lease(|_| true), None);
    }

    #[test]
    fn a_run_that_waits_gives_its_permit_back_and_gets_one_before_new_runs() {
        let mut scheduler = Scheduler::new(1, 8);
        (1..=3).for_each(|n| scheduler.enqueue(waiting(n, n)));
        let first = scheduler.lease(|_| true).unwrap().run;
        scheduler.park(&first, Wait::Person);
        let second = scheduler.lease(|_| true).unwrap().run;
        assert_eq!(scheduler.unpark(&first, Wait::Person), Unparked::Later);
        assert_eq!(scheduler.resume(), None, "the permit is with the second");
        scheduler.release(&second);
        assert_eq!(scheduler.lease(|_| true), None, "the first returns before the third begins");
        assert_eq!(scheduler.resume(), Some(first.clone()));
        assert_eq!(scheduler.executing(), 1);
        scheduler.release(&first);
        assert_eq!(scheduler.lease(|_| true), Some(waiting(3, 3)));
    }

    #[test]
    fn a_run_that_waits_for_two_things_waits_for_both() {
        let mut scheduler = Scheduler::new(1, 8);
        scheduler.enqueue(waiting(1, 1));
        let run = scheduler.lease(|_| true).unwrap().run;
        scheduler.park(&run, Wait::Child);
        scheduler.park(&run, Wait::Person);
        assert_eq!(scheduler.unpark(&run, Wait::Person), Unparked::Waits);
        assert_eq!(scheduler.unpark(&run, Wait::Child), Unparked::Later);
        assert_eq!(scheduler.resume(), Some(run));
    }

    #[test]
    fn a_run_that_called_two_others_waits_for_both() {
        let mut scheduler = Scheduler::new(1, 8);
        scheduler.enqueue(waiting(1, 1));
        let run = scheduler.lease(|_| true).unwrap().run;
        scheduler.park(&run, Wait::Child);
        scheduler.park(&run, Wait::Child);
        assert_eq!(scheduler.unpark(&run, Wait::Child), Unparked::Waits);
        assert_eq!(scheduler.resume(), None, "the second one needs the permit");
        assert_eq!(scheduler.unpark(&run, Wait::Child), Unparked::Later);
        assert_eq!(scheduler.resume(), Some(run));
    }

    #[test]
    fn beyond_the_cap_of_parked_runs_a_permit_is_kept() {
        let mut scheduler = Scheduler::new(2, 1);
        (1..=3).for_each(|n| scheduler.enqueue(waiting(n, n)));
        let [first, second] = [0, 1].map(|_| scheduler.lease(|_| true).unwrap().run);
        scheduler.park(&first, Wait::Person);
        scheduler.park(&second, Wait::Person);
        assert_eq!((scheduler.executing(), scheduler.parked()), (1, 1));
        assert_eq!(scheduler.unpark(&second, Wait::Person), Unparked::Now);
    }

    #[test]
    fn who_cannot_have_a_worker_does_not_hold_up_the_others() {
        let mut scheduler = Scheduler::new(8, 8);
        (1..=2).for_each(|n| scheduler.enqueue(waiting(n, n)));
        let second = waiting(2, 2).run;
        assert_eq!(scheduler.lease(|waiting| waiting.run == second), Some(waiting(2, 2)));
        assert_eq!(scheduler.lease(|_| true), Some(waiting(1, 1)));
    }
}
