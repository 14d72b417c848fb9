//! Hostile components, registered as a stranger's would be: each harms nothing but its own attempt.

mod table;

use std::collections::BTreeSet;

use omi_tests::world::server::Server;
use omi_tests::world::wire::{Serving, text};
use omi_tests::world::{World, guest, guest_file};
use serde_json::Value;

use table::{Hostile, LOADED, REFUSED, USED_ELSEWHERE};

/// A world in which every hostile guest is installed and registered, with what they are to leave alone beside it.
struct Ground {
    world: World,
    /// What none of them may reach.
    inner: Server,
    /// What some of them may send requests to.
    _outer: Server,
}

impl Ground {
    fn new() -> Self {
        let world = World::new();
        let inner = Server::start(|_| omi_tests::world::server::answer("200 OK", "", "stolen"));
        let outer = crate::remote::outer(&inner);
        crate::files::lay_out(&world);
        let table = world.path("call_table.wasm");
        std::fs::write(&table, table::with_a_growing_table(&guest_file("call_table"))).unwrap();
        let mut config = String::new();
        for name in table::names() {
            let own = guest(name);
            config += &if name == "call_table" { table::at(&own, &table) } else { own };
            let grants = LOADED.iter().find(|hostile| hostile.guest == name).map_or("", |one| one.grants);
            let port = inner.address.port().to_string();
            let grants = grants.replace("OUTER", &outer.origin()).replace("PORT", &port);
            config += &grants.replace("INNER", &inner.address.to_string());
            config += "\n";
        }
        world.configure(&config);
        for hostile in first_of_each() {
            let is_table = hostile.guest == "call_table";
            world.install(&if is_table { table.clone() } else { guest_file(hostile.guest) });
        }
        Self { world, inner, _outer: outer }
    }

    fn prompt(&self, hostile: &Hostile) -> String {
        let beside = self.world.path("beside").display().to_string();
        hostile.prompt.replace("BESIDE", &beside).replace("INNER", &self.inner.address.to_string())
    }

    /// What no guest may have done, whatever it said.
    fn is_unharmed(&self) {
        assert!(self.inner.seen().is_empty(), "somebody was reached: {:?}", self.inner.seen());
        crate::files::is_unharmed(&self.world);
    }
}

fn first_of_each() -> impl Iterator<Item = &'static Hostile> {
    let is_first =
        |(at, one): &(usize, &Hostile)| !LOADED[..*at].iter().any(|other| other.guest == one.guest);
    LOADED.iter().enumerate().filter(is_first).map(|(_, one)| one)
}

/// What a run came to is what the table says.
fn check(hostile: &Hostile, result: &Value) {
    let all = result.to_string();
    assert_eq!(result["terminalStatus"], hostile.status, "{}: {all}", hostile.guest);
    for words in hostile.says {
        assert!(all.contains(words), "{} says nothing of `{words}`: {all}", hostile.guest);
    }
    for words in hostile.never {
        assert!(!all.contains(words), "{} says `{words}`: {all}", hostile.guest);
    }
}

fn succeeds(daemon: &Serving, request: &str) {
    let result = daemon.result(request);
    assert_eq!(result["terminalStatus"], "succeeded", "{request}: {result}");
    assert_eq!(text(&result, "text"), request, "echo says what it was asked");
}

#[test]
fn each_one_leaves_the_daemon_serving() {
    let ground = Ground::new();
    let mut daemon = Serving::start(&ground.world);
    for (number, hostile) in LOADED.iter().enumerate() {
        let name = |word: &str| format!("{word} {} {number}", hostile.guest);
        daemon.query(&name("own"), hostile.guest, &ground.prompt(hostile));
        daemon.query(&name("beside"), "echo", &name("beside"));
        succeeds(&daemon, &name("beside"));
        check(hostile, &daemon.result(&name("own")));
        daemon.query(&name("after"), "echo", &name("after"));
        succeeds(&daemon, &name("after"));
        ground.is_unharmed();
    }
    daemon.end();
    let runs = ground.world.show(&["runs", "--limit", "1000", "--json"]);
    let over = |run: &&Value| run["status"] == "succeeded" || run["status"] == "failed";
    assert_eq!(runs.as_array().unwrap().iter().filter(over).count(), 3 * LOADED.len(), "{runs}");
    crate::trees::none_left(&ground.world);
}

#[test]
fn all_at_once_leave_the_daemon_serving() {
    let ground = Ground::new();
    let mut daemon = Serving::start(&ground.world);
    for (number, hostile) in LOADED.iter().enumerate() {
        daemon.query(&format!("own {number}"), hostile.guest, &ground.prompt(hostile));
        daemon.query(&format!("beside {number}"), "echo", &format!("beside {number}"));
    }
    for (number, hostile) in LOADED.iter().enumerate() {
        succeeds(&daemon, &format!("beside {number}"));
        check(hostile, &daemon.result(&format!("own {number}")));
    }
    daemon.query("after", "echo", "after");
    succeeds(&daemon, "after");
    daemon.end();
    ground.is_unharmed();
    crate::trees::none_left(&ground.world);
}

