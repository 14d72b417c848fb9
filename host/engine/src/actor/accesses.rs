//! What an adapter wants to open waits here until the kernel has decided and recorded it; then it is opened, or refused.
//! Each ends exactly once.

use std::time::Duration;

use omi_kernel::command::NotPerformed;
use omi_kernel::descriptor::Capability;
use omi_kernel::grant::{Access, Asked, Grant, Policy};
use omi_kernel::id::GrantId;
use omi_kernel::report::Report;

use super::files::short_resource;
use super::{Actor, Step};
use crate::access::{Deferred, Parked};
use crate::file_jobs::Job;
use crate::gate::{Gate, Permit};
use crate::input::{Input, Op, Why};
use crate::limits;
use crate::output::Scope;

/// What an adapter wants to open, as the kernel is asked about it.
#[derive(Debug)]
pub(super) struct Want {
    pub(super) op: Op,
    pub(super) scope: Scope,
    pub(super) grant: String,
    pub(super) capability: Capability,
    pub(super) operation: &'static str,
    pub(super) resource: String,
    /// What a lasting answer covers.
    pub(super) covers: String,
}

impl Actor {
    /// Why something is refused that is not even asked for.
    pub(super) fn denied(&self, doing: &str, resource: &str, grant: &str, reason: &str) -> Why {
        let registration = &self.spec.registration.name;
        let resource = short_resource(resource.escape_debug().to_string());
        let line = format!("`[registrations.{registration}.grants.{grant}]`");
        let hint = if reason.contains(&line) { String::new() } else { format!("; hint: see {line}") };
        Why::Denied(format!(
            "`{registration}` may not {doing} `{resource}` (grant `{grant}`): {reason}{hint}"
        ))
    }

    /// Refuses to open anything for a worker that was asked to stop.
    pub(super) fn goes_on(&self) -> Result<(), Why> {
        if self.stopping { Err(Why::Other("the worker is stopping".to_owned())) } else { Ok(()) }
    }

    /// Has the kernel decide, and does what is `deferred` when it is allowed.
    pub(super) fn ask(&mut self, want: Want, deferred: Deferred) -> Step {
        let Want { op, scope, grant, capability, operation, resource, covers } = want;
        let Some(behalf) = self.holdings.behalf(scope) else {
            self.refuse(op, Why::Unknown("its scope is over".to_owned()));
            return Ok(());
        };
        let terms = self.gate.terms(&grant);
        let worker = self.spec.id.clone();
        let operation = operation.to_owned();
        let access = Access { worker, op, grant, capability, operation, resource, covers };
        let asked = Asked { scope: behalf.scope, access, terms };
        if let Err(denial) = Gate::could_open(&asked) {
            if denial.undeclared {
                self.violation(&denial.to_string())?;
            }
            if self.refusals >= limits::REFUSALS_RECORDED {
                self.refuse(op, Why::Denied(denial.to_string()));
                return Ok(());
            }
        }
        if self.refusals > limits::REFUSALS_RECORDED {
            // Each is recorded: whoever goes on asking for what it does not get must not fill the record.
            self.refusals -= 1;
            self.violation("it asks for what was denied again and again")?;
        }
        match self.room_for(&deferred) {
            Ok(request) => {
                let (session, attempt) = (behalf.session, behalf.attempt);
                self.accesses.park(op, Parked { scope, request, asked: asked.clone(), deferred });
                self.report(Report::AccessAsked { request, session, attempt, asked: Box::new(asked) });
            }
            Err(why) => self.refuse(op, why),
        }
        Ok(())
    }

    /// The number under which a person may be asked, if something more may wait.
    fn room_for(&mut self, deferred: &Deferred) -> Result<u32, Why> {
        let waiting = self.accesses.count() + self.files.count();
        if waiting >= limits::OPEN_ACCESSES {
            return Err(Why::Limit(format!("{waiting} effects wait already")));
        }
        let bytes = self.accesses.bytes() + self.files.bytes() + deferred.bytes();
        let max = self.runtime.limits.blob_bytes;
        if bytes > max as usize {
            return Err(Why::Limit(format!("what waits to be written or sent has {max} bytes at most")));
        }
        self.accesses.next_request().ok_or_else(|| {
            Why::Limit("as much was asked for as one worker may; hint: start a new session".to_owned())
        })
    }

