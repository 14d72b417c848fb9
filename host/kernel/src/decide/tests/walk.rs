//! A random walk: whatever happens in whatever order, the rules hold, and what cannot be is refused.

use std::collections::{BTreeMap, BTreeSet};

use super::story;
use super::world::World;
use crate::command::Answer;
use crate::decision::Effect;
use crate::descriptor::Fidelity;
use crate::event::EventKind;
use crate::id::{AttemptId, BindingId, Ids, RunId, WorkerId};
use crate::input::{Begin, BindingOpened, Finished, Input, SessionRef};
use crate::permission::ApprovalPolicy;
use crate::report::{Activity, ApprovalRequest, Failure, Outcome, Usage};
use crate::row::{Attempt, Run};
use crate::status::Status;
use crate::transcript::Chunk;

/// Walks, each from an empty record: a small record keeps a step cheap.
const WALKS: u64 = 100;

/// Inputs of one walk.
const STEPS: u32 = 200;

/// Where the seeds begin. The number itself means nothing.
const FIRST_SEED: u64 = 0x5eed_0001;

/// The kinds of events that no input of this version leads to.
const NOT_YET: [EventKind; 6] = [
    EventKind::RunWaitingInput,
    EventKind::RunTimedOut,
    EventKind::InputRequested,
    EventKind::InputProvided,
    EventKind::DelegationCreated,
    EventKind::DelegationCompleted,
];

/// Xorshift: enough chance for a walk, and the same walk for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, sides: usize) -> usize {
        usize::try_from(self.roll() % sides as u64).unwrap()
    }

    /// Once in so many times.
    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    /// One of the last few: what is long over is dull.
    fn recent<'t, T>(&mut self, all: &'t [T]) -> Option<&'t T> {
        let few = &all[all.len().saturating_sub(8)..];
        if few.is_empty() { None } else { Some(&few[self.below(few.len())]) }
    }
}

struct Walker {
    dice: Dice,
    world: World,
    /// The binding that each attempt was told to make or take up.
    asked: BTreeMap<AttemptId, BindingId>,
    kinds: BTreeSet<EventKind>,
    refused: u32,
    last_id: u128,
}

#[test]
fn the_rules_hold_whatever_happens() {
    let mut kinds = BTreeSet::new();
    let mut reached = BTreeSet::new();
    let mut refused = 0;
    for seed in FIRST_SEED..FIRST_SEED + WALKS {
        let mut walker = Walker::new(seed);
        for step in 0..STEPS {
            let input = walker.input();
            if let Err(fault) = walker.take(&input) {
                panic!("seed {seed:#x}, step {step}: {fault}\nafter {input:#?}");
            }
        }
        kinds.extend(walker.kinds);
        reached.extend(walker.world.runs.iter().map(|run| run.status));
        refused += walker.refused;
    }
    let unseen = |kind: &&EventKind| !kinds.contains(kind) && !NOT_YET.contains(kind);
    let unseen: Vec<&EventKind> = EventKind::ALL.iter().filter(unseen).collect();
    assert!(unseen.is_empty(), "the walk never led to {unseen:?}");
    let every = Status::ALL.into_iter().filter(|s| !matches!(s, Status::WaitingInput | Status::TimedOut));
    assert_eq!(reached, every.collect());
    assert!(refused > 500, "only {refused} inputs were refused: the walk is too tame");
}

impl Walker {
    fn new(seed: u64) -> Self {
        Self {
            dice: Dice(seed),
            world: World::default(),
            asked: BTreeMap::new(),
            kinds: BTreeSet::new(),
            refused: 0,
            last_id: 0,
        }
    }

    /// Decides, applies, judges.
    fn take(&mut self, input: &Input) -> Result<(), String> {
        let facts = self.world.facts(&input.wants());
        let last_id = &mut self.last_id;
        let mut source = || {
            *last_id += 1;
            *last_id
        };
        let Ok(decision) = crate::decide(input, &facts, &mut Ids::new(&mut source)) else {
            self.refused += 1;
            return Ok(());
        };
        self.kinds.extend(decision.events.iter().map(|event| event.kind));
        for effect in &decision.effects {
            if let Effect::Bind { attempt, binding, .. } = effect {
                self.asked.insert(attempt.clone(), binding.clone());
            }
        }
        self.world.apply(&decision)
    }

