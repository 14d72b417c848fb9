//! The HTTP resources with real agents behind them: answers of people, interrupts, artifacts, grants, delegations.

use omi_tests::world::http::{Client, HttpDaemon};
use omi_tests::world::wire::text;
use omi_tests::world::{World, tester};
use serde_json::{Value, json};

/// Has a prompt run in a new session. Answers what was made.
fn begin(client: &Client, adapter: &str, prompt: &str, cwd: Option<&str>) -> Value {
    let new = json!({ "adapterId": adapter, "cwd": cwd, "message": { "text": prompt } });
    let made = client.post("/v1/sessions", &new);
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["accepted"].clone()
}

/// Waits until something is recorded about a run.
fn wait_for(client: &Client, accepted: &Value, kind: &str) -> Value {
    wait_for_many(client, accepted, kind, 1)
}

/// Waits until something is recorded so many times about a run.
fn wait_for_many(client: &Client, accepted: &Value, kind: &str, count: u32) -> Value {
    let mut events = client.listen(&format!("/v1/events?after=0&run={}", text(accepted, "runId")));
    let seen = (0..count).map(|_| events.up_to(|event| event.kind == kind).pop().expect("an event"));
    seen.last().expect("at least one").data
}

fn done(client: &Client, path: &str, body: &Value) -> Value {
    let answer = client.post(path, body);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn items(client: &Client, path: &str) -> Vec<Value> {
    let answer = client.get(path);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["items"].as_array().unwrap_or_else(|| panic!("{answer:?}")).clone()
}

#[test]
fn a_permission_is_listed_and_given_by_its_number_or_in_its_session() {
    let world = World::new();
    world.register_tester(&[]);
    let daemon = HttpDaemon::start(&world, &[]);
    let client = daemon.tcp();
    let cwd = world.work().display().to_string();
    let accepted =
        begin(&client, "tester", "write a.txt one\nwrite b.txt two\nwrite c.txt three", Some(&cwd));
    wait_for(&client, &accepted, "approval.requested");
    let asked = items(&client, "/v1/approvals").remove(0);
    assert_eq!((&asked["kind"], &asked["title"]), (&json!("approval"), &json!("Write a.txt")));
    assert_eq!((&asked["runId"], &asked["state"]), (&accepted["runId"], &json!("open")));
    assert!(asked["options"].as_array().unwrap().contains(&json!("allow")), "{asked}");
    assert_eq!(items(&client, "/v1/requests?state=open"), std::slice::from_ref(&asked));
    assert_eq!(items(&client, "/v1/requests?state=orphaned"), Vec::<Value>::new());
    let path = format!("/v1/approvals/{}/{}", text(&asked, "attemptId"), asked["request"]);
    let odd = client.post(&path, &json!({ "optionId": "maybe" }));
    assert_eq!(odd.problem(), (422, "no_such_option".to_owned()));
    for wrong in [json!({}), json!({ "optionId": "allow", "decision": "rejected" })] {
        assert_eq!(client.post(&path, &wrong).problem(), (422, "invalid_message".to_owned()));
    }
    done(&client, &path, &json!({ "optionId": "allow" }));
    let late = client.post(&path, &json!({ "optionId": "allow" }));
    assert_eq!(late.problem(), (409, "no_open_request".to_owned()), "each is answered once");

    // The second one is refused, the third one allowed, each by an action of the session.
    let actions = format!("/v1/sessions/{}/actions", text(&accepted, "sessionId"));
    let mut seen = vec![asked["request"].clone()];
    for (number, action) in [(2, "reject"), (3, "approve")] {
        wait_for_many(&client, &accepted, "approval.requested", number);
        let request = items(&client, "/v1/approvals").remove(0)["request"].clone();
        let mut body = json!({ "type": action, "approval": request });
        if action == "approve" {
            body["optionId"] = json!("allow");
        }
        assert_eq!(done(&client, &actions, &body)["runId"], accepted["runId"]);
        seen.push(request);
    }
    wait_for(&client, &accepted, "run.succeeded");
    let there = |name: &str| world.work().join(name).exists();
    assert_eq!((there("a.txt"), there("b.txt"), there("c.txt")), (true, false, true));
    let nothing = client.post(&actions, &json!({ "type": "cancel", "approval": 1 }));
    assert_eq!(nothing.problem(), (409, "no_open_request".to_owned()));
    assert_eq!(items(&client, "/v1/approvals"), Vec::<Value>::new());
    assert_eq!(daemon.end().code, Some(0));
}

#[test]
fn information_is_given_by_an_action() {
    let world = World::new();
    world.register_guest("person_probe", "");
    let daemon = HttpDaemon::start(&world, &[]);
    let client = daemon.unix();
    let accepted = begin(&client, "person_probe", r#"ask 7 {"type":"string"}"#, None);
    wait_for(&client, &accepted, "input.requested");
    let actions = format!("/v1/sessions/{}/actions", text(&accepted, "sessionId"));
    let odd = client.post(&actions, &json!({ "type": "approve", "approval": 7, "optionId": "x" }));
    assert_eq!(odd.problem(), (409, "no_open_request".to_owned()), "it is no request for permission");
    let both = json!({ "type": "input", "request": 7, "value": 1, "decision": "declined" });
    assert_eq!(client.post(&actions, &both).problem(), (422, "invalid_message".to_owned()));
    done(&client, &actions, &json!({ "type": "input", "request": 7, "value": "the blue one" }));
    assert_eq!(wait_for(&client, &accepted, "input.provided")["payload"]["outcome"], "provided");
    let stopped = done(&client, &actions, &json!({ "type": "interrupt" }));
    assert_eq!((&stopped["runId"], &stopped["cancellation"]["accepted"]), (&accepted["runId"], &json!(true)));
    assert_eq!(daemon.end().code, Some(0));
}

#[test]
fn an_interrupt_stops_what_is_executed_and_says_no_more_than_is_known() {
    let world = World::new();
    world.register_tester(&[]);
    let daemon = HttpDaemon::start(&world, &[]);
    let client = daemon.tcp();
    let first = begin(&client, "tester", "slow", None);
    let session = text(&first, "sessionId");
    wait_for(&client, &first, "message.delta");
    let second =
        client.post(&format!("/v1/sessions/{session}/messages"), &json!({ "text": "say second" })).json();
    assert_eq!(second["status"], "queued", "one prompt at a time");
    let stopped = done(&client, &format!("/v1/sessions/{session}/actions"), &json!({ "type": "interrupt" }));
    let cancellation = &stopped["cancellation"];
    assert_eq!(cancellation["runId"], first["runId"], "what waits is not what is meant");
    assert_eq!((&cancellation["accepted"], &cancellation["dispatchAttempted"]), (&json!(true), &json!(true)));
    assert_eq!(cancellation["adapterAcknowledged"], false, "that it has stopped is said by its end");
    wait_for(&client, &first, "run.cancelled");
    wait_for(&client, &second, "run.succeeded");
    let over = client.post(&format!("/v1/sessions/{session}/actions"), &json!({ "type": "interrupt" }));
    assert_eq!(over.problem(), (409, "no_open_request".to_owned()));

    let again = client.post(&format!("/v1/runs/{}/retry", text(&first, "runId")), &json!({}));
    assert_eq!((again.status, &again.json()["runId"]), (202, &first["runId"]));
    wait_for_many(&client, &first, "attempt.started", 2);
    let stopped = client.post(&format!("/v1/runs/{}/cancel", text(&first, "runId")), &json!({}));
    assert_eq!((stopped.status, &stopped.json()["accepted"]), (200, &json!(true)));
    assert_eq!(items(&client, &format!("/v1/runs/{}/attempts", text(&first, "runId"))).len(), 2);
    assert_eq!(daemon.end().code, Some(0));
}

#[test]
fn artifacts_are_listed_and_only_what_is_kept_here_is_given() {
    let world = World::new();
    world.register_guest("person_probe", "");
    let daemon = HttpDaemon::start(&world, &[]);
    let client = daemon.tcp();
    let cwd = world.work().display().to_string();
    let accepted =
        begin(&client, "person_probe", "name-text hello\nname-extra {\"k\":1}\nfinish", Some(&cwd));
    wait_for(&client, &accepted, "run.succeeded");
    let listed = items(&client, &format!("/v1/artifacts?run={}", text(&accepted, "runId")));
    let [elsewhere, kept] = &listed[..] else { panic!("{listed:?}") };
    let path = |artifact: &Value| format!("/v1/artifacts/{}", text(artifact, "artifactId"));
    assert_eq!(client.get(&path(kept)).json(), *kept);
    let content = client.get(&format!("{}/content", path(kept)));
    assert_eq!((content.status, &content.body[..]), (200, &b"hello"[..]));
    assert_eq!(content.header("x-content-type-options"), Some("nosniff"));
    assert!(content.header("content-disposition").unwrap().starts_with("attachment"), "{content:?}");
    std::fs::write(world.work().join("out.txt"), "not ours to give").unwrap();
    let refused = client.get(&format!("{}/content", path(elsewhere)));
    assert_eq!(refused.problem(), (409, "content_elsewhere".to_owned()));
    let opened = client.send("PATCH", &path(kept), Some(&json!({ "lifecycleState": "opened" })));
    assert_eq!((opened.status, &opened.json()["lifecycleState"]), (200, &json!("opened")));
    let file = text(kept, "uri");
    std::fs::remove_file(file.strip_prefix("file://").unwrap()).unwrap();
    let gone = client.get(&format!("{}/content", path(kept)));
    assert_eq!(gone.problem(), (409, "content_elsewhere".to_owned()));
    let first = client.get(&format!("/v1/artifacts?session={}&limit=1", text(&accepted, "sessionId"))).json();
    assert_eq!(first["items"][0]["artifactId"], elsewhere["artifactId"]);
    let second = items(&client, &format!("/v1/artifacts?limit=1&cursor={}", text(&first, "nextCursor")));
    assert_eq!(second[0]["artifactId"], kept["artifactId"]);
    assert_eq!(daemon.end().code, Some(0));
}

#[test]
fn grants_are_listed_shown_and_taken_back() {
    let world = World::new();
    world.configure(&tester(&[], "approvals = \"legacy\""));
    let daemon = HttpDaemon::start(&world, &[]);
    let client = daemon.tcp();
    let accepted = begin(&client, "tester", "say hello", None);
    wait_for(&client, &accepted, "run.succeeded");
    let session = text(&accepted, "sessionId");
    let of_session = items(&client, &format!("/v1/grants?session={session}&live=true"));
    let grant = of_session.first().unwrap_or_else(|| panic!("no grant"));
    assert_eq!((&grant["source"], &grant["runId"]), (&json!("legacy_default"), &accepted["runId"]));
    let path = format!("/v1/grants/{}", text(grant, "grantId"));
    assert_eq!(client.get(&path).json()["grantId"], grant["grantId"]);
    assert_eq!(client.send("DELETE", &path, None).status, 204);
    assert!(client.get(&path).json()["revokedAtMs"].is_i64());
    assert_eq!(items(&client, &format!("/v1/grants?session={session}&live=true")), Vec::<Value>::new());
    assert_eq!(client.get("/v1/grants/grant_x").problem(), (404, "not_found".to_owned()));
    assert_eq!(daemon.end().code, Some(0));
}

#[test]
fn registrations_are_listed_without_what_is_secret() {
    let world = World::new();
    std::fs::write(world.path("key.txt"), "s3cret").unwrap();
    let key = world.path("key.txt").display().to_string();
    let more = format!(
        "grants.remote = {{ origin = \"https://agents.example\", methods = [\"GET\"], secrets = {{ Authorization = {{ file = '{key}', prefix = \"Bearer \" }} }} }}\nconfig.url = \"https://x:s3cret@a\"\nmodels.vision = \"eyes\""
    );
    world.configure(&tester(&[], &more));
    let daemon = HttpDaemon::start(&world, &[]);
    let client = daemon.tcp();
    let answer = client.get("/v1/adapters");
    let adapters = answer.json();
    let registrations = adapters["registrations"].as_array().unwrap();
    let find = |name: &str| registrations.iter().find(|known| known["adapterId"] == name).unwrap().clone();
    let known = find("tester");
    assert_eq!((&known["component"], &known["isDefault"]), (&json!("acp"), &json!(false)));
    assert_eq!(known["programs"][0]["grant"], "agent");
    assert_eq!(known["origins"], json!([{ "grant": "remote", "to": "https://agents.example" }]));
    assert_eq!(known["models"], json!({ "vision": "eyes" }));
    assert_eq!(find("echo")["isDefault"], true);
    assert!(adapters["bundled"].as_array().unwrap().iter().any(|known| known["name"] == "acp"));
    let shown = client.get("/v1/adapters/tester");
    assert_eq!(
        (&shown.json()["adapterId"], &shown.json()["descriptor"]["protocol"]),
        (&json!("tester"), &json!("acp/1"))
    );
    for answer in [answer, shown] {
        let text = String::from_utf8(answer.body).unwrap();
        assert!(!text.contains("s3cret") && !text.contains(&key), "{text}");
    }
    assert_eq!(client.get("/v1/adapters/nobody").problem(), (404, "not_found".to_owned()));
    assert_eq!(daemon.end().code, Some(0));
}

#[test]
fn a_delegation_is_begun_and_its_result_read() {
    let world = World::new();
    world.register_tester(&[]);
    let daemon = HttpDaemon::start(&world, &[]);
    let client = daemon.tcp();
    let parent = begin(&client, "tester", "slow", None);
    wait_for(&client, &parent, "message.delta");
    let work = |mode: &str| json!({ "parentRunId": parent["runId"], "mode": mode, "adapterId": "echo", "objective": "Count" });
    for (mode, status) in [("spawn", 201), ("call", 202)] {
        let keyed = client.with("idempotency-key", mode);
        let begun = keyed.post("/v1/delegations", &work(mode));
        assert_eq!(begun.status, status, "{begun:?}");
        let delegated = begun.json();
        let path = format!("/v1/delegations/{}", text(&delegated, "delegationId"));
        assert_eq!(begun.header("location"), Some(path.as_str()));
        assert_eq!(
            keyed.post("/v1/delegations", &work(mode)).json(),
            delegated,
            "asked again it is the same"
        );
        wait_for(&client, &delegated, "run.succeeded");
        let shown = client.get(&path).json();
        assert_eq!((&shown["status"], &shown["mode"]), (&json!("succeeded"), &json!(mode)));
        assert!(shown["result"]["summary"].as_str().unwrap().contains("Count"), "{shown}");
        let of_child = items(&client, &format!("/v1/delegations?run={}", text(&delegated, "runId")));
        assert_eq!(of_child, [shown]);
    }
    assert_eq!(items(&client, &format!("/v1/runs/{}/delegations", text(&parent, "runId"))).len(), 2);
    let page = client.get("/v1/delegations?limit=1").json();
    let next = items(&client, &format!("/v1/delegations?limit=1&cursor={}", text(&page, "nextCursor")));
    assert_eq!(next[0]["mode"], "call");
    let unknown =
        client.post("/v1/delegations", &json!({ "parentRunId": "x", "mode": "call", "objective": "y" }));
    assert_eq!(unknown.problem(), (404, "not_found".to_owned()));
    client.post(&format!("/v1/runs/{}/cancel", text(&parent, "runId")), &json!({}));
    wait_for(&client, &parent, "run.cancelled");
    assert_eq!(daemon.end().code, Some(0));
}
