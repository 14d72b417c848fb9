//! Wild inputs: whatever can be said, in whatever order, about whatever there is or never was. No driver stands before
//! the record here, so that it sees what a driver would never send.

mod access;

use std::collections::BTreeMap;

use omi_kernel::artifact::ArtifactState;
use omi_kernel::command::{Answer, InputAnswer, StopReason};
use omi_kernel::descriptor::Fidelity;
use omi_kernel::effect::Effect;
use omi_kernel::id::{ArtifactId, AttemptId, BindingId, Ids, OwnerId, RunId, SessionId, Timestamp, WorkerId};
use omi_kernel::input::{AccessAsked, BindingOpened, By, Finished, Input, Timeout};
use omi_kernel::report::{ApprovalRequest, InputRequest, Outcome};
use omi_kernel::request::{Retry, SessionRef};
use omi_kernel::session::{SessionChange, SessionStatus};
use omi_kernel::status::Status;
use omi_kernel::transcript::Chunk;
use serde_json::json;

use access::answer_access;

use crate::record::{Record, Taken};
use crate::row::{AttemptRow, RunRow};
use crate::script::Dice;
use crate::story;

/// Wild inputs.
#[derive(Debug)]
pub struct Walk {
    /// The binding that each attempt was told to make or take up.
    asked: BTreeMap<AttemptId, BindingId>,
    last_id: u128,
    last_op: u32,
    /// What was asked for: it may be asked for again.
    accesses: Vec<AccessAsked>,
}

impl Default for Walk {
    fn default() -> Self {
        Self { asked: BTreeMap::new(), last_id: 1 << 64, last_op: 0, accesses: Vec::new() }
    }
}

impl Walk {
    /// Remembers what an attempt was told.
    pub fn note(&mut self, taken: &Taken) {
        for effect in &taken.effects {
            if let Effect::Bind { attempt, binding, .. } = effect {
                self.asked.insert(attempt.clone(), binding.clone());
            }
        }
    }

    fn id(&mut self) -> u128 {
        self.last_id += 1;
        self.last_id
    }

    /// Something that happens, likely or not.
    pub fn input(&mut self, record: &Record, now: Timestamp, dice: &mut Dice) -> Input {
        match dice.below(52) {
            0..=5 => accept(record, dice),
            6..=11 => self.begin(record, dice),
            12 => {
                Input::CannotBegin { run: self.run(record, dice), failure: story::trouble("worker_failed") }
            }
            13 | 14 => Input::Cancel { owner: owner(dice), run: self.run(record, dice) },
            15..=17 => self.delegate(record, dice),
            18 | 19 => self.retry(record, dice),
            20 if dice.once_in(3) => {
                let owner = owner(dice);
                Input::CreateSession(Box::new(story::create_session(dice, owner.as_str())))
            }
            20 => update_session(record, dice, self.id()),
            21 => match dice.below(5) {
                0 => Input::Reconcile,
                1 => Input::Retain {
                    ended_before: Timestamp(now.0 - dice.of(&[1_000, 60_000])),
                    events_max: dice.of(&[1 << 62, 100, 20]),
                },
                2 => Input::InvalidateBindings { owner: owner(dice), session: session(record, dice) },
                _ => self.update_artifact(record, dice),
            },
            22 => {
                let worker = self.worker(record, dice);
                Input::WorkerOver { worker, stop: dice.of(&[None, Some(StopReason::Idle)]) }
            }
            23..=28 => self.access(record, now, dice),
            29 => self.about_components(record, dice),
            30 | 31 => match answer_access(record, dice) {
                Some(answer) => answer,
                None => self.about_an_attempt(record, dice),
            },
            _ => self.about_an_attempt(record, dice),
        }
    }

    fn begin(&mut self, record: &Record, dice: &mut Dice) -> Input {
        // One prompt at a time: that is the scheduler's rule and not the kernel's.
        let may = |row: &&RunRow| !record.is_busy(&row.run.session, &row.run.id);
        let waits = |row: &&RunRow| matches!(row.run.status, Status::Queued | Status::Starting);
        let waiting: Vec<&RunRow> = record.live().filter(waits).filter(may).collect();
        let any: Vec<&RunRow> = record.runs.rows().iter().filter(may).collect();
        let run = dice.recent(if waiting.is_empty() { &any } else { &waiting });
        let run = run.map_or_else(|| RunId::new(&mut Ids::new(&mut || self.id())), |row| row.run.id.clone());
        let held: Vec<BindingId> = record.active().map(|binding| binding.id.clone()).collect();
        let held = if dice.once_in(2) { held } else { Vec::new() };
        let worker = self.worker(record, dice);
        Input::Begin(story::begin(run, worker, held, dice.of(&story::REGISTRATIONS), dice))
    }

    fn worker(&mut self, record: &Record, dice: &mut Dice) -> WorkerId {
        let named = record.attempts.rows().iter().filter_map(|row| row.attempt.worker.as_ref());
        let named: Vec<&WorkerId> = named.collect();
        let old = dice.recent(&named).map(|worker| (*worker).clone());
        old.filter(|_| dice.once_in(3)).unwrap_or_else(|| WorkerId::new(&mut Ids::new(&mut || self.id())))
    }

