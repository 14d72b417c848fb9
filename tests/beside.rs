//! Commands beside a daemon that serves: they talk to it, and what they do is what it would do for any client.

use omi_tests::world::wire::{Serving, text};
use omi_tests::world::{Running, World, eventually, guest, guest_file, tester};
use rustix::process::Signal;
use serde_json::{Value, json};

/// A daemon that serves, with the test agent.
fn serving() -> (World, Serving) {
    let world = World::new();
    world.register_tester(&[]);
    let daemon = Serving::start(&world);
    (world, daemon)
}

/// What `requests` prints once something is asked.
fn requests(world: &World) -> String {
    eventually("something is asked", || !world.list("requests").is_empty());
    world.run(&["requests"], "").stdout
}

/// The words of the command that a line hints at, with what stands for an answer replaced.
fn hinted(line: &str, placeholder: &str, answer: &str) -> Vec<String> {
    let command = line.split("`omi-agentd ").nth(1).and_then(|rest| rest.split('`').next());
    let command = command.unwrap_or_else(|| panic!("no command in {line}"));
    command.split(' ').map(|word| if word == placeholder { answer } else { word }.to_owned()).collect()
}

fn command(world: &World, words: &[String]) -> omi_tests::world::Ended {
    world.run(&words.iter().map(String::as_str).collect::<Vec<_>>(), "")
}

#[test]
fn a_prompt_is_run_by_the_daemon_and_shown_as_if_it_were_here() {
    let (world, mut daemon) = serving();
    daemon.ask("subscribe", "s", &json!({}));
    daemon.hear("ack", "s");
    let ended = world.run(&["run", "--adapter", "tester", "say one two three"], "");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "one two three\n"), "{ended:?}");
    assert!(ended.stderr.contains("session ses_") && ended.stderr.contains("run     succeeded"), "{ended:?}");
    let end = daemon.hear_that("event", "s", |message| message["event"]["type"] == "run.succeeded");
    let run = &world.list("runs")[0];
    assert_eq!((&end["runId"], run["clientId"].as_str()), (&run["runId"], Some("cli")), "{run}");

    let (mut agent, mut json) = (world.start(&["run", "--adapter", "tester", "-"]), String::new());
    agent.write("say from a pipe");
    drop(agent.stdin.take());
    assert_eq!(agent.ended().stdout, "from a pipe\n");
    let session = text(&world.list("sessions")[0], "sessionId");
    let ended = world.run(&["run", "--session", &session, "--json", "say more"], "");
    json.push_str(&ended.stdout);
    let events: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.iter().all(|event| event["sessionId"] == session.as_str()), "{json}");
    assert_eq!(events.last().unwrap()["type"], "run.succeeded");
    daemon.end();
}

#[test]
fn what_a_daemon_refuses_is_said_in_its_words() {
    let (world, daemon) = serving();
    let cases = [
        (&["run", "--adapter", "nobody", "hi"][..], "`nobody`"),
        (&["run", "--agent", "my-agent", "hi"], "--agent changes a registration"),
        (&["run", "--session", "ses_00000000000000000000000000000000", "hi"], "there is no session"),
        (&["retry", "run_00000000000000000000000000000000"], "run_0"),
        (
            &["retry", "run_00000000000000000000000000000000", "--agent", "x"],
            "--agent changes a registration",
        ),
        (&["cancel", "run_00000000000000000000000000000000"], "run_0"),
        (&["approve", "run_00000000000000000000000000000000", "--reject"], "asks nothing"),
        (&["approve", "nothing", "--reject"], "neither a run id nor an attempt id"),
        (&["record", "--to", "talk.jsonl", "--adapter", "echo", "hi"], "another omi-agentd"),
    ];
    for (arguments, words) in cases {
        let ended = world.run(arguments, "");
        assert_eq!(ended.code, Some(1), "{arguments:?}: {ended:?}");
        assert!(
            ended.stderr.contains(words) && ended.stderr.lines().count() == 1,
            "{arguments:?}: {ended:?}"
        );
    }
    daemon.end();
}

#[test]
fn a_key_names_the_same_run_whether_it_is_over_or_goes_on() {
    let (world, mut daemon) = serving();
    daemon.query("a", "tester", "say begin");
    let session = text(&daemon.result("a"), "sessionId");
    let arguments = ["run", "--session", &session, "--idempotency-key", "k", "slow"];
    let first = world.start(&arguments);
    first.prints("text", |all| all.contains("tick 2"));
    let second = world.start(&arguments);
    second.says("accepted before");
    second.prints("the text from its beginning", |all| all.contains("tick 1"));
    second.signal(Signal::INT);
    assert_eq!((first.ended().code, second.ended().code), (Some(3), Some(3)), "it is one run");
    let third = world.run(&arguments, "");
    assert_eq!(third.code, Some(3), "{third:?}");
    assert!(third.stdout.starts_with("tick 1") && third.stderr.contains("accepted before"), "{third:?}");
    assert_eq!(world.list("runs").len(), 2);
}

