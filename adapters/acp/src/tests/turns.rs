//! Prompts, what the agent says in a turn, and how a turn ends.

use omi_adapter_sdk::testkit;
use omi_adapter_sdk::{
    ChunkEnd, Event, Input, Media, Outcome, Output, Payload, ProcessOutput, PromptBlock, ToolEnd, ToolStart,
};
use serde_json::{Value, json};

use super::script::{AGENT, Script, events, resume};

/// The number of the prompt in `Script::prompted`.
const PROMPT: u64 = 3;

fn ends(script: &mut Script, stop_reason: &str) -> Outcome {
    script.says(&json!({"id": PROMPT, "result": {"stopReason": stop_reason}}));
    testkit::outcome(&script.out).cloned().unwrap_or_else(|| panic!("the turn goes on: {:?}", script.out))
}

#[test]
fn a_turn_from_its_prompt_to_its_end() {
    let mut script = Script::prompted();
    let prompt = script.last_request();
    assert_eq!((&prompt["method"], &prompt["id"]), (&json!("session/prompt"), &json!(PROMPT)));
    assert_eq!(prompt["params"], json!({"sessionId": "s1", "prompt": [{"type": "text", "text": "do it"}]}));

    let mut said = script.says_text("Hello").events();
    said.extend(script.says_text(" you").events());
    let thought = json!({"sessionUpdate": "agent_thought_chunk", "content": {"type": "text", "text": "hm"}});
    said.extend(script.updates(&thought).events());
    script.says(&json!({"id": PROMPT, "result": {
        "stopReason": "end_turn",
        "usage": {"inputTokens": 7, "outputTokens": 3, "cachedReadTokens": 2},
        "_meta": {"costUsd": 0.5},
    }}));
    said.extend(script.events());
    let names: Vec<String> = said.iter().map(name).collect();
    assert_eq!(names, ["text message-1 `Hello`", "text message-1 ` you`", "thought `hm`", "end message-1"]);
    let Some(Output::AttemptFinished(finished)) = script.out.last() else { panic!("{:?}", script.out) };
    assert_eq!(finished.outcome, Outcome::succeeded("end_turn"));
    let usage = finished.usage.clone().expect("the agent said it");
    assert_eq!(
        (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens),
        (Some(7), Some(3), Some(2))
    );
    assert_eq!((usage.cache_write_tokens, usage.cost_usd), (None, Some(0.5)));
}

fn name(event: &Event) -> String {
    match event {
        Event::MessageDelta(delta) => format!("text {} `{}`", delta.message, delta.text),
        Event::MessageEnd(message) => format!("end {message}"),
        Event::ThoughtDelta(text) => format!("thought `{text}`"),
        Event::ToolStarted(start) => format!("start {} {}", start.id, start.title),
        Event::ToolUpdated(update) => format!("update {}", update.id),
        Event::ToolCompleted(end) => format!("completed {}", end.id),
        Event::ToolFailed(failure) => format!("failed {} {}", failure.id, failure.error.code),
        other => format!("{other:?}"),
    }
}

fn names_of(script: &mut Script, updates: &[Value]) -> Vec<String> {
    updates.iter().flat_map(|update| script.updates(update).events()).map(|event| name(&event)).collect()
}

