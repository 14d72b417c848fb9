//! Turns: what belongs to one, what it used, and how it ends.

use omi_adapter_sdk::testkit;
use omi_adapter_sdk::{Event, ExecuteAttempt, Failure, Input, Outcome, Output, Payload, RunMode, Usage};
use serde_json::{Value, json};

use super::script::{PI, Script, message_end, state, usage};

fn finished_usage(script: &Script) -> Option<Usage> {
    script.out.iter().find_map(|output| match output {
        Output::AttemptFinished(finished) => finished.usage.clone(),
        _ => None,
    })
}

fn of_type(kind: &str) -> Value {
    json!({"type": kind})
}

#[test]
fn a_turn_streams_and_ends_when_pi_has_settled() {
    let mut script = Script::prompted("1.5.2");
    script.says(&json!({"type": "message_start", "message": {"role": "assistant"}}));
    let delta = |kind: &str, delta: &str| json!({"type": "message_update", "assistantMessageEvent": {"type": kind, "delta": delta}});
    script.says(&delta("thinking_delta", "hm"));
    assert_eq!(script.events(), [Event::ThoughtDelta("hm".to_owned())]);
    script.says(&delta("text_delta", "Hello"));
    assert_eq!(testkit::answer_text(&script.out), "Hello");
    script.says(&message_end("Hello", "stop", &usage(10)));
    let [Event::MessageEnd(name), Event::Usage(_), Event::ModelUsed(model)] = &script.events()[..] else {
        panic!("{:?}", script.out)
    };
    assert_eq!((name.as_str(), model.as_str()), ("message-1", "mock/one"));
    for kind in ["turn_end", "agent_end"] {
        assert_eq!(script.says(&of_type(kind)).out, [], "{kind} is not the end");
    }
    script.says(&of_type("agent_settled"));
    assert_eq!(script.ended(), "succeeded stop");
    script.kit.settled();
}

#[test]
fn what_was_not_streamed_is_said_at_the_end_of_its_message() {
    let mut script = Script::prompted("1.5.2");
    script.says(&json!({"type": "message_start", "message": {"role": "assistant"}}));
    script.says(&message_end("Hello", "stop", &usage(1)));
    assert_eq!(testkit::answer_text(&script.out), "Hello");
}

#[test]
fn events_of_another_turn_are_dropped() {
    let mut script = Script::open_with("{}", "1.5.2");
    assert_eq!(script.says_message("nobody asked", "stop").out, []);
    script.out = script.kit.execute(1, 1, "do it");
    let prompt = script.out.clone();
    for late in [message_end("late", "stop", &usage(1)), of_type("agent_settled"), of_type("agent_end")] {
        assert_eq!(script.says(&late).out, [], "{late}");
    }
    script.out = prompt;
    script.answers(&json!({"disposition": "started"})).says(&of_type("agent_start"));
    script.says_message("mine", "stop").says(&of_type("agent_settled"));
    assert_eq!(script.ended(), "succeeded stop");
    assert_eq!(script.says(&of_type("agent_settled")).out, []);
    assert_eq!(script.says_message("late", "stop").out, []);
}

#[test]
fn a_second_prompt_is_refused() {
    let mut script = Script::prompted("1.5.2");
    script.out = script.kit.execute(2, 1, "and this");
    assert_eq!(script.ended(), "retryable busy");
}

#[test]
fn an_old_pi_is_asked_whether_anything_follows() {
    let mut script = Script::prompted("0.74.2");
    script.says_message("Hello", "stop").says(&of_type("agent_end"));
    assert_eq!(script.commands(), ["get_state"]);
    script.answers(&state("s1", 2));
    assert_eq!(script.ended(), "succeeded stop");

    let mut script = Script::prompted("0.74.2");
    script.says_message("", "error").says(&of_type("agent_end"));
    let looked = script.last_command()["id"].clone();
    script.says(&json!({"type": "auto_retry_start", "attempt": 1, "maxAttempts": 3, "delayMs": 2000, "errorMessage": "500"}));
    assert!(matches!(&script.events()[..], [Event::Progress(_)]), "{:?}", script.out);
    script.says(&json!({"id": looked, "type": "response", "success": true, "data": state("s1", 2)}));
    assert_eq!(script.ended(), "goes on", "pi tries again");
    script.says(&of_type("agent_start")).says(&json!({"type": "auto_retry_end", "success": true}));
    script.says_message("Hello", "stop").says(&of_type("agent_end")).answers(&state("s1", 3));
    assert_eq!(script.ended(), "succeeded stop");
}

