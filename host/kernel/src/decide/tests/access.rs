//! An adapter wants to open something: what is recorded, and what it is told.

use serde_json::Value;

use super::reading::{assert_late, effects, events, payload, rows};
use super::story::{Story, attempt_id, cancel, opened, session_id, trouble, worker_id};
use crate::command::{Answer, NotPerformed};
use crate::decision::Decision;
use crate::descriptor::{Capability, GrantRequest};
use crate::effect::Effect;
use crate::grant::{
    Access, AccessScope, Asked, ComponentGrant, Grant, GrantEffect, GrantSource, GrantedTo, Policy, Terms,
};
use crate::id::{GrantId, Ids, SessionId, Timestamp};
use crate::input::{AccessAsked, By, Input};
use crate::report::Failure;
use crate::row::{HOST_REQUESTS, OpenRequest, RequestKind};
use crate::status::Status;
use crate::write::Write;

const REQUEST: u32 = HOST_REQUESTS + 1;

pub(super) fn terms(policy: Policy) -> Terms {
    let declared = GrantRequest {
        name: "workspace".into(),
        capability: Capability::Files,
        operation: "*".into(),
        pattern: "src/**".into(),
        reason: "to edit".into(),
        optional: true,
    };
    Terms {
        registration: "echo".into(),
        component: "acp".into(),
        digest: "d1".into(),
        declared: Some(declared),
        bound: Some(Capability::Files),
        policy,
        operations: Vec::new(),
        resources: Vec::new(),
    }
}

pub(super) fn asked(scope: AccessScope, policy: Policy) -> Asked {
    let access = Access {
        worker: worker_id(),
        op: 7,
        grant: "workspace".into(),
        capability: Capability::Files,
        operation: "write".into(),
        resource: "src/a.rs".into(),
        covers: "src/**".into(),
    };
    Asked { scope, access, terms: terms(policy) }
}

/// The worker wants to write a file, on behalf of the attempt of the story.
pub(super) fn wants(policy: Policy) -> AccessAsked {
    AccessAsked {
        at: Timestamp(1_000),
        request: REQUEST,
        session: Some(session_id()),
        attempt: Some(attempt_id()),
        asked: asked(AccessScope::Attempt, policy),
        person: true,
    }
}

/// The same for the worker itself.
pub(super) fn for_itself(policy: Policy) -> AccessAsked {
    AccessAsked { session: None, asked: asked(AccessScope::Worker, policy), ..wants(policy) }
}

pub(super) fn input(asked: AccessAsked) -> Input {
    Input::AccessAsked(Box::new(asked))
}

pub(super) fn user_grant(id: GrantId, session: Option<SessionId>) -> Grant {
    Grant {
        id,
        session,
        run: None,
        registration: Some("echo".into()),
        name: Some("workspace".into()),
        capability: Some(Capability::Files),
        operation: "write".into(),
        pattern: "src/**".into(),
        effect: GrantEffect::Allow,
        source: GrantSource::User,
        only: None,
        to: None,
        origin: None,
        expires_at: None,
        revoked_at: None,
    }
}

pub(super) fn grant_id(bits: u128) -> GrantId {
    GrantId::new(&mut Ids::new(&mut || bits))
}

pub(super) fn component_grant() -> ComponentGrant {
    ComponentGrant {
        id: grant_id(40),
        to: GrantedTo {
            component: "acp".into(),
            digest: "d1".into(),
            declared: terms(Policy::Ask).declared.unwrap(),
        },
        registration: "echo".into(),
        operation: "write".into(),
        pattern: "src/**".into(),
        revoked_at: None,
    }
}

/// The story of a person who is asked.
pub(super) fn asking(scope: AccessScope) -> Story {
    let mut story = Story::at(Status::WaitingApproval);
    let options = ["once", "session", "always", "deny"].map(str::to_owned).to_vec();
    let access = Some(Box::new(asked(scope, Policy::Ask)));
    story.facts.open_requests =
        vec![OpenRequest { request: REQUEST, kind: RequestKind::Access, options, access }];
    story
}

