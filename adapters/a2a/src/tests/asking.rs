//! The agent asks a person.

use omi_adapter_sdk::{Answer, testkit};
use serde_json::json;

use crate::tests::script::{Script, TASK, body, card};

fn asked() -> Script {
    let mut script = Script::working();
    script.says_status("INPUT_REQUIRED", Some("Which one?"));
    script
}

#[test]
fn an_answer_goes_on_with_the_same_task() {
    let mut script = asked();
    assert_eq!((script.question().prompt.as_str(), script.question().url.as_deref()), ("Which one?", None));
    let request = script.question().request;
    script.drops(omi_adapter_sdk::HttpOutcome::Complete);
    assert!(script.out.is_empty(), "the stream ends while a person thinks: {:?}", script.out);
    script.send(testkit::provided(request, Answer::Provided(r#""the blue one""#.to_owned())));
    let message = &body(script.request())["params"]["message"];
    assert_eq!((&message["taskId"], &message["contextId"]), (&TASK.into(), &script.context().into()));
    assert_eq!(message["parts"], json!([{"text": "the blue one"}]));
    assert!(
        message["messageId"].as_str().is_some_and(|id| id.ends_with("-2")),
        "a name of its own: {message}"
    );
    script.streams();
    // The agent repeats the question that it is being answered.
    let old = json!({"status": {"message": {"messageId": "said-Which one?", "role": "ROLE_AGENT", "parts": [{"text": "Which one?"}]}}});
    script.says_task("INPUT_REQUIRED", &old);
    assert!(script.out.is_empty(), "{:?}", script.out);
    script.says_text("blue it is", false).says_status("COMPLETED", None);
    assert_eq!(script.ended(), "succeeded completed");
    script.kit.settled();
}

#[test]
fn a_structured_answer_is_data() {
    let mut script = asked();
    let request = script.question().request;
    script.send(testkit::provided(request, Answer::Provided(r#"{"colour": "blue"}"#.to_owned())));
    assert_eq!(script.aborted(), [script.stream], "the answer has a stream of its own");
    assert_eq!(body(script.request())["params"]["message"]["parts"], json!([{"data": {"colour": "blue"}}]));
}

#[test]
fn another_question_takes_the_place_of_the_first() {
    let mut script = asked();
    let first = script.question().request;
    script.says_status("INPUT_REQUIRED", Some("Or which other?"));
    assert_eq!(script.question().prompt, "Or which other?");
    assert!(script.out.iter().any(|output| matches!(output,
        omi_adapter_sdk::Output::WithdrawRequest(withdrawn) if withdrawn.request == first)));
}

#[test]
fn what_nobody_answers_is_cancelled_and_failed() {
    for (answer, code) in [
        (Answer::Declined, "fatal input_declined: "),
        (Answer::Expired, "fatal input_expired: "),
        (Answer::Cancelled, "fatal input_cancelled: "),
    ] {
        let mut script = asked();
        let request = script.question().request;
        script.send(testkit::provided(request, answer));
        assert_eq!(script.methods(), ["CancelTask"]);
        let task = script.task("CANCELED", &json!({}));
        script.results("CancelTask", &task);
        assert!(
            script.ended().starts_with(code) && script.ended().contains("its task was cancelled"),
            "{}",
            script.ended()
        );
        script.kit.settled();
    }
}

#[test]
fn a_refusal_that_the_agent_does_not_confirm_says_so() {
    let mut script = asked();
    let request = script.question().request;
    script.send(testkit::provided(request, Answer::Declined));
    script.fails("CancelTask", -32002, "not now");
    let task = script.task("WORKING", &json!({}));
    script.results("GetTask", &task);
    assert!(script.ended().contains("whether its task has stopped is not known"), "{}", script.ended());
    script.kit.settled();
}

#[test]
fn a_cancelled_attempt_that_asked_is_cancelled() {
    let mut script = asked();
    let request = script.question().request;
    script.send(testkit::provided(request, Answer::Cancelled));
    let cancel = script.request_of("CancelTask").op;
    script.send(testkit::cancel(1));
    assert!(script.requests().is_empty(), "one cancellation is enough");
    let task = script.task("CANCELED", &json!({}));
    script.answers(cancel, 200, &json!({"result": task}));
    assert_eq!((script.cancel_answer(), script.ended().as_str()), (Some((true, true)), "cancelled"));
    script.kit.settled();
}

#[test]
fn a_log_in_elsewhere_is_shown_with_its_page_and_may_be_noticed_by_the_agent() {
    let mut script = Script::working();
    script.says_status("AUTH_REQUIRED", Some("Open https://x/log-in and say when you are done."));
    assert_eq!(script.question().url.as_deref(), Some("https://x/log-in"));
    let request = script.question().request;
    script.says_status("WORKING", None);
    assert!(
        matches!(&script.out[..], [omi_adapter_sdk::Output::WithdrawRequest(withdrawn)] if withdrawn.request == request)
    );

    let mut script = Script::working();
    script.says_status("AUTH_REQUIRED", Some("Open https://x/log-in"));
    let request = script.question().request;
    script.send(testkit::provided(request, Answer::Provided("\"\"".to_owned())));
    assert!(script.out.is_empty(), "nothing to send: the stream goes on: {:?}", script.out);
    script.says_status("COMPLETED", None);
    assert_eq!(script.ended(), "succeeded completed");
    script.kit.settled();
}

#[test]
fn an_agent_that_does_not_stream_asks_too() {
    let mut script = Script::prompted_with("{}", &card(false));
    let status = |text: &str| json!({"status": {"timestamp": text, "message": {"messageId": text, "role": "ROLE_AGENT", "parts": [{"text": text}]}}});
    let task = script.task("INPUT_REQUIRED", &status("Which?"));
    script.results("SendMessage", &json!({ "task": task }));
    let request = script.question().request;
    script.send(testkit::provided(request, Answer::Provided("\"this\"".to_owned())));
    script.results("SendMessage", &json!({ "task": task }));
    assert!(!script.out.iter().any(|output| matches!(output, omi_adapter_sdk::Output::RequestInput(_))));
    // It may be an old snapshot. Only an agent that keeps asking did not take the answer.
    let mut gets = 0;
    while !script.out.iter().any(|output| matches!(output, omi_adapter_sdk::Output::RequestInput(_))) {
        script.later(5_000).results("GetTask", &task);
        gets += 1;
    }
    assert_eq!((script.question().prompt.as_str(), gets), ("Which?", 5));
}

#[test]
fn nothing_is_silent_while_a_person_thinks() {
    let mut script = Script::prompted_with(r#"{"silenceMs": 1000, "zombieMs": 3000}"#, &card(true));
    script.says_status("INPUT_REQUIRED", Some("Which one?"));
    let request = script.question().request;
    script.later(100_000);
    assert!(script.requests().is_empty() && !script.has_ended(), "{:?}", script.out);
    script.send(testkit::provided(request, Answer::Provided("\"this\"".to_owned())));
    script.streams();
    script.later(900);
    assert!(script.requests().is_empty(), "its time begins with the answer: {:?}", script.out);
}
