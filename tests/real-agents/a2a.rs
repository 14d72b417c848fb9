//! An agent made with the published A2A SDK, through `omi-agentd`: what it says, asks and does when it is cancelled, cut
//! off or ended, in version 1.0 and in 0.3.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use omi_tests::measured::{Behaviour, Runtime, measured, within};
use omi_tests::world::wire::{Serving, text};
use omi_tests::world::{Running, World, eventually};
use rustix::process::Signal;
use serde_json::{Value, json};

/// The agent, on a port of its own, with a world in which it is registered as `remote`.
struct Stage {
    world: World,
    server: Running,
}

impl Stage {
    fn new(arguments: &[&str], config: &str) -> Self {
        let folder = std::env::var_os("OMI_A2A");
        let folder = folder.expect("OMI_A2A names where the SDK is; hint: cargo xtask test --long");
        let world = World::new();
        let mut python = Command::new(Path::new(&folder).join("venv/bin/python"));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("real-agents/a2a_server.py");
        world.settle(python.arg(script).args(arguments));
        let server = Running::start(&mut python);
        server.prints("port", |all| all.starts_with("port ") && all.contains('\n'));
        let said = server.stdout();
        let port =
            said.lines().next().and_then(|line| line.strip_prefix("port ")).expect("a port").to_owned();
        world.configure(&format!(
            "[registrations.remote]\ncomponent = \"a2a\"\n\
             grants.remote = {{ origin = 'http://127.0.0.1:{port}', private = true, methods = ['GET', 'POST'] }}\n\
             [registrations.remote.config]\n{config}\n"
        ));
        Self { world, server }
    }

    /// How often the agent was told to cancel something.
    fn cancels(&self) -> usize {
        self.server.stdout().matches("cancel ").count()
    }
}

/// Keeps what was seen for the table of real runtimes.
fn seen(behaviour: Behaviour, word: &str) {
    let (adapter, name) = ("a2a".to_owned(), "an A2A agent (a2a-sdk)".to_owned());
    measured(&Runtime { adapter, name, version: "1.3.0".to_owned() }, behaviour, word);
}

/// Has a run stopped, and says how long that took.
fn stop(daemon: &mut Serving, request: &str) -> (Value, String) {
    let begin = Instant::now();
    let result = daemon.stop(request);
    let word = format!("cancelled, {}", within(begin.elapsed()));
    (result, word)
}

/// Waits until the agent has said some text.
fn hear_text(daemon: &Serving, request: &str, wanted: &str) {
    daemon.running.prints(wanted, |all| said(all, request).contains(wanted));
}

/// The text of an answer, in what the daemon printed.
fn said(printed: &str, request: &str) -> String {
    let messages = printed.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let deltas =
        messages.filter(|message| message["type"] == "text_delta" && message["requestId"] == request);
    deltas.map(|delta| text(&delta, "text")).collect()
}

/// So many words, each once.
fn words(count: usize) -> String {
    let words: Vec<String> = (0..count).map(|number| format!("w{number}")).collect();
    words.join(" ") + " "
}

fn succeeded(result: &Value) -> String {
    assert_eq!(result["terminalStatus"], "succeeded", "{result}");
    text(result, "text")
}

#[test]
#[ignore = "needs the A2A SDK; hint: cargo xtask test --long"]
fn a_prompt_is_answered_with_text_progress_and_files() {
    let stage = Stage::new(&[], "");
    let mut daemon = Serving::start(&stage.world);
    daemon.query("a", "remote", "echo good day");
    assert_eq!(succeeded(&daemon.result("a")), "good day | before: ");
    seen(Behaviour::Prompt, "ok");
    for behaviour in [Behaviour::ToolAllowed, Behaviour::ToolRefused, Behaviour::CancelledWhileToolRuns] {
        seen(behaviour, "its tools are its own");
    }
    daemon.query("b", "remote", "steps");
    let result = daemon.result("b");
    assert_eq!(succeeded(&result), "all done");
    let events = stage.world.list("events");
    assert!(events.iter().any(|event| event.to_string().contains("looking around")), "{events:#?}");
    let artifacts = stage.world.show(&["artifacts", &text(&result, "runId"), "--json"]);
    assert_eq!(
        (&artifacts[0]["displayName"], &artifacts[0]["present"]),
        (&"made.bin".into(), &"yes".into()),
        "{artifacts}"
    );
    let file = text(&artifacts[0], "uri");
    let file = file.strip_prefix("file://").expect("a file of this machine");
    assert_eq!(std::fs::read(file).expect("it was kept"), b"\x00\x01made");
    daemon.query("c", "remote", "fail");
    let failed = daemon.result("c");
    assert_eq!(
        (&failed["terminalStatus"], &failed["failure"]["code"]),
        (&"failed".into(), &"task_failed".into())
    );
    assert!(failed.to_string().contains("out of paper"), "{failed}");

    // With a worker to start, and with one that is there.
    for request in ["cold", "warm"] {
        let prompt = json!({ "adapterId": "remote", "prompt": "echo again", "externalRefKind": "task", "externalRefId": "t" });
        let begin = Instant::now();
        daemon.ask("query", request, &prompt);
        daemon.hear("text_delta", request);
        println!("from the prompt to the first text, {request}: {:?}", begin.elapsed());
        succeeded(&daemon.result(request));
    }
}

