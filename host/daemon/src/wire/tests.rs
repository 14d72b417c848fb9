//! What is read from a client, and how it is told what cannot be read.

use std::sync::Arc;

use omi_kernel::command::{Answer, InputAnswer, RunMode};
use omi_kernel::event::{Event, EventKind};
use omi_kernel::id::{AttemptId, Cursor, EventId, Ids, RunId, SessionId, Timestamp};
use serde_json::json;

use super::*;

fn inbound(kind: &str, extra: &str) -> Result<Inbound, WireError> {
    let line = format!(r#"{{"type":"{kind}","protocolVersion":2,"requestId":"r","clientId":"c"{extra}}}"#);
    match read(&line).map_err(|unread| unread.error)? {
        Line::Request(inbound) => Ok(*inbound),
        Line::V1(_) | Line::Stop { .. } => panic!("no request"),
    }
}

/// What cannot be read is told to whom it was said by, in the version that it was said in.
fn unread(line: &str) -> Unread {
    *read(line).unwrap_err()
}

/// An event of a run.
pub(super) fn event(kind: EventKind, payload: Value) -> Event {
    let mut one = || 1;
    let ids = &mut Ids::new(&mut one);
    Event {
        protocol_version: 2,
        event_id: EventId::new(ids),
        cursor: Cursor(1),
        session_id: SessionId::new(ids),
        run_id: Some(RunId::new(ids)),
        attempt_id: Some(AttemptId::new(ids)),
        request_id: None,
        kind,
        timestamp_ms: Timestamp(0),
        payload: payload.into(),
    }
}

fn wrong(kind: &str, extra: &str) -> String {
    let error = inbound(kind, extra).unwrap_err();
    assert!(!error.message.contains('\n'), "{error:?}");
    error.message
}

fn query(extra: &str) -> Query {
    match inbound("query", &format!(r#","prompt":"hi"{extra}"#)).unwrap().what {
        What::Query(query) => *query,
        other => panic!("no query: {other:?}"),
    }
}

fn address() -> Address {
    Address::v2("c", "r")
}

#[test]
fn a_query_is_read() {
    let prompt = query(r#","adapterId":"echo","mode":"ask","timeoutMs":5,"idempotencyKey":"k""#);
    let prompt = prompt.prompt(address()).unwrap();
    assert_eq!((prompt.client.as_str(), prompt.mode, prompt.timeout_ms), ("c", RunMode::Ask, Some(5)));
    assert_eq!(prompt.idempotency_key.as_deref(), Some("k"));
}

#[test]
fn what_is_wrong_is_named() {
    assert!(wrong("query", r#","prompt":"hi","colour":1"#).contains("colour"));
    assert!(wrong("query", r#","prompt":1"#).contains("`prompt`"));
    assert!(wrong("query", "").contains("`prompt`"));
    assert!(wrong("query", r#","prompt":"hi","timeoutMs":-1"#).contains("`timeoutMs`"));
    assert!(wrong("query", r#","prompt":"hi","modelProfile":"painter""#).contains("`modelProfile`"));
    assert!(wrong("query", r#","prompt":"hi","sessionId":"ses_1""#).contains("`sessionId`"));
    assert!(wrong("retry", r#","runId":"ses_1""#).contains("`runId`"));
    assert!(wrong("unsubscribe", r#","colour":1"#).contains("colour"));
    assert!(wrong("dance", "").contains("dance"));
    assert!(unread("{").error.message.contains("no message"));
    assert!(unread("[]").error.message.contains("object"));
    assert!(unread(r#"{"protocolVersion":2}"#).error.message.contains("`type`"));
}

#[test]
fn what_cannot_be_read_still_says_whose_it_is() {
    let of = |line: &str| unread(line).address;
    assert_eq!(of(r#"{"type":"dance","protocolVersion":2,"clientId":"c","requestId":"r"}"#), address());
    assert_eq!(of(r#"{"type":"query","protocolVersion":2,"clientId":"c"}"#), Address::v2("c", ""));
    assert_eq!(of(r#"{"type":"query","id":"r"}"#).version, Version::V1);
    assert_eq!(of("{"), Address::v2("", ""));
}

#[test]
fn an_owner_is_named_as_a_guard_by_every_message() {
    let owner = |extra: &str| inbound("unsubscribe", extra).map(|inbound| inbound.owner);
    assert_eq!(owner(""), Ok(None));
    assert_eq!(owner(r#","ownerId":null"#), Ok(None));
    assert_eq!(owner(r#","ownerId":"me""#), Ok(Some("me".to_owned())));
    assert!(wrong("unsubscribe", r#","ownerId":1"#).contains("`ownerId`"));
    let refreshed = inbound("refresh_owner", r#","ownerId":"me""#).unwrap();
    assert!(matches!((refreshed.owner.as_deref(), refreshed.what), (Some("me"), What::RefreshOwner)));
    assert!(wrong("refresh_owner", "").contains("`ownerId`"));
    match read(r#"{"type":"stop","ownerId":"me"}"#).unwrap() {
        Line::Stop { owner, .. } => assert_eq!(owner.as_deref(), Some("me")),
        Line::Request(_) | Line::V1(_) => panic!("no stop"),
    }
}

#[test]
fn no_token_is_in_what_is_said_about_it() {
    let secret = "sk-very-secret";
    for token in [json!(secret), json!({ "a": secret }), json!([secret])] {
        let read = inbound("refresh_token", &format!(r#","token":{token}"#)).unwrap();
        assert!(!format!("{read:?}").contains(secret), "{read:?}");
    }
    assert!(!wrong("refresh_token", &format!(r#","token":"{secret}","more":"{secret}""#)).contains(secret));
    let why = RefreshToken::refused();
    assert!(why.code == "unsupported" && why.message.contains("hint:"), "{why:?}");
}

#[test]
fn another_version_is_refused_whatever_else_is_wrong() {
    let new = unread(r#"{"type":"interrupt","protocolVersion":3}"#);
    assert_eq!((new.error.code, new.address.version), ("protocol_version", Version::V2));
    assert!(new.error.message.contains("version 3"), "{new:?}");
    let odd = format!(r#"{{"type":"interrupt","protocolVersion":"{}"}}"#, "2".repeat(1000));
    assert!(unread(&odd).error.message.len() < 200, "what was given is repeated to be known again, not more");
    assert!(matches!(read(r#"{"type":"stop"}"#), Ok(Line::Stop { .. })));
}

#[test]
fn a_name_in_two_halves_needs_both() {
    let half = query(r#","externalRefKind":"task""#).prompt(address()).unwrap_err();
    assert!(half.message.contains("externalRefId"), "{half:?}");
    let relative = query(r#","cwd":"here""#).prompt(address()).unwrap_err();
    assert!(relative.message.contains("`cwd`"), "{relative:?}");
}

#[test]
fn an_answer_is_one_thing_or_the_other() {
    let approval = |extra: &str| match inbound("approval_decision", extra).unwrap().what {
        What::ApprovalDecision(decision) => decision.answer(),
        other => panic!("no decision: {other:?}"),
    };
    let selected = Answer::Selected { option_id: "allow".to_owned() };
    assert_eq!(approval(r#","approval":1,"optionId":"allow""#), Ok(selected));
    assert!(matches!(approval(r#","approval":1,"decision":"rejected""#), Ok(Answer::Rejected { .. })));
    assert!(approval(r#","approval":1"#).is_err());
    assert!(approval(r#","approval":1,"optionId":"allow","decision":"rejected""#).is_err());
    let input = |extra: &str| match inbound("provide_input", extra).unwrap().what {
        What::ProvideInput(input) => input.answer(),
        other => panic!("no input: {other:?}"),
    };
    assert_eq!(input(r#","request":1,"value":[1]"#), Ok(InputAnswer::Provided { value: json!([1]) }));
    assert_eq!(input(r#","request":1,"decision":"declined""#), Ok(InputAnswer::Declined));
    assert!(input(r#","request":1"#).is_err());
}

#[test]
fn a_subscription_begins_at_no_negative_cursor() {
    let after = |extra: &str| match inbound("subscribe", extra).unwrap().what {
        What::Subscribe(subscribe) => subscribe.after(),
        other => panic!("no subscription: {other:?}"),
    };
    assert_eq!(after(""), Ok(None));
    assert_eq!(after(r#","afterCursor":7"#), Ok(Some(Cursor(7))));
    assert!(after(r#","afterCursor":-1"#).unwrap_err().message.contains("`afterCursor`"));
}

#[test]
fn a_session_to_invalidate_is_named_somehow() {
    let session = |extra: &str| match inbound("invalidate_session", extra).unwrap().what {
        What::InvalidateSession(invalidation) => invalidation.session(),
        other => panic!("no invalidation: {other:?}"),
    };
    let legacy = session(r#","sessionKey":"k""#).unwrap().legacy;
    assert_eq!(legacy, Some(("default".to_owned(), "k".to_owned())));
    assert!(session("").is_err());
    assert!(session(r#","legacyClientScope":"s""#).is_err());
}

#[test]
fn a_grant_is_taken_back_by_its_id() {
    let id = format!("grant_{}", "0".repeat(32));
    match inbound("revoke_grant", &format!(r#","grantId":"{id}""#)).unwrap().what {
        What::RevokeGrant(revocation) => assert_eq!(revocation.grant_id.as_str(), id),
        other => panic!("no revocation: {other:?}"),
    }
    assert!(wrong("revoke_grant", "").contains("`grantId`"));
    assert!(wrong("revoke_grant", r#","grantId":"run_1""#).contains("`grantId`"));
}

#[test]
fn a_component_is_named_by_an_absolute_path_and_a_digest_is_one() {
    let install = |extra: &str| match inbound("install_component", extra).unwrap().what {
        What::InstallComponent(install) => install.check(),
        other => panic!("no installation: {other:?}"),
    };
    let digest = "0a".repeat(32);
    assert_eq!(install(r#","path":"/x.wasm""#), Ok(()));
    assert_eq!(install(&format!(r#","path":"/x.wasm","digest":"{digest}""#)), Ok(()));
    let relative = install(r#","path":"x\n.wasm""#).unwrap_err().message;
    assert!(relative.contains("`path` must be absolute") && !relative.contains('\n'), "{relative}");
    for digest in [&digest[1..], &digest.to_uppercase(), ""] {
        let wrong = install(&format!(r#","path":"/x.wasm","digest":"{digest}""#)).unwrap_err();
        assert!(wrong.message.contains("`digest`"), "{wrong:?}");
    }
    assert!(wrong("install_component", "").contains("`path`"));
    assert!(wrong("install_component", r#","path":"/x.wasm","yes":true"#).contains("yes"));
    match inbound("remove_component", r#","path":"x.wasm""#).unwrap().what {
        What::RemoveComponent(removal) => assert!(removal.check().is_err()),
        other => panic!("no removal: {other:?}"),
    }
}

#[test]
fn a_question_about_an_access_says_what_it_is_about() {
    let payload = json!({ "request": 2_147_483_649_u32, "kind": "access", "title": "t", "reason": "r",
        "options": [{ "optionId": "once" }], "details": { "scope": "worker" } });
    let fields = json!(about_run(&event(EventKind::ApprovalRequested, payload)).unwrap());
    assert_eq!(fields["type"], "approval_requested");
    assert_eq!((&fields["kind"], &fields["approval"]), (&json!("access"), &json!(2_147_483_649_u32)));
    assert_eq!((&fields["details"]["scope"], &fields["reason"]), (&json!("worker"), &json!("r")));
    assert_eq!(about_run(&event(EventKind::GrantDecided, json!({}))), None, "a subscription shows it");
}

#[test]
fn a_log_in_is_asked_for_in_both_ways() {
    let methods = json!([{ "id": "key", "type": "agent", "name": "Key", "description": "d" },
        { "id": "web", "type": "url", "name": "", "description": "" }]);
    let payload = json!({ "request": 1, "kind": "authentication", "prompt": "p", "methods": methods });
    let asked = event(EventKind::InputRequested, payload);
    let said: Vec<Value> = about_child(&asked).into_iter().map(|said| json!(said)).collect();
    assert_eq!(
        (&said[0]["type"], &said[0]["methods"][0]["type"]),
        (&json!("input_requested"), &json!("agent"))
    );
    let required = json!({ "type": "auth_required",
        "methods": [{ "id": "key", "type": "agent_auth", "displayName": "Key" }, { "id": "web", "type": "url" }] });
    assert_eq!(said[1], required);
    let other = json!({ "request": 1, "kind": "input", "prompt": "p" });
    assert_eq!(about_child(&event(EventKind::InputRequested, other)).len(), 1);
}

#[test]
fn a_message_has_what_is_around_it_and_what_it_says_on_one_level() {
    let said = event(EventKind::RunRunning, json!({}));
    let correlation = Correlation::new(address()).of(&said);
    let message = correlation.message(Some(&said), about_run(&said).unwrap()).unwrap();
    let expected = json!({ "type": "status", "status": "running", "protocolVersion": 2, "clientId": "c",
        "requestId": "r", "sessionId": said.session_id, "runId": said.run_id, "attemptId": said.attempt_id,
        "eventId": said.event_id, "cursor": 1 });
    assert_eq!(serde_json::from_str::<Value>(&message.to_string()).unwrap(), expected);
    let whole = correlation.event(&Arc::new(said.clone().into())).unwrap();
    assert_eq!(json!(whole)["event"], json!(said));
    let nothing = json!({ "type": "ack", "protocolVersion": 2, "clientId": "c", "requestId": "r",
        "sessionId": null, "runId": null, "attemptId": null });
    assert_eq!(json!(Correlation::new(address()).ack().unwrap()), nothing);
}

#[test]
fn an_answer_to_a_question_about_an_access_is_one_of_its_options() {
    for option in ["once", "session", "always", "deny"] {
        let extra = format!(r#","approval":2147483649,"optionId":"{option}""#);
        match inbound("approval_decision", &extra).unwrap().what {
            What::ApprovalDecision(decision) => {
                assert_eq!(decision.approval, 2_147_483_649);
                assert_eq!(decision.answer(), Ok(Answer::Selected { option_id: option.to_owned() }));
            }
            other => panic!("no decision: {other:?}"),
        }
    }
}
