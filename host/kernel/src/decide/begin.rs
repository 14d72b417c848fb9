//! A worker is leased for a run: the attempt is made and its binding resolved (seed §9.1, §10.1).

use serde_json::json;

use crate::command::{BindingSettings, Execute};
use crate::decision::{AttemptChange, Decision, Effect, Facts, NewAttempt, Refusal, Reply, RunChange, Write};
use crate::descriptor::Fidelity;
use crate::draft::{Draft, about};
use crate::event::EventKind;
use crate::id::{AttemptId, BindingId, Ids, RunId, WorkerId};
use crate::input::Begin;
use crate::report::FailureDetail;
use crate::row::{Attempt, Binding, Run, Session};
use crate::status::{IllegalStep, Status, Step};

pub(super) fn begin(begin: &Begin, facts: &Facts, ids: &mut Ids<'_>) -> Result<Decision, Refusal> {
    let missing = || Refusal::NotFound { what: "run", id: begin.run.to_string() };
    let run = facts.run.as_ref().ok_or_else(missing)?;
    let session = facts.session.as_ref().ok_or_else(missing)?;
    let mut draft = Draft::new(ids);
    if run.status.is_terminal() {
        draft.effect(Effect::Release { run: run.id.clone() });
        return Ok(draft.reply(Reply::Late));
    }
    no_live_attempt(run, facts, Step::Begin)?;
    draft.move_run(run, Step::Begin, RunChange::default())?;
    let attempt = create_attempt(begin, run, facts, &mut draft);
    draft.event(&about(run, None), EventKind::RunStarting, json!({}));
    let payload = json!({ "number": attempt.number, "adapterId": attempt.adapter, "workerId": begin.worker });
    draft.event(&about(run, Some(&attempt)), EventKind::AttemptCreated, payload);

    match usable(begin, run, session, facts, &attempt, &mut draft) {
        Some(binding) if begin.held.contains(&binding.id) => {
            let begun = Run { status: Status::Starting, ..run.clone() };
            dispatch(&begun, &attempt, &begin.worker, &binding.id, &mut draft)?;
        }
        Some(binding) => bind(begin, run, session, &attempt, Some(binding), &mut draft),
        None => bind(begin, run, session, &attempt, None, &mut draft),
    }
    Ok(draft.done())
}

/// No worker can be had: the run fails without an attempt, because nothing was executed.
pub(super) fn cannot_begin(
    run: &RunId,
    failure: &FailureDetail,
    facts: &Facts,
    ids: &mut Ids<'_>,
) -> Result<Decision, Refusal> {
    let missing = || Refusal::NotFound { what: "run", id: run.to_string() };
    let run = facts.run.as_ref().ok_or_else(missing)?;
    let mut draft = Draft::new(ids);
    if run.status.is_terminal() {
        draft.effect(Effect::Release { run: run.id.clone() });
        return Ok(draft.reply(Reply::Late));
    }
    no_live_attempt(run, facts, Step::Fail)?;
    draft.run_failed(run, &about(run, None), failure, None)?;
    Ok(draft.done())
}

/// The authority to execute a run is with one attempt (seed §2): the table alone cannot say so.
fn no_live_attempt(run: &Run, facts: &Facts, step: Step) -> Result<(), Refusal> {
    match &facts.attempt {
        Some(attempt) if !attempt.status.is_terminal() => Err(IllegalStep { from: run.status, step }.into()),
        Some(_) | None => Ok(()),
    }
}

fn create_attempt(begin: &Begin, run: &Run, facts: &Facts, draft: &mut Draft<'_, '_>) -> Attempt {
    let before = facts.attempt.as_ref();
    let attempt = Attempt {
        id: AttemptId::new(draft.ids),
        run: run.id.clone(),
        number: before.map_or(1, |attempt| attempt.number + 1),
        status: Status::Starting,
        adapter: run.adapter.clone(),
        worker: Some(begin.worker.clone()),
        binding: None,
        cancel_dispatched: false,
        cancel_acknowledged: false,
    };
    draft.write(Write::InsertAttempt(NewAttempt {
        id: attempt.id.clone(),
        run: run.id.clone(),
        number: attempt.number,
        adapter: run.adapter.clone(),
        worker: begin.worker.clone(),
        resume_from: before.map(|attempt| attempt.id.clone()),
        retry_reason: before.map(|_| super::bind::STALE_BINDING.to_owned()),
        digest: begin.digest.clone(),
    }));
    attempt
}

