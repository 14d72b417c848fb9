//! Requests that wait for their answer, each with what it is for and with a deadline.

use std::collections::BTreeMap;

use crate::{Op, Output, Outputs};

/// The requests that were sent to one peer and are not answered yet. `P` says what an answer is for.
///
/// ```
/// use omi_adapter_sdk::rpc::Calls;
/// use omi_adapter_sdk::{Output, Outputs};
///
/// let (mut calls, mut out) = (Calls::new(), Outputs::new());
/// let id = calls.next_id();
/// calls.wait(id, "initialize", Some(7)); // timer 7 was set with `SetTimer`
/// assert_eq!(calls.answered(id, &mut out), Some("initialize"));
/// assert_eq!(out.into_vec(), [Output::ClearTimer(7)]);
/// assert_eq!(calls.answered(id, &mut Outputs::new()), None, "a second answer is to nothing");
/// ```
#[derive(Debug)]
pub struct Calls<P> {
    last_id: u64,
    waiting: BTreeMap<u64, Waiting<P>>,
}

#[derive(Debug)]
struct Waiting<P> {
    purpose: P,
    deadline: Option<Op>,
}

impl<P> Default for Calls<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P> Calls<P> {
    /// Nothing was asked yet.
    pub fn new() -> Self {
        Self { last_id: 0, waiting: BTreeMap::new() }
    }

    /// A fresh number for a request: 1, 2, and so on.
    pub fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// The request with this number was sent, for this purpose, and `deadline` is the timer that ends its time.
    pub fn wait(&mut self, id: u64, purpose: P, deadline: Option<Op>) {
        self.waiting.insert(id, Waiting { purpose, deadline });
    }

    /// What the request with this number was for. Its timer is cleared; a second answer is to nothing.
    pub fn answered(&mut self, id: u64, out: &mut Outputs) -> Option<P> {
        let waiting = self.waiting.remove(&id)?;
        if let Some(timer) = waiting.deadline {
            out.push(Output::ClearTimer(timer));
        }
        Some(waiting.purpose)
    }

    /// What the request was for whose time is over, if the timer is one of a request. Its answer will be ignored.
    pub fn expired(&mut self, timer: Op) -> Option<P> {
        let due = |waiting: &Waiting<P>| waiting.deadline == Some(timer);
        let id = self.waiting.iter().find(|(_, waiting)| due(waiting)).map(|(id, _)| *id)?;
        self.waiting.remove(&id).map(|waiting| waiting.purpose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_whose_time_is_over_has_no_answer_any_more() {
        let (mut calls, mut out) = (Calls::new(), Outputs::new());
        for (purpose, timer) in [("one", Some(11)), ("two", Some(12)), ("three", None)] {
            let id = calls.next_id();
            calls.wait(id, purpose, timer);
        }
        assert_eq!(calls.expired(99), None, "a timer of something else");
        assert_eq!(calls.expired(12), Some("two"));
        assert_eq!((calls.expired(12), calls.answered(2, &mut out)), (None, None));
        assert_eq!(calls.answered(3, &mut out), Some("three"));
        assert!(out.is_empty(), "it had no deadline");
        assert_eq!(calls.answered(1, &mut out), Some("one"));
        assert_eq!(out.into_vec(), [Output::ClearTimer(11)]);
    }
}
