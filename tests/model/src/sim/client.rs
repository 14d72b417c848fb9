//! The clients of the simulated world: they ask, ask again, change their minds, and answer what they are asked.

use omi_kernel::artifact::ArtifactState;
use omi_kernel::command::{Answer, InputAnswer};
use omi_kernel::id::{AttemptId, OwnerId, RunId, SessionId};
use omi_kernel::input::{By, Input};
use omi_kernel::request::{Accept, Retry, SessionRef};
use omi_kernel::row::RequestKind;
use omi_kernel::session::{SessionChange, SessionStatus};
use serde_json::json;

use super::Sim;
use crate::row::RunRow;
use crate::script::Dice;
use crate::story;

impl Sim {
    /// A client asks for something.
    pub(super) fn ask(&mut self, dice: &mut Dice) {
        let input = match dice.below(38) {
            0..=8 => Some(self.prompt(dice)),
            9 | 10 => self.repeat(dice),
            11..=13 => self.cancel(dice),
            14..=16 => self.retry(dice),
            17..=23 | 34 | 35 => self.answer(dice),
            24 => Some(create_session(dice)),
            25 => self.update_session(dice),
            26 => self.invalidate(dice),
            27 => self.update_artifact(dice),
            28 | 29 => self.delegate(dice),
            30..=32 => self.revoke(dice),
            33 => Some(Self::install(dice)),
            _ => Some(self.stranger(dice)),
        };
        self.items.extend(input);
    }

    fn prompt(&self, dice: &mut Dice) -> Input {
        let owner = dice.of(&["ann", "ann", "ann", "bob"]);
        let session = story::session(dice, &self.sessions());
        Input::Accept(Box::new(story::accept(dice, owner, session)))
    }

    /// The same request again, exactly or nearly.
    fn repeat(&self, dice: &mut Dice) -> Option<Input> {
        let row = dice.recent(self.record.runs.rows())?;
        let owner = self.owner(&row.run.id);
        let mut accept = Accept {
            owner,
            client: row.run.client.clone(),
            request: row.run.request.clone(),
            session: SessionRef { id: Some(row.run.session.clone()), ..SessionRef::default() },
            surface: "cli".into(),
            title: None,
            idempotency_key: row.key.clone(),
            default_adapter: "acp".into(),
            input: row.run.input.clone(),
            system_prompt_hash: None,
            mode: row.run.mode,
            legacy: vec![],
        };
        match dice.below(4) {
            0 | 1 => {}
            2 => accept.input.cwd = Some("/elsewhere".into()),
            _ => accept.owner = "eve".into(),
        }
        Some(Input::Accept(Box::new(accept)))
    }

    fn run(&self, dice: &mut Dice) -> Option<RunId> {
        let live: Vec<&RunRow> = self.record.live().collect();
        if dice.once_in(4) || live.is_empty() {
            return dice.recent(self.record.runs.rows()).map(|row| row.run.id.clone());
        }
        Some(dice.of(&live).run.id.clone())
    }

    fn owner(&self, run: &RunId) -> OwnerId {
        let session = self.record.runs.get(run).and_then(|row| self.record.sessions.get(&row.run.session));
        session.map_or_else(|| "ann".into(), |row| row.session.owner.clone())
    }

    fn cancel(&self, dice: &mut Dice) -> Option<Input> {
        let run = self.run(dice)?;
        Some(Input::Cancel { owner: self.owner(&run), run })
    }

    fn retry(&self, dice: &mut Dice) -> Option<Input> {
        let ended = |row: &&RunRow| row.run.status.is_terminal();
        let ended: Vec<&RunRow> = self.record.runs.rows().iter().filter(ended).collect();
        let run = dice.recent(&ended)?.run.id.clone();
        let artifacts = self.record.artifacts.rows();
        let checkpoint = dice.recent(artifacts).filter(|_| dice.once_in(2)).map(|row| row.new.id.clone());
        Some(Input::Retry(Retry {
            owner: self.owner(&run),
            run,
            adapter: dice.of(&[None, Some("acp"), Some("pinned")]).map(Into::into),
            model: dice.of(&[None, None, Some("m2".to_owned())]),
            checkpoint,
            legacy: if dice.once_in(2) { vec!["acp".into(), "pinned".into()] } else { vec![] },
            anyway: dice.once_in(2),
        }))
    }

    /// What somebody is asked and nobody has answered.
    pub(super) fn asked(&self) -> Vec<(AttemptId, OwnerId, u32, RequestKind)> {
        let open = |row: &RunRow| {
            let attempt = self.record.executing(&row.run.id);
            let owner = self.owner(&row.run.id);
            let open = attempt.map(|attempt| (self.record.open_of(&attempt), attempt));
            open.into_iter().flat_map(move |(open, attempt)| {
                let owner = owner.clone();
                open.into_iter().map(move |(request, kind)| (attempt.clone(), owner.clone(), request, kind))
            })
        };
        self.record.live().flat_map(open).collect()
    }

