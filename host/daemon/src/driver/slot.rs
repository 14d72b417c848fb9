//! One worker as the driver holds it: its handle, what it is doing, and the commands that wait until it can take them.

use std::time::Duration;

use omi_kernel::command::{Command, StopReason};
use omi_kernel::id::{AdapterId, AttemptId, BindingId, SessionId, Timestamp};
use omi_kernel::input::AccessAsked;
use omi_kernel::report::{Failure, FailureDetail, Lease};

use super::start::Started;
use crate::clock::after;

/// How long a worker has to end in good order; then it is killed. The engine ends its processes in half of that.
const STOP_GRACE: Duration = Duration::from_secs(8);
/// How long a worker has whose attempt took too long, to have it cancelled: adapters answer within two seconds.
const LAST_CANCEL: Duration = Duration::from_secs(2);

/// A binding that is being made.
#[derive(Debug, Clone)]
pub(super) struct Bind {
    pub(super) attempt: AttemptId,
    pub(super) binding: BindingId,
    pub(super) session: SessionId,
}

/// What became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// The worker has it.
    Told,
    /// It waits until the worker is ready.
    Waits,
}

/// A worker, and what it is doing.
pub(super) struct Slot {
    pub(super) adapter: AdapterId,
    pub(super) started: Option<Started>,
    /// It can take commands. Not while it starts, and not while somebody logs in.
    ready: bool,
    was_ready: bool,
    pub(super) attempt: Option<AttemptId>,
    pub(super) bind: Option<Bind>,
    /// The binding of the attempt that it executes.
    pub(super) executes: Option<BindingId>,
    /// Commands for when it is ready: those of one run.
    waiting: Vec<Command>,
    /// Commands for when it is there: answers to what it wants to open, which it may while it gets ready.
    pub(super) early: Vec<Command>,
    /// What it wants to open before its run has an attempt to ask for; the engine bounds them.
    pub(super) accesses: Vec<AccessAsked>,
    /// That a person has to log in, and how, while it wants that.
    pub(super) logged_out: Option<Failure>,
    /// What identifies its process.
    pub(super) lease: Option<Lease>,
    /// The lease that is recorded with its attempt, or is on its way there.
    pub(super) recorded: Option<Lease>,
    /// How it ended, and whether another one may do better.
    pub(super) ended: Option<(FailureDetail, bool)>,
    stop: Option<StopReason>,
    stop_by: Option<Timestamp>,
}

impl Slot {
    pub(super) fn new(adapter: AdapterId) -> Self {
        Self {
            adapter,
            started: None,
            ready: false,
            was_ready: false,
            attempt: None,
            bind: None,
            executes: None,
            waiting: Vec::new(),
            early: Vec::new(),
            accesses: Vec::new(),
            logged_out: None,
            lease: None,
            recorded: None,
            ended: None,
            stop: None,
            stop_by: None,
        }
    }

    /// It is there.
    pub(super) fn start(&mut self, started: Started) {
        self.started = Some(started);
        for command in std::mem::take(&mut self.early) {
            self.tell(command);
        }
        if let Some(reason) = self.stop {
            self.tell(Command::Stop { reason });
        }
        self.flush();
    }

    /// It can take commands from now on.
    pub(super) fn be_ready(&mut self) {
        (self.ready, self.was_ready, self.logged_out) = (true, true, None);
        self.flush();
    }

    /// It has never been ready, so it has never held anything.
    pub(super) fn is_fresh(&self) -> bool {
        !self.was_ready
    }

    /// It takes no further run.
    pub(super) fn is_over(&self) -> bool {
        self.ended.is_some() || self.stop.is_some()
    }

    /// Sends a command, at once or when it is ready.
    pub(super) fn send(&mut self, command: Command) -> Result<Sent, FailureDetail> {
        if let Some((failure, _)) = &self.ended {
            return Err(failure.clone());
        }
        self.waiting.push(command);
        self.flush();
        Ok(if self.waiting.is_empty() { Sent::Told } else { Sent::Waits })
    }

    /// Sends a command that it takes whether it is ready or not.
    pub(super) fn tell_early(&mut self, command: Command) {
        if self.started.is_some() {
            self.tell(command);
        } else {
            self.early.push(command);
        }
    }

    /// Has it log in. It is not ready until it says so.
    pub(super) fn authenticate(&mut self, method: String) {
        (self.ready, self.logged_out) = (false, None);
        self.tell(Command::Authenticate { method });
    }

    /// Nobody wants the binding that is being made, if it has not been told to make it yet.
    pub(super) fn take_unsent_bind(&mut self) -> Option<Bind> {
        let makes = |command: &Command| {
            matches!(command, Command::OpenBinding { .. } | Command::ResumeBinding { .. })
        };
        let before = self.waiting.len();
        self.waiting.retain(|command| !makes(command));
        if self.waiting.len() < before { self.bind.take() } else { None }
    }

    /// Its run needs it no longer. Answers the attempt it had.
    pub(super) fn release(&mut self) -> Option<AttemptId> {
        self.take_unsent_bind();
        (self.bind, self.executes) = (None, None);
        self.attempt.take()
    }

    /// Has it end in good order, once.
    pub(super) fn stop(&mut self, reason: StopReason, now: Timestamp) {
        if self.stop.is_none() {
            self.stop = Some(reason);
            self.stop_by = Some(after(now, STOP_GRACE));
            self.tell(Command::Stop { reason });
        }
    }

    /// Has it cancel an attempt that is over, and a moment to tell whoever works on it elsewhere.
    pub(super) fn cancel_and_kill(&mut self, attempt: AttemptId, now: Timestamp) {
        self.stop.get_or_insert(StopReason::Recycle);
        self.stop_by = Some(after(now, LAST_CANCEL));
        self.tell(Command::Cancel { attempt });
    }

    /// Ends it at once.
    pub(super) fn kill(&mut self) {
        self.stop.get_or_insert(StopReason::Recycle);
        self.stop_by = None;
        if let Some(started) = &self.started {
            started.worker.kill();
        }
    }

    /// When it is killed if it has not ended by then.
    pub(super) fn stop_by(&self) -> Option<Timestamp> {
        self.stop_by
    }

    /// One that is gone has stopped, and says so itself.
    fn tell(&self, command: Command) {
        if let Some(started) = &self.started {
            let _ = started.worker.send(command);
        }
    }

    /// Sends what waits, if it can be taken. A worker that is gone says so itself.
    fn flush(&mut self) {
        let Some(started) = self.started.as_ref().filter(|_| self.ready) else { return };
        for command in self.waiting.drain(..) {
            if started.worker.send(command).is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use omi_kernel::command::NotPerformed;

    use super::*;

    #[test]
    fn what_a_worker_may_open_does_not_wait_until_it_is_ready() {
        let mut slot = Slot::new(AdapterId::from("a"));
        let refuse = Command::Refuse { op: 1, why: NotPerformed::Cancelled };
        slot.tell_early(refuse.clone());
        assert_eq!(slot.send(Command::Authenticate { method: "m".to_owned() }).ok(), Some(Sent::Waits));
        assert_eq!(slot.early, [refuse], "it is told as soon as the worker is there");
        assert_eq!(slot.waiting.len(), 1, "the rest waits until it is ready");
    }
}
