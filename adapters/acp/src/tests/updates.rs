//! Updates that come early, late, from another session, or by the thousand; and what they count.

use omi_adapter_sdk::testkit::{self, answer_text};
use omi_adapter_sdk::{Event, Output, Usage};
use serde_json::{Value, json};

use super::script::{AGENT, Script, open, resume, settings};

/// The agent answers the prompt of the attempt that runs.
fn ends(script: &mut Script, id: u64, more: &Value) -> Option<Usage> {
    let mut result = json!({"stopReason": "end_turn"});
    for (key, value) in more.as_object().cloned().unwrap_or_default() {
        result[key] = value;
    }
    script.says(&json!({"id": id, "result": result}));
    match script.out.last() {
        Some(Output::AttemptFinished(finished)) => finished.usage.clone(),
        other => panic!("{other:?}"),
    }
}

fn prompts(script: &mut Script, attempt: u32) -> u64 {
    script.out = script.kit.execute(attempt, 1, "go on");
    script.last_request()["id"].as_u64().expect("a number")
}

#[test]
fn what_comes_before_the_session_has_a_name_is_kept_for_it() {
    let mut script = Script::ready("{}", &json!({}));
    let opening = script.send(open(settings())).last_request();
    let usage = |session: &str, amount: f64| {
        json!({"method": "session/update", "params": {"sessionId": session, "update": {
            "sessionUpdate": "usage_update", "used": 1, "size": 9, "cost": {"amount": amount, "currency": "USD"}}}})
    };
    script.says(&usage("s1", 0.25)).says(&usage("s2", 7.0));
    script.says(&json!({"id": opening["id"], "result": {"sessionId": "s1"}}));
    let prompt = prompts(&mut script, 1);
    script.says_text("hi").says(&usage("s1", 1.0));
    let used = ends(&mut script, prompt, &Value::Null).expect("it said it");
    assert_eq!(used.cost_usd, Some(0.75), "what it cost before the prompt is not the prompt's");
}

#[test]
fn what_comes_late_is_counted_and_belongs_to_no_attempt() {
    let mut script = Script::prompted();
    let name = |update: &mut Value, id: &str| update["messageId"] = id.into();
    let mut first =
        json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "one"}});
    name(&mut first, "m1");
    script.updates(&first);
    script.updates(&json!({"sessionUpdate": "tool_call", "toolCallId": "t1", "title": "Look"}));
    ends(&mut script, 3, &Value::Null);
    assert_eq!(script.updates(&first).out, [], "between two turns");
    prompts(&mut script, 2);
    assert_eq!(script.updates(&first).out, [], "in the next turn, by its name");
    let done = json!({"sessionUpdate": "tool_call_update", "toolCallId": "t1", "status": "completed"});
    assert_eq!(script.updates(&done).out, [], "so is the end of a tool call");
    let logged = script.kit.logged();
    assert!(logged.iter().any(|(_, line)| line.contains("1 updates came between two turns")), "{logged:?}");

    script.updates(&json!({"sessionUpdate": "tool_call", "toolCallId": "t1", "title": "Look again"}));
    assert!(matches!(&script.events()[..], [Event::ToolStarted(_)]), "an id that is announced again is new");
    assert!(matches!(&script.updates(&done).events()[..], [Event::ToolCompleted(_)]));
}

#[test]
fn what_is_known_of_the_session_is_heard_at_any_time() {
    let mut script = Script::ready("{}", &json!({}));
    let option = |model: &str| {
        json!([{"id": "m", "category": "model", "currentValue": model,
            "options": [{"value": "small"}, {"value": "big"}]}])
    };
    script.send(open(settings())).answers(&json!({"sessionId": "s1", "configOptions": option("small")}));
    script.updates(&json!({"sessionUpdate": "config_option_update", "configOptions": option("big")}));
    assert_eq!(script.out, []);
    script.out = script.kit.execute(1, 1, "hi");
    assert_eq!(script.last_request()["params"]["value"], "small", "the model of the session is set again");
}

