//! A person is asked for something: information that an adapter wants, or a log-in that its runtime wants. Each
//! request is answered exactly once (seed §11.2).

use serde_json::{Value, json};

use crate::command::{Answer, InputAnswer, NotPerformed};
use crate::decision::{Decision, Reply};
use crate::draft::{Draft, about, run_and_attempt};
use crate::effect::{Effect, Wait};
use crate::ending::Ending;
use crate::event::EventKind;
use crate::facts::Facts;
use crate::grant::{AccessScope, one_line};
use crate::id::{AttemptId, Ids};
use crate::input::By;
use crate::refusal::Refusal;
use crate::report::{AuthMethod, Failure, InputRequest, Usage};
use crate::row::{Attempt, HOST_REQUESTS, LOG_IN, OpenRequest, RequestKind, Run};
use crate::status::{Status, Step};
use crate::write::{AttemptChange, RunChange};

/// Characters of a text from outside that a refusal repeats: enough to know it again.
const BRIEF_CHARS_MAX: usize = 200;

pub(super) fn requested(
    request: &InputRequest,
    person: bool,
    facts: &Facts,
    ids: &mut Ids<'_>,
) -> Result<Decision, Refusal> {
    let (run, attempt) = run_and_attempt(facts, &request.attempt)?;
    let mut draft = Draft::new(ids);
    if super::activity::is_over(attempt, facts) {
        return Ok(draft.late(&attempt.id));
    }
    // No adapter has an attempt that is being bound: whoever asks for it is mistaken.
    if is_open(request.request, facts) || attempt.binding.is_none() {
        return Ok(draft.reply(Reply::Late));
    }
    let payload = json!({ "request": request.request, "kind": "input", "prompt": request.prompt,
        "schema": request.schema, "url": request.url });
    draft.event(&about(run, Some(attempt)), EventKind::InputRequested, payload);
    let (answer, by) = match (run.status, person) {
        (Status::Cancelling, _) => (InputAnswer::Cancelled, "kernel"),
        (_, true) if request.request < HOST_REQUESTS => {
            wait(run, attempt, facts, Step::AskInput, &mut draft)?;
            return Ok(draft.done());
        }
        (_, true | false) => (InputAnswer::Declined, "nobody_to_ask"),
    };
    resolve(run, attempt, request.request, &answer, by, &mut draft);
    Ok(draft.done())
}

pub(super) fn is_open(request: u32, facts: &Facts) -> bool {
    facts.open_requests.iter().any(|open| open.request == request)
}

/// The run waits for a person from now on.
pub(super) fn wait(
    run: &Run,
    attempt: &Attempt,
    facts: &Facts,
    step: Step,
    draft: &mut Draft<'_, '_>,
) -> Result<(), Refusal> {
    draft.move_attempt(attempt, step, AttemptChange::default())?;
    draft.move_run(run, step, RunChange::default())?;
    let kind =
        if step == Step::AskInput { EventKind::RunWaitingInput } else { EventKind::RunWaitingApproval };
    draft.event(&about(run, Some(attempt)), kind, json!({}));
    if facts.open_requests.is_empty() {
        draft.effect(Effect::Park { run: run.id.clone(), why: Wait::Person });
    }
    Ok(())
}

/// A runtime wants a log-in. The attempt waits for a person; the next one begins once that is done (seed §9.2).
pub(super) fn ask_to_log_in(
    run: &Run,
    attempt: &Attempt,
    (methods, message): (&[AuthMethod], &str),
    usage: Option<Usage>,
    draft: &mut Draft<'_, '_>,
) -> Result<(), Refusal> {
    let failure = Failure::AuthRequired { methods: methods.to_vec(), message: message.to_owned() };
    let prompt = failure.detail().message;
    let payload =
        json!({ "request": LOG_IN, "kind": "authentication", "prompt": prompt, "methods": methods });
    draft.event(&about(run, Some(attempt)), EventKind::InputRequested, payload);
    draft.move_attempt(attempt, Step::AskInput, AttemptChange { usage, ..AttemptChange::default() })?;
    draft.move_run(run, Step::AskInput, RunChange::default())?;
    draft.event(&about(run, Some(attempt)), EventKind::RunWaitingInput, json!({}));
    draft.effect(Effect::Park { run: run.id.clone(), why: Wait::Person });
    Ok(())
}

