//! What an adapter may touch is asked, remembered, listed and taken back; what it may not is refused with the line that
//! would allow it.

mod remembered;
mod revoked;

use omi_tests::world::wire::{Serving, text};
use omi_tests::world::{World, guest, guest_file, tester};
use serde_json::{Value, json};

/// A person is asked about the folder of a session.
const ASK: &str = "grants.workspace = { folder = \"session\", policy = \"ask\" }";

/// A world in which the probe is installed, with these grants and a file to read.
fn probe(grants: &str) -> World {
    let world = World::new();
    world.register_guest("effect_probe", grants);
    std::fs::write(world.work().join("notes.txt"), "forty-two").unwrap();
    world
}

/// The question to a person that a request has led to: the one with this number of those before it.
fn question(daemon: &Serving, request: &str, before: usize) -> Value {
    daemon.hear_all("approval_requested", request, before + 1)[before].clone()
}

fn answer(daemon: &mut Serving, asked: &Value, request: &str, option: &str) {
    let fields =
        json!({ "attemptId": asked["attemptId"], "approval": asked["approval"], "optionId": option });
    daemon.ask("approval_decision", request, &fields);
    daemon.hear("ack", request);
}

/// The grants that `grants list` shows with these words after it.
fn listed(world: &World, more: &[&str]) -> Vec<Value> {
    let words: Vec<&str> = ["grants", "list"].iter().chain(more).chain(&["--json"]).copied().collect();
    world.show(&words).as_array().cloned().unwrap_or_default()
}

/// Types and decisions of a run's events, in order.
fn story(world: &World, run: &Value) -> Vec<String> {
    let events = world.list("events").into_iter().filter(|event| event["runId"] == *run);
    let word = |event: Value| match event["payload"]["decision"].as_str() {
        Some(decision) if event["type"] == "grant.decided" => format!("grant.decided {decision}"),
        _ => text(&event, "type"),
    };
    events.map(word).collect()
}

fn place(story: &[String], what: &str) -> usize {
    story.iter().position(|word| word == what).unwrap_or_else(|| panic!("no `{what}` in {story:?}"))
}

#[test]
fn a_person_is_asked_before_anything_is_opened() {
    let world = probe(ASK);
    let mut daemon = Serving::start(&world);
    daemon.query("a", "effect_probe", "read workspace notes.txt\nsay done");
    let asked = daemon.hear("approval_requested", "a");
    assert_eq!(asked["kind"], "access", "{asked}");
    assert_eq!(asked["title"], "`effect_probe` wants to read `notes.txt` (grant `workspace`)");
    assert_eq!(asked["reason"], "Tests what is refused.", "in the adapter's own words");
    let options: Vec<_> = asked["options"].as_array().unwrap().iter().map(|one| &one["optionId"]).collect();
    assert_eq!(options, ["once", "session", "always", "deny"]);
    daemon.hear_status("a", "waiting_approval");
    assert_eq!(world.list("requests")[0]["state"], "open");
    let odd = json!({ "attemptId": asked["attemptId"], "approval": asked["approval"], "optionId": "maybe" });
    daemon.ask("approval_decision", "odd", &odd);
    assert!(daemon.refusal("odd").1.contains("`maybe`"));
    answer(&mut daemon, &asked, "yes", "once");
    let result = daemon.result("a");
    assert_eq!(result["text"], "read workspace notes.txt: forty-two\ndone\n", "{result}");
    let story = story(&world, &result["runId"]);
    let order = ["approval.requested", "run.waiting_approval", "grant.decided allow", "message.completed"];
    let places: Vec<usize> = order.iter().map(|what| place(&story, what)).collect();
    assert!(places.is_sorted(), "{story:?}");
    let decided = world.list("events").into_iter().find(|event| event["type"] == "grant.decided").unwrap();
    let payload = &decided["payload"];
    let of = |key: &str| text(payload, key);
    assert_eq!(
        (of("grant"), of("capability"), of("operation")),
        ("workspace".into(), "files".into(), "read".into())
    );
    assert_eq!((of("resource"), of("scope")), ("notes.txt".into(), "attempt".into()));
    let grants = listed(&world, &[]);
    assert_eq!(grants.len(), 1, "{grants:?}");
    assert_eq!((&grants[0]["grantId"], &grants[0]["source"]), (&payload["grantId"], &"user".into()));
    assert_eq!(grants[0]["resourcePattern"], "notes.txt", "once is for that file only");
}

#[test]
fn a_person_at_the_terminal_is_asked() {
    for (typed, said) in [
        ("1\n", "forty-two"),
        (
            "4\n",
            "refused: denied: `effect_probe` may not read `notes.txt` (grant `workspace`): it was denied when asked for",
        ),
    ] {
        let world = probe(ASK);
        let ended =
            world.run(&["run", "--adapter", "effect_probe", "--ask", "read workspace notes.txt"], typed);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains(&format!("read workspace notes.txt: {said}")), "{ended:?}");
        assert!(ended.stderr.contains("? `effect_probe` wants to read `notes.txt`"), "{ended:?}");
        assert!(ended.stderr.contains("Tests what is refused."), "{ended:?}");
    }
}

