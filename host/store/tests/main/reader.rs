//! What the command line shows, read while the daemon writes.

use omi_kernel::descriptor::Fidelity;
use omi_kernel::effect::Effect;
use omi_kernel::event::{EventKind, Visibility};
use omi_kernel::id::{Cursor, Ids, RunId, SessionId, Timestamp};
use omi_kernel::input::Input;
use omi_kernel::report::{Failure, FailureDetail, Outcome, Usage};
use omi_kernel::request::{Accept, SessionRef};
use omi_kernel::session::SessionStatus;
use omi_store::{EventFilter, RunFilter, SessionFilter};

use crate::bench::*;

fn after(cursor: Cursor, limit: u32) -> EventFilter {
    EventFilter { after: cursor, limit, ..EventFilter::default() }
}

#[test]
fn sessions_come_newest_activity_first() {
    let mut bench = Bench::new();
    let reader = bench.reader();
    let one = bench.accept(asks("r1")).session;
    let two = bench.accept(asks("r2")).session;
    let some = |limit| SessionFilter { limit, ..SessionFilter::default() };
    let ids = |limit| {
        let sessions = reader.sessions(&some(limit)).unwrap();
        sessions.into_iter().map(|session| session.session_id).collect::<Vec<_>>()
    };
    assert_eq!(ids(10), [two.to_string(), one.to_string()]);
    bench.accept(asks_in(&one, "r3"));
    assert_eq!(ids(10), [one.to_string(), two.to_string()]);
    assert_eq!(ids(1), [one.to_string()]);
    let newest = &reader.sessions(&some(1)).unwrap()[0];
    assert_eq!((newest.run_count, newest.owner_id.as_str(), newest.status.as_str()), (2, "ann", "open"));
}

#[test]
fn sessions_are_paged_in_the_order_in_which_they_are_listed() {
    let mut bench = Bench::new();
    let batch: Vec<Input> = (0..7).map(|number| accepts(asks(&format!("r{number}")))).collect();
    bench.batch(&batch).unwrap();
    bench.accept(Accept { owner: "bob".into(), ..asks("b1") });
    bench
        .beside()
        .execute("UPDATE sessions SET updated_at_ms = random() WHERE owner_id = 'ann'", [])
        .unwrap();
    let reader = bench.reader();
    let page =
        |after| SessionFilter { owner: Some("ann".into()), after, limit: 3, ..SessionFilter::default() };
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let sessions = reader.sessions(&page(after)).unwrap();
        let Some(last) = sessions.last() else { break };
        after = Some((last.last_activity_at_ms, SessionId::parse(&last.session_id).unwrap()));
        seen.extend(sessions.into_iter().map(|session| session.session_id));
    }
    let all = SessionFilter { owner: Some("ann".into()), limit: 100, ..SessionFilter::default() };
    let all: Vec<_> = reader.sessions(&all).unwrap().into_iter().map(|session| session.session_id).collect();
    assert_eq!((seen.len(), &seen), (7, &all), "all at the same time, and none left out");
}

#[test]
fn a_session_is_listed_with_its_names_and_its_newest_run() {
    let mut bench = Bench::new();
    let names = SessionRef {
        id: None,
        external: Some(("chat".into(), "main".into())),
        legacy: Some(("bridge".into(), "key".into())),
    };
    let first = bench.accept(Accept { session: names.clone(), ..asks("r1") });
    bench.take(cancel(&first.run));
    let second = bench.accept(Accept { session: names, ..asks("r2") });
    let view = bench.reader().session(Some(&"ann".into()), &first.session).unwrap().unwrap();
    assert_eq!(
        (view.external_ref_kind.as_deref(), view.external_ref_id.as_deref()),
        (Some("chat"), Some("main"))
    );
    assert_eq!(
        (view.legacy_client_scope.as_deref(), view.legacy_session_key.as_deref()),
        (Some("bridge"), Some("key"))
    );
    assert_eq!(view.latest_run_id.as_deref(), Some(second.run.as_str()));
    assert_eq!((view.latest_run_status.as_deref(), view.run_count), (Some("queued"), 2));
    let closed = SessionFilter { status: Some(SessionStatus::Closed), limit: 9, ..SessionFilter::default() };
    assert_eq!(bench.reader().sessions(&closed).unwrap(), []);
}

