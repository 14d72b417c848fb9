//! Performs what the kernel decided, after it is recorded, as the daemon's driver does.

use omi_kernel::command::Command;
use omi_kernel::effect::{Effect, Wait};
use omi_kernel::id::{AttemptId, RunId, Timestamp, WorkerId};
use omi_kernel::input::Input;
use omi_kernel::schedule::{Unparked, Waiting};
use omi_kernel::transcript::Transcript;
use omi_kernel::watch::TimeLimits;

use super::Sim;
use super::driver::{Cancel, Live};
use crate::{Fault, ensure, story};

/// How long a cancelled attempt has to stop.
const GRACE_MS: i64 = 10_000;
/// How long an acknowledgement waits for what the adapter says.
const ACKNOWLEDGE_MS: i64 = 2_000;
/// How long an attempt may be silent.
const PROGRESS_MS: u64 = 15_000;
/// How long a person has to answer.
const WAIT_MS: u64 = 60_000;

impl Sim {
    pub(super) fn perform(&mut self, effect: Effect) -> Result<(), Fault> {
        if let Effect::BeginAgain { run, .. } | Effect::BeginElsewhere { run } = &effect {
            // The attempt before is over, whatever its worker still says about it.
            self.attempts_over(&run.clone());
        }
        if let Some(run) = effect.waits_for_permit().filter(|run| self.driver.scheduler.is_returning(run)) {
            let run = run.clone();
            if matches!(effect, Effect::Perform { .. }) {
                self.coverage.met("performed only with the permit of its run");
            }
            self.driver.withheld.entry(run).or_default().push(effect);
            return Ok(());
        }
        match effect {
            Effect::Schedule { run, session, adapter } => {
                self.driver.scheduler.enqueue(Waiting { run, session, adapter });
            }
            Effect::BeginElsewhere { run } => self.begin_elsewhere(&run),
            Effect::BeginAgain { run, worker } if self.fakes.contains_key(&worker) => {
                self.begin(&run, &worker);
            }
            // It ended meanwhile: another one does it.
            Effect::BeginAgain { run, .. } => return self.perform(Effect::BeginElsewhere { run }),
            Effect::Bind { run, timeout_ms, attempt, worker, binding, session, resume, settings } => {
                self.driver.watch.begin(attempt.clone(), run, limits(timeout_ms), self.clock);
                let making = (attempt.clone(), binding.clone(), session.clone());
                self.driver.making.insert(worker.clone(), making);
                let command = match resume {
                    Some(native_id) => Command::ResumeBinding { binding, session, native_id, settings },
                    None => Command::OpenBinding { binding, session, settings },
                };
                self.command(&worker, &attempt, command);
                self.ask_held_accesses(&worker);
            }
            Effect::Execute { worker, execute, timeout_ms, .. } => {
                let (attempt, run) = (execute.attempt.clone(), execute.run.clone());
                self.driver.watch.begin(attempt.clone(), run.clone(), limits(timeout_ms), self.clock);
                let live = Live {
                    run,
                    worker: worker.clone(),
                    transcript: Transcript::default(),
                    cancelling: false,
                    asks: Default::default(),
                };
                self.driver.live.insert(attempt.clone(), live);
                self.command(&worker, &attempt, Command::Execute(*execute));
                self.ask_held_accesses(&worker);
            }
            Effect::DispatchCancel { run, attempt, worker, executing } => {
                self.dispatch_cancel(&run, &attempt, &worker, executing)?;
            }
            Effect::Authenticate { worker, method, .. } => {
                self.tell(&worker, Command::Authenticate { method });
            }
            Effect::Park { run, why } => {
                self.driver.scheduler.park(&run, why);
                self.driver.watch.pause(&run, why, self.clock);
            }
            Effect::Unpark { run, why } => match self.driver.scheduler.unpark(&run, why) {
                Unparked::Now => self.driver.watch.resume(&run, self.clock),
                Unparked::Later | Unparked::Waits if why == Wait::Person => self.driver.watch.answered(&run),
                Unparked::Later | Unparked::Waits => {}
            },
            Effect::Dequeue { run } => {
                self.driver.scheduler.dequeue(&run);
                self.let_go(&run)?;
            }
            Effect::Answer { attempt, worker, request, answer, .. } => {
                self.answered(&attempt, request);
                self.command(&worker, &attempt, Command::Approval { request, answer });
            }
            Effect::ProvideInput { attempt, worker, request, answer, .. } => {
                self.answered(&attempt, request);
                self.command(&worker, &attempt, Command::ProvideInput { request, answer });
            }
            Effect::Perform { worker, op, grant, .. } => self.tell(&worker, Command::Perform { op, grant }),
            Effect::Refuse { worker, op, why } => self.tell(&worker, Command::Refuse { op, why }),
            Effect::Revoke { grant } => self.tell_all(&Command::Revoke { grant }),
            Effect::UseComponent { path, digest } => {
                self.installed.insert(path.clone(), digest.clone());
                self.driver.pool.installed(path, digest);
            }
            Effect::CloseBinding { worker, binding } => {
                self.driver.pool.let_go(&worker, &binding);
                self.tell(&worker, Command::CloseBinding { binding });
            }
            Effect::StopWorker { worker, reason } => {
                self.driver.pool.stopping(&worker);
                self.tell(&worker, Command::Stop { reason });
            }
            Effect::KillWorker { worker, cancel: _ } => {
                self.driver.pool.stopping(&worker);
                if let Some(fake) = self.fakes.get_mut(&worker) {
                    fake.end();
                }
            }
            Effect::Reap { lease } => {
                let known = self.record.attempts.rows().iter().any(|row| row.lease.as_ref() == Some(&lease));
                ensure(known, || format!("{lease:?} is ended, and no attempt had it"))?;
            }
            Effect::Release { run } => {
                self.driver.scheduler.release(&run);
                self.let_go(&run)?;
            }
        }
        Ok(())
    }

