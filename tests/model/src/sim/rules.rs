//! What must be true after every step of the simulated world, beside what the record judges.

use std::collections::BTreeSet;

use omi_kernel::id::{BindingId, GrantId, SessionId, WorkerId};
use omi_kernel::input::Input;
use omi_kernel::refusal::Refusal;
use omi_kernel::status::Status;

use super::Sim;
use crate::{Fault, ensure};

impl Sim {
    /// What must be true whenever the driver has nothing left to decide.
    pub(super) fn check(&self) -> Result<(), Fault> {
        ensure(self.fault.is_none(), || self.fault.clone().unwrap_or_default())?;
        let (scheduler, cap) = (&self.driver.scheduler, self.setting.permits_max);
        let executing = scheduler.executing();
        ensure(executing <= cap, || format!("{executing} permits of {cap} are given out"))?;
        let held = self.driver.held.len();
        ensure(executing + scheduler.parked() == held, || {
            format!("{held} runs are held, and the scheduler knows of {executing} + {}", scheduler.parked())
        })?;
        self.check_held()?;
        self.check_workers()?;
        self.check_opened()
    }

    /// A run that is held is not over, one that has begun is held, and only those with a permit go on.
    fn check_held(&self) -> Result<(), Fault> {
        for run in &self.driver.held {
            let status = self.record.runs.get(run).map(|row| row.run.status);
            ensure(status.is_some_and(|status| !status.is_terminal()), || {
                format!("{run} is {status:?} and held")
            })?;
        }
        let mut sessions: BTreeSet<&SessionId> = BTreeSet::new();
        let mut going_on = 0;
        for row in self.record.live().filter(|row| row.run.status != Status::Queued) {
            let run = &row.run;
            ensure(self.driver.held.contains(&run.id), || {
                format!("{} is {} and not held", run.id, run.status)
            })?;
            ensure(sessions.insert(&run.session), || format!("{} has two prompts in flight", run.session))?;
            let waits = self.driver.scheduler.is_returning(&run.id) || self.record.awaits_child(&run.id);
            going_on += usize::from(!waits && matches!(run.status, Status::Starting | Status::Running));
        }
        let cap = self.setting.permits_max;
        ensure(going_on <= cap, || format!("{going_on} runs go on with {cap} permits"))
    }

    /// A native session is open in one worker: two would write over each other.
    fn check_workers(&self) -> Result<(), Fault> {
        let mut open: BTreeSet<&BindingId> = BTreeSet::new();
        for (id, fake) in &self.fakes {
            for binding in fake.holds.keys() {
                ensure(open.insert(binding), || format!("{binding} is open in two workers, one is {id}"))?;
            }
            ensure(self.driver.pool.get(id).is_some(), || format!("{id} lives and the pool forgot it"))?;
        }
        let outdated = self.driver.pool.outdated();
        ensure(outdated.is_empty(), || format!("{outdated:?} are idle and outdated, and not ended"))?;
        let workers = self.driver.pool.workers();
        for (id, worker) in workers {
            ensure(self.fakes.contains_key(id), || format!("{id} is in the pool and gone: {worker:?}"))?;
            let Some(run) = &worker.run else { continue };
            ensure(self.driver.held.contains(run), || {
                format!("{id} is kept for {run}, which needs it no longer")
            })?;
        }
        Ok(())
    }

    /// An attempt that begins runs what is installed, whatever its worker ran before.
    pub(super) fn must_run_what_is_installed(&mut self, worker: &WorkerId) {
        let runs = self.fakes.get(worker).and_then(|fake| fake.runs.as_ref());
        let Some(runs) = runs else { return };
        let installed = self.installed.get(&runs.component);
        if installed.is_some_and(|digest| digest.as_ref() != Some(&runs.digest)) {
            self.fault = Some(format!("{worker} gets a run with {runs:?}, and {installed:?} is installed"));
        }
    }

    /// Nothing stays open under a grant that was taken back, once its worker has heard of that.
    fn check_opened(&self) -> Result<(), Fault> {
        for (id, fake) in &self.fakes {
            ensure(fake.fault.is_none(), || format!("{id}: {}", fake.fault.as_deref().unwrap_or_default()))?;
            let heard = fake.gate.inbox.is_empty();
            for grant in fake.gate.opened.values().flatten().filter(|_| heard) {
                let revoked =
                    |id: &GrantId| self.record.grant(id).is_some_and(|row| row.revoked_at.is_some());
                let taken_back = revoked(&grant.id) || grant.origin.as_ref().is_some_and(revoked);
                ensure(!taken_back, || format!("{id} has something open under {}", grant.id))?;
            }
        }
        Ok(())
    }

    /// A report is never refused: whatever a worker says, it is decided. Only who asks is told no.
    pub(super) fn refused(input: &Input, refusal: &Refusal) -> Result<(), Fault> {
        let asked = match input {
            Input::Accept(_)
            | Input::ApprovalAnswered { .. }
            | Input::InputProvided { .. }
            | Input::Retry(_)
            | Input::Delegate(_)
            | Input::CreateSession(_)
            | Input::UpdateSession { .. }
            | Input::InvalidateBindings { .. }
            | Input::UpdateArtifact { .. }
            | Input::RevokeGrant { .. }
            | Input::RemoveComponent { .. }
            | Input::Cancel { .. } => true,
            Input::Begin(_)
            | Input::CannotBegin { .. }
            | Input::BindingOpened(_)
            | Input::BindingFailed { .. }
            | Input::Chunk { .. }
            | Input::MessageCompleted { .. }
            | Input::Activity { .. }
            | Input::ApprovalRequested { .. }
            | Input::InputRequested { .. }
            | Input::Finished(_)
            | Input::WorkerLost { .. }
            | Input::TimedOut { .. }
            | Input::WorkerOver { .. }
            | Input::Leased { .. }
            | Input::CameLate { .. }
            | Input::Retain { .. }
            | Input::AccessAsked(_)
            | Input::InstallComponent(_)
            | Input::CancelDispatched { .. }
            | Input::CancelGraceOver { .. }
            | Input::Reconcile => false,
        };
        ensure(asked, || format!("a report is refused: {refusal}\nafter {input:#?}"))
    }
}
