//! Turns what workers report into inputs of the kernel, and text into live text.

use omi_kernel::command::{Answer, InputAnswer};
use omi_kernel::id::{AttemptId, RunId, SessionId, WorkerId};
use omi_kernel::input::{BindingOpened, By, Finished, Input};
use omi_kernel::permission::ApprovalPolicy;
use omi_kernel::report::{Activity, Failure, FailureDetail, Outcome, Report, Usage, WorkerEnd};

use super::attempts::Live;
use super::requests::Asks;
use super::{Driver, Item};
use crate::client::{LiveKind, LiveText, Once};
use crate::config::RegistrationConfig;

impl Driver {
    pub(super) fn report(&mut self, worker: &WorkerId, report: Report) {
        if self.ending.is_some() && self.asks_a_person(worker) && !matches!(report, Report::Ended(_)) {
            return;
        }
        if let Some(attempt) = attempt_of(&report).cloned().or_else(|| self.pool.attempt(worker)) {
            self.watch.progress(&attempt, self.clock.since_start());
        }
        match report {
            Report::Ready { runtime } => {
                tracing::debug!(%worker, runtime, "the worker is ready");
                self.pool.ready(worker);
            }
            Report::AuthRequired { methods, message } => {
                tracing::warn!(%worker, message, "the runtime wants a log-in");
                self.pool.log_out(worker, Failure::AuthRequired { methods, message });
                self.want_log_in(worker);
            }
            Report::BindingOpened { binding, native_id, fidelity, model } => {
                if let Some((attempt, digest)) = self.pool.opened(worker, &binding, fidelity) {
                    let mcp_hash = self.pool.registration(worker).and_then(RegistrationConfig::mcp_hash);
                    let opened =
                        BindingOpened { attempt, binding, native_id, fidelity, model, digest, mcp_hash };
                    self.decide(Input::BindingOpened(opened));
                }
            }
            Report::BindingFailed { binding, failure } => {
                let person = self.has_person(worker);
                if let Some(attempt) = self.pool.not_opened(worker, &binding) {
                    self.decide(Input::BindingFailed { attempt, binding, failure, person });
                }
            }
            Report::Activity { attempt, activity } => self.activity(attempt, activity),
            Report::AttemptFinished { attempt, outcome, usage } => {
                self.finished(worker, attempt, outcome, usage);
            }
            Report::CancelAnswer { attempt, dispatched, acknowledged, message } => {
                tracing::debug!(%attempt, ?message, "the adapter answered a cancellation");
                self.decide(Input::CancelDispatched { attempt, dispatched, acknowledged });
            }
            Report::ApprovalRequested(request) => {
                if self.attempts.is_live(&request.attempt) {
                    self.keep_text(&request.attempt);
                    let policy = self.policy(worker);
                    self.decide(Input::ApprovalRequested { request, policy });
                }
            }
            Report::InputRequested(request) => {
                if self.attempts.is_live(&request.attempt) {
                    self.keep_text(&request.attempt);
                    let person = self.has_person(worker);
                    self.decide(Input::InputRequested { request, person });
                }
            }
            Report::AccessAsked { request, session, attempt, asked } => {
                self.access_asked(worker, request, session, attempt, *asked);
            }
            Report::AccessWithdrawn { request } => self.access_withdrawn(worker, request),
            Report::ProcessStarted { lease } => {
                self.pool.process_started(worker, lease);
                self.record_lease(worker);
            }
            Report::RequestWithdrawn { request } => self.withdrawn(worker, request),
            Report::Ended(end) => self.worker_ended(worker, end),
        }
    }

    /// How requests for permission of a worker are decided.
    fn policy(&self, worker: &WorkerId) -> ApprovalPolicy {
        let registration = self.pool.registration(worker);
        registration.map_or(ApprovalPolicy::Refuse, |registration| registration.policy(self.person))
    }

    /// There is a person who can be asked on behalf of a worker.
    pub(super) fn has_person(&self, worker: &WorkerId) -> bool {
        self.policy(worker) == ApprovalPolicy::Ask
    }

    /// The runtime takes a request back, if nobody has answered it meanwhile.
    fn withdrawn(&mut self, worker: &WorkerId, request: u32) {
        let Some(attempt) = self.pool.attempt(worker) else { return };
        let waits_for_input = |(open, asks)| open == request && asks == Asks::Input;
        let is_input = self.requests.of(&attempt).into_iter().any(waits_for_input)
            || self.items.iter().any(|item| item.asks_for_input(&attempt, request));
        let by = By::Runtime;
        self.decide(if is_input {
            Input::InputProvided { attempt, request, answer: InputAnswer::Cancelled, by }
        } else {
            Input::ApprovalAnswered { attempt, request, answer: Answer::Cancelled, by }
        });
    }

