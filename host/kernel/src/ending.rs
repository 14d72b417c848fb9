//! How a run ends: its attempt, the delegation it works for, the parent that waits for it, its worker.

use serde_json::{Value, json};

use crate::artifact::ArtifactSummary;
use crate::delegation::{Delegation, DelegationStatus};
use crate::draft::{Draft, about};
use crate::effect::{Effect, Wait};
use crate::event::{About, EventKind};
use crate::facts::Facts;
use crate::refusal::Refusal;
use crate::report::{FailureDetail, Usage};
use crate::row::{Attempt, Run};
use crate::status::{Status, Step};
use crate::write::{AttemptChange, RunChange, Write};

/// How a run ends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ending<'f> {
    /// The text of its answer, whole or partial.
    pub(crate) text: Option<String>,
    /// What its last attempt used.
    pub(crate) usage: Option<Usage>,
    /// The delegation it works for.
    pub(crate) delegation: Option<&'f Delegation>,
    artifacts: &'f [ArtifactSummary],
    open_questions: &'f [String],
    used: Usage,
}

impl<'f> Ending<'f> {
    /// An ending with what was read about the run.
    pub(crate) fn new(facts: &'f Facts, text: Option<String>, usage: Option<Usage>) -> Self {
        Self {
            text,
            usage,
            delegation: facts.delegation.as_ref(),
            artifacts: &facts.artifacts,
            open_questions: &facts.open_questions,
            used: facts.usage.before.plus(usage.unwrap_or_default().or(facts.usage.attempt)),
        }
    }

    /// An ending of a run about which nothing more is known.
    pub(crate) fn bare(delegation: Option<&'f Delegation>) -> Self {
        Self { delegation, ..Self::default() }
    }

    /// What the parent is told: never the whole transcript (seed §16.3).
    fn result(
        &self,
        delegation: &Delegation,
        status: DelegationStatus,
        error: Option<&FailureDetail>,
    ) -> Value {
        let verified: Vec<&ArtifactSummary> =
            self.artifacts.iter().filter(|artifact| artifact.content_hash.is_some()).collect();
        json!({ "delegationId": delegation.id, "status": status, "childSessionId": delegation.child_session,
            "childRunId": delegation.child_run, "summary": self.text, "artifacts": self.artifacts,
            "verifiedEffects": verified, "usage": self.used, "openQuestions": self.open_questions,
            "error": error })
    }
}

impl Draft<'_, '_> {
    /// Ends an attempt and its run as cancelled: it has stopped, or its worker has.
    pub(crate) fn cancelled(
        &mut self,
        run: &Run,
        attempt: &Attempt,
        ending: &Ending<'_>,
        how: &str,
    ) -> Result<(), Refusal> {
        let about = about(run, Some(attempt));
        let change = AttemptChange { usage: ending.usage, ..AttemptChange::default() };
        self.move_attempt(attempt, Step::Cancel, change)?;
        self.event(&about, EventKind::AttemptCancelled, json!({ "how": how }));
        self.run_over(run, &about, Step::Cancel, None, json!({}), ending)
    }

    /// Ends an attempt and its run as failed.
    pub(crate) fn failed(
        &mut self,
        run: &Run,
        attempt: &Attempt,
        error: &FailureDetail,
        ending: &Ending<'_>,
    ) -> Result<(), Refusal> {
        self.attempt_failed(run, attempt, error, None, ending.usage)?;
        self.run_failed(run, &about(run, Some(attempt)), error, ending)
    }

    /// Ends an attempt as failed; `retry` says why another one may help (seed §9.3).
    pub(crate) fn attempt_failed(
        &mut self,
        run: &Run,
        attempt: &Attempt,
        error: &FailureDetail,
        retry: Option<&str>,
        usage: Option<Usage>,
    ) -> Result<(), Refusal> {
        let change = AttemptChange {
            error: Some(error.clone()),
            retry_reason: retry.map(str::to_owned),
            usage,
            ..AttemptChange::default()
        };
        self.move_attempt(attempt, Step::Fail, change)?;
        let payload = json!({ "errorCode": error.code, "errorMessage": error.message,
            "retryable": retry.is_some(), "retryReason": retry });
        self.event(&about(run, Some(attempt)), EventKind::AttemptFailed, payload);
        Ok(())
    }

    /// Ends a run as failed.
    pub(crate) fn run_failed(
        &mut self,
        run: &Run,
        about: &About,
        error: &FailureDetail,
        ending: &Ending<'_>,
    ) -> Result<(), Refusal> {
        let payload = json!({ "errorCode": error.code, "errorMessage": error.message });
        self.run_over(run, about, Step::Fail, Some(error), payload, ending)
    }

    /// Ends a run: the one place where a run becomes terminal.
    pub(crate) fn run_over(
        &mut self,
        run: &Run,
        about: &About,
        step: Step,
        error: Option<&FailureDetail>,
        payload: Value,
        ending: &Ending<'_>,
    ) -> Result<(), Refusal> {
        let stop_reason = payload["stopReason"].as_str().map(str::to_owned);
        let change = RunChange {
            text: ending.text.clone(),
            error: error.cloned(),
            stop_reason,
            ..RunChange::default()
        };
        let status = self.move_run(run, step, change)?;
        let kind = match status {
            Status::Succeeded => EventKind::RunSucceeded,
            Status::Cancelled => EventKind::RunCancelled,
            Status::TimedOut => EventKind::RunTimedOut,
            Status::Orphaned => EventKind::RunOrphaned,
            Status::Failed
            | Status::Queued
            | Status::Starting
            | Status::Running
            | Status::WaitingInput
            | Status::WaitingApproval
            | Status::Cancelling => EventKind::RunFailed,
        };
        self.event(about, kind, payload);
        self.delegation_over(status, error, ending);
        self.effect(Effect::Release { run: run.id.clone() });
        Ok(())
    }

    /// The delegation that a run worked for ends with it, and a parent that waited waits no longer.
    fn delegation_over(&mut self, run: Status, error: Option<&FailureDetail>, ending: &Ending<'_>) {
        let Some((delegation, to)) = ending.delegation.zip(DelegationStatus::of(run)) else { return };
        let result = ending.result(delegation, to, error);
        self.write(Write::MoveDelegation {
            id: delegation.id.clone(),
            from: delegation.status,
            to,
            result: Some(result.clone()),
        });
        let parent = About {
            session: delegation.parent_session.clone(),
            run: Some(delegation.parent_run.clone()),
            attempt: None,
        };
        self.event(&parent, EventKind::DelegationCompleted, result);
        if delegation.mode.waits() {
            self.effect(Effect::Unpark { run: delegation.parent_run.clone(), why: Wait::Child });
        }
    }
}
