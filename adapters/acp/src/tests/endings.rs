//! How everything ends: the agent exits, writes what cannot be read, or the worker is told to stop.

use omi_adapter_sdk::testkit::{self, exited};
use omi_adapter_sdk::{
    ChunkEnd, CloseStdin, ClosedWhy, Failure, Input, Kill, Outcome, Output, ProcessOutput, StdinClosed, Stop,
    StopReason, Why,
};
use serde_json::json;

use super::script::{AGENT, Script};

#[test]
fn an_agent_that_exits_while_it_starts_is_a_fault_with_its_last_words() {
    let mut script = Script::started("{}");
    script.writes("Usage: agent [options]").send(exited(AGENT, 2, "error: token=abc\nno model"));
    assert_eq!(script.failure_code(), "fatal agent_exited");
    let message = script.fault_message();
    for part in ["exit status 2", "Usage: agent [options]", "no model", "token=[redacted]"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    script.out = script.kit.execute(1, 1, "too late");
    assert_eq!(script.failure_code(), "fatal agent_exited");
}

#[test]
fn an_agent_that_exits_while_a_session_opens_is_a_fault_so_that_another_worker_opens_it() {
    let mut script = Script::ready("{}", &json!({}));
    script.kit.open(4, "/work");
    script.send(exited(AGENT, 1, ""));
    assert!(matches!(&script.out[..], [Output::Fault(_)]), "{:?}", script.out);
    assert_eq!(script.failure_code(), "retryable agent_exited");
    script.kit.settled();
}

#[test]
fn an_agent_that_exits_in_a_turn_fails_the_attempt() {
    let mut script = Script::prompted();
    script.send(exited(AGENT, 1, "out of memory"));
    assert_eq!(script.failure_code(), "retryable agent_exited");
    let mut script = Script::prompted();
    script.says_text("half").send(exited(AGENT, 1, "out of memory"));
    assert_eq!(script.failure_code(), "fatal agent_exited", "what was begun is not simply begun again");
    assert!(
        matches!(&script.out[..], [.., Output::AttemptFinished(_), Output::Fault(_)]),
        "{:?}",
        script.out
    );
}

#[test]
fn an_agent_that_exits_while_it_is_cancelled_did_not_say_that_it_stopped() {
    let mut script = Script::prompted();
    script.send(testkit::cancel(1)).send(exited(AGENT, 139, ""));
    assert_eq!(script.outcome(), "retryable agent_exited");
    script.kit.settled();
}

#[test]
fn an_agent_that_exits_while_nothing_runs_ends_the_worker() {
    let mut script = Script::open(&json!({}));
    script.send(exited(AGENT, 0, ""));
    assert!(matches!(&script.out[..], [Output::Fault(_)]), "{:?}", script.out);
}

#[test]
fn a_program_that_prints_only_garbage_is_not_an_agent() {
    let mut script = Script::started(r#"{"initializeTimeoutMs": 900}"#);
    script.writes("Welcome to the shell").writes("> ");
    script.out = script.kit.advance(900);
    assert_eq!(script.failure_code(), "fatal agent_not_acp");
    assert!(script.fault_message().contains("`Welcome to the shell`"));
    assert_eq!(script.out[0], Kill::new(AGENT, 0).into());
}

#[test]
fn an_agent_that_says_nothing_is_too_slow() {
    let mut script = Script::started(r#"{"initializeTimeoutMs": 900}"#);
    script.out = script.kit.advance(899);
    assert_eq!(script.out, []);
    script.out = script.kit.advance(1);
    assert_eq!(script.failure_code(), "fatal initialize_timeout");
    let mut kit = testkit::TestKit::<crate::Acp>::new();
    kit.start(r#"{"initializeTimeoutMs": 900}"#);
    let out = kit.advance(900);
    assert!(out.iter().any(|output| matches!(output, Output::Fault(_))), "also if it never runs: {out:?}");
}

#[test]
fn an_agent_that_closes_its_output_is_ended() {
    let mut script = Script::prompted();
    script.send(testkit::eof(AGENT));
    assert!(matches!(&script.out[..], [Output::Kill(_)]), "{:?}", script.out);
    assert_eq!(script.send(exited(AGENT, 0, "")).failure_code(), "retryable agent_exited");
    let mut script = Script::prompted();
    let closed = StdinClosed { op: AGENT, why: ClosedWhy::BrokenPipe, lost: 10, extra: String::new() };
    script.send(Input::StdinClosed(closed));
    assert!(matches!(&script.out[..], [Output::Kill(_)]), "{:?}", script.out);
}

/// How the host refuses a write to an input that is closed.
fn input_closed() -> Input {
    testkit::refused(AGENT, Why::Failed("the process takes no more input".to_owned()))
}

#[test]
fn a_write_to_a_closed_input_ends_the_agent_and_its_exit_is_the_failure() {
    let mut script = Script::started("{}");
    script.send(input_closed());
    let [Output::Kill(kill)] = &script.out[..] else { panic!("{:?}", script.out) };
    assert!(kill.grace_ms > 0, "one that is exiting keeps its own exit status: {kill:?}");
    script.send(exited(AGENT, 7, "no such option"));
    assert_eq!(script.failure_code(), "fatal agent_exited");
    let message = script.fault_message();
    assert!(message.contains("exit status 7") && message.contains("no such option"), "{message}");

    let mut script = Script::prompted();
    script.send(input_closed());
    assert!(matches!(&script.out[..], [Output::Kill(_)]), "{:?}", script.out);
    assert_eq!(script.send(exited(AGENT, 7, "")).failure_code(), "retryable agent_exited");
}

#[test]
fn a_write_that_is_refused_by_a_limit_is_the_failure() {
    let mut script = Script::prompted();
    script.send(testkit::refused(AGENT, Why::Limit("one write has 10 bytes at most".to_owned())));
    assert_eq!(script.failure_code(), "fatal write_refused");
}

#[test]
fn an_agent_that_was_told_to_end_keeps_its_time_when_it_closes_its_pipes() {
    let mut script = Script::prompted();
    script.send(Input::Stop(Stop { reason: StopReason::Idle, grace_ms: 30_000, extra: String::new() }));
    let closed = StdinClosed { op: AGENT, why: ClosedWhy::BrokenPipe, lost: 0, extra: String::new() };
    let gone = testkit::refused(AGENT, Why::Unknown("this worker has no process 1".to_owned()));
    let inputs =
        [input_closed(), Input::StdinClosed(closed), testkit::eof(AGENT), exited(AGENT, 0, ""), gone];
    assert_eq!(script.kit.send_all(inputs), []);
}

/// A line of this many bytes, begun like an update.
fn long_line(bytes: usize) -> Vec<Input> {
    let mut line = br#"{"method":"session/update","params":{"#.to_vec();
    line.resize(bytes, b'x');
    let piece = |data: &[u8], end| {
        Input::Stdout(ProcessOutput { op: AGENT, data: data.to_vec(), end, extra: String::new() })
    };
    let mut pieces: Vec<Input> = line.chunks(65_536).map(|data| piece(data, ChunkEnd::Split)).collect();
    pieces.push(piece(b"", ChunkEnd::Newline));
    pieces
}

#[test]
fn a_line_that_is_too_long_fails_the_turn_by_name_and_the_session_goes_on() {
    let mut script = Script::ready(r#"{"lineBytesMax": 100000}"#, &json!({}));
    script.out = script.kit.open(1, "/work");
    script.answers(&json!({"sessionId": "s1"}));
    script.out = script.kit.execute(1, 1, "do it");
    let prompt = script.last_request()["id"].clone();
    script.out = script.kit.send_all(long_line(10 * 1024 * 1024));
    assert_eq!(script.failure_code(), "fatal line_too_long");
    assert_eq!(script.written()[0]["method"], "session/cancel");

    // The agent is busy until it answers the prompt that was given up.
    script.out = script.kit.execute(2, 1, "again");
    assert_eq!(script.out, []);
    script.out = script.kit.execute(3, 1, "and again");
    assert_eq!(script.failure_code(), "retryable busy");
    script.says(&json!({"id": prompt, "result": {"stopReason": "cancelled"}}));
    assert_eq!(script.last_request()["params"]["prompt"][0]["text"], "again");
    script.says_text("hello").answers_prompt();
    assert_eq!(testkit::outcome(&script.out), Some(&Outcome::succeeded("end_turn")));
}

#[test]
fn a_prompt_that_was_given_up_and_never_ends_is_not_waited_for_without_an_end() {
    let given_up = || {
        let mut script = Script::ready(r#"{"lineBytesMax": 100000}"#, &json!({})).opened();
        script.out = script.kit.execute(1, 1, "do it");
        script.out = script.kit.send_all(long_line(200_000));
        assert_eq!(script.failure_code(), "fatal line_too_long");
        script
    };
    let mut script = given_up();
    script.out = script.kit.execute(2, 1, "again");
    script.out = script.kit.advance(9_999);
    assert_eq!(script.out, []);
    script.out = script.kit.advance(1);
    assert_eq!(script.failure_code(), "stale session_not_settled");
    script.out = script.kit.execute(3, 1, "and again");
    assert_eq!(script.failure_code(), "stale no_session");
    script.says(&json!({"id": 3, "result": {"stopReason": "cancelled"}}));
    assert_eq!(script.out, [], "it comes too late");
    script.kit.settled();

    let mut script = given_up();
    script.out = script.kit.advance(10_000);
    script.out = script.kit.execute(2, 1, "again");
    assert_eq!(script.failure_code(), "stale no_session", "nobody waited yet");
}

#[test]
fn a_program_that_is_no_agent_is_named_as_such() {
    let hint = "hint: its command has to speak ACP on its standard input and output";
    let mut script = Script::started("{}");
    script.send(exited(AGENT, 0, ""));
    assert_eq!(script.failure_code(), "fatal agent_exited");
    assert!(script.fault_message().ends_with(hint), "{}", script.fault_message());
    let mut script = Script::started("{}");
    let own_words = script.last_request();
    script.says(&own_words);
    assert_eq!(script.failure_code(), "fatal agent_not_acp");
    let message = script.fault_message();
    assert!(message.contains("only repeats what it is told") && message.ends_with(hint), "{message}");
}

impl Script {
    /// The agent ends the turn whose prompt has the number 4.
    fn answers_prompt(&mut self) {
        self.says(&json!({"id": 4, "result": {"stopReason": "end_turn"}}));
    }
}

#[test]
fn a_line_of_ten_megabytes_is_read() {
    let mut script = Script::prompted();
    let text = "y".repeat(10 * 1024 * 1024);
    script.says_text(&text);
    assert_eq!(testkit::answer_text(&script.out), text);
    assert!(script.out.len() >= 160, "in pieces that may travel");
}

#[test]
fn a_worker_that_stops_ends_its_attempts_and_its_agent() {
    let mut script = Script::prompted();
    script.send(Input::Stop(Stop { reason: StopReason::Shutdown, grace_ms: 3000, extra: String::new() }));
    let stopped = Failure::retryable("stopped", "the worker was told to stop");
    assert_eq!(testkit::outcome(&script.out), Some(&Outcome::Failed(stopped)));
    assert!(
        script.out.ends_with(&[CloseStdin::new(AGENT).into(), Kill::new(AGENT, 1000).into()]),
        "{:?}",
        script.out
    );
    assert_eq!(script.send(exited(AGENT, 0, "")).out, []);
}

#[test]
fn a_closed_binding_is_closed_at_the_agent() {
    let mut script = Script::open(&json!({"sessionCapabilities": {"close": {}}}));
    let close = omi_adapter_sdk::CloseBinding { binding: 1, extra: String::new() };
    script.send(Input::CloseBinding(close));
    assert_eq!(script.last_request()["method"], "session/close");
    script.out = script.kit.execute(1, 1, "closed");
    assert_eq!(script.failure_code(), "stale no_session");
}