#[test]
fn without_a_person_it_is_refused_with_the_line_that_would_allow_it() {
    let world = probe(ASK);
    let ended = world.run(&["run", "--adapter", "effect_probe", "read workspace notes.txt"], "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let refusal = "refused: denied: `effect_probe` may not read `notes.txt` (grant `workspace`): nobody can be asked \
        here; hint: set `policy = \"allow\"` in `[registrations.effect_probe.grants.workspace]`";
    assert!(ended.stdout.contains(refusal), "{ended:?}");
    assert!(ended.stderr.contains("denied"), "the person sees it as well: {ended:?}");
}

/// The refusals of a registration: its grant, what is done, and the words of the refusal.
#[test]
fn a_refusal_names_the_adapter_the_effect_and_the_line() {
    let line = |grant: &str| format!("`[registrations.effect_probe.grants.{grant}]`");
    for (grants, prompt, words) in [
        (
            "grants.agent = { command = [\"/bin/echo\", \"started\"], policy = \"deny\" }",
            "start agent",
            "start `/bin/echo started` (grant `agent`): the policy of the registration is `deny`; \
             hint: set `policy = \"ask\"` or `\"allow\"` in",
        ),
        (
            "",
            "read workspace notes.txt",
            "the registration binds nothing to that grant; hint: set `folder` in",
        ),
        ("", "start agent", "hint: set `command` in"),
        ("", "run shell /bin/echo hi", "hint: set `terminal` in"),
        ("", "get remote /v1", "hint: set `origin` in"),
        (
            "grants.workspace = { folder = \"session\", policy = \"allow\", operations = [\"write\"] }",
            "read workspace notes.txt",
            "`operations` of the grant `workspace` leaves it out; hint: add it to `operations` in",
        ),
        (
            "grants.workspace = { folder = \"session\", policy = \"allow\", resources = [\"src/**\"] }",
            "read workspace notes.txt",
            "`resources` of the grant `workspace` leaves it out; hint: add it to `resources` in",
        ),
    ] {
        let world = probe(grants);
        let ended = world.run(&["run", "--adapter", "effect_probe", prompt], "");
        let grant = prompt.split(' ').nth(1).unwrap();
        let said = ended.stdout.lines().find(|said| said.contains("refused: denied: `effect_probe` may not"));
        let said = said.unwrap_or_else(|| panic!("{prompt}: {ended:?}"));
        assert!(said.contains(words) && said.ends_with(&line(grant)), "{prompt}: {said}");
        let runs = world.list("runs");
        assert!(place(&story(&world, &runs[0]["runId"]), "grant.decided deny") > 0);
        assert_eq!(listed(&world, &[]), Vec::<Value>::new(), "nothing was granted");
    }
}

#[test]
fn nothing_is_allowed_because_something_could_not_be_read() {
    for grants in [
        "grants.workspace = { folder = \"session\", policy = \"allowed\" }",
        "grants.workspace = { folder = \"session\", policy = \"allow\", operations = [] }",
        "grants.workspace = { folder = \"session\", terminal = \"session\" }",
        "grants.workspace = { policy = \"allow\" }",
        "grants.remote = { origin = \"https://user@example.com\" }",
        "grants.agent = { command = [\"x\"], confine = \"chroot\" }",
    ] {
        let world = World::new();
        world.configure(&format!("{}{grants}\n", guest("effect_probe")));
        let ended = world.run(&["run", "--adapter", "effect_probe", "read workspace notes.txt"], "");
        assert_eq!(ended.code, Some(1), "{grants}: {ended:?}");
        assert!(
            ended.stderr.contains("config.toml") && ended.stderr.contains("grants."),
            "{grants}: {ended:?}"
        );
        assert_eq!(ended.stdout, "", "{grants}");
    }
}

#[test]
fn what_the_policy_allows_is_on_record_before_it_happens() {
    let world = probe("grants.agent = { command = [\"/bin/echo\", \"started\"] }");
    let ended = world.run(&["run", "--adapter", "effect_probe", "start agent\nstart agent"], "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout.matches("start agent: started\nexit status 0").count(), 2, "{ended:?}");
    let run = world.list("runs")[0]["runId"].clone();
    let story = story(&world, &run);
    assert_eq!(story.iter().filter(|word| *word == "grant.decided allow").count(), 2, "{story:?}");
    assert!(place(&story, "grant.decided allow") < place(&story, "message.completed"), "{story:?}");
    let grants = listed(&world, &[]);
    assert_eq!(grants.len(), 1, "one grant of the session, used twice: {grants:?}");
    assert_eq!(
        (&grants[0]["source"], &grants[0]["effect"], &grants[0]["capability"]),
        (&"policy".into(), &"allow".into(), &"process".into())
    );
}

#[test]
fn what_a_worker_opens_for_itself_is_recorded_beside_the_events() {
    let world = World::new();
    world.configure(&tester(&[], ""));
    assert_eq!(world.run(&["run", "--adapter", "tester", "say hello"], "").code, Some(0));
    let decisions = world.show(&["grants", "decisions", "--json"]);
    let spawned = decisions.as_array().unwrap().iter().find(|one| one["kind"] == "access").unwrap();
    assert_eq!((&spawned["decision"], &spawned["adapterId"]), (&"allow".into(), &"tester".into()));
    assert_eq!(spawned["access"]["operation"], "spawn", "{spawned}");
    let said = world.run(&["grants", "decisions"], "");
    assert!(said.stdout.contains("access") && said.stdout.contains("tester"), "{said:?}");
}

#[test]
fn a_terminal_runs_what_a_person_allows_and_no_more() {
    let world = probe("grants.shell = { terminal = \"session\", policy = \"ask\" }");
    let mut daemon = Serving::start(&world);
    let prompt = "run shell /bin/echo one\nrun shell /bin/echo two\nrun shell /bin/pwd";
    daemon.query("a", "effect_probe", prompt);
    let asked = question(&daemon, "a", 0);
    assert_eq!(asked["title"], "`effect_probe` wants to start `/bin/echo one` (grant `shell`)");
    let names = asked["options"].to_string();
    assert!(names.contains("`/bin/echo **`"), "what a lasting answer covers: {names}");
    answer(&mut daemon, &asked, "one", "session");
    let pwd = question(&daemon, "a", 1);
    assert!(text(&pwd, "title").contains("`/bin/pwd`"), "echo was asked about once: {pwd}");
    answer(&mut daemon, &pwd, "two", "deny");
    let said = text(&daemon.result("a"), "text");
    for line in [
        "run shell /bin/echo one: one\nexit status 0",
        "two: two\nexit status 0",
        "it was denied when asked for",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
}

#[test]
fn each_run_under_the_legacy_policy_has_one_grant_though_nothing_is_asked() {
    let world = World::new();
    world.configure(&tester(&[], "approvals = \"legacy\""));
    let mut runs = Vec::new();
    for prompt in ["say nothing is asked", "write out.txt yes"] {
        assert_eq!(world.run(&["run", "--adapter", "tester", prompt], "").code, Some(0));
        runs.push(text(&world.list("runs")[0], "runId"));
    }
    assert_eq!(world.run(&["run", "not under it"], "").code, Some(0));
    let legacy: Vec<Value> = listed(&world, &["--all"]);
    assert!(legacy.iter().all(|grant| grant["source"] == "legacy_default"), "{legacy:?}");
    assert_eq!(legacy.len(), 2, "one for each run: {legacy:?}");
    for run in &runs {
        assert_eq!(listed(&world, &[run]).len(), 1, "{run}");
    }
    let events = world.list("events");
    let resolved: Vec<_> = events.iter().filter(|event| event["type"] == "approval.resolved").collect();
    assert_eq!(resolved.len(), 1, "{resolved:?}");
    assert_eq!(
        (&resolved[0]["payload"]["policy"], &resolved[0]["runId"]),
        (&"legacy_high_trust".into(), &json!(runs[1]))
    );
}

#[test]
fn a_grant_is_legacy_only_where_the_registration_says_so() {
    let world = probe("grants.workspace = { folder = \"session\", policy = \"legacy\" }");
    let ended = world.run(&["run", "--adapter", "effect_probe", "read workspace notes.txt"], "");
    assert!(ended.stdout.contains("read workspace notes.txt: forty-two"), "{ended:?}");
    let decided = world.list("events").into_iter().find(|event| event["type"] == "grant.decided").unwrap();
    assert_eq!(decided["payload"]["reason"], "legacy_default", "{decided}");
    let bundled = include_str!("../host/daemon/src/bundled.toml");
    assert!(!bundled.contains("legacy"), "no bundled registration opts in");
    let plain = World::new();
    plain.register_tester(&[]);
    assert_eq!(plain.run(&["run", "--adapter", "tester", "say hello"], "").code, Some(0));
    assert_eq!(listed(&plain, &["--all"]), Vec::<Value>::new(), "nobody opted in");
}

#[test]
fn an_adapter_cannot_name_a_question_of_the_host() {
    let world = World::new();
    world.configure(&guest("person_probe"));
    world.install(&guest_file("person_probe"));
    let mut daemon = Serving::start(&world);
    daemon.query("a", "person_probe", "approve 2147483648\nfinish");
    let result = daemon.result("a");
    assert_eq!(result["terminalStatus"], "succeeded", "{result}");
    assert_eq!(daemon.said_to("approval_requested", "a"), Vec::<Value>::new(), "nobody was asked");
}