    /// One that lives as a rule.
    fn run(&mut self, record: &Record, dice: &mut Dice) -> RunId {
        let live: Vec<&RunRow> = record.live().collect();
        let any: Vec<&RunRow> = record.runs.rows().iter().collect();
        let among = if live.is_empty() || dice.once_in(4) { &any } else { &live };
        let found = dice.recent(among);
        found.map_or_else(|| RunId::new(&mut Ids::new(&mut || self.id())), |row| row.run.id.clone())
    }

    fn delegate(&mut self, record: &Record, dice: &mut Dice) -> Input {
        let parent = self.run(record, dice);
        let asked = record.delegations.rows().iter().map(|row| row.delegation.child_session.clone());
        let asked: Vec<SessionId> = asked.collect();
        let owner = owner(dice);
        Input::Delegate(Box::new(story::delegate(dice, owner.as_str(), parent, &asked, 3)))
    }

    fn retry(&mut self, record: &Record, dice: &mut Dice) -> Input {
        let over = |row: &&RunRow| row.run.status.is_terminal();
        let over: Vec<&RunRow> = record.runs.rows().iter().filter(over).collect();
        let run = dice.recent(&over).map(|row| row.run.id.clone());
        let checkpoint = dice.recent(record.artifacts.rows()).map(|row| row.new.id.clone());
        Input::Retry(Retry {
            owner: owner(dice),
            run: run.unwrap_or_else(|| self.run(record, dice)),
            adapter: dice.of(&[None, Some("acp"), Some("pinned")]).map(Into::into),
            model: dice.of(&[None, Some("m2".to_owned())]),
            checkpoint: checkpoint.filter(|_| dice.once_in(2)),
            legacy: if dice.once_in(2) { vec!["acp".into(), "pinned".into()] } else { vec![] },
            anyway: dice.once_in(2),
        })
    }

    fn update_artifact(&mut self, record: &Record, dice: &mut Dice) -> Input {
        let artifact = dice.recent(record.artifacts.rows()).map(|row| row.new.id.clone());
        let artifact = artifact.unwrap_or_else(|| ArtifactId::new(&mut Ids::new(&mut || self.id())));
        Input::UpdateArtifact { owner: owner(dice), artifact, state: dice.of(&ArtifactState::ALL) }
    }

    /// One that lives as a rule, and now and then one that is over or never was.
    fn attempt(&mut self, record: &Record, dice: &mut Dice) -> AttemptId {
        let live: Vec<AttemptId> = record.live().filter_map(|row| record.executing(&row.run.id)).collect();
        if !live.is_empty() && !dice.once_in(7) {
            return dice.of(&live);
        }
        let any: &[AttemptRow] = record.attempts.rows();
        let found = dice.recent(any).map(|row| row.attempt.id.clone());
        found.unwrap_or_else(|| AttemptId::new(&mut Ids::new(&mut || self.id())))
    }

    fn about_an_attempt(&mut self, record: &Record, dice: &mut Dice) -> Input {
        let attempt = self.attempt(record, dice);
        match dice.below(30) {
            0..=7 => self.binding_opened(attempt, dice),
            8 | 9 => {
                let (binding, failure) = (self.binding(&attempt, dice), story::failure(dice));
                Input::BindingFailed { attempt, binding, failure, person: dice.once_in(2) }
            }
            10 | 11 => {
                let (message, offset) = (dice.of(&["m1", "m2"]).into(), dice.below(9));
                Input::Chunk { attempt, chunk: Chunk { message, offset, text: "grüße".into() } }
            }
            12 => Input::MessageCompleted {
                attempt,
                message: dice.of(&["m1", "m2"]).into(),
                text: "text".into(),
            },
            13 | 14 => Input::Activity { attempt, activity: story::activity(dice) },
            15 | 16 => Input::ApprovalRequested {
                policy: dice.of(&story::REGISTRATIONS).policy,
                request: ApprovalRequest {
                    attempt,
                    request: dice.number(3),
                    title: "Write a file".into(),
                    tool: dice.of(&[None, Some("call".to_owned())]),
                    options: story::options(),
                    details: json!({ "path": "/a" }),
                },
            },
            17 | 18 => {
                let (request, by) = (open(record, &attempt, dice), by(dice));
                let of_access = record.open_access(&attempt, request).is_some();
                let options = if of_access {
                    ["once", "session", "always", "deny"]
                } else {
                    ["yes", "no", "maybe", "yes"]
                };
                let selected = Answer::Selected { option_id: dice.of(&options).into() };
                let answer = dice.of(&[selected.clone(), selected, Answer::Cancelled, Answer::Expired]);
                Input::ApprovalAnswered { attempt, request, answer, by }
            }
            19 => {
                let (request, url) = (dice.number(3), dice.of(&[None, Some("https://a.example".to_owned())]));
                let prompt = dice.of(&["Which?", "Where?"]).to_owned();
                let schema = dice.of(&[None, Some(json!({ "type": "string" }))]);
                let request = InputRequest { attempt, request, prompt, schema, url };
                Input::InputRequested { request, person: !dice.once_in(4) }
            }
            20 | 21 => {
                let (request, by) = (open(record, &attempt, dice), by(dice));
                let provided = InputAnswer::Provided { value: dice.of(&[json!("key"), json!({ "a": 1 })]) };
                let answer =
                    dice.of(&[provided.clone(), provided, InputAnswer::Declined, InputAnswer::Expired]);
                Input::InputProvided { attempt, request, answer, by }
            }
            22 | 23 => {
                let failed = Outcome::Failed(story::failure(dice));
                let well = Outcome::Succeeded { stop_reason: "end_turn".into() };
                let outcome = dice.of(&[well.clone(), well, failed.clone(), failed, Outcome::Cancelled]);
                let text = dice.of(&["", "text"]).into();
                let usage = dice.once_in(2).then(|| story::usage(dice));
                Input::Finished(Finished {
                    attempt,
                    outcome,
                    usage,
                    text,
                    acted: dice.once_in(4),
                    person: dice.once_in(2),
                })
            }
            24 => {
                let text = dice.of(&["", "half"]).into();
                Input::WorkerLost {
                    attempt,
                    failure: story::trouble("worker_trapped"),
                    text,
                    retry: !dice.once_in(3),
                }
            }
            25 => {
                let (dispatched, acknowledged) = dice.of(&[(false, false), (true, false), (true, true)]);
                Input::CancelDispatched { attempt, dispatched, acknowledged }
            }
            26 => Input::TimedOut {
                attempt,
                timeout: dice.of(&[Timeout::Deadline, Timeout::NoProgress]),
                text: dice.of(&["", "half"]).into(),
            },
            27 => Input::Leased { attempt, lease: story::lease(dice) },
            28 => match over(record, dice) {
                Some(attempt) => Input::CameLate { attempt, count: 1 + dice.number(3) },
                None => Input::CancelGraceOver { attempt },
            },
            _ => Input::CancelGraceOver { attempt },
        }
    }

