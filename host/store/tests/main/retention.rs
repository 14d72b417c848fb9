//! Old events go, and whoever follows can be told so.

use omi_kernel::id::{Cursor, RunId, Timestamp};
use omi_kernel::input::Input;
use omi_store::{EventFilter, RunFilter};

use crate::bench::*;

fn retain(bench: &mut Bench, ended_before: Timestamp, events_max: u64) {
    bench.take(Input::Retain { ended_before, events_max });
}

/// The types of the events of a run, in their order.
fn of(bench: &Bench, run: &RunId) -> Vec<String> {
    bench.column(&format!("SELECT type FROM events WHERE run_id = '{run}' ORDER BY event_seq"))
}

/// A run that is over, with a piece of text that never became a message.
fn over(bench: &mut Bench, request: &str) -> RunId {
    let (accepted, begun) = bench.running(request);
    bench.take(chunk(&begun.attempt, "m1", 0, "Hel"));
    bench.take(finished(&begun.attempt, well(), "Hel", None));
    accepted.run
}

#[test]
fn what_ended_before_a_time_is_gone_but_for_its_rows() {
    let mut bench = Bench::new();
    let old = over(&mut bench, "old");
    let (_, waiting) = bench.running("waiting");
    let time = bench.now();
    let last = bench.reader().latest_cursor().unwrap();
    bench.set_clock(Timestamp(time.0 + 1000));
    let young = over(&mut bench, "young");
    bench.take(chunk(&waiting.attempt, "m1", 0, "still"));
    let before = bench.reader().run(None, &old).unwrap();
    retain(&mut bench, Timestamp(time.0 + 1), u64::MAX);

    assert_eq!(of(&bench, &old), Vec::<String>::new());
    assert_eq!(bench.reader().run(None, &old).unwrap(), before);
    let kept = of(&bench, &young);
    assert_eq!(
        (kept.first().unwrap().as_str(), kept.last().unwrap().as_str()),
        ("run.queued", "run.succeeded")
    );
    assert!(kept.contains(&"message.delta".to_owned()), "no message ever had this text whole");
    let alive = "SELECT COUNT(*) FROM events JOIN runs USING (run_id) WHERE request_id = 'waiting'";
    assert_eq!(bench.column(alive), ["7"], "what is not over is not touched");
    assert_eq!(bench.column("SELECT COUNT(*) FROM events WHERE type = 'session.created'"), ["3"]);
    let alone = "SELECT COUNT(*) FROM events WHERE type = 'session.updated'";
    assert_eq!(bench.column(alone), ["1"], "of the old ones nothing is left");
    let through = bench.reader().pruned_through(&EventFilter::default()).unwrap();
    assert!(Cursor(0) < through && through <= last, "{through:?} {last:?}");
}

#[test]
fn what_is_young_stays_also_pieces_of_text() {
    let mut bench = Bench::new();
    let run = over(&mut bench, "r1");
    let before = of(&bench, &run);
    retain(&mut bench, Timestamp(0), u64::MAX);
    assert_eq!(of(&bench, &run), before);
    assert_eq!(bench.reader().pruned_through(&EventFilter::default()).unwrap(), Cursor(0));
    let after = bench.dump();
    retain(&mut bench, Timestamp(0), u64::MAX);
    assert_eq!(bench.dump(), after, "there is nothing more to take");
}

#[test]
fn beyond_a_number_the_oldest_go_and_the_end_of_each_run_stays() {
    let mut bench = Bench::new();
    let first = over(&mut bench, "r1");
    let (_, waiting) = bench.running("waiting");
    let last = over(&mut bench, "r2");
    retain(&mut bench, Timestamp(0), u64::MAX);
    let count = bench.events().len() as u64;
    retain(&mut bench, Timestamp(0), count);
    assert_eq!(bench.events().len() as u64, count);
    retain(&mut bench, Timestamp(0), count - 2);
    assert_eq!(bench.events().len() as u64, count - 2);
    assert!(!of(&bench, &first).contains(&"run.starting".to_owned()), "{:?}", of(&bench, &first));
    assert_eq!(of(&bench, &last)[0], "run.queued");
    retain(&mut bench, Timestamp(0), 0);
    assert_eq!(of(&bench, &first), ["run.succeeded"]);
    assert_eq!(of(&bench, &last), ["run.succeeded"]);
    bench.take(finished(&waiting.attempt, well(), "", None));
    assert_eq!(bench.reader().runs(&RunFilter { limit: 9, ..RunFilter::default() }).unwrap().len(), 3);
}

