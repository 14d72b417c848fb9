//! What workers want to open, as the daemon's driver asks for it: in the name of the attempt that the worker has, and
//! held back as long as a run has the worker and no attempt yet.

use omi_kernel::command::{Answer, Command, NotPerformed};
use omi_kernel::effect::Effect;
use omi_kernel::grant::{AccessScope, Asked};
use omi_kernel::id::{AttemptId, RunId, SessionId, WorkerId};
use omi_kernel::input::{AccessAsked, By, Input};

use super::Sim;
use super::gate::Told;
use crate::Fault;

impl Sim {
    /// A worker wants to open something.
    pub(super) fn access_asked(
        &mut self,
        worker: &WorkerId,
        request: u32,
        session: Option<SessionId>,
        attempt: Option<AttemptId>,
        asked: Asked,
    ) {
        let person = self.fakes.get(worker).is_some_and(|fake| fake.adapter.as_str() != "deaf");
        let leased = self.driver.pool.get(worker).is_some_and(|worker| worker.run.is_some());
        let waits = asked.scope == AccessScope::Worker && leased && self.attempt_of(worker).is_none();
        let access = AccessAsked { at: self.now, request, session, attempt, asked, person };
        if waits {
            self.coverage.met("held until there is an attempt");
            return self.driver.accesses.entry(worker.clone()).or_default().push(access);
        }
        self.ask_access(worker, access);
    }

    /// There is an attempt to ask for, or there will be none.
    pub(super) fn ask_held_accesses(&mut self, worker: &WorkerId) {
        for access in self.driver.accesses.remove(worker).into_iter().flatten() {
            self.ask_access(worker, access);
        }
    }

    fn ask_access(&mut self, worker: &WorkerId, mut access: AccessAsked) {
        access.attempt = access.attempt.or_else(|| self.attempt_of(worker));
        access.at = self.now;
        self.items.push_back(Input::AccessAsked(Box::new(access)));
    }

    /// The attempt that a worker has.
    fn attempt_of(&self, worker: &WorkerId) -> Option<AttemptId> {
        let run = self.driver.pool.get(worker)?.run.as_ref()?;
        let attempt = self.record.executing(run)?;
        let has = self.record.attempts.get(&attempt)?.attempt.worker.as_ref() == Some(worker);
        has.then_some(attempt)
    }

    /// A worker wants to open something no longer: nobody need answer that.
    pub(super) fn access_withdrawn(&mut self, worker: &WorkerId, request: u32) {
        if let Some(held) = self.driver.accesses.get_mut(worker) {
            held.retain(|access| access.request != request);
        }
        let Some(attempt) = self.attempt_of(worker) else { return };
        let asks = self.record.open_access(&attempt, request);
        if asks.is_some_and(|asked| asked.access.worker == *worker) {
            self.coverage.met("withdrawn while a person is asked");
            let (answer, by) = (Answer::Cancelled, By::Runtime);
            self.items.push_back(Input::ApprovalAnswered { attempt, request, answer, by });
        }
    }

    /// A run needs its worker no longer.
    pub(super) fn give_worker_up(&mut self, run: &RunId) {
        let worker = self.driver.pool.of_run(run).cloned();
        self.driver.pool.release(run, self.clock);
        if let Some(worker) = worker {
            self.ask_held_accesses(&worker);
        }
    }

    /// A run is to stop or is over. What its worker was to open is not, and the worker may outlive the run.
    pub(super) fn refuse_withheld(&mut self, run: &RunId) -> Result<(), Fault> {
        let withheld = self.driver.withheld.entry(run.clone()).or_default();
        let (performs, others) =
            std::mem::take(withheld).into_iter().partition(|effect| matches!(effect, Effect::Perform { .. }));
        *withheld = others;
        let performs: Vec<Effect> = performs;
        for effect in performs {
            let Effect::Perform { worker, op, .. } = effect else { continue };
            self.coverage.met("refused because its run stops first");
            self.perform(Effect::Refuse { worker, op, why: NotPerformed::Cancelled })?;
        }
        Ok(())
    }

    /// What became of what a worker was told is seen.
    pub(super) fn note_told(&mut self, worker: &WorkerId) {
        let told = self.fakes.get_mut(worker).map(|fake| std::mem::take(&mut fake.told));
        for told in told.into_iter().flatten() {
            match told {
                Told::Performed => self.coverage.met("opened by a worker"),
                Told::Refused => self.coverage.met("refused to a worker"),
                Told::Revoked => self.coverage.met("taken back before it was opened"),
                Told::Closed => self.coverage.met("closed because its grant was taken back"),
                Told::Nothing => self.coverage.met("told to a worker that gave it up"),
            }
        }
    }

    /// Every worker is told that a grant holds no more.
    pub(super) fn tell_all(&mut self, command: &Command) {
        for worker in self.fakes.keys().cloned().collect::<Vec<_>>() {
            self.tell(&worker, command.clone());
        }
    }
}
