//! A run asks another one for work (seed §16): within its depth, its budget and the workers that can do it.

use serde_json::json;

use super::accept::{at_most, check_prompt, insert_session, open, queue};
use super::request::brief;
use crate::command::PromptBlock;
use crate::decision::{Decision, Reply};
use crate::delegation::{
    BUDGET_USD_DEFAULT, BUDGET_USD_MAX, CONTEXT_CHARS_MAX, DEPTH_MAX, DEPTH_MAX_DEFAULT, DelegationMode,
};
use crate::descriptor::Fidelity;
use crate::draft::{Draft, about};
use crate::effect::{Effect, Wait};
use crate::event::EventKind;
use crate::facts::Facts;
use crate::id::{AdapterId, DelegationId, Ids, RunId, SessionId, WorkerId};
use crate::model::ModelProfile;
use crate::new::{NewDelegation, NewRun, NewSession};
use crate::refusal::Refusal;
use crate::request::{Delegate, NAME_BYTES_MAX};
use crate::row::{Run, RunInput, Session};
use crate::session::TITLE_CHARS_MAX;
use crate::status::Status;
use crate::write::Write;

/// The kind of surface of a session that was made for delegated work (SPEC §6).
const SURFACE: &str = "delegated_agent";

pub(super) fn delegate(delegate: &Delegate, facts: &Facts, ids: &mut Ids<'_>) -> Result<Decision, Refusal> {
    let missing = || Refusal::NotFound { what: "run", id: delegate.parent.to_string() };
    let parent = facts.run.as_ref().ok_or_else(missing)?;
    let session = facts.session.as_ref().filter(|found| found.owner == delegate.owner).ok_or_else(missing)?;
    at_most("the client's name", delegate.client.as_str().len(), NAME_BYTES_MAX, "bytes")?;
    at_most("the request's name", delegate.request.as_str().len(), NAME_BYTES_MAX, "bytes")?;
    let input = input(delegate, parent, session);
    if let Some((run, _)) = &facts.keyed {
        return repeated(delegate, &input, run, facts, ids);
    }
    check_prompt(&input)?;
    let context = delegate.context.as_ref().map_or(0, |context| context.chars().count());
    at_most("the context", context, CONTEXT_CHARS_MAX, "characters")?;
    if !matches!(parent.status, Status::Running | Status::WaitingApproval | Status::WaitingInput) {
        return Err(Refusal::CannotDelegate(parent.status));
    }
    let budget_usd = budget(delegate, facts)?;
    check_depth(delegate, facts)?;
    let child_session = continued(delegate, facts)?;
    let adapter = delegate
        .adapter
        .clone()
        .or_else(|| child_session.map(|session| session.default_adapter.clone()))
        .unwrap_or_else(|| parent.adapter.clone());
    check_workers(delegate, &adapter, parent, facts)?;

    let mut draft = Draft::new(ids);
    let child_session = match child_session {
        Some(session) => open(session, &mut draft)?,
        None => insert_session(new_session(delegate, session, &adapter, &input, draft.ids), &mut draft),
    };
    let new = NewRun {
        id: RunId::new(draft.ids),
        session: child_session.id.clone(),
        client: delegate.client.clone(),
        request: delegate.request.clone(),
        mode: delegate.run_mode,
        parent: Some(parent.id.clone()),
        idempotency_key: None,
        adapter: adapter.clone(),
        system_prompt_hash: None,
        profile: delegate.profile.unwrap_or(ModelProfile::Worker),
        model: delegate.model.clone(),
        cwd: input.cwd.clone(),
        input,
    };
    let (child, child_session) = (new.id.clone(), child_session.id);
    queue(new, delegate.legacy.contains(&adapter), &mut draft);
    let delegation = record(delegate, parent, &child_session, &child, budget_usd, &mut draft);
    if delegate.mode.waits() {
        draft.effect(Effect::Park { run: parent.id.clone(), why: Wait::Child });
    }
    Ok(draft.reply(Reply::Delegated { delegation, session: child_session, run: child, repeated: false }))
}

/// The child's prompt: minimal, explicit context and never the parent's transcript (seed §18.2).
fn input(delegate: &Delegate, parent: &Run, session: &Session) -> RunInput {
    let text = match &delegate.context {
        Some(context) => format!("# Objective\n\n{}\n\n# Context\n\n{context}\n", delegate.objective),
        None => delegate.objective.clone(),
    };
    let empty = delegate.objective.trim().is_empty();
    RunInput {
        prompt: if empty { Vec::new() } else { vec![PromptBlock::Text { text }] },
        adapter: delegate.adapter.clone(),
        model: delegate.model.clone(),
        profile: delegate.profile,
        cwd: delegate.cwd.clone().or_else(|| super::begin::requested_cwd(parent, session)),
        ..RunInput::default()
    }
}

/// The same request again has the same delegation.
fn repeated(
    delegate: &Delegate,
    input: &RunInput,
    run: &Run,
    facts: &Facts,
    ids: &mut Ids<'_>,
) -> Result<Decision, Refusal> {
    let conflict = || Refusal::RequestConflict(brief(delegate.request.as_str()).as_str().into());
    let of_parent = |found: &&crate::delegation::Delegation| {
        found.parent_run == delegate.parent && found.mode == delegate.mode && found.child_run == run.id
    };
    let delegation = facts.delegation.as_ref().filter(of_parent).ok_or_else(conflict)?;
    if run.input != *input || run.mode != delegate.run_mode {
        return Err(conflict());
    }
    Ok(Draft::new(ids).reply(Reply::Delegated {
        delegation: delegation.id.clone(),
        session: run.session.clone(),
        run: run.id.clone(),
        repeated: true,
    }))
}

