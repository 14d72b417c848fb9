//! Grants are listed, shown and taken back; taking one back ends what depends on it.

use omi_tests::world::wire::{Serving, text};
use omi_tests::world::{World, eventually, tester};
use serde_json::{Value, json};

use super::{ASK, answer, listed, probe, question};

/// A program that does not end by itself, and can be found.
fn sleeper(world: &World) -> String {
    format!(
        "grants.agent = {{ command = [\"/bin/sh\", \"-c\", \"echo $$ > {}; exec sleep 1000\"] }}",
        pid_file(world)
    )
}

fn pid_file(world: &World) -> String {
    world.path("pid").display().to_string()
}

/// The process that the program wrote down.
fn pid(world: &World) -> String {
    eventually("the program runs", || {
        std::fs::read_to_string(pid_file(world)).is_ok_and(|pid| pid.ends_with('\n'))
    });
    std::fs::read_to_string(pid_file(world)).unwrap().trim().to_owned()
}

fn is_gone(pid: &str) -> bool {
    !std::path::Path::new("/proc").join(pid).exists()
}

#[test]
fn revoking_ends_the_process_that_was_started_under_it() {
    let world = World::new();
    world.register_guest("effect_probe", &sleeper(&world));
    let mut daemon = Serving::start(&world);
    daemon.query("a", "effect_probe", "start agent\nsay went on\nstart agent");
    let pid = pid(&world);
    let grants = listed(&world, &[]);
    assert_eq!(grants.len(), 1, "{grants:?}");
    let id = text(&grants[0], "grantId");
    daemon.ask("revoke_grant", "r", &json!({ "grantId": id }));
    daemon.hear("ack", "r");
    eventually("the program is gone", || is_gone(&pid));
    let result = daemon.result("a");
    let said: Vec<&str> = result["text"].as_str().unwrap().lines().collect();
    assert_eq!((said[0], said[2]), ("start agent: started", "went on"), "{result}");
    assert!(said[1].starts_with("start agent: ") && said[1].contains("signal"), "{result}");
    let refusal = format!("the grant {id} of this session was revoked; hint: start a new session");
    assert!(said[3].contains(&refusal), "{result}");
    let events = world.list("events");
    let decisions: Vec<&Value> = events
        .iter()
        .filter(|event| event["type"] == "grant.decided")
        .map(|event| &event["payload"]["decision"])
        .collect();
    assert_eq!(decisions, ["allow", "revoked", "deny"]);
    for (request, grant) in [("again", id.as_str()), ("never", "grant_00000000000000000000000000")] {
        daemon.ask("revoke_grant", request, &json!({ "grantId": grant }));
    }
    daemon.hear("ack", "again");
    let (code, why) = daemon.refusal("never");
    assert!(!code.is_empty() && why.contains("grant"), "{code} {why}");
}

#[test]
fn revoking_what_a_component_may_always_ends_the_agent_that_depends_on_it() {
    let world = World::new();
    let config = tester(&[], "").replace("] }", "], policy = \"ask\" }");
    world.configure(&config);
    let mut daemon = Serving::start(&world);
    daemon.query("a", "tester", "slow");
    let asked = question(&daemon, "a", 0);
    assert_eq!(asked["kind"], "access", "{asked}");
    let options: Vec<_> = asked["options"].as_array().unwrap().iter().map(|one| &one["optionId"]).collect();
    assert_eq!(options, ["once", "always", "deny"], "the agent is of no single session");
    answer(&mut daemon, &asked, "yes", "always");
    daemon.hear("text_delta", "a");
    let grants = listed(&world, &[]);
    assert_eq!((grants.len(), &grants[0]["sessionId"]), (1, &Value::Null), "{grants:?}");
    daemon.ask("revoke_grant", "r", &json!({ "grantId": grants[0]["grantId"] }));
    daemon.hear("ack", "r");
    let result = daemon.result("a");
    assert_eq!(result["terminalStatus"], "failed", "{result}");
    assert!(text(&result, "text").starts_with("tick"), "what it said is kept: {result}");
    daemon.query("b", "tester", "say hello");
    let asked = question(&daemon, "b", 0);
    answer(&mut daemon, &asked, "no", "deny");
    let result = daemon.result("b");
    assert_eq!(result["terminalStatus"], "failed", "{result}");
    assert!(result.to_string().contains("it was denied when asked for"), "{result}");
}

