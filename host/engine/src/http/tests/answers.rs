//! Answers: slow, long, broken, given up, and read no faster than they are taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncWriteExt as _;

use super::server::{Connection, Server, World, answer, bound, hang, remote, request};
use crate::framing::{ChunkEnd, Framing};
use crate::http::HttpRequest;
use crate::input::HttpOutcome;
use crate::limits;
use crate::registration::BoundHttp;

/// What an endless answer is made of.
static PIECE: [u8; 64 * 1024] = [b'x'; 64 * 1024];
const ENDLESS: &str = "HTTP/1.1 200 OK\r\n\r\n";

/// A server that says this and then nothing.
fn stopping_after(world: &World, text: &'static str) -> Server {
    Server::start(
        world,
        Arc::new(move |_, mut connection| {
            Box::pin(async move {
                connection.write_all(text.as_bytes()).await.unwrap();
                connection.flush().await.unwrap();
                hang(connection).await;
            })
        }),
    )
}

/// A server whose answer never ends; it counts what it could send.
fn endless(world: &World) -> (Server, Arc<AtomicUsize>) {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let serve = move |_, mut connection: Box<dyn Connection>| {
        let count = Arc::clone(&count);
        Box::pin(async move {
            connection.write_all(ENDLESS.as_bytes()).await.unwrap();
            while connection.write_all(&PIECE).await.is_ok() {
                count.fetch_add(PIECE.len(), Ordering::SeqCst);
            }
        }) as std::pin::Pin<Box<dyn Future<Output = ()> + Send>>
    };
    (Server::start(world, Arc::new(serve)), sent)
}

fn get() -> HttpRequest {
    request("GET", "/")
}

#[test]
fn what_takes_too_long_is_timed_out() {
    for (text, head) in [
        ("", false),
        ("HTTP/1.1 200 OK\r\nx:", false),
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nbody", true),
    ] {
        // What is to come has time to, on a busy machine too.
        let timeout_ms = if head { 3_000 } else { 300 };
        let world = World::new();
        let server = stopping_after(&world, text);
        let told = world.send(remote(&BoundHttp { timeout_ms, ..bound(&server.origin()) }), get());
        assert_eq!(told.outcome, HttpOutcome::TimedOut, "{text}");
        assert_eq!(told.head.is_some(), head, "{text}");
        assert_eq!(told.body(), if head { "body" } else { "" });
    }
}

#[test]
fn an_adapter_that_takes_nothing_is_timed_out_too() {
    let world = World::with_room(1000);
    let (server, _) = endless(&world);
    let bound = BoundHttp { timeout_ms: 500, body_bytes: u64::MAX, ..bound(&server.origin()) };
    let _transfer = world.start(remote(&bound), get(), Arc::new(|_, _| Ok(())));
    World::until("an end was told", || Arc::strong_count(&world.inbox) == 1);
    assert_eq!(world.told().outcome, HttpOutcome::TimedOut);
}

#[test]
fn a_body_has_as_many_bytes_as_the_grant_says() {
    let world = World::new();
    let exact = Server::answering(&world, |_| answer(200, "", &"x".repeat(100_000)));
    let told = world.send(remote(&BoundHttp { body_bytes: 100_000, ..bound(&exact.origin()) }), get());
    assert_eq!((told.outcome.clone(), told.body().len()), (HttpOutcome::Complete, 100_000));
    let told = world.send(remote(&BoundHttp { body_bytes: 99_999, ..bound(&exact.origin()) }), get());
    assert!(told.failure().contains("the answer has more than 99999 bytes"), "{:?}", told.outcome);
    let (endless, _) = endless(&world);
    let told = world.send(remote(&BoundHttp { body_bytes: 300_000, ..bound(&endless.origin()) }), get());
    assert!(told.failure().contains("more than 300000 bytes"), "{:?}", told.outcome);
    assert!(told.body().len() <= 300_000);
    assert!(told.pieces.iter().all(|(bytes, _)| bytes.len() <= limits::CHUNK_BYTES as usize));
}

