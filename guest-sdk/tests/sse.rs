//! Server-sent events: what the standard says they are, in whatever pieces they come.

use omi_adapter_sdk::sse::{Event, EventTooLarge, Events};
use omi_adapter_sdk::testkit::{TestKit, effect_op, http_body, http_end, http_head};
use omi_adapter_sdk::{
    Capabilities, ChunkEnd, Descriptor, GrantRequest, Host, HttpOutcome, HttpRequest, Scope, Session,
    SessionAdapter, log,
};

/// More than any stream here has.
const CAP: usize = 1000;

type Read = Vec<Result<Event, EventTooLarge>>;

fn read_with<'p>(cap: usize, pieces: impl IntoIterator<Item = &'p [u8]>) -> Read {
    let mut events = Events::new(cap);
    pieces.into_iter().flat_map(|piece| events.push(piece, ChunkEnd::Open)).collect()
}

/// Event, data, id of each.
fn words(stream: &[u8]) -> Vec<[String; 3]> {
    let whole = |event: Result<Event, _>| {
        let event = event.expect("nothing is too large");
        [event.event, event.data, event.id]
    };
    read_with(CAP, [stream]).into_iter().map(whole).collect()
}

#[test]
fn an_event_is_what_the_standard_says() {
    for (stream, expected) in [
        ("data: YHOO\ndata: +2\ndata: 10\n\n", vec![["message", "YHOO\n+2\n10", ""]]),
        (
            ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event",
            vec![["message", "first event", "1"], ["message", "second event", ""]],
        ),
        ("data\n\ndata\ndata\n\ndata:", vec![["message", "", ""], ["message", "\n", ""]]),
        ("data:test\n\ndata: test\n\n", vec![["message", "test", ""], ["message", "test", ""]]),
        ("event: add\ndata: 1\n\ndata: 2\n\n", vec![["add", "1", ""], ["message", "2", ""]]),
        // An event without data is none: its name is forgotten and its id is not.
        ("event: add\nid: 7\n\ndata: 2\n\n", vec![["message", "2", "7"]]),
        ("id: 1\u{0}2\ndata: x\n\n", vec![["message", "x", ""]]),
        (
            "data: a\r\rdata: b\r\n\r\ndata: c\n\r\n",
            vec![["message", "a", ""], ["message", "b", ""], ["message", "c", ""]],
        ),
        ("\u{feff}data: a\n\n\u{feff}data: b\n\n", vec![["message", "a", ""]]),
        ("Data: a\nunknown: b\nevent:: c\ndata: d: e\n\n", vec![[": c", "d: e", ""]]),
    ] {
        assert_eq!(words(stream.as_bytes()), expected, "{stream:?}");
    }
    assert_eq!(words(b"data: a\xffb\n\n"), [["message", "a\u{fffd}b", ""]]);
}

#[test]
fn the_time_to_wait_is_a_number_and_holds() {
    let stream =
        b"retry: 10\ndata: a\n\nretry: 1.5\nretry: -1\nretry:\ndata: b\n\nretry: 99999999999\ndata: c\n\n";
    let times: Vec<Option<u32>> = read_with(CAP, [&stream[..]])
        .into_iter()
        .map(|event| event.expect("nothing is too large").retry_ms)
        .collect();
    assert_eq!(times, [Some(10), Some(10), Some(u32::MAX)]);
}

#[test]
fn an_event_that_is_too_large_is_named_once_and_the_next_is_whole() {
    let stream = b"data: 1234\ndata: 5678\ndata: 9\r\n\r\ndata: ok\n\n";
    let read = read_with(14, [&stream[..]]);
    assert_eq!(read[0], Err(EventTooLarge { cap: 14 }));
    assert_eq!(read[1].as_ref().map(|event| event.data.as_str()), Ok("ok"));
    assert_eq!(read.len(), 2);
    assert_eq!(read_with(14, [&vec![b'x'; 100_000][..]]).len(), 1, "one line without an end");
}

/// What streams are made of, as far as it can matter where they are cut.
const TOKENS: [&[u8]; 8] =
    [b"\n", b"\r", b"\r\n", b"data: a", b"data:\xe2\x82\xac", b":", b"id: 1", b"event:b"];

/// Tokens in one stream: every stream of so many is read.
const TOKENS_MAX: u32 = 4;

