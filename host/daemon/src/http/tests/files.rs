//! Files: sent, got back, used in a prompt, and nobody else's.

use axum::body::Body;
use axum::extract::Request;
use base64::Engine as _;
use serde_json::{Value, json};

use super::bench::{Answer, Bench};
use crate::files::FILE_BYTES_MAX;
use crate::prompt::owner;

async fn send(bench: &Bench, media_type: &str, bytes: &[u8]) -> Answer {
    let request = Request::post("/v1/files?name=a%20page.png").header("content-type", media_type);
    bench.send(&owner(), request.body(Body::from(bytes.to_vec())).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_sent_and_got_back_and_nobody_shows_it_as_a_page() {
    let bench = Bench::new();
    let answer = send(&bench, "text/html", b"<script>").await;
    let file = answer.is(201);
    assert_eq!(
        send(&bench, "text/plain", b"<script>").await.is(201),
        file,
        "the same content is the same file"
    );
    let path = answer.header("location").to_owned();
    assert_eq!(path, format!("/v1/files/{}", file["fileId"].as_str().unwrap()));
    assert_eq!((&file["sizeBytes"], &file["name"]), (&json!(8), &json!("a page.png")));
    let got = bench.get(&path).await;
    assert_eq!((got.status.as_u16(), &got.bytes[..]), (200, &b"<script>"[..]));
    for (header, value) in [
        ("content-type", "text/html"),
        ("content-length", "8"),
        ("x-content-type-options", "nosniff"),
        ("content-disposition", "attachment; filename=\"a_page.png\""),
        ("content-security-policy", "sandbox"),
    ] {
        assert_eq!(got.header(header), value, "{header}");
    }
    assert_eq!(bench.ask_as("bob", "GET", &path, None).await.problem(404), "not_found");
    assert_eq!(send(&bench, "text/plain", b"").await.problem(422), "empty_file");
    assert_eq!(bench.get("/v1/files/file_1").await.problem(404), "not_found");
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_was_sent_as_a_file_is_in_the_prompt() {
    let bench = Bench::new();
    let picture = send(&bench, "image/png", b"\x89PNG").await.is(201);
    let text = send(&bench, "text/plain", b"hello").await.is(201);
    let ask = |file: &Value, more: Value| {
        let mut image = json!({ "type": "image", "fileId": file["fileId"] });
        image.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "message": { "text": "What is this?", "content": [image] } })
    };
    let made = bench.post("/v1/sessions", &ask(&picture, json!({}))).await.is(201);
    let over = bench.over(made["accepted"]["runId"].as_str().unwrap()).await;
    let data = base64::engine::general_purpose::STANDARD.encode(b"\x89PNG");
    assert_eq!(over["input"]["prompt"][1], json!({ "type": "image", "mimeType": "image/png", "data": data }));
    for (body, status, code) in [
        (ask(&text, json!({})), 422, "not_a_picture"),
        (ask(&json!({ "fileId": "file_0" }), json!({})), 404, "not_found"),
        (ask(&picture, json!({ "data": "AAAA" })), 422, "invalid_message"),
    ] {
        assert_eq!(bench.post("/v1/sessions", &body).await.problem(status), code, "{body}");
    }
    assert_eq!(
        bench.ask_as("bob", "POST", "/v1/sessions", Some(&ask(&picture, json!({})))).await.problem(404),
        "not_found"
    );
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_too_large_leaves_nothing() {
    let bench = Bench::new();
    let piece = vec![0_u8; 1 << 20];
    let pieces = (0..=FILE_BYTES_MAX >> 20).map(move |_| Ok::<_, std::io::Error>(piece.clone()));
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    let answer = bench.send(&owner(), Request::post("/v1/files").body(body).unwrap()).await;
    assert_eq!(answer.problem(413), "body_too_large");
    let left = std::fs::read_dir(bench.path("state/files/content")).unwrap().count();
    assert_eq!(left, 0);
    bench.end().await;
}
