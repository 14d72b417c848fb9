//! A prompt is accepted: its session is found or made, its run is queued (seed §9.1, §13.3).

use serde_json::json;

use super::request::brief;
use crate::command::PromptBlock;
use crate::decision::{Decision, Reply};
use crate::draft::Draft;
use crate::effect::Effect;
use crate::event::{About, EventKind};
use crate::facts::Facts;
use crate::grant::Grant;
use crate::id::{AdapterId, GrantId, Ids, RunId, SessionId};
use crate::model::ModelProfile;
use crate::new::{NewRun, NewSession};
use crate::refusal::Refusal;
use crate::request::{Accept, IMAGE_BYTES_MAX, NAME_BYTES_MAX, TEXT_BYTES_MAX};
use crate::row::{Run, RunInput, Session};
use crate::session::{SessionChange, SessionStatus};
use crate::write::Write;

pub(super) fn accept(accept: &Accept, facts: &Facts, ids: &mut Ids<'_>) -> Result<Decision, Refusal> {
    check_names(accept)?;
    let known = facts.run.as_ref().zip(facts.session.as_ref());
    if let Some((run, session)) = known {
        let conflict = || Refusal::RequestConflict(brief(accept.request.as_str()).as_str().into());
        return repeated(accept, run, session, ids).ok_or_else(conflict);
    }
    check_prompt(&accept.input)?;
    if let Some((run, session)) = &facts.keyed {
        return repeated(accept, run, session, ids).ok_or(Refusal::KeyConflict);
    }
    let mut draft = Draft::new(ids);
    let session = match (&facts.session, &accept.session.id) {
        (Some(session), _) => open(session, &mut draft)?,
        (None, Some(id)) => return Err(Refusal::NotFound { what: "session", id: id.to_string() }),
        (None, None) => create_session(accept, &mut draft),
    };
    let adapter = accept.input.adapter.clone().unwrap_or_else(|| session.default_adapter.clone());
    let run = NewRun {
        id: RunId::new(draft.ids),
        session: session.id.clone(),
        client: accept.client.clone(),
        request: accept.request.clone(),
        mode: accept.mode,
        input: accept.input.clone(),
        parent: None,
        idempotency_key: accept.idempotency_key.clone(),
        adapter,
        system_prompt_hash: accept.system_prompt_hash.clone(),
        profile: accept.input.profile.or(session.profile).unwrap_or_default(),
        model: accept.input.model.clone(),
        cwd: accept.input.cwd.clone(),
    };
    let id = run.id.clone();
    let legacy = accept.legacy.contains(&run.adapter);
    queue(run, legacy, &mut draft);
    Ok(draft.reply(Reply::Accepted { session: session.id, run: id, repeated: false }))
}

/// The same request again has the same run. One that only looks the same has none, and is told nothing else.
fn repeated(accept: &Accept, run: &Run, session: &Session, ids: &mut Ids<'_>) -> Option<Decision> {
    let same = session.owner == accept.owner && run.input == accept.input && run.mode == accept.mode;
    let reply = Reply::Accepted { session: run.session.clone(), run: run.id.clone(), repeated: true };
    same.then(|| Draft::new(ids).reply(reply))
}

fn check_names(accept: &Accept) -> Result<(), Refusal> {
    let pair = |names: &Option<(String, String)>| names.as_ref().map_or(0, |(a, b)| a.len().max(b.len()));
    let names = [
        ("the client's name", accept.client.as_str().len()),
        ("the request's name", accept.request.as_str().len()),
        ("the idempotency key", accept.idempotency_key.as_ref().map_or(0, String::len)),
        ("the surface's kind", accept.surface.len()),
        ("the external reference", pair(&accept.session.external)),
        ("the legacy reference", pair(&accept.session.legacy)),
    ];
    names.into_iter().try_for_each(|(what, has)| at_most(what, has, NAME_BYTES_MAX, "bytes"))?;
    let given = [
        ("the client's name", Some(accept.client.as_str())),
        ("the request's name", Some(accept.request.as_str())),
        ("the idempotency key", accept.idempotency_key.as_deref()),
        ("the external reference", accept.session.external.as_ref().map(|(kind, id)| shorter(kind, id))),
        ("the legacy reference", accept.session.legacy.as_ref().map(|(scope, key)| shorter(scope, key))),
    ];
    match given.into_iter().find(|(_, name)| name.is_some_and(str::is_empty)) {
        Some((what, _)) => Err(Refusal::EmptyName { what }),
        None => Ok(()),
    }
}

/// A name that a client gives: there, and no longer than a name.
pub(super) fn check_name(what: &'static str, name: &str) -> Result<(), Refusal> {
    if name.is_empty() {
        Err(Refusal::EmptyName { what })
    } else {
        at_most(what, name.len(), NAME_BYTES_MAX, "bytes")
    }
}

