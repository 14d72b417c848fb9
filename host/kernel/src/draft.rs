//! A decision while it is made: the steps that several inputs share.

use serde_json::{Value, json};

use crate::command::Answer;
use crate::decision::{AttemptChange, Decision, Effect, Facts, Refusal, Reply, RunChange, Write};
use crate::event::{About, EventKind, NewEvent, Retention, Visibility};
use crate::id::{EventId, Ids};
use crate::report::{FailureDetail, Usage};
use crate::row::{Attempt, Binding, BindingStatus, Run};
use crate::status::{Status, Step};

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

    pub(crate) fn reply(mut self, reply: Reply) -> Decision {
        self.decision.reply = reply;
        self.decision
    }

    pub(crate) fn done(self) -> Decision {
        self.decision
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

    /// Takes a binding out of use.
    pub(crate) fn stale(&mut self, about: &About, binding: &Binding, reason: &str) {
        self.stale_as(about, binding, reason, Visibility::Ui);
    }

    pub(crate) fn stale_as(
        &mut self,
        about: &About,
        binding: &Binding,
        reason: &str,
        visibility: Visibility,
    ) {
        self.write(Write::MoveBinding {
            id: binding.id.clone(),
            from: binding.status,
            to: BindingStatus::Stale,
        });
        let payload = json!({ "bindingId": binding.id, "adapterId": binding.adapter,
            "generation": binding.generation, "reason": reason });
        self.event_as(about, EventKind::BindingStale, payload, Retention::Core, visibility);
    }

    /// Ends an attempt and its run as cancelled: it has stopped, or its worker has.
    pub(crate) fn cancelled(
        &mut self,
        run: &Run,
        attempt: &Attempt,
        text: Option<String>,
        usage: Option<Usage>,
        how: &str,
    ) -> Result<(), Refusal> {
        let about = about(run, Some(attempt));
        self.move_attempt(attempt, Step::Cancel, AttemptChange { usage, ..AttemptChange::default() })?;
        self.event(&about, EventKind::AttemptCancelled, json!({ "how": how }));
        self.move_run(run, Step::Cancel, RunChange { text, ..RunChange::default() })?;
        self.event(&about, EventKind::RunCancelled, json!({}));
        self.effect(Effect::Release { run: run.id.clone() });
        Ok(())
    }

    /// Ends an attempt and its run as failed.
    pub(crate) fn failed(
        &mut self,
        run: &Run,
        attempt: &Attempt,
        error: &FailureDetail,
        text: Option<String>,
        usage: Option<Usage>,
    ) -> Result<(), Refusal> {
        let about = about(run, Some(attempt));
        let change = AttemptChange { error: Some(error.clone()), usage, ..AttemptChange::default() };
        self.move_attempt(attempt, Step::Fail, change)?;
        let payload = json!({ "errorCode": error.code, "errorMessage": error.message, "retryable": false });
        self.event(&about, EventKind::AttemptFailed, payload);
        self.run_failed(run, &about, error, text)
    }

    /// Ends a run as failed.
    pub(crate) fn run_failed(
        &mut self,
        run: &Run,
        about: &About,
        error: &FailureDetail,
        text: Option<String>,
    ) -> Result<(), Refusal> {
        let change = RunChange { text, error: Some(error.clone()), stop_reason: None };
        self.move_run(run, Step::Fail, change)?;
        let payload = json!({ "errorCode": error.code, "errorMessage": error.message });
        self.event(about, EventKind::RunFailed, payload);
        self.effect(Effect::Release { run: run.id.clone() });
        Ok(())
    }

    /// Ends every open request for approval of an attempt as cancelled. `tell` answers the adapter as well.
    pub(crate) fn close_approvals(&mut self, run: &Run, attempt: &Attempt, facts: &Facts, tell: bool) {
        for open in &facts.open_approvals {
            let payload = json!({ "request": open.request, "outcome": "cancelled", "by": "kernel",
                "automatic": true });
            self.event(&about(run, Some(attempt)), EventKind::ApprovalResolved, payload);
            if let (true, Some(worker)) = (tell, &attempt.worker) {
                self.effect(Effect::Answer {
                    attempt: attempt.id.clone(),
                    worker: worker.clone(),
                    request: open.request,
                    answer: Answer::Cancelled,
                });
            }
        }
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
    id: &crate::id::AttemptId,
) -> Result<(&'f Run, &'f Attempt), Refusal> {
    let missing = || Refusal::NotFound { what: "attempt", id: id.to_string() };
    Ok((facts.run.as_ref().ok_or_else(missing)?, facts.attempt.as_ref().ok_or_else(missing)?))
}
