//! A session is made before anything is asked in it, renamed, put away, closed; its native sessions are let go (seed §6.1, §20 step 4).

use serde_json::json;

use super::accept::{at_most, check_name, insert_session};
use super::request::brief;
use crate::decision::{Decision, Reply};
use crate::draft::Draft;
use crate::effect::Effect;
use crate::event::{About, EventKind, Visibility};
use crate::facts::Facts;
use crate::id::{Ids, OwnerId, SessionId};
use crate::new::NewSession;
use crate::refusal::Refusal;
use crate::request::{CreateSession, SessionRef};
use crate::row::{Binding, BindingStatus, Session};
use crate::session::{METADATA_BYTES_MAX, SessionChange, SessionStatus, TITLE_CHARS_MAX};
use crate::write::Write;

/// The session that has the name is answered as it is; else there is a new one.
pub(super) fn create(wanted: &CreateSession, facts: &Facts, ids: &mut Ids<'_>) -> Result<Decision, Refusal> {
    check_name("the surface's kind", &wanted.surface)?;
    if let Some((kind, id)) = &wanted.external {
        check_name("the external reference", kind)?;
        check_name("the external reference", id)?;
    }
    check_title(wanted.title.as_ref())?;
    let mut draft = Draft::new(ids);
    if let Some(found) = &facts.session {
        return Ok(draft.reply(Reply::Session { session: found.id.clone(), repeated: true }));
    }
    let new = NewSession {
        id: SessionId::new(draft.ids),
        owner: wanted.owner.clone(),
        title: wanted.title.clone(),
        surface: wanted.surface.clone(),
        external: wanted.external.clone(),
        legacy: None,
        default_adapter: wanted.adapter.clone(),
        default_cwd: wanted.cwd.clone(),
        profile: wanted.profile,
    };
    let session = insert_session(new, &mut draft);
    Ok(draft.reply(Reply::Session { session: session.id, repeated: false }))
}

pub(super) fn update(
    owner: &OwnerId,
    id: &SessionId,
    change: &SessionChange,
    facts: &Facts,
    ids: &mut Ids<'_>,
) -> Result<Decision, Refusal> {
    let missing = || Refusal::NotFound { what: "session", id: id.to_string() };
    let session = facts.session.as_ref().filter(|found| found.owner == *owner).ok_or_else(missing)?;
    check(session, change, facts)?;
    let mut draft = Draft::new(ids);
    self::change(session, change, &mut draft);
    if change.status == Some(SessionStatus::Closed) {
        for binding in &facts.bindings {
            let_go(binding, BindingStatus::Closed, "session_closed", true, &mut draft);
        }
    }
    Ok(draft.done())
}

fn check(session: &Session, change: &SessionChange, facts: &Facts) -> Result<(), Refusal> {
    check_title(change.title.as_ref())?;
    if let Some(metadata) = &change.metadata {
        if !metadata.is_object() {
            return Err(Refusal::NotAnObject { what: "the metadata" });
        }
        at_most("the metadata", metadata.to_string().len(), METADATA_BYTES_MAX, "bytes")?;
    }
    let Some(to) = change.status else { return Ok(()) };
    let from = session.status;
    match to {
        _ if !from.may_become(to) => Err(Refusal::SessionCannotBecome { id: session.id.clone(), from, to }),
        SessionStatus::Closed if facts.session_busy => Err(Refusal::SessionBusy(session.id.clone())),
        SessionStatus::Open | SessionStatus::Archived | SessionStatus::Closed => Ok(()),
    }
}

fn check_title(title: Option<&String>) -> Result<(), Refusal> {
    let characters = title.map_or(0, |title| title.chars().count());
    at_most("the title", characters, TITLE_CHARS_MAX, "characters")
}

/// Records a change of a session. One that changes nothing is not recorded.
pub(super) fn change(session: &Session, change: &SessionChange, draft: &mut Draft<'_, '_>) {
    if *change == SessionChange::default() {
        return;
    }
    draft.write(Write::UpdateSession {
        id: session.id.clone(),
        from: session.status,
        change: change.clone(),
    });
    let mut payload = json!({ "status": change.status.unwrap_or(session.status) });
    if let Some(title) = &change.title {
        payload["title"] = json!(title);
    }
    if let Some(metadata) = &change.metadata {
        payload["metadata"] = metadata.clone();
    }
    draft.event(&only(&session.id), EventKind::SessionUpdated, payload);
}

/// The next run of the session begins with a new native session.
pub(super) fn invalidate(wanted: &SessionRef, facts: &Facts, ids: &mut Ids<'_>) -> Result<Decision, Refusal> {
    if facts.session.is_none() {
        let id = wanted.id.as_ref().map(ToString::to_string);
        let names = [&wanted.external, &wanted.legacy];
        let name = names.into_iter().flatten().next().map(|(kind, id)| brief(&format!("{kind}:{id}")));
        return Err(Refusal::NotFound { what: "session", id: id.or(name).unwrap_or_default() });
    }
    let mut draft = Draft::new(ids);
    for binding in &facts.bindings {
        // An attempt that runs keeps its native session to its end.
        let close = !facts.session_busy;
        let_go(binding, BindingStatus::Invalid, "invalidated", close, &mut draft);
    }
    Ok(draft.done())
}

fn let_go(binding: &Binding, to: BindingStatus, reason: &str, close: bool, draft: &mut Draft<'_, '_>) {
    draft.retire(&only(&binding.session), binding, to, reason, Visibility::Ui);
    if let Some(worker) = binding.worker.as_ref().filter(|_| close) {
        draft.effect(Effect::CloseBinding { worker: worker.clone(), binding: binding.id.clone() });
    }
}

/// What an event about a session alone is about.
pub(super) fn only(session: &SessionId) -> About {
    About { session: session.clone(), run: None, attempt: None }
}