#[test]
#[ignore = "needs the A2A SDK; hint: cargo xtask test --long"]
fn what_it_asks_is_answered_or_declined() {
    let stage = Stage::new(&[], "");
    let mut daemon = Serving::start(&stage.world);
    for (request, prompt, question) in [("a", "ask", "Which one?"), ("b", "auth", "Log in at ")] {
        daemon.query(request, "remote", prompt);
        let asked = daemon.hear("input_requested", request);
        assert!(text(&asked, "prompt").starts_with(question), "{asked}");
        let page = if prompt == "auth" { json!("https://agents.example/log-in") } else { Value::Null };
        assert_eq!(asked["url"], page);
        daemon.hear_status(request, "waiting_input");
        let answer =
            json!({ "attemptId": asked["attemptId"], "request": asked["request"], "value": "the blue one" });
        daemon.send("other", "provide_input", &format!("{request}-answer"), &answer);
        assert_eq!(succeeded(&daemon.result(request)), "answered: the blue one");
    }
    daemon.query("c", "remote", "ask");
    let asked = daemon.hear("input_requested", "c");
    let answer =
        json!({ "attemptId": asked["attemptId"], "request": asked["request"], "decision": "declined" });
    daemon.send("other", "provide_input", "c-answer", &answer);
    let result = daemon.result("c");
    assert_eq!(result["failure"]["code"], "input_declined", "{result}");
    assert!(result.to_string().contains("its task was cancelled"), "{result}");
    eventually("the agent is told", || stage.cancels() == 1);
}

#[test]
#[ignore = "needs the A2A SDK; hint: cargo xtask test --long"]
fn a_cancellation_is_confirmed_by_the_state_of_the_task() {
    let stage = Stage::new(&[], "");
    let mut daemon = Serving::start(&stage.world);
    daemon.query("a", "remote", "slow 300");
    hear_text(&daemon, "a", "w3 ");
    let (result, word) = stop(&mut daemon, "a");
    assert_eq!(result["terminalStatus"], "cancelled", "{result}");
    assert!(text(&result, "text").starts_with("w0 w1 w2 w3 "), "{result}");
    assert_eq!(dispatches(&stage.world), [(true, true)]);
    assert_eq!(stage.cancels(), 1);
    seen(Behaviour::CancelledWhileStreaming, &word);

    // In the same instant as the prompt.
    daemon.query("b", "remote", "slow 300");
    let (result, word) = stop(&mut daemon, "b");
    assert_eq!(result["terminalStatus"], "cancelled");
    daemon.query("c", "remote", "echo still here");
    assert_eq!(succeeded(&daemon.result("c")), "still here | before: ");
    seen(Behaviour::CancelledAtOnce, &word);

    // While it waits for an answer.
    daemon.query("d", "remote", "ask");
    daemon.hear("input_requested", "d");
    let (result, word) = stop(&mut daemon, "d");
    assert_eq!(result["terminalStatus"], "cancelled");
    daemon.query("e", "remote", "echo and still");
    assert_eq!(succeeded(&daemon.result("e")), "and still | before: ");
    seen(Behaviour::CancelledWhileAsked, &word);
}

/// What is on record about each cancellation: dispatched, acknowledged.
fn dispatches(world: &World) -> Vec<(bool, bool)> {
    let events = world.list("events").into_iter().filter(|event| event["type"] == "attempt.cancel_dispatch");
    let of = |event: Value| {
        let is = |key: &str| event["payload"][key] == true;
        (is("dispatchAttempted"), is("adapterAcknowledged"))
    };
    events.map(of).collect()
}

#[test]
#[ignore = "needs the A2A SDK; hint: cargo xtask test --long"]
fn a_cancellation_that_is_refused_is_not_confirmed() {
    let stage = Stage::new(&[], "");
    let mut daemon = Serving::start(&stage.world);
    daemon.query("a", "remote", "stubborn 40");
    hear_text(&daemon, "a", "w3 ");
    let result = daemon.stop("a");
    assert_eq!(result["terminalStatus"], "cancelled", "{result}");
    assert_eq!(dispatches(&stage.world), [(true, false)]);
}

