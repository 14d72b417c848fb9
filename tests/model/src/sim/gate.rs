//! What a worker holds at its gate, as the engine does: an effect that waits to be decided, what it is told of it, and
//! what was opened under which grant.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use omi_kernel::command::Command;
use omi_kernel::grant::{Asked, Grant, GrantEffect, Scope, Verdict, authorize};
use omi_kernel::id::{AttemptId, GrantId, SessionId, Timestamp};
use omi_kernel::report::Report;
use omi_kernel::row::HOST_REQUESTS;

/// Effects that wait at the same time, at most: few, so that a script need not end with them.
const PARKED_MAX: usize = 6;

/// On whose behalf.
#[derive(Debug, Clone)]
pub(super) enum Behalf {
    Worker,
    Binding(SessionId),
    Attempt(SessionId, AttemptId),
}

#[derive(Debug)]
struct Parked {
    request: u32,
    behalf: Behalf,
    asked: Asked,
}

/// What became of something a worker was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Performed,
    Refused,
    /// Its grant was taken back meanwhile.
    Revoked,
    /// What was opened is closed.
    Closed,
    Nothing,
}

/// A worker's gate.
#[derive(Debug, Default)]
pub(super) struct Gate {
    last_op: u32,
    parked: BTreeMap<u32, Parked>,
    /// Ended by the worker itself: what it is still told of these is of no account.
    given_up: BTreeSet<u32>,
    /// What the worker waits for before it does anything else.
    needs: BTreeSet<u32>,
    pub(super) opened: BTreeMap<u32, Option<Grant>>,
    revoked: BTreeSet<GrantId>,
    /// What was refused last: it may be asked for again.
    refused: Option<(Behalf, Asked)>,
    /// What it is told, in order: nothing here overtakes anything.
    pub(super) inbox: VecDeque<Command>,
}

impl Gate {
    /// The number of the next effect, if there is room for one.
    pub(super) fn next_op(&self) -> Option<u32> {
        (self.parked.len() < PARKED_MAX).then_some(self.last_op + 1)
    }

    /// An effect waits from now on.
    pub(super) fn park(&mut self, behalf: Behalf, asked: Asked, needed: bool) -> Report {
        self.last_op += 1;
        let request = HOST_REQUESTS + self.last_op;
        let (session, attempt) = match &behalf {
            Behalf::Worker => (None, None),
            Behalf::Binding(session) => (Some(session.clone()), None),
            Behalf::Attempt(session, attempt) => (Some(session.clone()), Some(attempt.clone())),
        };
        self.parked.insert(self.last_op, Parked { request, behalf, asked: asked.clone() });
        if needed {
            self.needs.insert(self.last_op);
        }
        Report::AccessAsked { request, session, attempt, asked: Box::new(asked) }
    }

    /// What was refused last, as it is asked for again: on behalf of the same attempt, if that is still there.
    pub(super) fn again(&mut self, attempt: Option<&AttemptId>) -> Option<(Behalf, Asked)> {
        let op = self.next_op()?;
        let (behalf, mut asked) = self.refused.take()?;
        let stands = match &behalf {
            Behalf::Worker => true,
            Behalf::Binding(_) => false,
            Behalf::Attempt(_, of) => Some(of) == attempt,
        };
        asked.access.op = op;
        stands.then_some((behalf, asked))
    }

    /// The worker can do nothing else before it is told.
    pub(super) fn is_needed(&self) -> bool {
        !self.needs.is_empty()
    }

    pub(super) fn waiting(&self) -> usize {
        self.parked.len()
    }

    /// The worker gives up what it asked for on such a behalf.
    pub(super) fn give_up(&mut self, of: impl Fn(&Behalf) -> bool) -> Vec<Report> {
        let over: Vec<u32> =
            self.parked.iter().filter(|(_, parked)| of(&parked.behalf)).map(|(op, _)| *op).collect();
        over.into_iter().filter_map(|op| self.give_up_one(op)).collect()
    }

    /// The worker gives up the oldest of what it asked for.
    pub(super) fn give_up_oldest(&mut self) -> Option<Report> {
        let op = *self.parked.keys().next()?;
        self.give_up_one(op)
    }

    fn give_up_one(&mut self, op: u32) -> Option<Report> {
        self.given_up.insert(op);
        self.needs.remove(&op);
        let request = self.parked.remove(&op)?.request;
        Some(Report::AccessWithdrawn { request })
    }

    /// Does the next thing that it is told. The error is what it must never be told.
    pub(super) fn obey(&mut self) -> Result<Told, String> {
        match self.inbox.pop_front() {
            Some(Command::Perform { op, grant }) => {
                let Some(parked) = self.end(op)? else { return Ok(Told::Nothing) };
                let grant = grant.map(|grant| *grant);
                if !self.allows(&parked.asked, grant.as_ref()) {
                    let revoked = grant.as_ref().is_some_and(|grant| self.is_revoked(grant));
                    if revoked {
                        return Ok(Told::Revoked);
                    }
                    return Err(format!("{op} is to be performed by {grant:?}, which does not allow it"));
                }
                self.opened.insert(op, grant);
                Ok(Told::Performed)
            }
            Some(Command::Refuse { op, .. }) => {
                let Some(parked) = self.end(op)? else { return Ok(Told::Nothing) };
                self.refused = Some((parked.behalf, parked.asked));
                Ok(Told::Refused)
            }
            Some(Command::Revoke { grant }) => {
                self.revoked.insert(grant);
                let before = self.opened.len();
                let revoked = &self.revoked;
                self.opened.retain(|_, grant| !grant.as_ref().is_some_and(|grant| names(revoked, grant)));
                Ok(if self.opened.len() < before { Told::Closed } else { Told::Nothing })
            }
            Some(other) => Err(format!("{other:?} is nothing for the gate")),
            None => Ok(Told::Nothing),
        }
    }

    /// An effect ends exactly once.
    fn end(&mut self, op: u32) -> Result<Option<Parked>, String> {
        self.needs.remove(&op);
        match self.parked.remove(&op) {
            Some(parked) => Ok(Some(parked)),
            None if self.given_up.remove(&op) => Ok(None),
            None => Err(format!("{op} is told and does not wait")),
        }
    }

    fn is_revoked(&self, grant: &Grant) -> bool {
        names(&self.revoked, grant)
    }

    /// Decides once more, with the one grant that it is told, as it is now.
    fn allows(&self, asked: &Asked, grant: Option<&Grant>) -> bool {
        let now = Timestamp(0);
        let marked = grant.map(|grant| Grant {
            revoked_at: grant.revoked_at.or(self.is_revoked(grant).then_some(now)),
            ..grant.clone()
        });
        let scope = match grant {
            Some(Grant { run: Some(run), .. }) => Scope::Run(run),
            Some(Grant { session: Some(_), .. }) => Scope::Session,
            Some(_) | None => Scope::Worker,
        };
        let grants: Vec<Grant> = marked.into_iter().collect();
        let denies = grants.iter().any(|grant| grant.effect == GrantEffect::Deny);
        !denies && matches!(authorize(&asked.access, scope, &asked.terms, &grants, now), Verdict::Allow(_))
    }
}

fn names(revoked: &BTreeSet<GrantId>, grant: &Grant) -> bool {
    revoked.contains(&grant.id) || grant.origin.as_ref().is_some_and(|origin| revoked.contains(origin))
}
