//! What one worker holds: its bindings, attempts and open requests, and which numbers it has used. Every effect and
//! report is checked against it.

use std::collections::BTreeMap;

use omi_kernel::grant::AccessScope;
use omi_kernel::id::{AttemptId, BindingId, RunId, SessionId};

use crate::gate::Behalf;
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

/// A binding.
#[derive(Debug)]
struct HeldBinding {
    id: BindingId,
    session: SessionId,
    /// Its working folder.
    cwd: String,
}

/// An attempt.
#[derive(Debug)]
struct HeldAttempt {
    id: AttemptId,
    run: RunId,
    session: SessionId,
    /// The working folder of its binding, which may be closed before it is over.
    cwd: String,
}

/// What one worker holds.
#[derive(Debug, Default)]
pub(crate) struct Holdings {
    next: u32,
    bindings: BTreeMap<u32, HeldBinding>,
    attempts: BTreeMap<u32, HeldAttempt>,
    /// Open requests, whatever they ask for: they share their numbers.
    requests: BTreeMap<u32, Open>,
    used_requests: OpIds,
    used_ops: OpIds,
}

impl Holdings {
    /// Takes up a binding under a new number.
    pub(crate) fn add_binding(&mut self, id: BindingId, session: SessionId, cwd: String) -> u32 {
        let number = self.number();
        self.bindings.insert(number, HeldBinding { id, session, cwd });
        number
    }

    /// The binding of a number.
    pub(crate) fn binding(&self, number: u32) -> Option<&BindingId> {
        self.bindings.get(&number).map(|held| &held.id)
    }

    /// The number of a binding.
    pub(crate) fn binding_number(&self, binding: &BindingId) -> Option<u32> {
        self.bindings.iter().find(|(_, held)| held.id == *binding).map(|(number, _)| *number)
    }

    /// Lets a binding go.
    pub(crate) fn remove_binding(&mut self, number: u32) {
        self.bindings.remove(&number);
    }

    /// Takes up an attempt on a binding under a new number; none if there is no such binding.
    pub(crate) fn add_attempt(&mut self, id: AttemptId, run: RunId, binding: u32) -> Option<u32> {
        let HeldBinding { session, cwd, .. } = self.bindings.get(&binding)?;
        let held = HeldAttempt { id, run, session: session.clone(), cwd: cwd.clone() };
        let number = self.number();
        self.attempts.insert(number, held);
        Some(number)
    }

    /// The attempt of a number.
    pub(crate) fn attempt(&self, number: u32) -> Option<&AttemptId> {
        self.attempts.get(&number).map(|held| &held.id)
    }

    /// The number of an attempt.
    pub(crate) fn attempt_number(&self, attempt: &AttemptId) -> Option<u32> {
        self.attempts.iter().find(|(_, held)| held.id == *attempt).map(|(number, _)| *number)
    }

    /// Lets an attempt go, and returns the requests of it that are still open.
    pub(crate) fn remove_attempt(&mut self, number: u32) -> Option<(AttemptId, Vec<(u32, Asks)>)> {
        let attempt = self.attempts.remove(&number)?;
        let open = self.requests.extract_if(.., |_, open| open.attempt == number);
        Some((attempt.id, open.map(|(request, open)| (request, open.asks)).collect()))
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

    /// On whose behalf an effect of this scope happens; none if the worker does not hold it.
    pub(crate) fn behalf(&self, scope: Scope) -> Option<Behalf> {
        match scope {
            Scope::Worker => Some(Behalf::worker()),
            Scope::Binding(number) => self.bindings.get(&number).map(|held| Behalf {
                scope: AccessScope::Binding,
                session: Some(held.session.clone()),
                attempt: None,
                run: None,
            }),
            Scope::Attempt(number) => self.attempts.get(&number).map(|held| Behalf {
                scope: AccessScope::Attempt,
                session: Some(held.session.clone()),
                attempt: Some(held.id.clone()),
                run: Some(held.run.clone()),
            }),
        }
    }

    /// The working folder of the session of a scope; the worker itself works in none.
    pub(crate) fn cwd(&self, scope: Scope) -> Option<&str> {
        match scope {
            Scope::Worker => None,
            Scope::Binding(number) => self.bindings.get(&number).map(|held| held.cwd.as_str()),
            Scope::Attempt(number) => self.attempts.get(&number).map(|held| held.cwd.as_str()),
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
        let mut source = || 1;
        let ids = &mut Ids::new(&mut source);
        let binding = holdings.add_binding(BindingId::new(ids), SessionId::new(ids), "/w".into());
        assert_eq!(holdings.add_attempt(AttemptId::new(ids), RunId::new(ids), binding + 1), None);
        let attempt = holdings.add_attempt(AttemptId::new(ids), RunId::new(ids), binding).unwrap();
        assert_eq!(holdings.cwd(Scope::Attempt(attempt)), Some("/w"));
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
