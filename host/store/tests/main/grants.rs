//! Grants as they are listed, and what was decided under them.

use omi_kernel::event::EventKind;
use omi_kernel::grant::{AccessScope, Asked, Policy};
use omi_kernel::id::{GrantId, Ids, Timestamp};
use omi_kernel::row::HOST_REQUESTS;
use omi_store::{GrantFilter, GrantView};
use serde_json::json;

use crate::bench::*;

/// A session with a grant of its policy, and one of a component with its copy.
struct Granted {
    bench: Bench,
    accepted: Accepted,
    begun: Begun,
    policy: GrantId,
    copy: GrantId,
    of_component: GrantId,
}

fn granted() -> Granted {
    let mut bench = Bench::new();
    let (accepted, begun) = bench.running("r1");
    bench.take(wants(Some(&accepted.session), &begun.attempt, reads(1, "a.txt", Policy::Allow)));
    let mut writes = reads(2, "src/a.txt", Policy::Ask);
    writes.access.operation = "write".into();
    writes.access.covers = "src/**".into();
    bench.take(wants(Some(&accepted.session), &begun.attempt, writes));
    bench.take(chooses(&begun.attempt, HOST_REQUESTS + 2, "always"));
    let id = |sql| GrantId::parse(&bench.column(sql)[0]).unwrap();
    let (policy, copy) = (
        id("SELECT grant_id FROM grants WHERE source = 'policy'"),
        id("SELECT grant_id FROM grants WHERE origin_grant_id IS NOT NULL"),
    );
    let of_component = id("SELECT grant_id FROM component_grants");
    Granted { bench, accepted, begun, policy, copy, of_component }
}

fn ids(bench: &Bench, filter: GrantFilter) -> Vec<String> {
    let filter = if filter.limit == 0 { GrantFilter { limit: 9, ..filter } } else { filter };
    bench.reader().grants(&filter).unwrap().into_iter().map(|grant| grant.grant_id).collect()
}

