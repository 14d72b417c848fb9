//! A component that is installed again while the daemon runs serves what begins from then on; what runs finishes on the
//! old one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use omi_tests::world::wire::{Serving, text};
use omi_tests::world::{World, eventually, guest_file, program};
use serde_json::{Value, json};

use super::install::change;

/// A world with a registration `mine` of a component that is installed, and its file, which the test may change.
fn mine(component: &Path, more: &str) -> (World, PathBuf) {
    let world = World::new();
    let file = world.path("mine.wasm");
    std::fs::copy(component, &file).unwrap();
    world.configure(&format!("[registrations.mine]\ncomponent = 'mine.wasm'\n{more}\n"));
    world.install(&file);
    (world, file.canonicalize().unwrap())
}

/// A component that comes with the program, as a file.
fn bundled(name: &str) -> PathBuf {
    guest_file("effect_probe").with_file_name("../adapters").join(format!("{name}.wasm"))
}

fn digest(world: &World, file: &Path) -> String {
    text(&world.show(&["adapter", "info", file.to_str().unwrap(), "--json"]), "digest")
}

fn install(daemon: &mut Serving, request: &str, file: &Path) {
    daemon.ask("install_component", request, &json!({ "path": file }));
    daemon.hear("ack", request);
}

/// Has a prompt run by `mine`, in the session of an earlier answer.
fn query(daemon: &mut Serving, request: &str, prompt: &str, of: &Value) {
    let fields = json!({ "adapterId": "mine", "prompt": prompt, "sessionId": of["sessionId"] });
    daemon.ask("query", request, &fields);
}

/// The digests that the attempts of a run are recorded with.
fn digests(world: &World, answer: &Value) -> Vec<String> {
    let runs = world.list("runs");
    let run = runs.iter().find(|run| run["runId"] == answer["runId"]).unwrap();
    let attempts = run["attempts"].as_array().unwrap().iter();
    attempts.map(|attempt| text(&attempt["metadata"], "componentDigest")).collect()
}

/// The events of a kind in the session of an answer.
fn events(world: &World, kind: &str, of: &Value) -> Vec<Value> {
    let all = world.list("events").into_iter();
    all.filter(|event| event["type"] == kind && event["sessionId"] == of["sessionId"]).collect()
}

fn failure(result: &Value) -> (&Value, &str) {
    (&result["terminalStatus"], result["failure"]["code"].as_str().unwrap_or_default())
}

#[test]
fn what_runs_finishes_on_the_old_component_and_what_begins_runs_the_new_one() {
    let ask = "grants.workspace = { folder = \"session\", policy = \"ask\" }";
    let (world, file) = mine(&guest_file("effect_probe"), ask);
    let (old, new) = (digest(&world, &file), digest(&world, &bundled("echo")));
    let mut daemon = Serving::start(&world);
    daemon.query("a", "mine", "write workspace new.txt x\nsay the old one");
    let asked = daemon.hear("approval_requested", "a");
    daemon.hear_status("a", "waiting_approval");

    std::fs::copy(bundled("echo"), &file).unwrap();
    daemon.query("changed", "mine", "say nobody agreed to this");
    assert_eq!(failure(&daemon.result("changed")), (&"failed".into(), "component_changed"));
    daemon.ask("install_component", "other", &json!({ "path": file, "digest": old }));
    let (code, why) = daemon.refusal("other");
    assert_eq!(code, "component_differs");
    assert!(why.contains(&old[..12]) && why.contains(&new[..12]) && why.contains("hint:"), "{why}");
    daemon.query("refused", "mine", "say nobody agreed to this either");
    assert_eq!(failure(&daemon.result("refused")), (&"failed".into(), "component_changed"));

    daemon.ask("install_component", "new", &json!({ "path": file, "digest": new }));
    daemon.hear("ack", "new");
    daemon.query("b", "mine", "the new one");
    let b = daemon.result("b");
    assert_eq!((&b["terminalStatus"], &b["text"]), (&"succeeded".into(), &"the new one".into()));
    query(&mut daemon, "next", "the new one again", &asked);
    daemon.hear_status("next", "queued");

    let yes = json!({ "attemptId": asked["attemptId"], "approval": asked["approval"], "optionId": "once" });
    daemon.ask("approval_decision", "yes", &yes);
    daemon.hear("ack", "yes");
    let a = daemon.result("a");
    assert!(text(&a, "text").contains("Written") && text(&a, "text").ends_with("the old one\n"), "{a}");
    let next = daemon.result("next");
    assert_eq!((&next["terminalStatus"], &next["text"]), (&"succeeded".into(), &"the new one again".into()));

    assert_eq!(digests(&world, &a), vec![old.clone()]);
    assert_eq!((digests(&world, &b), digests(&world, &next)), (vec![new.clone()], vec![new.clone()]));
    let stale = events(&world, "binding.stale", &a);
    assert_eq!(stale.iter().map(|event| &event["payload"]["reason"]).collect::<Vec<_>>(), ["worker_evicted"]);
    let replaced = events(&world, "binding.replaced", &a);
    assert_eq!(replaced.iter().map(|event| &event["runId"]).collect::<Vec<_>>(), [&next["runId"]]);
    let shown = world.show(&["session", &text(&a, "sessionId"), "--json"]);
    let bindings = shown["bindings"].as_array().unwrap().iter();
    let of_bindings: BTreeSet<String> =
        bindings.map(|binding| text(&binding["metadata"], "componentDigest")).collect();
    assert_eq!(of_bindings, BTreeSet::from([old.clone(), new.clone()]));
    let decisions = world.show(&["grants", "decisions", "--json"]);
    let installed = decisions.as_array().unwrap().iter().find(|one| one["digest"] == new).unwrap();
    assert_eq!(
        (&installed["kind"], &installed["reason"]),
        (&"install".into(), &json!(format!("user; replaces {old}")))
    );
    daemon.end();
}

