//! A daemon that serves HTTP, as a client sees it: over TCP and over its Unix socket.

mod events;
mod websocket;

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tungstenite::client::IntoClientRequest as _;

use super::{PATIENCE, Running, World};
pub use events::{Events, ServerEvent};
pub use websocket::WebSocket;

/// A daemon that serves HTTP.
pub struct HttpDaemon {
    /// Its program.
    pub running: Running,
    /// What `endpoint.json` says.
    pub endpoint: Value,
    /// The key of the owner of its state folder.
    pub key: String,
}

/// A way to it.
#[derive(Debug, Clone)]
pub struct Client {
    place: Place,
    key: Option<String>,
    headers: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
enum Place {
    Tcp(String),
    Unix(PathBuf),
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, with their names in small letters.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// A connection of any kind.
pub trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

impl HttpDaemon {
    /// Starts one with more arguments, and waits until it can be found.
    pub fn start(world: &World, arguments: &[&str]) -> Self {
        let running = world.start(&[&["serve"], arguments].concat());
        running.says("endpoint ");
        Self::of(world, running)
    }

    /// One that runs and can be found.
    pub fn of(world: &World, running: Running) -> Self {
        let read = |name: &str| std::fs::read_to_string(world.path(name)).expect("a file of the daemon");
        let endpoint = serde_json::from_str(&read("state/endpoint.json")).expect("JSON");
        Self { running, endpoint, key: read("state/api-key").trim().to_owned() }
    }

    /// The way over TCP, with the key.
    pub fn tcp(&self) -> Client {
        self.client(Place::Tcp(self.address().to_owned()))
    }

    /// Where it listens on TCP: host and port.
    pub fn address(&self) -> &str {
        let url = self.endpoint["http"].as_str().expect("it has an address");
        url.strip_prefix("http://").expect("it is not encrypted")
    }

    /// KiB of memory that it has at the moment, with those that are pages of files.
    pub fn resident_kib(&self) -> u32 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.running.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// The way over its Unix socket, with the key.
    pub fn unix(&self) -> Client {
        let socket = self.endpoint["socket"].as_str().expect("it has a socket");
        self.client(Place::Unix(socket.into()))
    }

    fn client(&self, place: Place) -> Client {
        Client { place, key: Some(self.key.clone()), headers: vec![] }
    }

    /// Ends it as a person does, and waits for that.
    pub fn end(self) -> super::Ended {
        self.running.signal(rustix::process::Signal::TERM);
        self.running.ended()
    }
}

impl Client {
    /// The same with another key, or none.
    #[must_use]
    pub fn with_key(&self, key: Option<&str>) -> Self {
        Self { key: key.map(str::to_owned), ..self.clone() }
    }

    /// The same with a header more. `host` takes the place of what is sent else.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((name.to_owned(), value.to_owned()));
        client
    }