#[test]
fn only_the_last_end_of_a_run_stays() {
    let mut bench = Bench::new();
    let run = over(&mut bench, "r1");
    bench.beside().execute_batch("UPDATE runs SET status = 'failed'").unwrap();
    bench.take(Input::Retry(retries(&run)));
    let begun = bench.executed(&run, "native-r1");
    retain(&mut bench, Timestamp(i64::MAX), 0);
    assert!(of(&bench, &run).len() > 8, "it is not over: {:?}", of(&bench, &run));
    bench.take(finished(&begun.attempt, well(), "", None));
    retain(&mut bench, Timestamp(0), 0);
    assert_eq!(of(&bench, &run), ["run.succeeded"]);
}

#[test]
fn a_cursor_is_not_used_again_when_everything_is_gone() {
    let mut bench = Bench::new();
    over(&mut bench, "r1");
    let last = bench.reader().latest_cursor().unwrap();
    retain(&mut bench, Timestamp(i64::MAX), 0);
    assert_eq!(bench.events(), ["session.created"]);
    assert_eq!(bench.reader().latest_cursor().unwrap(), last);
    assert_eq!(bench.reader().pruned_through(&EventFilter::default()).unwrap(), last);
    let mut bench = bench.reopen();
    let next = bench.take(accepts(asks("r2"))).events.remove(0);
    assert!(next.cursor > last);
    let all = EventFilter { after: last, limit: 100, ..EventFilter::default() };
    assert_eq!(bench.reader().events(&all).unwrap()[0], next);
}

#[test]
fn a_call_takes_no_more_than_the_writer_can_bear() {
    let mut bench = Bench::new();
    let run = over(&mut bench, "r1");
    let many = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25000) \
         INSERT INTO events (event_id, session_id, run_id, type, created_at_ms) \
         SELECT 'evt_' || i, session_id, run_id, 'progress.updated', 1 FROM n, runs WHERE run_id = '{run}'"
    );
    bench.beside().execute_batch(&many).unwrap();
    let count = |bench: &Bench| bench.column("SELECT COUNT(*) FROM events")[0].parse::<u32>().unwrap();
    let before = count(&bench);
    retain(&mut bench, Timestamp(i64::MAX), u64::MAX);
    assert_eq!(before - count(&bench), 10_000);
    retain(&mut bench, Timestamp(i64::MAX), 0);
    retain(&mut bench, Timestamp(i64::MAX), 0);
    assert_eq!(bench.events(), ["session.created"]);
}

#[test]
fn of_what_was_decided_outside_of_sessions_the_newest_are_kept() {
    let mut bench = Bench::new();
    bench.take(installs("/opt/first.wasm", "d1"));
    let many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25000) \
                INSERT INTO gate_decisions (kind, decision, component, digest, reason, created_at_ms) \
                SELECT 'access', 'allow', 'c', 'd', 'policy', 1 FROM n";
    bench.beside().execute_batch(many).unwrap();
    bench.take(installs("/opt/last.wasm", "d1"));
    retain(&mut bench, Timestamp(0), u64::MAX);
    let kept = "SELECT COUNT(*) || ' ' || MIN(decision_seq) || ' ' || MAX(decision_seq) FROM gate_decisions";
    assert_eq!(bench.column(kept), ["10000 15003 25002"]);
    let after = bench.dump();
    retain(&mut bench, Timestamp(0), u64::MAX);
    assert_eq!(bench.dump(), after);
    bench.beside().execute_batch("DELETE FROM gate_decisions").unwrap();
    bench.take(installs("/opt/next.wasm", "d1"));
    assert_eq!(bench.reader().gate_decisions(9).unwrap()[0].decision_seq, 25003, "no number is used twice");
}