#[test]
fn sessions_of_one_process_do_not_mix() {
    let mut script = Script::open(&json!({}));
    script.out = script.kit.open(2, "/other");
    script.answers(&json!({"sessionId": "s2"}));
    script.out = script.kit.execute(1, 1, "do it");
    let text = |session: &str| {
        json!({"method": "session/update", "params": {"sessionId": session, "update": {
            "sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": session}}}})
    };
    assert_eq!(script.says(&text("s2")).out, []);
    assert_eq!(answer_text(&script.says(&text("s1")).out), "s1");
    script.says(&json!({"id": "p", "method": "session/request_permission",
        "params": {"sessionId": "s2", "toolCall": {"toolCallId": "t"}, "options": []}}));
    assert_eq!(script.result("p"), json!({"outcome": {"outcome": "cancelled"}}), "no prompt runs there");
    script.send(testkit::cancel(1));
    let cancelled: Vec<Value> = script.written();
    assert_eq!(cancelled.len(), 1);
    assert_eq!(cancelled[0]["params"], json!({"sessionId": "s1"}), "only this session is cancelled");
    script.send(testkit::exited(AGENT, 1, ""));
    assert!(matches!(script.out.last(), Some(Output::Fault(_))), "both end with their process");
}

#[test]
fn a_flood_of_small_updates_keeps_its_order() {
    let mut script = Script::prompted();
    let mut said = String::new();
    let mut wanted = String::new();
    for number in 0..3_000 {
        let text = format!("{number} ");
        wanted.push_str(&text);
        said.push_str(&answer_text(&script.says_text(&text).out));
    }
    assert!(said == wanted, "nothing is lost or turned around");
}

#[test]
fn figures_that_count_the_session_become_those_of_the_turn() {
    let mut script = Script::prompted_as(r#"{"usage": "session"}"#);
    let figures = |input: u32, output: u32| json!({"usage": {"inputTokens": input, "outputTokens": output}});
    script.says_text("hi");
    let first = ends(&mut script, 3, &figures(2000, 175)).expect("it said it");
    assert_eq!((first.input_tokens, first.output_tokens), (Some(2000), Some(175)));
    let next = |script: &mut Script, attempt, more| {
        let prompt = prompts(script, attempt);
        script.says_text("hi");
        ends(script, prompt, &more).map(|used| (used.input_tokens, used.output_tokens))
    };
    assert_eq!(next(&mut script, 2, figures(6000, 669)), Some((Some(4000), Some(494))));
    assert_eq!(
        next(&mut script, 3, figures(6000, 669)),
        None,
        "a turn of nothing is one that is not counted"
    );
    assert_eq!(next(&mut script, 4, json!({})), None);
    assert_eq!(next(&mut script, 5, figures(11_000, 900)), Some((Some(5000), Some(231))));
    assert_eq!(next(&mut script, 6, figures(10, 5)), None, "never less than nothing");
    assert_eq!(next(&mut script, 7, figures(30, 9)), Some((Some(20), Some(4))));
}

#[test]
fn after_a_load_the_first_figures_are_where_it_starts() {
    let mut script = Script::ready(r#"{"usage": "session"}"#, &json!({"loadSession": true}));
    script.send(resume()).answers(&json!({}));
    let figures = |input: u32| json!({"usage": {"inputTokens": input, "outputTokens": input}});
    let prompt = prompts(&mut script, 1);
    script.says_text("hi");
    assert_eq!(ends(&mut script, prompt, &figures(5000)), None);
    let prompt = prompts(&mut script, 2);
    script.says_text("hi");
    assert_eq!(ends(&mut script, prompt, &figures(5100)).and_then(|used| used.input_tokens), Some(100));
}

#[test]
fn an_agent_that_waits_for_a_program_gives_signs_of_life() {
    let mut script = Script::prompted_with(&["terminal"]);
    script.asks("c", "terminal/create", json!({"command": "make"}));
    let op = testkit::effect_op(&script.out);
    script.send(testkit::spawned(op));
    let terminal = script.result("c")["terminalId"].clone();
    assert_eq!(script.kit.advance(60_000), [], "it does not wait for it");
    script.asks("w", "terminal/wait_for_exit", json!({"terminalId": terminal}));
    script.out = script.kit.advance(40_000);
    assert!(matches!(&script.events()[..], [Event::Progress(_), Event::Progress(_)]), "{:?}", script.out);
    script.send(testkit::exited(op, 0, ""));
    script.out = script.kit.advance(60_000);
    assert_eq!(script.events(), [], "it waits no more, and silence is silence");
}
