//! A prompt is accepted: its session is found or made, its run is queued (seed §9.1, §13.3).

use serde_json::json;

use crate::command::PromptBlock;
use crate::decision::{Decision, Effect, Facts, NewRun, NewSession, Refusal, Reply, Write};
use crate::draft::Draft;
use crate::event::{About, EventKind};
use crate::id::{AdapterId, GrantId, Ids, RunId, SessionId};
use crate::input::Accept;
use crate::row::Session;

pub(super) fn accept(accept: &Accept, facts: &Facts, ids: &mut Ids<'_>) -> Result<Decision, Refusal> {
    if let Some(run) = &facts.run {
        let same_owner = facts.session.as_ref().is_some_and(|session| session.owner == accept.owner);
        if !same_owner || run.input != accept.input {
            return Err(Refusal::RequestConflict(accept.request.clone()));
        }
        let reply = Reply::Accepted { session: run.session.clone(), run: run.id.clone(), repeated: true };
        return Ok(Draft::new(ids).reply(reply));
    }
    if is_empty(&accept.input.prompt) {
        return Err(Refusal::EmptyPrompt);
    }
    let mut draft = Draft::new(ids);
    let (session, default_adapter) = resolve_session(accept, facts, &mut draft)?;
    let run = queue_run(accept, &session, &default_adapter, &mut draft);
    Ok(draft.reply(Reply::Accepted { session, run, repeated: false }))
}

fn is_empty(prompt: &[PromptBlock]) -> bool {
    prompt.iter().all(|block| match block {
        PromptBlock::Text { text } => text.trim().is_empty(),
        PromptBlock::Image { data, .. } => data.0.is_empty(),
    })
}

fn resolve_session(
    accept: &Accept,
    facts: &Facts,
    draft: &mut Draft<'_, '_>,
) -> Result<(SessionId, AdapterId), Refusal> {
    match (&facts.session, &accept.session.id) {
        (Some(Session { open: false, id, .. }), _) => Err(Refusal::SessionClosed(id.clone())),
        (Some(session), _) => Ok((session.id.clone(), session.default_adapter.clone())),
        (None, Some(id)) => Err(Refusal::NotFound { what: "session", id: id.to_string() }),
        (None, None) => Ok(create_session(accept, draft)),
    }
}

fn create_session(accept: &Accept, draft: &mut Draft<'_, '_>) -> (SessionId, AdapterId) {
    let id = SessionId::new(draft.ids);
    let adapter = accept.adapter.clone().unwrap_or_else(|| accept.default_adapter.clone());
    draft.write(Write::InsertSession(NewSession {
        id: id.clone(),
        owner: accept.owner.clone(),
        title: accept.title.clone(),
        surface: accept.surface.clone(),
        external: accept.session.external.clone(),
        legacy: accept.session.legacy.clone(),
        default_adapter: adapter.clone(),
        default_cwd: accept.cwd.clone(),
    }));
    let about = About { session: id.clone(), run: None, attempt: None };
    let payload = json!({ "surfaceKind": accept.surface, "adapterId": adapter, "title": accept.title });
    draft.event(&about, EventKind::SessionCreated, payload);
    (id, adapter)
}

fn queue_run(
    accept: &Accept,
    session: &SessionId,
    default_adapter: &AdapterId,
    draft: &mut Draft<'_, '_>,
) -> RunId {
    let run = RunId::new(draft.ids);
    let adapter = accept.adapter.clone().unwrap_or_else(|| default_adapter.clone());
    draft.write(Write::InsertRun(NewRun {
        id: run.clone(),
        session: session.clone(),
        client: accept.client.clone(),
        request: accept.request.clone(),
        mode: accept.mode,
        input: accept.input.clone(),
        adapter: adapter.clone(),
        system_prompt_hash: accept.system_prompt_hash.clone(),
        model: accept.model.clone(),
        cwd: accept.cwd.clone(),
    }));
    if accept.legacy_grant {
        let id = GrantId::new(draft.ids);
        draft.write(Write::InsertLegacyGrant { id, session: session.clone(), run: run.clone() });
    }
    draft.write(Write::TouchSession(session.clone()));
    let about = About { session: session.clone(), run: Some(run.clone()), attempt: None };
    draft.event(&about, EventKind::RunQueued, json!({ "adapterId": adapter, "mode": accept.mode }));
    let session_only = About { session: session.clone(), run: None, attempt: None };
    draft.event(&session_only, EventKind::SessionUpdated, json!({ "lastRunId": run }));
    draft.effect(Effect::Schedule { run: run.clone(), session: session.clone(), adapter });
    run
}
