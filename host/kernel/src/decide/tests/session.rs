//! A session is put away, opened again, closed, renamed; its native sessions are let go.

use super::reading::*;
use super::story::*;
use crate::decision::Reply;
use crate::effect::Effect;
use crate::id::OwnerId;
use crate::input::Input;
use crate::model::ModelProfile;
use crate::refusal::Refusal;
use crate::request::{CreateSession, NAME_BYTES_MAX, SessionRef};
use crate::row::{Binding, BindingStatus};
use crate::session::{METADATA_BYTES_MAX, SessionChange, SessionStatus, TITLE_CHARS_MAX};
use crate::status::Status;
use crate::write::Write;
use serde_json::{Value, json};

fn standing(status: SessionStatus) -> Story {
    let mut story = Story::nothing();
    story.facts.session = Some(session());
    story.facts.session.as_mut().unwrap().status = status;
    story
}

fn changes(owner: &str, change: SessionChange) -> Input {
    Input::UpdateSession { owner: OwnerId::from(owner), session: session_id(), change }
}

fn becomes(status: SessionStatus) -> Input {
    changes("ann", SessionChange { status: Some(status), ..SessionChange::default() })
}

fn titled(title: &str) -> Input {
    changes("ann", SessionChange { title: Some(title.to_owned()), ..SessionChange::default() })
}

fn with_metadata(metadata: Value) -> Input {
    changes("ann", SessionChange { metadata: Some(metadata), ..SessionChange::default() })
}

fn invalidate(session: SessionRef) -> Input {
    Input::InvalidateBindings { owner: "ann".into(), session }
}

fn held() -> Binding {
    Binding { worker: Some(worker_id()), ..binding() }
}

fn wanted() -> CreateSession {
    CreateSession {
        owner: "ann".into(),
        external: Some(("task".to_owned(), "7".to_owned())),
        surface: "http".to_owned(),
        title: Some("Typos".to_owned()),
        adapter: "claude".into(),
        cwd: Some("/a".to_owned()),
        profile: Some(ModelProfile::Vision),
    }
}

fn create(wanted: CreateSession) -> Input {
    Input::CreateSession(Box::new(wanted))
}

#[test]
fn a_session_is_made_before_anything_is_asked_in_it() {
    let decision = Story::nothing().then(&create(wanted()));
    assert_eq!((rows(&decision), events(&decision)), (vec!["session".to_owned()], vec!["session.created"]));
    assert!(decision.effects.is_empty());
    let [Write::InsertSession(new)] = &decision.writes[..] else { panic!() };
    assert_eq!(decision.reply, Reply::Session { session: new.id.clone(), repeated: false });
    assert_eq!((&new.external, new.legacy.as_ref()), (&wanted().external, None));
    assert_eq!((new.surface.as_str(), new.title.as_deref()), ("http", Some("Typos")));
    assert_eq!((new.default_adapter.as_str(), new.default_cwd.as_deref()), ("claude", Some("/a")));
    assert_eq!(new.profile, Some(ModelProfile::Vision));
}

#[test]
fn a_session_that_has_the_name_is_the_one_whatever_became_of_it() {
    for status in SessionStatus::ALL {
        let decision = standing(status).then(&create(wanted()));
        assert_eq!((&decision.writes[..], events(&decision)), (&[][..], vec![]), "it stays {status}");
        assert_eq!(decision.reply, Reply::Session { session: session_id(), repeated: true });
    }
}

