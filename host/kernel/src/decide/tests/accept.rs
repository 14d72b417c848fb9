//! A prompt is accepted.

use super::story::*;
use crate::command::{Base64, PromptBlock};
use crate::decision::{Effect, Refusal, Reply, Write};
use crate::id::RunId;
use crate::input::{Accept, SessionRef};
use crate::status::Status;

fn in_session(text: &str) -> Accept {
    Accept { session: SessionRef { id: Some(session_id()), ..SessionRef::default() }, ..asks(text) }
}

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
}

#[test]
fn a_prompt_for_a_session_uses_it_and_its_registration() {
    let decision =
        with_session().then(&accept(Accept { default_adapter: "other".into(), ..in_session("hello") }));
    assert_eq!(rows(&decision), ["run", "session used"]);
    assert_eq!(events(&decision), ["run.queued", "session.updated"]);
    let Write::InsertRun(run) = &decision.writes[0] else { panic!() };
    assert_eq!((run.session.clone(), run.adapter.as_str()), (session_id(), "echo"));
}

#[test]
fn a_prompt_may_name_another_registration() {
    let decision =
        with_session().then(&accept(Accept { adapter: Some("claude".into()), ..in_session("hello") }));
    let Write::InsertRun(run) = &decision.writes[0] else { panic!() };
    assert_eq!(run.adapter.as_str(), "claude");
}

#[test]
fn a_session_that_is_not_there_is_never_made_up() {
    let refusal = Story::nothing().decide(&accept(in_session("hello"))).unwrap_err();
    assert_eq!(refusal, Refusal::NotFound { what: "session", id: session_id().to_string() });
}

#[test]
fn the_same_request_again_is_the_same_run() {
    for status in Status::ALL {
        let decision = Story::at(status).then(&accept(asks("hello")));
        assert_eq!(decision.reply, Reply::Accepted { session: session_id(), run: run_id(), repeated: true });
        assert!(decision.writes.is_empty() && decision.events.is_empty() && decision.effects.is_empty());
    }
}

#[test]
fn a_request_id_names_one_prompt() {
    let conflict = Err(Refusal::RequestConflict("r1".into()));
    let story = Story::at(Status::Running);
    assert_eq!(story.decide(&accept(asks("something else"))), conflict);
    assert_eq!(story.decide(&accept(Accept { owner: "bob".into(), ..asks("hello") })), conflict);
}

#[test]
fn an_empty_prompt_is_refused() {
    let text = |text: &str| PromptBlock::Text { text: text.into() };
    let image = |data: &str| PromptBlock::Image { mime_type: "image/png".into(), data: Base64(data.into()) };
    for blocks in [vec![], vec![text("")], vec![text(" \n"), text("\t")], vec![image("")]] {
        let mut empty = asks("");
        empty.input.prompt.clone_from(&blocks);
        assert_eq!(Story::nothing().decide(&accept(empty)), Err(Refusal::EmptyPrompt), "{blocks:?}");
    }
    let mut picture = asks("");
    picture.input.prompt.push(image("AAAA"));
    assert!(Story::nothing().decide(&accept(picture)).is_ok());
}

#[test]
fn a_closed_session_takes_no_new_run() {
    let mut story = with_session();
    story.facts.session.as_mut().unwrap().open = false;
    let refusal = story.decide(&accept(in_session("hello"))).unwrap_err();
    assert_eq!(refusal, Refusal::SessionClosed(session_id()));
}

#[test]
fn the_legacy_policy_gives_each_run_one_grant() {
    let grants = |legacy_grant| {
        let decision = Story::nothing().then(&accept(Accept { legacy_grant, ..asks("hello") }));
        let of = |write: &Write| match write {
            Write::InsertLegacyGrant { run, .. } => Some(run.clone()),
            _ => None,
        };
        let Reply::Accepted { run, .. } = &decision.reply else { panic!() };
        let granted: Vec<RunId> = decision.writes.iter().filter_map(of).collect();
        assert!(granted.iter().all(|granted| granted == run));
        granted.len()
    };
    assert_eq!((grants(true), grants(false)), (1, 0));
}