    fn bits(&mut self) -> u128 {
        self.last_id += 1;
        self.last_id
    }

    /// Something that happens, likely or not.
    fn input(&mut self) -> Input {
        if self.dice.once_in(60) {
            let sessions = self.world.sessions();
            if let Some((session, _)) = self.dice.recent(&sessions) {
                self.world.close(session);
            }
        }
        match self.dice.below(40) {
            0..=6 => self.accept(),
            7..=12 => self.begin(),
            13 => {
                let failure = story::trouble("worker_failed");
                Input::CannotBegin { run: self.run(), failure }
            }
            14..=15 => self.cancel(),
            16 if self.dice.once_in(4) => Input::Reconcile,
            _ => self.about_an_attempt(),
        }
    }

    fn accept(&mut self) -> Input {
        let owner = self.dice.of(&["ann", "ann", "ann", "bob"]);
        let mut accept = story::asks(self.dice.of(&["hello", "hello", "hello", "bye", " "]));
        accept.owner = owner.into();
        accept.request = format!("r{}", self.dice.below(40)).as_str().into();
        accept.session = self.session();
        accept.adapter = self.dice.of(&[None, None, Some("echo".into()), Some("claude".into())]);
        accept.cwd = self.dice.of(&[None, None, Some("/a".into()), Some("/b".into())]);
        accept.system_prompt_hash = self.dice.of(&[None, None, None, Some("h".into())]);
        accept.legacy_grant = self.dice.once_in(3);
        story::accept(accept)
    }

    fn session(&mut self) -> SessionRef {
        let name = self.dice.of(&["x", "y"]);
        match self.dice.below(5) {
            0 => SessionRef { external: Some(("chat".into(), name.into())), ..SessionRef::default() },
            1 => SessionRef { legacy: Some(("bridge".into(), name.into())), ..SessionRef::default() },
            2 => SessionRef::default(),
            _ => {
                let sessions = self.world.sessions();
                let id = self.dice.recent(&sessions).map(|(id, _)| id.clone());
                SessionRef { id, ..SessionRef::default() }
            }
        }
    }

    /// A run that waits for a worker as a rule, and now and then one that does not.
    fn begin(&mut self) -> Input {
        let waits = |run: &&Run| matches!(run.status, Status::Queued | Status::Starting);
        let may = |run: &&Run| !self.world.is_busy(run);
        let waiting: Vec<RunId> =
            self.world.runs.iter().filter(waits).filter(may).map(|run| run.id.clone()).collect();
        let any: Vec<RunId> = self.world.runs.iter().filter(may).map(|run| run.id.clone()).collect();
        let run = self.dice.recent(if waiting.is_empty() { &any } else { &waiting });
        let run = run.cloned().unwrap_or_else(story::run_id);
        let held = if self.dice.once_in(2) { self.world.active_bindings() } else { vec![] };
        Input::Begin(Begin {
            run,
            worker: WorkerId::new(&mut Ids::new(&mut || self.bits())),
            held,
            resume: self.dice.of(&[Fidelity::Native, Fidelity::Native, Fidelity::None]),
            default_cwd: "/a".into(),
            digest: "d".into(),
        })
    }

    fn cancel(&mut self) -> Input {
        Input::Cancel { owner: self.dice.of(&["ann", "ann", "bob"]).into(), run: self.run() }
    }

    fn run(&mut self) -> RunId {
        match self.dice.recent(&self.world.runs) {
            Some(run) => run.id.clone(),
            None => story::run_id(),
        }
    }

    /// One that lives as a rule, and now and then one that is over or never was.
    fn attempt(&mut self) -> AttemptId {
        let alive = |attempt: &&Attempt| !attempt.status.is_terminal();
        let alive: Vec<Attempt> = self.world.attempts.iter().filter(alive).cloned().collect();
        if !alive.is_empty() && !self.dice.once_in(6) {
            return alive[self.dice.below(alive.len())].id.clone();
        }
        match self.dice.recent(&self.world.attempts) {
            Some(attempt) => attempt.id.clone(),
            None => story::attempt_id(),
        }
    }

