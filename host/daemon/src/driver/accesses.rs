//! What workers want to open: asked of the kernel, in the name of an attempt where there is one, so that a person can
//! be asked.
//!
//! A worker may want something before the run that it is started for has an attempt. That is held until there is one,
//! or until the run gives the worker up.

#[cfg(test)]
mod tests;

use omi_kernel::command::{Answer, Command, NotPerformed};
use omi_kernel::grant::{Access, AccessScope, Asked};
use omi_kernel::id::{AttemptId, SessionId, WorkerId};
use omi_kernel::input::{AccessAsked, By, Input};

use super::requests::Asks;
use super::{Driver, Item};

impl Driver {
    /// A worker wants to open something.
    pub(super) fn access_asked(
        &mut self,
        worker: &WorkerId,
        request: u32,
        session: Option<SessionId>,
        attempt: Option<AttemptId>,
        asked: Asked,
    ) {
        if let Some(attempt) = &attempt {
            self.keep_text(attempt);
        }
        let (at, person) = (self.clock.of_day(), self.person);
        let waits = asked.scope == AccessScope::Worker && self.pool.is_about_to_begin(worker);
        let access = AccessAsked { at, request, session, attempt, asked, person };
        match self.pool.held_accesses(worker).filter(|_| waits) {
            Some(held) => held.push(access),
            None => self.ask_access(worker, access),
        }
    }

    /// There is an attempt to ask for, or there will be none.
    pub(super) fn ask_held_accesses(&mut self, worker: &WorkerId) {
        let held = self.pool.held_accesses(worker).map(std::mem::take);
        for access in held.into_iter().flatten() {
            self.ask_access(worker, access);
        }
    }

    fn ask_access(&mut self, worker: &WorkerId, mut access: AccessAsked) {
        access.attempt = access.attempt.or_else(|| self.pool.attempt(worker));
        self.decide(Input::AccessAsked(Box::new(access)));
    }

    /// A worker wants to open something no longer: nobody need answer that.
    pub(super) fn access_withdrawn(&mut self, worker: &WorkerId, request: u32) {
        if let Some(held) = self.pool.held_accesses(worker) {
            held.retain(|access| access.request != request);
        }
        self.items.retain(|item| !item.asks_for_access(worker, request));
        let Some(attempt) = self.pool.attempt(worker) else { return };
        if self.requests.of(&attempt).contains(&(request, Asks::Approval)) {
            let (answer, by) = (Answer::Cancelled, By::Runtime);
            self.decide(Input::ApprovalAnswered { attempt, request, answer, by });
        }
    }

    /// What cannot be recorded is not opened.
    pub(super) fn access_not_recorded(&mut self, access: &Access, why: &dyn std::fmt::Display) {
        let why = NotPerformed::Denied(format!("it cannot be recorded: {why}"));
        self.pool.tell(&access.worker, Command::Refuse { op: access.op, why });
    }
}

impl Item {
    /// It will be decided whether a worker may open something.
    fn asks_for_access(&self, worker: &WorkerId, request: u32) -> bool {
        matches!(self, Self::Input { input: Input::AccessAsked(asked), .. }
            if asked.request == request && asked.asked.access.worker == *worker)
    }
}
