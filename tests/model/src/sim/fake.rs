//! A worker that misbehaves as its script says: it answers late, twice or never, dies at any moment, does not hear that
//! it is to stop, and says that its native session is gone.

mod opens;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use omi_kernel::command::{Command, Execute};
use omi_kernel::descriptor::Fidelity;
use omi_kernel::id::{AdapterId, AttemptId, BindingId, NativeSessionId, RunId, SessionId, WorkerId};
use omi_kernel::pool::Runs;
use omi_kernel::report::{Activity, ApprovalRequest, Failure, InputRequest, Outcome, Report, WorkerEnd};

use super::gate::{Behalf, Gate, Told};
use crate::script::Dice;
use crate::story;

/// What a worker sends.
#[derive(Debug, Clone)]
pub(super) enum Message {
    /// Its component is there, or cannot be had.
    Started(bool),
    /// A report.
    Report(Box<Report>),
}

/// What a worker executes.
#[derive(Debug, Clone)]
pub(super) struct Doing {
    pub(super) attempt: AttemptId,
    pub(super) run: RunId,
    session: SessionId,
    message: u32,
    pub(super) asks: BTreeSet<u32>,
}

/// Something that only the world around a worker can do for it.
#[derive(Debug)]
pub(super) enum Wish {
    /// Its attempt asks another run for work.
    Delegate(RunId),
}

/// A worker that misbehaves.
#[derive(Debug)]
pub(super) struct Fake {
    id: WorkerId,
    pub(super) adapter: AdapterId,
    /// What it runs; none if that is not installed, and then it never starts.
    pub(super) runs: Option<Runs>,
    up: bool,
    over: bool,
    inbox: VecDeque<Command>,
    pub(super) outbox: VecDeque<Message>,
    pub(super) holds: BTreeMap<BindingId, SessionId>,
    pub(super) doing: Option<Doing>,
    pub(super) gate: Gate,
    /// What became of what it was told about accesses.
    pub(super) told: Vec<Told>,
    /// What it must never be told, if it was.
    pub(super) fault: Option<String>,
    /// Attempts it had: it may still speak of them.
    past: Vec<AttemptId>,
    last_request: u32,
}

impl Fake {
    pub(super) fn new(id: WorkerId, adapter: AdapterId, runs: Option<Runs>) -> Self {
        Self {
            id,
            adapter,
            runs,
            up: false,
            over: false,
            inbox: VecDeque::new(),
            outbox: VecDeque::new(),
            holds: BTreeMap::new(),
            doing: None,
            gate: Gate::default(),
            told: Vec::new(),
            fault: None,
            past: Vec::new(),
            last_request: 0,
        }
    }

    /// The bytes that it runs.
    pub(super) fn digest(&self) -> String {
        self.runs.as_ref().map(|runs| runs.digest.clone()).unwrap_or_default()
    }

    pub(super) fn take(&mut self, command: Command) {
        // Nothing is executed on what is to be closed: it is as good as closed, however long the worker takes.
        if let Command::CloseBinding { binding } = &command {
            let session = self.holds.remove(binding);
            self.give_up(
                |behalf| matches!((behalf, &session), (Behalf::Binding(of), Some(session)) if of == session),
            );
        }
        if self.over {
            return;
        }
        if matches!(command, Command::Perform { .. } | Command::Refuse { .. } | Command::Revoke { .. }) {
            self.gate.inbox.push_back(command);
        } else {
            self.inbox.push_back(command);
        }
    }

    /// It is ended from outside. What it said before may still arrive.
    pub(super) fn end(&mut self) {
        self.end_as(WorkerEnd::Trapped(story::trouble("worker_trapped")));
    }

    fn end_as(&mut self, end: WorkerEnd) {
        if !self.over {
            (self.over, self.doing) = (true, None);
            self.inbox.clear();
            self.holds.clear();
            self.gate = Gate::default();
            self.say(Report::Ended(end));
        }
    }

    fn say(&mut self, report: Report) {
        self.outbox.push_back(Message::Report(Box::new(report)));
    }

    /// It has something to do.
    pub(super) fn can_work(&self) -> bool {
        let told = !self.gate.inbox.is_empty();
        let free = !self.gate.is_needed() && (!self.inbox.is_empty() || self.doing.is_some());
        !self.over && (!self.up || told || free)
    }