#[test]
fn the_names_of_a_new_session_are_names() {
    let story = Story::nothing();
    let refuses = |change: &dyn Fn(&mut CreateSession)| {
        let mut changed = wanted();
        change(&mut changed);
        story.refuses(&create(changed))
    };
    let what = "the external reference";
    assert_eq!(
        refuses(&|it| it.external = Some((String::new(), "7".to_owned()))),
        Refusal::EmptyName { what }
    );
    assert_eq!(
        refuses(&|it| it.external = Some(("task".to_owned(), String::new()))),
        Refusal::EmptyName { what }
    );
    let (has, max) = (NAME_BYTES_MAX + 1, NAME_BYTES_MAX);
    let long = "n".repeat(has);
    let too_long = Refusal::TooLong { what, has, max, unit: "bytes" };
    assert_eq!(refuses(&|it| it.external = Some(("task".to_owned(), long.clone()))), too_long);
    let what = "the surface's kind";
    assert_eq!(refuses(&|it| it.surface = String::new()), Refusal::EmptyName { what });
    assert_eq!(refuses(&|it| it.surface = long.clone()), Refusal::TooLong { what, has, max, unit: "bytes" });
    let (what, has, max) = ("the title", TITLE_CHARS_MAX + 1, TITLE_CHARS_MAX);
    let too_long = Refusal::TooLong { what, has, max, unit: "characters" };
    assert_eq!(refuses(&|it| it.title = Some("t".repeat(has))), too_long);
}

#[test]
fn a_prompt_opens_a_session_that_was_put_away() {
    let decision = standing(SessionStatus::Archived).then(&accept(asks_in_session("hello")));
    assert_eq!(rows(&decision), ["session archived > open", "run", "session used"]);
    assert_eq!(events(&decision), ["session.updated", "run.queued", "session.updated"]);
    assert_eq!(decision.events[0].payload["status"], "open");
    let Reply::Accepted { session, repeated: false, .. } = decision.reply else { panic!() };
    assert_eq!(session, session_id());
}

#[test]
fn a_closed_session_takes_no_new_run() {
    let refusal = standing(SessionStatus::Closed).refuses(&accept(asks_in_session("hello")));
    assert_eq!(refusal, Refusal::SessionClosed(session_id()));
}

#[test]
fn a_session_goes_where_the_picture_says() {
    use SessionStatus as S;
    for from in S::ALL {
        for to in S::ALL {
            let decided = standing(from).decide(&becomes(to));
            if from == S::Closed && to != S::Closed {
                let expected = Refusal::SessionCannotBecome { id: session_id(), from, to };
                assert_eq!(decided, Err(expected));
            } else {
                let decision = decided.unwrap();
                assert_eq!(rows(&decision), [format!("session {from} > {to}")]);
                assert_eq!(payload(&decision, "session.updated")["status"], to.as_str());
            }
        }
    }
}

#[test]
fn a_session_with_a_run_that_is_not_over_is_not_closed() {
    let mut story = standing(SessionStatus::Open);
    story.facts.session_busy = true;
    assert_eq!(story.refuses(&becomes(SessionStatus::Closed)), Refusal::SessionBusy(session_id()));
    assert_eq!(rows(&story.then(&becomes(SessionStatus::Archived))), ["session open > archived"]);
}

#[test]
fn the_native_sessions_of_a_closed_session_are_let_go() {
    let mut story = standing(SessionStatus::Archived);
    story.facts.bindings = vec![held(), Binding { id: new_binding_id(), adapter: "pi".into(), ..binding() }];
    let decision = story.then(&becomes(SessionStatus::Closed));
    assert_eq!(
        rows(&decision),
        ["session archived > closed", "binding active > closed", "binding active > closed"]
    );
    assert_eq!(events(&decision), ["session.updated", "binding.stale", "binding.stale"]);
    assert_eq!(decision.events[1].payload["reason"], "session_closed");
    assert_eq!(decision.events[1].payload["status"], "closed");
    let close = Effect::CloseBinding { worker: worker_id(), binding: binding_id() };
    assert_eq!(decision.effects, [close], "nobody holds the other one");
    for status in [SessionStatus::Open, SessionStatus::Archived] {
        assert_eq!(rows(&story.then(&becomes(status))).len(), 1, "only closing lets them go");
    }
}

#[test]
fn a_session_is_renamed_and_marked() {
    let decision = standing(SessionStatus::Open).then(&titled("Rust"));
    assert_eq!(rows(&decision), ["session open changed"]);
    assert_eq!(payload(&decision, "session.updated")["title"], "Rust");
    let decision = standing(SessionStatus::Closed).then(&with_metadata(json!({ "pinned": true })));
    assert_eq!(payload(&decision, "session.updated")["metadata"], json!({ "pinned": true }));
    let [Write::UpdateSession { id, change, .. }] = &decision.writes[..] else { panic!() };
    assert_eq!((id, &change.metadata), (&session_id(), &Some(json!({ "pinned": true }))));
    assert_nothing(&standing(SessionStatus::Open).then(&changes("ann", SessionChange::default())));
}

