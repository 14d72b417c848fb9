//! Programs that the agent starts through this client.

use omi_adapter_sdk::testkit::{self, exited, spawned, stderr, stdout};
use omi_adapter_sdk::{
    CloseBinding, CloseStdin, Exit, Exited, Framing, Input, Kill, Output, Scope, Spawn, Stop, StopReason, Why,
};
use serde_json::{Value, json};

use super::script::{AGENT, Script};

/// A worker in the turn of attempt 1, with the grant `terminal`.
fn prompted() -> Script {
    Script::prompted_with(&["terminal"])
}

/// The agent asks for a program; what the host is asked for.
fn asks_for(script: &mut Script, params: Value) -> Spawn {
    script.asks("create", "terminal/create", params);
    match &script.out[..] {
        [Output::Spawn(spawn), Output::CloseStdin(close)] => {
            assert_eq!(*close, CloseStdin::new(spawn.op), "nobody can write to it");
            spawn.clone()
        }
        other => panic!("a spawn is expected: {other:?}"),
    }
}

/// A program that runs: its op, and the agent's name for it.
fn runs(script: &mut Script, params: Value) -> (u32, Value) {
    let op = asks_for(script, params).op;
    script.send(spawned(op));
    (op, script.result("create")["terminalId"].clone())
}

fn on(script: &mut Script, method: &str, terminal: &Value) -> Value {
    let method = format!("terminal/{method}");
    script.asks(&method, &method, json!({"terminalId": terminal})).result(&method)
}

/// What the agent is told about a terminal.
fn output(script: &mut Script, terminal: &Value) -> Value {
    on(script, "output", terminal)
}

fn error_on(script: &mut Script, method: &str, terminal: &Value) -> (i64, String) {
    let method = format!("terminal/{method}");
    script.asks(&method, &method, json!({"terminalId": terminal})).error(&method)
}

fn kills(script: &Script) -> Vec<Kill> {
    let kill = |output: &Output| match output {
        Output::Kill(kill) => Some(kill.clone()),
        _ => None,
    };
    script.out.iter().filter_map(kill).collect()
}

#[test]
fn a_program_is_started_as_the_agent_says() {
    let mut script = prompted();
    let spawn = asks_for(
        &mut script,
        json!({"command": "cargo", "args": ["test", "-q"], "env": [{"name": "CI", "value": "1"}],
            "cwd": "/work/host", "outputByteLimit": 1000}),
    );
    let expected = Spawn::terminal(spawn.op, Scope::Attempt(1), "terminal", "cargo")
        .args(["test", "-q"])
        .env("CI", "1")
        .cwd("/work/host");
    assert_eq!(spawn, expected);
    assert_eq!(spawn.stdout, Framing::Bytes);
    let bare = asks_for(&mut script, json!({"command": "ls"}));
    assert_eq!((bare.args.len(), bare.env.len(), bare.cwd), (0, 0, None));
}

#[test]
fn a_program_runs_says_something_and_ends() {
    let mut script = prompted();
    let (op, terminal) = runs(&mut script, json!({"command": "make"}));
    assert_eq!(output(&mut script, &terminal), json!({"output": "", "truncated": false}));
    for input in [stdout(op, "one\n"), stderr(op, "warning\n"), stdout(op, "two\n")] {
        assert_eq!(script.send(input).out, []);
    }
    let said = json!({"output": "one\nwarning\ntwo\n", "truncated": false});
    assert_eq!(output(&mut script, &terminal), said);

    script.asks("wait", "terminal/wait_for_exit", json!({"terminalId": terminal}));
    assert_eq!(script.written(), [] as [Value; 0], "it runs");
    script.asks("wait too", "terminal/wait_for_exit", json!({"terminalId": terminal}));
    script.send(exited(op, 3, "warning\n"));
    for id in ["wait", "wait too"] {
        assert_eq!(script.result(id), json!({"exitCode": 3}));
    }
    assert_eq!(on(&mut script, "wait_for_exit", &terminal), json!({"exitCode": 3}), "also afterwards");
    assert_eq!(output(&mut script, &terminal)["exitStatus"], json!({"exitCode": 3}));
    assert_eq!(output(&mut script, &terminal)["output"], "one\nwarning\ntwo\n");

    assert_eq!(on(&mut script, "release", &terminal), json!({}));
    assert_eq!(kills(&script), []);
    assert_eq!(error_on(&mut script, "output", &terminal).0, -32602);
}

#[test]
fn the_end_by_a_signal_is_named() {
    for (exit, status) in [
        (Exit::Signal(9), json!({"signal": "SIGKILL"})),
        (Exit::Signal(64), json!({"signal": "signal 64"})),
        (Exit::Code(0), json!({"exitCode": 0})),
        (Exit::Unknown, json!({})),
    ] {
        let mut script = prompted();
        let (op, terminal) = runs(&mut script, json!({"command": "make"}));
        let ended = Exited { op, exit, stderr_tail: String::new(), extra: String::new() };
        script.send(Input::Exited(ended));
        assert_eq!(on(&mut script, "wait_for_exit", &terminal), status);
    }
}