    /// Does something, as the dice say.
    pub(super) fn work(&mut self, dice: &mut Dice, native: &mut dyn FnMut() -> u64) -> Option<Wish> {
        if self.over {
            return None;
        }
        if !self.up {
            self.start(dice);
            return None;
        }
        if dice.once_in(40) {
            self.end();
            return None;
        }
        if (!dice.once_in(3) && self.hear_of_access(dice)) || self.waits_for_access(dice) {
            return None;
        }
        match self.inbox.pop_front() {
            Some(command) => {
                self.obey(command, dice, native);
                None
            }
            None => self.go_on(dice),
        }
    }

    /// Does what a worker should: every command is answered, every attempt ends.
    pub(super) fn behave(&mut self, native: &mut dyn FnMut() -> u64) {
        if self.over {
            return;
        }
        if !self.up {
            self.up = self.runs.is_some();
            self.over = !self.up;
            self.outbox.push_back(Message::Started(self.up));
        }
        while self.hear_of_access(&mut Dice::new(0)) {}
        if self.waits_for_access(&mut Dice::new(0)) {
            return;
        }
        while let Some(command) = self.inbox.pop_front() {
            self.obey(command, &mut Dice::new(0), native);
        }
        let waits = self.gate.waiting() > 0;
        if self.doing.as_ref().is_some_and(|doing| doing.asks.is_empty()) && !waits {
            self.finish(&mut Dice::new(0));
        }
    }

    fn obey(&mut self, command: Command, dice: &mut Dice, native: &mut dyn FnMut() -> u64) {
        // Never is as late as it gets: it does this when it behaves.
        if dice.once_in(12) {
            self.inbox.push_back(command);
            return;
        }
        match command {
            Command::OpenBinding { ref session, .. } | Command::ResumeBinding { ref session, .. }
                if self.gate.next_op().is_some() && dice.once_in(6) =>
            {
                self.ask_access(Behalf::Binding(session.clone()), true, dice);
                self.inbox.push_front(command);
            }
            Command::OpenBinding { binding, session, .. } => {
                let fresh = format!("n{}", native());
                let name = if dice.once_in(6) { dice.of(&["s1", "s2"]).to_owned() } else { fresh };
                self.bind(binding, session, name.as_str().into(), dice);
            }
            Command::ResumeBinding { binding, session, native_id, .. } => {
                let name = if dice.once_in(8) { format!("n{}", native()).as_str().into() } else { native_id };
                self.bind(binding, session, name, dice);
            }
            Command::Execute(execute) => self.execute(execute, dice),
            Command::Cancel { attempt } => self.cancel(&attempt, dice),
            Command::Approval { request, .. } | Command::ProvideInput { request, .. } => {
                if let Some(doing) = &mut self.doing {
                    doing.asks.remove(&request);
                }
            }
            // Its gate has the last three already.
            Command::CloseBinding { .. }
            | Command::Authenticate { .. }
            | Command::Perform { .. }
            | Command::Refuse { .. }
            | Command::Revoke { .. } => {}
            Command::Stop { .. } => self.end_as(WorkerEnd::Stopped),
        }
    }

    fn bind(&mut self, binding: BindingId, session: SessionId, native_id: NativeSessionId, dice: &mut Dice) {
        if dice.once_in(5) {
            let failure = story::failure(dice);
            return self.say(Report::BindingFailed { binding, failure });
        }
        self.holds.insert(binding.clone(), session);
        let best = story::registration(&self.adapter).resume;
        let fidelity = if dice.once_in(8) { Fidelity::None } else { best };
        let model = dice.of(&[None, Some("m1".to_owned())]);
        let report = Report::BindingOpened { binding, native_id, fidelity, model };
        if dice.once_in(10) {
            self.say(report.clone());
        }
        self.say(report);
    }

    fn execute(&mut self, execute: Execute, dice: &mut Dice) {
        let (attempt, run, session) = (execute.attempt, execute.run, execute.session);
        self.past.push(attempt.clone());
        self.doing = Some(Doing { attempt, run, session, message: 0, asks: BTreeSet::new() });
        if dice.once_in(6) {
            let failure = story::failure(dice);
            self.over(Outcome::Failed(failure), dice);
        } else if dice.once_in(4) {
            self.say(Report::ProcessStarted { lease: story::lease(dice) });
        }
    }

    fn cancel(&mut self, attempt: &AttemptId, dice: &mut Dice) {
        let (dispatched, acknowledged) = dice.of(&[(true, true), (true, false), (false, false)]);
        let answer =
            Report::CancelAnswer { attempt: attempt.clone(), dispatched, acknowledged, message: None };
        // It does not hear, or does not say, or says it twice.
        let times = dice.of(&[1, 1, 1, 0, 2]);
        (0..times).for_each(|_| self.say(answer.clone()));
        let stops = !dice.once_in(3) && self.doing.as_ref().is_some_and(|doing| doing.attempt == *attempt);
        if stops {
            self.over(Outcome::Cancelled, dice);
        }
    }