    /// Does what was asked for, if that is still allowed.
    pub(super) fn perform_access(&mut self, op: Op, grant: Option<Grant>) {
        let Some(parked) = self.accesses.take(op) else { return };
        let grant = grant.map(|grant| self.accesses.current(grant));
        self.accesses.forget_revoked();
        let opened =
            self.permit(&parked, grant.clone()).and_then(|permit| self.open(parked.deferred, permit));
        match opened {
            Ok(()) => self.accesses.opened(op, grant.as_ref()),
            Err(why) => self.refuse(op, why),
        }
    }

    fn permit(&self, parked: &Parked, grant: Option<Grant>) -> Result<Permit, Why> {
        let behalf = self.holdings.behalf(parked.scope).ok_or(Why::Cancelled)?;
        let permit = Permit::new(parked.asked.clone(), behalf, grant);
        permit.check().map_err(|denial| Why::Denied(denial.to_string()))?;
        Ok(permit)
    }

    fn open(&mut self, deferred: Deferred, permit: Permit) -> Result<(), Why> {
        match deferred {
            Deferred::Nothing => Err(Why::Other("there is nothing behind that grant".to_owned())),
            Deferred::Spawn { spawn, stdin } => self.start_process(&spawn, stdin, &permit),
            Deferred::File(job) => {
                let job = Job { narrowed: permit.is_narrowed(), ..job };
                self.files.add(job, &self.common.inbox, &self.runtime.tokio);
                Ok(())
            }
            Deferred::Send { request, body } => self.send(request, body, permit),
        }
    }

    /// Tells the adapter that what it asked for is not opened.
    pub(super) fn refuse_access(&mut self, op: Op, why: NotPerformed) {
        if self.accesses.take(op).is_some() {
            self.accesses.forget_revoked();
            self.refusals += u32::from(matches!(why, NotPerformed::Denied(_)));
            self.refuse(
                op,
                match why {
                    NotPerformed::Denied(text) => Why::Denied(text),
                    NotPerformed::Expired => Why::Expired,
                    NotPerformed::Cancelled => Why::Cancelled,
                },
            );
        }
    }

    /// Uses a grant no more, and ends what was opened under it.
    pub(super) fn revoke(&mut self, grant: &GrantId) {
        let grace = Duration::from_millis(self.runtime.limits.grace_ms.into());
        for op in self.accesses.revoke(grant) {
            if self.files.take(op) {
                self.accesses.closed(op);
                self.refuse(op, Why::Denied(format!("the grant {grant} was revoked")));
            }
            self.common.processes.end(op, grace);
            self.abort(op);
        }
    }

    /// Takes back something that waits; false if it does not.
    pub(super) fn cancel_access(&mut self, op: Op) -> bool {
        let Some(parked) = self.accesses.take(op) else { return self.cancel_job(op) };
        self.accesses.forget_revoked();
        if parked.asked.terms.policy == Policy::Ask {
            self.report(Report::AccessWithdrawn { request: parked.request });
        }
        self.refuse(op, Why::Cancelled);
        true
    }

    fn cancel_job(&mut self, op: Op) -> bool {
        let waits = self.files.take(op);
        if waits {
            self.accesses.closed(op);
            self.refuse(op, Why::Cancelled);
        }
        waits
    }

    /// Takes back what waits on behalf of a scope that is over.
    pub(super) fn cancel_accesses_of(&mut self, scope: Scope) {
        for op in [self.accesses.of_scope(scope), self.files.of_scope(scope)].concat() {
            self.cancel_access(op);
        }
    }

    /// Takes back all that waits: nothing more is opened.
    pub(super) fn cancel_accesses(&mut self) {
        for op in self.accesses.all() {
            self.cancel_access(op);
        }
    }

    /// What was opened is over when the adapter is told the last of it.
    pub(super) fn closed_by(&mut self, input: &Input) {
        if let Input::Exited { op, .. } | Input::SpawnFailed { op, .. } = input {
            self.common.processes.forget(*op);
            self.accesses.closed(*op);
        }
        if let Input::HttpEnd { op, .. } = input {
            self.transfers.remove(op);
            self.accesses.closed(*op);
        }
    }
}