#[test]
fn the_end_of_the_output_is_kept_within_the_limit_that_is_smaller() {
    let mut script = prompted();
    let (op, terminal) = runs(&mut script, json!({"command": "make", "outputByteLimit": 10}));
    script.send(stdout(op, "lost €€€ok"));
    assert_eq!(output(&mut script, &terminal), json!({"output": "€€ok", "truncated": true}));

    let limit = 1024 * 1024;
    let (op, terminal) = runs(&mut script, json!({"command": "make", "outputByteLimit": 5 * limit}));
    for _ in 0..40 {
        script.send(stdout(op, vec![b'x'; 64 * 1024]));
    }
    let said = output(&mut script, &terminal);
    assert_eq!(said["output"].as_str().map(str::len), Some(limit));
    assert_eq!(said["truncated"], true);
}

#[test]
fn a_character_that_is_cut_in_two_is_whole() {
    let mut script = prompted();
    let (op, terminal) = runs(&mut script, json!({"command": "make"}));
    let euro = "€".as_bytes();
    script.send(stdout(op, &euro[..2])).send(stderr(op, "!")).send(stdout(op, &euro[2..]));
    assert_eq!(output(&mut script, &terminal)["output"], "!€");
}

#[test]
fn a_program_that_is_refused_is_an_error_with_the_reason_and_no_terminal() {
    let hint = "no live grant allows it; hint: policy = \"ask\"";
    for (why, code, words) in [
        (Why::Denied(hint.to_owned()), -32603, hint),
        (Why::Failed("no such program: `mkae`".to_owned()), -32603, "`mkae`"),
        (Why::Limit("8 processes run already".to_owned()), -32603, "8 processes"),
        (Why::Cancelled, -32800, "cancelled"),
    ] {
        let mut script = prompted();
        let op = asks_for(&mut script, json!({"command": "mkae"})).op;
        let (got, message) = script.send(testkit::refused(op, why)).error("create");
        assert_eq!(got, code, "{message}");
        assert!(message.contains(words), "{message}");
        assert_eq!(error_on(&mut script, "output", &json!(format!("terminal-{op}"))).0, -32602);
    }
}

#[test]
fn a_program_that_is_killed_stays_until_it_is_released() {
    let mut script = prompted();
    let (op, terminal) = runs(&mut script, json!({"command": "sleep", "args": ["9"]}));
    assert_eq!(on(&mut script, "kill", &terminal), json!({}));
    let kill = Kill::new(op, 500);
    assert_eq!(kills(&script), [kill]);
    on(&mut script, "kill", &terminal);
    assert_eq!(kills(&script), [], "once is enough");
    script.send(stdout(op, "terminated")).send(exited(op, 143, ""));
    assert_eq!(
        output(&mut script, &terminal),
        json!({"output": "terminated", "truncated": false, "exitStatus": {"exitCode": 143}})
    );
    on(&mut script, "kill", &terminal);
    assert_eq!(kills(&script), []);
}

#[test]
fn a_program_that_is_released_is_killed_and_who_waits_is_told_its_end() {
    let mut script = prompted();
    let (op, terminal) = runs(&mut script, json!({"command": "sleep", "args": ["9"]}));
    script.asks("wait", "terminal/wait_for_exit", json!({"terminalId": terminal}));
    assert_eq!(on(&mut script, "release", &terminal), json!({}));
    assert_eq!(kills(&script), [Kill::new(op, 500)]);
    for method in ["output", "wait_for_exit", "kill", "release"] {
        assert_eq!(error_on(&mut script, method, &terminal).0, -32602, "{method}");
    }
    script.send(stdout(op, "late"));
    script.send(Input::Exited(Exited {
        op,
        exit: Exit::Signal(15),
        stderr_tail: String::new(),
        extra: String::new(),
    }));
    assert_eq!(script.result("wait"), json!({"signal": "SIGTERM"}));
}

#[test]
fn a_terminal_belongs_to_its_session() {
    let mut script = prompted();
    let (op, terminal) = runs(&mut script, json!({"command": "make"}));
    script.out = script.kit.open(2, "/other");
    script.answers(&json!({"sessionId": "s2"}));
    script.says(&json!({"id": "o", "method": "terminal/output",
        "params": {"sessionId": "s2", "terminalId": terminal}}));
    assert_eq!(script.error("o").0, -32602);
    script.says(&json!({"id": "o", "method": "terminal/output",
        "params": {"sessionId": "s3", "terminalId": terminal}}));
    assert!(script.error("o").1.contains("no session `s3`"));
    assert_eq!(error_on(&mut script, "output", &json!("terminal-1")).0, -32602, "the agent is no terminal");

    script.send(Input::CloseBinding(CloseBinding { binding: 2, extra: String::new() }));
    assert_eq!(kills(&script), [], "it is of another session");
    script.send(Input::CloseBinding(CloseBinding { binding: 1, extra: String::new() }));
    assert_eq!(kills(&script), [Kill::new(op, 500)]);
    assert_eq!(script.send(exited(op, 0, "")).out, []);
}