pub(super) fn provided(
    id: &AttemptId,
    request: u32,
    answer: &InputAnswer,
    by: &By,
    facts: &Facts,
    ids: &mut Ids<'_>,
) -> Result<Decision, Refusal> {
    let (run, attempt) = run_and_attempt(facts, id)?;
    may_answer(by, id, facts)?;
    let open = find(id, request, facts)?;
    let mut draft = Draft::new(ids);
    match open.kind {
        RequestKind::Approval | RequestKind::Access => {
            return Err(Refusal::NoOpenRequest { attempt: id.clone(), request });
        }
        RequestKind::Input => {
            resolve(run, attempt, request, answer, by.label(), &mut draft);
            go_on(run, attempt, request, facts, &mut draft)?;
        }
        RequestKind::Authentication => logged_in(run, attempt, open, answer, by, facts, &mut draft)?,
    }
    Ok(draft.done())
}

/// Only its owner answers for a person. What belongs to another owner does not exist.
pub(super) fn may_answer(by: &By, id: &AttemptId, facts: &Facts) -> Result<(), Refusal> {
    let owns =
        |owner: &crate::id::OwnerId| facts.session.as_ref().is_some_and(|session| session.owner == *owner);
    match by {
        By::Person(owner) | By::Nobody(owner) if !owns(owner) => {
            Err(Refusal::NotFound { what: "attempt", id: id.to_string() })
        }
        By::Person(_) | By::Nobody(_) | By::Runtime | By::Deadline => Ok(()),
    }
}

pub(super) fn find<'f>(id: &AttemptId, request: u32, facts: &'f Facts) -> Result<&'f OpenRequest, Refusal> {
    let open = facts.open_requests.iter().find(|open| open.request == request);
    open.ok_or_else(|| Refusal::NoOpenRequest { attempt: id.clone(), request })
}

/// The adapter is told, exactly once.
fn resolve(
    run: &Run,
    attempt: &Attempt,
    request: u32,
    answer: &InputAnswer,
    by: &str,
    draft: &mut Draft<'_, '_>,
) {
    record(run, attempt, request, answer, by, draft);
    if let Some(worker) = &attempt.worker {
        draft.effect(Effect::ProvideInput {
            run: run.id.clone(),
            attempt: attempt.id.clone(),
            worker: worker.clone(),
            request,
            answer: answer.clone(),
        });
    }
}

fn record(
    run: &Run,
    attempt: &Attempt,
    request: u32,
    answer: &InputAnswer,
    by: &str,
    draft: &mut Draft<'_, '_>,
) {
    let mut payload = json!(answer);
    payload["request"] = json!(request);
    payload["by"] = json!(by);
    draft.event(&about(run, Some(attempt)), EventKind::InputProvided, payload);
}

/// One request is answered: the run goes on, or waits for the others. Its permit comes before the answer is told.
pub(super) fn go_on(
    run: &Run,
    attempt: &Attempt,
    answered: u32,
    facts: &Facts,
    draft: &mut Draft<'_, '_>,
) -> Result<(), Refusal> {
    let waits = matches!(run.status, Status::WaitingApproval | Status::WaitingInput);
    let mut others = facts.open_requests.iter().filter(|open| open.request != answered);
    let (step, kind) = match others.next().map(|open| open.kind) {
        _ if !waits => return Ok(()),
        // Its adapter does not have it yet: what the worker needs to begin was asked for.
        None if attempt.binding.is_none() => (Step::Begin, EventKind::RunStarting),
        None => (Step::Resume, EventKind::RunRunning),
        Some(RequestKind::Approval | RequestKind::Access) if run.status == Status::WaitingInput => {
            (Step::AskApproval, EventKind::RunWaitingApproval)
        }
        Some(RequestKind::Input | RequestKind::Authentication) if run.status == Status::WaitingApproval => {
            (Step::AskInput, EventKind::RunWaitingInput)
        }
        Some(
            RequestKind::Approval | RequestKind::Access | RequestKind::Input | RequestKind::Authentication,
        ) => return Ok(()),
    };
    draft.move_attempt(attempt, step, AttemptChange::default())?;
    draft.move_run(run, step, RunChange::default())?;
    draft.event(&about(run, Some(attempt)), kind, json!({}));
    if matches!(step, Step::Resume | Step::Begin) {
        draft.effect_first(Effect::Unpark { run: run.id.clone(), why: Wait::Person });
    }
    Ok(())
}