#[test]
fn ctrl_c_cancels_there_and_a_second_one_leaves_the_run_to_the_daemon() {
    let world = World::new();
    world.configure(&format!("cancel-grace-ms = 3000\n{}", tester(&["deaf"], "")));
    let daemon = Serving::start(&world);
    let running = world.start(&["run", "--adapter", "tester", "work out.txt"]);
    let out = world.work().join("out.txt");
    eventually("the agent works", || out.exists());
    running.signal(Signal::INT);
    running.says("accepted: true");
    running.signal(Signal::INT);
    let ended = running.ended();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(ended.stderr.contains("the daemon goes on with the run"), "{ended:?}");
    eventually("the daemon ends it", || world.list("runs")[0]["status"] == "cancelled");
    daemon.end();
}

#[test]
fn a_run_is_cancelled_and_tried_again_from_another_terminal() {
    let (world, mut daemon) = serving();
    daemon.query("a", "tester", "slow");
    let run = text(&daemon.hear("text_delta", "a"), "runId");
    let ended = world.run(&["cancel", &run], "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("accepted: true, adapter told: true"), "{ended:?}");
    assert_eq!(daemon.result("a")["terminalStatus"], "cancelled");
    let again = world.run(&["cancel", &run, "--json"], "");
    let ack: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!((again.code, &ack["status"], &ack["accepted"]), (Some(1), &"cancelled".into(), &false.into()));

    let retry = world.start(&["retry", &run]);
    retry.prints("text", |all| all.contains("tick 1"));
    retry.signal(Signal::INT);
    let ended = retry.ended();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let run = &world.list("runs")[0];
    assert_eq!(run["attempts"].as_array().map(Vec::len), Some(2), "{run}");
}

#[test]
fn a_permission_is_given_at_another_terminal_as_requests_says() {
    let (world, daemon) = serving();
    // Nobody is at this one.
    let running = world.start(&["run", "--adapter", "tester", "write out.txt written\nsay done"]);
    running.says("? Write out.txt; hint: `omi-agentd approve");
    let line = requests(&world);
    assert!(line.contains("allow, reject"), "{line}");
    let odd = command(&world, &hinted(&line, "ID", "maybe"));
    assert!(odd.code == Some(1) && odd.stderr.contains("`maybe`"), "{odd:?}");
    let run = text(&world.list("runs")[0], "runId");
    let other = world.run(&["answer", &run, "text"], "");
    assert!(other.code == Some(1) && other.stderr.contains("omi-agentd approve"), "{other:?}");
    let answered = command(&world, &hinted(&line, "ID", "allow"));
    assert_eq!(answered.code, Some(0), "{answered:?}");
    let ended = running.ended();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "done\n"), "{ended:?}");
    assert_eq!(std::fs::read_to_string(world.work().join("out.txt")).unwrap(), "written");
    daemon.end();
}

#[test]
fn a_person_at_the_terminal_of_the_run_is_asked_there() {
    let (world, daemon) = serving();
    let ended = world.run(&["run", "--adapter", "tester", "--ask", "write out.txt written\nsay done"], "2\n");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "done\n"), "{ended:?}");
    assert!(!world.work().join("out.txt").exists(), "it was refused");
    daemon.end();
}

