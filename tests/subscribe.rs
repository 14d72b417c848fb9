//! Subscriptions: everything after a cursor and then as it happens, once each; and one that does not read.

use std::collections::BTreeMap;

use omi_tests::world::wire::{Serving, text};
use omi_tests::world::{Running, World, eventually};
use serde_json::{Value, json};

/// Queries of the one that does not read: together they say more than any pipe and queue holds.
const FLOOD: usize = 150;

/// Bytes in a pipe that takes no whole message more: a pipe holds 64 KiB.
const PIPE_NEARLY_FULL: u64 = 60 * 1024;

/// The events of a subscription, as they are in the record.
fn events(said: &[Value], request: &str) -> Vec<Value> {
    let own = said.iter().filter(|message| message["type"] == "event" && message["requestId"] == request);
    own.map(|message| message["event"].clone()).collect()
}

/// Each cursor is greater than the one before, and nothing that is recorded is missing.
pub(crate) fn complete(seen: &[Value], recorded: &[Value]) {
    let cursors: Vec<i64> = seen.iter().map(|event| event["cursor"].as_i64().unwrap()).collect();
    assert!(cursors.windows(2).all(|pair| pair[0] < pair[1]), "{cursors:?}");
    let by_cursor = |events: &[Value]| -> BTreeMap<i64, Value> {
        events.iter().map(|event| (event["cursor"].as_i64().unwrap(), event.clone())).collect()
    };
    let (seen, recorded) = (by_cursor(seen), by_cursor(recorded));
    for (cursor, event) in &recorded {
        assert_eq!(seen.get(cursor), Some(event), "it was not seen as it is recorded");
    }
    let gone = seen.iter().filter(|(cursor, _)| !recorded.contains_key(cursor));
    let gone: Vec<_> = gone.filter(|(_, event)| event["type"] != "message.delta").collect();
    assert!(gone.is_empty(), "only pieces of whole messages are gone: {gone:?}");
}

/// The text of each message of a subscription, as a client puts it together from live and recorded pieces.
fn texts(said: &[Value], request: &str) -> BTreeMap<(String, String), String> {
    let mut texts: BTreeMap<(String, String), String> = BTreeMap::new();
    for message in said.iter().filter(|message| message["requestId"] == request) {
        let piece = match message["type"].as_str() {
            Some("text_delta") => message,
            Some("event") if message["event"]["type"] == "message.delta" => &message["event"]["payload"],
            _ => continue,
        };
        let whole = texts.entry((text(message, "attemptId"), text(piece, "message"))).or_default();
        let (offset, new) =
            (usize::try_from(piece["offset"].as_u64().unwrap()).unwrap(), text(piece, "text"));
        assert!(offset <= whole.len(), "a gap before {message}");
        if let Some(new) = new.get(whole.len() - offset..) {
            whole.push_str(new);
        }
    }
    texts
}

#[test]
fn nothing_is_missed_and_nothing_is_said_twice_between_replay_and_live() {
    let world = World::new();
    world.register_tester(&[]);
    let mut daemon = Serving::start(&world);
    daemon.query("before", "echo", "hello");
    daemon.result("before");
    daemon.query("a", "tester", "slow");
    daemon.hear("text_delta", "a");
    daemon.ask("subscribe", "s", &json!({ "afterCursor": 0 }));
    daemon.hear_that("text_delta", "s", |_| true);
    daemon.query("b", "tester", "say one two three four");
    daemon.result("b");
    let stopped = daemon.stop("a");
    let is_end = |message: &Value| {
        message["event"]["type"] == "run.cancelled" && message["event"]["runId"] == stopped["runId"]
    };
    daemon.hear_that("event", "s", is_end);
    daemon.ask("unsubscribe", "s", &json!({}));
    daemon.hear_all("ack", "s", 2);
    let said = daemon.said();
    let recorded = world.list("events");
    complete(&events(&said, "s"), &recorded);
    let texts = texts(&said, "s");
    let whole: Vec<&String> = texts.values().collect();
    assert!(whole.contains(&&"one two three four".to_owned()), "{whole:?}");
    let of_a = stopped["text"].as_str().unwrap();
    assert!(whole.iter().any(|text| of_a == text.as_str()), "{whole:?} has no `{of_a}`");
    let first = &said.iter().find(|message| message["type"] == "event").unwrap();
    assert_eq!((&first["clientId"], &first["event"]["type"]), (&"test".into(), &"session.created".into()));
    for field in ["protocolVersion", "eventId", "cursor", "sessionId", "timestampMs", "payload"] {
        assert!(!first["event"][field].is_null(), "{field}: {first}");
    }

    // What comes after is not heard, and what was missed is caught up with from the last cursor.
    let last = events(&said, "s").pop().unwrap()["cursor"].clone();
    daemon.query("c", "echo", "later");
    let later = daemon.result("c");
    assert_eq!(events(&daemon.said(), "s").pop().unwrap()["cursor"], last);
    daemon.ask("subscribe", "s2", &json!({ "afterCursor": last }));
    daemon.hear_that("event", "s2", |message| message["event"]["type"] == "run.succeeded");
    let after = events(&daemon.said(), "s2");
    assert!(after.iter().all(|event| event["sessionId"] == later["sessionId"]), "{after:?}");
    let all = [events(&said, "s"), after].concat();
    complete(&all, &world.list("events"));
}

