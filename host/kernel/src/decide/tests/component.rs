//! What a person decides about components and their grants.

use super::reading::{assert_late, effects, events, payload, rows};
use super::story::{Story, session_id};
use crate::effect::Effect;
use crate::grant::{Component, Grant, Policy};
use crate::id::{GrantId, Ids};
use crate::input::Input;
use crate::status::Status;

fn grant_id() -> GrantId {
    GrantId::new(&mut Ids::new(&mut || 30))
}

fn revokes(owner: &str) -> Input {
    Input::RevokeGrant { owner: owner.into(), grant: grant_id() }
}

fn grant() -> Grant {
    super::access::user_grant(grant_id(), Some(session_id()))
}

fn component() -> Component {
    Component {
        path: "/adapters/mine.wasm".into(),
        name: "mine".into(),
        digest: "d1".into(),
        adapter_id: "mine".into(),
        version: "0.1.0".into(),
        grants: super::access::terms(Policy::Ask).declared.into_iter().collect(),
        imports: vec![],
    }
}

#[test]
fn a_revoked_grant_is_recorded_and_taken_from_every_worker() {
    let mut story = Story::at(Status::Running);
    story.facts.grant = Some(grant());
    let decision = story.then(&revokes("ann"));
    assert_eq!((rows(&decision), events(&decision)), (vec!["revocation".to_owned()], vec!["grant.decided"]));
    assert_eq!(effects(&decision), ["revoke"]);
    assert_eq!(payload(&decision, "grant.decided")["decision"], "revoked");
    story.facts.grant = Some(Grant { revoked_at: Some(crate::id::Timestamp(1)), ..grant() });
    assert_late(&story.then(&revokes("ann")));
}

#[test]
fn a_grant_of_somebody_else_is_not_there() {
    let mut story = Story::at(Status::Running);
    let nothing = story.refuses(&revokes("ann"));
    story.facts.grant = Some(grant());
    assert_eq!(story.refuses(&revokes("bob")), nothing);
}

#[test]
fn a_grant_of_a_component_is_revoked_beside_the_events() {
    let mut story = Story::nothing();
    story.facts.grant = Some(Grant { session: None, ..grant() });
    let decision = story.then(&revokes("ann"));
    assert_eq!(rows(&decision), ["revocation", "gate revoke revoked"]);
    assert_eq!(effects(&decision), ["revoke"]);
    assert!(decision.events.is_empty());
}

#[test]
fn a_component_is_installed_and_removed_on_record() {
    let mut story = Story::nothing();
    let install = Input::InstallComponent(Box::new(component()));
    let remove = Input::RemoveComponent { path: component().path };
    let installed = story.then(&install);
    assert_eq!(rows(&installed), ["component", "gate install installed"]);
    let newest = Effect::UseComponent { path: component().path, digest: Some(component().digest) };
    assert_eq!(installed.effects, [newest], "what runs already gives way to it");
    assert!(story.refuses(&remove).to_string().contains("/adapters/mine.wasm"));
    story.facts.component = Some(component());
    story.facts.component_grants = vec![super::access::component_grant()];
    let removed = story.then(&remove);
    assert_eq!(rows(&removed), ["component removed", "gate remove removed"]);
    let done = effects(&removed);
    assert_eq!(done, ["revoke", "use no more"], "neither what was granted to it nor itself is used any more");
}
