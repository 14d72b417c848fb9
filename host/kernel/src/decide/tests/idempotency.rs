//! The same request again is the same run, and one that only looks the same is told nothing.

use super::reading::*;
use super::story::*;
use crate::command::RunMode;
use crate::decision::Reply;
use crate::id::NativeSessionId;
use crate::model::ModelProfile;
use crate::refusal::Refusal;
use crate::request::Accept;
use crate::row::{Run, RunInput, Session};
use crate::session::SessionStatus;
use crate::status::Status;

/// What makes a request another one, though its names are the same.
fn others() -> Vec<(&'static str, Accept)> {
    let input = |change: &dyn Fn(&mut RunInput)| {
        let mut accept = asks("hello");
        change(&mut accept.input);
        accept
    };
    vec![
        ("prompt", asks("something else")),
        ("owner", Accept { owner: "bob".into(), ..asks("hello") }),
        ("mode", Accept { mode: RunMode::Ask, ..asks("hello") }),
        ("adapter", input(&|input| input.adapter = Some("claude".into()))),
        ("cwd", input(&|input| input.cwd = Some("/a".into()))),
        ("model", input(&|input| input.model = Some("small".into()))),
        ("profile", input(&|input| input.profile = Some(ModelProfile::Vision))),
        ("system prompt", input(&|input| input.system_prompt = Some("be brief".into()))),
        (
            "native session",
            input(&|input| input.legacy_adapter_session_id = Some(NativeSessionId("n".into()))),
        ),
        ("time limit", input(&|input| input.timeout_ms = Some(5))),
    ]
}

/// A run that was asked for with a key, in a session of its own.
fn keyed(status: Status) -> Story {
    let mut story = Story::nothing();
    story.facts.session = Some(session());
    story.facts.keyed = Some((Run { request: "r0".into(), ..run(status) }, session()));
    story
}

fn with_key(accept: Accept) -> Accept {
    Accept { idempotency_key: Some("k1".into()), ..accept }
}

/// Nothing in a text tells which session or run there is.
fn assert_reveals_nothing(refusal: &Refusal) {
    let text = refusal.to_string();
    for secret in [session_id().to_string(), run_id().to_string(), "ann".to_owned(), "hello".to_owned()] {
        assert!(!text.contains(&secret), "`{text}` tells `{secret}`");
    }
}

#[test]
fn the_same_request_again_is_the_same_run_wherever_it_stands() {
    for status in Status::ALL {
        let decision = Story::at(status).then(&accept(asks("hello")));
        assert_eq!(decision.reply, Reply::Accepted { session: session_id(), run: run_id(), repeated: true });
        assert_nothing(&decision);
    }
}

#[test]
fn the_same_request_again_is_answered_though_its_session_is_closed() {
    let mut story = Story::at(Status::Succeeded);
    story.facts.session.as_mut().unwrap().status = SessionStatus::Closed;
    let decision = story.then(&accept(asks("hello")));
    assert!(matches!(decision.reply, Reply::Accepted { repeated: true, .. }));
    assert_nothing(&decision);
}

#[test]
fn what_is_asked_decides_whether_it_is_the_same() {
    let story = Story::at(Status::Running);
    for (what, other) in others() {
        let refusal = story.refuses(&accept(other));
        assert_eq!(refusal, Refusal::RequestConflict("r1".into()), "another {what}");
        assert_reveals_nothing(&refusal);
    }
}

#[test]
fn the_same_key_again_is_the_same_run_under_another_request() {
    for status in Status::ALL {
        let decision = keyed(status).then(&accept(with_key(asks_in_session("hello"))));
        assert_eq!(decision.reply, Reply::Accepted { session: session_id(), run: run_id(), repeated: true });
        assert_nothing(&decision);
    }
}

#[test]
fn a_key_names_one_prompt() {
    for (what, other) in others() {
        let mut story = keyed(Status::Running);
        if what == "owner" {
            // His own session has the key of another one's: the store never finds that, the kernel would not tell.
            story.facts.session = Some(Session { owner: "bob".into(), id: other_session_id(), ..session() });
        }
        let refusal = story.refuses(&accept(with_key(other)));
        assert_eq!(refusal, Refusal::KeyConflict, "another {what}");
        assert_reveals_nothing(&refusal);
    }
}

#[test]
fn a_request_comes_before_its_key() {
    let mut story = Story::at(Status::Running);
    let other = Run { id: child_run_id(), input: prompt("something else"), ..run(Status::Queued) };
    story.facts.keyed = Some((other, session()));
    let decision = story.then(&accept(with_key(asks("hello"))));
    assert_eq!(decision.reply, Reply::Accepted { session: session_id(), run: run_id(), repeated: true });
}

#[test]
fn a_key_is_kept_with_its_run() {
    let decision = Story::nothing().then(&accept(with_key(asks("hello"))));
    let keys: Vec<_> = decision
        .writes
        .iter()
        .filter_map(|write| match write {
            crate::write::Write::InsertRun(run) => Some(run.idempotency_key.as_deref()),
            _ => None,
        })
        .collect();
    assert_eq!(keys, [Some("k1")]);
}
