//! Who a session, a run and a request belong to, and by which names they are found.

use omi_kernel::decision::Reply;
use omi_kernel::id::{Ids, SessionId};
use omi_kernel::refusal::Refusal;
use omi_kernel::request::{Accept, SessionRef};
use omi_store::Rejected;

use crate::bench::*;

fn external(id: &str) -> SessionRef {
    SessionRef { external: Some(("chat".into(), id.into())), ..SessionRef::default() }
}

fn legacy(key: &str) -> SessionRef {
    SessionRef { legacy: Some(("bridge".into(), key.into())), ..SessionRef::default() }
}

fn refusal(came: omi_store::Outcome) -> Refusal {
    match came {
        Err(Rejected::Refused(refusal)) => refusal,
        Ok(_) | Err(Rejected::Conflict(_)) => panic!("{came:?}"),
    }
}

#[test]
fn a_request_repeated_is_the_same_run() {
    let mut bench = Bench::new();
    let first = bench.accept(asks("r1"));
    let before = bench.dump();
    let both = bench.batch(&[accepts(asks("r1")), accepts(asks("r1"))]).unwrap();
    for came in both {
        let reply = came.unwrap().reply;
        assert_eq!(
            reply,
            Reply::Accepted { session: first.session.clone(), run: first.run.clone(), repeated: true }
        );
    }
    assert_eq!(bench.dump(), before);
}

#[test]
fn a_request_twice_in_one_batch_is_one_run() {
    let mut bench = Bench::new();
    let both = bench.batch(&[accepts(asks("r1")), accepts(asks("r1"))]).unwrap();
    assert!(both.iter().all(Result::is_ok));
    assert_eq!(bench.column("SELECT COUNT(*) FROM runs"), ["1"]);
}

#[test]
fn a_request_id_of_a_client_is_taken_whoever_asks() {
    let mut bench = Bench::new();
    bench.accept(asks("r1"));
    let before = bench.dump();
    let bob = Accept { owner: "bob".into(), ..asks("r1") };
    assert_eq!(refusal(bench.send(accepts(bob))), Refusal::RequestConflict("r1".into()));
    let other = Accept { input: asks("something else").input, ..asks("r1") };
    assert_eq!(refusal(bench.send(accepts(other))), Refusal::RequestConflict("r1".into()));
    assert_eq!(bench.dump(), before);

    let another_client = Accept { client: "app".into(), ..asks("r1") };
    bench.accept(another_client);
    assert_eq!(bench.column("SELECT COUNT(*) FROM runs"), ["2"]);
}

#[test]
fn somebody_elses_session_is_like_one_that_is_not_there() {
    let mut bench = Bench::new();
    let ann = bench.accept(asks("r1"));
    let bob = |session: &SessionId, request| Accept { owner: "bob".into(), ..asks_in(session, request) };
    let unknown = SessionId::new(&mut Ids::new(&mut || 0xdead));
    let told = |id: &SessionId| Refusal::NotFound { what: "session", id: id.to_string() };
    assert_eq!(refusal(bench.send(accepts(bob(&ann.session, "b1")))), told(&ann.session));
    assert_eq!(refusal(bench.send(accepts(bob(&unknown, "b2")))), told(&unknown));
}

#[test]
fn a_surface_finds_its_session_again() {
    let mut bench = Bench::new();
    let ask = |name: &str, request| Accept { session: external(name), ..asks(request) };
    let first = bench.accept(ask("default", "r1"));
    assert_eq!(bench.accept(ask("default", "r2")).session, first.session);
    assert_ne!(bench.accept(ask("another", "r3")).session, first.session);
    let bob = Accept { owner: "bob".into(), ..ask("default", "r4") };
    assert_ne!(bench.accept(bob).session, first.session, "each owner has names of their own");
    assert_eq!(bench.column("SELECT COUNT(*) FROM sessions"), ["3"]);
}

#[test]
fn an_old_client_finds_its_session_again() {
    let mut bench = Bench::new();
    let ask = |key: &str, request| Accept { session: legacy(key), ..asks(request) };
    let first = bench.accept(ask("main", "r1"));
    assert_eq!(bench.accept(ask("main", "r2")).session, first.session);
    assert_ne!(bench.accept(ask("side", "r3")).session, first.session);
}

#[test]
fn the_id_comes_before_the_surface_and_the_surface_before_the_old_name() {
    let mut bench = Bench::new();
    let by_id = bench.accept(asks("r1"));
    let by_surface = bench.accept(Accept { session: external("default"), ..asks("r2") });
    let by_key = bench.accept(Accept { session: legacy("main"), ..asks("r3") });
    let all = SessionRef { id: Some(by_id.session.clone()), ..SessionRef { ..external("default") } };
    let all = SessionRef { legacy: legacy("main").legacy, ..all };
    let names = SessionRef { id: None, ..all.clone() };
    let key = SessionRef { external: external("unheard-of").external, ..names.clone() };
    assert_eq!(bench.accept(Accept { session: all, ..asks("r4") }).session, by_id.session);
    assert_eq!(bench.accept(Accept { session: names, ..asks("r5") }).session, by_surface.session);
    assert_eq!(bench.accept(Accept { session: key, ..asks("r6") }).session, by_key.session);
}

