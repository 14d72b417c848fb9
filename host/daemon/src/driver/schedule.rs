//! Gives permits and workers to runs: those that return first, then those that lost their worker, then new ones.

use omi_kernel::command::StopReason;
use omi_kernel::effect::{Effect, Wait};
use omi_kernel::id::{AttemptId, RunId, Timestamp, WorkerId};
use omi_kernel::input::{By, Input};
use omi_kernel::pool::Lease;
use omi_kernel::report::FailureDetail;
use omi_kernel::schedule::{Unparked, Waiting};
use omi_kernel::watch::{Due, TimeLimits};

use super::Driver;
use super::requests::Asks;
use super::start::Started;

impl Driver {
    /// Lets runs go on or begin, as far as permits and workers reach.
    pub(super) fn schedule(&mut self) {
        if self.ending.is_some() {
            return;
        }
        for worker in self.pool.outdated() {
            self.end_idle(&worker);
        }
        while let Some(run) = self.scheduler.resume() {
            self.go_on(&run);
        }
        self.begin_elsewhere();
        self.begin_new();
    }

    /// A run has its permit again: what was held back is told.
    fn go_on(&mut self, run: &RunId) {
        self.watch.resume(run, self.clock.since_start());
        for effect in self.held.take(run) {
            self.perform(effect);
        }
    }

    fn begin_elsewhere(&mut self) {
        for waiting in std::mem::take(&mut self.elsewhere) {
            match self.pool.find(&waiting, self.scheduler.parked()) {
                Lease::Evict(worker) => {
                    self.evict(&waiting.run, &worker);
                    self.elsewhere.push_back(waiting);
                }
                Lease::Wait => self.elsewhere.push_back(waiting),
                lease @ (Lease::Use(_) | Lease::Start | Lease::Move { .. }) => self.place(&waiting, lease),
            }
        }
    }

    fn begin_new(&mut self) {
        loop {
            let (pool, parked) = (&self.pool, self.scheduler.parked());
            let mut in_the_way = Vec::new();
            let next = self.scheduler.lease(|waiting| match pool.find(waiting, parked) {
                // Where a session moves to is found once its worker has let it go.
                Lease::Use(_) | Lease::Start | Lease::Move { .. } => true,
                Lease::Evict(worker) => {
                    in_the_way.push((waiting.run.clone(), worker));
                    false
                }
                Lease::Wait => false,
            });
            let Some(waiting) = next else {
                for (run, worker) in in_the_way {
                    self.evict(&run, &worker);
                }
                return;
            };
            self.leased.insert(waiting.run.clone(), waiting.clone());
            let lease = self.pool.find(&waiting, self.scheduler.parked());
            self.place(&waiting, lease);
        }
    }

    fn place(&mut self, waiting: &Waiting, lease: Lease) {
        self.evicting.remove(&waiting.run);
        match lease {
            Lease::Use(worker) => {
                self.pool.lease(&worker, &waiting.run);
                self.begin(&waiting.run, &worker);
            }
            Lease::Start => self.pool.start(waiting, self.clock.since_start()),
            Lease::Move { worker, binding } => {
                self.pool.close_binding(&worker, binding);
                let lease = self.pool.find(waiting, self.scheduler.parked());
                self.place(waiting, lease);
            }
            Lease::Evict(_) | Lease::Wait => self.elsewhere.push_back(waiting.clone()),
        }
    }

    /// Has an idle worker end that is in the way of a run: one for each run, and no more than there are permits.
    fn evict(&mut self, run: &RunId, worker: &WorkerId) {
        let free = self.config.workers_max.saturating_sub(self.scheduler.executing());
        let has_permit = self.leased.contains_key(run);
        let enough = !has_permit && self.evicting.len() >= free;
        if self.pool.is_over(worker) || self.evicting.contains_key(run) || enough {
            return;
        }
        self.evicting.insert(run.clone(), worker.clone());
        self.end_idle(worker);
    }

    /// What an idle worker holds is recorded as lost before it ends.
    fn end_idle(&mut self, worker: &WorkerId) {
        self.pool.stopping(worker);
        self.decide(Input::WorkerOver { worker: worker.clone(), stop: Some(StopReason::Idle) });
    }

    /// Ends the workers that nobody has used for long.
    pub(super) fn evict_idle(&mut self, now: Timestamp) {
        let idle_ms = i64::try_from(self.config.idle_worker_ms).unwrap_or(i64::MAX);
        if self.ending.is_none() {
            for worker in self.pool.idle_since(Timestamp(now.0.saturating_sub(idle_ms))) {
                self.end_idle(&worker);
            }
        }
    }

    /// A worker is there, or could not be started.
    pub(super) fn started(&mut self, worker: &WorkerId, started: Result<Started, FailureDetail>) {
        let ending = self.ending.is_some();
        match started {
            Ok(started) => {
                // The run stays queued when the daemon ends: the next one takes it up.
                match self.pool.started(worker, started).filter(|_| !ending) {
                    // Something else was installed while it was started: nothing has begun in it yet.
                    Some(run) if self.pool.is_outdated(worker) => self.go_elsewhere(&run),
                    Some(run) => self.begin(&run, worker),
                    None => {}
                }
                if self.pool.end_of(worker).is_some() {
                    self.worker_over(worker);
                }
            }
            Err(failure) => {
                if let Some(run) = self.pool.not_started(worker).filter(|_| !ending) {
                    self.decide(Input::CannotBegin { run, failure });
                }
            }
        }
    }

    fn begin(&mut self, run: &RunId, worker: &WorkerId) {
        match self.pool.begin(run.clone(), worker, &self.cwd) {
            Some(begin) => self.decide(Input::Begin(begin)),
            None => self.go_elsewhere(run),
        }
    }

