//! Turns what workers send into inputs, as the daemon's driver does.

use omi_kernel::command::{Answer, InputAnswer};
use omi_kernel::id::{AttemptId, WorkerId};
use omi_kernel::input::{BindingOpened, By, Finished, Input};
use omi_kernel::permission::ApprovalPolicy;
use omi_kernel::pool::Holding;
use omi_kernel::report::{Activity, Failure, Outcome, Report};
use omi_kernel::row::RequestKind;

use super::Sim;
use super::fake::{Fake, Message, Wish};
use crate::script::Dice;
use crate::story;

impl Sim {
    /// One worker's oldest message arrives. Answers whether there is one.
    pub(super) fn hear(&mut self, dice: &mut Dice) -> bool {
        let talking = self.fakes.iter().filter(|(_, fake)| !fake.outbox.is_empty());
        let talking: Vec<WorkerId> = talking.map(|(id, _)| id.clone()).collect();
        if talking.is_empty() {
            return false;
        }
        let worker = dice.of(&talking);
        self.hear_from(&worker);
        true
    }

    pub(super) fn hear_from(&mut self, worker: &WorkerId) {
        let message = self.fakes.get_mut(worker).and_then(|fake| fake.outbox.pop_front());
        match message {
            Some(Message::Started(started)) => self.started(worker, started),
            Some(Message::Report(report)) => self.report(worker, *report),
            None => {}
        }
    }

    /// One worker does something. Answers whether one can.
    pub(super) fn work(&mut self, dice: &mut Dice) -> bool {
        let able = self.fakes.iter().filter(|(_, fake)| fake.can_work() || dice.once_in(8));
        let able: Vec<WorkerId> = able.map(|(id, _)| id.clone()).collect();
        if able.is_empty() {
            return false;
        }
        let worker = dice.of(&able);
        let last_native = &mut self.last_native;
        let mut native = || {
            *last_native += 1;
            *last_native
        };
        let wish = self.fakes.get_mut(&worker).and_then(|fake| fake.work(dice, &mut native));
        self.note_told(&worker);
        if let Some(Wish::Delegate(run)) = wish {
            let delegate = self.delegation_of(run, dice);
            self.items.push_back(delegate);
        }
        true
    }

    fn started(&mut self, worker: &WorkerId, started: bool) {
        let Some(fake) = self.fakes.get(worker) else { return };
        if let Some(runs) = fake.runs.clone().filter(|_| started) {
            let bindings_max = story::registration(&fake.adapter).bindings_max;
            let Some(run) = self.driver.pool.started(worker, runs, bindings_max) else { return };
            if self.driver.pool.is_outdated(worker) {
                self.coverage.met("begun elsewhere because its worker came with what was replaced");
                self.begin_elsewhere(&run);
            } else {
                self.must_run_what_is_installed(worker);
                self.begin(&run, worker);
            }
            return;
        }
        self.fakes.remove(worker);
        self.driver.accesses.remove(worker);
        let run = self.driver.pool.ended(worker).and_then(|worker| worker.run);
        if let Some(run) = run {
            self.items.push_back(Input::CannotBegin { run, failure: story::trouble("worker_not_started") });
        }
    }

    fn report(&mut self, worker: &WorkerId, report: Report) {
        match report {
            Report::Ready { .. } => {}
            Report::AuthRequired { methods, .. } => {
                if let Some((attempt, binding, _)) = self.driver.making.remove(worker) {
                    let failure = Failure::AuthRequired { methods, message: String::new() };
                    self.items.push_back(Input::BindingFailed { attempt, binding, failure, person: true });
                }
            }
            Report::BindingOpened { binding, native_id, fidelity, model } => {
                let making =
                    self.driver.making.get(worker).filter(|(_, making, _)| *making == binding).cloned();
                // What is said twice is heard once: the second time nobody makes it.
                let Some((attempt, _, session)) = making else { return };
                self.driver.making.remove(worker);
                self.driver.pool.hold(worker, binding.clone(), Holding { session, fidelity });
                let digest = self.fakes.get(worker).map(Fake::digest).unwrap_or_default();
                let mcp_hash = Some("mcp-1".to_owned());
                let opened = BindingOpened { attempt, binding, native_id, fidelity, model, digest, mcp_hash };
                self.items.push_back(Input::BindingOpened(opened));
            }
            Report::BindingFailed { binding, failure } => {
                self.driver.pool.let_go(worker, &binding);
                let making =
                    self.driver.making.get(worker).filter(|(_, making, _)| *making == binding).cloned();
                if let Some((attempt, ..)) = making {
                    self.driver.making.remove(worker);
                    self.items.push_back(Input::BindingFailed { attempt, binding, failure, person: true });
                }
            }
            Report::Activity { attempt, activity } => self.activity(attempt, activity),
            Report::AttemptFinished { attempt, outcome, usage } => {
                let text = self.driver.live.get(&attempt).map(|live| live.transcript.text());
                self.keep_text(&attempt);
                if let Outcome::Failed(Failure::Stale(_)) = &outcome {
                    let row = self.record.attempts.get(&attempt);
                    if let Some(binding) = row.and_then(|row| row.attempt.binding.clone()) {
                        self.driver.pool.let_go(worker, &binding);
                    }
                }
                let text = text.unwrap_or_default();
                self.items.push_back(Input::Finished(Finished {
                    attempt,
                    outcome,
                    usage,
                    text,
                    acted: false,
                    person: true,
                }));
            }
            Report::CancelAnswer { attempt, dispatched, acknowledged, .. } => {
                self.cancel_answered(attempt, dispatched, acknowledged);
            }
            Report::ApprovalRequested(request) => {
                self.keep_text(&request.attempt);
                let policy = self.fakes.get(worker).map(|fake| story::registration(&fake.adapter).policy);
                let policy = policy.unwrap_or(ApprovalPolicy::Refuse);
                self.note_asked(&request.attempt, request.request, RequestKind::Approval);
                self.items.push_back(Input::ApprovalRequested { request, policy });
            }
            Report::InputRequested(request) => {
                self.keep_text(&request.attempt);
                let person = self.fakes.get(worker).is_some_and(|fake| fake.adapter.as_str() != "deaf");
                self.note_asked(&request.attempt, request.request, RequestKind::Input);
                self.items.push_back(Input::InputRequested { request, person });
            }
            Report::ProcessStarted { lease } => {
                if let Some((attempt, _)) = self.driver.live.iter().find(|(_, live)| live.worker == *worker) {
                    self.items.push_back(Input::Leased { attempt: attempt.clone(), lease });
                }
            }
            Report::RequestWithdrawn { request } => self.withdrawn(worker, request),
            Report::AccessAsked { request, session, attempt, asked } => {
                if let Some(attempt) = &attempt {
                    self.keep_text(attempt);
                }
                self.access_asked(worker, request, session, attempt, *asked);
            }
            Report::AccessWithdrawn { request } => self.access_withdrawn(worker, request),
            Report::Ended(_) => self.ended(worker),
        }
    }

