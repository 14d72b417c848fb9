//! Subscribers that are much slower than what happens: they read nothing while a burst of events is recorded, then a few,
//! then all. They lose nothing, or are told of a gap, and have in the end exactly what is recorded.
//!
//! They come over the Unix socket: the system keeps a fifth of a megabyte for each of them and no more, so that they are
//! really behind.

use omi_tests::world::World;
use omi_tests::world::http::{Client, Events, HttpDaemon, ServerEvent, WebSocket};
use serde_json::{Value, json};

use crate::subscribe::complete;

/// Runs of the burst, about nine events each: 5,000 events, and 100,000 of the long suite.
const RUNS: (usize, usize) = (600, 12_000);
/// Events that there are at least then.
const EVENTS: (usize, usize) = (5_000, 100_000);
/// Runs that are asked for at the same time.
const AT_ONCE: usize = 300;
/// Events that a subscriber reads before it reads all the others.
const FEW: usize = 20;

/// Has so many runs done, and waits for the end of each.
fn burst(client: &Client, name: &str, runs: usize) {
    let mut socket = client.websocket().expect("it is let in");
    for begin in (0..runs).step_by(AT_ONCE) {
        let numbers = begin..runs.min(begin + AT_ONCE);
        for number in numbers.clone() {
            socket.send(name, "query", &format!("run-{number}"), &json!({ "prompt": "hello there" }));
        }
        for _ in numbers {
            let result = socket.hear(|message| message["type"] == "result");
            assert_eq!(result["terminalStatus"], "succeeded", "{result}");
        }
        socket.heard.clear();
    }
}

fn recorded(world: &World) -> Vec<Value> {
    let all = world.run(&["events", "--json", "--limit", "1000000"], "");
    assert_eq!(all.code, Some(0), "{}", all.stderr);
    all.stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

/// What a subscriber was told: the events, and the reasons of the gaps.
#[derive(Default)]
struct Told {
    events: Vec<Value>,
    gaps: Vec<Value>,
}

impl Told {
    fn server_event(&mut self, event: ServerEvent) {
        match (event.id, event.kind.as_str()) {
            (Some(id), _) => {
                assert_eq!(event.data["cursor"], id);
                self.events.push(event.data);
            }
            (None, "gap") => self.gaps.push(event.data["reason"].clone()),
            (None, "error") => panic!("{event:?}"),
            (None, _) => {}
        }
    }

    fn message(&mut self, message: &Value) {
        match message["type"].as_str() {
            Some("event") => self.events.push(message["event"].clone()),
            Some("gap") => self.gaps.push(message["reason"].clone()),
            Some("error") => panic!("{message}"),
            Some(_) | None => {}
        }
    }

    fn cursor(&self) -> i64 {
        self.events.last().and_then(|event| event["cursor"].as_i64()).unwrap_or_default()
    }

    fn read(&mut self, events: &mut Events, enough: impl Fn(&Self) -> bool) {
        while !enough(self) {
            self.server_event(events.event());
        }
    }

    /// Reads on, and comes again where it was taken for gone.
    fn hear(&mut self, socket: &mut WebSocket, client: &Client, enough: impl Fn(&Self) -> bool) {
        while !enough(self) {
            if let Some(message) = socket.message() {
                self.message(&message);
                socket.heard.clear();
            } else {
                *socket = subscribed(client, self.cursor());
            }
        }
    }

    /// All that is recorded, each once, in the order of the cursors. Only live text may have been missed.
    fn is_whole(&self, what: &str, recorded: &[Value]) {
        complete(&self.events, recorded);
        assert!(self.gaps.iter().all(|reason| reason == "slow"), "{what}: {:?}", self.gaps);
    }
}

fn subscribed(client: &Client, after: i64) -> WebSocket {
    let mut socket = client.websocket().expect("it is let in");
    socket.send("slow", "subscribe", "s", &json!({ "afterCursor": after }));
    socket.hear(|message| message["type"] == "ack");
    socket
}

fn a_burst_of(runs: usize, events_min: usize) {
    let world = World::new();
    let daemon = HttpDaemon::start(&world, &[]);
    let client = daemon.unix();
    let mut stays = client.listen("/v1/events?after=0");
    let mut leaves = client.listen("/v1/events?after=0");
    let mut socket = subscribed(&client, 0);
    // Nobody of them reads while all this happens.
    burst(&client, "burst", runs);
    let recorded = recorded(&world);
    assert!(recorded.len() >= events_min, "{} events are no burst", recorded.len());
    let last = recorded.last().and_then(|event| event["cursor"].as_i64()).expect("a cursor");

    let few = |told: &Told| told.events.len() >= FEW;
    let all = |told: &Told| told.cursor() >= last;
    let (mut staying, mut leaving, mut hearing) = (Told::default(), Told::default(), Told::default());
    staying.read(&mut stays, few);
    leaving.read(&mut leaves, few);
    hearing.hear(&mut socket, &client, few);
    drop(leaves);
    let cursor = leaving.cursor().to_string();
    let mut again = client.with("last-event-id", &cursor).listen("/v1/events?after=0");
    staying.read(&mut stays, all);
    leaving.read(&mut again, all);
    hearing.hear(&mut socket, &client, all);
    for (what, told) in [("stays", &staying), ("comes again", &leaving), ("WebSocket", &hearing)] {
        told.is_whole(what, &recorded);
    }
    assert!(!staying.gaps.is_empty(), "it was behind, and was told so");

    // Each of them hears what happens next.
    burst(&client, "later", 1);
    staying.read(&mut stays, |told| told.cursor() > last);
    hearing.hear(&mut socket, &client, |told| told.cursor() > last);
    drop((stays, again, socket));
    assert_eq!(daemon.end().code, Some(0));
}

#[test]
fn who_reads_nothing_during_a_burst_has_all_of_it_in_the_end() {
    a_burst_of(RUNS.0, EVENTS.0);
}

#[test]
#[ignore = "takes minutes; hint: cargo xtask test --long"]
fn who_reads_nothing_during_a_hundred_thousand_events_has_all_of_them_in_the_end() {
    a_burst_of(RUNS.1, EVENTS.1);
}
