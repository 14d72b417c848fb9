//! An adapter asks for permission, and is answered exactly once (seed §17, SPEC §7).

use serde_json::{Value, json};

use crate::command::Answer;
use crate::decision::{Decision, Reply};
use crate::draft::{Draft, about, run_and_attempt};
use crate::effect::Effect;
use crate::event::EventKind;
use crate::facts::Facts;
use crate::id::{AttemptId, Ids};
use crate::input::By;
use crate::permission::{ApprovalPolicy, LegacyPermissionPolicy, refusal};
use crate::refusal::Refusal;
use crate::report::{ApprovalOption, ApprovalRequest};
use crate::row::{Attempt, HOST_REQUESTS, RequestKind, Run};
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
    if super::activity::is_over(attempt, facts) {
        return Ok(draft.late(&attempt.id));
    }
    if super::request::is_open(request.request, facts) || attempt.binding.is_none() {
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
        ApprovalPolicy::Ask if request.request < HOST_REQUESTS => {
            super::request::wait(run, attempt, facts, Step::AskApproval, &mut draft)?;
            return Ok(draft.done());
        }
        ApprovalPolicy::Ask | ApprovalPolicy::Refuse => {
            (refusal(&request.options, NOBODY_TO_ASK), "nobody_to_ask")
        }
    };
    let mut payload = resolution(request.request, &answer, by);
    if by == LegacyPermissionPolicy::LABEL {
        // What an automatic decision must tell (SPEC §7).
        let chosen = |option: &&ApprovalOption| matches!(&answer, Answer::Selected { option_id } if *option_id == option.option_id);
        payload["policy"] = json!(by);
        payload["adapterId"] = json!(run.adapter);
        payload["optionKind"] = json!(request.options.iter().find(chosen).map(|option| &option.kind));
    }
    draft.event(&about(run, Some(attempt)), EventKind::ApprovalResolved, payload);
    tell(run, attempt, request.request, &answer, &mut draft);
    Ok(draft.done())
}

/// What is recorded of an answer.
fn resolution(request: u32, answer: &Answer, by: &str) -> Value {
    let mut payload = json!(answer);
    payload["request"] = json!(request);
    payload["by"] = json!(by);
    payload["automatic"] = json!(by != "user");
    payload
}

fn record(run: &Run, attempt: &Attempt, request: u32, answer: &Answer, by: &str, draft: &mut Draft<'_, '_>) {
    let payload = resolution(request, answer, by);
    draft.event(&about(run, Some(attempt)), EventKind::ApprovalResolved, payload);
}

/// The adapter is told, exactly once.
fn tell(run: &Run, attempt: &Attempt, request: u32, answer: &Answer, draft: &mut Draft<'_, '_>) {
    if let Some(worker) = &attempt.worker {
        draft.effect(Effect::Answer {
            run: run.id.clone(),
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
    by: &By,
    facts: &Facts,
    ids: &mut Ids<'_>,
) -> Result<Decision, Refusal> {
    let (run, attempt) = run_and_attempt(facts, id)?;
    super::request::may_answer(by, id, facts)?;
    let open = super::request::find(id, request, facts)?;
    match (open.kind, answer) {
        (RequestKind::Input | RequestKind::Authentication, _) => {
            return Err(Refusal::NoOpenRequest { attempt: id.clone(), request });
        }
        (RequestKind::Approval | RequestKind::Access, Answer::Selected { option_id })
            if !open.options.contains(option_id) =>
        {
            return Err(super::request::no_such_option(open, option_id));
        }
        (RequestKind::Approval | RequestKind::Access, _) => {}
    }
    let mut draft = Draft::new(ids);
    record(run, attempt, request, answer, by.label(), &mut draft);
    match &open.access {
        Some(asked) => super::access::answered(asked, answer, run, attempt, &mut draft),
        None => tell(run, attempt, request, answer, &mut draft),
    }
    super::request::go_on(run, attempt, request, facts, &mut draft)?;
    Ok(draft.done())
}
