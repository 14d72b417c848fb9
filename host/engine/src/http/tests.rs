//! Tests against real servers on this machine.

mod answers;
mod names;
mod redirects;
mod server;
mod tls;

use std::sync::Arc;

use server::{Server, World, answer, bound, remote, request};

use super::*;

#[test]
fn a_request_is_sent_with_the_secrets_and_nothing_of_its_own() {
    let world = World::new();
    let server = Server::answering(&world, |_| answer(201, "x-a: b\r\nset-cookie: c=d\r\n", "done"));
    let mut post = request("POST", "/v1/x?y=z");
    post.headers = vec![
        ("Content-Type".into(), "text/plain".into()),
        ("a".into(), "1".into()),
        ("a".into(), "2".into()),
    ];
    post.body = b"the body".to_vec();
    let told = world.send(remote(&bound(&server.origin())), post);
    assert_eq!(told.outcome, HttpOutcome::Complete);
    assert_eq!(told.status(), 201);
    assert_eq!(told.body(), "done");
    let headers = &told.head.as_ref().unwrap().1;
    assert!(headers.contains(&("x-a".to_owned(), "b".to_owned())), "{headers:?}");
    let seen = server.seen();
    let (head, body) = seen[0].split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "the body");
    let mut lines = head.lines();
    assert_eq!(lines.next(), Some("POST /v1/x?y=z HTTP/1.1"));
    let mut lines: Vec<&str> = lines.collect();
    lines.sort_unstable();
    let host = format!("host: {}", server.address);
    let want = [
        "a: 1",
        "a: 2",
        "accept: */*",
        "authorization: Bearer sesame",
        "content-length: 8",
        "content-type: text/plain",
        &host,
    ];
    assert_eq!(lines, want);
    // A second request has no cookie from the first, and a connection of its own.
    world.send(remote(&bound(&server.origin())), request("GET", "/"));
    assert!(!server.seen()[1].contains("cookie"));
    assert_eq!(server.connections(), 2);
}

#[test]
fn a_method_or_header_that_is_not_granted_is_not_sent() {
    let world = World::new();
    let server = Server::answering(&world, |_| answer(200, "", ""));
    let origin = server.origin();
    let failure = |request| world.send(remote(&bound(&origin)), request).failure().to_owned();
    let why = failure(request("DELETE", "/"));
    assert!(why.contains("`DELETE`") && why.contains("`methods` in `grants.remote`"), "{why}");
    let mut mine = request("GET", "/");
    mine.headers = vec![("Authorization".into(), "mine".into())];
    assert!(failure(mine).contains("`authorization`"));
    for path in ["//evil.example/", "/a/../b", "@evil.example/"] {
        assert!(failure(request("GET", path)).contains("path"), "{path}");
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn an_adapter_never_sees_a_secret_that_a_server_gives_back() {
    let world = World::new();
    let server = Server::start(
        &world,
        Arc::new(|request, mut connection| {
            Box::pin(async move {
                use tokio::io::AsyncWriteExt as _;

                let sent = request.lines().find_map(|line| line.strip_prefix("authorization: ")).unwrap();
                let head = format!("HTTP/1.1 200 OK\r\necho: {sent}\r\n\r\n");
                connection.write_all(head.as_bytes()).await.unwrap();
                // Byte by byte: it comes in many pieces.
                for byte in format!("you said {sent}, sesam, sesame").bytes() {
                    connection.write_all(&[byte]).await.unwrap();
                    connection.flush().await.unwrap();
                    tokio::task::yield_now().await;
                }
            })
        }),
    );
    let told = world.send(remote(&bound(&server.origin())), request("GET", "/"));
    assert_eq!(told.outcome, HttpOutcome::Complete);
    assert_eq!(told.body(), "you said Bearer [redacted], sesam, [redacted]");
    let headers = &told.head.as_ref().unwrap().1;
    assert!(headers.contains(&("echo".to_owned(), "Bearer [redacted]".to_owned())), "{headers:?}");
}

#[test]
fn an_error_holds_no_secret() {
    let world = World::new();
    let server = Server::answering(&world, |_| answer(302, "location: http://sesame.example/\r\n", ""));
    let told = world.send(remote(&bound(&server.origin())), request("GET", "/?key=value"));
    assert!(told.failure().contains("`http://[redacted].example/`"), "{told:?}");
    let bad = [("x".to_owned(), "ses\name".to_owned())];
    let why = Remote::new("remote", &bound("http://127.0.0.1"), &bad, Hidden::default()).err().unwrap();
    assert!(why.contains("`x`") && !why.contains("ses"), "{why}");
}