    /// A run keeps its permit and waits for another worker.
    pub(super) fn begin_elsewhere(&mut self, run: &RunId) {
        self.give_worker_up(run);
        let Some(row) = self.record.runs.get(run) else {
            self.fault = Some(format!("{run} is not there and begins elsewhere"));
            return;
        };
        let (session, adapter) = (row.run.session.clone(), row.run.adapter.clone());
        self.driver.elsewhere.push_back(Waiting { run: run.clone(), session, adapter });
    }

    /// What waited for the permit of a run is told.
    pub(super) fn tell_withheld(&mut self, run: &RunId) -> Result<(), Fault> {
        let withheld = self.driver.withheld.remove(run);
        withheld.into_iter().flatten().try_for_each(|effect| self.perform(effect))
    }

    fn dispatch_cancel(
        &mut self,
        run: &RunId,
        attempt: &AttemptId,
        worker: &WorkerId,
        executing: bool,
    ) -> Result<(), Fault> {
        // A run that is to stop needs no permit for that, and no answer waits for one.
        self.driver.scheduler.stop_returning(run);
        self.refuse_withheld(run)?;
        self.tell_withheld(run)?;
        let after = |ms: i64| Some(Timestamp(self.clock.0 + ms));
        let cancel = Cancel {
            acknowledge_by: executing.then_some(after(ACKNOWLEDGE_MS)).flatten(),
            stop_by: after(GRACE_MS),
        };
        self.driver.cancels.insert(attempt.clone(), cancel);
        self.driver.watch.end(run);
        if let Some(live) = self.driver.live.get_mut(attempt) {
            live.cancelling = true;
        }
        if executing {
            self.command(worker, attempt, Command::Cancel { attempt: attempt.clone() });
        }
        Ok(())
    }

    /// A run is over: nothing is kept for it.
    fn let_go(&mut self, run: &RunId) -> Result<(), Fault> {
        self.refuse_withheld(run)?;
        self.give_worker_up(run);
        self.driver.held.remove(run);
        self.driver.withheld.remove(run);
        self.driver.elsewhere.retain(|waiting| waiting.run != *run);
        self.attempts_over(run);
        Ok(())
    }

    fn attempts_over(&mut self, run: &RunId) {
        self.driver.watch.end(run);
        self.driver.live.retain(|_, live| live.run != *run);
        let record = &self.record;
        let of_run =
            |attempt: &AttemptId| record.attempts.get(attempt).is_some_and(|row| row.attempt.run == *run);
        self.driver.cancels.retain(|attempt, _| !of_run(attempt));
        self.driver.making.retain(|_, (attempt, ..)| !of_run(attempt));
    }

    fn answered(&mut self, attempt: &AttemptId, request: u32) {
        if let Some(live) = self.driver.live.get_mut(attempt) {
            live.asks.retain(|(number, _)| *number != request);
        }
    }

    /// Sends a command for an attempt. A worker that is gone cannot take it, and the attempt is lost.
    fn command(&mut self, worker: &WorkerId, attempt: &AttemptId, command: Command) {
        match self.fakes.get_mut(worker) {
            Some(fake) => fake.take(command),
            None => {
                let text = self.driver.live.get(attempt).map(|live| live.transcript.text());
                self.items.push_back(Input::WorkerLost {
                    attempt: attempt.clone(),
                    failure: story::trouble("worker_gone"),
                    text: text.unwrap_or_default(),
                    retry: true,
                });
            }
        }
    }

    /// Sends a command that no attempt depends on.
    pub(super) fn tell(&mut self, worker: &WorkerId, command: Command) {
        if let Some(fake) = self.fakes.get_mut(worker) {
            fake.take(command);
        }
    }
}

fn limits(run_ms: Option<u64>) -> TimeLimits {
    TimeLimits { run_ms, progress_ms: Some(PROGRESS_MS), wait_ms: Some(WAIT_MS) }
}
