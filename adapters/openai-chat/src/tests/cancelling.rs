//! A cancellation closes the request, and claims no more than that.

use omi_adapter_sdk::testkit::{answer_text, cancel, http_body, http_end, http_head, outcome, refused};
use omi_adapter_sdk::{CancelAnswer, HttpOutcome, Outcome, Output, PromptBlock, Why};

use super::script::{Script, execute, stream};

fn closed(attempt: u32) -> Output {
    CancelAnswer::new(attempt, true, false).because("the request is closed").into()
}

#[test]
fn before_the_head_and_in_the_stream_the_request_is_closed() {
    for begun in [false, true] {
        let mut script = Script::started("{}");
        let (op, _) = script.asks(1, "hello");
        if begun {
            script.tell(http_head(op, 200));
            script.tell(http_body(op, stream(&["so"], None)));
        }
        assert_eq!(script.tell(cancel(1)), [Output::HttpAbort(op), closed(1)]);
        let outputs = script.tell(http_end(op, HttpOutcome::Aborted));
        assert_eq!(outcome(&outputs), Some(&Outcome::Cancelled), "{begun}");
        script.kit.settled();
    }
}

#[test]
fn in_the_same_instant_as_the_prompt_nothing_is_sent() {
    let mut script = Script::started("{}");
    let (op, _) = script.asks(1, "hello");
    script.tell(cancel(1));
    let outputs = script.tell(refused(op, Why::Cancelled));
    assert_eq!(outcome(&outputs), Some(&Outcome::Cancelled));
    script.kit.settled();
}

#[test]
fn an_answer_that_was_whole_by_then_is_an_answer() {
    let mut script = Script::started("{}");
    let (op, _) = script.asks(1, "hello");
    script.tell(http_head(op, 200));
    script.tell(cancel(1));
    let outputs = script.tell(http_body(op, stream(&["hi"], Some("stop"))));
    assert_eq!(
        (answer_text(&outputs).as_str(), outcome(&outputs)),
        ("hi", Some(&Outcome::succeeded("stop")))
    );
    assert!(!outputs.contains(&Output::HttpAbort(op)), "it was closed already: {outputs:?}");
    script.tell(http_end(op, HttpOutcome::Aborted));
    script.kit.settled();
}

#[test]
fn after_the_end_nothing_is_claimed() {
    let mut script = Script::started("{}");
    let (op, _) = script.asks(1, "hello");
    script.answers(op, 200, &stream(&["hi"], Some("stop")));
    let answer = CancelAnswer::new(1, false, false).because("the attempt was over already");
    assert_eq!(script.tell(cancel(1)), [answer.into()]);
    script.kit.settled();
}

#[test]
fn a_refusal_after_it_is_a_cancellation_and_nothing_is_asked_again() {
    let mut script = Script::started("{}");
    let (op, _) = script.asks(1, "hello");
    script.tell(cancel(1));
    let outputs = script.answers(op, 400, "stream_options");
    assert_eq!(outcome(&outputs), Some(&Outcome::Cancelled));
    assert!(!outputs.iter().any(|output| matches!(output, Output::HttpRequest(_))), "{outputs:?}");
    script.kit.settled();
}

#[test]
fn while_a_model_is_looked_for_it_is_cancelled_too() {
    let mut script = Script::started_with("{}", r#"{"data":[]}"#);
    script.open(1, omi_adapter_sdk::BindingSettings::in_folder("/work"));
    script.prompts(1, 1, vec![PromptBlock::Text("hello".to_owned())]);
    let op = script.request().op;
    assert_eq!(script.tell(cancel(1)), [Output::HttpAbort(op), closed(1)]);
    let outputs = script.tell(http_end(op, HttpOutcome::Complete));
    assert_eq!(outcome(&outputs), Some(&Outcome::Cancelled));
    script.kit.settled();
}

#[test]
fn of_two_at_once_one_is_cancelled() {
    let mut script = Script::started("{}");
    script.open(2, omi_adapter_sdk::BindingSettings::in_folder("/work"));
    let (first, _) = script.asks(1, "hello");
    script.tell(execute(2, 2, 2, vec![PromptBlock::Text("hello".to_owned())], None));
    let second = script.request().op;
    assert_eq!(script.tell(cancel(1)), [Output::HttpAbort(first), closed(1)]);
    let outputs = script.answers(second, 200, &stream(&["hi"], Some("stop")));
    assert_eq!(outcome(&outputs), Some(&Outcome::succeeded("stop")));
    let outputs = script.tell(http_end(first, HttpOutcome::Aborted));
    assert_eq!(outcome(&outputs), Some(&Outcome::Cancelled));
    script.kit.settled();
}
