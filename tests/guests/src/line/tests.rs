//! The line adapter keeps to the contract, whatever becomes of its program.

use omi_adapter_sdk::testkit::{
    TestKit, answer_text, cancel, eof, exited, line, outcome, refused, spawned, stdin_taken, stdout,
    written_text,
};
use omi_adapter_sdk::{Adapter, Millis, Stop, StopReason};

use super::*;

struct Guest(Line);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        descriptor("line")
    }

    fn new() -> Self {
        Self(Line::default())
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        self.0.handle(input, out);
    }
}

/// One whose program runs, with a binding.
fn up() -> TestKit<Guest> {
    let mut kit = TestKit::new();
    assert_eq!(kit.start("{}"), [Spawn::lines(AGENT, "agent").into()]);
    assert_eq!(kit.send(spawned(AGENT)), [Ready::new("line").into()]);
    assert_eq!(kit.open(1, "/work"), [BindingOpened::new(1, "line-1", Fidelity::None).into()]);
    kit
}

fn failed(outputs: &[Output]) -> &str {
    match outcome(outputs) {
        Some(Outcome::Failed(Failure::Retryable(detail))) => &detail.code,
        other => panic!("a failure that may be tried again is expected, not {other:?}"),
    }
}

#[test]
fn a_prompt_is_one_line_and_the_line_that_comes_back_is_the_answer() {
    let mut kit = up();
    assert_eq!(written_text(&kit.execute(1, 1, "hello\nagain")), "hello again\n");
    let outputs = kit.send_all([stdout(AGENT, "hello "), line(AGENT, "yourself"), line(AGENT, "too late")]);
    assert_eq!(answer_text(&outputs), "hello yourself");
    assert_eq!(outcome(&outputs), Some(&Outcome::succeeded("end_turn")));
    assert_eq!(kit.next_timer(), None);
}

#[test]
fn a_cancellation_claims_nothing_and_the_attempt_goes_on() {
    let mut kit = up();
    kit.execute(1, 1, "wait");
    let outputs = kit.send(cancel(1));
    assert!(
        matches!(&outputs[..], [Output::CancelAnswer(answer)] if !answer.dispatched && !answer.acknowledged),
        "{outputs:?}"
    );
    assert_eq!(failed(&kit.advance(ANSWER_MS)), "timed_out");
}

#[test]
fn what_a_full_queue_refused_is_written_once_there_is_room() {
    let mut kit = up();
    kit.execute(1, 1, "hello");
    assert!(kit.send(refused(AGENT, Why::WouldBlock)).is_empty());
    assert_eq!(written_text(&kit.send(stdin_taken(AGENT))), "hello\n");
    assert_eq!(failed(&kit.send(refused(AGENT, Why::Failed("gone".to_owned())))), "effect_refused");
}

#[test]
fn the_end_of_the_program_ends_the_attempt_and_the_worker() {
    let mut kit = up();
    kit.execute(1, 1, "wait");
    let outputs = kit.send_all([eof(AGENT), exited(AGENT, 1, "")]);
    assert_eq!(failed(&outputs), "agent_ended");
    assert!(matches!(outputs.last(), Some(Output::Fault(_))), "{outputs:?}");
    assert!(kit.send(cancel(1)).is_empty(), "there is no worker any more");
}

#[test]
fn a_program_that_may_not_be_started_ends_the_worker() {
    let mut kit = TestKit::<Guest>::new();
    kit.start("{}");
    let outputs = kit.send(refused(AGENT, Why::Denied("no".to_owned())));
    assert!(
        matches!(&outputs[..], [Output::Fault(Fault { failure: Failure::Fatal(detail), .. })] if detail.code == "spawn_refused"),
        "{outputs:?}"
    );
}

#[test]
fn a_refused_timer_ends_what_would_wait_for_ever() {
    let mut kit = up();
    kit.execute(1, 1, "wait");
    let (timer, _) = kit.next_timer().expect("an answer is waited for with a time limit");
    assert_eq!(failed(&kit.send(refused(timer, Why::Limit("timers".to_owned())))), "effect_refused");
}

#[test]
fn after_stop_commands_are_answered_and_nothing_is_begun() {
    let mut kit = up();
    kit.execute(1, 1, "wait");
    let stop = Stop { reason: StopReason::Idle, grace_ms: 0, extra: String::new() };
    let outputs = kit.send(Input::Stop(stop));
    assert_eq!(failed(&outputs), "not_up");
    assert_eq!(outputs.last(), Some(&CloseStdin::new(AGENT).into()));
    assert_eq!(failed(&kit.execute(2, 1, "hello")), "not_up");
    assert!(matches!(&kit.open(2, "/work")[..], [Output::BindingFailed(_)]));
    assert!(kit.send_all([stdin_taken(AGENT), exited(AGENT, 0, "")]).is_empty());
}
