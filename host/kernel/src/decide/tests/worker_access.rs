//! What a worker opens for itself: recorded beside the events, and held against the session that it works for.

use super::access::{
    asked, asking, chooses, component_grant, for_itself, grant_id, input, performed, refused, user_grant,
    wants,
};
use super::reading::{effects, events, payload, rows};
use super::story::{Story, session_id};
use crate::command::NotPerformed;
use crate::grant::{AccessScope, Grant, GrantEffect, GrantSource, Policy};
use crate::id::Timestamp;
use crate::input::AccessAsked;
use crate::status::Status;

#[test]
fn what_a_worker_does_for_itself_is_recorded_beside_the_events() {
    let decision = Story::at(Status::Starting).then(&input(for_itself(Policy::Allow)));
    assert_eq!((rows(&decision), events(&decision)), (vec!["gate access allow".to_owned()], vec![]));
    assert_eq!(effects(&decision), ["perform"]);
    assert_eq!(performed(&decision), None, "the policy itself allows it");
    let denied = Story::at(Status::Starting).then(&input(for_itself(Policy::Deny)));
    assert_eq!((rows(&denied), effects(&denied)), (vec!["gate access deny".to_owned()], vec!["refuse"]));
}

#[test]
fn a_worker_that_starts_for_a_run_asks_in_its_name_and_the_run_is_starting_again() {
    let asks = Story::at(Status::Starting).then(&input(for_itself(Policy::Ask)));
    assert_eq!(rows(&asks), ["attempt starting > waiting_approval", "run starting > waiting_approval"]);
    let options = payload(&asks, "approval.requested")["options"].as_array().unwrap().len();
    assert_eq!(options, 3, "no session is known that it could be for");
    let mut story = asking(AccessScope::Worker);
    story.facts.attempt.as_mut().unwrap().binding = None;
    let decision = story.then(&chooses("once"));
    assert_eq!(
        rows(&decision),
        ["gate access allow", "attempt waiting_approval > starting", "run waiting_approval > starting"]
    );
    assert_eq!(events(&decision), ["approval.resolved", "run.starting"]);
    assert_eq!(effects(&decision), ["unpark from a person", "perform"]);
    assert!(performed(&decision).unwrap().only.is_some(), "it is authorised again with this");
}

#[test]
fn what_the_session_took_back_its_worker_may_not_do_for_itself() {
    let for_itself = |grant: Grant, policy| {
        let mut story = Story::at(Status::Running);
        story.facts.grants = vec![grant];
        story.facts.component_grants = vec![component_grant()];
        effects(&story.then(&input(for_itself(policy))))
    };
    let grant = user_grant(grant_id(30), Some(session_id()));
    assert_eq!(for_itself(grant.clone(), Policy::Allow), ["perform"]);
    let denied = Grant { effect: GrantEffect::Deny, ..grant.clone() };
    assert_eq!(for_itself(denied, Policy::Allow), ["refuse"]);
    let taken_back = Grant { origin: Some(grant_id(40)), revoked_at: Some(Timestamp(1)), ..grant.clone() };
    assert_eq!(for_itself(taken_back, Policy::Ask), ["park for a person"], "the copy was revoked");
    let by_policy = Grant { source: GrantSource::Policy, revoked_at: Some(Timestamp(1)), ..grant.clone() };
    let mut story = Story::at(Status::Running);
    story.facts.grants = vec![by_policy];
    assert_eq!(effects(&story.then(&input(super::access::for_itself(Policy::Allow)))), ["refuse"]);
    let mut story = Story::at(Status::Running);
    story.facts.grants = vec![Grant { session: Some(session_id()), ..grant }];
    let allowed = story.then(&input(super::access::for_itself(Policy::Ask)));
    assert_eq!(effects(&allowed), ["park for a person"], "what a session allows is for that session");
}

#[test]
fn a_worker_that_nobody_has_asks_nobody() {
    let idle = AccessAsked { attempt: None, ..for_itself(Policy::Ask) };
    let decision = Story::nothing().then(&input(idle));
    assert!(matches!(refused(&decision), NotPerformed::Denied(_)));
    let of_session = AccessAsked {
        asked: asked(AccessScope::Binding, Policy::Allow),
        attempt: None,
        ..wants(Policy::Allow)
    };
    let mut story = Story::nothing();
    story.facts.session = Some(super::story::session());
    let decision = story.then(&input(of_session));
    assert_eq!(events(&decision), ["grant.decided"], "what a session's own allows is on its record");
}