fn shorter<'n>(a: &'n str, b: &'n str) -> &'n str {
    if a.len() < b.len() { a } else { b }
}

pub(super) fn at_most(what: &'static str, has: usize, max: usize, unit: &'static str) -> Result<(), Refusal> {
    if has <= max { Ok(()) } else { Err(Refusal::TooLong { what, has, max, unit }) }
}

pub(super) fn check_prompt(input: &RunInput) -> Result<(), Refusal> {
    let mut texts = input.system_prompt.as_ref().map_or(0, String::len);
    let mut images = 0;
    let (mut empty, mut readable) = (true, true);
    for block in &input.prompt {
        match block {
            PromptBlock::Text { text } => {
                texts += text.len();
                empty &= text.trim().is_empty();
            }
            PromptBlock::Image { data, .. } => {
                images += data.0.len();
                if images <= IMAGE_BYTES_MAX {
                    readable &= is_base64(&data.0);
                }
                empty &= data.0.is_empty();
            }
        }
    }
    at_most("the prompt", texts, TEXT_BYTES_MAX, "bytes")?;
    at_most("the pictures of the prompt", images, IMAGE_BYTES_MAX, "bytes")?;
    match input.timeout_ms {
        _ if !readable => Err(Refusal::NotBase64),
        _ if empty => Err(Refusal::EmptyPrompt),
        Some(0) => Err(Refusal::NoTime),
        Some(_) | None => Ok(()),
    }
}

/// Whether a text is base64 in the standard alphabet, padded: what an adapter will read it as.
fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    padding <= 2 && text.len().is_multiple_of(4) && digits.bytes().all(is_digit)
}

/// A session that takes the prompt. One that was put away is opened by it.
pub(super) fn open(session: &Session, draft: &mut Draft<'_, '_>) -> Result<Session, Refusal> {
    match session.status {
        SessionStatus::Open => {}
        SessionStatus::Closed => return Err(Refusal::SessionClosed(session.id.clone())),
        SessionStatus::Archived => {
            let change = SessionChange { status: Some(SessionStatus::Open), ..SessionChange::default() };
            super::session::change(session, &change, draft);
        }
    }
    Ok(Session { status: SessionStatus::Open, ..session.clone() })
}

fn create_session(accept: &Accept, draft: &mut Draft<'_, '_>) -> Session {
    let adapter = accept.input.adapter.clone().unwrap_or_else(|| accept.default_adapter.clone());
    let new = NewSession {
        id: SessionId::new(draft.ids),
        owner: accept.owner.clone(),
        title: accept.title.clone(),
        surface: accept.surface.clone(),
        external: accept.session.external.clone(),
        legacy: accept.session.legacy.clone(),
        default_adapter: adapter,
        default_cwd: accept.input.cwd.clone(),
        profile: accept.input.profile,
    };
    insert_session(new, draft)
}

/// Records a new session.
pub(super) fn insert_session(new: NewSession, draft: &mut Draft<'_, '_>) -> Session {
    let session = Session {
        id: new.id.clone(),
        owner: new.owner.clone(),
        default_adapter: new.default_adapter.clone(),
        default_cwd: new.default_cwd.clone(),
        profile: new.profile,
        title: new.title.clone(),
        status: SessionStatus::Open,
    };
    let about = About { session: new.id.clone(), run: None, attempt: None };
    let (kind, id) = new.external.as_ref().map(|(kind, id)| (kind, id)).unzip();
    let payload = json!({ "surfaceKind": new.surface, "externalRefKind": kind, "externalRefId": id,
        "adapterId": new.default_adapter, "title": new.title });
    draft.write(Write::InsertSession(new));
    draft.event(&about, EventKind::SessionCreated, payload);
    session
}

/// Records a new run, and has it scheduled.
pub(super) fn queue(new: NewRun, legacy_grant: bool, draft: &mut Draft<'_, '_>) {
    let (run, session, adapter): (RunId, SessionId, AdapterId) =
        (new.id.clone(), new.session.clone(), new.adapter.clone());
    let (mode, profile): (_, ModelProfile) = (new.mode, new.profile);
    let parent = new.parent.clone();
    draft.write(Write::InsertRun(Box::new(new)));
    if legacy_grant {
        let grant = Grant::legacy_default(GrantId::new(draft.ids), session.clone(), run.clone());
        draft.write(Write::InsertGrant(Box::new(grant)));
    }
    draft.write(Write::TouchSession(session.clone()));
    let about = About { session: session.clone(), run: Some(run.clone()), attempt: None };
    let payload =
        json!({ "adapterId": adapter, "mode": mode, "modelProfile": profile, "parentRunId": parent });
    draft.event(&about, EventKind::RunQueued, payload);
    let session_only = About { session: session.clone(), run: None, attempt: None };
    draft.event(&session_only, EventKind::SessionUpdated, json!({ "lastRunId": run }));
    draft.effect(Effect::Schedule { run, session, adapter });
}
