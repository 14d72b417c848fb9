//! What cannot be done: each has its status and its word, whoever asks.

use axum::body::Body;
use axum::extract::Request;
use serde_json::json;

use super::bench::{Bench, request};
use crate::prompt::owner;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_cannot_be_done_is_a_problem_with_its_word() {
    let bench = Bench::new();
    let made = bench.post("/v1/sessions", &json!({})).await.is(201);
    let session = made["session"]["sessionId"].as_str().unwrap().to_owned();
    let messages = format!("/v1/sessions/{session}/messages");
    let json = |method: &str, path: &str, body: &str| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json; charset=utf-8");
        request.body(Body::from(body.to_owned())).unwrap()
    };
    let plain = |method: &str, path: &str| request(method, path, &[], None);
    let table = [
        (plain("GET", "/v1/nothing"), 404, "not_found"),
        (plain("GET", "/nothing"), 404, "not_found"),
        (plain("DELETE", "/v1/sessions"), 405, "method_not_allowed"),
        (plain("GET", "/v1/sessions/x"), 404, "not_found"),
        (plain("GET", "/v1/sessions/%ff"), 404, "not_found"),
        (plain("GET", "/v1/runs/x"), 404, "not_found"),
        (plain("GET", &format!("/v1/runs/run_{}", "0".repeat(32))), 404, "not_found"),
        (plain("GET", &format!("/v1/runs/{session}")), 404, "not_found"),
        (plain("GET", "/v1/runs?session=x"), 404, "not_found"),
        (plain("GET", "/v1/sessions?limit=0"), 400, "invalid_parameter"),
        (plain("GET", "/v1/sessions?limit=201"), 400, "invalid_parameter"),
        (plain("GET", "/v1/sessions?limit=x"), 400, "invalid_parameter"),
        (plain("GET", "/v1/sessions?colour=red"), 400, "invalid_parameter"),
        (plain("GET", "/v1/sessions?status=red"), 400, "invalid_parameter"),
        (plain("GET", "/v1/sessions?cursor=x"), 400, "invalid_parameter"),
        (plain("GET", "/v1/runs?cursor=x"), 400, "invalid_parameter"),
        (plain("GET", &format!("/v1/runs?cursor=run_{}", "0".repeat(32))), 400, "invalid_parameter"),
        (plain("POST", "/v1/sessions"), 415, "unsupported_media_type"),
        (json("POST", "/v1/sessions", ""), 400, "invalid_json"),
        (json("POST", "/v1/sessions", "{"), 400, "invalid_json"),
        (json("POST", "/v1/sessions", "[]"), 422, "invalid_message"),
        (json("POST", "/v1/sessions", r#"{"colour":1}"#), 422, "invalid_message"),
        (json("POST", "/v1/sessions", r#"{"title":1}"#), 422, "invalid_message"),
        (json("POST", "/v1/sessions", r#"{"externalRefKind":"a"}"#), 422, "invalid_message"),
        (json("POST", "/v1/sessions", r#"{"externalRefKind":"","externalRefId":""}"#), 422, "empty_name"),
        (json("POST", "/v1/sessions", r#"{"adapterId":"nobody"}"#), 422, "unknown_registration"),
        (json("POST", "/v1/sessions", r#"{"cwd":"here"}"#), 422, "invalid_message"),
        (json("POST", "/v1/sessions", r#"{"message":{"text":"a","cwd":"/"}}"#), 422, "invalid_message"),
        (json("POST", "/v1/sessions", &format!(r#"{{"title":"{}"}}"#, "t".repeat(81))), 422, "too_long"),
        (json("PATCH", &format!("/v1/sessions/{session}"), "{}"), 422, "invalid_message"),
        (json("PATCH", &format!("/v1/sessions/{session}"), r#"{"metadata":[]}"#), 422, "not_an_object"),
        (json("POST", &messages, "{}"), 422, "empty_prompt"),
        (json("POST", &messages, r#"{"text":"a","clientId":""}"#), 422, "empty_name"),
        (json("POST", &messages, r#"{"text":"a","timeoutMs":0}"#), 422, "no_time"),
        (
            json("POST", &messages, r#"{"content":[{"type":"image","mimeType":"image/png","data":"?"}]}"#),
            422,
            "not_base64",
        ),
        (json("POST", &messages, r#"{"content":[{"type":"image","data":"AAAA"}]}"#), 422, "invalid_message"),
        (json("POST", &messages, r#"{"content":[{"type":"sound"}]}"#), 422, "invalid_message"),
    ];
    for (request, status, code) in table {
        let what = format!("{} {}", request.method(), request.uri());
        let answer = bench.send(&owner(), request).await;
        assert_eq!(answer.problem(status), code, "{what}");
    }
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_refused_with_a_key_and_without() {
    let bench = Bench::new();
    let piece = axum::body::Bytes::from(vec![b' '; 1 << 20]);
    for key in [None, Some("k")] {
        let pieces = (0..=64).map({
            let piece = piece.clone();
            move |_| Ok::<_, std::io::Error>(piece.clone())
        });
        let mut request = Request::post("/v1/sessions").header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let body = Body::from_stream(futures_util::stream::iter(pieces));
        let answer = bench.send(&owner(), request.body(body).unwrap()).await;
        assert_eq!(answer.problem(413), "body_too_large", "{key:?}");
    }
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_of_a_client_is_the_same_run_and_another_one_is_a_conflict() {
    let bench = Bench::new();
    let ask = |text: &str| json!({ "message": { "text": text, "clientId": "app", "requestId": "r1" } });
    let first = bench.post("/v1/sessions", &ask("a")).await.is(201);
    let again = bench.post("/v1/sessions", &ask("a")).await.is(200);
    assert_eq!(first["accepted"]["runId"], again["accepted"]["runId"]);
    assert_eq!(bench.post("/v1/sessions", &ask("b")).await.problem(409), "request_conflict");
    bench.end().await;
}