    fn about_an_attempt(&mut self) -> Input {
        let attempt = self.attempt();
        match self.dice.below(24) {
            0..=6 => self.binding_opened(attempt),
            7 => {
                let (binding, failure) = (self.binding(&attempt), self.failure());
                Input::BindingFailed { attempt, binding, failure }
            }
            8..=9 => {
                let (message, offset) = (self.dice.of(&["m1", "m2"]).into(), self.dice.below(9));
                Input::Chunk { attempt, chunk: Chunk { message, offset, text: "text".into() } }
            }
            10 => Input::MessageCompleted { attempt, message: "m1".into(), text: "text".into() },
            11..=12 => Input::Activity { attempt, activity: self.activity() },
            13..=15 => self.approval(attempt),
            16..=17 => {
                let answer = self.dice.of(&[Answer::Cancelled, Answer::Expired]);
                let request = self.request();
                Input::ApprovalAnswered { attempt, request, answer, by: "user".into() }
            }
            18..=20 => self.finished(attempt),
            21 => {
                let text = self.dice.of(&["", "half"]).into();
                Input::WorkerLost { attempt, failure: story::trouble("worker_trapped"), text }
            }
            22 => {
                let (dispatched, acknowledged) = self.dice.of(&[(false, false), (true, false), (true, true)]);
                Input::CancelDispatched { attempt, dispatched, acknowledged }
            }
            _ => Input::CancelGraceOver { attempt },
        }
    }

    /// The binding that the attempt was told to make as a rule, and now and then another one.
    fn binding(&mut self, attempt: &AttemptId) -> BindingId {
        match self.asked.get(attempt) {
            Some(binding) if !self.dice.once_in(10) => binding.clone(),
            Some(_) | None => BindingId::new(&mut Ids::new(&mut || self.bits())),
        }
    }

    fn binding_opened(&mut self, attempt: AttemptId) -> Input {
        let binding = self.binding(&attempt);
        Input::BindingOpened(BindingOpened {
            attempt,
            binding,
            native_id: self.dice.of(&["n1", "n2", "n3", "n4", "n5", "n6"]).into(),
            fidelity: self.dice.of(&[Fidelity::Native, Fidelity::Native, Fidelity::None]),
            model: None,
            digest: "d".into(),
        })
    }

    fn failure(&mut self) -> Failure {
        match self.dice.below(6) {
            0 => Failure::AuthRequired(vec![]),
            1 => Failure::Retryable(story::trouble("busy")),
            2 => Failure::Fatal(story::trouble("broken")),
            _ => Failure::Stale(story::trouble("no_such_session")),
        }
    }

    fn activity(&mut self) -> Activity {
        let id = || "call".to_owned();
        match self.dice.below(7) {
            0 => Activity::ThoughtDelta { text: "hm".into() },
            1 => Activity::Progress { text: "reading".into() },
            2 => Activity::ToolStarted {
                id: id(),
                name: "read".into(),
                title: "Read".into(),
                kind: "read".into(),
                input: None,
            },
            3 => Activity::ToolUpdated { id: id(), title: None, content: None },
            4 => Activity::ToolCompleted { id: id(), output: None },
            5 => Activity::ToolFailed { id: id(), error: story::trouble("no_such_file") },
            _ => Activity::Artifact {
                kind: "file".into(),
                role: "result".into(),
                uri: "file:///a".into(),
                name: None,
                mime_type: None,
            },
        }
    }

    fn request(&mut self) -> u32 {
        u32::try_from(self.dice.below(3)).unwrap()
    }

    fn approval(&mut self, attempt: AttemptId) -> Input {
        let request = ApprovalRequest {
            attempt,
            request: self.request(),
            title: "Write a file".into(),
            tool: None,
            options: vec![],
            details: serde_json::Value::Null,
        };
        let policies =
            [ApprovalPolicy::Ask, ApprovalPolicy::Ask, ApprovalPolicy::Refuse, ApprovalPolicy::Legacy];
        Input::ApprovalRequested { request, policy: self.dice.of(&policies) }
    }

    fn finished(&mut self, attempt: AttemptId) -> Input {
        let outcome = match self.dice.below(6) {
            0 => Outcome::Failed(self.failure()),
            1 => Outcome::Failed(Failure::Stale(story::trouble("no_such_session"))),
            2 => Outcome::Cancelled,
            _ => story::well(),
        };
        let text = self.dice.of(&["", "text"]).into();
        let usage = self.dice.of(&[None, Some(Usage::default())]);
        Input::Finished(Finished { attempt, outcome, usage, text })
    }
}
