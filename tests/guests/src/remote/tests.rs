//! The line adapter over HTTP keeps to the contract, whatever the server answers.

use omi_adapter_sdk::testkit::{
    TestKit, answer_text, cancel, http_body, http_end, http_head, outcome, refused,
};
use omi_adapter_sdk::{Adapter, Millis, Part, Why};

use super::*;

struct Guest(Remote);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        descriptor("http-line")
    }

    fn new() -> Self {
        Self(Remote::default())
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        self.0.handle(input, out);
    }
}

/// One that has sent a prompt.
fn asked() -> TestKit<Guest> {
    let mut kit = TestKit::new();
    assert_eq!(kit.start("{}"), [Ready::new("http-line").into()]);
    kit.open(1, "/work");
    let outputs = kit.execute(1, 1, "hello");
    let [Output::HttpRequest(request)] = &outputs[..] else { panic!("one request is expected: {outputs:?}") };
    assert_eq!((&*request.method, &*request.path), ("POST", "/line"));
    assert_eq!(request.body, [Part::Bytes(b"hello".to_vec())]);
    kit
}

#[test]
fn the_body_of_the_answer_is_the_answer() {
    let mut kit = asked();
    let outputs = kit.send_all([
        http_head(1, 200),
        http_body(1, "hello\nyour"),
        http_body(1, "self"),
        http_end(1, HttpOutcome::Complete),
    ]);
    assert_eq!(answer_text(&outputs), "hello\nyourself");
    assert_eq!(outcome(&outputs), Some(&Outcome::succeeded("end_turn")));
}

#[test]
fn a_cancellation_gives_the_request_up_and_waits_for_its_end() {
    let mut kit = asked();
    let answer = CancelAnswer::new(1, true, false);
    assert_eq!(kit.send(cancel(1)), [Output::HttpAbort(1), answer.clone().into()]);
    assert_eq!(kit.send(cancel(1)), [answer.into()]);
    let outputs = kit.send(http_end(1, HttpOutcome::Aborted));
    assert_eq!(outcome(&outputs), Some(&Outcome::Cancelled));
    assert_eq!(kit.send(cancel(1)), [CancelAnswer::new(1, false, false).into()], "it is over");
}

#[test]
fn another_status_fails_the_attempt_and_the_next_one_is_sent() {
    let mut kit = asked();
    let outputs = kit.send(http_head(1, 404));
    assert!(matches!(&outputs[..], [Output::HttpAbort(1), Output::AttemptFinished(_)]), "{outputs:?}");
    assert!(matches!(outcome(&outputs), Some(Outcome::Failed(Failure::Retryable(_)))));
    assert!(kit.send(http_end(1, HttpOutcome::Aborted)).is_empty());
    assert!(matches!(&kit.execute(2, 1, "hello")[..], [Output::HttpRequest(request)] if request.op == 2));
}

#[test]
fn a_request_that_is_refused_or_breaks_off_fails_the_attempt() {
    let ends = [
        refused(1, Why::Denied("no".to_owned())),
        http_end(1, HttpOutcome::TimedOut),
        http_end(1, HttpOutcome::Aborted),
        http_end(1, HttpOutcome::Failed("reset".to_owned())),
    ];
    for end in ends {
        let outputs = asked().send(end);
        assert!(matches!(outcome(&outputs), Some(Outcome::Failed(Failure::Retryable(_)))), "{outputs:?}");
    }
}