/// The same about another file.
fn asking_about(resource: &str) -> Story {
    let mut story = asking(AccessScope::Attempt);
    let mut about = asked(AccessScope::Attempt, Policy::Ask);
    about.access.resource = resource.into();
    story.facts.open_requests[0].access = Some(Box::new(about));
    story
}

fn says(answer: Answer) -> Input {
    let by = if answer == Answer::Expired { By::Deadline } else { By::Person("ann".into()) };
    Input::ApprovalAnswered { attempt: attempt_id(), request: REQUEST, answer, by }
}

pub(super) fn chooses(option: &str) -> Input {
    says(Answer::Selected { option_id: option.into() })
}

/// The grant with which it is performed.
pub(super) fn performed(decision: &Decision) -> Option<Grant> {
    let of = |effect: &Effect| match effect {
        Effect::Perform { op: 7, grant, .. } => grant.as_deref().cloned(),
        _ => None,
    };
    decision.effects.iter().find_map(of)
}

pub(super) fn refused(decision: &Decision) -> NotPerformed {
    let of = |effect: &Effect| match effect {
        Effect::Refuse { op: 7, why, .. } => Some(why.clone()),
        _ => None,
    };
    decision.effects.iter().find_map(of).unwrap()
}

fn decided(decision: &Decision) -> &Value {
    payload(decision, "grant.decided")
}

#[test]
fn what_the_policy_allows_becomes_a_grant_of_the_session_before_it_is_performed() {
    let decision = Story::at(Status::Running).then(&input(wants(Policy::Allow)));
    assert_eq!(
        (rows(&decision), events(&decision)),
        (vec!["grant by policy".to_owned()], vec!["grant.decided"])
    );
    assert_eq!(effects(&decision), ["perform"]);
    let grant = performed(&decision).unwrap();
    assert_eq!((&grant.session, &grant.run), (&Some(session_id()), &None));
    let said = decided(&decision);
    assert_eq!((&said["decision"], &said["resource"]), (&"allow".into(), &"src/a.rs".into()));
    assert_eq!(said["grantId"], grant.id.as_str());
    assert_eq!(said["reason"], "policy");
}

#[test]
fn a_grant_that_is_there_is_used_and_not_written_again() {
    let mut story = Story::at(Status::Running);
    story.facts.grants = vec![user_grant(grant_id(30), Some(session_id()))];
    let decision = story.then(&input(wants(Policy::Ask)));
    assert_eq!((rows(&decision), events(&decision)), (vec![], vec!["grant.decided"]));
    assert_eq!(performed(&decision).unwrap().id, grant_id(30));
}

#[test]
fn what_holds_for_the_component_is_copied_into_the_session() {
    let mut story = Story::at(Status::Running);
    story.facts.component_grants = vec![component_grant()];
    let decision = story.then(&input(wants(Policy::Ask)));
    assert_eq!(rows(&decision), ["copied grant"]);
    let copy = performed(&decision).unwrap();
    assert_eq!((&copy.origin, &copy.session), (&Some(grant_id(40)), &Some(session_id())));
    // Taken back in this session: a person is asked again, and the component's own grant stays.
    story.facts.grants = vec![Grant { revoked_at: Some(Timestamp(5)), ..copy }];
    assert_eq!(
        events(&story.then(&input(wants(Policy::Ask)))),
        ["approval.requested", "run.waiting_approval"]
    );
}

#[test]
fn another_version_that_asks_for_more_is_asked_about_again() {
    let mut story = Story::at(Status::Running);
    story.facts.component_grants = vec![component_grant()];
    let with = |pattern: &str| {
        let mut wants = wants(Policy::Ask);
        wants.asked.terms.digest = "d2".into();
        wants.asked.terms.declared.as_mut().unwrap().pattern = pattern.into();
        events(&story.then(&input(wants)))
    };
    assert_eq!(with("src/**"), ["grant.decided"]);
    assert_eq!(with("*"), ["approval.requested", "run.waiting_approval"]);
}

