//! Sessions: made, found again, listed, changed; what is asked in them.

use serde_json::{Value, json};

use super::bench::Bench;
use crate::prompt::OWNER;

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_made_found_again_by_its_name_and_changed() {
    let bench = Bench::new();
    let wanted = json!({ "title": "Typos", "adapterId": "echo", "surfaceKind": "task_chat",
        "externalRefKind": "task", "externalRefId": "7", "cwd": "/tmp", "modelProfile": "vision" });
    let answer = bench.post("/v1/sessions", &wanted).await;
    let made = answer.is(201);
    let session = text(&made["session"]["sessionId"]);
    assert_eq!(answer.header("location"), format!("/v1/sessions/{session}"));
    assert_eq!((&made["repeated"], &made["accepted"]), (&json!(false), &Value::Null));
    let shown = bench.get(&format!("/v1/sessions/{session}")).await.is(200);
    assert_eq!(shown, made["session"]);
    for (field, value) in [
        ("title", json!("Typos")),
        ("surfaceKind", json!("task_chat")),
        ("defaultCwd", json!("/tmp")),
        ("modelProfile", json!("vision")),
        ("status", json!("open")),
        ("ownerId", json!(OWNER)),
        ("runCount", json!(0)),
        ("bindings", json!([])),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
    let again =
        bench.post("/v1/sessions", &json!({ "externalRefKind": "task", "externalRefId": "7" })).await.is(200);
    assert_eq!((&again["session"], &again["repeated"]), (&shown, &json!(true)));

    let path = format!("/v1/tasks/{session}");
    let change = json!({ "title": "Spelling", "status": "archived", "metadata": { "pinned": true } });
    let changed = bench.ask("PATCH", &path, Some(&change)).await.is(200);
    assert_eq!((&changed["title"], &changed["status"]), (&json!("Spelling"), &json!("archived")));
    assert_eq!(changed["metadata"], json!({ "pinned": true }));
    assert_eq!(bench.get(&path).await.is(200), changed);
    let closed = bench.ask("PATCH", &path, Some(&json!({ "status": "closed" }))).await.is(200);
    assert_eq!(closed["status"], "closed");
    let refused = bench.ask("PATCH", &path, Some(&json!({ "status": "open" }))).await;
    assert_eq!(refused.problem(409), "session_cannot_become");
    let refused = bench.post(&format!("/v1/sessions/{session}/messages"), &json!({ "text": "x" })).await;
    assert_eq!(refused.problem(409), "session_closed");
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_accepted_runs_and_is_in_the_conversation() {
    let bench = Bench::new();
    let made = bench.post("/v1/sessions", &json!({ "message": { "text": "one" } })).await.is(201);
    let session = text(&made["session"]["sessionId"]);
    assert_eq!(made["accepted"]["sessionId"], session.as_str());
    bench.over(&text(&made["accepted"]["runId"])).await;
    let path = format!("/v1/sessions/{session}/messages");
    let answer =
        bench.post(&path, &json!({ "content": [{ "type": "text", "text": "two" }], "mode": "ask" })).await;
    let accepted = answer.is(202);
    let run = text(&accepted["runId"]);
    assert_eq!(answer.header("location"), format!("/v1/runs/{run}"));
    assert_eq!((&accepted["sessionId"], &accepted["repeated"]), (&json!(session), &json!(false)));
    let over = bench.over(&run).await;
    for (field, value) in
        [("status", "succeeded"), ("mode", "ask"), ("clientId", "http"), ("finalText", "two")]
    {
        assert_eq!(over[field], value, "{field}");
    }
    let messages = bench.get(&path).await.is(200);
    let said: Vec<_> = messages["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| (text(&message["role"]), text(&message["content"][0]["text"])))
        .collect();
    let said: Vec<_> = said.iter().map(|(role, text)| (role.as_str(), text.as_str())).collect();
    assert_eq!(said, [("user", "one"), ("assistant", "one"), ("user", "two"), ("assistant", "two")]);
    let first = bench.get(&format!("{path}?limit=1")).await.is(200);
    assert_eq!(first["items"].as_array().unwrap().len(), 2);
    let second = bench.get(&format!("{path}?limit=1&cursor={}", text(&first["nextCursor"]))).await.is(200);
    assert_eq!(
        (&second["items"][0]["content"][0]["text"], &second["nextCursor"]),
        (&json!("two"), &Value::Null)
    );
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_come_in_pages_and_by_their_surface() {
    let bench = Bench::new();
    let mut made = Vec::new();
    for kind in ["main_chat", "task_chat", "task_chat"] {
        let answer = bench.post("/v1/sessions", &json!({ "surfaceKind": kind })).await.is(201);
        made.push(text(&answer["session"]["sessionId"]));
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = bench.get(&format!("/v1/sessions?limit=2{cursor}")).await.is(200);
        seen.extend(page["items"].as_array().unwrap().iter().map(|session| text(&session["sessionId"])));
        // What is made meanwhile is on no later page.
        bench.post("/v1/sessions", &json!({})).await.is(201);
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    seen.sort();
    made.sort();
    assert_eq!(seen, made);
    let tasks = bench.get("/v1/sessions?surfaceKind=task_chat&status=open").await.is(200);
    assert_eq!(tasks["items"].as_array().unwrap().len(), 2);
    assert_eq!(bench.get("/v1/sessions?status=closed").await.is(200)["items"], json!([]));
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_another_owner_is_as_if_it_were_not_there() {
    let bench = Bench::new();
    let message = json!({ "text": "hello", "clientId": "app", "requestId": "r1" });
    let ours = bench
        .post("/v1/sessions", &json!({ "externalRefKind": "task", "externalRefId": "7", "message": message }))
        .await
        .is(201);
    let theirs = json!({ "externalRefKind": "task", "externalRefId": "7", "message": { "text": "other", "clientId": "app", "requestId": "r1" } });
    let theirs = bench.ask_as("bob", "POST", "/v1/sessions", Some(&theirs)).await.is(201);
    assert_ne!(ours["session"]["sessionId"], theirs["session"]["sessionId"], "the same names of two owners");
    let (session, run) = (text(&ours["session"]["sessionId"]), text(&ours["accepted"]["runId"]));
    for (method, path, body) in [
        ("GET", format!("/v1/sessions/{session}"), None),
        ("GET", format!("/v1/sessions/{session}/messages"), None),
        ("GET", format!("/v1/runs?session={session}"), None),
        ("GET", format!("/v1/runs/{run}"), None),
        ("GET", format!("/v1/runs/{run}/attempts"), None),
        ("GET", format!("/v1/runs/{run}/events"), None),
        ("PATCH", format!("/v1/sessions/{session}"), Some(json!({ "title": "x" }))),
        ("POST", format!("/v1/sessions/{session}/messages"), Some(json!({ "text": "x" }))),
        ("POST", format!("/v1/runs/{run}/cancel"), None),
        ("POST", format!("/v1/runs/{run}/retry"), Some(json!({}))),
    ] {
        let answer = bench.ask_as("bob", method, &path, body.as_ref()).await;
        assert_eq!(answer.problem(404), "not_found", "{method} {path}");
    }
    let own = bench.ask_as("bob", "GET", "/v1/runs", None).await.is(200);
    assert_eq!((own["items"].as_array().unwrap().len(), &own["items"][0]["clientId"]), (1, &json!("app")));
    let sessions = bench.ask_as("bob", "GET", "/v1/sessions", None).await.is(200);
    assert_eq!(sessions["items"][0]["sessionId"], theirs["session"]["sessionId"]);
    bench.end().await;
}
