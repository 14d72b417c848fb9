//! Clients that vanish, say nothing, say it slowly, or come in great numbers: the daemon answers the others promptly, its
//! memory stays bounded, and what they took comes back when they are gone.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Instant;

use omi_tests::world::http::{HttpDaemon, PROMPTLY};
use omi_tests::world::{Running, World, eventually};
use serde_json::json;

/// Clients that listen and hear nothing.
const IDLE: usize = 1_000;
/// Bytes that one of them may cost: a connection, a subscription and its way to the record. A hundred thousand bytes each
/// are what a phone has for a thousand; a queue of its own for each of them would be more.
const IDLE_BYTES_MAX: u64 = 100_000;
/// Bytes of memory that may differ between two looks at a daemon that has done something in between.
const NOISE_BYTES: u64 = 64 * 1024 * 1024;
/// Clients of every other kind.
const SOME: usize = 50;
/// Descriptors that a daemon may have more than before: what its workers and pools keep.
const DESCRIPTORS_KEPT: usize = 24;

fn connect(daemon: &HttpDaemon) -> TcpStream {
    TcpStream::connect(daemon.address()).expect("the daemon listens")
}

/// One that has said so much, and says no more.
fn said(daemon: &HttpDaemon, text: &str) -> TcpStream {
    let mut stream = connect(daemon);
    stream.write_all(text.as_bytes()).expect("it is sent");
    stream
}

fn many(daemon: &HttpDaemon, count: usize, text: &str) -> Vec<TcpStream> {
    (0..count).map(|_| said(daemon, text)).collect()
}

/// The head of a request with the key.
fn head(daemon: &HttpDaemon, line: &str, more: &str) -> String {
    format!("{line} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n{more}\r\n", daemon.key)
}

/// Everybody else is answered, and promptly: whether it is there, and what it is asked.
fn answers_promptly(daemon: &HttpDaemon) {
    let begun = Instant::now();
    for client in [daemon.tcp(), daemon.unix()] {
        assert_eq!(client.get("/healthz").status, 200);
        let mut socket = client.websocket().expect("it is let in");
        let request = format!("{:?}", Instant::now());
        socket.send("prompt", "query", &request, &json!({ "prompt": "hello" }));
        let result = socket.hear(|message| message["type"] == "result");
        assert_eq!(result["text"], "hello");
    }
    assert!(begun.elapsed() < PROMPTLY, "{:?}", begun.elapsed());
}

fn descriptors(daemon: &HttpDaemon) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", daemon.running.id())).expect("it runs").count()
}

fn sockets(daemon: &HttpDaemon) -> usize {
    let all = std::fs::read_dir(format!("/proc/{}/fd", daemon.running.id())).expect("it runs").flatten();
    let is_socket = |to: std::path::PathBuf| to.to_string_lossy().starts_with("socket:");
    all.filter(|one| std::fs::read_link(one.path()).is_ok_and(is_socket)).count()
}

/// A daemon that has done everything once.
fn warm(world: &World) -> HttpDaemon {
    let daemon = HttpDaemon::start(world, &[]);
    answers_promptly(&daemon);
    daemon
}

fn descriptors_come_back(daemon: &HttpDaemon, before: usize) {
    eventually("what they took comes back", || descriptors(daemon) <= before + DESCRIPTORS_KEPT);
}

#[test]
fn who_vanishes_in_the_middle_of_a_request_leaves_nothing() {
    let world = World::new();
    let daemon = warm(&world);
    let before = descriptors(&daemon);
    let length = "content-type: application/json\r\ncontent-length: 1000000\r\n";
    let beginnings = [
        "GET /v1/ses".to_owned(),
        head(&daemon, "POST /v1/sessions", length) + "{\"message\": {",
        head(&daemon, "POST /v1/files", "content-length: 1000000\r\n") + "half a file",
        head(&daemon, "GET /v1/events", ""),
    ];
    let streams: Vec<TcpStream> =
        beginnings.iter().flat_map(|beginning| many(&daemon, SOME, beginning)).collect();
    eventually("they are there", || descriptors(&daemon) > before + streams.len());
    answers_promptly(&daemon);
    drop(streams);
    descriptors_come_back(&daemon, before);
    assert_eq!(world.list("runs").len(), 4, "no half of a request has done anything");
    let files = std::fs::read_dir(world.path("state/files")).map_or(0, Iterator::count);
    assert!(files <= 1, "no half of a file is kept: {files}");
    assert_eq!(daemon.end().code, Some(0));
}

