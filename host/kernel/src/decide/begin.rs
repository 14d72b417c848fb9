//! A worker is leased for a run: the attempt is made and its binding resolved (seed §9.1, §10.1).

use serde_json::json;

use crate::command::{BindingSettings, Execute};
use crate::decision::{Decision, Reply};
use crate::delegation::DelegationStatus;
use crate::descriptor::Fidelity;
use crate::draft::{Draft, about};
use crate::effect::Effect;
use crate::ending::Ending;
use crate::event::EventKind;
use crate::facts::Facts;
use crate::id::{AttemptId, BindingId, Ids, RunId, WorkerId};
use crate::input::Begin;
use crate::new::{NewAttempt, NewBinding};
use crate::refusal::Refusal;
use crate::report::FailureDetail;
use crate::row::{Attempt, Binding, Run, Session};
use crate::status::{IllegalStep, Status, Step};
use crate::write::{AttemptChange, ModelChange, RunChange, Write};

/// The protocol whose native sessions an earlier product may have left (seed §14).
const LEGACY_PROTOCOL: &str = "acp";

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
    let run = &start(begin, run, &mut draft)?;
    let attempt = create_attempt(begin, run, facts, &mut draft);
    draft.event(&about(run, None), EventKind::RunStarting, json!({}));
    let payload = json!({ "number": attempt.number, "adapterId": attempt.adapter, "workerId": begin.worker,
        "retryReason": attempt.retry_reason });
    draft.event(&about(run, Some(&attempt)), EventKind::AttemptCreated, payload);

    let usable = usable(begin, run, session, facts, &attempt, &mut draft)
        .or_else(|| adopt(begin, run, session, facts, &attempt, &mut draft));
    // A runtime that keeps nothing has not heard what others did meanwhile: it is told as if it were another worker.
    let missed = begin.resume == Fidelity::Reconstructed
        && facts.last_adapter.as_ref().is_some_and(|last| *last != run.adapter);
    match usable {
        Some(binding) if begin.held.contains(&binding.id) && !missed => {
            dispatch(run, &attempt, &begin.worker, &binding.id, facts, &mut draft)?;
        }
        Some(binding) if begin.held.contains(&binding.id) => {
            let worker = begin.worker.clone();
            draft.effect(Effect::CloseBinding { worker, binding: binding.id.clone() });
            bind(begin, run, session, &attempt, Some(&binding), facts, &mut draft);
        }
        resumed => bind(begin, run, session, &attempt, resumed.as_ref(), facts, &mut draft),
    }
    Ok(draft.done())
}

/// The run has a worker. Only now it is known which registration executes it, and so which model its profile means.
fn start(begin: &Begin, run: &Run, draft: &mut Draft<'_, '_>) -> Result<Run, Refusal> {
    let mapped = run.model.is_none().then(|| begin.models.get(&run.profile)).flatten();
    let model = mapped.map(|model| ModelChange::Ask(model.clone()));
    let status = draft.move_run(run, Step::Begin, RunChange { model, ..RunChange::default() })?;
    Ok(Run { status, model: run.model.clone().or_else(|| mapped.cloned()), ..run.clone() })
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
    draft.run_failed(run, &about(run, None), failure, &Ending::new(facts, None, None))?;
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
    // Somebody's wish, or what the attempt before failed of.
    let wish = run.retry.as_ref().map(|note| note.reason.clone());
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
        retry_reason: wish.or_else(|| before.and_then(|attempt| attempt.retry_reason.clone())),
        recovery: begin.recovery,
    };
    draft.write(Write::InsertAttempt(Box::new(NewAttempt {
        id: attempt.id.clone(),
        run: run.id.clone(),
        number: attempt.number,
        adapter: run.adapter.clone(),
        worker: begin.worker.clone(),
        resume_from: before.map(|attempt| attempt.id.clone()),
        retry_reason: attempt.retry_reason.clone(),
        checkpoint: run.retry.as_ref().and_then(|note| note.checkpoint.clone()),
        digest: begin.digest.clone(),
        lease: begin.lease.clone(),
        recovery: begin.recovery,
    })));
    attempt
}

/// The session's binding, if it fits this run and can be used. One that cannot is stale from now on.
fn usable(
    begin: &Begin,
    run: &Run,
    session: &Session,
    facts: &Facts,
    attempt: &Attempt,
    draft: &mut Draft<'_, '_>,
) -> Option<Binding> {
    let binding = facts.binding.as_ref()?;
    let wanted = requested_cwd(run, session);
    let fits = compatible(Some(bound_cwd(binding, begin)), wanted.as_ref())
        && compatible(binding.system_prompt_hash.as_ref(), run.system_prompt_hash.as_ref())
        && compatible(binding.mcp_hash.as_ref(), begin.mcp_hash.as_ref());
    let held = begin.held.contains(&binding.id);
    // What the runtime restores, or what it can be told again.
    let resumable =
        binding.native_id.is_some() && binding.fidelity != Fidelity::None && begin.resume == binding.fidelity;
    let why = match (fits, held || resumable) {
        (true, true) => {
            backfill(begin, run, binding, draft);
            return Some(binding.clone());
        }
        (false, _) => "binding_context_changed",
        (true, false) => "not_resumable",
    };
    draft.stale(&about(run, Some(attempt)), binding, why);
    if held {
        draft.effect(Effect::CloseBinding { worker: begin.worker.clone(), binding: binding.id.clone() });
    }
    None
}