/// What the child may cost: what is asked, but no more than is left of any budget above.
fn budget(delegate: &Delegate, facts: &Facts) -> Result<f64, Refusal> {
    let asked = delegate.budget_usd.unwrap_or(BUDGET_USD_DEFAULT);
    if !(asked > 0.0 && asked <= BUDGET_USD_MAX) {
        return Err(Refusal::InvalidBudget(asked));
    }
    let mut left = asked;
    for budget in &facts.budgets {
        if budget.left_usd() <= 0.0 {
            let (limit_usd, spent_usd) = (budget.limit_usd, budget.spent_usd);
            return Err(Refusal::BudgetSpent { limit_usd, spent_usd });
        }
        left = left.min(budget.left_usd());
    }
    Ok(left)
}

fn check_depth(delegate: &Delegate, facts: &Facts) -> Result<(), Refusal> {
    let max = delegate.depth_max.unwrap_or(DEPTH_MAX_DEFAULT);
    let depth = facts.depth + 1;
    match max {
        0 => Err(Refusal::InvalidDepth(max)),
        max if max > DEPTH_MAX => Err(Refusal::InvalidDepth(max)),
        max if depth > max => Err(Refusal::TooDeep { depth, max }),
        _ => Ok(()),
    }
}

fn continued<'f>(delegate: &Delegate, facts: &'f Facts) -> Result<Option<&'f Session>, Refusal> {
    match (delegate.mode, &delegate.session) {
        (DelegationMode::Call | DelegationMode::Spawn, None) => Ok(None),
        (DelegationMode::Continue, Some(id)) => {
            let own = facts.child_session.as_ref().filter(|found| found.owner == delegate.owner);
            own.map(Some).ok_or_else(|| Refusal::NotDelegated(id.clone()))
        }
        (DelegationMode::Call | DelegationMode::Spawn, Some(_)) | (DelegationMode::Continue, None) => {
            Err(Refusal::ContinueNamesSession)
        }
    }
}

/// A parent that waits holds its worker. If every worker that could do the work is held so, it would never be done.
fn check_workers(
    delegate: &Delegate,
    adapter: &AdapterId,
    parent: &Run,
    facts: &Facts,
) -> Result<(), Refusal> {
    if !delegate.mode.waits() {
        return Ok(());
    }
    let new = usize::from(!facts.awaits_child);
    let of_adapter = facts.waiting_parents.iter().filter(|waiting| waiting.adapter == *adapter).count();
    let held = of_adapter + if parent.adapter == *adapter { new } else { 0 };
    let full = delegate.limits.of_adapter.get(adapter).is_some_and(|max| held >= *max);
    let too_many = facts.waiting_parents.len() + new > delegate.limits.parked_max;
    if full || too_many || is_pinned_above(adapter, facts) {
        return Err(Refusal::NoWorkerForCall(brief(adapter.as_str()).as_str().into()));
    }
    Ok(())
}

/// The session to continue lives only in a worker that a waiting run holds, the parent among them.
fn is_pinned_above(adapter: &AdapterId, facts: &Facts) -> bool {
    let own = facts.attempt.as_ref().and_then(|attempt| attempt.worker.as_ref());
    let waiting = facts.waiting_parents.iter().filter_map(|waiting| waiting.worker.as_ref());
    let held: Vec<&WorkerId> = waiting.chain(own).collect();
    let mut bindings = facts.bindings.iter().filter(|binding| binding.adapter == *adapter);
    bindings.any(|binding| {
        let is_held = binding.worker.as_ref().is_some_and(|worker| held.contains(&worker));
        is_held && binding.fidelity != Fidelity::Native
    })
}

fn new_session(
    delegate: &Delegate,
    parent: &Session,
    adapter: &AdapterId,
    input: &RunInput,
    ids: &mut Ids<'_>,
) -> NewSession {
    let title = delegate.title.clone().or_else(|| delegate.objective.lines().next().map(str::to_owned));
    NewSession {
        id: SessionId::new(ids),
        owner: parent.owner.clone(),
        title: title.map(|title| title.chars().take(TITLE_CHARS_MAX).collect()),
        surface: SURFACE.to_owned(),
        external: None,
        legacy: None,
        default_adapter: adapter.clone(),
        default_cwd: input.cwd.clone(),
        profile: delegate.profile,
    }
}

fn record(
    delegate: &Delegate,
    parent: &Run,
    child_session: &SessionId,
    child_run: &RunId,
    budget_usd: f64,
    draft: &mut Draft<'_, '_>,
) -> DelegationId {
    let id = DelegationId::new(draft.ids);
    let request = json!({ "context": delegate.context, "budgetUsd": budget_usd,
        "maxDepth": delegate.depth_max.unwrap_or(DEPTH_MAX_DEFAULT) });
    draft.write(Write::InsertDelegation(Box::new(NewDelegation {
        id: id.clone(),
        parent_session: parent.session.clone(),
        parent_run: parent.id.clone(),
        child_session: child_session.clone(),
        child_run: child_run.clone(),
        mode: delegate.mode,
        objective: delegate.objective.clone(),
        budget_usd,
        request,
    })));
    let payload = json!({ "delegationId": id, "mode": delegate.mode, "objective": delegate.objective,
        "childSessionId": child_session, "childRunId": child_run, "budgetUsd": budget_usd });
    draft.event(&about(parent, None), EventKind::DelegationCreated, payload);
    id
}
