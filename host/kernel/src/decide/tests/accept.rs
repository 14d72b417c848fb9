//! A prompt is accepted.

use super::reading::*;
use super::story::*;
use crate::decision::Reply;
use crate::effect::Effect;
use crate::id::RunId;
use crate::model::ModelProfile;
use crate::refusal::Refusal;
use crate::request::{Accept, SessionRef};
use crate::status::Status;
use crate::write::Write;

fn with_session() -> Story {
    let mut story = Story::at(Status::Queued);
    story.facts.run = None;
    story
}

#[test]
fn a_first_prompt_makes_a_session_and_queues_a_run() {
    let decision = Story::nothing().then(&accept(asks("hello")));
    assert_eq!(rows(&decision), ["session", "run", "session used"]);
    assert_eq!(events(&decision), ["session.created", "run.queued", "session.updated"]);
    let Reply::Accepted { session, run, repeated: false } = decision.reply else { panic!() };
    let [Effect::Schedule { run: scheduled, session: of, adapter }] = &decision.effects[..] else { panic!() };
    assert_eq!((scheduled, of, adapter.as_str()), (&run, &session, "echo"));
}

#[test]
fn a_new_session_keeps_the_names_that_its_surface_has_for_it() {
    let names = SessionRef {
        id: None,
        external: Some(("chat".into(), "default".into())),
        legacy: Some(("bridge".into(), "main".into())),
    };
    let decision = Story::nothing().then(&accept(Accept { session: names.clone(), ..asks("hello") }));
    let Write::InsertSession(session) = &decision.writes[0] else { panic!() };
    assert_eq!((&session.external, &session.legacy), (&names.external, &names.legacy));
    let told = payload(&decision, "session.created");
    assert_eq!((&told["externalRefKind"], &told["externalRefId"]), (&"chat".into(), &"default".into()));
}

#[test]
fn a_prompt_for_a_session_uses_it_and_its_registration() {
    let decision =
        with_session().then(&accept(Accept { default_adapter: "other".into(), ..asks_in_session("hello") }));
    assert_eq!(rows(&decision), ["run", "session used"]);
    assert_eq!(events(&decision), ["run.queued", "session.updated"]);
    let Write::InsertRun(run) = &decision.writes[0] else { panic!() };
    assert_eq!((run.session.clone(), run.adapter.as_str()), (session_id(), "echo"));
}

#[test]
fn a_prompt_may_name_another_registration() {
    let mut other = asks_in_session("hello");
    other.input.adapter = Some("claude".into());
    let decision = with_session().then(&accept(other));
    let Write::InsertRun(run) = &decision.writes[0] else { panic!() };
    assert_eq!(run.adapter.as_str(), "claude");
}

#[test]
fn a_session_that_is_not_there_is_never_made_up() {
    let refusal = Story::nothing().decide(&accept(asks_in_session("hello"))).unwrap_err();
    assert_eq!(refusal, Refusal::NotFound { what: "session", id: session_id().to_string() });
}

#[test]
fn the_legacy_policy_gives_each_run_one_grant() {
    let grants = |legacy: &[&str]| {
        let legacy = legacy.iter().map(|&adapter| adapter.into()).collect();
        let decision = Story::nothing().then(&accept(Accept { legacy, ..asks("hello") }));
        let of = |write: &Write| match write {
            Write::InsertGrant(grant) => grant.run.clone(),
            _ => None,
        };
        let Reply::Accepted { run, .. } = &decision.reply else { panic!() };
        let granted: Vec<RunId> = decision.writes.iter().filter_map(of).collect();
        assert!(granted.iter().all(|granted| granted == run));
        granted.len()
    };
    assert_eq!((grants(&["pi", "echo"]), grants(&["pi"]), grants(&[])), (1, 0, 0));
}

#[test]
fn a_run_records_what_it_needs_of_a_model() {
    let profile_of = |story: &Story, accepted: Accept| {
        let decision = story.then(&accept(accepted));
        let new = |write: &Write| match write {
            Write::InsertRun(run) => Some((run.profile, run.model.clone())),
            _ => None,
        };
        decision.writes.iter().find_map(new).unwrap()
    };
    let mut of_session = with_session();
    assert_eq!(profile_of(&of_session, asks_in_session("hello")), (ModelProfile::MainReasoner, None));
    of_session.facts.session.as_mut().unwrap().profile = Some(ModelProfile::Summarizer);
    assert_eq!(profile_of(&of_session, asks_in_session("hello")).0, ModelProfile::Summarizer);
    let mut own = asks_in_session("hello");
    own.input.profile = Some(ModelProfile::Vision);
    own.input.model = Some("small".into());
    assert_eq!(profile_of(&of_session, own), (ModelProfile::Vision, Some("small".into())));
}

#[test]
fn a_new_session_keeps_what_its_first_run_needs() {
    let mut first = asks("hello");
    first.input.profile = Some(ModelProfile::Router);
    first.input.cwd = Some("/a".into());
    let decision = Story::nothing().then(&accept(first));
    let Write::InsertSession(session) = &decision.writes[0] else { panic!() };
    assert_eq!((session.profile, session.default_cwd.as_deref()), (Some(ModelProfile::Router), Some("/a")));
    assert_eq!(payload(&decision, "run.queued")["modelProfile"], "router");
}
