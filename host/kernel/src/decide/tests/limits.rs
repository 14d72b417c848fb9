//! What is too long, or nothing at all, is refused with what it is and how long it may be.

use super::delegate::{delegates, wants};
use super::story::*;
use crate::command::{Base64, PromptBlock};
use crate::delegation::DelegationMode;
use crate::id::{ClientId, RequestId};
use crate::refusal::Refusal;
use crate::request::{Accept, Delegate, IMAGE_BYTES_MAX, NAME_BYTES_MAX, SessionRef, TEXT_BYTES_MAX};
use crate::status::Status;

fn too_long(what: &'static str, max: usize) -> Refusal {
    Refusal::TooLong { what, has: max + 1, max, unit: "bytes" }
}

fn image(bytes: usize) -> PromptBlock {
    PromptBlock::Image { mime_type: "image/png".into(), data: Base64("A".repeat(bytes)) }
}

fn names(length: usize) -> Vec<(&'static str, Accept)> {
    let name = "n".repeat(length);
    let pair = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
    let session = |session| Accept { session, ..asks("hello") };
    vec![
        ("the client's name", Accept { client: name.as_str().into(), ..asks("hello") }),
        ("the request's name", Accept { request: name.as_str().into(), ..asks("hello") }),
        ("the idempotency key", Accept { idempotency_key: Some(name.clone()), ..asks("hello") }),
        ("the surface's kind", Accept { surface: name.clone(), ..asks("hello") }),
        (
            "the external reference",
            session(SessionRef { external: pair("chat", &name), ..SessionRef::default() }),
        ),
        (
            "the external reference",
            session(SessionRef { external: pair(&name, "1"), ..SessionRef::default() }),
        ),
        (
            "the legacy reference",
            session(SessionRef { legacy: pair("chat", &name), ..SessionRef::default() }),
        ),
        ("the legacy reference", session(SessionRef { legacy: pair(&name, "1"), ..SessionRef::default() })),
    ]
}

#[test]
fn every_name_has_its_limit() {
    for (what, longest) in names(NAME_BYTES_MAX) {
        assert!(Story::nothing().decide(&accept(longest)).is_ok(), "{what}");
    }
    for (what, longer) in names(NAME_BYTES_MAX + 1) {
        assert_eq!(Story::nothing().refuses(&accept(longer)), too_long(what, NAME_BYTES_MAX));
    }
}

#[test]
fn the_names_of_a_delegation_have_the_same_limit() {
    let story = Story::at(Status::Running);
    let name = |length: usize| "n".repeat(length);
    let client = |length| Delegate { client: name(length).as_str().into(), ..wants(DelegationMode::Spawn) };
    let request = |length| Delegate { request: name(length).as_str().into(), ..wants(DelegationMode::Spawn) };
    assert!(story.decide(&delegates(client(NAME_BYTES_MAX))).is_ok());
    assert!(story.decide(&delegates(request(NAME_BYTES_MAX))).is_ok());
    let (client, request) = (client(NAME_BYTES_MAX + 1), request(NAME_BYTES_MAX + 1));
    assert_eq!(story.refuses(&delegates(client)), too_long("the client's name", NAME_BYTES_MAX));
    assert_eq!(story.refuses(&delegates(request)), too_long("the request's name", NAME_BYTES_MAX));
}

#[test]
fn the_texts_of_a_prompt_count_together() {
    let mut longest = asks(&"t".repeat(TEXT_BYTES_MAX - 5));
    longest.input.system_prompt = Some("brief".into());
    assert!(Story::nothing().decide(&accept(longest.clone())).is_ok());
    longest.input.prompt.push(PromptBlock::Text { text: "!".into() });
    assert_eq!(Story::nothing().refuses(&accept(longest)), too_long("the prompt", TEXT_BYTES_MAX));
}

#[test]
fn the_pictures_of_a_prompt_count_together() {
    let mut longest = asks("look");
    longest.input.prompt.extend([image(IMAGE_BYTES_MAX - 4), image(4)]);
    assert!(Story::nothing().decide(&accept(longest.clone())).is_ok());
    longest.input.prompt.push(image(1));
    assert_eq!(
        Story::nothing().refuses(&accept(longest)),
        too_long("the pictures of the prompt", IMAGE_BYTES_MAX)
    );
}

#[test]
fn a_prompt_with_nothing_in_it_is_refused() {
    let text = |text: &str| PromptBlock::Text { text: text.into() };
    for blocks in [vec![], vec![text("")], vec![text(" \n"), text("\t")], vec![image(0)]] {
        let mut empty = asks("");
        empty.input.prompt.clone_from(&blocks);
        assert_eq!(Story::nothing().refuses(&accept(empty)), Refusal::EmptyPrompt, "{blocks:?}");
    }
    let mut picture = asks("");
    picture.input.prompt.push(image(4));
    assert!(Story::nothing().decide(&accept(picture)).is_ok());
}

#[test]
fn a_picture_that_cannot_be_read_is_refused() {
    for data in ["!!!!", "AAA", "AA=A", "A===", "AAAA\n"] {
        let mut picture = asks("look");
        let data = Base64(data.into());
        picture.input.prompt.push(PromptBlock::Image { mime_type: "image/png".into(), data });
        assert_eq!(Story::nothing().refuses(&accept(picture)), Refusal::NotBase64);
    }
}

#[test]
fn an_empty_name_is_none() {
    let refused = |accepted: Accept| match Story::nothing().refuses(&accept(accepted)) {
        Refusal::EmptyName { what } => what,
        other => panic!("{other}"),
    };
    assert_eq!(refused(Accept { client: ClientId(String::new()), ..asks("hello") }), "the client's name");
    assert_eq!(refused(Accept { request: RequestId(String::new()), ..asks("hello") }), "the request's name");
    assert_eq!(
        refused(Accept { idempotency_key: Some(String::new()), ..asks("hello") }),
        "the idempotency key"
    );
    let session = SessionRef { external: Some(("chat".into(), String::new())), ..SessionRef::default() };
    assert_eq!(refused(Accept { session, ..asks("hello") }), "the external reference");
}

#[test]
fn a_run_needs_some_time() {
    let mut hurried = asks("hello");
    hurried.input.timeout_ms = Some(0);
    assert_eq!(Story::nothing().refuses(&accept(hurried.clone())), Refusal::NoTime);
    hurried.input.timeout_ms = Some(1);
    assert!(Story::nothing().decide(&accept(hurried)).is_ok());
}

#[test]
fn a_name_that_is_too_long_is_no_name_of_what_is_there() {
    let longer = Accept { client: "n".repeat(NAME_BYTES_MAX + 1).as_str().into(), ..asks("hello") };
    let refusal = Story::at(Status::Running).refuses(&accept(longer));
    assert_eq!(refusal, too_long("the client's name", NAME_BYTES_MAX));
}
