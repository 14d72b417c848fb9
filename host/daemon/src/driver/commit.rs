//! One batch: decided, committed, and only then published, answered and performed.

use std::sync::Arc;

use omi_kernel::decision::Reply;
use omi_kernel::id::Ids;
use omi_kernel::input::Input;
use omi_store::{Outcome, StoreError};

use super::{Answer, BATCH_MAX, Driver, Item, random};
use crate::client::{Answered, LiveText, Published, RequestError};

impl Driver {
    /// Commits what waits. Answers whether it could be.
    pub(super) fn commit(&mut self) -> bool {
        // After a failure one at a time, so that one that can never be recorded is told from the others.
        let count = if self.failing { 1 } else { self.batch_len() };
        let pool = &self.pool;
        let has_worker = |item: &Item| match item.input() {
            // The run gave the worker back meanwhile.
            Some(Input::Begin(begin)) => pool.has(&begin.run, &begin.worker),
            Some(_) | None => true,
        };
        let items: Vec<Item> = self.items.drain(..count).filter(has_worker).collect();
        let inputs: Vec<Input> = items.iter().filter_map(Item::input).cloned().collect();
        let outcomes = if inputs.is_empty() {
            Ok(Vec::new())
        } else {
            self.store.batch(&inputs, self.clock.of_day(), &mut Ids::new(&mut random))
        };
        match outcomes {
            Ok(outcomes) => {
                self.failing = false;
                self.committed(items, outcomes);
                true
            }
            Err(error) => {
                self.keep(items, &error);
                false
            }
        }
    }

    /// How much is decided at once. A run does not begin in the batch in which one is cancelled: whether it still has
    /// its worker is known after the commit.
    fn batch_len(&self) -> usize {
        let mut cancels = false;
        let ends = |item: &Item| match item.input() {
            Some(Input::Begin(_)) => cancels,
            Some(Input::Cancel { .. }) => {
                cancels = true;
                false
            }
            Some(_) | None => false,
        };
        self.items.iter().take(BATCH_MAX).position(ends).unwrap_or(self.items.len().min(BATCH_MAX))
    }

    fn committed(&mut self, items: Vec<Item>, outcomes: Vec<Outcome>) {
        let mut outcomes = outcomes.into_iter();
        for item in items {
            match item {
                Item::Live(live) => self.publish_live(live),
                Item::Input { input, answer } => {
                    if let Some(outcome) = outcomes.next() {
                        self.outcome(&input, outcome, answer);
                    }
                }
            }
        }
    }

    fn outcome(&mut self, input: &Input, outcome: Outcome, answer: Option<Answer>) {
        match outcome {
            Ok(committed) => {
                for event in committed.events {
                    self.cursor = event.cursor;
                    self.requests.note(&event);
                    // Nobody listening is fine: the record has it.
                    let _ = self.published.send(Published::Event(Arc::new(event.into())));
                }
                self.reply(input, committed.reply, answer);
                committed.effects.into_iter().for_each(|effect| self.perform(effect));
                if let Input::WorkerOver { worker, stop: None } = input {
                    self.worker_gone(worker);
                }
            }
            Err(rejected) => {
                match answer {
                    // The client may have gone.
                    Some(answer) => drop(answer.send(Err(RequestError::rejected(&rejected)))),
                    None => tracing::warn!(%rejected, ?input, "a report changed nothing"),
                }
                self.not_recorded(input, &rejected);
            }
        }
    }

    /// The end of a worker cannot be recorded: it ends all the same. What an adapter wants to open is not opened.
    fn not_recorded(&mut self, input: &Input, why: &dyn std::fmt::Display) {
        if let Input::AccessAsked(asked) = input {
            self.access_not_recorded(&asked.asked.access, why);
        }
        let Input::WorkerOver { worker, stop } = input else { return };
        match stop {
            Some(reason) => self.pool.stop(worker, *reason, self.clock.since_start()),
            None => self.worker_gone(worker),
        }
    }

    fn reply(&mut self, input: &Input, reply: Reply, answer: Option<Answer>) {
        if let Input::CancelDispatched { attempt, dispatched, acknowledged } = input {
            self.cancels.answered(attempt, *dispatched, *acknowledged);
        }
        let Some(answer) = answer else { return };
        let answered = match reply {
            Reply::Accepted { session, run, repeated } => Answered::Accepted { session, run, repeated },
            Reply::Session { session, repeated } => Answered::Session { session, repeated },
            Reply::Delegated { delegation, session, run, repeated } => {
                Answered::Delegated { delegation, session, run, repeated }
            }
            Reply::Done | Reply::Late => Answered::Done,
            Reply::Cancelling { .. } => {
                return self.cancels.acknowledge(reply, answer, self.clock.since_start());
            }
        };
        // The client may have gone.
        let _ = answer.send(Ok(answered));
    }

    /// Nothing could be recorded: requests are refused, everything else is decided again.
    fn keep(&mut self, items: Vec<Item>, error: &StoreError) {
        if !self.failing {
            self.failing = true;
            tracing::error!(%error, "cannot record; what happens is kept and tried again");
            // Nobody listening is fine: the log has it.
            let _ = self.published.send(Published::StoreFailing(error.to_string().into()));
        }
        // Nobody is kept waiting for something that cannot be recorded now.
        for item in std::mem::take(&mut self.items) {
            match item {
                Item::Input { answer: Some(answer), .. } => {
                    // The client may have gone.
                    let _ = answer.send(Err(RequestError::not_recorded(error)));
                }
                item @ (Item::Input { answer: None, .. } | Item::Live(_)) => self.items.push_back(item),
            }
        }
        let hopeless = items.len() == 1 && matches!(error, StoreError::Corrupt { .. });
        for item in items.into_iter().rev() {
            match item {
                Item::Input { input, answer: None } if hopeless => {
                    tracing::error!(?input, "the record it belongs to is damaged: it is given up");
                    self.not_recorded(&input, error);
                }
                Item::Input { answer: Some(answer), .. } => {
                    // The client may have gone.
                    let _ = answer.send(Err(RequestError::not_recorded(error)));
                }
                item @ (Item::Input { answer: None, .. } | Item::Live(_)) => self.items.push_front(item),
            }
        }
    }

    fn publish_live(&mut self, mut live: LiveText) {
        self.sequence += 1;
        live.sequence = self.sequence;
        live.cursor = self.cursor;
        // Nobody listening is fine: the record will have it.
        let _ = self.published.send(Published::Live(Arc::new(live)));
    }
}

impl Item {
    fn input(&self) -> Option<&Input> {
        match self {
            Self::Input { input, .. } => Some(input),
            Self::Live(_) => None,
        }
    }
}