#[test]
fn an_old_pi_that_gives_up_has_failed() {
    let mut script = Script::prompted("0.74.2");
    script.says(&json!({"type": "message_start", "message": {"role": "assistant"}}));
    script.says(&json!({"type": "message_end", "message": {"role": "assistant", "stopReason": "error", "errorMessage": "500 no"}}));
    script.says(&of_type("agent_end"));
    script.answers(&state("s1", 2));
    assert_eq!(script.ended(), "retryable model_error");
}

#[test]
fn an_error_is_of_the_right_kind_and_an_empty_turn_is_one() {
    let ended = |error: Value| {
        let mut script = Script::prompted("1.5.2");
        script.says(&json!({"type": "message_start", "message": {"role": "assistant"}}));
        let reason = if error.is_null() { "stop" } else { "error" };
        script.says(&json!({"type": "message_end", "message": {"role": "assistant", "stopReason": reason, "errorMessage": error}}));
        script.says(&json!({"type": "agent_settled", "aborted": false}));
        script.ended()
    };
    assert_eq!(ended(json!("401: no")), "auth-required pi-login");
    assert_eq!(ended(json!("529 overloaded")), "retryable model_error");
    assert_eq!(ended(json!("the context is too long")), "fatal model_error");
    assert_eq!(ended(Value::Null), "fatal empty_turn");
}

#[test]
fn a_prompt_that_pi_refuses_or_handles_itself_is_over() {
    let mut script = Script::open_with("{}", "1.5.2");
    script.out = script.kit.execute(1, 1, "do it");
    script.fails("No API key found for the selected model.\n\nUse /login");
    assert_eq!(script.ended(), "auth-required pi-login");
    let Some(Outcome::Failed(Failure::AuthRequired(why))) = testkit::outcome(&script.out) else {
        panic!("{:?}", script.out)
    };
    assert!(why.message.contains("No API key"), "{why:?}");
    assert!(why.methods[0].description.contains("`/login`"), "{why:?}");
    script.out = script.kit.execute(2, 1, "/mine");
    script.answers(&json!({"disposition": "handled"}));
    assert_eq!(script.ended(), "succeeded handled");
    let mut script = Script::open_with("{}", "0.74.2");
    script.out = script.kit.execute(1, 1, "/mine");
    script.answers(&Value::Null);
    assert_eq!(script.commands(), ["get_state"], "an old pi does not say that no run begins");
    script.answers(&state("s1", 0));
    assert_eq!(script.ended(), "succeeded handled");
}

#[test]
fn a_pi_that_does_not_say_whether_anything_goes_on_did_not_succeed() {
    let mut script = Script::prompted("0.74.2");
    script.says_message("Hello", "stop").says(&of_type("agent_end")).fails("get_state is broken");
    assert_eq!(
        (script.ended(), script.failed()),
        ("fatal state_unknown".into(), "fatal state_unknown".into())
    );
    let mut script = Script::open_with("{}", "0.74.2");
    script.out = script.kit.execute(1, 1, "/mine");
    script.answers(&Value::Null).fails("get_state is broken");
    assert_eq!(script.ended(), "fatal state_unknown");
}

#[test]
fn only_what_begins_like_a_command_can_be_over_without_a_run() {
    let mut script = Script::open_with("{}", "0.74.2");
    script.out = script.kit.execute(1, 1, "do it /now");
    script.answers(&Value::Null).answers(&state("s1", 0));
    assert_eq!(script.ended(), "fatal nothing_begun");
}

#[test]
fn a_turn_that_ran_a_tool_is_not_tried_again_whatever_its_error() {
    for error in ["401: no", "529 overloaded"] {
        let mut script = Script::prompted("1.5.2");
        script.gate_asks("d1", "t1");
        script.says(&json!({"type": "message_start", "message": {"role": "assistant"}}));
        script.says(&json!({"type": "message_end", "message": {"role": "assistant", "stopReason": "error", "errorMessage": error}}));
        script.says(&of_type("agent_settled"));
        assert_eq!(script.ended(), "fatal model_error", "{error}");
    }
}

#[test]
fn the_use_of_a_turn_is_the_sum_of_its_messages() {
    let mut script = Script::prompted("1.5.2");
    script.says_message("a", "toolUse").says_message("b", "stop").says(&of_type("agent_settled"));
    let usage = finished_usage(&script).expect("it is known");
    assert_eq!((usage.input_tokens, usage.output_tokens, usage.cost_usd), (Some(20), Some(10), Some(1.0)));
}