#[test]
fn information_and_a_log_in_are_answered_at_another_terminal() {
    let world = World::new();
    world.configure(&format!("cancel-grace-ms = 200\n{}", guest("person_probe")));
    world.install(&guest_file("person_probe"));
    let mut daemon = Serving::start(&world);
    daemon.query("a", "person_probe", r#"ask 7 {"type":"integer"}"#);
    daemon.hear("input_requested", "a");
    let line = requests(&world);
    let odd = command(&world, &hinted(&line, "VALUE", "{"));
    assert!(odd.code == Some(1) && odd.stderr.contains("schema"), "{odd:?}");
    let answered = command(&world, &hinted(&line, "VALUE", "42"));
    assert_eq!(answered.code, Some(0), "{answered:?}");
    assert_eq!(daemon.hear("input_provided", "a")["outcome"], "provided");
    daemon.stop("a");
    daemon.end();

    world.configure(&tester(&["locked"], ""));
    let mut daemon = Serving::start(&world);
    daemon.query("b", "tester", "say in");
    daemon.hear("input_requested", "b");
    let line = requests(&world);
    assert!(line.contains("ID is one of key"), "{line}");
    assert_eq!(command(&world, &hinted(&line, "ID", "key")).code, Some(0));
    assert_eq!(daemon.result("b")["text"], "in");
}

#[test]
fn a_run_is_delegated_from_the_command_line() {
    let (world, mut daemon) = serving();
    daemon.query("parent", "tester", "slow");
    let parent = text(&daemon.hear("text_delta", "parent"), "runId");
    let delegate = ["delegate", "--parent", &parent, "--adapter", "echo"];
    let call = [&delegate[..], &["--mode", "call", "Count the words"]].concat();
    let ended = world.run(&call, "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stdout.contains("Count the words") && ended.stderr.contains("run     succeeded"),
        "{ended:?}"
    );
    let spawn = [&delegate[..], &["--mode", "spawn", "--json", "Go on"]].concat();
    let ended = world.run(&spawn, "");
    let delegated: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((ended.code, &delegated["type"]), (Some(0), &"delegated".into()), "{ended:?}");
    daemon.stop("parent");
    let over = world.run(&spawn, "");
    assert!(over.code == Some(1) && over.stderr.contains("cancelled"), "{over:?}");
}

/// Calls a control tool of an MCP client's server that was just started, and gives what it answers.
fn call(client: &mut Running, tool: &str, input: &Value) -> Value {
    let mut say = |message: Value| client.write(&format!("{message}\n"));
    say(
        json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": { "protocolVersion": "2025-06-18",
        "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } } }),
    );
    say(json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    say(json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" }));
    say(
        json!({ "jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": { "name": tool, "arguments": input } }),
    );
    let listed = client.message("the tools", |message| message["id"] == 2);
    assert_eq!(listed["result"]["tools"].as_array().map(Vec::len), Some(7), "{listed}");
    client.message("the answer", |message| message["id"] == 3)
}

#[test]
fn an_mcp_client_has_the_tools_of_the_daemon_that_serves() {
    let (world, mut daemon) = serving();
    daemon.query("a", "tester", "slow");
    let run = text(&daemon.hear("text_delta", "a"), "runId");
    let mut client = world.start(&["mcp"]);
    let done = call(&mut client, "cancel_agent_run", &json!({ "runId": run }));
    assert_eq!(done["result"]["structuredContent"]["cancellation"]["accepted"], true, "{done}");
    assert_eq!(daemon.result("a")["terminalStatus"], "cancelled");
    drop(client.stdin.take());
    assert_eq!(client.ended().code, Some(0));
    let mut client = world.start(&["mcp"]);
    let refused = call(&mut client, "cancel_agent_run", &json!({ "runId": "run_1" }));
    assert_eq!(
        (&refused["result"]["isError"], &refused["result"]["structuredContent"]["ok"]),
        (&true.into(), &false.into())
    );
    daemon.end();
}

#[test]
fn commands_are_beside_the_daemon_of_an_mcp_client_too() {
    let world = World::new();
    let mut client = world.start(&["mcp"]);
    call(&mut client, "list_agent_sessions", &json!({}));
    let ended = world.run(&["run", "--adapter", "echo", "beside"], "");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "beside\n"), "{ended:?}");
    drop(client.stdin.take());
    assert_eq!(client.ended().code, Some(0));
}

#[test]
fn events_are_followed_from_a_cursor_until_the_daemon_ends() {
    let (world, mut daemon) = serving();
    daemon.query("a", "echo", "before");
    daemon.result("a");
    let whole = world.start(&["events", "--follow", "--after", "0", "--json"]);
    let from_now = world.start(&["events", "--follow"]);
    whole.prints("what is recorded", |all| all.contains("run.succeeded"));
    // That one listens as soon as it shows anything: it is given something until then.
    let mut count = 0;
    eventually("it hears", || {
        count += 1;
        daemon.query(&format!("b{count}"), "echo", "after");
        daemon.result(&format!("b{count}"));
        from_now.stdout().contains("run.succeeded")
    });
    daemon.query("last", "echo", "after");
    let last = daemon.result("last");
    let cursor = last["cursor"].as_i64().unwrap();
    whole.prints("the last one", |all| all.contains(&format!("\"cursor\":{cursor},")));
    daemon.end();
    let (whole, from_now) = (whole.ended(), from_now.ended());
    assert_eq!((whole.code, from_now.code), (Some(0), Some(0)), "{whole:?} {from_now:?}");
    assert!(whole.stderr.contains("the daemon has ended"), "{whole:?}");
    let heard: Vec<Value> = whole.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let cursors: Vec<i64> = heard.iter().filter_map(|event| event["cursor"].as_i64()).collect();
    assert!(cursors.windows(2).all(|pair| pair[0] < pair[1]), "{cursors:?}");
    for event in world.list("events") {
        assert!(heard.contains(&event), "it was not shown: {event}");
    }
}

#[test]
fn what_needs_a_daemon_says_so_where_none_runs() {
    let world = World::new();
    world.register_tester(&[]);
    let mut daemon = Serving::start(&world);
    daemon.query("a", "tester", "write out.txt late");
    let run = text(&daemon.hear("approval_requested", "a"), "runId");
    daemon.hear_status("a", "waiting_approval");
    daemon.kill();
    for arguments in [
        &["approve", &run, "--option", "allow"][..],
        &["answer", &run, "yes"],
        &["events", "--follow"],
        &["delegate", "--parent", &run, "--mode", "spawn", "x"],
    ] {
        let ended = world.run(arguments, "");
        assert_eq!(ended.code, Some(1), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains("no omi-agentd serves"), "{arguments:?}: {ended:?}");
    }
    let ended = world.run(&["cancel", &run], "");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("run     orphaned (no daemon runs)"), "{ended:?}");
}
