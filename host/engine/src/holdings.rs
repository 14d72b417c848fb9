//! What one worker holds: its bindings, attempts and open requests, and which numbers it has used. Every effect and
//! report is checked against it.

use std::collections::BTreeMap;

use omi_kernel::id::{AttemptId, BindingId};

use crate::input::Op;
use crate::op_ids::OpIds;
use crate::output::Scope;

/// What a request asks a person for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    Approval,
    Information,
}

/// An open request.
#[derive(Debug)]
struct Open {
    attempt: u32,
    asks: Asks,
}

/// What one worker holds.
#[derive(Debug, Default)]
pub(crate) struct Holdings {
    next: u32,
    bindings: BTreeMap<u32, BindingId>,
    attempts: BTreeMap<u32, AttemptId>,
    /// Open requests, whatever they ask for: they share their numbers.
    requests: BTreeMap<u32, Open>,
    used_requests: OpIds,
    used_ops: OpIds,
}

impl Holdings {
    /// Takes up a binding under a new number.
    pub(crate) fn add_binding(&mut self, binding: BindingId) -> u32 {
        let number = self.number();
        self.bindings.insert(number, binding);
        number
    }

    /// The binding of a number.
    pub(crate) fn binding(&self, number: u32) -> Option<&BindingId> {
        self.bindings.get(&number)
    }

    /// The number of a binding.
    pub(crate) fn binding_number(&self, binding: &BindingId) -> Option<u32> {
        self.bindings.iter().find(|(_, held)| *held == binding).map(|(number, _)| *number)
    }

    /// Lets a binding go.
    pub(crate) fn remove_binding(&mut self, number: u32) -> Option<BindingId> {
        self.bindings.remove(&number)
    }

    /// Takes up an attempt under a new number.
    pub(crate) fn add_attempt(&mut self, attempt: AttemptId) -> u32 {
        let number = self.number();
        self.attempts.insert(number, attempt);
        number
    }

    /// The attempt of a number.
    pub(crate) fn attempt(&self, number: u32) -> Option<&AttemptId> {
        self.attempts.get(&number)
    }

    /// The number of an attempt.
    pub(crate) fn attempt_number(&self, attempt: &AttemptId) -> Option<u32> {
        self.attempts.iter().find(|(_, held)| *held == attempt).map(|(number, _)| *number)
    }

    /// Lets an attempt go, and returns the requests of it that are still open.
    pub(crate) fn remove_attempt(&mut self, number: u32) -> Option<(AttemptId, Vec<(u32, Asks)>)> {
        let attempt = self.attempts.remove(&number)?;
        let open = self.requests.extract_if(.., |_, open| open.attempt == number);
        Some((attempt, open.map(|(request, open)| (request, open.asks)).collect()))
    }

    /// Opens a request; false if its number was used before.
    pub(crate) fn open_request(&mut self, request: u32, attempt: u32, asks: Asks) -> bool {
        let fresh = self.used_requests.claim(request);
        if fresh {
            self.requests.insert(request, Open { attempt, asks });
        }
        fresh
    }

    /// How many requests are open.
    pub(crate) fn open_requests(&self) -> usize {
        self.requests.len()
    }

    /// Closes a request that asks for this; false if there is none of this number.
    pub(crate) fn answer_request(&mut self, request: u32, asks: Asks) -> bool {
        self.requests.get(&request).is_some_and(|open| open.asks == asks) && self.close_request(request)
    }

    /// Closes a request; false if it is not open.
    pub(crate) fn close_request(&mut self, request: u32) -> bool {
        self.requests.remove(&request).is_some()
    }

    /// Marks an op as used; false if it was before.
    pub(crate) fn claim_op(&mut self, op: Op) -> bool {
        self.used_ops.claim(op)
    }

    /// Whether the worker holds what an effect is said to be for.
    pub(crate) fn holds(&self, scope: Scope) -> bool {
        match scope {
            Scope::Worker => true,
            Scope::Binding(number) => self.bindings.contains_key(&number),
            Scope::Attempt(number) => self.attempts.contains_key(&number),
        }
    }

    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }
}

#[cfg(test)]
mod tests {
    use omi_kernel::id::Ids;

    use super::*;

    #[test]
    fn a_number_is_open_once_whatever_it_asks_for() {
        let mut holdings = Holdings::default();
        let attempt = holdings.add_attempt(AttemptId::new(&mut Ids::new(&mut || 1)));
        assert!(holdings.open_request(1, attempt, Asks::Approval));
        assert!(!holdings.open_request(1, attempt, Asks::Information));
        assert!(holdings.open_request(2, attempt, Asks::Information));
        assert!(!holdings.answer_request(2, Asks::Approval), "it asks for information");
        assert!(holdings.answer_request(1, Asks::Approval));
        assert!(!holdings.open_request(1, attempt, Asks::Information), "the number was used");
        let (_, open) = holdings.remove_attempt(attempt).unwrap();
        assert_eq!(open, [(2, Asks::Information)]);
        assert_eq!(holdings.open_requests(), 0);
    }
}
