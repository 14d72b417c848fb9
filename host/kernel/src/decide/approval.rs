//! An adapter asks for permission, and is answered exactly once (seed §17, SPEC §7).

use serde_json::json;

use crate::command::Answer;
use crate::decision::{AttemptChange, Decision, Effect, Facts, Refusal, Reply, RunChange};
use crate::draft::{Draft, about, run_and_attempt};
use crate::event::EventKind;
use crate::id::{AttemptId, Ids};
use crate::permission::{ApprovalPolicy, LegacyPermissionPolicy, refusal};
use crate::report::ApprovalRequest;
use crate::row::{Attempt, OpenApproval, Run};
use crate::status::{Status, Step};

/// What an adapter is told where a person would have to be asked and none can be.
const NOBODY_TO_ASK: &str = "nobody can be asked for permission here";

pub(super) fn requested(
    request: &ApprovalRequest,
    policy: ApprovalPolicy,
    facts: &Facts,
    ids: &mut Ids<'_>,
) -> Result<Decision, Refusal> {
    let (run, attempt) = run_and_attempt(facts, &request.attempt)?;
    let mut draft = Draft::new(ids);
    let is_open = facts.open_approvals.contains(&OpenApproval { request: request.request });
    if attempt.status.is_terminal() || is_open {
        return Ok(draft.reply(Reply::Late));
    }
    let payload = json!({ "request": request.request, "title": request.title, "toolUseId": request.tool,
        "options": request.options, "details": request.details });
    draft.event(&about(run, Some(attempt)), EventKind::ApprovalRequested, payload);
    let (answer, by) = match policy {
        _ if run.status == Status::Cancelling => (Answer::Cancelled, "kernel"),
        ApprovalPolicy::Legacy => {
            (LegacyPermissionPolicy::answer(&request.options), LegacyPermissionPolicy::LABEL)
        }
        ApprovalPolicy::Refuse => (refusal(&request.options, NOBODY_TO_ASK), "nobody_to_ask"),
        ApprovalPolicy::Ask => {
            draft.move_attempt(attempt, Step::AskApproval, AttemptChange::default())?;
            draft.move_run(run, Step::AskApproval, RunChange::default())?;
            draft.event(&about(run, Some(attempt)), EventKind::RunWaitingApproval, json!({}));
            return Ok(draft.done());
        }
    };
    resolve(run, attempt, request.request, &answer, by, &mut draft);
    Ok(draft.done())
}

fn resolve(run: &Run, attempt: &Attempt, request: u32, answer: &Answer, by: &str, draft: &mut Draft<'_, '_>) {
    let mut payload = json!(answer);
    payload["request"] = json!(request);
    payload["by"] = json!(by);
    payload["automatic"] = json!(by != "user");
    if by == LegacyPermissionPolicy::LABEL {
        payload["policy"] = json!(by);
    }
    draft.event(&about(run, Some(attempt)), EventKind::ApprovalResolved, payload);
    if let Some(worker) = &attempt.worker {
        draft.effect(Effect::Answer {
            attempt: attempt.id.clone(),
            worker: worker.clone(),
            request,
            answer: answer.clone(),
        });
    }
}

pub(super) fn answered(
    id: &AttemptId,
    request: u32,
    answer: &Answer,
    by: &str,
    facts: &Facts,
    ids: &mut Ids<'_>,
) -> Result<Decision, Refusal> {
    let (run, attempt) = run_and_attempt(facts, id)?;
    if !facts.open_approvals.contains(&OpenApproval { request }) || attempt.status.is_terminal() {
        return Err(Refusal::NoOpenApproval { attempt: id.clone(), request });
    }
    let mut draft = Draft::new(ids);
    resolve(run, attempt, request, answer, by, &mut draft);
    if facts.open_approvals.len() == 1 && run.status == Status::WaitingApproval {
        draft.move_attempt(attempt, Step::Resume, AttemptChange::default())?;
        draft.move_run(run, Step::Resume, RunChange::default())?;
        draft.event(&about(run, Some(attempt)), EventKind::RunRunning, json!({}));
    }
    Ok(draft.done())
}