#[test]
fn a_prompt_beside_one_that_spins_is_answered_before_the_spin_is_ended() {
    let ground = World::new();
    ground.register_guest("call_spin", "");
    let mut daemon = Serving::start(&ground);
    daemon.query("warm", "echo", "warm");
    succeeds(&daemon, "warm");
    daemon.query("spin", "call_spin", "spin");
    daemon.hear_status("spin", "running");
    daemon.query("beside", "echo", "beside");
    succeeds(&daemon, "beside");
    let result = daemon.result("spin");
    assert_eq!(result["failure"]["code"], "adapter_deadline", "{result}");
    let events = ground.list("events");
    let place = |run: &Value, kind: &str| {
        events.iter().position(|event| event["runId"] == *run && event["type"] == kind)
    };
    let (beside, spin) = (&daemon.result("beside")["runId"], &result["runId"]);
    let (answered, ended) = (place(beside, "run.succeeded"), place(spin, "run.failed"));
    assert!(answered.is_some() && answered < ended, "{events:?}");
}

#[test]
fn thousands_of_refusals_do_not_fill_the_record() {
    let world = World::new();
    world.register_guest("access_flood", "grants.workspace = { folder = 'session', policy = 'deny' }");
    let ended = world.run(&["run", "--adapter", "access_flood", "go on"], "");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "20000 were settled\n"), "{ended:?}");
    let decided = world.event_types().iter().filter(|kind| *kind == "grant.decided").count();
    assert!((1..=200).contains(&decided), "{decided} of 20,000 are recorded");
}

#[test]
fn one_that_cannot_describe_itself_is_not_installed_and_not_run() {
    let world = World::new();
    world.configure(&REFUSED.iter().map(|(name, _)| guest(name)).collect::<String>());
    for (name, words) in REFUSED {
        let file = guest_file(name);
        let ended = world.run(&["adapter", "install", file.to_str().unwrap(), "--yes"], "");
        assert_eq!(ended.code, Some(1), "{name}: {ended:?}");
        let line = ended.stderr.lines().find(|line| line.contains("`describe`") && line.contains(words));
        assert!(line.is_some_and(|line| line.len() < 10_000), "{name}: {ended:?}");
    }
    let rows = world.show(&["adapter", "list", "--json"]);
    assert!(rows.as_array().unwrap().iter().all(|row| row["installed"].is_null()), "{rows}");
    let mut daemon = Serving::start(&world);
    for (name, _) in REFUSED {
        daemon.query(name, name, "do your worst");
        daemon.query(&format!("beside {name}"), "echo", &format!("beside {name}"));
    }
    for (name, _) in REFUSED {
        succeeds(&daemon, &format!("beside {name}"));
        let result = daemon.result(name);
        assert_eq!(result["terminalStatus"], "failed", "{name}: {result}");
    }
    daemon.end();
}

#[test]
fn texts_of_30_mb_reach_whoever_asked_or_are_cut_and_nothing_else_ends() {
    let world = World::new();
    world.register_guest("text_huge", "");
    for (prompt, status) in [("message", "succeeded"), ("thought", "succeeded")] {
        let ended = world.run(&["run", "--adapter", "text_huge", prompt], "");
        let run = world.list("runs")[0].clone();
        assert_eq!(run["status"], status, "{prompt}: {run}");
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
        let after = world.run(&["run", "after it"], "");
        assert_eq!((after.code, after.stdout.as_str()), (Some(0), "after it\n"), "{after:?}");
    }
}

#[test]
fn every_guest_is_in_a_table() {
    let sources = omi_tests_root().join("guests/examples");
    let names = std::fs::read_dir(sources)
        .expect("the guests")
        .flatten()
        .map(|entry| entry.path().file_stem().expect("a name").to_string_lossy().into_owned());
    let guests: BTreeSet<String> = names.collect();
    let hostile: BTreeSet<String> =
        table::names().chain(USED_ELSEWHERE.iter().map(|(name, _)| *name)).map(str::to_owned).collect();
    let gone: Vec<&String> = hostile.difference(&guests).collect();
    assert!(gone.is_empty(), "a table names guests that are not there: {gone:?}");
    for guest in guests.difference(&hostile) {
        let judged = JUDGED.iter().any(|file| uses(file, guest));
        assert!(
            judged,
            "the guest `{guest}` is in no table of tests/hostile/table.rs and in none of {JUDGED:?}"
        );
    }
    for (name, file) in USED_ELSEWHERE {
        assert!(uses(file, name), "{file} does not use `{name}`");
    }
}

/// Where adapters are judged that are wrong but not hostile.
const JUDGED: &[&str] =
    &["../host/conformance/tests/rules.rs", "../host/conformance/tests/bundled.rs", "check.rs"];

fn uses(file: &str, guest: &str) -> bool {
    let text = std::fs::read_to_string(omi_tests_root().join(file)).expect(file);
    text.contains(&format!("\"{guest}\"")) || text.contains(&format!("guests/{guest}.wasm\""))
}

fn omi_tests_root() -> &'static std::path::Path {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
}
