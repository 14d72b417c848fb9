//! What a person decides about components and their grants: installed, removed, taken back.

use serde_json::json;

use crate::decision::{Decision, Reply};
use crate::draft::Draft;
use crate::effect::Effect;
use crate::event::EventKind;
use crate::facts::Facts;
use crate::grant::{Component, GateDecision};
use crate::id::{GrantId, Ids, OwnerId};
use crate::refusal::Refusal;
use crate::write::Write;

/// A grant holds no more, and what was opened under it ends.
pub(super) fn revoke(
    owner: &OwnerId,
    id: &GrantId,
    facts: &Facts,
    ids: &mut Ids<'_>,
) -> Result<Decision, Refusal> {
    let missing = || Refusal::NotFound { what: "grant", id: id.to_string() };
    let grant = facts.grant.as_ref().ok_or_else(missing)?;
    let session = facts.session.as_ref().filter(|session| session.owner == *owner);
    if grant.session.is_some() && session.is_none() {
        return Err(missing());
    }
    let mut draft = Draft::new(ids);
    if grant.revoked_at.is_some() {
        return Ok(draft.reply(Reply::Late));
    }
    draft.write(Write::RevokeGrant(id.clone()));
    match session {
        Some(session) => {
            let payload = json!({ "decision": "revoked", "grantId": id, "reason": "user",
                "adapterId": grant.registration, "grant": grant.name,
                "capability": grant.capability.as_ref().map_or("*", |capability| capability.as_str()),
                "operation": grant.operation, "resource": grant.pattern });
            draft.event(&super::session::only(&session.id), EventKind::GrantDecided, payload);
        }
        None => draft.write(Write::RecordGateDecision(Box::new(GateDecision {
            kind: "revoke",
            decision: "revoked",
            grant: Some(id.clone()),
            component: String::new(),
            digest: String::new(),
            registration: grant.registration.clone(),
            access: None,
            reason: "user".to_owned(),
        }))),
    }
    draft.effect(Effect::Revoke { grant: id.clone() });
    Ok(draft.done())
}

/// A component may be run from now on: this file with these bytes, until it changes.
pub(super) fn install(component: &Component, facts: &Facts, ids: &mut Ids<'_>) -> Decision {
    let mut draft = Draft::new(ids);
    let replaces = facts.component.as_ref().map(|before| before.digest.as_str());
    let reason = match replaces {
        None => "user".to_owned(),
        Some(before) => format!("user; replaces {before}"),
    };
    draft.write(Write::PutComponent(Box::new(component.clone())));
    draft.write(decided("install", "installed", component, reason));
    draft.effect(Effect::UseComponent {
        path: component.path.clone(),
        digest: Some(component.digest.clone()),
    });
    draft.done()
}

/// A component may be run no longer, and what was granted to it for good is taken back.
pub(super) fn remove(path: &str, facts: &Facts, ids: &mut Ids<'_>) -> Result<Decision, Refusal> {
    let missing = || Refusal::NotFound { what: "installed component", id: super::request::brief(path) };
    let component = facts.component.as_ref().ok_or_else(missing)?;
    let mut draft = Draft::new(ids);
    draft.write(Write::RemoveComponent { path: path.to_owned() });
    draft.write(decided("remove", "removed", component, "user".to_owned()));
    for grant in facts.component_grants.iter().filter(|grant| grant.revoked_at.is_none()) {
        draft.effect(Effect::Revoke { grant: grant.id.clone() });
    }
    draft.effect(Effect::UseComponent { path: path.to_owned(), digest: None });
    Ok(draft.done())
}

fn decided(kind: &'static str, decision: &'static str, component: &Component, reason: String) -> Write {
    Write::RecordGateDecision(Box::new(GateDecision {
        kind,
        decision,
        grant: None,
        component: component.path.clone(),
        digest: component.digest.clone(),
        registration: None,
        access: None,
        reason,
    }))
}