/// Every stream of some tokens, with a byte order mark at every other beginning and an end that completes it.
fn streams() -> impl Iterator<Item = Vec<u8>> {
    (0..TOKENS.len().pow(TOKENS_MAX)).map(|number| {
        let mut stream = if number % 2 == 0 { b"\xef\xbb\xbf".to_vec() } else { Vec::new() };
        let mut rest = number;
        for _ in 0..TOKENS_MAX {
            stream.extend_from_slice(TOKENS[rest % TOKENS.len()]);
            rest /= TOKENS.len();
        }
        stream.extend_from_slice(b"\n\ndata: end\n\n");
        stream
    })
}

#[test]
fn the_events_are_the_same_wherever_the_stream_is_cut() {
    for (number, stream) in streams().enumerate() {
        // A small cap in every third, because where a large event ends must not depend on the pieces either.
        let cap = if number % 3 == 0 { 9 } else { CAP };
        let whole = read_with(cap, [&stream[..]]);
        assert_eq!(read_with(cap, stream.chunks(1)), whole, "byte by byte: {stream:?}");
        for at in 1..stream.len() {
            let (before, after) = stream.split_at(at);
            assert_eq!(read_with(cap, [before, after]), whole, "cut at {at}: {stream:?}");
        }
    }
}

#[test]
fn the_events_are_the_same_in_every_cut_of_a_short_stream() {
    let stream = b"id:1\r\ndata:\xc3\xa4\r\n\r\n";
    let whole = read_with(CAP, [&stream[..]]);
    assert_eq!(words(stream), [["message", "ä", "1"]]);
    for cuts in 0_u32..1 << (stream.len() - 1) {
        let mut events = Events::new(CAP);
        let mut read = Read::new();
        let mut piece = Vec::new();
        for (index, byte) in stream.iter().enumerate() {
            piece.push(*byte);
            if cuts >> index & 1 == 1 || index + 1 == stream.len() {
                read.extend(events.push(&std::mem::take(&mut piece), ChunkEnd::Open));
            }
        }
        assert_eq!(read, whole, "{cuts:b}");
    }
}

#[test]
fn a_body_that_the_host_cut_at_line_feeds_has_the_same_events() {
    for stream in streams() {
        let mut events = Events::new(CAP);
        let mut read = Read::new();
        for line in stream.split_inclusive(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\n").expect("every stream ends with a line feed");
            read.extend(events.push(line.strip_suffix(b"\r").unwrap_or(line), ChunkEnd::Newline));
        }
        assert_eq!(read, read_with(CAP, [&stream[..]]), "{stream:?}");
    }
}

/// Reads the events of one answer and logs them.
struct Listener;

impl Session for Listener {
    fn describe() -> Descriptor {
        Descriptor {
            adapter_id: "test".to_owned(),
            version: "0.1.0".to_owned(),
            title: String::new(),
            protocol: "none".to_owned(),
            capabilities: Capabilities::least(),
            grants: vec![GrantRequest::http("remote", "POST /*", "Listens.")],
            config_schema: String::new(),
            extra: String::new(),
        }
    }

    async fn run(host: Host) {
        let request = HttpRequest::new(host.op(), Scope::Worker, "remote", "POST", "/");
        let Ok(mut response) = host.request(request).await else { return };
        loop {
            match response.next_event().await {
                Ok(Some(event)) => log::info(&event.data),
                Ok(None) => break log::info("the end"),
                Err(failure) => break log::info(&failure.to_string()),
            }
        }
        std::future::pending::<()>().await;
    }
}

fn listen(bodies: &[&str], end: HttpOutcome) -> Vec<String> {
    let mut kit = TestKit::<SessionAdapter<Listener>>::new();
    let op = effect_op(&kit.start("{}"));
    kit.send(http_head(op, 200));
    kit.send_all(bodies.iter().map(|body| http_body(op, body)));
    kit.send(http_end(op, end));
    kit.logged().into_iter().map(|(_, line)| line).collect()
}

#[test]
fn a_session_reads_the_events_of_an_answer() {
    let said = listen(&["data: one\n\ndata: two\n\nda", "ta: three\n\ndata: half"], HttpOutcome::Complete);
    assert_eq!(said, ["one", "two", "three", "the end"]);
    let said = listen(&["data: one\n\ndata: half"], HttpOutcome::Failed("reset".to_owned()));
    assert_eq!(said, ["one", "reset"]);
}