#[test]
fn grants_are_listed_shown_and_revoked_at_the_terminal() {
    let world = probe(ASK);
    let ended = world.run(&["run", "--adapter", "effect_probe", "--ask", "read workspace notes.txt"], "3\n");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let grants = listed(&world, &[]);
    let (wide, copies): (Vec<&Value>, Vec<&Value>) =
        grants.iter().partition(|grant| grant["sessionId"].is_null());
    assert_eq!((wide.len(), copies.len()), (1, 1), "{grants:?}");
    let (id, copy) = (text(wide[0], "grantId"), text(copies[0], "grantId"));
    let run = text(&world.list("runs")[0], "runId");
    let session = text(&world.list("sessions")[0], "sessionId");
    assert_eq!(listed(&world, &[&session]).len(), 1, "the copy");
    assert!(listed(&world, &[&run]).is_empty(), "it is the session's");
    let lines = world.run(&["grants"], "");
    assert_eq!(lines.stdout.lines().count(), 2, "{lines:?}");
    for words in [&id, &copy, &session, "effect_probe", "workspace", "read `*`", "user"] {
        assert!(lines.stdout.contains(words), "{words}: {lines:?}");
    }

    let shown = world.show(&["grants", "show", &copy, "--json"]);
    assert_eq!((&shown["originGrantId"], &shown["grant"]), (&json!(id), &"workspace".into()), "{shown}");
    assert_eq!(shown["events"][0]["payload"]["resource"], "notes.txt", "what was opened under it: {shown}");
    let lines = world.run(&["grants", "show", &copy], "");
    assert!(
        lines.stdout.contains(&format!("copied from {id}")) && lines.stdout.contains("notes.txt"),
        "{lines:?}"
    );

    let revoked = world.run(&["grants", "revoke", &id], "");
    assert_eq!(revoked.code, Some(0), "{revoked:?}");
    assert!(revoked.stderr.contains(&format!("revoked {id}")), "{revoked:?}");
    assert!(listed(&world, &[]).iter().all(|grant| grant["grantId"] != json!(id)));
    let all = world.run(&["grants", "--all"], "");
    assert!(all.stdout.contains("(revoked)"), "{all:?}");
    let decisions = world.show(&["grants", "decisions", "--json"]);
    let kinds: Vec<_> = decisions.as_array().unwrap().iter().map(|one| text(one, "kind")).collect();
    assert_eq!(kinds, ["revoke", "install"]);

    let ended = world.run(&["run", "--adapter", "effect_probe", "read workspace notes.txt"], "");
    assert!(ended.stdout.contains("nobody can be asked here"), "a new session has no copy: {ended:?}");
    for (arguments, words) in [
        (["grants", "revoke", "grant_00000000000000000000000000"], "grant_0"),
        (["grants", "show", "run_1"], "run_1"),
        (["grants", "list", "nonsense"], "nonsense"),
    ] {
        let refused = world.run(&arguments, "");
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.contains(words) && !refused.stderr.contains("panicked"), "{refused:?}");
    }
}

#[test]
fn a_daemon_that_runs_is_told_to_revoke() {
    let world = probe(ASK);
    let ended = world.run(&["run", "--adapter", "effect_probe", "--ask", "read workspace notes.txt"], "2\n");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let id = text(&listed(&world, &[])[0], "grantId");
    let daemon = Serving::start(&world);
    let revoked = world.run(&["grants", "revoke", &id, "--json"], "");
    assert_eq!(revoked.code, Some(0), "{revoked:?}");
    assert!(listed(&world, &[]).is_empty());
    let refused = world.run(&["grants", "revoke", &format!("grant_{}", "0".repeat(32))], "");
    assert!(refused.code == Some(1) && refused.stderr.contains("grant_0"), "{refused:?}");
    daemon.end();
}

#[test]
fn a_program_that_waits_for_an_answer_is_not_started_by_a_cancel() {
    let world = World::new();
    let grant = sleeper(&world).replace("] }", "], policy = \"ask\" }");
    world.register_guest("effect_probe", &grant);
    let mut daemon = Serving::start(&world);
    daemon.query("a", "effect_probe", "start agent");
    let asked = question(&daemon, "a", 0);
    let result = daemon.stop("a");
    assert_eq!(result["terminalStatus"], "cancelled", "{result}");
    let late =
        json!({ "attemptId": asked["attemptId"], "approval": asked["approval"], "optionId": "always" });
    daemon.ask("approval_decision", "late", &late);
    assert_eq!(daemon.refusal("late").0, "no_open_request");
    daemon.end();
    assert!(!std::path::Path::new(&pid_file(&world)).exists(), "it never ran");
    assert!(listed(&world, &[]).is_empty());
}
