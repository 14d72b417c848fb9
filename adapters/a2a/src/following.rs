//! How a task is followed: its stream, the stream again where it drops, its state where there is no stream, and an end
//! where nothing is heard any more.

use omi_adapter_sdk::{Attempt, Failure, Millis, Outputs, log};

use crate::link::Due;
use crate::turn::{Follow, Why};
use crate::wire::{self, Method};
use crate::worker::Worker;

/// A task that the agent does not know (any more).
const TASK_NOT_FOUND: i64 = -32001;

/// The first pause before asking again, and the longest; each is twice as long as the one before it.
const PAUSE_MS: Millis = 250;
const PAUSE_MS_MAX: Millis = 5_000;

/// Streams that may drop one after the other without anything new: then asking for the state is cheaper.
const SUBSCRIBES_MAX: u32 = 4;

impl Worker {
    /// No more comes from a stream, or from an answer that was none.
    pub(crate) fn stream_ended(&mut self, attempt: Attempt, out: &mut Outputs) {
        let Some(turn) = self.turns.get(&attempt) else { return };
        if turn.state.waits() && !turn.repeats_question() {
            return self.ask(attempt, out);
        }
        if !self.is_followed(attempt) {
            self.again(attempt, out);
        }
    }

    /// Whether something tells how the task goes on.
    pub(crate) fn is_followed(&self, attempt: Attempt) -> bool {
        let streams = [Method::Stream, Method::Subscribe, Method::Get, Method::Send];
        streams.into_iter().any(|method| self.link.is_open(attempt, method))
            || self.link.is_due(Due::Again(attempt))
    }

    /// Ask again after a pause.
    pub(crate) fn again(&mut self, attempt: Attempt, out: &mut Outputs) {
        let Some(turn) = self.turns.get_mut(&attempt) else { return };
        let pause = PAUSE_MS.saturating_mul(1 << turn.tries.min(8)).min(PAUSE_MS_MAX);
        turn.tries += 1;
        if turn.tries > SUBSCRIBES_MAX {
            turn.follow = Follow::Poll;
        }
        self.link.timer(Due::Again(attempt), pause, out);
    }

    /// The pause is over.
    pub(crate) fn ask_again(&mut self, attempt: Attempt, out: &mut Outputs) {
        let Some(turn) = self.turns.get(&attempt) else { return };
        match turn.follow {
            Follow::Stream => self.about_task(attempt, Method::Subscribe, out),
            Follow::Poll => self.about_task(attempt, Method::Get, out),
        }
    }

    /// Follow the task by asking for its state from now on.
    pub(crate) fn poll(&mut self, attempt: Attempt, out: &mut Outputs) {
        if let Some(turn) = self.turns.get_mut(&attempt) {
            turn.follow = Follow::Poll;
        }
        self.about_task(attempt, Method::Get, out);
    }

    /// Send a request about the task, unless the same is open.
    pub(crate) fn about_task(&mut self, attempt: Attempt, method: Method, out: &mut Outputs) {
        let (Some(turn), Some(agent)) = (self.turns.get(&attempt), &self.agent) else { return };
        let Some(task) = turn.task.as_deref().filter(|_| !self.link.is_open(attempt, method)) else { return };
        self.link.call(attempt, method, agent, |op| wire::task_body(op, method, task, agent), out);
    }

    /// The state was asked for and is known. Says `is_new` if it tells more than was heard before.
    pub(crate) fn state_read(&mut self, attempt: Attempt, is_new: bool, out: &mut Outputs) {
        let Some(turn) = self.turns.get(&attempt) else { return };
        let unconfirmed = turn.cancel.as_ref().and_then(|cancel| cancel.unconfirmed.clone());
        if let Some(words) = unconfirmed.filter(|_| !turn.state.is_terminal()) {
            return self.not_confirmed(attempt, &words, out);
        }
        self.decide(attempt, out);
        let Some(turn) = self.turns.get_mut(&attempt) else { return };
        if turn.repeats_question() && turn.tries > SUBSCRIBES_MAX {
            // It is no old snapshot: the agent did not take the answer.
            turn.answered = None;
            return self.ask(attempt, out);
        }
        if turn.asked.is_some() || turn.cancel.as_ref().is_some_and(|cancel| cancel.why != Why::Host) {
            return;
        }
        if self.now.saturating_sub(turn.changed_at) >= self.config.zombie_ms {
            return self.begin_cancel(attempt, Why::Silent, 0, out);
        }
        if is_new {
            // A stream that did not tell this is none: what it tells later would be told twice.
            self.link.abort(attempt, Method::streams, out);
        }
        if !self.is_followed(attempt) {
            self.again(attempt, out);
        }
    }

    /// The state was asked for and is not known.
    pub(crate) fn state_unknown(
        &mut self,
        attempt: Attempt,
        code: Option<i64>,
        words: &str,
        out: &mut Outputs,
    ) {
        let Some(turn) = self.turns.get(&attempt) else { return };
        if turn.cancel.as_ref().is_some_and(|cancel| cancel.unconfirmed.is_some()) {
            return self.not_confirmed(attempt, words, out);
        }
        if code == Some(TASK_NOT_FOUND) {
            let message = format!("the agent does not know its task any more: {words}");
            return self.fail(attempt, Failure::fatal("task_lost", message), out);
        }
        if self.now.saturating_sub(turn.heard_at) >= self.config.silence_ms {
            let message = format!("the agent is out of reach, and its task may go on: {words}");
            return self.fail(attempt, Failure::fatal("remote_lost", message), out);
        }
        log::info(&format!("the state of the task is not known: {words}"));
        if !self.is_followed(attempt) {
            self.again(attempt, out);
        }
    }

    /// See whether the agent is silent.
    pub(crate) fn look(&mut self, attempt: Attempt, out: &mut Outputs) {
        let Some(turn) = self.turns.get(&attempt) else { return };
        let silence = self.config.silence_ms;
        let silent = self.now.saturating_sub(turn.heard_at);
        let unchanged = self.now.saturating_sub(turn.changed_at);
        let waits = turn.asked.is_some();
        let next = if waits || silent >= silence { silence } else { silence - silent };
        if waits || silent < silence {
            return self.link.timer(Due::Silence(attempt), next, out);
        }
        if turn.task.is_none() && unchanged >= self.config.zombie_ms {
            let message =
                "the agent took the message and says nothing; it is not known whether it works on it";
            return self.fail(attempt, Failure::fatal("remote_silent", message), out);
        }
        self.link.timer(Due::Silence(attempt), next, out);
        self.about_task(attempt, Method::Get, out);
    }

    /// The host sets no timer.
    pub(crate) fn untimed(&mut self, due: Due, out: &mut Outputs) {
        match due {
            // Only a silent agent is not noticed.
            Due::Silence(_) => {}
            Due::Cancel(attempt) => self.cancel_overdue(attempt, out),
            Due::Again(attempt) => {
                let message = "the host sets no timer, so the task cannot be followed; it may go on";
                self.fail(attempt, Failure::fatal("no_timer", message), out);
            }
        }
    }
}