#[test]
fn what_another_owner_has_is_not_there() {
    let mut bench = Bench::new();
    let (accepted, _) = bench.running("r1");
    let (reader, ann, bob) = (bench.reader(), "ann".into(), "bob".into());
    for (owner, count) in [(Some(&ann), 1), (Some(&bob), 0), (None, 1)] {
        let counts = [
            reader.session(owner, &accepted.session).unwrap().into_iter().count(),
            reader.run(owner, &accepted.run).unwrap().into_iter().count(),
            reader.bindings(owner, &accepted.session).unwrap().len(),
            reader
                .runs(&RunFilter { owner: owner.cloned(), limit: 9, ..RunFilter::default() })
                .unwrap()
                .len(),
            reader
                .sessions(&SessionFilter { owner: owner.cloned(), limit: 9, ..SessionFilter::default() })
                .unwrap()
                .len(),
            reader
                .events(&EventFilter { owner: owner.cloned(), limit: 1, ..EventFilter::default() })
                .unwrap()
                .len(),
        ];
        assert_eq!(counts, [count; 6], "{owner:?}");
    }
}

#[test]
fn what_is_internal_is_left_out_for_surfaces() {
    let mut bench = Bench::new();
    let accepted = bench.accept(asks("r1"));
    let begun = bench.begin(&accepted.run);
    bench.take(opened(&begun, "native-1", Fidelity::None));
    let mut bench = bench.reopen();
    bench.take(Input::Reconcile);
    let count = |visibility| {
        let filter = EventFilter { visibility, limit: 100, ..EventFilter::default() };
        bench.reader().events(&filter).unwrap().len()
    };
    assert_eq!(count(Some(Visibility::Internal)), 1, "the binding that was lost");
    assert_eq!(count(None), count(Some(Visibility::Ui)) + 1);
}

