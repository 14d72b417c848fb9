//! Each tool against a daemon in this process, with the echo adapter; and what all of them are told to be.

use omi_kernel::command::RunMode;
use omi_kernel::id::OwnerId;

use super::house::House;
use super::*;
use crate::prompt::owner;

/// The names of all fields, sorted.
fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn models_are_told_what_a_tool_is_and_nothing_about_other_products() {
    for tool in &TOOLS {
        let schema = tool.input_schema();
        let told = format!("{} {}", tool.description, Value::Object(schema.clone())).to_lowercase();
        for wrong in ["spawn_agent", "pill", "floating", "alias"] {
            assert!(!told.contains(wrong), "{}: {wrong}", tool.name);
        }
        assert!(tool.description.len() < 500 && !tool.description.contains("  "), "{}", tool.name);
        assert_eq!((&schema["type"], &schema["additionalProperties"]), (&json!("object"), &json!(false)));
        for (name, field) in schema["properties"].as_object().unwrap() {
            assert!(field["description"].is_string(), "{}: {name} is not described", tool.name);
        }
        assert!(is_tool(tool.name));
    }
    let expected = [
        "list_agent_sessions",
        "get_agent_run",
        "cancel_agent_run",
        "inspect_agent_artifacts",
        "update_agent_artifact_lifecycle",
        "send_agent_message",
        "delegate_agent",
    ];
    assert_eq!(names(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named_and_nothing_is_done() {
    let house = House::new("");
    let unknown = house.call("spawn_agent", json!({})).await.unwrap_err();
    assert_eq!(unknown.code, "unknown_control_tool");
    let nobody = format!("run_{}", "0".repeat(32));
    for (name, input, code, word) in [
        ("get_agent_run", json!({}), "invalid_tool_input", "runId"),
        ("get_agent_run", json!({ "runId": "ses_1" }), "invalid_tool_input", "`runId`"),
        (
            "get_agent_run",
            json!({ "runId": nobody, "eventLimit": 501 }),
            "invalid_tool_input",
            "`eventLimit`",
        ),
        ("get_agent_run", json!({ "runId": nobody }), "not_found", nobody.as_str()),
        ("cancel_agent_run", json!({ "runId": nobody }), "not_found", nobody.as_str()),
        ("list_agent_sessions", json!({ "limit": 0 }), "invalid_tool_input", "`limit`"),
        ("list_agent_sessions", json!({ "limit": 201 }), "invalid_tool_input", "`limit`"),
        ("list_agent_sessions", json!({ "colour": 1 }), "invalid_tool_input", "colour"),
        ("list_agent_sessions", json!({ "cursor": "x" }), "invalid_tool_input", "`cursor`"),
        ("list_agent_sessions", json!({ "ownerId": "somebody" }), "owner_mismatch", "`ownerId`"),
        ("list_agent_sessions", json!({ "ownerId": "" }), "owner_mismatch", "`ownerId`"),
        ("inspect_agent_artifacts", json!({}), "invalid_tool_input", "exactly one"),
        ("inspect_agent_artifacts", json!({ "runId": nobody }), "not_found", nobody.as_str()),
        (
            "delegate_agent",
            json!({ "mode": "spawn", "objective": "x" }),
            "invalid_tool_input",
            "`parentRunId`",
        ),
    ] {
        let wrong = house.call(name, input.clone()).await.unwrap_err();
        assert_eq!(wrong.code, code, "{name} {input}: {}", wrong.message);
        assert!(wrong.message.contains(word) && !wrong.message.contains('\n'), "{}", wrong.message);
    }
    let answer = answer(Err(unknown));
    assert_eq!((&answer["ok"], &answer["error"]["code"]), (&json!(false), &json!("unknown_control_tool")));
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_a_new_run_whose_answer_is_waited_for_and_is_sent_once() {
    let house = House::new("");
    let first = house.echo("hello").await;
    let message = json!({ "sessionId": first.session, "prompt": "and you?", "requestId": "m1" });
    let answer = house.call("send_agent_message", message.clone()).await.unwrap();
    assert_eq!(keys(&answer), ["adapterSessionId", "attempt", "run", "session", "terminalStatus", "text"]);
    assert_eq!((&answer["text"], &answer["terminalStatus"]), (&json!("and you?"), &json!("succeeded")));
    assert_eq!(answer["session"]["omiSessionId"], json!(first.session));
    assert_eq!(answer["run"]["omiSessionId"], json!(first.session));
    assert!(answer["run"].get("sessionId").is_none() && answer["session"].get("sessionId").is_none());
    assert_eq!(
        (&answer["run"]["mode"], &answer["run"]["clientId"]),
        (&json!("ask"), &json!("omi-control-tools"))
    );
    let again = house.call("send_agent_message", message.clone()).await.unwrap();
    assert_eq!(again["run"]["runId"], answer["run"]["runId"], "the same request is the same run");
    let mut other = message;
    other["prompt"] = json!("something else");
    assert_eq!(house.call("send_agent_message", other).await.unwrap_err().code, "request_conflict");
    let nowhere = json!({ "sessionId": first.session, "prompt": "x", "adapterId": "nobody" });
    let nowhere = house.call("send_agent_message", nowhere).await.unwrap_err();
    assert_eq!(nowhere.code, "unknown_registration");
    let relative = json!({ "sessionId": first.session, "prompt": "x", "cwd": "here" });
    assert!(house.call("send_agent_message", relative).await.unwrap_err().message.contains("`cwd`"));
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_in_pages_with_their_runs() {
    let house = House::new("");
    let mut made = Vec::new();
    for text in ["one", "two", "three"] {
        made.push(house.echo(text).await);
    }
    let page = house.call("list_agent_sessions", json!({ "limit": 2 })).await.unwrap();
    let ids = |page: &Value| -> Vec<Value> {
        let sessions = page["sessions"].as_array().unwrap().iter();
        sessions.map(|one| one["session"]["omiSessionId"].clone()).collect()
    };
    assert_eq!(ids(&page), [json!(made[2].session), json!(made[1].session)]);
    let first = &page["sessions"][0];
    assert_eq!(keys(first), ["activeRun", "adapterBindings", "latestRun", "session"]);
    assert_eq!(first["latestRun"]["runId"], json!(made[2].run));
    assert_eq!((&first["latestRun"]["status"], &first["activeRun"]), (&json!("succeeded"), &Value::Null));
    assert!(first["latestRun"].get("input").is_none(), "no prompt with its pictures in a list");
    let rest = json!({ "limit": 2, "cursor": page["nextCursor"] });
    let rest = house.call("list_agent_sessions", rest).await.unwrap();
    assert_eq!((ids(&rest), &rest["nextCursor"]), (vec![json!(made[0].session)], &Value::Null));
    let of_none = house.call("list_agent_sessions", json!({ "surfaceKind": "moon" })).await.unwrap();
    assert_eq!(ids(&of_none), Vec::<Value>::new());
    let of_all = json!({ "surfaceKind": "test", "status": "open", "ownerId": owner() });
    assert_eq!(ids(&house.call("list_agent_sessions", of_all).await.unwrap()).len(), 3);
    let before = first["session"]["updatedAtMs"].clone();
    let older = house.call("list_agent_sessions", json!({ "beforeUpdatedAtMs": before })).await.unwrap();
    assert!(!ids(&older).contains(&json!(made[2].session)));

    let stranger = ControlContext::of_owner(house.surface().of(OwnerId("stranger".into())), Source::Http);
    let theirs = call(stranger.clone(), "list_agent_sessions", json!({})).await.unwrap();
    assert_eq!(ids(&theirs), Vec::<Value>::new());
    for (name, input) in [
        ("get_agent_run", json!({ "runId": made[0].run })),
        ("cancel_agent_run", json!({ "runId": made[0].run })),
        ("send_agent_message", json!({ "sessionId": made[0].session, "prompt": "hi" })),
        ("inspect_agent_artifacts", json!({ "sessionId": made[0].session })),
        ("delegate_agent", json!({ "parentRunId": made[0].run, "mode": "spawn", "objective": "x" })),
    ] {
        assert_eq!(call(stranger.clone(), name, input).await.unwrap_err().code, "not_found", "{name}");
    }
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_shown_with_its_newest_events_or_those_after_a_cursor() {
    let house = House::new("");
    let made = house.echo("hello there").await;
    let whole = house.call("get_agent_run", json!({ "runId": made.run })).await.unwrap();
    assert_eq!(
        keys(&whole),
        [
            "adapterBindings",
            "artifacts",
            "attempts",
            "childDelegations",
            "events",
            "parentDelegations",
            "run",
            "session"
        ]
    );
    assert_eq!(
        (&whole["run"]["finalText"], &whole["run"]["prompt"]),
        (&json!("hello there"), &json!("hello there"))
    );
    let events = whole["events"].as_array().unwrap();
    assert_eq!(events.last().unwrap()["type"], "run.succeeded");
    assert_eq!(events[0]["omiSessionId"], json!(made.session));
    let two = house.call("get_agent_run", json!({ "runId": made.run, "eventLimit": 2 })).await.unwrap();
    assert_eq!(two["events"].as_array().unwrap()[..], events[events.len() - 2..], "the newest");
    let after = json!({ "runId": made.run, "eventLimit": 2, "afterCursor": 0 });
    let after = house.call("get_agent_run", after).await.unwrap();
    assert_eq!(after["events"].as_array().unwrap()[..], events[..2], "the oldest");
    let none =
        house.call("get_agent_run", json!({ "runId": made.run, "includeEvents": false })).await.unwrap();
    assert_eq!(none["events"], json!([]));

    let late = house.call("cancel_agent_run", json!({ "runId": made.run })).await.unwrap();
    assert_eq!(keys(&late), ["attempts", "cancellation", "run"]);
    let cancellation = &late["cancellation"];
    assert_eq!((&cancellation["accepted"], &cancellation["status"]), (&json!(false), &json!("succeeded")));
    let child = json!({ "parentRunId": made.run, "mode": "call", "objective": "x" });
    assert_eq!(house.call("delegate_agent", child).await.unwrap_err().code, "cannot_delegate");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_acts_as_its_own_run_and_waits_for_nobody_who_may_wait_for_it() {
    let house = House::new("");
    let (own, other) = (house.echo("mine").await, house.echo("other").await);
    let refused = |mode, name: &'static str, input: Value| {
        let agent = house.agent(&own, mode);
        async move { call(agent, name, input).await.unwrap_err().code }
    };
    let as_other = json!({ "mode": "spawn", "objective": "x", "parentRunId": other.run });
    assert_eq!(refused(RunMode::Act, "delegate_agent", as_other).await, "not_own_run");
    let acts = json!({ "mode": "spawn", "objective": "x", "runMode": "act" });
    assert_eq!(refused(RunMode::Ask, "delegate_agent", acts.clone()).await, "mode_not_allowed");
    assert_eq!(refused(RunMode::Act, "delegate_agent", acts).await, "cannot_delegate", "its run is over");
    let acts = json!({ "sessionId": other.session, "prompt": "x", "mode": "act" });
    assert_eq!(refused(RunMode::Ask, "send_agent_message", acts).await, "mode_not_allowed");
    let to_itself = json!({ "sessionId": own.session, "prompt": "x" });
    assert_eq!(refused(RunMode::Act, "send_agent_message", to_itself).await, "session_busy");
    let as_client = json!({ "sessionId": other.session, "prompt": "x", "clientId": "desktop" });
    assert_eq!(refused(RunMode::Act, "send_agent_message", as_client).await, "invalid_tool_input");

    let message = json!({ "omiSessionId": other.session, "prompt": "hello", "requestId": "r" });
    let answer = call(house.agent(&own, RunMode::Ask), "send_agent_message", message).await.unwrap();
    assert_eq!(answer["text"], "hello");
    assert_eq!(answer["run"]["requestId"], json!(format!("{}/r", own.run)), "the request is its own");
    house.end().await;
}