/// What a binding was opened with and nobody recorded is what it is used with now (SPEC §3.4).
fn backfill(begin: &Begin, run: &Run, binding: &Binding, draft: &mut Draft<'_, '_>) {
    let missing = |bound: &Option<String>, now: &Option<String>| now.clone().filter(|_| bound.is_none());
    let system_prompt_hash = missing(&binding.system_prompt_hash, &run.system_prompt_hash);
    let mcp_hash = missing(&binding.mcp_hash, &begin.mcp_hash);
    if system_prompt_hash.is_some() || mcp_hash.is_some() {
        draft.write(Write::BackfillBinding { id: binding.id.clone(), system_prompt_hash, mcp_hash });
    }
}

/// A native session that an earlier product left becomes generation 1, and is taken up like any other (seed §14).
fn adopt(
    begin: &Begin,
    run: &Run,
    session: &Session,
    facts: &Facts,
    attempt: &Attempt,
    draft: &mut Draft<'_, '_>,
) -> Option<Binding> {
    let native_id = run.input.legacy_adapter_session_id.as_ref()?;
    let can_resume = begin.protocol == LEGACY_PROTOCOL && begin.resume == Fidelity::Native;
    if !can_resume || facts.generation > 0 || facts.native_conflict.is_some() {
        return None;
    }
    let new = NewBinding {
        id: BindingId::new(draft.ids),
        session: run.session.clone(),
        adapter: run.adapter.clone(),
        generation: 1,
        native_id: native_id.clone(),
        fidelity: Fidelity::Native,
        worker: None,
        cwd: requested_cwd(run, session),
        model: None,
        system_prompt_hash: run.system_prompt_hash.clone(),
        mcp_hash: begin.mcp_hash.clone(),
        digest: begin.digest.clone(),
    };
    let binding = new.row();
    draft.write(Write::InsertBinding(Box::new(new)));
    let payload = json!({ "bindingId": binding.id, "adapterId": run.adapter, "generation": 1,
        "fidelity": binding.fidelity, "adopted": true });
    draft.event(&about(run, Some(attempt)), EventKind::BindingCreated, payload);
    Some(binding)
}

/// A binding that was opened without naming a folder is in the default one (SPEC §11.1 row 9).
fn bound_cwd<'b>(binding: &'b Binding, begin: &'b Begin) -> &'b String {
    binding.cwd.as_ref().unwrap_or(&begin.default_cwd)
}

/// What nobody asked for fits everything.
fn compatible(bound: Option<&String>, wanted: Option<&String>) -> bool {
    bound.is_none() || wanted.is_none() || bound == wanted
}

/// The folder that was asked for. Bindings are compared by this one, never by one made for a run (SPEC §11.1 row 10).
pub(super) fn requested_cwd(run: &Run, session: &Session) -> Option<String> {
    run.cwd.clone().or_else(|| session.default_cwd.clone())
}

fn bind(
    begin: &Begin,
    run: &Run,
    session: &Session,
    attempt: &Attempt,
    resume: Option<&Binding>,
    facts: &Facts,
    draft: &mut Draft<'_, '_>,
) {
    let binding = resume.map_or_else(|| BindingId::new(draft.ids), |binding| binding.id.clone());
    draft.effect(Effect::Bind {
        run: run.id.clone(),
        timeout_ms: run.input.timeout_ms,
        attempt: attempt.id.clone(),
        worker: begin.worker.clone(),
        binding,
        session: run.session.clone(),
        resume: resume.and_then(|binding| binding.native_id.clone()),
        settings: Box::new(BindingSettings {
            // A native session is taken up where it was left.
            cwd: requested_cwd(run, session)
                .or_else(|| resume.and_then(|binding| binding.cwd.clone()))
                .unwrap_or_else(|| begin.default_cwd.clone()),
            model: run.model.clone(),
            system_prompt: run.input.system_prompt.clone().or_else(|| told_before(resume, facts)),
            mcp_servers: begin.mcp_servers.clone(),
            history: facts.history.clone(),
        }),
    });
}

/// The system prompt of a native session that is told anew, where the run names none: that of its binding.
fn told_before(resume: Option<&Binding>, facts: &Facts) -> Option<String> {
    let rebuilt = resume.is_some_and(|binding| binding.fidelity == Fidelity::Reconstructed);
    facts.told.clone().filter(|_| rebuilt)
}

/// Hands an attempt to its adapter: the intent is recorded, the effect follows the commit.
pub(super) fn dispatch(
    run: &Run,
    attempt: &Attempt,
    worker: &WorkerId,
    binding: &BindingId,
    facts: &Facts,
    draft: &mut Draft<'_, '_>,
) -> Result<(), Refusal> {
    let change = AttemptChange { binding: Some(binding.clone()), ..AttemptChange::default() };
    draft.move_attempt(attempt, Step::Dispatch, change)?;
    draft.event(&about(run, Some(attempt)), EventKind::AttemptStarted, json!({ "bindingId": binding }));
    if draft.move_run(run, Step::Dispatch, RunChange::default())? == Status::Running {
        draft.event(&about(run, Some(attempt)), EventKind::RunRunning, json!({}));
    }
    if let Some(delegation) =
        facts.delegation.as_ref().filter(|delegation| delegation.status == DelegationStatus::Pending)
    {
        draft.write(Write::MoveDelegation {
            id: delegation.id.clone(),
            from: DelegationStatus::Pending,
            to: DelegationStatus::Running,
            result: None,
        });
    }
    draft.effect(Effect::Execute {
        worker: worker.clone(),
        request: run.request.clone(),
        timeout_ms: run.input.timeout_ms,
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
