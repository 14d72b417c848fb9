//! The wrong guests have the fault they are for. The suite shows that they have no other.

#![expect(unreachable_pub, reason = "a guest is a crate of its own, and here a module")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use omi_adapter_sdk::testkit::{
    TestKit, answer_text, cancel, exited, line, outcome, refused, spawned, stdin_taken, stdout, written_text,
};
use omi_adapter_sdk::{
    Adapter, BindingSettings, ChunkEnd, ExecuteAttempt, Extension, Input, OpenBinding, Outcome, Output,
    ProcessOutput, ResumeBinding, RunMode, Stop, StopReason, Why,
};
use omi_test_guests::line::AGENT;

/// The guests whose fault shows natively, each as a module.
macro_rules! guests {
    ($($name:ident at $path:literal),* $(,)?) => { $(#[path = $path] mod $name;)* };
}

guests! {
    artifact_undeclared at "../examples/artifact_undeclared.rs",
    attempt_ended_twice at "../examples/attempt_ended_twice.rs",
    attempt_late at "../examples/attempt_late.rs",
    attempt_never at "../examples/attempt_never.rs",
    binding_invented at "../examples/binding_invented.rs",
    binding_never at "../examples/binding_never.rs",
    binding_session_id at "../examples/binding_session_id.rs",
    binding_twice at "../examples/binding_twice.rs",
    cancel_ignored at "../examples/cancel_ignored.rs",
    cancel_overclaims at "../examples/cancel_overclaims.rs",
    cancel_silent at "../examples/cancel_silent.rs",
    cancel_twice at "../examples/cancel_twice.rs",
    correct at "../examples/correct.rs",
    describe_changes at "../examples/describe_changes.rs",
    describe_wrong at "../examples/describe_wrong.rs",
    empty_traps at "../examples/empty_traps.rs",
    exit_ignored at "../examples/exit_ignored.rs",
    extension_traps at "../examples/extension_traps.rs",
    extra_broken at "../examples/extra_broken.rs",
    extra_traps at "../examples/extra_traps.rs",
    grant_unnamed at "../examples/grant_unnamed.rs",
    huge_traps at "../examples/huge_traps.rs",
    late_traps at "../examples/late_traps.rs",
    line_correct at "../examples/line_correct.rs",
    many_traps at "../examples/many_traps.rs",
    op_twice at "../examples/op_twice.rs",
    op_unknown at "../examples/op_unknown.rs",
    pieces_confused at "../examples/pieces_confused.rs",
    ready_never at "../examples/ready_never.rs",
    ready_twice at "../examples/ready_twice.rs",
    refusal_hangs at "../examples/refusal_hangs.rs",
    replay_differs at "../examples/replay_differs.rs",
    request_twice at "../examples/request_twice.rs",
    scope_unknown at "../examples/scope_unknown.rs",
    stdin_pushes at "../examples/stdin_pushes.rs",
    stop_starts at "../examples/stop_starts.rs",
    utf8_traps at "../examples/utf8_traps.rs",
}

/// One without a runtime, with a binding.
fn plain<A: Adapter>() -> TestKit<A> {
    let mut kit = TestKit::new();
    kit.start("{}");
    kit.open(1, "/work");
    kit
}

/// One whose program runs, with a binding.
fn lined<A: Adapter>() -> TestKit<A> {
    let mut kit = TestKit::new();
    kit.start("{}");
    kit.send(spawned(AGENT));
    kit.open(1, "/work");
    kit
}

/// What it panicked with.
fn panics<T>(what: impl FnOnce() -> T) -> String {
    let Err(panic) = catch_unwind(AssertUnwindSafe(what)) else { panic!("no fault was seen") };
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(other) => other.downcast_ref::<&str>().map(ToString::to_string).expect("a panic has a text"),
    }
}

fn demand(text: &str, part: &str) {
    assert!(text.contains(part), "`{part}` is not in `{text}`");
}

fn stop() -> Input {
    Input::Stop(Stop { reason: StopReason::Idle, grace_ms: 0, extra: String::new() })
}

fn piece(text: &[u8], end: ChunkEnd) -> Input {
    Input::Stdout(ProcessOutput { op: AGENT, data: text.to_vec(), end, extra: String::new() })
}

fn finished(outputs: &[Output]) -> bool {
    outcome(outputs).is_some()
}

#[test]
fn the_correct_ones_answer_everything() {
    let mut kit = plain::<correct::Guest>();
    let outputs = kit.execute(1, 1, "hello");
    assert_eq!((&*answer_text(&outputs), outcome(&outputs)), ("hello", Some(&Outcome::succeeded("done"))));
    assert!(matches!(&kit.send(cancel(1))[..], [Output::CancelAnswer(answer)] if !answer.dispatched));
    let Input::OpenBinding(open) = open(2) else { unreachable!("it is made below") };
    let (native_id, extra) = ("native-1".to_owned(), String::new());
    let resume = ResumeBinding {
        binding: 2,
        omi_session: open.omi_session,
        native_id,
        settings: open.settings,
        extra,
    };
    assert!(matches!(&kit.send(Input::ResumeBinding(resume))[..], [Output::BindingFailed(_)]));
    assert!(kit.send_all([Input::Timer(5), exited(6, 0, ""), stop()]).is_empty());
    let mut kit = lined::<line_correct::Guest>();
    kit.execute(1, 1, "hello");
    assert_eq!(answer_text(&kit.send(line(AGENT, "hello yourself"))), "hello yourself");
}

fn open(binding: u32) -> Input {
    let settings = BindingSettings::in_folder("/work");
    Input::OpenBinding(OpenBinding {
        binding,
        omi_session: "ses_test".to_owned(),
        settings,
        extra: String::new(),
    })
}

fn with_extra() -> Input {
    Input::ExecuteAttempt(ExecuteAttempt {
        attempt: 1,
        binding: 1,
        omi_session: "ses_test".to_owned(),
        omi_run: "run_test".to_owned(),
        omi_attempt: "att_test".to_owned(),
        number: 1,
        prompt: Vec::new(),
        mode: RunMode::Act,
        model: None,
        tools: Vec::new(),
        extra: "{\"later\": 1}".to_owned(),
    })
}

#[test]
fn what_the_kit_finds_it_finds() {
    demand(&panics(plain::<ready_twice::Guest>), "`ready` is sent once");
    demand(&panics(|| plain::<attempt_late::Guest>().execute(1, 1, "hello")), "attempt 1 is not running");
    demand(&panics(|| plain::<op_twice::Guest>().execute(1, 1, "hello")), "op 1 is used twice");
    demand(&panics(|| plain::<request_twice::Guest>().execute(1, 1, "hello")), "request 7 is used twice");
    demand(&panics(|| plain::<grant_unnamed::Guest>().execute(1, 1, "hello")), "lists no grant `secret`");
    demand(
        &panics(|| plain::<attempt_ended_twice::Guest>().execute(1, 1, "hello")),
        "attempt 1 is not running",
    );
    demand(&panics(|| plain::<op_unknown::Guest>().execute(1, 1, "hello")), "4242 is not a process");
    let mut kit = lined::<cancel_twice::Guest>();
    kit.execute(1, 1, "wait");
    demand(&panics(|| kit.send(cancel(1))), "one `cancel-answer`");
}

#[test]
fn those_that_panic_do_so_at_their_one_thing() {
    let mut kit = plain::<extension_traps::Guest>();
    assert!(finished(&kit.execute(1, 1, "hello")));
    let extension = Extension { name: "x.y".to_owned(), json: "{}".to_owned(), extra: String::new() };
    demand(&panics(|| kit.send(Input::Extension(extension))), "`x.y` is not known");
    demand(&panics(|| plain::<late_traps::Guest>().send(Input::Timer(9))), "nobody asked for");
    assert!(finished(&plain::<huge_traps::Guest>().execute(1, 1, "")));
    demand(
        &panics(|| plain::<huge_traps::Guest>().execute(1, 1, &"x".repeat(1 << 20))),
        "a prompt of 1048576",
    );
    assert!(finished(&plain::<empty_traps::Guest>().execute(1, 1, "hello")));
    empty_traps::look(1);
    demand(&panics(|| plain::<extra_traps::Guest>().send(with_extra())), "unknown: {\"later\": 1}");
    demand(&panics(|| empty_traps::look(0)), "no first input");
    assert!(finished(&plain::<many_traps::Guest>().execute(1, 1, "hello")));
    many_traps::look(1_000);
    demand(&panics(|| many_traps::look(1_001)), "1001 inputs");
    let mut kit = lined::<utf8_traps::Guest>();
    assert!(
        kit.send_all([stdout(AGENT, &"€"[..].as_bytes()[..1]), line(AGENT, &"€".as_bytes()[1..])]).is_empty()
    );
    demand(&panics(|| kit.send(line(AGENT, b"\xff"))), "this is no text");
}

#[test]
fn what_is_never_said_is_never_said() {
    assert!(TestKit::<ready_never::Guest>::new().start("{}").is_empty());
    assert!(plain::<binding_never::Guest>().open(2, "/work").is_empty());
    assert!(!finished(&plain::<attempt_never::Guest>().execute(1, 1, "hello")));
    let mut kit = lined::<cancel_silent::Guest>();
    kit.execute(1, 1, "wait");
    assert!(kit.send(cancel(1)).is_empty());
    let mut kit = TestKit::<refusal_hangs::Guest>::new();
    kit.start("{}");
    assert!(kit.send(refused(AGENT, Why::Denied("no".to_owned()))).is_empty());
    let mut kit = lined::<exit_ignored::Guest>();
    kit.execute(1, 1, "wait");
    assert!(kit.send(exited(AGENT, 1, "")).is_empty() && kit.advance(60_000).is_empty());
    let mut kit = TestKit::<cancel_ignored::Guest>::new();
    kit.start("{}");
    kit.open(1, "/work");
    assert!(kit.execute(1, 1, "wait").is_empty());
    assert!(matches!(&kit.send(cancel(1))[..], [Output::CancelAnswer(answer)] if answer.acknowledged));
    assert!(kit.advance(60_000).is_empty() && finished(&kit.execute(2, 1, "hello")));
}

#[test]
fn what_is_said_too_much_is_said() {
    let outputs = plain::<extra_broken::Guest>().execute(1, 1, "hello");
    assert!(matches!(&outputs[0], Output::AttemptEvent(event) if event.extra == "{\"broken\": "));
    // What breaks a rule that the kit knows does not get past it.
    let opens = |said: String| demand(&said, "binding");
    opens(panics(plain::<binding_twice::Guest>));
    opens(panics(plain::<binding_invented::Guest>));
    demand(&panics(plain::<binding_session_id::Guest>), "native id");
    let executes = |said: String, part: &str| demand(&said, part);
    executes(panics(|| plain::<scope_unknown::Guest>().execute(1, 1, "hello")), "4242");
    executes(panics(|| plain::<artifact_undeclared::Guest>().execute(1, 1, "hello")), "artifact");
    executes(panics(|| lined::<stop_starts::Guest>().send(stop())), "stop");
    let overclaims = || {
        let mut kit = lined::<cancel_overclaims::Guest>();
        kit.execute(1, 1, "wait");
        kit.send(cancel(1))
    };
    executes(panics(overclaims), "dispatched");
}

#[test]
fn what_depends_on_the_circumstances_does() {
    assert_ne!(describe_changes::Guest::describe(), describe_changes::Guest::describe());
    let wrong = describe_wrong::Guest::describe();
    assert_eq!((&*wrong.version, &*wrong.grants[0].reason), ("one", ""));
    let answer = || answer_text(&plain::<replay_differs::Guest>().execute(1, 1, "hello"));
    assert_ne!(answer(), answer());
    let mut kit = lined::<pieces_confused::Guest>();
    kit.execute(1, 1, "hello");
    assert_eq!(answer_text(&kit.send(piece(b"hello ", ChunkEnd::Split))), "hello ");
    let mut kit = lined::<stdin_pushes::Guest>();
    kit.execute(1, 1, "hello");
    assert_eq!(written_text(&kit.send(refused(AGENT, Why::WouldBlock))), "hello\n");
    assert!(kit.send(refused(AGENT, Why::WouldBlock)).is_empty(), "the second time it waits");
    assert_eq!(written_text(&kit.send(stdin_taken(AGENT))), "hello\n");
}