#[test]
fn a_cancelled_turn_leaves_no_program_running_and_begins_none() {
    let mut script = prompted();
    let (op, terminal) = runs(&mut script, json!({"command": "sleep", "args": ["9"]}));
    let parked = asks_for(&mut script, json!({"command": "sleep", "args": ["8"]})).op;
    script.asks("wait", "terminal/wait_for_exit", json!({"terminalId": terminal}));
    script.send(testkit::cancel(1));
    assert_eq!(kills(&script), [Kill::new(op, 500), Kill::new(parked, 500)]);
    script.send(testkit::refused(parked, Why::Cancelled));
    assert_eq!(script.error("create").0, -32800);
    script.send(exited(op, 143, ""));
    assert_eq!(script.result("wait"), json!({"exitCode": 143}));
    assert_eq!(output(&mut script, &terminal)["exitStatus"], json!({"exitCode": 143}), "it can be looked at");
    assert_eq!(script.asks("c", "terminal/create", json!({"command": "ls"})).error("c").0, -32800);
}

#[test]
fn a_program_that_starts_after_its_session_was_closed_is_ended() {
    let mut script = prompted();
    let op = asks_for(&mut script, json!({"command": "make"})).op;
    script.send(Input::CloseBinding(CloseBinding { binding: 1, extra: String::new() }));
    assert_eq!(kills(&script), [Kill::new(op, 500)]);
    let (code, message) = script.send(spawned(op)).error("create");
    assert_eq!((code, message.as_str()), (-32800, "the session is over"));
    assert_eq!(script.send(exited(op, 0, "")).out, []);
}

#[test]
fn what_the_agent_takes_back_is_answered_as_cancelled() {
    let mut script = prompted();
    let (_, terminal) = runs(&mut script, json!({"command": "sleep", "args": ["9"]}));
    script.asks("wait", "terminal/wait_for_exit", json!({"terminalId": terminal}));
    script.says(&json!({"method": "$/cancel_request", "params": {"requestId": "wait"}}));
    assert_eq!(script.error("wait").0, -32800);
    assert_eq!(kills(&script), [], "it runs on");

    let op = asks_for(&mut script, json!({"command": "make"})).op;
    script.says(&json!({"method": "$/cancel_request", "params": {"requestId": "create"}}));
    assert_eq!(kills(&script), [Kill::new(op, 0)]);
    assert_eq!(script.send(testkit::refused(op, Why::Cancelled)).error("create").0, -32800);
}

#[test]
fn a_session_has_so_many_terminals() {
    let mut script = prompted();
    let terminals: Vec<(u32, Value)> =
        (0..8).map(|_| runs(&mut script, json!({"command": "make"}))).collect();
    let (code, message) = script.asks("c", "terminal/create", json!({"command": "make"})).error("c");
    assert_eq!(code, -32603);
    assert!(message.contains("8 in a session") && message.contains("hint: release some"), "{message}");
    on(&mut script, "release", &terminals[3].1);
    runs(&mut script, json!({"command": "make"}));
}

#[test]
fn only_so_many_requests_wait_for_one_end() {
    let mut script = prompted();
    let (op, terminal) = runs(&mut script, json!({"command": "make"}));
    for _ in 0..16 {
        let waits = script.asks("w", "terminal/wait_for_exit", json!({"terminalId": terminal}));
        assert_eq!(waits.written(), [] as [Value; 0]);
    }
    assert_eq!(error_on(&mut script, "wait_for_exit", &terminal).0, -32603);
    assert_eq!(script.send(exited(op, 0, "")).written().len(), 16);
}

#[test]
fn the_end_of_the_worker_is_the_end_of_its_programs() {
    let mut script = prompted();
    let (op, _) = runs(&mut script, json!({"command": "sleep", "args": ["9"]}));
    script.send(Input::Stop(Stop { reason: StopReason::Idle, grace_ms: 3000, extra: String::new() }));
    assert_eq!(kills(&script), [Kill::new(op, 1000), Kill::new(AGENT, 1000)]);

    let mut script = prompted();
    let (op, _) = runs(&mut script, json!({"command": "sleep", "args": ["9"]}));
    script.send(exited(AGENT, 1, "out of memory"));
    assert_eq!(script.failure_code(), "retryable agent_exited");
    assert_eq!(kills(&script), [Kill::new(op, 0)]);
}

#[test]
fn what_a_program_writes_is_never_taken_for_the_agent() {
    let mut script = prompted();
    let (op, _) = runs(&mut script, json!({"command": "cat"}));
    script.send(testkit::line(op, r#"{"id":3,"result":{"stopReason":"end_turn"}}"#));
    assert_eq!(script.out, []);
    script.send(testkit::eof(op));
    assert_eq!(script.out, [], "its end is not the agent's");
    script.send(testkit::refused(op, Why::Unknown("it takes no input".to_owned())));
    assert_eq!(script.out, []);
    script.send(exited(op, 1, "bad"));
    assert_eq!(script.out, []);
}