    /// The binding that the attempt was told to make as a rule, and now and then another one.
    fn binding(&mut self, attempt: &AttemptId, dice: &mut Dice) -> BindingId {
        let asked = self.asked.get(attempt).filter(|_| !dice.once_in(10)).cloned();
        asked.unwrap_or_else(|| BindingId::new(&mut Ids::new(&mut || self.id())))
    }

    fn binding_opened(&mut self, attempt: AttemptId, dice: &mut Dice) -> Input {
        let binding = self.binding(&attempt, dice);
        Input::BindingOpened(BindingOpened {
            attempt,
            binding,
            native_id: dice.of(&["n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "old-1"]).into(),
            fidelity: dice.of(&[Fidelity::Native, Fidelity::Native, Fidelity::Reconstructed, Fidelity::None]),
            model: dice.of(&[None, Some("m1".to_owned())]),
            digest: "d1".into(),
            mcp_hash: dice.of(&[None, Some("mcp-1".to_owned())]),
        })
    }
}

fn owner(dice: &mut Dice) -> OwnerId {
    dice.of(&["ann", "ann", "ann", "ann", "bob"]).into()
}

fn by(dice: &mut Dice) -> By {
    dice.of(&[
        By::Person("ann".into()),
        By::Person("ann".into()),
        By::Person("eve".into()),
        By::Runtime,
        By::Deadline,
    ])
}

/// A request that is open as a rule.
fn open(record: &Record, attempt: &AttemptId, dice: &mut Dice) -> u32 {
    let open = record.open_of(attempt);
    dice.recent(&open).map_or_else(|| dice.number(3), |(request, _)| *request)
}

fn over(record: &Record, dice: &mut Dice) -> Option<AttemptId> {
    let over = record.attempts.rows().iter().filter(|row| row.attempt.status.is_terminal());
    let over: Vec<&AttemptRow> = over.collect();
    dice.recent(&over).map(|row| row.attempt.id.clone())
}

fn known(record: &Record) -> Vec<SessionId> {
    record.sessions.rows().iter().map(|row| row.session.id.clone()).collect()
}

fn session(record: &Record, dice: &mut Dice) -> SessionRef {
    story::session(dice, &known(record))
}

fn accept(record: &Record, dice: &mut Dice) -> Input {
    let (owner, session) = (owner(dice), session(record, dice));
    Input::Accept(Box::new(story::accept(dice, owner.as_str(), session)))
}

fn update_session(record: &Record, dice: &mut Dice, id: u128) -> Input {
    let session = dice.recent(&known(record)).cloned();
    let status = dice.of(&[
        None,
        Some(SessionStatus::Archived),
        Some(SessionStatus::Closed),
        Some(SessionStatus::Open),
    ]);
    let title = dice.of(&[None, Some("Another title".to_owned())]);
    let metadata = dice.of(&[None, Some(json!({ "pinned": true })), Some(json!([]))]);
    Input::UpdateSession {
        owner: owner(dice),
        session: session.unwrap_or_else(|| SessionId::new(&mut Ids::new(&mut || id))),
        change: SessionChange { title, status, metadata },
    }
}
