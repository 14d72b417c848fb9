//! Sessions: titles, put away and closed; native sessions that are adopted and let go; and somebody else's.

use omi_tests::world::wire::{Serving, text};
use omi_tests::world::{World, tester};
use serde_json::{Value, json};

fn of_task(adapter: &str, prompt: &str) -> Value {
    json!({ "adapterId": adapter, "prompt": prompt, "externalRefKind": "task", "externalRefId": "task-1" })
}

#[test]
fn a_session_is_renamed_put_away_opened_by_a_prompt_and_closed() {
    let world = World::new();
    let mut daemon = Serving::start(&world);
    let mut query = of_task("echo", "hello");
    query["title"] = json!("Task one");
    daemon.ask("query", "a", &query);
    let session = text(&daemon.result("a"), "sessionId");
    let shown = |field: &str| world.show(&["session", &session, "--json"])["session"][field].clone();
    assert_eq!((shown("title"), shown("status")), (json!("Task one"), json!("open")));

    let metadata = json!({ "colour": "red" });
    let change =
        json!({ "sessionId": session, "title": "Renamed", "status": "archived", "metadata": metadata });
    daemon.ask("update_session", "u", &change);
    assert_eq!(daemon.hear("ack", "u")["sessionId"], session.as_str());
    assert_eq!((shown("title"), shown("status")), (json!("Renamed"), json!("archived")));
    assert_eq!(shown("metadata"), metadata);
    daemon.ask("query", "b", &of_task("echo", "more"));
    assert_eq!(daemon.result("b")["sessionId"], session.as_str());
    assert_eq!(shown("status"), "open", "a prompt opens it again");

    daemon.ask("update_session", "close", &json!({ "sessionId": session, "status": "closed" }));
    daemon.hear("ack", "close");
    daemon.ask("query", "c", &of_task("echo", "too late"));
    assert_eq!(daemon.refusal("c").0, "session_closed");
    daemon.ask("update_session", "open", &json!({ "sessionId": session, "status": "open" }));
    assert_eq!(daemon.refusal("open").0, "session_cannot_become");
    let updates = world.event_types().into_iter().filter(|kind| kind == "session.updated").count();
    assert_eq!(updates, 5, "two runs, a change, an opening, a closing");
}

#[test]
fn a_session_is_shown_and_changed_at_the_terminal() {
    let world = World::new();
    assert_eq!(world.run(&["run", "hello"], "").code, Some(0));
    let session = text(&world.list("sessions")[0], "sessionId");
    let changed = world.run(&["session", &session, "--title", "Mine", "--archive"], "");
    assert_eq!(changed.code, Some(0), "{changed:?}");
    assert!(changed.stdout.contains("archived") && changed.stdout.contains("Mine"), "{changed:?}");
    assert!(changed.stdout.contains("run_") && changed.stdout.contains("bind_"), "{changed:?}");
    let opened = world.run(&["session", &session, "--reopen"], "");
    assert!(opened.stdout.contains("open"), "{opened:?}");
    let closed = world.run(&["session", &session, "--close"], "");
    assert_eq!(closed.code, Some(0), "{closed:?}");
    let again = world.run(&["session", &session, "--reopen"], "");
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.stderr.contains("closed and cannot become open"), "{again:?}");
    let unknown = format!("ses_{}", "0".repeat(32));
    for arguments in [&["session", &unknown][..], &["session", &unknown, "--close"]] {
        let ended = world.run(arguments, "");
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(&format!("there is no session `{unknown}`")), "{ended:?}");
    }
    let serving = Serving::start(&world);
    let closed = world.run(&["session", &session, "--title", "Other", "--reopen"], "");
    assert_eq!(closed.code, Some(1), "a daemon that serves has the same rules: {closed:?}");
    assert!(closed.stderr.contains("closed and cannot become open"), "{closed:?}");
    let changed = world.run(&["session", &session, "--title", "Other"], "");
    assert!(changed.code == Some(0) && changed.stdout.contains("title    Other"), "{changed:?}");
    serving.end();
}

