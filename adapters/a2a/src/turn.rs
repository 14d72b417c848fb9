//! One attempt: its task, how it is followed, what was told of it, and what it waits for.

use omi_adapter_sdk::{Attempt, Binding, Millis};

use crate::reading::{Message, State, Status};
use crate::said::Said;

/// How the task is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Follow {
    /// By a stream of events, taken up again where it drops.
    Stream,
    /// By asking for its state.
    Poll,
}

/// Why a task is to be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The host wants it.
    Host,
    /// What the agent asked was not answered; the word is the code of the failure.
    Unanswered(&'static str),
    /// Nothing changed for too long.
    Silent,
}

/// A cancellation.
#[derive(Clone, Debug)]
pub(crate) struct Cancel {
    pub(crate) why: Why,
    /// Answers that the host waits for.
    pub(crate) due: u32,
    /// The agent was told.
    pub(crate) sent: bool,
    /// The agent did not confirm, and its words; the state decides.
    pub(crate) unconfirmed: Option<String>,
}

/// A question that a person has not answered.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) request: u32,
    /// The status that asks.
    pub(crate) key: String,
    /// It is about a log-in elsewhere, which the agent may notice by itself.
    pub(crate) is_log_in: bool,
}

/// An attempt that is not over.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) attempt: Attempt,
    pub(crate) binding: Binding,
    /// Where the names of its messages begin.
    pub(crate) name: String,
    pub(crate) messages: u32,
    /// Its conversation, as the agent names it.
    pub(crate) context: Option<String>,
    /// Its task, once the agent named it.
    pub(crate) task: Option<String>,
    pub(crate) state: State,
    /// Tells the status from another one with the same state.
    pub(crate) key: String,
    /// What the agent says about its state.
    pub(crate) words: Option<Message>,
    /// The last message of the agent in the history.
    pub(crate) last_message: Option<Message>,
    /// The agent answered with a message and made no task.
    pub(crate) is_answered: bool,
    pub(crate) said: Said,
    pub(crate) follow: Follow,
    /// Times that it was asked again since something changed.
    pub(crate) tries: u32,
    /// When something was heard of the task, and when it was something new.
    pub(crate) heard_at: Millis,
    pub(crate) changed_at: Millis,
    pub(crate) asked: Option<Asked>,
    /// The question that was answered last: an old snapshot asks it again.
    pub(crate) answered: Option<String>,
    pub(crate) cancel: Option<Cancel>,
}

impl Turn {
    /// An attempt that has sent nothing yet.
    pub(crate) fn new(
        attempt: Attempt,
        binding: Binding,
        name: String,
        context: Option<String>,
        follow: Follow,
        now: Millis,
    ) -> Self {
        Self {
            attempt,
            binding,
            name,
            messages: 0,
            context,
            task: None,
            state: State::Working,
            key: String::new(),
            words: None,
            last_message: None,
            is_answered: false,
            said: Said::default(),
            follow,
            tries: 0,
            heard_at: now,
            changed_at: now,
            asked: None,
            answered: None,
            cancel: None,
        }
    }

    /// A name for the next message, which nobody uses again.
    pub(crate) fn next_message(&mut self) -> String {
        self.messages += 1;
        format!("{}-{}", self.name, self.messages)
    }

    /// Something new was heard.
    pub(crate) fn changes(&mut self, now: Millis) {
        (self.changed_at, self.tries) = (now, 0);
    }

    /// Time begins anew: the agent was waited for by nobody.
    pub(crate) fn begin_anew(&mut self, now: Millis) {
        self.heard_at = now;
        self.changes(now);
    }

    /// Take where the task stands. Says whether that is new.
    pub(crate) fn stands(&mut self, status: &Status) -> bool {
        let is_new = self.state != status.state || self.key != status.key;
        let words = status.message.as_ref().filter(|message| message.of_agent);
        (self.state, self.words) = (status.state, words.cloned());
        self.key.clone_from(&status.key);
        is_new
    }

    /// The agent asks what was answered before: mostly in the snapshot with which it takes the answer.
    pub(crate) fn repeats_question(&self) -> bool {
        self.state.waits() && self.answered.as_ref() == Some(&self.key)
    }

    /// The agent took its first message.
    pub(crate) fn is_accepted(&self) -> bool {
        self.task.is_some() || self.is_answered
    }

    /// The host has cancelled it.
    pub(crate) fn is_cancelled_by_host(&self) -> bool {
        self.cancel.as_ref().is_some_and(|cancel| cancel.why == Why::Host)
    }
}