    /// Asks without a body.
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None)
    }

    /// Asks with a JSON body.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, Some(body))
    }

    /// Asks.
    pub fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let body = body.map(ToString::to_string).unwrap_or_default();
        self.upload(method, path, "application/json", body.as_bytes())
    }

    /// Sends bytes as a body of some kind.
    pub fn upload(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Answer {
        let mut stream = BufReader::new(self.begin(method, path, body, kind));
        let (status, headers) = head(&mut stream);
        let body = whole_body(&mut stream, &headers);
        Answer { status, headers, body }
    }

    /// Listens to server-sent events.
    pub fn listen(&self, path: &str) -> Events {
        let mut stream = BufReader::new(self.begin("GET", path, b"", ""));
        let (status, headers) = head(&mut stream);
        assert_eq!(status, 200, "{headers:?}");
        assert!(
            headers.contains(&("content-type".to_owned(), "text/event-stream".to_owned())),
            "{headers:?}"
        );
        Events::new(stream)
    }

    /// A connection on which nothing was said yet.
    fn connect(&self) -> Box<dyn Stream> {
        let patience = Some(PATIENCE);
        match &self.place {
            Place::Tcp(address) => {
                let stream = TcpStream::connect(address).expect("the daemon listens");
                stream.set_read_timeout(patience).expect("a timeout");
                Box::new(stream)
            }
            Place::Unix(path) => {
                let stream = UnixStream::connect(path).expect("the daemon listens");
                stream.set_read_timeout(patience).expect("a timeout");
                Box::new(stream)
            }
        }
    }

    fn begin(&self, method: &str, path: &str, body: &[u8], kind: &str) -> Box<dyn Stream> {
        let mut stream = self.connect();
        let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        let mut add = |name: &str, value: &str| head.extend([name, ": ", value, "\r\n"]);
        if !self.headers.iter().any(|(name, _)| name == "host") {
            add(
                "host",
                match &self.place {
                    Place::Tcp(address) => address,
                    Place::Unix(_) => "localhost",
                },
            );
        }
        if let Some(key) = &self.key {
            add("authorization", &format!("Bearer {key}"));
        }
        if !body.is_empty() {
            add("content-type", kind);
            add("content-length", &body.len().to_string());
        }
        for (name, value) in &self.headers {
            add(name, value);
        }
        head.push_str("\r\n");
        // One that answers early does not read on: its answer says why.
        let _ = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(body))
            .and_then(|()| stream.flush());
        stream
    }

    /// Opens a WebSocket. The error is the status of the refusal.
    pub fn websocket(&self) -> Result<WebSocket, u16> {
        let mut request = "ws://localhost/v1/ws".into_client_request().expect("a request");
        let mut add = |name: &str, value: &str| {
            let name: tungstenite::http::HeaderName = name.parse().expect("a header");
            request.headers_mut().insert(name, value.parse().expect("a value"));
        };
        if let Place::Tcp(address) = &self.place {
            add("host", address);
        }
        if let Some(key) = &self.key {
            add("authorization", &format!("Bearer {key}"));
        }
        for (name, value) in &self.headers {
            add(name, value);
        }
        match tungstenite::client(request, self.connect()) {
            Ok((socket, answer)) => Ok(WebSocket::new(socket, protocol(&answer))),
            Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(refusal))) => {
                Err(refusal.status().as_u16())
            }
            Err(error) => panic!("no handshake: {error}"),
        }
    }
}

fn protocol(answer: &tungstenite::handshake::client::Response) -> Option<String> {
    let value = answer.headers().get("sec-websocket-protocol")?;
    value.to_str().ok().map(str::to_owned)
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A problem: its status and its code. It is described as RFC 9457 wants it.
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{problem}");
        let text = |key: &str| problem[key].as_str().unwrap_or_default().to_owned();
        assert!(!text("detail").is_empty() && !text("detail").contains('\n'), "{problem}");
        assert_eq!(text("type"), format!("urn:omi-agentd:problem:{}", text("code")));
        (self.status, text("code"))
    }
}

fn head(stream: &mut impl std::io::BufRead) -> (u16, Vec<(String, String)>) {
    let mut line = || {
        let mut line = String::new();
        stream.read_line(&mut line).expect("an answer");
        line.trim_end().to_owned()
    };
    let status = line().split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let mut headers = Vec::new();
    loop {
        let line = line();
        let Some((name, value)) = line.split_once(": ") else { return (status, headers) };
        headers.push((name.to_lowercase(), value.to_owned()));
    }
}

fn whole_body(stream: &mut impl std::io::BufRead, headers: &[(String, String)]) -> Vec<u8> {
    let mut body = Vec::new();
    if headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked") {
        loop {
            let length = chunk(stream);
            let begin = body.len();
            body.resize(begin + length, 0);
            stream.read_exact(&mut body[begin..]).expect("a chunk");
            end_of_line(stream);
            if length == 0 {
                return body;
            }
        }
    }
    stream.read_to_end(&mut body).expect("a body");
    body
}

/// The length of the next chunk.
fn chunk(stream: &mut impl std::io::BufRead) -> usize {
    let mut line = String::new();
    stream.read_line(&mut line).expect("a chunk");
    usize::from_str_radix(line.trim(), 16).expect("the length of a chunk")
}

fn end_of_line(stream: &mut impl std::io::BufRead) {
    let mut end = String::new();
    stream.read_line(&mut end).expect("the end of a chunk");
    assert_eq!(end.trim(), "", "a chunk is longer than it says");
}

/// Longer than a daemon that is asked nothing else takes for an answer, for tests that look whether it still answers.
pub const PROMPTLY: Duration = Duration::from_secs(5);
