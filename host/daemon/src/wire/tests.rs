//! What is read from a client, and how it is told what cannot be read.

use super::*;
use omi_kernel::command::{Answer, InputAnswer, RunMode};
use omi_kernel::id::Cursor;

fn inbound(kind: &str, extra: &str) -> Result<Inbound, WireError> {
    let line = format!(r#"{{"type":"{kind}","protocolVersion":2,"requestId":"r","clientId":"c"{extra}}}"#);
    match read(&line)? {
        Line::Request(inbound) => Ok(*inbound),
        Line::Stop => panic!("no request"),
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
    Address { client: "c".to_owned(), request: "r".to_owned() }
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
    assert!(read("{").unwrap_err().message.contains("no message"));
    assert!(read("[]").unwrap_err().message.contains("object"));
    assert!(read(r#"{"protocolVersion":2}"#).unwrap_err().message.contains("`type`"));
}

#[test]
fn another_version_is_refused_whatever_else_is_wrong() {
    let old = read(r#"{"type":"interrupt","protocolVersion":1}"#).unwrap_err();
    assert_eq!(old.code, "protocol_version");
    assert!(old.message.contains("version 1"), "{old:?}");
    assert_eq!(read(r#"{"type":"interrupt"}"#).unwrap_err().code, "protocol_version");
    assert!(matches!(read(r#"{"type":"stop"}"#), Ok(Line::Stop)));
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
    use omi_kernel::event::{Event, EventKind};
    use omi_kernel::id::{EventId, Ids, SessionId, Timestamp};
    let mut one = || 1;
    let ids = &mut Ids::new(&mut one);
    let mut event = Event {
        protocol_version: 2,
        event_id: EventId::new(ids),
        cursor: Cursor(1),
        session_id: SessionId::new(ids),
        run_id: None,
        attempt_id: None,
        request_id: None,
        kind: EventKind::ApprovalRequested,
        timestamp_ms: Timestamp(0),
        payload: json!({ "request": 2_147_483_649_u32, "kind": "access", "title": "t", "reason": "r",
            "options": [{ "optionId": "once" }], "details": { "scope": "worker" } }),
    };
    let (kind, fields) = about_run(&event).unwrap();
    assert_eq!(kind, "approval_requested");
    assert_eq!((&fields["kind"], &fields["approval"]), (&json!("access"), &json!(2_147_483_649_u32)));
    assert_eq!((&fields["details"]["scope"], &fields["reason"]), (&json!("worker"), &json!("r")));
    event.kind = EventKind::GrantDecided;
    assert_eq!(about_run(&event), None, "a subscription shows it");
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
