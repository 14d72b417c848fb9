//! A model server on loopback that answers by a fixed script, so that a published agent can run without a network.
//!
//! It speaks the streaming interfaces of the agents in `agents.toml` (see [`Api`]). What it answers depends only
//! on the last message of the conversation:
//!
//! | the user's text | the answer |
//! |---|---|
//! | `say hello` | the text `Hello`, ` from`, ` the model` in three chunks |
//! | `list files` | a call of the agent's shell tool with [`script::LIST_FILES`] |
//! | `run: CMD` | a call of the agent's shell tool with `CMD` |
//! | `meet NAME` | `NAME has met another` as soon as another name asked to meet too, `NAME is alone` after 40 s |
//! | `slow` | one word every 50 ms, until the client leaves or 30 s have passed |
//! | anything else | `You said: …` |
//!
//! The text is a line of the user's last message: agents add context of their own around it. A request that offers no
//! tools, such as one for a title, gets a short text: it is no turn.
//!
//! A conversation that ends with a tool's result is answered with `The tool said: …` and that result.

mod http;
mod script;
mod wire;

use std::collections::BTreeSet;
use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

pub(crate) use script::{HELLO, LIST_FILES, OUTSIDE, TOOL_SAID};
pub(crate) use wire::Api;

use script::Reply;
use wire::Form;

/// Between two words of a slow answer: short enough that a stream is seen to flow, long enough to cancel it.
const SLOW_PAUSE: Duration = Duration::from_millis(50);

/// Words of a slow answer: with the pause, 30 s, so that a test that forgets to cancel still ends.
const SLOW_WORDS: usize = 600;

/// Longer than two sessions take to begin, one after the other.
const MEETING_PATIENCE: Duration = Duration::from_secs(40);

/// Requests kept: a scripted conversation needs a handful, an agent that loops must not fill the memory.
const MAX_REQUESTS: usize = 1000;

/// A running server; it stops when dropped.
#[derive(Debug)]
pub(crate) struct ModelServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

/// One request that the server read, whatever came of it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The path with its query, for example `/v1/responses`.
    pub(crate) path: String,
    /// The interface it used; `None` for a path the server does not know (answered 404).
    pub(crate) api: Option<Api>,
    /// The last text of the user in the conversation, empty where there is none.
    pub(crate) user_text: String,
    /// The result of the tool call that the conversation ends with, if it ends with one.
    pub(crate) tool_output: Option<String>,
    /// The body as sent; `Null` where it was empty or not JSON.
    pub(crate) body: Value,
    /// What became of the answer.
    pub(crate) outcome: Outcome,
}

/// What became of the answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The answer is still being written.
    Open,
    /// The answer was written to its end.
    Complete,
    /// The client closed the connection before the end: what a cancelled prompt looks like from the model.
    ClientLeft,
}

/// What the server's threads share with its owner.
#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    requests: Mutex<Vec<Request>>,
    /// The names that asked to meet.
    names: Mutex<BTreeSet<String>>,
}

impl ModelServer {
    /// Binds a free port of 127.0.0.1 and serves it.
    #[must_use]
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port of 127.0.0.1");
        let address = listener.local_addr().expect("the address just bound");
        let shared = Arc::new(Shared::default());
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self { address, shared, acceptor: Some(acceptor) }
    }

    /// The port, on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Every request so far, in the order of arrival.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.requests().clone()
    }

    /// The first request that is as wanted, as soon as there is one; `None` when `patience` has passed.
    pub(crate) fn wait_for(&self, patience: Duration, wanted: impl Fn(&Request) -> bool) -> Option<Request> {
        let end = Instant::now() + patience;
        loop {
            if let Some(found) = self.shared.requests().iter().find(|request| wanted(request)) {
                return Some(found.clone());
            }
            if Instant::now() >= end {
                return None;
            }
            thread::sleep(SLOW_PAUSE);
        }
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        if thread::panicking() {
            for Request { path, user_text, tool_output, outcome, .. } in self.requests() {
                eprintln!("model: {path} {outcome:?}: user {user_text:?}, tool {tool_output:?}");
            }
        }
        self.shared.stop.store(true, Ordering::Relaxed);
        // The acceptor waits in `accept`: a connection of our own wakes it, and it sees the flag.
        drop(TcpStream::connect(self.address));
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
    }
}

