//! Runs: listed, cancelled, tried again; asked twice and done once.

use serde_json::{Value, json};

use super::bench::Bench;

async fn session(bench: &Bench) -> String {
    let made = bench.post("/v1/sessions", &json!({})).await.is(201);
    made["session"]["sessionId"].as_str().unwrap().to_owned()
}

fn run(accepted: &Value) -> &str {
    accepted["runId"].as_str().unwrap_or_else(|| panic!("{accepted}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_listed_in_pages_with_their_attempts_and_events() {
    let bench = Bench::new();
    let path = format!("/v1/sessions/{}/messages", session(&bench).await);
    let mut ids = Vec::new();
    for text in ["a", "b", "c"] {
        let accepted = bench.post(&path, &json!({ "text": text })).await.is(202);
        bench.over(run(&accepted)).await;
        ids.push(run(&accepted).to_owned());
    }
    let page = bench.get("/v1/runs?limit=2&status=succeeded").await.is(200);
    let listed = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|it| run(it).to_owned()).collect()
    };
    assert_eq!(listed(&page), [ids[2].clone(), ids[1].clone()]);
    let next = page["nextCursor"].as_str().unwrap();
    let page = bench.get(&format!("/v1/runs?limit=2&cursor={next}")).await.is(200);
    assert_eq!((listed(&page), &page["nextCursor"]), (vec![ids[0].clone()], &Value::Null));
    assert_eq!(bench.get("/v1/runs?status=failed").await.is(200)["items"], json!([]));

    let shown = bench.get(&format!("/v1/runs/{}", ids[0])).await.is(200);
    let attempts = bench.get(&format!("/v1/runs/{}/attempts", ids[0])).await.is(200);
    assert_eq!(attempts["items"], shown["attempts"]);
    let (mut kinds, mut after) = (Vec::new(), 0);
    loop {
        let page = bench.get(&format!("/v1/runs/{}/events?limit=3&after={after}", ids[0])).await.is(200);
        kinds.extend(
            page["items"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap().to_owned()),
        );
        match page["nextAfter"].as_i64() {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(
        (kinds.first().unwrap().as_str(), kinds.last().unwrap().as_str()),
        ("run.queued", "run.succeeded")
    );
    assert_eq!(kinds.iter().filter(|kind| *kind == "run.running").count(), 1, "{kinds:?}");
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_over_is_tried_again_and_no_more_is_said_of_a_cancel_than_is_known() {
    let bench = Bench::new();
    let path = format!("/v1/sessions/{}/messages", session(&bench).await);
    let accepted = bench.post(&path, &json!({ "text": "a" })).await.is(202);
    let id = run(&accepted).to_owned();
    bench.over(&id).await;
    let cancelled = bench.post(&format!("/v1/runs/{id}/cancel"), &json!({})).await.is(200);
    let told = json!({ "accepted": false, "runId": id, "attemptId": cancelled["attemptId"],
        "dispatchAttempted": false, "adapterAcknowledged": false, "status": "succeeded" });
    assert_eq!(cancelled, told);
    let refused = bench.post(&format!("/v1/runs/{id}/retry"), &json!({})).await;
    assert_eq!(refused.problem(409), "cannot_retry", "what succeeded needs no other attempt");
    let refused = bench.post(&format!("/v1/runs/{id}/retry"), &json!({ "adapterId": "nobody" })).await;
    assert_eq!(refused.problem(422), "unknown_registration");
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_session_stands_is_what_its_events_tell() {
    let bench = Bench::new();
    let named = json!({ "externalRefKind": "pill", "externalRefId": "a b" });
    let made = bench.post("/v1/sessions", &named).await.is(201);
    let path = "/v1/status?externalRefKind=pill&externalRefId=a%20b";
    let before = bench.get(path).await.is(200);
    assert_eq!(
        (&before["session"], &before["run"]),
        (&bench.get("/v1/sessions").await.is(200)["items"][0], &Value::Null)
    );
    let session = made["session"]["sessionId"].as_str().unwrap();
    let messages = format!("/v1/sessions/{session}/messages");
    for text in ["a", "b c"] {
        let accepted = bench.post(&messages, &json!({ "text": text })).await.is(202);
        let row = bench.over(run(&accepted)).await;
        let standing = bench.get(&format!("/v1/status?session={session}")).await.is(200);
        assert_eq!(bench.get(path).await.is(200), standing, "by its id as by its name");
        let told = &standing["run"];
        for (field, of_row) in [("runId", "runId"), ("status", "status"), ("text", "finalText")] {
            assert_eq!(told[field], row[of_row], "{field}: {told}");
        }
        assert_eq!(
            (&told["attemptId"], &told["error"], &told["textCut"]),
            (&Value::Null, &Value::Null, &json!(false))
        );
        for field in ["inputTokens", "outputTokens", "costUsd"] {
            assert_eq!(told["usage"][field], row[field], "{field}: {told}");
        }
    }
    for (query, status) in [
        ("", 400),
        ("?session=x&externalRefKind=a&externalRefId=b", 400),
        ("?externalRefKind=a", 400),
        ("?session=x", 404),
        ("?externalRefKind=a&externalRefId=b", 404),
    ] {
        bench.get(&format!("/v1/status{query}")).await.problem(status);
    }
    assert_eq!(bench.ask_as("bob", "GET", path, None).await.problem(404), "not_found");
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_twice_with_a_key_is_done_once_also_after_a_restart() {
    let bench = Bench::new();
    let path = format!("/v1/sessions/{}/messages", session(&bench).await);
    let first = bench.post_with("k", &path, &json!({ "text": "a" })).await;
    bench.over(run(&first.is(202))).await;
    let again = bench.post_with("k", &path, &json!({ "text": "a" })).await;
    assert_eq!((again.status, &again.bytes), (first.status, &first.bytes), "as it was, and not as it is");
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(bench.post_with("k", &path, &json!({ "text": "b" })).await.problem(422), "key_conflict");
    assert_eq!(bench.post_with("", &path, &json!({ "text": "b" })).await.problem(400), "invalid_parameter");
    // A daemon that has forgotten the answer still knows the run.
    let forgetful = bench.forget();
    let repeated = forgetful.post_with("k", &path, &json!({ "text": "a" })).await.is(202);
    assert_eq!((run(&repeated), &repeated["repeated"]), (run(&first.json()), &json!(true)));
    assert_eq!(forgetful.post_with("k2", &path, &json!({ "text": "" })).await.problem(422), "empty_prompt");
    assert_eq!(forgetful.get("/v1/runs").await.is(200)["items"].as_array().unwrap().len(), 1);
    let made = forgetful.post_with("s", "/v1/sessions", &json!({})).await.is(201);
    assert_eq!(forgetful.post_with("s", "/v1/sessions", &json!({})).await.is(201), made);
    forgetful.end().await;
}