    fn answer(&self, dice: &mut Dice) -> Option<Input> {
        let asked = self.asked();
        let (attempt, owner, request, kind) = dice.recent(&asked)?.clone();
        let wrong = dice.once_in(8);
        let by = By::Person(if wrong && dice.once_in(2) { "eve".into() } else { owner });
        let kinds = [RequestKind::Approval, RequestKind::Input, RequestKind::Access];
        let kind = if wrong { dice.of(&kinds) } else { kind };
        Some(match kind {
            RequestKind::Access => Self::answer_access(attempt, request, by, dice),
            RequestKind::Approval => {
                let option = dice.of(&["yes", "no", "always", "yes", "yes", "maybe"]).to_owned();
                Input::ApprovalAnswered {
                    attempt,
                    request,
                    answer: Answer::Selected { option_id: option },
                    by,
                }
            }
            RequestKind::Input | RequestKind::Authentication => {
                let answer = match dice.below(5) {
                    0 => InputAnswer::Declined,
                    1 => InputAnswer::Provided { value: json!("nonsense") },
                    _ => InputAnswer::Provided { value: json!("key") },
                };
                Input::InputProvided { attempt, request, answer, by }
            }
        })
    }

    fn update_session(&self, dice: &mut Dice) -> Option<Input> {
        let session = dice.recent(&self.sessions())?.clone();
        let owner = self.record.sessions.get(&session)?.session.owner.clone();
        let status = dice.of(&[
            None,
            Some(SessionStatus::Archived),
            Some(SessionStatus::Open),
            Some(SessionStatus::Closed),
            Some(SessionStatus::Archived),
        ]);
        let title = dice.of(&[None, Some("Another title".to_owned()), Some("x".repeat(90))]);
        let metadata = dice.of(&[None, None, Some(json!({ "pinned": true })), Some(json!(7))]);
        Some(Input::UpdateSession { owner, session, change: SessionChange { title, status, metadata } })
    }

    fn invalidate(&self, dice: &mut Dice) -> Option<Input> {
        let id = dice.recent(&self.sessions())?.clone();
        let owner = self.record.sessions.get(&id)?.session.owner.clone();
        let session = SessionRef { id: Some(id), ..SessionRef::default() };
        Some(Input::InvalidateBindings { owner, session })
    }

    fn update_artifact(&self, dice: &mut Dice) -> Option<Input> {
        let row = dice.recent(self.record.artifacts.rows())?;
        let owner = self.owner(&row.new.run);
        let state = dice.of(&ArtifactState::ALL);
        Some(Input::UpdateArtifact { owner, artifact: row.new.id.clone(), state })
    }

    fn delegate(&self, dice: &mut Dice) -> Option<Input> {
        let run = self.run(dice)?;
        Some(self.delegation_of(run, dice))
    }

    /// A run asks for work; where it goes on in a session, it is one that it had asked before, as a rule.
    pub(super) fn delegation_of(&self, run: RunId, dice: &mut Dice) -> Input {
        let owner = self.owner(&run);
        let session = self.record.runs.get(&run).map(|row| &row.run.session);
        let asked = self.record.delegations.rows().iter().map(|row| &row.delegation);
        let asked = asked.filter(|delegation| Some(&delegation.parent_session) == session);
        let asked: Vec<SessionId> = asked.map(|delegation| delegation.child_session.clone()).collect();
        let known = if asked.is_empty() { self.sessions() } else { asked };
        let delegate = story::delegate(dice, owner.as_str(), run, &known, self.setting.parked_max);
        Input::Delegate(Box::new(delegate))
    }

    /// Somebody asks about what is not theirs, or what is not there.
    fn stranger(&self, dice: &mut Dice) -> Input {
        let number = u128::from(dice.number(250));
        let nobody = RunId::new(&mut omi_kernel::id::Ids::new(&mut || number << 100));
        let run = self.run(dice).unwrap_or(nobody);
        match dice.below(3) {
            0 => Input::Cancel { owner: "eve".into(), run },
            1 => Input::Retry(Retry {
                owner: "eve".into(),
                run,
                adapter: None,
                model: None,
                checkpoint: None,
                legacy: vec![],
                anyway: false,
            }),
            _ => Input::Delegate(Box::new(story::delegate(dice, "eve", run, &[], 1))),
        }
    }
}

fn create_session(dice: &mut Dice) -> Input {
    let owner = dice.of(&["ann", "ann", "ann", "bob"]);
    Input::CreateSession(Box::new(story::create_session(dice, owner)))
}