#[test]
fn a_tool_call_is_started_updated_and_completed() {
    let mut script = Script::prompted();
    script.says_text("I look.");
    let started = json!({"sessionUpdate": "tool_call", "toolCallId": "t", "title": "Read", "kind": "read",
        "status": "pending", "rawInput": {"path": "a"}});
    let out = script.updates(&started).events();
    assert_eq!(name(&out[0]), "end message-1", "a message ends where a tool begins");
    let start = ToolStart {
        id: "t".to_owned(),
        name: String::new(),
        title: "Read".to_owned(),
        kind: "read".to_owned(),
        input: Some(Payload::Json(r#"{"path":"a"}"#.to_owned())),
        extra: String::new(),
    };
    assert_eq!(out[1], Event::ToolStarted(start));
    let progress = json!({"sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "in_progress"});
    assert_eq!(script.updates(&progress).events(), [], "a status alone is no news");
    let repeated =
        json!({"sessionUpdate": "tool_call", "toolCallId": "t", "title": "Read a", "rawInput": {}});
    assert_eq!(names_of(&mut script, &[repeated]), ["update t"], "some agents announce twice");
    let content = json!([{"type": "content", "content": {"type": "text", "text": "what is in a"}}]);
    let end = json!({"sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "completed",
        "content": content});
    let output = Some(Payload::Text("what is in a".to_owned()));
    let completed = ToolEnd { id: "t".to_owned(), output, extra: String::new() };
    assert_eq!(script.updates(&end).events(), [Event::ToolCompleted(completed)]);
    assert_eq!(script.updates(&end).events(), [], "it ends once");
    script.says_text("Done.");
    assert_eq!(name(&script.events()[0]), "text message-2 `Done.`");
    assert_eq!(ends(&mut script, "end_turn"), Outcome::succeeded("end_turn"));
}

#[test]
fn tool_calls_that_are_not_announced_or_not_ended_have_a_beginning_and_an_end() {
    let mut script = Script::prompted();
    let names = names_of(
        &mut script,
        &[
            json!({"sessionUpdate": "tool_call_update", "toolCallId": "a", "title": "List", "status": "completed"}),
            json!({"sessionUpdate": "tool_call_update", "toolCallId": "b", "status": "failed"}),
            json!({"sessionUpdate": "tool_call", "toolCallId": "c"}),
        ],
    );
    assert_eq!(names, ["start a List", "completed a", "start b b", "failed b tool_failed", "start c c"]);
    ends(&mut script, "end_turn");
    assert_eq!(script.events().iter().map(name).collect::<Vec<_>>(), ["failed c unknown_outcome"]);
}

#[test]
fn odd_updates_cost_nothing() {
    let mut script = Script::prompted();
    for update in [
        json!({"sessionUpdate": "user_message_chunk", "content": {"type": "text", "text": "do it"}}),
        json!({"sessionUpdate": "available_commands_update", "availableCommands": [{"name": "x"}]}),
        json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": ""}}),
        json!({"sessionUpdate": "tool_call", "title": "without an id"}),
    ] {
        assert_eq!(script.updates(&update).out, [], "{update}");
    }
    let unknown = script.updates(&json!({"sessionUpdate": "weather_update", "sky": "blue"})).events();
    assert!(
        matches!(&unknown[..], [Event::Other(other)] if other.name == "acp.weather_update"),
        "{unknown:?}"
    );
    let picture =
        json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "image", "data": "AAAA"}});
    let picture = script.updates(&picture).events();
    assert!(matches!(&picture[..], [Event::Other(other)] if other.name == "acp.content"), "{picture:?}");
    let plan = script.updates(&json!({"sessionUpdate": "plan", "entries": [
        {"content": "look", "status": "completed"}, {"content": "write", "status": "new"}]}));
    assert!(matches!(&plan.events()[..], [Event::Progress(it)] if it.text == "[done] look\n[next] write"));
    assert_eq!(
        script
            .says(&json!({"method": "session/update", "params": {"sessionId": "s9", "update": {
        "sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "x"}}}}))
            .out,
        []
    );
    assert_eq!(script.says(&json!({"method": "vendor/notify", "params": 1})).out, []);
    assert_eq!(script.says(&json!({"id": 99, "result": {}})).out, []);
    script.says(&json!({"id": "q", "method": "fs/read_text_file", "params": {}}));
    assert_eq!(script.written()[0]["error"]["code"], -32601);
    for noise in ["Warning: old node", "", "[1, 2", "17"] {
        assert_eq!(script.writes(noise).out, []);
    }
    assert_eq!(ends(&mut script, "end_turn"), Outcome::succeeded("end_turn"));
}

#[test]
fn a_line_in_pieces_is_one_line() {
    let mut script = Script::prompted();
    let line = json!({"method": "session/update", "params": {"sessionId": "s1", "update": {
        "sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "käse"}}}})
    .to_string();
    let cut = line.find('ä').expect("it is there") + 1;
    let (first, second) = line.as_bytes().split_at(cut);
    let piece = |data: &[u8], end| {
        Input::Stdout(ProcessOutput { op: AGENT, data: data.to_vec(), end, extra: String::new() })
    };
    assert_eq!(script.send(piece(first, ChunkEnd::Split)).out, []);
    script.send(piece(second, ChunkEnd::Newline));
    assert_eq!(testkit::answer_text(&script.out), "käse");
}

#[test]
fn stop_reasons_become_outcomes() {
    let outcome = |text: &str, stop_reason: &str| {
        let mut script = Script::prompted();
        script.says_text(text);
        match ends(&mut script, stop_reason) {
            Outcome::Succeeded(success) => format!("succeeded {}", success.stop_reason),
            Outcome::Failed(failure) => super::script::kind_and_code(&failure),
            Outcome::Cancelled => "cancelled".to_owned(),
        }
    };
    assert_eq!(outcome("hi", "end_turn"), "succeeded end_turn");
    assert_eq!(outcome("hi", "max_tokens"), "succeeded max_tokens");
    assert_eq!(outcome("", "max_turn_requests"), "succeeded max_turn_requests");
    assert_eq!(outcome("hi", "a_new_word"), "succeeded a_new_word");
    assert_eq!(outcome("", "end_turn"), "fatal empty_turn");
    assert_eq!(outcome(" \n", "end_turn"), "fatal empty_turn");
    assert_eq!(outcome("no", "refusal"), "fatal model_refused");
    assert_eq!(outcome("hi", "cancelled"), "fatal cancelled_by_runtime");
}

#[test]
fn errors_become_failures() {
    let code = |text: &str, code: i64, message: &str| {
        let mut script = Script::prompted();
        script.says_text(text);
        script.says(&json!({"id": PROMPT, "error": {"code": code, "message": message}})).failure_code()
    };
    assert_eq!(code("", -32000, "log in"), "auth-required key");
    assert_eq!(code("", -32002, "gone"), "stale session_not_found");
    assert_eq!(code("", -32602, "Session not found: s1"), "stale session_not_found");
    assert_eq!(code("", -32602, "bad block"), "fatal agent_error");
    assert_eq!(code("", -32603, "upstream 502"), "retryable agent_error");
    assert_eq!(code("half", -32603, "upstream 502"), "fatal agent_error");
    assert_eq!(code("", 429, "slow down"), "retryable agent_error");
    assert_eq!(code("half", 429, "slow down"), "fatal agent_error");
    assert_eq!(code("", 400, "too long"), "fatal agent_error");
    assert_eq!(code("", 500, "later"), "retryable agent_error");
    assert_eq!(code("", 401, "who?"), "auth-required key");
    assert_eq!(code("", -31002, "who?"), "auth-required key");
    assert_eq!(code("", -32603, "401 Unauthorized"), "auth-required key");
    assert_eq!(code("half", -32000, "log in"), "auth-required key", "in mid session, too");
}

#[test]
fn what_comes_after_the_end_belongs_to_no_attempt() {
    let mut script = Script::prompted();
    script.says_text("hi");
    ends(&mut script, "end_turn");
    assert_eq!(script.says_text("late").out, []);
    assert_eq!(script.says(&json!({"id": PROMPT, "result": {"stopReason": "end_turn"}})).out, []);
    script.out = script.kit.execute(2, 1, "again");
    script.says_text("new");
    assert!(matches!(&script.out[..], [Output::AttemptEvent(event)] if event.attempt == 2));
}

#[test]
fn a_picture_goes_to_an_agent_that_takes_pictures() {
    let picture = || {
        PromptBlock::Image(Media {
            mime_type: "image/png".to_owned(),
            data: 5,
            size: 30,
            extra: String::new(),
        })
    };
    let mut script = Script::open(&json!({"promptCapabilities": {"image": true}}));
    script.out = script.kit.execute_blocks(1, 1, vec![picture()]);
    assert_eq!(script.last_request()["params"]["prompt"][0]["data"], "<base64 of blob 5>");
    let mut script = Script::open(&json!({}));
    script.out = script.kit.execute_blocks(1, 1, vec![picture()]);
    assert_eq!(script.failure_code(), "fatal image_unsupported");
    script.out = script.kit.execute(2, 1, "without it");
    assert_eq!(script.last_request()["method"], "session/prompt", "the session goes on");
}

#[test]
fn a_large_output_travels_as_a_blob_and_holds_up_what_follows() {
    let mut script = Script::prompted();
    let large = "x".repeat(100_000);
    script.updates(&json!({"sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "completed",
        "rawOutput": large}));
    let Some(Output::CreateBlob(create)) =
        script.out.iter().find(|output| matches!(output, Output::CreateBlob(_)))
    else {
        panic!("{:?}", script.out)
    };
    let op = create.op;
    assert_eq!(script.says_text("done").out, []);
    let created = omi_adapter_sdk::BlobCreated { op, blob: 4, size: 100_000, extra: String::new() };
    script.says(&json!({"id": PROMPT, "result": {"stopReason": "end_turn"}}));
    assert_eq!(script.out, []);
    script.send(Input::BlobCreated(created));
    let end = ToolEnd { id: "t".to_owned(), output: Some(Payload::Blob(4)), extra: String::new() };
    assert_eq!(events(&script.out)[0], Event::ToolCompleted(end));
    assert_eq!(script.out[1], Output::DropBlob(4));
    assert_eq!(testkit::answer_text(&script.out), "done");
    assert_eq!(testkit::outcome(&script.out), Some(&Outcome::succeeded("end_turn")));
}

#[test]
fn the_cost_of_a_session_is_counted_for_its_turns() {
    let mut script = Script::prompted();
    let cost = |amount: f64| {
        json!({"sessionUpdate": "usage_update", "used": 10, "size": 100,
            "cost": {"amount": amount, "currency": "USD"}})
    };
    script.updates(&cost(0.25)).says_text("hi");
    let usage_of = |script: &Script| match script.out.last() {
        Some(Output::AttemptFinished(finished)) => finished.usage.clone().and_then(|usage| usage.cost_usd),
        other => panic!("{other:?}"),
    };
    ends(&mut script, "end_turn");
    assert_eq!(usage_of(&script), Some(0.25));
    script.out = script.kit.execute(2, 1, "again");
    let id = script.last_request()["id"].clone();
    script.updates(&cost(1.0)).says_text("hi");
    script.says(&json!({"id": id, "result": {"stopReason": "end_turn"}}));
    assert_eq!(usage_of(&script), Some(0.75));
}

#[test]
fn a_cost_without_a_beginning_or_with_a_counter_that_falls_is_not_known() {
    let cost = |amount: f64| {
        json!({"sessionUpdate": "usage_update", "used": 10, "size": 100,
            "cost": {"amount": amount, "currency": "USD"}})
    };
    let turn = |script: &mut Script, attempt: u32, amounts: &[f64]| {
        script.out = script.kit.execute(attempt, 1, "go on");
        let id = script.last_request()["id"].clone();
        for amount in amounts {
            script.updates(&cost(*amount));
        }
        script.says_text("hi").says(&json!({"id": id, "result": {"stopReason": "end_turn"}}));
        match script.out.last() {
            Some(Output::AttemptFinished(finished)) => {
                finished.usage.clone().and_then(|usage| usage.cost_usd)
            }
            other => panic!("{other:?}"),
        }
    };
    let mut script = Script::ready("{}", &json!({"loadSession": true}));
    script.send(resume()).answers(&json!({}));
    assert_eq!(turn(&mut script, 1, &[5.0, 5.5]), None, "what it cost before is not known");
    assert_eq!(turn(&mut script, 2, &[6.0]), Some(0.5));
    assert_eq!(turn(&mut script, 3, &[6.25, 0.25, 7.0]), None, "it began to count anew");
    assert_eq!(turn(&mut script, 4, &[7.5]), Some(0.5));
}

#[test]
fn a_session_has_one_prompt_at_a_time() {
    let mut script = Script::prompted();
    script.out = script.kit.execute(2, 1, "at the same time");
    assert_eq!(script.failure_code(), "retryable busy");
    script.out = script.kit.execute(3, 9, "nowhere");
    assert_eq!(script.failure_code(), "stale no_session");
}