    /// Goes on with its attempt, or speaks of one that it had.
    fn go_on(&mut self, dice: &mut Dice) -> Option<Wish> {
        let Some(doing) = &mut self.doing else {
            if dice.once_in(3) {
                self.ask_meanwhile(None, dice);
                return None;
            }
            let attempt = dice.recent(&self.past).cloned()?;
            let late = Self::late(attempt, dice);
            self.say(late);
            return None;
        };
        let (attempt, run) = (doing.attempt.clone(), doing.run.clone());
        let session = doing.session.clone();
        let message = format!("m{}", doing.message);
        match dice.below(26) {
            0 | 1 => self.finish(dice),
            2..=5 => self.act(attempt, Activity::MessageDelta { message, text: "text ".into() }),
            6 => {
                doing.message += 1;
                self.act(attempt, Activity::MessageEnd { message });
            }
            7..=10 => {
                let activity = story::activity(dice);
                self.act(attempt, activity);
            }
            11 => self.act(attempt, Activity::ThoughtDelta { text: "hm".into() }),
            12 | 13 => self.ask_approval(attempt),
            14 => self.ask_input(attempt),
            15 => {
                let request = doing.asks.iter().next().copied().unwrap_or(self.last_request);
                doing.asks.remove(&request);
                self.say(Report::RequestWithdrawn { request });
            }
            16..=18 => return Some(Wish::Delegate(run)),
            19..=23 => self.ask_meanwhile(Some((session, attempt)), dice),
            24 => {
                if let Some(withdrawn) = self.gate.give_up_oldest() {
                    self.say(withdrawn);
                }
            }
            _ => {
                let failure = story::failure(dice);
                self.over(Outcome::Failed(failure), dice);
            }
        }
        None
    }

    fn act(&mut self, attempt: AttemptId, activity: Activity) {
        self.say(Report::Activity { attempt, activity });
    }

    fn late(attempt: AttemptId, dice: &mut Dice) -> Report {
        match dice.below(4) {
            0 => Report::Activity { attempt, activity: story::activity(dice) },
            1 => Report::Activity {
                attempt,
                activity: Activity::MessageDelta { message: "m0".into(), text: "late".into() },
            },
            2 => Report::CancelAnswer { attempt, dispatched: true, acknowledged: true, message: None },
            _ => Report::AttemptFinished { attempt, outcome: well(), usage: None },
        }
    }

    fn ask_approval(&mut self, attempt: AttemptId) {
        let request = self.next_request();
        self.say(Report::ApprovalRequested(ApprovalRequest {
            attempt,
            request,
            title: "Write a file".into(),
            tool: None,
            options: story::options(),
            details: serde_json::Value::Null,
        }));
    }

    fn ask_input(&mut self, attempt: AttemptId) {
        let request = self.next_request();
        let prompt = format!("Which one ({request})?");
        self.say(Report::InputRequested(InputRequest { attempt, request, prompt, schema: None, url: None }));
    }

    fn next_request(&mut self) -> u32 {
        self.last_request += 1;
        if let Some(doing) = &mut self.doing {
            doing.asks.insert(self.last_request);
        }
        self.last_request
    }

    fn finish(&mut self, dice: &mut Dice) {
        self.over(well(), dice);
    }

    fn over(&mut self, outcome: Outcome, dice: &mut Dice) {
        let Some(doing) = self.doing.take() else { return };
        if let Outcome::Failed(Failure::Stale(_)) = &outcome {
            self.holds.clear();
            self.give_up(|behalf| matches!(behalf, Behalf::Binding(_)));
        }
        // What an attempt asked for ends with it.
        let of_attempt = |behalf: &Behalf| matches!(behalf, Behalf::Attempt(_, of) if *of == doing.attempt);
        let first = dice.once_in(2);
        if first {
            self.give_up(of_attempt);
        }
        let usage = dice.of(&[false, true]).then(|| story::usage(dice));
        let report = Report::AttemptFinished { attempt: doing.attempt.clone(), outcome, usage };
        if dice.once_in(10) {
            self.say(report.clone());
        }
        self.say(report);
        if !first {
            self.give_up(of_attempt);
        }
    }
}

fn well() -> Outcome {
    Outcome::Succeeded { stop_reason: "end_turn".into() }
}
