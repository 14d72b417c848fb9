//! Once, in this session, always, never: what a person answered holds as long as they said, and no longer.

use omi_tests::world::World;
use omi_tests::world::wire::Serving;
use serde_json::{Value, json};

use super::{ASK, answer, listed, probe, question};

/// What is read to see whether it is asked about.
const READ: &str = "read workspace notes.txt";
/// What the probe says when it may.
const MAY: &str = "read workspace notes.txt: forty-two\n";

fn query(daemon: &mut Serving, request: &str, task: &str, adapter: &str, prompt: &str) {
    let fields =
        json!({ "adapterId": adapter, "prompt": prompt, "externalRefKind": "task", "externalRefId": task });
    daemon.ask("query", request, &fields);
}

/// A run of a task's session that is asked about nothing, and may.
fn may(daemon: &mut Serving, request: &str, task: &str) {
    query(daemon, request, task, "effect_probe", READ);
    let result = daemon.result(request);
    assert_eq!(result["text"], MAY, "{request}: {result}");
    assert_eq!(daemon.said_to("approval_requested", request), Vec::<Value>::new(), "{request} asks again");
}

/// A run of a task's session that is asked, and the answer.
fn asks(daemon: &mut Serving, request: &str, task: &str, option: &str) {
    query(daemon, request, task, "effect_probe", READ);
    let asked = question(daemon, request, 0);
    answer(daemon, &asked, &format!("{request} answered"), option);
    let result = daemon.result(request);
    let said = result["text"].as_str().unwrap_or_default();
    assert_eq!(said == MAY, option != "deny", "{request}: {result}");
}

fn again(world: &World, daemon: Serving) -> Serving {
    daemon.end();
    Serving::start(world)
}

#[test]
fn once_is_once() {
    let world = probe(ASK);
    let mut daemon = Serving::start(&world);
    query(&mut daemon, "a", "t", "effect_probe", &format!("{READ}\n{READ}"));
    for (number, option) in [(0, "once"), (1, "deny")] {
        let asked = question(&daemon, "a", number);
        answer(&mut daemon, &asked, &format!("answer {number}"), option);
    }
    let result = daemon.result("a");
    assert!(result["text"].as_str().unwrap().starts_with(&format!("{MAY}{READ}: refused")), "{result}");
    asks(&mut daemon, "b", "t", "once");
    let mut daemon = again(&world, daemon);
    asks(&mut daemon, "c", "t", "deny");
}

#[test]
fn a_session_remembers_and_no_other_does() {
    let world = probe(ASK);
    let mut daemon = Serving::start(&world);
    asks(&mut daemon, "a", "one", "session");
    may(&mut daemon, "b", "one");
    asks(&mut daemon, "c", "two", "deny");
    let mut daemon = again(&world, daemon);
    may(&mut daemon, "d", "one");
    asks(&mut daemon, "e", "two", "deny");
    query(&mut daemon, "f", "one", "effect_probe", "write workspace notes.txt 43");
    let asked = question(&daemon, "f", 0);
    answer(&mut daemon, &asked, "f answered", "deny");
    daemon.result("f");
    assert_eq!(std::fs::read_to_string(world.work().join("notes.txt")).unwrap(), "forty-two");
}

#[test]
fn always_holds_in_every_session_of_the_registration() {
    let world = probe(ASK);
    let other = omi_tests::world::guest("effect_probe").replace("effect_probe]", "other]");
    let config = std::fs::read_to_string(world.path("config.toml")).unwrap();
    world.configure(&format!("{config}{other}{ASK}\n"));
    let mut daemon = Serving::start(&world);
    asks(&mut daemon, "a", "one", "always");
    may(&mut daemon, "b", "two");
    let mut daemon = again(&world, daemon);
    may(&mut daemon, "c", "three");
    query(&mut daemon, "d", "four", "other", READ);
    let asked = question(&daemon, "d", 0);
    answer(&mut daemon, &asked, "d answered", "deny");
    daemon.result("d");
    daemon.end();
    let grants = listed(&world, &[]);
    let wide: Vec<&Value> = grants.iter().filter(|grant| grant["sessionId"].is_null()).collect();
    assert_eq!(wide.len(), 1, "{grants:?}");
    let copies = grants.iter().filter(|grant| grant["originGrantId"] == wide[0]["grantId"]);
    assert_eq!(copies.count(), 3, "one in each session that used it: {grants:?}");
}

#[test]
fn a_no_holds_for_the_run_and_that_file() {
    let world = probe(ASK);
    std::fs::write(world.work().join("more.txt"), "and more").unwrap();
    let mut daemon = Serving::start(&world);
    query(&mut daemon, "a", "t", "effect_probe", &format!("{READ}\n{READ}\nread workspace more.txt"));
    let asked = question(&daemon, "a", 0);
    answer(&mut daemon, &asked, "no", "deny");
    let asked = question(&daemon, "a", 1);
    assert!(asked["title"].as_str().unwrap().contains("`more.txt`"), "it was asked twice: {asked}");
    answer(&mut daemon, &asked, "yes", "once");
    let result = daemon.result("a");
    let said: Vec<&str> = result["text"].as_str().unwrap().lines().collect();
    assert!(said[0].contains("it was denied when asked for"), "{result}");
    assert!(said[1].contains("denies it; hint: `omi-agentd grants revoke grant_"), "{result}");
    assert_eq!(said[2], "read workspace more.txt: and more");
    asks(&mut daemon, "b", "t", "once");
}

#[test]
fn a_component_that_changed_is_asked_only_for_what_is_new() {
    let world = probe(ASK);
    let own = world.path("probe.wasm");
    std::fs::copy(omi_tests::world::guest_file("effect_probe"), &own).unwrap();
    world.configure(&format!("[registrations.effect_probe]\ncomponent = 'probe.wasm'\n{ASK}\n"));
    world.install(&own);
    let mut daemon = Serving::start(&world);
    asks(&mut daemon, "a", "one", "always");
    daemon.end();
    crate::install::change(&own);
    world.install(&own);
    let mut daemon = Serving::start(&world);
    may(&mut daemon, "b", "two");
}

#[test]
fn whoever_waits_for_an_answer_when_the_daemon_is_killed_is_not_taken_to_have_one() {
    let world = probe(ASK);
    let mut daemon = Serving::start(&world);
    query(&mut daemon, "a", "t", "effect_probe", READ);
    let asked = question(&daemon, "a", 0);
    daemon.hear_status("a", "waiting_approval");
    daemon.kill();
    let mut daemon = Serving::start(&world);
    let late =
        json!({ "attemptId": asked["attemptId"], "approval": asked["approval"], "optionId": "always" });
    daemon.ask("approval_decision", "late", &late);
    assert_eq!(daemon.refusal("late").0, "no_open_request");
    assert_eq!(listed(&world, &["--all"]), Vec::<Value>::new());
    asks(&mut daemon, "b", "t", "once");
}