/// The session's binding, if it fits this run and can be used. One that cannot is stale from now on.
fn usable<'f>(
    begin: &Begin,
    run: &Run,
    session: &Session,
    facts: &'f Facts,
    attempt: &Attempt,
    draft: &mut Draft<'_, '_>,
) -> Option<&'f Binding> {
    let binding = facts.binding.as_ref()?;
    let wanted = requested_cwd(run, session);
    let fits = compatible(Some(bound_cwd(binding, begin)), wanted.as_ref())
        && compatible(binding.system_prompt_hash.as_ref(), run.system_prompt_hash.as_ref());
    let held = begin.held.contains(&binding.id);
    let resumable = binding.native_id.is_some()
        && binding.fidelity == Fidelity::Native
        && begin.resume == Fidelity::Native;
    let why = match (fits, held || resumable) {
        (true, true) => return Some(binding),
        (false, _) => "binding_context_changed",
        (true, false) => "not_resumable",
    };
    draft.stale(&about(run, Some(attempt)), binding, why);
    None
}

/// A binding that was opened without naming a folder is in the default one (SPEC §11.1 row 9).
fn bound_cwd<'b>(binding: &'b Binding, begin: &'b Begin) -> &'b String {
    binding.cwd.as_ref().unwrap_or(&begin.default_cwd)
}

/// What nobody asked for fits everything.
fn compatible(bound: Option<&String>, wanted: Option<&String>) -> bool {
    bound.is_none() || wanted.is_none() || bound == wanted
}

fn requested_cwd(run: &Run, session: &Session) -> Option<String> {
    run.cwd.clone().or_else(|| session.default_cwd.clone())
}

fn bind(
    begin: &Begin,
    run: &Run,
    session: &Session,
    attempt: &Attempt,
    resume: Option<&Binding>,
    draft: &mut Draft<'_, '_>,
) {
    let binding = resume.map_or_else(|| BindingId::new(draft.ids), |binding| binding.id.clone());
    draft.effect(Effect::Bind {
        attempt: attempt.id.clone(),
        worker: begin.worker.clone(),
        binding,
        session: run.session.clone(),
        resume: resume.and_then(|binding| binding.native_id.clone()),
        settings: BindingSettings {
            // A native session is taken up where it was left.
            cwd: requested_cwd(run, session)
                .or_else(|| resume.and_then(|binding| binding.cwd.clone()))
                .unwrap_or_else(|| begin.default_cwd.clone()),
            model: run.model.clone(),
            system_prompt: run.input.system_prompt.clone(),
        },
    });
}

/// Hands an attempt to its adapter: the intent is recorded, the effect follows the commit.
pub(super) fn dispatch(
    run: &Run,
    attempt: &Attempt,
    worker: &WorkerId,
    binding: &BindingId,
    draft: &mut Draft<'_, '_>,
) -> Result<(), Refusal> {
    let change = AttemptChange { binding: Some(binding.clone()), ..AttemptChange::default() };
    draft.move_attempt(attempt, Step::Dispatch, change)?;
    draft.move_run(run, Step::Dispatch, RunChange::default())?;
    draft.event(&about(run, Some(attempt)), EventKind::AttemptStarted, json!({ "bindingId": binding }));
    draft.event(&about(run, Some(attempt)), EventKind::RunRunning, json!({}));
    draft.effect(Effect::Execute {
        worker: worker.clone(),
        request: run.request.clone(),
        execute: Box::new(Execute {
            attempt: attempt.id.clone(),
            binding: binding.clone(),
            session: run.session.clone(),
            run: run.id.clone(),
            number: attempt.number,
            prompt: run.input.prompt.clone(),
            mode: run.mode,
            model: run.model.clone(),
        }),
    });
    Ok(())
}