#[test]
fn a_person_is_asked_and_the_run_waits() {
    let decision = Story::at(Status::Running).then(&input(wants(Policy::Ask)));
    assert_eq!(rows(&decision), ["attempt running > waiting_approval", "run running > waiting_approval"]);
    assert_eq!(events(&decision), ["approval.requested", "run.waiting_approval"]);
    assert_eq!(effects(&decision), ["park for a person"]);
    let question = payload(&decision, "approval.requested");
    assert_eq!(question["title"], "`echo` wants to write `src/a.rs` (grant `workspace`)");
    assert_eq!((&question["kind"], &question["reason"]), (&"access".into(), &"to edit".into()));
    let ids: Vec<&str> =
        question["options"].as_array().unwrap().iter().map(|o| o["optionId"].as_str().unwrap()).collect();
    assert_eq!(ids, ["once", "session", "always", "deny"]);
    let read: Asked = serde_json::from_value(question["details"].clone()).unwrap();
    assert_eq!(read, wants(Policy::Ask).asked, "the question is read back from its event");
}

#[test]
fn where_nobody_can_be_asked_it_is_denied_on_record() {
    let decision =
        Story::at(Status::Running).then(&input(AccessAsked { person: false, ..wants(Policy::Ask) }));
    assert_eq!((rows(&decision), events(&decision)), (vec![], vec!["grant.decided"]));
    let NotPerformed::Denied(text) = refused(&decision) else { panic!() };
    assert!(text.contains("nobody can be asked") && text.contains("policy = \"allow\""), "{text}");
}

#[test]
fn a_denial_is_recorded_with_its_reason() {
    let decision = Story::at(Status::Running).then(&input(wants(Policy::Deny)));
    assert_eq!(
        (&decided(&decision)["decision"], &decided(&decision)["grantId"]),
        (&"deny".into(), &Value::Null)
    );
    assert!(decided(&decision)["reason"].as_str().unwrap().contains("[registrations.echo.grants.workspace]"));
    assert!(matches!(refused(&decision), NotPerformed::Denied(_)));
}

#[test]
fn each_answer_is_remembered_as_far_as_it_goes() {
    let answered = |option: &str| asking(AccessScope::Attempt).then(&chooses(option));
    let moves = ["attempt waiting_approval > running", "run waiting_approval > running"];
    for (option, first) in [("once", vec!["grant once"]), ("session", vec!["grant"])] {
        let decision = answered(option);
        assert_eq!(rows(&decision), [first, moves.to_vec()].concat(), "{option}");
        assert_eq!(events(&decision), ["approval.resolved", "grant.decided", "run.running"]);
        assert_eq!(effects(&decision), ["unpark from a person", "perform"], "the permit comes first");
        assert_eq!(performed(&decision).unwrap().source, GrantSource::User);
    }
    let always = answered("always");
    assert_eq!(rows(&always), [vec!["component grant", "copied grant"], moves.to_vec()].concat());
    assert!(performed(&always).unwrap().origin.is_some());
    let once = performed(&answered("once")).unwrap();
    assert_eq!((once.only.unwrap().op, once.pattern.as_str()), (7, "src/a.rs"));
    assert_eq!(performed(&answered("session")).unwrap().pattern, "src/**");
}