#[test]
fn a_thousand_that_hear_nothing_hold_up_nobody_and_cost_little() {
    let world = World::new();
    let daemon = warm(&world);
    let (before, memory) = (sockets(&daemon), daemon.resident_kib());
    let listen = head(&daemon, "GET /v1/sessions/SESSION/events", "");
    let session = daemon.tcp().post("/v1/sessions", &json!({})).json();
    let session = session["session"]["sessionId"].as_str().or(session["sessionId"].as_str());
    let listen = listen.replace("SESSION", session.expect("a session"));
    let mut idle = many(&daemon, IDLE, &listen);
    for stream in &mut idle {
        let mut status = [0; 12];
        stream.read_exact(&mut status).expect("an answer");
        assert_eq!(&status, b"HTTP/1.1 200");
    }
    answers_promptly(&daemon);
    let grown = u64::from(daemon.resident_kib().saturating_sub(memory)) * 1024;
    let bytes_max = IDLE_BYTES_MAX * IDLE as u64 + NOISE_BYTES;
    assert!(grown < bytes_max, "{IDLE} cost {grown} bytes");
    drop(idle);
    // SQLite keeps the descriptors of the readers that were open at the same time, for the next ones.
    eventually("every connection is gone", || sockets(&daemon) <= before + DESCRIPTORS_KEPT);
    assert_eq!(daemon.end().code, Some(0));
}

#[test]
fn who_reads_nothing_or_sends_a_byte_now_and_then_holds_up_nobody() {
    let world = World::new();
    let daemon = warm(&world);
    let before = descriptors(&daemon);
    let mut slow = many(&daemon, SOME, "G");
    let deaf = many(&daemon, SOME, &head(&daemon, "GET /v1/events?after=0", ""));
    let silent = many(&daemon, SOME, "");
    let sockets: Vec<_> = (0..SOME).map(|_| daemon.tcp().websocket().expect("it is let in")).collect();
    for byte in ["E", "T", " "] {
        for stream in &mut slow {
            stream.write_all(byte.as_bytes()).expect("it is sent");
        }
        answers_promptly(&daemon);
    }
    drop((slow, deaf, silent, sockets));
    descriptors_come_back(&daemon, before);
    assert_eq!(daemon.end().code, Some(0));
}

#[test]
fn who_has_no_key_keeps_nobody_out_who_has_one() {
    let world = World::new();
    let serve = world.command(&["serve"]);
    let mut limited = Command::new("sh");
    world.settle(&mut limited);
    // Room for 20 connections of each listener.
    limited
        .args(["-c", "ulimit -n 200 && exec \"$0\" \"$@\""])
        .arg(serve.get_program())
        .args(serve.get_args());
    let running = Running::start(&mut limited);
    running.says("endpoint ");
    let daemon = HttpDaemon::of(&world, running);
    answers_promptly(&daemon);
    let strangers = many(&daemon, 4 * SOME, "GET /healthz HTTP/1.1\r\n");
    answers_promptly(&daemon);
    let mut gone = &strangers[0];
    assert!(matches!(gone.read(&mut [0]), Ok(0) | Err(_)), "the first of them has made room");
    // Even where all the room is taken by those that have one, the socket of the owner has its own.
    let listening = many(&daemon, SOME, &head(&daemon, "GET /v1/events", ""));
    assert_eq!(daemon.unix().get("/healthz").status, 200);
    drop((strangers, listening));
    answers_promptly(&daemon);
    assert_eq!(daemon.end().code, Some(0));
}

#[test]
fn a_daemon_that_ends_says_so_to_every_websocket_and_ends_every_stream() {
    let world = World::new();
    world.register_tester(&[]);
    let daemon = HttpDaemon::start(&world, &[]);
    let mut socket = daemon.tcp().websocket().expect("it is let in");
    socket.send("c", "query", "a", &json!({ "adapterId": "tester", "prompt": "slow" }));
    socket.hear(|message| message["type"] == "text_delta");
    let mut stream = said(&daemon, &head(&daemon, "GET /v1/events", ""));
    let mut status = [0; 12];
    stream.read_exact(&mut status).expect("an answer");
    assert_eq!(daemon.end().code, Some(0));
    assert_eq!(socket.closed(), Some(1001), "it goes away");
    let result = socket.heard.iter().find(|message| message["type"] == "result").expect("the end of the run");
    assert_eq!(result["terminalStatus"], "failed", "what became of it was said before");
    let mut rest = String::new();
    stream.read_to_string(&mut rest).expect("it is closed in good order");
    assert!(rest.contains("event: run.failed") && rest.ends_with("0\r\n\r\n"), "{rest}");
}
