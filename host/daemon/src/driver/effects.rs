//! Performs what the kernel decided, after the commit.

use omi_kernel::command::Command;
use omi_kernel::effect::Effect;
use omi_kernel::id::{AttemptId, RunId, WorkerId};
use omi_kernel::input::Input;
use omi_kernel::report::{Failure, FailureDetail};
use omi_kernel::schedule::Waiting;

use super::Driver;
use super::slot::{Bind, Sent};

impl Driver {
    pub(super) fn perform(&mut self, effect: Effect) {
        let waits = effect.waits_for_permit().filter(|run| self.scheduler.is_returning(run));
        if let Some(run) = waits.cloned() {
            return self.held.hold(run, effect);
        }
        match effect {
            Effect::Schedule { run, session, adapter } => {
                // First come, first served, also for what an earlier daemon left.
                for earlier in self.left_queued.extract_if(.., |waiting| waiting.session == session) {
                    self.scheduler.enqueue(earlier);
                }
                self.scheduler.enqueue(Waiting { run, session, adapter });
            }
            Effect::BeginElsewhere { run } => self.go_elsewhere(&run),
            Effect::BeginAgain { run, worker } => self.begin_again(&run, &worker),
            Effect::Bind { run, timeout_ms, attempt, worker, binding, session, resume, mut settings } => {
                self.watch_attempt(&worker, &attempt, &run, timeout_ms);
                let (binding_id, of) = (binding.clone(), session.clone());
                self.pool
                    .binding(&worker, Bind { attempt: attempt.clone(), binding: binding_id, session: of });
                self.pool.offer_tools(&worker, &binding, &run, &mut settings);
                self.record_lease(&worker);
                self.ask_held_accesses(&worker);
                let command = match resume {
                    Some(native_id) => Command::ResumeBinding { binding, session, native_id, settings },
                    None => Command::OpenBinding { binding, session, settings },
                };
                if self.pool.is_logged_out(&worker) {
                    self.want_log_in(&worker);
                } else {
                    self.command(&worker, &attempt, command);
                }
            }
            Effect::Execute { worker, request, timeout_ms, execute } => {
                let attempt = execute.attempt.clone();
                let (session, run) = (execute.session.clone(), execute.run.clone());
                self.watch_attempt(&worker, &attempt, &run, timeout_ms);
                self.pool.executing(&worker, attempt.clone(), execute.binding.clone(), &run);
                self.record_lease(&worker);
                self.attempts.insert(attempt.clone(), session, run, request);
                self.ask_held_accesses(&worker);
                self.command(&worker, &attempt, Command::Execute(*execute));
            }
            Effect::DispatchCancel { run, attempt, worker, executing } => {
                self.dispatch_cancel(run, attempt, &worker, executing);
            }
            Effect::Authenticate { run: _, worker, method } => self.pool.authenticate(&worker, method),
            Effect::Park { run, why } => self.park(&run, why),
            Effect::Unpark { run, why } => self.unpark(&run, why),
            Effect::Dequeue { run } => {
                self.scheduler.dequeue(&run);
                self.release(&run);
            }
            Effect::Answer { run: _, attempt, worker, request, answer } => {
                self.command(&worker, &attempt, Command::Approval { request, answer });
            }
            Effect::ProvideInput { run: _, attempt, worker, request, answer } => {
                self.command(&worker, &attempt, Command::ProvideInput { request, answer });
            }
            Effect::Perform { run: _, worker, op, grant } => {
                self.pool.tell(&worker, Command::Perform { op, grant });
            }
            Effect::Refuse { worker, op, why } => self.pool.tell(&worker, Command::Refuse { op, why }),
            Effect::Revoke { grant } => self.pool.tell_all(&Command::Revoke { grant }),
            Effect::UseComponent { path, digest } => self.pool.installed(path, digest),
            Effect::CloseBinding { worker, binding } => self.pool.close_binding(&worker, binding),
            Effect::StopWorker { worker, reason } => {
                self.pool.stop(&worker, reason, self.clock.since_start());
            }
            Effect::Reap { lease } => {
                // Looking at processes must not hold up the loop.
                self.tokio.spawn_blocking(move || {
                    if omi_engine::reap(&lease) {
                        tracing::warn!(pid = lease.pid, "a process that an earlier daemon left was ended");
                    }
                });
            }
            Effect::KillWorker { worker, cancel: None } => self.pool.kill(&worker),
            Effect::KillWorker { worker, cancel: Some(attempt) } => {
                self.pool.cancel_and_kill(&worker, attempt, self.clock.since_start());
            }
            Effect::Release { run } => self.release(&run),
        }
    }

    fn dispatch_cancel(&mut self, run: RunId, attempt: AttemptId, worker: &WorkerId, executing: bool) {
        if let Some(live) = self.attempts.get_mut(&attempt) {
            live.cancelling = true;
        }
        // A run that is to stop needs no permit for that.
        self.scheduler.stop_returning(&run);
        for effect in self.held.cancel(&run) {
            self.perform(effect);
        }
        let command = Command::Cancel { attempt: attempt.clone() };
        let told = executing && self.command(worker, &attempt, command) == Some(Sent::Told);
        self.cancels.begin(run, attempt, told, self.clock.since_start());
        if executing {
            return;
        }
        if self.pool.is_fresh(worker) {
            // It has never held anything: nothing is lost, and nobody need wait for it.
            self.pool.kill(worker);
        } else if let Some(Bind { attempt, binding, .. }) = self.pool.take_unsent_bind(worker) {
            let why =
                FailureDetail::new("cancelled", "the run was cancelled before the binding was asked for");
            self.decide(Input::BindingFailed {
                attempt,
                binding,
                failure: Failure::Retryable(why),
                person: false,
            });
        }
    }

    /// Sends a command on behalf of an attempt. A worker that is gone cannot take it, and the attempt is lost.
    fn command(&mut self, worker: &WorkerId, attempt: &AttemptId, command: Command) -> Option<Sent> {
        match self.pool.send(worker, command) {
            Ok(sent) => Some(sent),
            Err(failure) => {
                let text = self.attempts.text(attempt);
                let retry = self.ending.is_none();
                self.decide(Input::WorkerLost { attempt: attempt.clone(), failure, text, retry });
                None
            }
        }
    }

    /// The process of a worker is recorded with its attempt, if that was not known when it began.
    pub(super) fn record_lease(&mut self, worker: &WorkerId) {
        if let Some((attempt, lease)) = self.pool.unrecorded_lease(worker) {
            self.decide(Input::Leased { attempt, lease });
        }
    }

    /// A worker wants a log-in: its run asks for that, or fails for want of it.
    pub(super) fn want_log_in(&mut self, worker: &WorkerId) {
        let person = self.has_person(worker);
        if let Some((bind, failure)) = self.pool.logged_out_bind(worker) {
            let Bind { attempt, binding, .. } = bind;
            self.decide(Input::BindingFailed { attempt, binding, failure, person });
        }
        if !person {
            // Whoever logs in does so outside; the next run begins with a worker that sees it.
            let now = self.clock.since_start();
            self.pool.stop(worker, omi_kernel::command::StopReason::Recycle, now);
        }
    }
}