#[test]
fn a_run_under_the_legacy_policy_has_one_grant() {
    let mut bench = Bench::new();
    let legacy = || Accept { legacy: vec!["echo".into()], ..asks("r1") };
    let run = bench.accept(legacy()).run;
    bench.accept(legacy());
    bench.accept(asks("r2"));
    let grants = "SELECT run_id || ' ' || source || ' ' || effect || ' ' || capability FROM grants";
    assert_eq!(bench.column(grants), [format!("{run} legacy_default allow *")]);
}

#[test]
fn a_closed_session_takes_no_run_and_an_archived_one_is_opened_by_it() {
    let mut bench = Bench::new();
    let session = bench.accept(asks("r1")).session;
    let status = "SELECT status FROM sessions";
    bench.beside().execute("UPDATE sessions SET status = 'archived'", []).unwrap();
    bench.accept(asks_in(&session, "r2"));
    assert_eq!(bench.column(status), ["open"]);
    bench.beside().execute("UPDATE sessions SET status = 'closed'", []).unwrap();
    let refused = refusal(bench.send(accepts(asks_in(&session, "r3"))));
    assert_eq!(refused, Refusal::SessionClosed(session));
    assert_eq!(bench.column(status), ["closed"]);
}

#[test]
fn a_key_names_a_run_of_its_session_or_else_of_its_owner() {
    let mut bench = Bench::new();
    let keyed = |accept: Accept, key: &str| Accept { idempotency_key: Some(key.into()), ..accept };
    let same = |accept: Accept| Accept { input: asks("r1").input, ..accept };
    let told = |came: omi_store::Outcome| match came.unwrap().reply {
        Reply::Accepted { run, repeated, .. } => (run, repeated),
        reply => panic!("{reply:?}"),
    };
    let first = bench.accept(keyed(asks("r1"), "k"));
    let again = keyed(same(asks_in(&first.session, "r2")), "k");
    assert_eq!(told(bench.send(accepts(again))), (first.run.clone(), true));
    let anywhere = keyed(same(asks("r3")), "k");
    assert_eq!(told(bench.send(accepts(anywhere))), (first.run.clone(), true));
    let other_prompt = keyed(asks_in(&first.session, "r4"), "k");
    assert_eq!(refusal(bench.send(accepts(other_prompt))), Refusal::KeyConflict);
    let bob = Accept { owner: "bob".into(), ..keyed(same(asks("r5")), "k") };
    assert!(!told(bench.send(accepts(bob))).1, "another owner's keys mean nothing");

    bench.set_clock(omi_kernel::id::Timestamp(1));
    let elsewhere = bench.accept(asks("r6")).session;
    let (second, repeated) = told(bench.send(accepts(keyed(same(asks_in(&elsewhere, "r7")), "k"))));
    assert!(!repeated, "each session has keys of its own");
    assert_eq!(
        told(bench.send(accepts(keyed(same(asks("r8")), "k")))),
        (second, true),
        "the last one recorded"
    );
}

#[test]
fn a_native_id_that_is_given_again_names_the_new_session() {
    use omi_kernel::descriptor::Fidelity;
    let mut bench = Bench::new();
    let first = bench.accept(asks("r1"));
    let begun = bench.begin(&first.run);
    bench.take(opened(&begun, "native-1", Fidelity::None));
    bench.take(finished(&begun.attempt, well(), "one", None));
    let second = bench.accept(asks("r2"));
    let begun = bench.begin(&second.run);
    bench.take(opened(&begun, "native-1", Fidelity::None));
    let bindings = "SELECT status FROM adapter_bindings ORDER BY rowid";
    assert_eq!(bench.column(bindings), ["closed", "active"]);
    let told =
        format!("SELECT type FROM events WHERE session_id = '{}' ORDER BY event_seq DESC", first.session);
    assert_eq!(bench.column(&told)[0], "binding.stale", "the session that lost it is told");
}

#[test]
fn a_binding_that_another_session_got_while_it_was_resumed_fails_the_run() {
    use omi_kernel::descriptor::Fidelity;
    let mut bench = Bench::new();
    let (first, begun) = bench.running("r1");
    bench.take(finished(&begun.attempt, well(), "one", None));
    let again = bench.accept(asks_in(&first.session, "r2"));
    let resumed = bench.begin(&again.run);
    let other = bench.accept(asks("r3"));
    let begun = bench.begin(&other.run);
    bench.take(opened(&begun, "native-r1", Fidelity::Native));
    bench.take(opened(&resumed, "native-r1", Fidelity::Native));
    assert_eq!(bench.statuses(&again.run), ["failed", "failed"]);
    assert_eq!(bench.statuses(&other.run), ["running", "running"]);
}