#[test]
fn an_idle_worker_gives_way_and_the_new_one_takes_its_session_up() {
    let world = World::new();
    let file = world.path("mine.wasm");
    std::fs::copy(bundled("acp"), &file).unwrap();
    let agent = [program("omi-test-agents"), "--state".into(), world.path("agent")];
    world.configure(&format!(
        "[registrations.mine]\ncomponent = 'mine.wasm'\ngrants.agent = {{ command = {agent:?} }}\n"
    ));
    world.install(&file);
    let old = digest(&world, &file);
    let mut daemon = Serving::start(&world);
    daemon.query("a", "mine", "say one");
    let a = daemon.result("a");
    query(&mut daemon, "same", "say two", &a);
    let same = daemon.result("same");
    assert_eq!(events(&world, "binding.resumed", &a), Vec::<Value>::new(), "the worker holds the session");

    change(&file);
    query(&mut daemon, "still", "say three", &a);
    assert_eq!(daemon.result("still")["text"], "three", "what is there goes on, and nothing new is loaded");
    install(&mut daemon, "again", &file);
    let new = digest(&world, &file);
    query(&mut daemon, "b", "say four", &a);
    let b = daemon.result("b");
    assert_eq!((&b["text"], &b["adapterSessionId"]), (&"four".into(), &a["adapterSessionId"]));
    let worker = |answer: &Value| {
        let created = events(&world, "attempt.created", answer);
        let of_run = created.iter().find(|event| event["runId"] == answer["runId"]).unwrap();
        text(&of_run["payload"], "workerId")
    };
    assert_eq!(worker(&a), worker(&same));
    assert_ne!(worker(&a), worker(&b));
    assert_eq!(events(&world, "binding.resumed", &a).len(), 1);
    assert_eq!(events(&world, "binding.stale", &a), Vec::<Value>::new(), "nothing of it is lost");
    assert_eq!((digests(&world, &same), digests(&world, &b)), (vec![old], vec![new]));

    install(&mut daemon, "same bytes", &file);
    query(&mut daemon, "c", "say five", &a);
    assert_eq!(worker(&daemon.result("c")), worker(&b), "what is installed already changes nothing");
    daemon.end();
}

#[test]
fn what_cannot_be_installed_is_refused_and_the_old_one_goes_on() {
    let (world, file) = mine(&bundled("echo"), "");
    let old = digest(&world, &file);
    let mut daemon = Serving::start(&world);
    daemon.query("before", "mine", "before");
    let before = daemon.result("before");
    let bad = world.path("bad.wasm");
    std::fs::write(&bad, "no component at all").unwrap();
    let pipe = world.path("pipe.wasm");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
    for (request, path, words) in [
        ("bad", bad.clone(), "does not begin like a WebAssembly file"),
        ("nowhere", world.path("nowhere.wasm"), "nowhere.wasm"),
        ("folder", world.work(), "no regular file"),
        ("pipe", pipe, "no regular file"),
    ] {
        daemon.ask("install_component", request, &json!({ "path": path }));
        let (code, why) = daemon.refusal(request);
        assert_eq!(code, "component_rejected", "{why}");
        assert!(why.contains(words), "{words}: {why}");
    }
    daemon.ask("install_component", "relative", &json!({ "path": "mine.wasm" }));
    assert_eq!(daemon.refusal("relative").0, "invalid_message");
    std::fs::copy(&bad, &file).unwrap();
    daemon.ask("install_component", "broken", &json!({ "path": file }));
    assert_eq!(daemon.refusal("broken").0, "component_rejected");
    query(&mut daemon, "after", "after", &before);
    let after = daemon.result("after");
    assert_eq!((&after["text"], digests(&world, &after)), (&"after".into(), vec![old]));
    assert_eq!(world.show(&["adapter", "list", "--json"]).to_string().matches("changed").count(), 1);
    daemon.end();
}

#[test]
fn a_running_daemon_is_given_its_first_component_and_loses_it_again() {
    let world = World::new();
    let file = world.path("mine.wasm");
    std::fs::copy(bundled("echo"), &file).unwrap();
    world.configure("[registrations.mine]\ncomponent = 'mine.wasm'\n");
    let mut daemon = Serving::start(&world);
    daemon.query("early", "mine", "hello");
    assert_eq!(failure(&daemon.result("early")), (&"failed".into(), "component_not_installed"));
    install(&mut daemon, "yes", &file);
    daemon.query("a", "mine", "hello");
    let a = daemon.result("a");
    assert_eq!(a["text"], "hello");
    daemon.ask("remove_component", "no", &json!({ "path": file }));
    daemon.hear("ack", "no");
    daemon.ask("remove_component", "gone", &json!({ "path": file }));
    let (code, why) = daemon.refusal("gone");
    assert!(code == "not_found" && why.contains("mine.wasm"), "{code}: {why}");
    eventually("the worker has ended", || !events(&world, "binding.stale", &a).is_empty());
    query(&mut daemon, "late", "hello", &a);
    assert_eq!(failure(&daemon.result("late")), (&"failed".into(), "component_not_installed"));
    daemon.end();
}