#[test]
#[ignore = "needs the A2A SDK; hint: cargo xtask test --long"]
fn a_stream_that_is_cut_says_everything_once() {
    let stage = Stage::new(&[], "");
    let mut daemon = Serving::start(&stage.world);
    daemon.query("a", "remote", "drop 20");
    assert_eq!(succeeded(&daemon.result("a")), words(20));
    assert_eq!(said(&daemon.running.stdout(), "a"), words(20));
}

#[test]
#[ignore = "needs the A2A SDK; hint: cargo xtask test --long"]
fn a_server_that_is_killed_in_the_middle_is_given_up_and_its_work_is_not_repeated() {
    let stage = Stage::new(&[], "silenceMs = 2000");
    let mut daemon = Serving::start(&stage.world);
    daemon.query("a", "remote", "slow 300");
    hear_text(&daemon, "a", "w3 ");
    stage.server.signal(Signal::KILL);
    let result = daemon.result("a");
    assert_eq!(
        (&result["terminalStatus"], &result["failure"]["code"]),
        (&"failed".into(), &"remote_lost".into())
    );
    assert!(text(&result, "text").starts_with("w0 w1 w2 w3 "), "{result}");
    let run = &stage.world.list("runs")[0];
    assert_eq!(run["attempts"].as_array().map(Vec::len), Some(1), "{run}");
    seen(Behaviour::RuntimeKilled, "failed");
    seen(Behaviour::NothingLeft, "nothing runs here");
}

#[test]
#[ignore = "needs the A2A SDK; hint: cargo xtask test --long"]
fn a_task_that_nobody_works_on_is_cancelled() {
    let stage = Stage::new(&[], "silenceMs = 300\nzombieMs = 1000");
    let mut daemon = Serving::start(&stage.world);
    daemon.query("a", "remote", "zombie");
    let result = daemon.result("a");
    assert_eq!(result["failure"]["code"], "remote_silent", "{result}");
    assert_eq!(stage.cancels(), 1);
}

#[test]
#[ignore = "needs the A2A SDK; hint: cargo xtask test --long"]
fn a_conversation_goes_on_after_a_restart_of_the_daemon_and_beside_another() {
    let stage = Stage::new(&[], "");
    let in_session = |session: &str, prompt: &str| json!({ "adapterId": "remote", "prompt": prompt, "externalRefKind": "task", "externalRefId": session });
    let mut daemon = Serving::start(&stage.world);
    daemon.ask("query", "a", &in_session("one", "echo first"));
    succeeded(&daemon.result("a"));
    daemon.ask("query", "slow", &in_session("one", "slow 10"));
    daemon.ask("query", "b", &in_session("two", "echo other"));
    assert_eq!(succeeded(&daemon.result("b")), "other | before: ");
    assert_eq!(succeeded(&daemon.result("slow")), words(10));
    daemon.end();
    let mut daemon = Serving::start(&stage.world);
    daemon.ask("query", "c", &in_session("one", "echo second"));
    assert_eq!(succeeded(&daemon.result("c")), "second | before: first");
    daemon.ask("query", "d", &in_session("two", "echo more"));
    assert_eq!(succeeded(&daemon.result("d")), "more | before: other");
    seen(Behaviour::SideBySide, "ok");
    seen(Behaviour::DaemonRestarted, "native");
}

#[test]
#[ignore = "needs the A2A SDK; hint: cargo xtask test --long"]
fn an_agent_of_version_nought_point_three_does_the_same() {
    let stage = Stage::new(&["--old-card"], "");
    let mut daemon = Serving::start(&stage.world);
    daemon.query("a", "remote", "echo good day");
    assert_eq!(succeeded(&daemon.result("a")), "good day | before: ");
    daemon.query("ask", "remote", "ask");
    let asked = daemon.hear("input_requested", "ask");
    let answer =
        json!({ "attemptId": asked["attemptId"], "request": asked["request"], "value": "the blue one" });
    daemon.send("other", "provide_input", "answer", &answer);
    assert_eq!(succeeded(&daemon.result("ask")), "answered: the blue one");
    daemon.query("drop", "remote", "drop 12");
    assert_eq!(succeeded(&daemon.result("drop")), words(12));
    daemon.query("slow", "remote", "slow 300");
    hear_text(&daemon, "slow", "w3 ");
    assert_eq!(daemon.stop("slow")["terminalStatus"], "cancelled");
    assert_eq!(dispatches(&stage.world), [(true, true)]);
}
