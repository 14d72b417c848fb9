//! What an adapter wants to open and nobody has decided about yet, and what was opened under which grant.

use std::collections::{BTreeMap, BTreeSet};

use omi_kernel::grant::{Asked, Grant};
use omi_kernel::id::GrantId;
use omi_kernel::row::{HOST_REQUESTS, LOG_IN};

use crate::file_jobs::Job;
use crate::gate;
use crate::input::Op;
use crate::limits;
use crate::output::{HttpRequest, Scope, Spawn};
use crate::stdin::Stdin;

/// What is done once it is allowed.
pub(crate) enum Deferred {
    /// Nothing: no grant could allow it, and it waits only to be recorded.
    Nothing,
    /// A process is started. Its standard input can be written to at once.
    Spawn { spawn: Spawn, stdin: Stdin },
    /// A file is read or written.
    File(Job),
    /// A request is sent.
    Send { request: HttpRequest, body: Vec<u8> },
}

impl Deferred {
    /// Bytes that are kept for it.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            // Standard input has a limit of its own.
            Self::Nothing | Self::Spawn { .. } => 0,
            Self::File(job) => job.work.bytes(),
            Self::Send { body, .. } => body.len(),
        }
    }
}

/// Something that waits to be decided about.
pub(crate) struct Parked {
    pub(crate) scope: Scope,
    /// The number under which a person may be asked.
    pub(crate) request: u32,
    pub(crate) asked: Asked,
    pub(crate) deferred: Deferred,
}

/// What is parked and what is open of one worker.
#[derive(Default)]
pub(crate) struct Accesses {
    parked: BTreeMap<Op, Parked>,
    /// Under which grants something is open: the grant and the one that it was copied from.
    open: BTreeMap<Op, Vec<GrantId>>,
    /// Grants that were revoked while something was parked: it may have been allowed under them before.
    revoked: BTreeSet<GrantId>,
    /// Numbers of requests given out: one for each access that is recorded.
    requests: u32,
}

impl Accesses {
    /// The next number under which a person may be asked; none if all are used up.
    pub(crate) fn next_request(&mut self) -> Option<u32> {
        let request = HOST_REQUESTS + self.requests;
        (self.requests < limits::DECISIONS && request != LOG_IN).then(|| {
            self.requests += 1;
            request
        })
    }

    /// How many wait.
    pub(crate) fn count(&self) -> usize {
        self.parked.len()
    }

    /// How many processes wait to be started.
    pub(crate) fn spawns(&self) -> usize {
        self.parked.values().filter(|parked| matches!(parked.deferred, Deferred::Spawn { .. })).count()
    }

    /// Whether it is a request that waits to be sent.
    pub(crate) fn is_send(&self, op: Op) -> bool {
        self.parked.get(&op).is_some_and(|parked| matches!(parked.deferred, Deferred::Send { .. }))
    }

    /// How many requests wait to be sent.
    pub(crate) fn sends(&self) -> usize {
        self.parked.values().filter(|parked| matches!(parked.deferred, Deferred::Send { .. })).count()
    }

    /// Bytes that are kept for what waits.
    pub(crate) fn bytes(&self) -> usize {
        self.parked.values().map(|parked| parked.deferred.bytes()).sum()
    }

    /// Has something wait.
    pub(crate) fn park(&mut self, op: Op, parked: Parked) {
        self.parked.insert(op, parked);
    }

    /// The standard input of a process that waits to be started.
    pub(crate) fn stdin(&self, op: Op) -> Option<Stdin> {
        match &self.parked.get(&op)?.deferred {
            Deferred::Spawn { stdin, .. } => Some(stdin.clone()),
            Deferred::Nothing | Deferred::File(_) | Deferred::Send { .. } => None,
        }
    }

    /// What waits under a number waits no more.
    pub(crate) fn take(&mut self, op: Op) -> Option<Parked> {
        self.parked.remove(&op)
    }

    /// The numbers of what waits on behalf of a scope.
    pub(crate) fn of_scope(&self, scope: Scope) -> Vec<Op> {
        self.parked.iter().filter(|(_, parked)| parked.scope == scope).map(|(op, _)| *op).collect()
    }

    /// The numbers of all that waits.
    pub(crate) fn all(&self) -> Vec<Op> {
        self.parked.keys().copied().collect()
    }

    /// The grant as it is now: it may have been revoked after it was decided to use it.
    pub(crate) fn current(&self, grant: Grant) -> Grant {
        let is_revoked = names(&grant).any(|id| self.revoked.contains(id));
        let revoked_at = if is_revoked { Some(gate::now()) } else { grant.revoked_at };
        Grant { revoked_at, ..grant }
    }

    /// Nothing that was decided before waits any more: what was revoked until now is not used again.
    pub(crate) fn forget_revoked(&mut self) {
        if self.parked.is_empty() {
            self.revoked.clear();
        }
    }

    /// Something is open under a grant.
    pub(crate) fn opened(&mut self, op: Op, grant: Option<&Grant>) {
        if let Some(grant) = grant {
            self.open.insert(op, names(grant).cloned().collect());
        }
    }

    /// Something is not open any more.
    pub(crate) fn closed(&mut self, op: Op) {
        self.open.remove(&op);
    }

    /// A grant is revoked: the numbers of what is open under it.
    pub(crate) fn revoke(&mut self, grant: &GrantId) -> Vec<Op> {
        if !self.parked.is_empty() {
            self.revoked.insert(grant.clone());
        }
        self.open.iter().filter(|(_, under)| under.contains(grant)).map(|(op, _)| *op).collect()
    }
}

fn names(grant: &Grant) -> impl Iterator<Item = &GrantId> {
    [Some(&grant.id), grant.origin.as_ref()].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_recorded_and_no_more() {
        let mut accesses = Accesses::default();
        for number in 0..limits::DECISIONS {
            assert_eq!(accesses.next_request(), Some(HOST_REQUESTS + number));
        }
        assert_eq!(accesses.next_request(), None);
    }
}
