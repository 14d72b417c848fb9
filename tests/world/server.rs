//! A small HTTP server of the tests, on a port of its own. It answers one request on each connection.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of a request's body that are read: more than any test sends.
const BODY_BYTES_MAX: usize = 1 << 20;

/// A request, as it arrived.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The request line and the headers.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Request {
    /// Method and target: `GET /v1/models`.
    pub fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1")
    }

    /// The target alone.
    pub fn target(&self) -> &str {
        self.line().split_once(' ').map_or("", |(_, target)| target)
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let pairs = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        pairs.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// A server. Its threads end with the test program.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Starts one that answers each request with the bytes that this gives.
    pub fn start(answer: impl Fn(&Request) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (seen, answer) = (Arc::new(Mutex::new(Vec::new())), Arc::new(answer));
        let server = Self { address, seen: Arc::clone(&seen) };
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                std::thread::spawn(move || {
                    // A connection counts, whatever comes on it.
                    let request = read(&stream).unwrap_or_default();
                    seen.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
                    send(stream, &answer(&request));
                });
            }
        });
        server
    }

    /// The origin for a configuration: `http://127.0.0.1:1234`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that reached it so far.
    pub fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// An answer with a status line, headers (each with its line end) and a body.
pub fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

/// An answer that sends the client elsewhere.
pub fn redirect(to: &str) -> String {
    answer("302 Found", &format!("Location: {to}\r\n"), "")
}

fn read(stream: &TcpStream) -> std::io::Result<Request> {
    let mut reader = BufReader::new(stream);
    let mut request = Request::default();
    while !request.head.ends_with("\r\n\r\n") && reader.read_line(&mut request.head)? > 0 {}
    let length = request.header("content-length").and_then(|length| length.trim().parse().ok()).unwrap_or(0);
    let mut body = vec![0; BODY_BYTES_MAX.min(length)];
    reader.read_exact(&mut body)?;
    request.body = String::from_utf8_lossy(&body).into_owned();
    Ok(request)
}

/// In single bytes, so that no piece of an answer is one that a test thought of. A client may have gone away.
fn send(mut stream: TcpStream, answer: &str) {
    let _ = stream.set_nodelay(true);
    for byte in answer.as_bytes() {
        if stream.write_all(&[*byte]).and_then(|()| stream.flush()).is_err() {
            return;
        }
    }
}