#[test]
fn what_breaks_off_is_not_complete() {
    for (text, why) in [
        ("", "no answer from `http://127.0.0.1:"),
        ("HTTP/1.1 200 OK\r\n", "no answer from `"),
        ("what is this\r\n\r\n", "no answer from `"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nbody", "the answer broke off: "),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nbody", "the answer broke off: "),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "the answer broke off: "),
    ] {
        let world = World::new();
        let server = Server::answering(&world, move |_| text.to_owned());
        let told = world.send(remote(&bound(&server.origin())), get());
        let failure = told.failure();
        assert!(failure.contains(why) && !failure.contains('\n'), "{text}: {failure}");
        assert!(told.pieces.iter().all(|(_, end)| *end != ChunkEnd::Eof), "{told:?}");
    }
    let world = World::new();
    let free =
        world.runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap().local_addr().unwrap();
    let told = world.send(remote(&bound(&format!("http://{free}"))), get());
    assert!(told.failure().contains("refused"), "{told:?}");
    let server = Server::answering(&world, |_| {
        answer(200, &format!("x: {}\r\n", "v".repeat(limits::HEADER_BYTES)), "")
    });
    let told = world.send(remote(&bound(&server.origin())), get());
    assert!(told.failure().contains("headers of the answer"), "{told:?}");
}

#[test]
fn an_answer_without_a_body_ends_too() {
    let world = World::new();
    for (method, text) in [
        ("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n"),
        ("POST", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
    ] {
        let server = Server::answering(&world, move |_| text.to_owned());
        let told = world.send(remote(&bound(&server.origin())), request(method, "/"));
        assert_eq!(told.outcome, HttpOutcome::Complete, "{method}");
        assert_eq!(told.pieces, [(Vec::new(), ChunkEnd::Eof)], "{method}");
        assert_eq!(server.seen()[0].contains("content-length: 0"), method == "POST");
    }
}

#[test]
fn a_body_is_cut_as_asked_and_not_unpacked() {
    let world = World::new();
    let server = Server::answering(&world, |_| {
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n\
         4\r\nda\nt\r\n9\r\na: 1\r\n\r\nx\r\n8\r\nyz longe\r\n0\r\n\r\n"
            .to_owned()
    });
    let told =
        world.send(remote(&bound(&server.origin())), HttpRequest { framing: Framing::Lines(5), ..get() });
    assert_eq!(told.outcome, HttpOutcome::Complete, "{told:?}");
    let want = [
        ("da", ChunkEnd::Newline),
        ("ta: 1", ChunkEnd::Split),
        ("", ChunkEnd::Newline),
        ("", ChunkEnd::Newline),
        ("xyz l", ChunkEnd::Split),
        ("onge", ChunkEnd::Eof),
    ];
    let got: Vec<(&str, ChunkEnd)> =
        told.pieces.iter().map(|(bytes, end)| (str::from_utf8(bytes).unwrap(), *end)).collect();
    assert_eq!(got, want);
}

#[test]
fn a_request_that_is_given_up_ends_once() {
    for drop_it in [false, true] {
        let world = World::new();
        let server = stopping_after(&world, "HTTP/1.1 200 OK\r\n\r\n");
        let transfer = world.start(remote(&bound(&server.origin())), get(), Arc::new(|_, _| Ok(())));
        World::until("the request came", || server.connections() == 1);
        if drop_it {
            drop(transfer);
        } else {
            transfer.abort();
            transfer.abort();
        }
        assert_eq!(world.told().outcome, HttpOutcome::Aborted);
        World::until("the task is over", || Arc::strong_count(&world.inbox) == 1);
    }
    // When the worker is over, the request is too.
    let world = World::with_room(1000);
    let (server, sent) = endless(&world);
    let bound = BoundHttp { body_bytes: u64::MAX, ..bound(&server.origin()) };
    let _transfer = world.start(remote(&bound), get(), Arc::new(|_, _| Ok(())));
    World::until("it flows", || sent.load(Ordering::SeqCst) > 0);
    world.inbox.close();
    World::until("the task is over", || Arc::strong_count(&world.inbox) == 1);
}

#[test]
fn a_server_is_read_no_faster_than_its_answer_is_taken() {
    let world = World::with_room(256 * 1024);
    let (server, sent) = endless(&world);
    let total: usize = 64 * 1024 * 1024;
    let bound = BoundHttp { body_bytes: total as u64, ..bound(&server.origin()) };
    let _transfer = world.start(remote(&bound), get(), Arc::new(|_, _| Ok(())));
    // Nobody takes anything: what was sent stays, once the inbox and the buffers of the system are full. That nothing
    // more comes can only be seen by looking twice.
    let stands_still = || {
        let before = sent.load(Ordering::SeqCst);
        std::thread::sleep(std::time::Duration::from_millis(500));
        before > 0 && before == sent.load(Ordering::SeqCst)
    };
    World::until("it stands still", stands_still);
    assert!(sent.load(Ordering::SeqCst) < total / 2, "{sent:?}");
    // Then all of it comes, up to the limit.
    let told = world.told();
    assert!(told.failure().contains("more than"), "{:?}", told.outcome);
    assert!(sent.load(Ordering::SeqCst) >= total);
}
