//! What the command line shows, read while the daemon writes.

use omi_kernel::event::EventKind;
use omi_kernel::id::{Cursor, Ids, RunId};
use omi_kernel::report::{Failure, FailureDetail, Outcome, Usage};
use omi_store::EventFilter;

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
    let ids = |limit| {
        let sessions = reader.sessions(limit).unwrap();
        sessions.into_iter().map(|session| session.session_id).collect::<Vec<_>>()
    };
    assert_eq!(ids(10), [two.to_string(), one.to_string()]);
    bench.accept(asks_in(&one, "r3"));
    assert_eq!(ids(10), [one.to_string(), two.to_string()]);
    assert_eq!(ids(1), [one.to_string()]);
    let newest = &reader.sessions(1).unwrap()[0];
    assert_eq!((newest.run_count, newest.owner_id.as_str(), newest.status.as_str()), (2, "ann", "open"));
}

#[test]
fn a_run_is_read_with_its_attempts() {
    let mut bench = Bench::new();
    let reader = bench.reader();
    let (accepted, begun) = bench.running("r1");
    let view = reader.run(&accepted.run).unwrap().unwrap();
    assert_eq!((view.status.as_str(), view.attempts.len()), ("running", 1));
    assert_eq!(view.completed_at_ms, None);

    let usage = Some(Usage { output_tokens: Some(5), ..Usage::default() });
    let broken = Outcome::Failed(Failure::Fatal(FailureDetail::new("broken", "it broke")));
    bench.take(finished(&begun.attempt, broken, "half", usage));
    let view = reader.run(&accepted.run).unwrap().unwrap();
    assert_eq!((view.status.as_str(), view.error_code.as_deref()), ("failed", Some("broken")));
    assert_eq!((view.final_text.as_deref(), view.output_tokens), (Some("half"), Some(5)));
    assert_eq!(view.input["prompt"][0]["text"], "do r1");
    let attempt = &view.attempts[0];
    assert_eq!(attempt.attempt_id, begun.attempt.as_str());
    assert_eq!((attempt.attempt_no, attempt.status.as_str()), (1, "failed"));
    assert_eq!(attempt.adapter_session_id.as_deref(), Some("native-r1"));
    assert_eq!(attempt.error_message.as_deref(), Some("it broke"));

    let unknown = RunId::new(&mut Ids::new(&mut || 0xdead));
    assert_eq!(reader.run(&unknown).unwrap(), None);
}

#[test]
fn runs_are_of_one_session_or_all() {
    let mut bench = Bench::new();
    let one = bench.accept(asks("r1"));
    let two = bench.accept(asks_in(&one.session, "r2"));
    let other = bench.accept(asks("r3"));
    let ids = |session| {
        let runs = bench.reader().runs(session, 10).unwrap();
        runs.into_iter().map(|run| run.run_id).collect::<Vec<_>>()
    };
    assert_eq!(ids(None), [other.run.to_string(), two.run.to_string(), one.run.to_string()]);
    assert_eq!(ids(Some(&one.session)), [two.run.to_string(), one.run.to_string()]);
    assert_eq!(bench.reader().runs(None, 1).unwrap().len(), 1);
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
        let filter = EventFilter { session, run, after: Cursor(0), limit: 100 };
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
    assert_eq!(reader.sessions(10).unwrap()[0].title, None);
    writer.execute_batch("COMMIT").unwrap();
    assert_eq!(reader.sessions(10).unwrap()[0].title.as_deref(), Some("half done"));
}

#[test]
fn a_database_at_rest_can_be_read() {
    let mut bench = Bench::new();
    bench.accept(asks("r1"));
    let path = bench.path();
    let _folder = bench.close();
    assert_eq!(omi_store::Reader::open(&path).unwrap().sessions(10).unwrap().len(), 1);
}