/// A person chose how to log in: another attempt begins with that. Otherwise the run fails for want of it.
fn logged_in(
    run: &Run,
    attempt: &Attempt,
    open: &OpenRequest,
    answer: &InputAnswer,
    by: &By,
    facts: &Facts,
    draft: &mut Draft<'_, '_>,
) -> Result<(), Refusal> {
    let method = match answer {
        InputAnswer::Provided { value } => Some(method(open, value)?),
        InputAnswer::Declined | InputAnswer::Cancelled | InputAnswer::Expired => None,
    };
    record(run, attempt, open.request, answer, by.label(), draft);
    let others: Vec<OpenRequest> =
        facts.open_requests.iter().filter(|other| other.request != open.request).cloned().collect();
    draft.close_requests(run, attempt, &others, true);
    let failure = Failure::log_in(open.options.iter().map(String::as_str));
    let Some((method, worker)) = method.zip(attempt.worker.clone()) else {
        return draft.failed(run, attempt, &failure, &Ending::new(facts, None, None));
    };
    draft.effect(Effect::Unpark { run: run.id.clone(), why: Wait::Person });
    draft.effect(Effect::Authenticate { run: run.id.clone(), worker, method });
    super::retry::here(run, attempt, &failure, super::retry::AUTH_RECOVERY, None, draft)
}

/// The method that was chosen: its id, or an object that names it. One method need not be named.
fn method(open: &OpenRequest, value: &Value) -> Result<String, Refusal> {
    let named = value.as_str().or_else(|| value["methodId"].as_str());
    let only = open.options.first().filter(|_| open.options.len() == 1).map(String::as_str);
    let chosen = named.or(only).unwrap_or_default();
    if open.options.iter().any(|option| option == chosen) {
        return Ok(chosen.to_owned());
    }
    Err(no_such_option(open, chosen))
}

pub(super) fn no_such_option(open: &OpenRequest, chosen: &str) -> Refusal {
    let offered = open.options.iter().map(|option| format!("`{}`", brief(option)));
    let offered = brief(&offered.collect::<Vec<_>>().join(", "));
    Refusal::NoSuchOption { option: brief(chosen), request: open.request, offered }
}

/// A text from outside as it fits into the line of a refusal.
pub(super) fn brief(text: &str) -> String {
    one_line(text, BRIEF_CHARS_MAX)
}

impl Draft<'_, '_> {
    /// Ends every open request of an attempt as cancelled. `tell` answers the adapter as well.
    pub(super) fn close_requests(
        &mut self,
        run: &Run,
        attempt: &Attempt,
        open_requests: &[OpenRequest],
        tell: bool,
    ) {
        let about = about(run, Some(attempt));
        for open in open_requests {
            let payload = json!({ "request": open.request, "outcome": "cancelled", "by": "kernel",
                "automatic": true });
            let kind = match open.kind {
                RequestKind::Approval | RequestKind::Access => EventKind::ApprovalResolved,
                RequestKind::Input | RequestKind::Authentication => EventKind::InputProvided,
            };
            self.event(&about, kind, payload);
            if let Some(asked) =
                open.access.as_ref().filter(|asked| tell || asked.scope != AccessScope::Attempt)
            {
                let (worker, op) = (asked.access.worker.clone(), asked.access.op);
                self.effect(Effect::Refuse { worker, op, why: NotPerformed::Cancelled });
            }
            let Some(worker) = attempt.worker.clone().filter(|_| tell) else { continue };
            let (run, attempt, request) = (run.id.clone(), attempt.id.clone(), open.request);
            match open.kind {
                RequestKind::Approval => {
                    self.effect(Effect::Answer { run, attempt, worker, request, answer: Answer::Cancelled });
                }
                RequestKind::Input => {
                    let answer = InputAnswer::Cancelled;
                    self.effect(Effect::ProvideInput { run, attempt, worker, request, answer });
                }
                // The kernel asked: no adapter waits for this, or it was told above.
                RequestKind::Authentication | RequestKind::Access => {}
            }
        }
    }
}
