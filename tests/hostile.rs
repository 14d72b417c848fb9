//! Hostile components, registered as a stranger's would be: each harms nothing but its own attempt.

use omi_tests::world::{Running, World, guest};
use serde_json::{Value, json};

/// Each guest with what its run must come to: its status, and a text of its answer or of its failure.
const GUESTS: [(&str, &str, &str); 7] = [
    ("call_spin", "failed", "adapter_deadline"),
    ("call_recurse", "failed", "adapter_trapped"),
    ("call_grow", "failed", "memory"),
    ("call_panic", "failed", "panic"),
    ("describe_trap", "failed", "describe"),
    ("describe_spin", "failed", "describe"),
    ("gate_ungranted", "succeeded", "denied"),
];

fn world() -> World {
    let world = World::new();
    world.configure(&GUESTS.iter().map(|(name, _, _)| guest(name)).collect::<String>());
    world
}

fn ask(daemon: &mut Running, request: &str, adapter: &str) {
    let query = json!({ "type": "query", "protocolVersion": 2, "requestId": request, "clientId": "test",
        "adapterId": adapter, "prompt": "do your worst" });
    daemon.write(&format!("{query}\n"));
}

fn result(daemon: &Running, request: &str) -> Value {
    daemon.message(request, |message| message["type"] == "result" && message["requestId"] == request)
}

#[test]
fn a_hostile_component_harms_nothing_but_its_own_attempt() {
    let world = world();
    let mut daemon = world.start(&["serve", "--stdio"]);
    for (guest, _, _) in GUESTS {
        ask(&mut daemon, guest, guest);
        ask(&mut daemon, &format!("beside {guest}"), "echo");
    }
    for (guest, status, text) in GUESTS {
        let beside = result(&daemon, &format!("beside {guest}"));
        assert_eq!(beside["terminalStatus"], "succeeded", "beside {guest}: {beside}");
        let own = result(&daemon, guest);
        assert_eq!(own["terminalStatus"], status, "{guest}: {own}");
        assert!(own.to_string().to_lowercase().contains(text), "{guest} says nothing of `{text}`: {own}");
    }
    ask(&mut daemon, "after", "echo");
    assert_eq!(result(&daemon, "after")["terminalStatus"], "succeeded", "the daemon goes on");
    drop(daemon.stdin.take());
    let ended = daemon.ended();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let runs = world.list("runs");
    assert_eq!(runs.len(), 2 * GUESTS.len() + 1);
    assert!(runs.iter().all(|run| run["status"] == "succeeded" || run["status"] == "failed"), "{runs:?}");
}
