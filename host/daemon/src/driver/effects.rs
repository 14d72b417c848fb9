//! Performs what the kernel decided, after the commit.

use omi_kernel::command::Command;
use omi_kernel::decision::Effect;
use omi_kernel::id::{AttemptId, WorkerId};
use omi_kernel::input::Input;
use omi_kernel::schedule::Waiting;

use super::Driver;

impl Driver {
    pub(super) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Schedule { run, session, adapter } => {
                self.scheduler.enqueue(Waiting { run, session, adapter });
            }
            Effect::BeginAgain { run, worker } => self.begin(run, &worker),
            Effect::Bind { attempt, worker, binding, session, resume, settings } => {
                self.pool.binding(&worker, attempt.clone(), binding.clone(), session.clone());
                let command = match resume {
                    Some(native_id) => Command::ResumeBinding { binding, session, native_id, settings },
                    None => Command::OpenBinding { binding, session, settings },
                };
                self.command(&worker, &attempt, command);
            }
            Effect::Execute { worker, request, execute } => {
                let attempt = execute.attempt.clone();
                self.pool.executing(&worker, attempt.clone());
                let (session, run) = (execute.session.clone(), execute.run.clone());
                self.attempts.insert(attempt.clone(), session, run, request);
                self.command(&worker, &attempt, Command::Execute(*execute));
            }
            Effect::DispatchCancel { attempt, worker, executing } => {
                if let Some(live) = self.attempts.get_mut(&attempt) {
                    live.cancelling = true;
                }
                self.cancels.begin(attempt.clone(), executing);
                if executing {
                    self.command(&worker, &attempt, Command::Cancel { attempt: attempt.clone() });
                } else if self.pool.is_fresh(&worker) {
                    // It has never held anything: nothing is lost, and nobody need wait for it.
                    self.pool.kill(&worker);
                }
            }
            Effect::Dequeue { run } => self.scheduler.dequeue(&run),
            Effect::Answer { attempt, worker, request, answer } => {
                self.command(&worker, &attempt, Command::Approval { request, answer });
            }
            Effect::KillWorker { worker } => self.pool.kill(&worker),
            Effect::Release { run } => {
                self.scheduler.release(&run);
                self.attempts.remove(&run);
                if let Some(attempt) = self.pool.release(&run) {
                    self.cancels.over(&attempt);
                }
            }
        }
    }

    /// Sends a command on behalf of an attempt. A worker that is gone cannot take it, and the attempt is lost.
    fn command(&mut self, worker: &WorkerId, attempt: &AttemptId, command: Command) {
        if let Err(failure) = self.pool.send(worker, command) {
            let text = self.attempts.text(attempt);
            self.decide(Input::WorkerLost { attempt: attempt.clone(), failure, text });
        }
    }
}