#[test]
fn a_clock_that_jumps_back_loses_nothing() {
    let mut bench = Bench::new();
    let (accepted, begun) = bench.running("r1");
    let waits = bench.accept(asks_in(&accepted.session, "r2"));
    let count = bench.events().len();
    bench.set_clock(Timestamp(5));
    let early = bench.accept(asks_in(&accepted.session, "r3"));
    bench.take(finished(&begun.attempt, well(), "done", None));
    let view = bench.reader().run(None, &accepted.run).unwrap().unwrap();
    assert_eq!((view.status.as_str(), view.final_text.as_deref()), ("succeeded", Some("done")));
    let all = bench.reader().events(&after(Cursor(0), 100)).unwrap();
    assert!(all.is_sorted_by(|a, b| a.cursor < b.cursor));
    assert_eq!(all.len(), count + 4);
    assert_eq!(all.last().unwrap().kind, EventKind::RunSucceeded);
    let mut bench = bench.reopen();
    let effects = bench.take(Input::Reconcile).effects;
    let queue: Vec<_> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Schedule { run, .. } => Some(run.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(queue, [waits.run, early.run], "in the order in which they came");
}

#[test]
fn a_run_is_read_with_its_attempts() {
    let mut bench = Bench::new();
    let reader = bench.reader();
    let (accepted, begun) = bench.running("r1");
    let view = reader.run(None, &accepted.run).unwrap().unwrap();
    assert_eq!((view.status.as_str(), view.attempts.len()), ("running", 1));
    assert_eq!(view.completed_at_ms, None);

    let usage = Some(Usage { output_tokens: Some(5), ..Usage::default() });
    let broken = Outcome::Failed(Failure::Fatal(FailureDetail::new("broken", "it broke")));
    bench.take(finished(&begun.attempt, broken, "half", usage));
    let view = reader.run(None, &accepted.run).unwrap().unwrap();
    assert_eq!((view.status.as_str(), view.error_code.as_deref()), ("failed", Some("broken")));
    assert_eq!((view.final_text.as_deref(), view.output_tokens), (Some("half"), Some(5)));
    assert_eq!(view.input["prompt"][0]["text"], "do r1");
    let attempt = &view.attempts[0];
    assert_eq!(attempt.attempt_id, begun.attempt.as_str());
    assert_eq!((attempt.attempt_no, attempt.status.as_str()), (1, "failed"));
    assert_eq!(attempt.adapter_session_id.as_deref(), Some("native-r1"));
    assert_eq!(attempt.error_message.as_deref(), Some("it broke"));

    let unknown = RunId::new(&mut Ids::new(&mut || 0xdead));
    assert_eq!(reader.run(None, &unknown).unwrap(), None);
}

#[test]
fn runs_are_of_one_session_or_all() {
    let mut bench = Bench::new();
    let one = bench.accept(asks("r1"));
    let two = bench.accept(asks_in(&one.session, "r2"));
    let other = bench.accept(asks("r3"));
    let some = |session: Option<&SessionId>, limit| RunFilter {
        session: session.cloned(),
        limit,
        ..RunFilter::default()
    };
    let ids = |session| {
        let runs = bench.reader().runs(&some(session, 10)).unwrap();
        runs.into_iter().map(|run| run.run_id).collect::<Vec<_>>()
    };
    assert_eq!(ids(None), [other.run.to_string(), two.run.to_string(), one.run.to_string()]);
    assert_eq!(ids(Some(&one.session)), [two.run.to_string(), one.run.to_string()]);
    assert_eq!(bench.reader().runs(&some(None, 1)).unwrap().len(), 1);
}

#[test]
fn events_are_followed_after_a_cursor_while_they_are_written() {
    let mut bench = Bench::new();
    let reader = bench.reader();
    let (accepted, begun) = bench.running("r1");
    let first = reader.events(&after(Cursor(0), 3)).unwrap();
    let kinds: Vec<EventKind> = first.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::SessionCreated, EventKind::RunQueued, EventKind::SessionUpdated]);
    let rest = reader.events(&after(first[2].cursor, 100)).unwrap();
    assert_eq!(rest.len(), 5);
    assert_eq!(rest[0].kind, EventKind::RunStarting);

    let last = rest.last().unwrap().cursor;
    assert!(reader.events(&after(last, 100)).unwrap().is_empty());
    let committed = bench.take(chunk(&begun.attempt, "m1", 0, "Hello"));
    let fresh = reader.events(&after(last, 100)).unwrap();
    assert_eq!(fresh, committed.events, "it is read as it was published");
    assert_eq!(fresh[0].request_id, Some("r1".into()));
    assert_eq!(fresh[0].run_id, Some(accepted.run));
    assert_eq!(fresh[0].attempt_id, Some(begun.attempt));
}

#[test]
fn events_are_of_one_session_or_one_run() {
    let mut bench = Bench::new();
    let one = bench.accept(asks("r1"));
    let two = bench.accept(asks_in(&one.session, "r2"));
    bench.accept(asks("r3"));
    let count = |session, run| {
        let filter = EventFilter { session, run, limit: 100, ..EventFilter::default() };
        bench.reader().events(&filter).unwrap().len()
    };
    assert_eq!(count(None, None), 8);
    assert_eq!(count(Some(one.session.clone()), None), 5);
    assert_eq!(count(None, Some(two.run)), 1);
    assert_eq!(count(Some(one.session), Some(one.run)), 1);
}

#[test]
fn a_reader_waits_for_nobody_and_sees_only_what_is_committed() {
    let mut bench = Bench::new();
    bench.accept(asks("r1"));
    let reader = bench.reader();
    let writer = bench.beside();
    writer.execute_batch("BEGIN IMMEDIATE; UPDATE sessions SET title = 'half done'").unwrap();
    assert_eq!(
        reader.sessions(&SessionFilter { limit: 10, ..SessionFilter::default() }).unwrap()[0].title,
        None
    );
    writer.execute_batch("COMMIT").unwrap();
    assert_eq!(
        reader.sessions(&SessionFilter { limit: 10, ..SessionFilter::default() }).unwrap()[0]
            .title
            .as_deref(),
        Some("half done")
    );
}

