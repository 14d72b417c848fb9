//! Chunks are replaced by their message, and what is deleted leaves its place in the order empty.

use omi_kernel::id::Cursor;
use omi_store::EventFilter;

use crate::bench::*;

fn cursors(bench: &Bench) -> Vec<i64> {
    let all = EventFilter { limit: 1000, ..EventFilter::default() };
    bench.reader().events(&all).unwrap().iter().map(|event| event.cursor.0).collect()
}

fn chunks(bench: &Bench) -> Vec<String> {
    bench.column(
        "SELECT payload_json ->> 'message' || ' ' || (payload_json ->> 'text') FROM events \
         WHERE type = 'message.delta' ORDER BY event_seq",
    )
}

#[test]
fn a_whole_message_replaces_exactly_its_own_chunks() {
    let mut bench = Bench::new();
    let (_, one) = bench.running("r1");
    let (_, two) = bench.running("r2");
    for (attempt, message, text) in [
        (&one.attempt, "m1", "Hel"),
        (&one.attempt, "m2", "other"),
        (&two.attempt, "m1", "theirs"),
        (&one.attempt, "m1", "lo"),
    ] {
        bench.take(chunk(attempt, message, 0, text));
    }
    let before = bench.events().len();
    bench.take(message_completed(&one.attempt, "m1", "Hello"));
    assert_eq!(chunks(&bench), ["m2 other", "m1 theirs"]);
    assert_eq!(bench.events().len(), before - 2 + 1);
    let completed = "SELECT payload_json ->> 'text' FROM events WHERE type = 'message.completed'";
    assert_eq!(bench.column(completed), ["Hello"]);
    let kept = "SELECT DISTINCT retention_class FROM events WHERE type = 'message.delta'";
    assert_eq!(bench.column(kept), ["transient"]);
}

#[test]
fn a_cursor_is_never_used_twice() {
    let mut bench = Bench::new();
    let (_, begun) = bench.running("r1");
    let mut last = *cursors(&bench).last().unwrap();
    for offset in 0..3 {
        let event = bench.take(chunk(&begun.attempt, "m1", offset, "x")).events.remove(0);
        assert!(event.cursor.0 > last);
        last = event.cursor.0;
    }
    bench.beside().execute("DELETE FROM events WHERE event_seq > ?1", [last - 3]).unwrap();
    let mut bench = bench.reopen();
    let event = bench.take(chunk(&begun.attempt, "m1", 3, "x")).events.remove(0);
    assert!(event.cursor > Cursor(last), "the newest rows were deleted, and their cursors with them");
    let all = cursors(&bench);
    assert!(all.is_sorted_by(|a, b| a < b), "{all:?}");
}

#[test]
fn a_cursor_of_a_refused_input_leaves_no_trace() {
    let mut bench = Bench::new();
    let (_, begun) = bench.running("r1");
    let before = cursors(&bench);
    assert!(bench.send(allows(&begun.attempt, 9)).is_err());
    assert_eq!(cursors(&bench), before);
}