#[test]
fn a_title_is_short_and_counts_characters() {
    assert!(standing(SessionStatus::Open).decide(&titled(&"ü".repeat(TITLE_CHARS_MAX))).is_ok());
    let refusal = standing(SessionStatus::Open).refuses(&titled(&"t".repeat(TITLE_CHARS_MAX + 1)));
    let (has, max) = (TITLE_CHARS_MAX + 1, TITLE_CHARS_MAX);
    assert_eq!(refusal, Refusal::TooLong { what: "the title", has, max, unit: "characters" });
}

#[test]
fn metadata_is_an_object_of_a_limited_size() {
    let story = standing(SessionStatus::Open);
    for value in [json!(null), json!([1]), json!("text"), json!(1)] {
        assert_eq!(story.refuses(&with_metadata(value)), Refusal::NotAnObject { what: "the metadata" });
    }
    let around = json!({ "a": "" }).to_string().len();
    let longest = "m".repeat(METADATA_BYTES_MAX - around);
    assert!(story.decide(&with_metadata(json!({ "a": longest }))).is_ok());
    let refusal = story.refuses(&with_metadata(json!({ "a": format!("{longest}m") })));
    let (has, max) = (METADATA_BYTES_MAX + 1, METADATA_BYTES_MAX);
    assert_eq!(refusal, Refusal::TooLong { what: "the metadata", has, max, unit: "bytes" });
}

#[test]
fn nobody_changes_what_belongs_to_somebody_else() {
    let missing = Refusal::NotFound { what: "session", id: session_id().to_string() };
    let close = SessionChange { status: Some(SessionStatus::Closed), ..SessionChange::default() };
    let bob = changes("bob", close);
    assert_eq!(standing(SessionStatus::Open).refuses(&bob), missing);
    assert_eq!(Story::nothing().refuses(&bob), missing, "it cannot be told from one that is not there");
}

#[test]
fn a_session_forgets_its_native_sessions_on_request() {
    let mut story = standing(SessionStatus::Open);
    story.facts.bindings = vec![held()];
    let wanted = SessionRef { id: Some(session_id()), ..SessionRef::default() };
    let decision = story.then(&invalidate(wanted.clone()));
    let moved =
        Write::MoveBinding { id: binding_id(), from: BindingStatus::Active, to: BindingStatus::Invalid };
    assert_eq!(decision.writes, [moved]);
    let told = payload(&decision, "binding.stale");
    assert_eq!((&told["status"], &told["reason"]), (&"invalid".into(), &"invalidated".into()));
    assert_eq!(effects(&decision), ["close binding"]);

    story.facts.session_busy = true;
    let busy = story.then(&invalidate(wanted));
    assert_eq!(rows(&busy), ["binding active > invalid"]);
    assert!(busy.effects.is_empty(), "what runs keeps its native session to its end");
}

#[test]
fn a_session_that_is_not_there_has_nothing_to_forget() {
    let by_id = SessionRef { id: Some(session_id()), ..SessionRef::default() };
    let by_name = SessionRef { legacy: Some(("bridge".into(), "main".into())), ..SessionRef::default() };
    for (wanted, id) in [(by_id, session_id().to_string()), (by_name, "bridge:main".to_owned())] {
        let refusal = Story::nothing().refuses(&invalidate(wanted));
        assert_eq!(refusal, Refusal::NotFound { what: "session", id });
    }
}

#[test]
fn a_run_that_is_executed_does_not_need_its_binding_to_be_active() {
    let mut story = Story::at(Status::Running);
    story.facts.binding = None;
    assert_eq!(events(&story.then(&finished(well(), "done"))), ["usage.updated", "run.succeeded"]);
}