#[test]
fn a_database_at_rest_can_be_read() {
    let mut bench = Bench::new();
    bench.accept(asks("r1"));
    let path = bench.path();
    let _folder = bench.close();
    let all = SessionFilter { limit: 10, ..SessionFilter::default() };
    assert_eq!(omi_store::Reader::open(&path).unwrap().sessions(&all).unwrap().len(), 1);
}

#[test]
fn sessions_are_listed_by_surface_and_by_when_they_changed() {
    let mut bench = Bench::new();
    let one = bench.accept(Accept { surface: "moon".into(), ..asks("r1") }).session;
    let two = bench.accept(asks("r2")).session;
    let reader = bench.reader();
    let ids = |filter: SessionFilter| {
        let sessions = reader.sessions(&SessionFilter { limit: 9, ..filter }).unwrap();
        sessions.into_iter().map(|session| session.session_id).collect::<Vec<_>>()
    };
    let of = |surface: &str| SessionFilter { surface: Some(surface.into()), ..SessionFilter::default() };
    assert_eq!(ids(of("moon")), [one.to_string()]);
    assert_eq!(ids(of("sun")), Vec::<String>::new());
    let changed = reader.session(None, &two).unwrap().unwrap().updated_at_ms;
    let before = |at| SessionFilter { updated_before: Some(at), ..SessionFilter::default() };
    assert_eq!(ids(before(changed)), [one.to_string()]);
    assert_eq!(ids(before(Timestamp(changed.0 + 1))), [two.to_string(), one.to_string()]);
}

#[test]
fn runs_that_are_not_over_are_listed_and_those_that_hold_a_worker() {
    let mut bench = Bench::new();
    let (running, begun) = bench.running("r1");
    let queued = bench.accept(asks_in(&running.session, "r2"));
    let reader = bench.reader();
    let active = || {
        let filter = RunFilter {
            session: Some(running.session.clone()),
            active: true,
            limit: 9,
            ..RunFilter::default()
        };
        reader.runs(&filter).unwrap().into_iter().map(|run| run.run_id).collect::<Vec<_>>()
    };
    assert!(reader.holding_runs().unwrap()[0].worker_id.is_some());
    let holding = || reader.holding_runs().unwrap().into_iter().map(|run| run.run_id).collect::<Vec<_>>();
    assert_eq!(active(), [queued.run.to_string(), running.run.to_string()]);
    assert_eq!(holding(), std::slice::from_ref(&running.run));
    bench.take(finished(&begun.attempt, well(), "", None));
    assert_eq!((active(), holding()), (vec![queued.run.to_string()], vec![]));
}

#[test]
fn a_binding_says_what_it_executes_and_whose_that_is() {
    let mut bench = Bench::new();
    let (accepted, begun) = bench.running("r1");
    let reader = bench.reader();
    let executing = reader.executing(&begun.binding).unwrap().unwrap();
    assert_eq!(
        (&executing.session_id, &executing.run_id, &executing.attempt_id, executing.owner_id.as_str()),
        (&accepted.session, &accepted.run, &begun.attempt, "ann")
    );
    bench.take(cancel(&accepted.run));
    assert_eq!(reader.executing(&begun.binding).unwrap(), None, "it is to stop");
    bench.take(finished(&begun.attempt, Outcome::Cancelled, "", None));
    assert_eq!(reader.executing(&begun.binding).unwrap(), None);
}

#[test]
fn the_newest_events_of_a_run_come_in_their_order() {
    let mut bench = Bench::new();
    let (accepted, _) = bench.running("r1");
    bench.accept(asks("r2"));
    let reader = bench.reader();
    let all = EventFilter { run: Some(accepted.run.clone()), ..after(Cursor(0), 100) };
    let all = reader.events(&all).unwrap();
    let newest = |owner: Option<&str>, limit| {
        reader.newest_events(owner.map(Into::into).as_ref(), &accepted.run, None, limit).unwrap()
    };
    assert_eq!(newest(Some("ann"), 2), all[all.len() - 2..]);
    assert_eq!(newest(None, 100), all);
    assert_eq!(newest(Some("bob"), 100), []);
    let ui = reader.newest_events(None, &accepted.run, Some(Visibility::Ui), 100).unwrap();
    assert!(ui.len() <= all.len() && !ui.is_empty());
}