    /// The attempt of a worker waits for a person. When the daemon ends, that is left as it is: the next one lists what
    /// was asked, with the orphaned run, instead of an answer that nobody gave.
    fn asks_a_person(&self, worker: &WorkerId) -> bool {
        self.pool.attempt(worker).is_some_and(|attempt| !self.requests.of(&attempt).is_empty())
    }

    fn activity(&mut self, attempt: AttemptId, activity: Activity) {
        if !self.attempts.is_live(&attempt) {
            return;
        }
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
                if let Some(live) = self.attempts.get_mut(&attempt) {
                    live.acted |= activity.acts();
                }
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
    pub(super) fn keep_text(&mut self, attempt: &AttemptId) {
        let now = self.clock.since_start();
        let chunk = self.attempts.get_mut(attempt).and_then(|live| live.transcript.chunk(now));
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

    fn finished(&mut self, worker: &WorkerId, attempt: AttemptId, outcome: Outcome, usage: Option<Usage>) {
        if !self.attempts.is_live(&attempt) {
            return;
        }
        let cancelling = self.attempts.get_mut(&attempt).is_some_and(|live| live.cancelling);
        let acted = self.attempts.get_mut(&attempt).is_some_and(|live| live.acted);
        match &outcome {
            Outcome::Succeeded { .. } if !cancelling => self.complete_message(&attempt),
            Outcome::Failed(Failure::Stale(_)) => {
                self.keep_text(&attempt);
                self.pool.close_executing(worker);
            }
            Outcome::Succeeded { .. } | Outcome::Failed(_) | Outcome::Cancelled => self.keep_text(&attempt),
        }
        let text = self.attempts.text(&attempt);
        let person = self.has_person(worker);
        self.decide(Input::Finished(Finished { attempt, outcome, usage, text, acted, person }));
    }

    fn worker_ended(&mut self, worker: &WorkerId, end: WorkerEnd) {
        let ending = self.ending.is_some();
        let retry = !ending
            && match &end {
                WorkerEnd::Fault(failure) => matches!(failure, Failure::Retryable(_) | Failure::Stale(_)),
                WorkerEnd::Stopped | WorkerEnd::Trapped(_) => true,
            };
        let failure = match end {
            WorkerEnd::Stopped if ending => FailureDetail::new("daemon_shutdown", "omi-agentd was ended"),
            WorkerEnd::Stopped => FailureDetail::new("worker_stopped", "the worker was ended"),
            WorkerEnd::Fault(failure) => failure.detail(),
            WorkerEnd::Trapped(detail) => detail,
        };
        tracing::debug!(%worker, code = failure.code, message = failure.message, "the worker ended");
        self.pool.ended(worker, failure, retry);
        // One that ended before it was said to be there is over once that is said.
        if self.pool.is_started(worker) {
            self.worker_over(worker);
        }
    }

    /// A worker has ended: its attempt is lost first, then what it held.
    pub(super) fn worker_over(&mut self, worker: &WorkerId) {
        let end = self.pool.end_of(worker).cloned();
        let lost = self.pool.attempt(worker).filter(|_| self.ending.is_none() || !self.asks_a_person(worker));
        if let Some((attempt, (failure, retry))) = lost.zip(end) {
            self.keep_text(&attempt);
            let text = self.attempts.text(&attempt);
            self.decide(Input::WorkerLost { attempt, failure, text, retry });
        }
        self.decide(Input::WorkerOver { worker: worker.clone(), stop: None });
    }
}

impl Item {
    /// It will be recorded that an attempt asks for information.
    fn asks_for_input(&self, attempt: &AttemptId, number: u32) -> bool {
        matches!(self, Self::Input { input: Input::InputRequested { request, .. }, .. }
            if request.attempt == *attempt && request.request == number)
    }
}

/// The attempt that a report is about, if it names one.
fn attempt_of(report: &Report) -> Option<&AttemptId> {
    match report {
        Report::Activity { attempt, .. }
        | Report::AttemptFinished { attempt, .. }
        | Report::CancelAnswer { attempt, .. } => Some(attempt),
        Report::ApprovalRequested(request) => Some(&request.attempt),
        Report::InputRequested(request) => Some(&request.attempt),
        Report::AccessAsked { attempt, .. } => attempt.as_ref(),
        Report::Ready { .. }
        | Report::AuthRequired { .. }
        | Report::BindingOpened { .. }
        | Report::BindingFailed { .. }
        | Report::AccessWithdrawn { .. }
        | Report::ProcessStarted { .. }
        | Report::RequestWithdrawn { .. }
        | Report::Ended(_) => None,
    }
}

fn live_text(
    (session, run, request): (SessionId, RunId, omi_kernel::id::RequestId),
    attempt: AttemptId,
    kind: LiveKind,
    text: String,
) -> LiveText {
    LiveText {
        session,
        run,
        attempt,
        request,
        cursor: omi_kernel::id::Cursor(0),
        sequence: 0,
        kind,
        text,
        once: Once::default(),
    }
}