#[test]
fn a_denial_holds_for_the_run_and_that_file() {
    let decision = asking(AccessScope::Attempt).then(&chooses("deny"));
    assert_eq!(effects(&decision), ["unpark from a person", "refuse"]);
    let of = |write: &Write| match write {
        Write::InsertGrant(grant) => Some((**grant).clone()),
        _ => None,
    };
    let denial = decision.writes.iter().find_map(of).unwrap();
    assert_eq!((denial.effect, denial.pattern.as_str()), (GrantEffect::Deny, "src/a.rs"));
    let mut story = Story::at(Status::Running);
    story.facts.grants = vec![denial];
    assert!(matches!(refused(&story.then(&input(wants(Policy::Ask)))), NotPerformed::Denied(_)));
    let star = asking_about("src/*").then(&chooses("deny"));
    story.facts.grants = star.writes.iter().find_map(of).into_iter().collect();
    assert_eq!(effects(&story.then(&input(wants(Policy::Ask)))), ["park for a person"], "a name, no pattern");
    let mut other = wants(Policy::Ask);
    other.asked.access.resource = "src/b.rs".into();
    assert_eq!(effects(&story.then(&input(other))), ["park for a person"]);
}

#[test]
fn nobody_in_time_and_a_withdrawal_refuse_it_and_remember_nothing() {
    let expired = asking(AccessScope::Attempt).then(&says(Answer::Expired));
    assert_eq!(refused(&expired), NotPerformed::Expired);
    let by = By::Runtime;
    let withdrawn =
        Input::ApprovalAnswered { attempt: attempt_id(), request: REQUEST, answer: Answer::Cancelled, by };
    let withdrawn = asking(AccessScope::Attempt).then(&withdrawn);
    assert_eq!(refused(&withdrawn), NotPerformed::Cancelled);
    for decision in [expired, withdrawn] {
        assert_eq!(rows(&decision), ["attempt waiting_approval > running", "run waiting_approval > running"]);
        assert_eq!(events(&decision), ["approval.resolved", "grant.decided", "run.running"]);
    }
}

#[test]
fn an_option_that_was_not_offered_is_no_answer() {
    let text = asking(AccessScope::Attempt).refuses(&chooses("for-ever")).to_string();
    assert!(text.contains("`once`, `session`, `always`, `deny`"), "{text}");
}

#[test]
fn a_cancel_refuses_what_is_asked_about() {
    let decision = asking(AccessScope::Attempt).then(&cancel());
    assert_eq!(refused(&decision), NotPerformed::Cancelled);
    assert_eq!(effects(&decision), ["refuse", "tell to cancel"]);
}

#[test]
fn an_attempt_that_is_over_opens_nothing() {
    for status in super::story::terminal() {
        let decision = Story::at(status).then(&input(wants(Policy::Allow)));
        assert_late(&decision);
        assert_eq!(refused(&decision), NotPerformed::Cancelled);
        assert!(decision.events.is_empty() && decision.writes.is_empty());
    }
}

#[test]
fn one_that_is_to_stop_asks_nobody() {
    let decision = Story::at(Status::Cancelling).then(&input(wants(Policy::Ask)));
    assert!(matches!(refused(&decision), NotPerformed::Denied(_)));
    assert!(decision.writes.is_empty());
}

#[test]
fn a_binding_may_come_while_a_person_is_asked() {
    let mut story = asking(AccessScope::Worker);
    story.facts.attempt.as_mut().unwrap().binding = None;
    story.facts.binding = None;
    let decision = story.then(&opened(super::story::new_binding_id(), "native-2"));
    assert_eq!(events(&decision), ["binding.replaced", "attempt.started"]);
    assert!(rows(&decision).contains(&"run waiting_approval > waiting_approval".to_owned()));
    assert_eq!(effects(&decision), ["execute"]);
}

#[test]
fn a_binding_that_fails_while_a_person_is_asked_takes_the_question_back() {
    let mut story = asking(AccessScope::Worker);
    story.facts.attempt.as_mut().unwrap().binding = None;
    let fails = |failure| super::story::binding_failed(super::story::new_binding_id(), failure, true);
    let fatal = story.then(&fails(Failure::Fatal(trouble("no"))));
    assert_eq!(events(&fatal), ["approval.resolved", "attempt.failed", "run.failed"]);
    let again = story.then(&fails(Failure::Retryable(trouble("later"))));
    assert_eq!(effects(&again), ["refuse", "unpark from a person", "begin again"]);
}