#[test]
fn a_tool_is_shown_from_its_start_to_its_end() {
    let mut script = Script::prompted("1.5.2");
    let event = |kind: &str, more: Value| {
        let mut event =
            json!({"type": kind, "toolCallId": "t", "toolName": "bash", "args": {"command": "ls"}});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    script.says(&event("tool_execution_start", json!({})));
    let [Event::ToolStarted(start)] = &script.events()[..] else { panic!("{:?}", script.out) };
    assert_eq!(
        (start.name.as_str(), start.title.as_str(), start.kind.as_str()),
        ("bash", "bash: ls", "execute")
    );
    let partial = |text: &str| {
        event(
            "tool_execution_update",
            json!({"partialResult": {"content": [{"type": "text", "text": text}]}}),
        )
    };
    assert_eq!(script.says(&partial("")).out, [], "nothing is new");
    script.says(&partial("one\n"));
    assert_eq!(script.says(&partial("one\n")).out, [], "nothing is new");
    script.says(&partial("one\ntwo\n"));
    let [Event::ToolUpdated(update)] = &script.events()[..] else { panic!("{:?}", script.out) };
    assert_eq!(update.content, Some(Payload::Text("one\ntwo\n".to_owned())), "all of it, not what was added");
    let result = json!({"result": {"content": [{"type": "text", "text": "done"}]}, "isError": false});
    script.says(&event("tool_execution_end", result));
    assert!(matches!(&script.events()[..], [Event::ToolCompleted(_)]), "{:?}", script.out);
    script.says(&event("tool_execution_start", json!({"toolCallId": "u"})));
    let failed = json!({"toolCallId": "u", "result": {"content": []}, "isError": true});
    script.says(&event("tool_execution_end", failed));
    assert!(
        matches!(&script.events()[..], [Event::ToolFailed(failure)] if failure.error.code == "tool_failed")
    );
}

#[test]
fn another_model_is_set_before_the_prompt() {
    let execute = |attempt, model: Option<&str>| {
        Input::ExecuteAttempt(ExecuteAttempt {
            attempt,
            binding: 1,
            omi_session: String::new(),
            omi_run: String::new(),
            omi_attempt: String::new(),
            number: 1,
            prompt: Vec::new(),
            mode: RunMode::Act,
            model: model.map(str::to_owned),
            tools: Vec::new(),
            extra: String::new(),
        })
    };
    let mut script = Script::open_with("{}", "1.5.2");
    script.send(execute(1, Some("other/org/two")));
    let command = script.last_command();
    assert_eq!((&command["provider"], &command["modelId"]), (&json!("other"), &json!("org/two")));
    script.answers(&json!({"provider": "other", "id": "org/two", "input": ["text"]}));
    assert_eq!(script.commands(), ["prompt"]);
    script.answers(&json!({"disposition": "started"})).says(&of_type("agent_start"));
    script.says_message("x", "stop").says(&of_type("agent_settled"));
    script.send(execute(2, Some("org/two")));
    assert_eq!(script.commands(), ["prompt"], "it is set already");
    script.answers(&json!({"disposition": "handled"}));
    script.send(execute(3, None));
    assert_eq!(script.last_command()["modelId"], "one", "the one it began with");
    script.fails("Model not found: mock/one");
    assert_eq!(script.ended(), "fatal model_refused_by_agent");
}

#[test]
fn a_pi_that_ends_in_a_turn_ends_the_worker_with_what_it_said() {
    let mut script = Script::prompted("1.5.2");
    script.send(testkit::exited(PI, 1, "out of memory"));
    assert_eq!(
        (script.ended(), script.failed()),
        ("retryable pi_exited".to_owned(), "retryable pi_exited".to_owned())
    );
    let mut script = Script::prompted("1.5.2");
    script.says_message("half", "toolUse");
    script.send(testkit::signalled(PI, 9));
    assert_eq!(script.ended(), "fatal pi_exited", "it may have done something");
    script.kit.settled();
}

#[test]
fn stopping_ends_the_turn_and_pi() {
    let mut script = Script::prompted("1.5.2");
    script.out = script.kit.stop();
    assert_eq!(script.ended(), "retryable stopped");
    assert!(script.out.iter().any(|output| matches!(output, Output::Kill(kill) if kill.process == PI)));
    script.kit.settled();
}
