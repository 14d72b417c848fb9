//! Cancellation: dispatched, and acknowledged only where the state of the task proves it.

use omi_adapter_sdk::{Attempt, CancelAnswer, Failure, Millis, Outputs};

use crate::link::Due;
use crate::outbox::Outbox;
use crate::turn::{Cancel, Turn, Why};
use crate::wire::Method;
use crate::worker::Worker;

/// How long the agent may take to name a task that is to be cancelled, or to answer where nobody else waits: less than a
/// host waits before it ends the worker.
const WAIT_MS: Millis = 5_000;

/// How long the host waits for what is known: a person is told within two seconds. The agent may confirm later.
const ANSWER_MS: Millis = 1_500;

impl Worker {
    /// The host wants an attempt to stop.
    pub(crate) fn cancel(&mut self, attempt: Attempt, out: &mut Outputs) {
        let Some(turn) = self.turns.get_mut(&attempt) else {
            return out.push(CancelAnswer::new(attempt, false, false).because("the attempt is over"));
        };
        match turn.cancel.as_mut().filter(|cancel| cancel.due > 0) {
            // One answer is still to come, and says what became of both.
            Some(cancel) => {
                out.push(CancelAnswer::new(attempt, cancel.sent, false).because("it was asked for before"));
            }
            None => self.begin_cancel(attempt, Why::Host, 1, out),
        }
    }

    /// Have the agent cancel the task, now or when it names it.
    pub(crate) fn begin_cancel(&mut self, attempt: Attempt, why: Why, due: u32, out: &mut Outputs) {
        let is_sent = self.link.is_open(attempt, Method::Cancel);
        let Some(turn) = self.turns.get_mut(&attempt) else { return };
        turn.withdraw(&mut self.outbox, out);
        turn.cancel = Some(Cancel { why, due, sent: is_sent, unconfirmed: None });
        self.link.clear(Due::Again(attempt), out);
        if is_sent && why == Why::Host {
            self.link.timer(Due::Cancel(attempt), ANSWER_MS, out);
        } else {
            self.link.timer(Due::Cancel(attempt), WAIT_MS, out);
        }
        self.cancel_if_wanted(attempt, out);
    }

    /// Send a cancellation that waits for the task.
    pub(crate) fn cancel_if_wanted(&mut self, attempt: Attempt, out: &mut Outputs) {
        let Some(turn) = self.turns.get_mut(&attempt).filter(|turn| turn.task.is_some()) else { return };
        if let Some(cancel) = turn.cancel.as_mut().filter(|cancel| !cancel.sent) {
            cancel.sent = true;
            if cancel.why == Why::Host {
                self.link.timer(Due::Cancel(attempt), ANSWER_MS, out);
            }
            self.about_task(attempt, Method::Cancel, out);
        }
    }

    /// The agent answered the cancellation: with the task, or with these words.
    pub(crate) fn cancel_settled(&mut self, attempt: Attempt, error: Option<String>, out: &mut Outputs) {
        let Some(turn) = self.turns.get_mut(&attempt) else { return };
        if turn.state.is_terminal() {
            return self.conclude(attempt, out);
        }
        match (&mut turn.cancel, error) {
            // That it cannot be cancelled may mean that it is over.
            (Some(cancel), Some(words)) => {
                cancel.unconfirmed = Some(words);
                self.about_task(attempt, Method::Get, out);
            }
            (Some(_), None) => self.not_confirmed(attempt, "the agent goes on with the task", out),
            (None, _) => {}
        }
    }

    /// The cancellation never went out.
    pub(crate) fn cancel_not_sent(&mut self, attempt: Attempt, out: &mut Outputs) {
        if let Some(cancel) = self.turns.get_mut(&attempt).and_then(|turn| turn.cancel.as_mut()) {
            cancel.sent = false;
        }
        self.not_confirmed(attempt, "the cancellation could not be sent", out);
    }

    /// It was waited for long enough.
    pub(crate) fn cancel_overdue(&mut self, attempt: Attempt, out: &mut Outputs) {
        let Some(turn) = self.turns.get(&attempt) else { return };
        if turn.task.is_some() {
            return self.not_confirmed(attempt, "the agent did not answer the cancellation in time", out);
        }
        let message =
            "the agent has named no task that could be cancelled; it is not known whether it works on one";
        self.fail(attempt, Failure::fatal("cancel_unknown", message), out);
    }

    /// The agent did not say that work has stopped.
    pub(crate) fn not_confirmed(&mut self, attempt: Attempt, words: &str, out: &mut Outputs) {
        let Some(turn) = self.turns.get_mut(&attempt) else { return };
        turn.answer_cancel(false, Some(words), &mut self.outbox, out);
        let Some(cancel) = &mut turn.cancel else { return };
        cancel.unconfirmed = None;
        let failure = match cancel.why {
            Why::Host => {
                self.link.clear(Due::Cancel(attempt), out);
                if !self.is_followed(attempt) {
                    self.again(attempt, out);
                }
                return;
            }
            why => why.failure(&format!("; whether its task has stopped is not known: {words}")),
        };
        self.fail(attempt, failure, out);
    }
}

impl Why {
    /// How an attempt ends that this was the reason to cancel.
    pub(crate) fn failure(self, more: &str) -> Failure {
        match self {
            Self::Host => Failure::fatal("cancelled", format!("it was cancelled{more}")),
            Self::Unanswered(code) => {
                Failure::fatal(code, format!("nobody answered what the agent asked{more}"))
            }
            Self::Silent => Failure::fatal(
                "remote_silent",
                format!("nothing changed in the agent's task for too long{more}"),
            ),
        }
    }
}

impl Turn {
    /// Give the host the answers that it waits for.
    pub(crate) fn answer_cancel(
        &mut self,
        acknowledged: bool,
        words: Option<&str>,
        outbox: &mut Outbox,
        out: &mut Outputs,
    ) {
        let attempt = self.attempt;
        let Some(cancel) = &mut self.cancel else { return };
        for _ in 0..std::mem::take(&mut cancel.due) {
            let answer = CancelAnswer::new(attempt, cancel.sent, acknowledged && cancel.sent);
            let answer = match words {
                Some(words) => answer.because(words),
                None => answer,
            };
            outbox.push(answer, out);
        }
    }
}