#[test]
fn a_subscription_is_about_a_session_or_a_run_and_has_a_name_of_its_own() {
    let world = World::new();
    let mut daemon = Serving::start(&world);
    daemon.query("a", "echo", "hello");
    let a = daemon.result("a");
    daemon.ask("subscribe", "s", &json!({ "afterCursor": 0, "sessionId": a["sessionId"] }));
    daemon.ask("subscribe", "r", &json!({ "runId": a["runId"] }));
    daemon.hear("ack", "r");
    daemon.ask("subscribe", "s", &json!({}));
    assert_eq!(daemon.refusal("s").0, "duplicate_request");
    daemon.query("b", "echo", "somebody else's");
    daemon.result("b");
    let again = json!({ "adapterId": "echo", "prompt": "more", "sessionId": a["sessionId"] });
    daemon.ask("query", "c", &again);
    let c = daemon.result("c");
    let of_c = |message: &Value| {
        message["event"]["type"] == "run.succeeded" && message["event"]["runId"] == c["runId"]
    };
    daemon.hear_that("event", "s", of_c);
    let seen = events(&daemon.said(), "s");
    assert!(seen.iter().all(|event| event["sessionId"] == a["sessionId"]), "{seen:?}");
    assert_eq!(
        events(&daemon.said(), "r"),
        Vec::<Value>::new(),
        "nothing more happens to a run that is over"
    );
    for (request, field, id) in [("u1", "sessionId", "ses_"), ("u2", "runId", "run_")] {
        daemon.ask("subscribe", request, &json!({ (field): format!("{id}{}", "0".repeat(32)) }));
        assert_eq!(daemon.refusal(request).0, "not_found");
    }
    daemon.ask("unsubscribe", "never", &json!({}));
    assert_eq!(daemon.refusal("never").0, "not_found");
}

#[test]
fn a_client_that_does_not_read_holds_up_nobody_and_catches_up() {
    let world = World::new();
    let running = Running::start_unread(&mut world.command(&["serve", "--stdio"]));
    let mut daemon = Serving { running };
    daemon.ask("subscribe", "s", &json!({ "afterCursor": 0 }));
    for number in 0..FLOOD {
        daemon.query(&format!("q{number}"), "echo", "hello there");
    }
    // Nobody reads; the runs end all the same.
    let limit = (FLOOD + 1).to_string();
    eventually("every run has succeeded", || {
        // Before the daemon has made it, there is no record.
        let ended = world.run(&["runs", "--json", "--limit", &limit], "");
        let runs: Vec<Value> = serde_json::from_str(&ended.stdout).unwrap_or_default();
        runs.iter().filter(|run| run["status"] == "succeeded").count() == FLOOD
    });
    let all = world.run(&["events", "--json", "--limit", "100000"], "");
    let recorded: Vec<Value> =
        all.stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
    let last = text(recorded.last().unwrap(), "eventId");
    daemon.running.read_on();
    daemon.running.prints("every result, and the last event", |all| {
        // Half of a line is no message yet.
        let is_last =
            |line: &str| line.ends_with('\n') && line.contains(&last) && line.contains(r#""type":"event""#);
        all.matches(r#""terminalStatus""#).count() == FLOOD && all.split_inclusive('\n').any(is_last)
    });
    let said = daemon.said();
    let answers: Vec<_> = said.iter().filter(|message| message["type"] == "result").collect();
    assert!(answers.iter().all(|result| result["text"] == "hello there"), "{answers:?}");
    complete(&events(&said, "s"), &recorded);
    for gap in said.iter().filter(|message| message["type"] == "gap" && message["requestId"] == "s") {
        assert_eq!(gap["reason"], "slow", "only live text was missed: {gap}");
    }
    daemon.end();
}

#[test]
fn a_client_that_does_not_read_cannot_keep_the_daemon_from_ending() {
    let world = World::new();
    let running = Running::start_unread(&mut world.command(&["serve", "--stdio"]));
    let mut daemon = Serving { running };
    daemon.query("a", "echo", "hello");
    eventually("it serves", || world.run(&["runs"], "").stdout.contains("succeeded"));
    // Each line is answered with an error: more of them than any pipe and queue holds.
    daemon.running.write(&"x\n".repeat(5000));
    let mut before = 0;
    eventually("the pipe is full", || {
        let unread = daemon.running.unread();
        std::mem::replace(&mut before, unread) == unread && unread > PIPE_NEARLY_FULL
    });
    daemon.running.signal(rustix::process::Signal::TERM);
    assert_eq!(daemon.running.ended().code, Some(0));
}
