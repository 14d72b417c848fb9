//! A decision while it is made: the steps that several inputs share.

use serde_json::{Value, json};

use crate::decision::{Decision, Reply};
use crate::effect::Effect;
use crate::event::{About, EventKind, NewEvent, Retention, Visibility};
use crate::facts::Facts;
use crate::id::{AttemptId, EventId, Ids};
use crate::refusal::Refusal;
use crate::row::{Attempt, Binding, BindingStatus, Run};
use crate::status::{Status, Step};
use crate::write::{AttemptChange, RunChange, Write};

/// A decision while it is made.
pub(crate) struct Draft<'d, 'i> {
    pub(crate) ids: &'d mut Ids<'i>,
    decision: Decision,
}

impl<'d, 'i> Draft<'d, 'i> {
    pub(crate) fn new(ids: &'d mut Ids<'i>) -> Self {
        let decision =
            Decision { writes: Vec::new(), events: Vec::new(), effects: Vec::new(), reply: Reply::Done };
        Self { ids, decision }
    }

    pub(crate) fn write(&mut self, write: Write) {
        self.decision.writes.push(write);
    }

    pub(crate) fn effect(&mut self, effect: Effect) {
        self.decision.effects.push(effect);
    }

    /// An effect that must come before those that are there already.
    pub(crate) fn effect_first(&mut self, effect: Effect) {
        self.decision.effects.insert(0, effect);
    }

    pub(crate) fn reply(mut self, reply: Reply) -> Decision {
        self.decision.reply = reply;
        self.decision
    }

    pub(crate) fn done(self) -> Decision {
        self.decision
    }

    /// It came too late to change anything: an adapter reported about an attempt that is over. It is counted.
    pub(crate) fn late(mut self, attempt: &AttemptId) -> Decision {
        self.write(Write::CountLate { id: attempt.clone(), count: 1 });
        self.reply(Reply::Late)
    }

    /// Records an event that is kept for good and shown to everybody.
    pub(crate) fn event(&mut self, about: &About, kind: EventKind, payload: Value) {
        self.event_as(about, kind, payload, Retention::Core, Visibility::Ui);
    }

    pub(crate) fn event_as(
        &mut self,
        about: &About,
        kind: EventKind,
        payload: Value,
        retention: Retention,
        visibility: Visibility,
    ) {
        let id = EventId::new(self.ids);
        self.decision.events.push(NewEvent {
            id,
            about: about.clone(),
            kind,
            retention,
            visibility,
            payload,
        });
    }

    /// Moves a run. The event is the caller's: its place among the others differs.
    pub(crate) fn move_run(&mut self, run: &Run, step: Step, change: RunChange) -> Result<Status, Refusal> {
        let to = run.status.after(step)?;
        self.write(Write::MoveRun { id: run.id.clone(), from: run.status, to, change });
        Ok(to)
    }

    pub(crate) fn move_attempt(
        &mut self,
        attempt: &Attempt,
        step: Step,
        change: AttemptChange,
    ) -> Result<Status, Refusal> {
        let to = attempt.status.after(step)?;
        self.write(Write::MoveAttempt { id: attempt.id.clone(), from: attempt.status, to, change });
        Ok(to)
    }

    /// Takes a binding out of use: its native session is lost, or does not fit any more.
    pub(crate) fn stale(&mut self, about: &About, binding: &Binding, reason: &str) {
        self.retire(about, binding, BindingStatus::Stale, reason, Visibility::Ui);
    }

    /// Takes a binding out of use.
    pub(crate) fn retire(
        &mut self,
        about: &About,
        binding: &Binding,
        to: BindingStatus,
        reason: &str,
        visibility: Visibility,
    ) {
        self.write(Write::MoveBinding { id: binding.id.clone(), from: binding.status, to });
        let payload = json!({ "bindingId": binding.id, "adapterId": binding.adapter,
            "generation": binding.generation, "status": to.as_str(), "reason": reason });
        self.event_as(about, EventKind::BindingStale, payload, Retention::Core, visibility);
    }
}

/// What an event about a run, or an attempt of it, is about.
pub(crate) fn about(run: &Run, attempt: Option<&Attempt>) -> About {
    About {
        session: run.session.clone(),
        run: Some(run.id.clone()),
        attempt: attempt.map(|attempt| attempt.id.clone()),
    }
}

/// The run and the attempt of an input about an attempt.
pub(crate) fn run_and_attempt<'f>(
    facts: &'f Facts,
    id: &AttemptId,
) -> Result<(&'f Run, &'f Attempt), Refusal> {
    let missing = || Refusal::NotFound { what: "attempt", id: id.to_string() };
    Ok((facts.run.as_ref().ok_or_else(missing)?, facts.attempt.as_ref().ok_or_else(missing)?))
}