    /// The run begins again with the worker it has, if that still takes work.
    pub(super) fn begin_again(&mut self, run: &RunId, worker: &WorkerId) {
        self.attempt_over(run);
        self.pool.begins_again(worker);
        if self.pool.is_over(worker) {
            self.go_elsewhere(run);
        } else {
            self.begin(run, worker);
        }
    }

    /// The run keeps its permit and waits for another worker.
    pub(super) fn go_elsewhere(&mut self, run: &RunId) {
        self.attempt_over(run);
        self.give_worker_up(run);
        if let Some(waiting) = self.leased.get(run) {
            self.elsewhere.push_back(waiting.clone());
        }
    }

    /// The attempt of a run is over, and the run is not.
    fn attempt_over(&mut self, run: &RunId) {
        self.attempts.remove(run);
        self.requests.end(run);
        self.watch.end(run);
    }

    /// A run is over, or is not to be executed: it gives back everything it has.
    pub(super) fn release(&mut self, run: &RunId) {
        self.attempt_over(run);
        self.scheduler.release(run);
        self.leased.remove(run);
        self.elsewhere.retain(|waiting| waiting.run != *run);
        // What a worker asked for outlives the run that was asked about it.
        let refusals = self.held.cancel(run).into_iter();
        refusals
            .filter(|effect| matches!(effect, Effect::Refuse { .. }))
            .for_each(|effect| self.perform(effect));
        self.give_worker_up(run);
        self.cancels.over(run);
    }

    /// A run needs its worker no longer.
    fn give_worker_up(&mut self, run: &RunId) {
        let worker = self.pool.of_run(run).cloned();
        self.pool.release(run, self.clock.since_start());
        if let Some(worker) = worker {
            self.ask_held_accesses(&worker);
        }
    }

    /// The end of a worker is recorded: its place is free.
    pub(super) fn worker_gone(&mut self, worker: &WorkerId) {
        self.pool.gone(worker);
        self.evicting.retain(|_, evicted| evicted != worker);
    }

    pub(super) fn park(&mut self, run: &RunId, why: Wait) {
        self.scheduler.park(run, why);
        self.watch.pause(run, why, self.clock.since_start());
    }

    pub(super) fn unpark(&mut self, run: &RunId, why: Wait) {
        match self.scheduler.unpark(run, why) {
            Unparked::Now => self.watch.resume(run, self.clock.since_start()),
            // It goes on when there is a permit, or when it waits for nothing else.
            Unparked::Later | Unparked::Waits if why == Wait::Person => self.watch.answered(run),
            Unparked::Later | Unparked::Waits => {}
        }
    }

    /// The time of an attempt begins, if it has not begun before.
    pub(super) fn watch_attempt(
        &mut self,
        worker: &WorkerId,
        attempt: &AttemptId,
        run: &RunId,
        timeout_ms: Option<u64>,
    ) {
        let registration = self.pool.registration(worker);
        let limits = TimeLimits {
            run_ms: timeout_ms.or_else(|| registration.and_then(|found| found.run_timeout_ms)),
            progress_ms: registration.and_then(|found| found.no_progress_ms),
            wait_ms: Some(self.config.wait_timeout_ms),
        };
        self.watch.begin(attempt.clone(), run.clone(), limits, self.clock.since_start());
    }

    /// Ends what took too long, and answers what nobody answered.
    pub(super) fn watch_due(&mut self, now: Timestamp) {
        for (attempt, due) in self.watch.due(now) {
            match due {
                Due::TimedOut(timeout) => {
                    self.keep_text(&attempt);
                    let text = self.attempts.text(&attempt);
                    self.decide(Input::TimedOut { attempt, timeout, text });
                }
                Due::Unanswered => self.expire_requests(&attempt),
            }
        }
    }

    fn expire_requests(&mut self, attempt: &AttemptId) {
        for (request, asks) in self.requests.of(attempt) {
            let (attempt, by) = (attempt.clone(), By::Deadline);
            self.decide(match asks {
                Asks::Approval => {
                    let answer = omi_kernel::command::Answer::Expired;
                    Input::ApprovalAnswered { attempt, request, answer, by }
                }
                Asks::Input => {
                    let answer = omi_kernel::command::InputAnswer::Expired;
                    Input::InputProvided { attempt, request, answer, by }
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::scene::scene;
    use crate::driver::{Item, Message};

    #[test]
    fn a_run_does_not_begin_in_a_worker_whose_component_was_replaced_while_it_was_started() {
        let mut scene = scene("echo");
        let driver = &mut scene.driver;
        driver.pool.installed("echo".to_owned(), Some("other bytes".to_owned()));
        loop {
            let message = scene.tokio.block_on(driver.messages.recv()).unwrap();
            let is_there = matches!(message, Message::Started { started: Ok(_), .. });
            driver.translate(message);
            if is_there {
                break;
            }
        }
        assert!(driver.items.is_empty(), "nothing begins");
        assert_eq!(driver.elsewhere.iter().map(|waiting| &waiting.run).collect::<Vec<_>>(), [&scene.run]);
        driver.schedule();
        let ends = |item: &Item| {
            matches!(item, Item::Input { input: Input::WorkerOver { worker, stop: Some(_) }, .. }
                if *worker == scene.worker)
        };
        assert_eq!(driver.items.iter().filter(|item| ends(item)).count(), 1, "it is of no use");
        assert_ne!(driver.pool.of_run(&scene.run), Some(&scene.worker));
        assert!(
            driver.elsewhere.is_empty() && driver.pool.of_run(&scene.run).is_some(),
            "another one starts"
        );
    }
}