#[test]
fn a_native_session_of_an_earlier_product_is_the_first_binding() {
    let before = World::new();
    let state = before.path("agent").display().to_string();
    before.register_tester(&["--state", &state]);
    assert_eq!(before.run(&["run", "--adapter", "tester", "say one"], "").code, Some(0));
    let native = before.list("runs")[0]["attempts"][0]["adapterSessionId"].clone();

    let world = World::new();
    world.register_tester(&["--state", &state]);
    let mut daemon = Serving::start(&world);
    let mut query = of_task("tester", "say two");
    query["legacyAdapterSessionId"] = native.clone();
    daemon.ask("query", "a", &query);
    let a = daemon.result("a");
    assert_eq!((&a["text"], &a["adapterSessionId"]), (&"two".into(), &native));
    let shown = world.show(&["session", &text(&a, "sessionId"), "--json"]);
    assert_eq!(shown["bindings"][0]["bindingGeneration"], 1);
    assert_eq!(shown["bindings"].as_array().map(Vec::len), Some(1));
    assert_eq!(world.list("runs")[0]["attempts"].as_array().map(Vec::len), Some(1));
    assert!(world.event_types().contains(&"binding.resumed".to_owned()), "it was taken up, not made");
    // Once there is a binding the name means nothing.
    query["prompt"] = json!("say three");
    query["legacyAdapterSessionId"] = json!("something else");
    daemon.ask("query", "b", &query);
    assert_eq!(daemon.result("b")["adapterSessionId"], native);
}

#[test]
fn an_unknown_native_session_costs_one_attempt_and_not_the_session() {
    let world = World::new();
    world.register_tester(&["--state", &world.path("agent").display().to_string()]);
    let mut daemon = Serving::start(&world);
    let mut query = of_task("tester", "say two");
    query["legacyAdapterSessionId"] = json!("native-unknown");
    daemon.ask("query", "a", &query);
    let a = daemon.result("a");
    assert_eq!((&a["terminalStatus"], &a["text"]), (&"succeeded".into(), &"two".into()), "{a}");
    assert_ne!(a["adapterSessionId"], "native-unknown");
    let shown = world.show(&["session", &text(&a, "sessionId"), "--json"]);
    assert_eq!(shown["bindings"][0]["bindingGeneration"], 2);
    let attempts = &shown["runs"][0]["attempts"];
    assert_eq!(attempts.as_array().map(Vec::len), Some(2), "{attempts}");
    assert_eq!((&attempts[0]["status"], &attempts[0]["retryable"]), (&"failed".into(), &true.into()));
    assert_eq!(attempts[1]["retryReason"], "stale_binding");
}

#[test]
fn a_session_that_is_invalidated_begins_with_a_new_native_session() {
    let world = World::new();
    world.register_tester(&[]);
    let mut daemon = Serving::start(&world);
    daemon.ask("query", "a", &of_task("tester", "say one"));
    let a = daemon.result("a");
    let task = json!({ "externalRefKind": "task", "externalRefId": "task-1" });
    daemon.ask("invalidate_session", "i", &task);
    daemon.hear("ack", "i");
    daemon.ask("query", "b", &of_task("tester", "say two"));
    let b = daemon.result("b");
    assert_eq!(a["sessionId"], b["sessionId"]);
    assert_ne!(a["adapterSessionId"], b["adapterSessionId"]);
    let bindings = &world.show(&["session", &text(&a, "sessionId"), "--json"])["bindings"];
    let seen: Vec<_> = bindings.as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(seen, ["active", "invalid"]);
    daemon.ask("invalidate_session", "j", &json!({ "sessionKey": "nobody's" }));
    assert_eq!(daemon.refusal("j").0, "not_found");
}

/// Gives everything in the record to another owner, whose name is as long.
fn give_away(world: &World) {
    let database = world.path("state/omi-agentd.sqlite3");
    assert!(!world.path("state/omi-agentd.sqlite3-wal").exists(), "the record is in one file");
    let mut bytes = std::fs::read(&database).unwrap();
    let (from, to) = (b"desktop-local-user", b"desktop-other-user");
    let places: Vec<usize> =
        (0..bytes.len() - from.len()).filter(|&at| bytes[at..].starts_with(from)).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    std::fs::write(&database, bytes).unwrap();
}