    fn note_asked(&mut self, attempt: &AttemptId, request: u32, kind: RequestKind) {
        if let Some(live) = self.driver.live.get_mut(attempt) {
            live.asks.insert((request, kind));
        }
    }

    /// The runtime takes a request back.
    fn withdrawn(&mut self, worker: &WorkerId, request: u32) {
        let live = self.driver.live.iter().find(|(_, live)| live.worker == *worker);
        let Some((attempt, live)) = live else { return };
        let kind = live.asks.iter().find(|(number, _)| *number == request).map(|(_, kind)| *kind);
        let (attempt, by) = (attempt.clone(), By::Runtime);
        self.items.push_back(match kind {
            Some(RequestKind::Approval | RequestKind::Access) => {
                Input::ApprovalAnswered { attempt, request, answer: Answer::Cancelled, by }
            }
            Some(RequestKind::Input | RequestKind::Authentication) => {
                Input::InputProvided { attempt, request, answer: InputAnswer::Cancelled, by }
            }
            None => return,
        });
    }

    /// Only the first answer is one; the time to answer is over then.
    fn cancel_answered(&mut self, attempt: AttemptId, dispatched: bool, acknowledged: bool) {
        if let Some(cancel) = self.driver.cancels.get_mut(&attempt) {
            cancel.acknowledge_by = None;
        }
        self.items.push_back(Input::CancelDispatched { attempt, dispatched, acknowledged });
    }

    fn ended(&mut self, worker: &WorkerId) {
        self.fakes.remove(worker);
        self.driver.accesses.remove(worker);
        self.driver.pool.stopping(worker);
        self.items.push_back(Input::WorkerOver { worker: worker.clone(), stop: None });
        let live = self.driver.live.iter().find(|(_, live)| live.worker == *worker);
        let lost = live.map(|(attempt, live)| (attempt.clone(), live.transcript.text()));
        let made = self.driver.making.remove(worker).map(|(attempt, ..)| (attempt, String::new()));
        if let Some((attempt, text)) = lost.or(made).or_else(|| self.waits_for_log_in(worker)) {
            self.keep_text(&attempt);
            let failure = story::trouble("worker_trapped");
            self.items.push_back(Input::WorkerLost { attempt, failure, text, retry: true });
        }
        self.driver.pool.ended(worker);
    }

    /// The attempt of a worker whose runtime is done with it, while a person is asked to log in.
    fn waits_for_log_in(&self, worker: &WorkerId) -> Option<(AttemptId, String)> {
        let run = self.driver.pool.get(worker)?.run.clone()?;
        self.record.executing(&run).map(|attempt| (attempt, String::new()))
    }

    fn activity(&mut self, attempt: AttemptId, activity: Activity) {
        self.driver.watch.progress(&attempt, self.clock);
        match activity {
            Activity::MessageDelta { message, text } => self.message_delta(attempt, &message, &text),
            Activity::MessageEnd { message } => {
                let live = self.driver.live.get(&attempt);
                if live.is_some_and(|live| !live.cancelling && live.transcript.streams() == Some(&message)) {
                    self.complete_message(&attempt);
                }
            }
            Activity::ThoughtDelta { .. } => {}
            activity => {
                self.keep_text(&attempt);
                self.items.push_back(Input::Activity { attempt, activity });
            }
        }
    }

    fn message_delta(&mut self, attempt: AttemptId, message: &str, text: &str) {
        let Some(live) = self.driver.live.get(&attempt) else {
            self.items.push_back(Input::CameLate { attempt, count: 1 });
            return;
        };
        if live.transcript.streams().is_some_and(|streaming| streaming != message) {
            self.complete_message(&attempt);
        }
        if let Some(live) = self.driver.live.get_mut(&attempt) {
            live.transcript.push(message, text);
        }
    }

    /// A durable event is a barrier: the text before it is kept with it.
    pub(super) fn keep_text(&mut self, attempt: &AttemptId) {
        let clock = self.clock;
        let live = self.driver.live.get_mut(attempt);
        if let Some(chunk) = live.and_then(|live| live.transcript.chunk(clock)) {
            self.items.push_back(Input::Chunk { attempt: attempt.clone(), chunk });
        }
    }

    fn complete_message(&mut self, attempt: &AttemptId) {
        let live = self.driver.live.get_mut(attempt);
        if let Some((message, text)) = live.and_then(|live| live.transcript.complete()) {
            self.items.push_back(Input::MessageCompleted { attempt: attempt.clone(), message, text });
        }
    }
}