impl Shared {
    fn requests(&self) -> std::sync::MutexGuard<'_, Vec<Request>> {
        // A list of finished entries stays readable when a test thread panicked while holding it.
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until two names asked to meet; whether they did in time.
    fn meet(&self, name: &str) -> bool {
        let names = || self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names().insert(name.to_owned());
        let end = Instant::now() + MEETING_PATIENCE;
        while names().len() < 2 && Instant::now() < end && !self.stopping() {
            thread::sleep(SLOW_PAUSE);
        }
        names().len() > 1
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Keeps a request and says where; `None` once the record is full.
    fn record(&self, request: Request) -> Option<usize> {
        let mut requests = self.requests();
        if requests.len() == MAX_REQUESTS {
            return None;
        }
        requests.push(request);
        Some(requests.len() - 1)
    }

    fn conclude(&self, index: usize, outcome: Outcome) {
        self.requests()[index].outcome = outcome;
    }
}

/// Takes connections until the server stops, then waits for those that are open.
fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut open: Vec<JoinHandle<()>> = Vec::new();
    for stream in listener.incoming() {
        if shared.stopping() {
            break;
        }
        open.retain(|connection| !connection.is_finished());
        if let Ok(stream) = stream {
            let shared = Arc::clone(shared);
            open.push(thread::spawn(move || serve(stream, &shared)));
        }
    }
    for connection in open {
        drop(connection.join());
    }
}

/// Reads one request, answers it, and closes the connection: every answer says `Connection: close`.
fn serve(mut stream: TcpStream, shared: &Shared) {
    let Ok((path, body)) = http::read_request(&mut stream, || shared.stopping()) else { return };
    let bare = path.split('?').next().unwrap_or(&path);
    let (api, form) = (Api::of_path(bare), Form::of(bare, &body));
    let (user_text, tool_output) = api.map_or_else(Default::default, |api| api.last_message(&body));
    let offers_tools = body["tools"].as_array().is_some_and(|tools| !tools.is_empty());
    let reply = script::reply(&user_text, tool_output.as_deref(), offers_tools);
    let request = Request { path, api, user_text, tool_output, body: body.clone(), outcome: Outcome::Open };
    let index = shared.record(request);
    let written = match (api, index) {
        (Some(api), Some(serial)) => answer(&mut stream, (api, form), &body, serial, &reply, shared),
        (None, _) => http::write_json(&mut stream, "404 Not Found", &wire::error("no such path")),
        (_, None) => {
            http::write_json(&mut stream, "429 Too Many Requests", &wire::error("too many requests"))
        }
    };
    if let Some(index) = index {
        shared.conclude(index, if written.is_ok() { Outcome::Complete } else { Outcome::ClientLeft });
    }
}

/// Writes the reply in the form of the interface; `serial` makes the ids in it unique for this server.
fn answer(
    stream: &mut TcpStream,
    (api, form): (Api, Form),
    body: &Value,
    serial: usize,
    reply: &Reply,
    shared: &Shared,
) -> std::io::Result<()> {
    match form {
        Form::Whole => return http::write_json(stream, "200 OK", &api.whole(reply)),
        Form::Count => return http::write_json(stream, "200 OK", &api.count()),
        Form::Stream => {}
    }
    http::start_events(stream)?;
    for event in api.opening(serial, reply) {
        http::write_event(stream, &event)?;
    }
    match reply {
        Reply::Text(chunks) => {
            for chunk in chunks {
                http::write_event(stream, &api.text(serial, chunk))?;
            }
        }
        Reply::Meet(name) => {
            let met = shared.meet(name);
            http::write_event(stream, &api.text(serial, &script::greeting(name, met)))?;
        }
        Reply::Shell(command) => {
            for event in api.shell_call(body, serial, command) {
                http::write_event(stream, &event)?;
            }
        }
        Reply::Slow => {
            for word in 0..SLOW_WORDS {
                if shared.stopping() {
                    return Err(ErrorKind::Interrupted.into());
                }
                http::write_event(stream, &api.text(serial, &script::slow_word(word)))?;
                thread::sleep(SLOW_PAUSE);
            }
        }
    }
    for event in api.closing(serial, reply) {
        http::write_event(stream, &event)?;
    }
    stream.flush()
}