#[test]
fn what_belongs_to_somebody_else_is_as_if_it_were_not_there() {
    let world = World::new();
    world.configure(&tester(&[], ""));
    let mut daemon = Serving::start(&world);
    daemon.query("a", "tester", "say hello\nexit");
    let a = daemon.result("a");
    daemon.end();
    // A daemon without a reader beside it leaves the record in one file.
    world.run(&["retry", &format!("run_{}", "0".repeat(32))], "");
    give_away(&world);
    for kind in ["sessions", "runs", "events", "requests", "artifacts"] {
        assert_eq!(world.list(kind), Vec::<Value>::new(), "{kind}");
    }
    let mut daemon = Serving::start(&world);
    let refused = |daemon: &mut Serving, kind: &str, fields: &dyn Fn(&str, &str, &str) -> Value| {
        let unknown = "0".repeat(32);
        let mut told = Vec::new();
        for (name, session, run, attempt) in [
            ("own", text(&a, "sessionId"), text(&a, "runId"), text(&a, "attemptId")),
            ("unknown", format!("ses_{unknown}"), format!("run_{unknown}"), format!("att_{unknown}")),
        ] {
            let request = format!("{kind} {name}");
            daemon.ask(kind, &request, &fields(&session, &run, &attempt));
            let (code, why) = daemon.refusal(&request);
            let why = [&session, &run, &attempt].into_iter().fold(why, |why, id| why.replace(id, "ID"));
            told.push((code, why));
        }
        assert_eq!(told[0], told[1], "{kind}: somebody else's cannot be told from what is not there");
        assert_eq!(told[0].0, "not_found", "{told:?}");
    };
    refused(&mut daemon, "interrupt", &|_, run, _| json!({ "runId": run }));
    refused(&mut daemon, "retry", &|_, run, _| json!({ "runId": run }));
    refused(&mut daemon, "subscribe", &|_, run, _| json!({ "runId": run }));
    refused(&mut daemon, "query", &|session, _, _| json!({ "sessionId": session, "prompt": "x" }));
    refused(&mut daemon, "update_session", &|session, _, _| json!({ "sessionId": session, "title": "x" }));
    refused(&mut daemon, "invalidate_session", &|session, _, _| json!({ "sessionId": session }));
    let decision =
        |_: &str, _: &str, attempt: &str| json!({ "attemptId": attempt, "approval": 1, "optionId": "x" });
    refused(&mut daemon, "approval_decision", &decision);
    refused(&mut daemon, "provide_input", &|_, run, _| json!({ "runId": run, "request": 1, "value": 1 }));
    let delegate =
        |_: &str, run: &str, _: &str| json!({ "parentRunId": run, "mode": "spawn", "objective": "x" });
    refused(&mut daemon, "delegate", &delegate);
    daemon.query("a", "tester", "say hello\nexit");
    let (code, why) = daemon.refusal("a");
    assert_eq!(code, "request_conflict", "the name of a request is taken for everybody");
    assert!(!why.contains(&text(&a, "runId")), "and says nothing else: {why}");
    daemon.end();
    let shown = world.run(&["runs", &text(&a, "runId")], "");
    assert!(shown.stderr.contains("there is no run"), "{shown:?}");
    for (kind, id) in [
        ("runs", text(&a, "sessionId")),
        ("events", text(&a, "sessionId")),
        ("events", text(&a, "runId")),
        ("artifacts", text(&a, "sessionId")),
        ("artifacts", text(&a, "runId")),
    ] {
        let shown = world.run(&[kind, &id], "");
        assert_eq!((shown.code, shown.stdout.as_str()), (Some(1), ""), "{kind} {id}: {shown:?}");
        assert!(shown.stderr.contains("there is no ") && shown.stderr.contains(&id), "{shown:?}");
    }
}
