//! A small model server with an OpenAI-compatible API, on a port of its own. What it does stands in the prompt.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

/// A server. Its threads end with the test program.
pub(crate) struct Model {
    address: SocketAddr,
    log: Arc<Mutex<Log>>,
}

/// What reached the server.
#[derive(Default)]
struct Log {
    /// The bodies of the requests for an answer.
    asked: Vec<Value>,
    /// Every header `Authorization`, as it came.
    keys: Vec<Option<String>>,
    /// How many connections were closed in the middle of an answer.
    closed: usize,
}

impl Model {
    /// A server that wants this header `Authorization`, if one.
    pub(crate) fn start(key: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let model = Self { address: listener.local_addr().expect("an address"), log: Arc::default() };
        let log = Arc::clone(&model.log);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let log = Arc::clone(&log);
                // A client that goes away is not the server's trouble.
                std::thread::spawn(move || drop(answer(stream, key, &log)));
            }
        });
        model
    }

    /// A registration `chat` of this server, with more keys of its grant.
    pub(crate) fn registration(&self, grant: &str) -> String {
        let origin = format!("origin = 'http://{}', private = true, methods = ['GET', 'POST']", self.address);
        format!("[registrations.chat]\ncomponent = 'openai-chat'\ngrants.remote = {{ {origin}{grant} }}\n")
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The messages of the last request, as (role, content).
    pub(crate) fn messages(&self) -> Vec<(String, Value)> {
        let last = self.log().asked.last().cloned().unwrap_or_default();
        let messages = last["messages"].as_array().cloned().unwrap_or_default();
        let pair = |message: Value| {
            (message["role"].as_str().unwrap_or_default().to_owned(), message["content"].clone())
        };
        messages.into_iter().map(pair).collect()
    }

    /// How many answers were asked for.
    pub(crate) fn asked(&self) -> usize {
        self.log().asked.len()
    }

    /// Every header `Authorization`.
    pub(crate) fn keys(&self) -> Vec<Option<String>> {
        self.log().keys.clone()
    }

    /// How many connections were closed in the middle of an answer.
    pub(crate) fn closed(&self) -> usize {
        self.log().closed
    }
}

fn answer(stream: TcpStream, key: Option<&str>, log: &Mutex<Log>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head)? > 0 {}
    let header = |name: &str| {
        let pairs = head.lines().filter_map(|line| line.split_once(": "));
        pairs.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    };
    let mut body = vec![0; header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let given = header("authorization").map(str::to_owned);
    let lock = || log.lock().unwrap_or_else(PoisonError::into_inner);
    lock().keys.push(given.clone());
    let mut out = Out(stream);
    if given.as_deref() != key {
        return out.whole("401 Unauthorized", r#"{"error":{"message":"Incorrect API key provided"}}"#);
    }
    if head.starts_with("GET /v1/models ") {
        return out.whole("200 OK", r#"{"object":"list","data":[{"id":"small","object":"model"}]}"#);
    }
    let asked: Value = serde_json::from_slice(&body)?;
    let count = asked["messages"].as_array().map_or(0, Vec::len);
    let prompt = asked["messages"][count - 1]["content"].to_string();
    lock().asked.push(asked);
    out.begin()?;
    if prompt.contains("wait for me") {
        out.words("I begin ")?;
        // Nothing more comes from the client but its end.
        let over = reader.read(&mut [0; 1]);
        lock().closed += usize::from(matches!(over, Ok(0) | Err(_)));
        return Ok(());
    }
    if prompt.contains("fall over") {
        return out.words("half of an ans");
    }
    out.words("an answer ")?;
    out.words(&format!("to {count}"))?;
    out.event(
        &json!({ "model": "small", "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] }),
    )?;
    out.event(&json!({ "choices": [], "usage": { "prompt_tokens": 7, "completion_tokens": 3 } }))?;
    out.chunk("data: [DONE]\n\n")?;
    out.chunk("")
}

struct Out(TcpStream);

impl Out {
    fn whole(&mut self, status: &str, body: &str) -> std::io::Result<()> {
        let length = body.len();
        write!(self.0, "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n")?;
        write!(self.0, "Content-Length: {length}\r\nConnection: close\r\n\r\n{body}")
    }

    fn begin(&mut self) -> std::io::Result<()> {
        write!(self.0, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")?;
        write!(self.0, "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
    }

    fn words(&mut self, text: &str) -> std::io::Result<()> {
        self.event(&json!({ "model": "small", "choices": [{ "index": 0, "delta": { "content": text } }] }))
    }

    fn event(&mut self, event: &Value) -> std::io::Result<()> {
        self.chunk(&format!("data: {event}\n\n"))
    }

    fn chunk(&mut self, text: &str) -> std::io::Result<()> {
        write!(self.0, "{:x}\r\n{text}\r\n", text.len())?;
        self.0.flush()
    }
}