fn texts(ids: &[&GrantId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

#[test]
fn grants_are_listed_newest_first_those_of_components_among_them() {
    let Granted { mut bench, accepted, begun, policy, copy, of_component } = granted();
    let all = texts(&[&copy, &of_component, &policy]);
    assert_eq!(ids(&bench, GrantFilter::default()), all);
    for limit in 1..=3 {
        let some = ids(&bench, GrantFilter { limit, ..GrantFilter::default() });
        assert_eq!(some, all[..limit as usize]);
    }
    let mut asked = reads(3, "b.txt", Policy::Ask);
    asked.access.operation = "list".into();
    bench.take(wants(Some(&accepted.session), &begun.attempt, asked));
    bench.take(chooses(&begun.attempt, HOST_REQUESTS + 3, "once"));
    let once = ids(&bench, GrantFilter { run: Some(accepted.run.clone()), ..GrantFilter::default() });
    assert_eq!((once.len(), ids(&bench, GrantFilter::default()).len()), (1, 4));
    let of_session = GrantFilter { session: Some(accepted.session.clone()), ..GrantFilter::default() };
    assert_eq!(ids(&bench, of_session), [&once[..], &texts(&[&copy, &policy])].concat());
    let other = bench.accept(asks("r2"));
    for none in [
        GrantFilter { run: Some(other.run.clone()), ..GrantFilter::default() },
        GrantFilter { session: Some(other.session), ..GrantFilter::default() },
        GrantFilter { session: Some(accepted.session), run: Some(other.run), ..GrantFilter::default() },
    ] {
        assert_eq!(ids(&bench, none), Vec::<String>::new());
    }
}

#[test]
fn only_those_that_hold_are_listed_if_that_is_asked() {
    let Granted { mut bench, policy, copy, of_component, .. } = granted();
    let live = |bench: &Bench, at| {
        ids(bench, GrantFilter { live_at: Some(Timestamp(at)), ..GrantFilter::default() })
    };
    assert_eq!(live(&bench, 5), texts(&[&copy, &of_component, &policy]));
    let expires = format!("UPDATE grants SET expires_at_ms = 6 WHERE grant_id = '{policy}'");
    bench.beside().execute_batch(&expires).unwrap();
    assert_eq!((live(&bench, 5).len(), live(&bench, 6)), (3, texts(&[&copy, &of_component])));
    bench.take(revokes(&of_component));
    assert_eq!((live(&bench, 5), live(&bench, 6).len()), (texts(&[&policy]), 0));
    assert_eq!(ids(&bench, GrantFilter::default()).len(), 3);
}

#[test]
fn what_another_owner_has_is_not_listed_and_grants_of_components_are_nobodys_own() {
    let Granted { bench, policy, copy, of_component, .. } = granted();
    let of = |owner: &str| ids(&bench, GrantFilter { owner: Some(owner.into()), ..GrantFilter::default() });
    assert_eq!(of("ann"), texts(&[&copy, &of_component, &policy]));
    assert_eq!(of("bob"), texts(&[&of_component]));
    let reader = bench.reader();
    assert_eq!(reader.grant(Some(&"bob".into()), &policy, 9).unwrap(), None);
    let seen = reader.grant(Some(&"bob".into()), &of_component, 9).unwrap().unwrap();
    assert_eq!(seen.events, [], "ann's events are not bob's");
    assert_eq!(reader.grant(Some(&"ann".into()), &of_component, 9).unwrap().unwrap().events.len(), 1);
    let unknown = GrantId::new(&mut Ids::new(&mut || 0xdead));
    assert_eq!(reader.grant(None, &unknown, 9).unwrap(), None);
}

#[test]
fn a_grant_is_shown_with_all_that_is_known_of_it() {
    let Granted { bench, accepted, policy, copy, of_component, .. } = granted();
    let reader = bench.reader();
    let view = |id: &GrantId| reader.grant(None, id, 9).unwrap().unwrap().grant;
    let expected = GrantView {
        grant_id: copy.to_string(),
        session_id: Some(accepted.session.to_string()),
        run_id: None,
        component: None,
        digest: None,
        adapter_id: Some("echo".into()),
        grant: Some("workspace".into()),
        capability: "files".into(),
        operation: "write".into(),
        resource_pattern: "src/**".into(),
        effect: "allow".into(),
        source: "user".into(),
        constraints: json!({ "to": { "component": "/opt/echo.wasm", "digest": "d1", "declared": declares_workspace() } }),
        origin_grant_id: Some(of_component.to_string()),
        declared: None,
        created_at_ms: bench.now(),
        expires_at_ms: None,
        revoked_at_ms: None,
    };
    assert_eq!(view(&copy), expected);
    let wide = GrantView {
        grant_id: of_component.to_string(),
        constraints: json!({}),
        session_id: None,
        component: Some("/opt/echo.wasm".into()),
        digest: Some("d1".into()),
        origin_grant_id: None,
        declared: Some(declares_workspace()),
        ..expected
    };
    assert_eq!(view(&of_component), wide);
    let of_policy = view(&policy);
    assert_eq!((of_policy.source.as_str(), of_policy.resource_pattern.as_str()), ("policy", "*"));
    let listed = reader.grants(&GrantFilter { limit: 9, ..GrantFilter::default() }).unwrap();
    assert_eq!(listed, [view(&copy), wide, of_policy]);
    let json = serde_json::to_value(reader.grant(None, &of_component, 9).unwrap()).unwrap();
    assert_eq!(
        (json["grantId"].as_str(), json["adapterId"].as_str()),
        (Some(of_component.as_str()), Some("echo"))
    );
    assert_eq!(
        (json["declared"]["pattern"].as_str(), json["events"][0]["type"].as_str()),
        (Some("**"), Some("grant.decided"))
    );
    assert_eq!(json["decisions"], json!([]));
}

#[test]
fn what_was_decided_under_a_grant_is_found_in_the_sessions_and_beside_them() {
    let Granted { mut bench, accepted, begun, policy, copy, of_component } = granted();
    for op in 3..6 {
        bench.take(wants(Some(&accepted.session), &begun.attempt, reads(op, "b.txt", Policy::Allow)));
    }
    let mut of_worker = Asked { scope: AccessScope::Worker, ..reads(7, "src/b.txt", Policy::Ask) };
    of_worker.access.operation = "write".into();
    bench.take(wants(None, &begun.attempt, of_worker));
    bench.take(revokes(&of_component));
    let reader = bench.reader();
    let ops = |id: &GrantId, limit| {
        let events = reader.grant(None, id, limit).unwrap().unwrap().events;
        assert!(events.iter().all(|event| event.kind == EventKind::GrantDecided));
        events.iter().map(|event| event.payload["op"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((ops(&policy, 9), ops(&policy, 2)), (vec![1, 3, 4, 5], vec![4, 5]), "the newest, in order");
    assert_eq!((ops(&copy, 9), ops(&of_component, 9)), (vec![2], vec![2]), "its copies are counted with it");
    let decisions = reader.grant(None, &of_component, 9).unwrap().unwrap().decisions;
    let kinds: Vec<_> = decisions.iter().map(|one| one.kind.as_str()).collect();
    assert_eq!(kinds, ["access", "revoke"]);
    assert_eq!(reader.grant(None, &of_component, 1).unwrap().unwrap().decisions, decisions[1..]);
    assert_eq!(reader.grant(None, &policy, 9).unwrap().unwrap().decisions, []);
}
