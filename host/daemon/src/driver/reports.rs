//! Turns what workers report into inputs of the kernel, and text into live text.

use omi_kernel::id::{AttemptId, RunId, SessionId, WorkerId};
use omi_kernel::input::{BindingOpened, Finished, Input};
use omi_kernel::report::{Activity, Failure, FailureDetail, Outcome, Report, Usage, WorkerEnd};

use super::attempts::Live;
use super::{Driver, now};
use crate::client::{LiveKind, LiveText};

impl Driver {
    pub(super) fn report(&mut self, worker: &WorkerId, report: Report) {
        match report {
            Report::Ready { runtime } => {
                tracing::debug!(%worker, runtime, "the worker is ready");
                self.pool.ready(worker);
            }
            Report::AuthRequired { methods, message } => {
                tracing::warn!(%worker, message, "the runtime wants a log-in");
                if let Some((attempt, binding)) = self.pool.bound(worker) {
                    let failure = Failure::AuthRequired(methods);
                    self.decide(Input::BindingFailed { attempt, binding, failure });
                }
                // Whoever logs in does so outside; the next run begins with a worker that sees it.
                self.pool.stop(worker);
            }
            Report::BindingOpened { binding, native_id, fidelity, model } => {
                if let Some((attempt, digest)) = self.pool.opened(worker, &binding) {
                    let opened = BindingOpened { attempt, binding, native_id, fidelity, model, digest };
                    self.decide(Input::BindingOpened(opened));
                }
            }
            Report::BindingFailed { binding, failure } => {
                if let Some(attempt) = self.pool.not_opened(worker, &binding) {
                    self.decide(Input::BindingFailed { attempt, binding, failure });
                }
            }
            Report::Activity { attempt, activity } => self.activity(attempt, activity),
            Report::AttemptFinished { attempt, outcome, usage } => self.finished(attempt, outcome, usage),
            Report::CancelAnswer { attempt, dispatched, acknowledged, message } => {
                tracing::debug!(%attempt, ?message, "the adapter answered a cancellation");
                self.decide(Input::CancelDispatched { attempt, dispatched, acknowledged });
            }
            Report::ApprovalRequested(request) => {
                self.keep_text(&request.attempt);
                let policy = self.pool.adapter(worker).map(|adapter| self.policy(&adapter));
                if let Some(policy) = policy {
                    self.decide(Input::ApprovalRequested { request, policy });
                }
            }
            Report::RequestWithdrawn { request } => {
                if let Some(attempt) = self.pool.attempt(worker) {
                    let answer = omi_kernel::command::Answer::Cancelled;
                    self.decide(Input::ApprovalAnswered {
                        attempt,
                        request,
                        answer,
                        by: "runtime".to_owned(),
                    });
                }
            }
            Report::Ended(end) => self.worker_ended(worker, end),
        }
    }

    fn activity(&mut self, attempt: AttemptId, activity: Activity) {
        match activity {
            Activity::MessageDelta { message, text } => self.message_delta(&attempt, message, text),
            Activity::MessageEnd { message } => {
                // A message of an attempt that is to stop stays partial text.
                let ends = |live: &mut Live| !live.cancelling && live.transcript.streams() == Some(&message);
                if self.attempts.get_mut(&attempt).is_some_and(ends) {
                    self.complete_message(&attempt);
                }
            }
            Activity::ThoughtDelta { text } => {
                if let Some(about) = self.about(&attempt) {
                    self.live(live_text(about, attempt, LiveKind::Thought, text));
                }
            }
            activity => {
                self.keep_text(&attempt);
                self.decide(Input::Activity { attempt, activity });
            }
        }
    }

    fn message_delta(&mut self, attempt: &AttemptId, message: String, text: String) {
        let Some(live) = self.attempts.get_mut(attempt) else { return };
        if live.transcript.streams().is_some_and(|streaming| streaming != message) {
            self.complete_message(attempt);
        }
        let Some(live) = self.attempts.get_mut(attempt) else { return };
        let offset = live.transcript.push(&message, &text);
        if let Some(about) = self.about(attempt) {
            self.live(live_text(about, attempt.clone(), LiveKind::Message { message, offset }, text));
        }
    }

    fn about(&mut self, attempt: &AttemptId) -> Option<(SessionId, RunId, omi_kernel::id::RequestId)> {
        let live = self.attempts.get_mut(attempt)?;
        Some((live.session.clone(), live.run.clone(), live.request.clone()))
    }

    /// A durable event is a barrier: the text before it is kept with it (ARCHITECTURE §4).
    fn keep_text(&mut self, attempt: &AttemptId) {
        let chunk = self.attempts.get_mut(attempt).and_then(|live| live.transcript.chunk(now()));
        if let Some(chunk) = chunk {
            self.decide(Input::Chunk { attempt: attempt.clone(), chunk });
        }
    }

    fn complete_message(&mut self, attempt: &AttemptId) {
        let message = self.attempts.get_mut(attempt).and_then(|live| live.transcript.complete());
        if let Some((message, text)) = message {
            self.decide(Input::MessageCompleted { attempt: attempt.clone(), message, text });
        }
    }

    fn finished(&mut self, attempt: AttemptId, outcome: Outcome, usage: Option<Usage>) {
        let cancelling = self.attempts.get_mut(&attempt).is_some_and(|live| live.cancelling);
        match outcome {
            Outcome::Succeeded { .. } if !cancelling => self.complete_message(&attempt),
            Outcome::Succeeded { .. } | Outcome::Failed(_) | Outcome::Cancelled => self.keep_text(&attempt),
        }
        let text = self.attempts.text(&attempt);
        self.decide(Input::Finished(Finished { attempt, outcome, usage, text }));
    }

    fn worker_ended(&mut self, worker: &WorkerId, end: WorkerEnd) {
        let ending = self.ending.is_some();
        let failure = match end {
            WorkerEnd::Stopped if ending => FailureDetail::new("daemon_shutdown", "omi-agentd was ended"),
            WorkerEnd::Stopped => FailureDetail::new("worker_stopped", "the worker was ended"),
            WorkerEnd::Fault(failure) => failure.detail(),
            WorkerEnd::Trapped(detail) => detail,
        };
        tracing::debug!(%worker, code = failure.code, message = failure.message, "the worker ended");
        if let Some(attempt) = self.pool.ended(worker, failure.clone()) {
            self.keep_text(&attempt);
            let text = self.attempts.text(&attempt);
            self.decide(Input::WorkerLost { attempt, failure, text });
        }
    }
}

fn live_text(
    (session, run, request): (SessionId, RunId, omi_kernel::id::RequestId),
    attempt: AttemptId,
    kind: LiveKind,
    text: String,
) -> LiveText {
    LiveText { session, run, attempt, request, cursor: omi_kernel::id::Cursor(0), sequence: 0, kind, text }
}
