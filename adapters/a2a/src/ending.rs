//! How an attempt ends, from the last state of its task.
//!
//! | state | outcome |
//! | --- | --- |
//! | a message without a task | succeeded, `message` |
//! | COMPLETED, also with nothing said | succeeded, `completed`: the state is a claim of its own |
//! | CANCELED after the host's cancellation | cancelled |
//! | CANCELED because nobody answered, or nothing changed | failed, with the code of that |
//! | CANCELED out of the blue | failed, `cancelled_remotely` |
//! | FAILED, REJECTED | failed, `task_failed`, `task_rejected`, with the agent's words |

use omi_adapter_sdk::{Attempt, AttemptFinished, BindingFailed, Failure, Outcome, Outputs, log};

use crate::config::Contexts;
use crate::json::quote;
use crate::outbox::Sink;
use crate::reading::{Message, State};
use crate::turn::Turn;
use crate::worker::Worker;

impl Worker {
    /// The task is over, or was never one.
    pub(crate) fn conclude(&mut self, attempt: Attempt, out: &mut Outputs) {
        let Some(turn) = self.turns.get_mut(&attempt) else { return };
        if turn.state == State::Completed
            && !turn.said.answered
            && let Some(message) = turn.last_message.take()
        {
            // Some agents leave their answer in the history.
            let mut sink = Sink { attempt, outbox: &mut self.outbox, link: &mut self.link, out };
            turn.said.answer(Message { id: format!("{}-answer", message.id), ..message }, &mut sink);
        }
        let outcome = turn.outcome();
        let acknowledged = turn.state == State::Canceled;
        let words = (!acknowledged).then_some("the task had ended already");
        turn.answer_cancel(acknowledged, words, &mut self.outbox, out);
        self.finish(attempt, outcome, out);
    }

    /// An attempt ends with a failure, wherever its task is.
    pub(crate) fn fail(&mut self, attempt: Attempt, failure: Failure, out: &mut Outputs) {
        let Some(turn) = self.turns.get_mut(&attempt) else { return };
        let words = "it is not known whether the agent works on";
        turn.answer_cancel(false, Some(words), &mut self.outbox, out);
        self.finish(attempt, Outcome::Failed(failure), out);
    }

    fn finish(&mut self, attempt: Attempt, outcome: Outcome, out: &mut Outputs) {
        let Some(mut turn) = self.turns.remove(&attempt) else { return };
        self.link.forget(attempt, out);
        turn.withdraw(&mut self.outbox, out);
        let mut sink = Sink { attempt, outbox: &mut self.outbox, link: &mut self.link, out };
        turn.said.end_message(&mut sink);
        self.outbox.push(AttemptFinished::new(attempt, outcome, None), out);
        let Some(conversation) = self.conversations.get_mut(&turn.binding) else { return };
        conversation.attempt = None;
        if turn.is_accepted() {
            conversation.prepend = None;
        }
        match self.config.contexts {
            Contexts::Agent => conversation.context = turn.context,
            Contexts::Client if conversation.context == turn.context => {}
            Contexts::Client => {
                let message = "the agent gave the conversation another id than it was asked to; hint: set \
                               `contexts = \"agent\"` in `[config]`";
                log::warn(message);
                self.conversations.remove(&turn.binding);
                let failure = Failure::stale("context_renamed", message);
                self.outbox.push(BindingFailed::new(turn.binding, failure), out);
            }
        }
    }
}

impl Turn {
    fn outcome(&self) -> Outcome {
        let said =
            self.words.as_ref().map(|message| quote(&message.text())).filter(|words| !words.is_empty());
        let words = || said.clone().unwrap_or_else(|| "it does not say why".to_owned());
        let failed = |code: &str, message: String| Outcome::Failed(Failure::fatal(code, message));
        match self.state {
            _ if self.is_answered => Outcome::succeeded("message"),
            State::Completed => Outcome::succeeded("completed"),
            State::Canceled if self.is_cancelled_by_host() => Outcome::Cancelled,
            State::Canceled => match &self.cancel {
                Some(cancel) => Outcome::Failed(cancel.why.failure("; its task was cancelled")),
                None => {
                    failed("cancelled_remotely", format!("the task was cancelled elsewhere: {}", words()))
                }
            },
            State::Failed => failed("task_failed", format!("the agent failed: {}", words())),
            State::Rejected => failed("task_rejected", format!("the agent refused the task: {}", words())),
            // Nobody concludes a task that goes on.
            State::Working | State::InputRequired | State::AuthRequired => {
                failed("task_open", "the task was not over".to_owned())
            }
        }
    }
}
