//! A server that says what a test wants it to say, on a port of this machine; and a worker's end of a request.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::framing::{ChunkEnd, Framing};
use crate::http::{HttpRequest, May, Remote, Transfer, start};
use crate::inbox::{Inbox, Item, Taken};
use crate::input::{HttpOutcome, Input};
use crate::redact::Hidden;
use crate::registration::BoundHttp;

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}
impl<C: AsyncRead + AsyncWrite + Unpin + Send> Connection for C {}

/// What a server does with a connection whose request was read.
pub(super) type Serve =
    Arc<dyn Fn(String, Box<dyn Connection>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

pub(super) struct Server {
    pub(super) address: SocketAddr,
    /// The requests that came, each as text.
    pub(super) seen: Arc<Mutex<Vec<String>>>,
    /// The connections that came.
    pub(super) connections: Arc<AtomicUsize>,
}

impl Server {
    pub(super) fn start(world: &World, serve: Serve) -> Self {
        Self::listen(world, serve, None)
    }

    /// One that answers with the text that `answer` makes of the request.
    pub(super) fn answering(world: &World, answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let answer = Arc::new(answer);
        Self::start(
            world,
            Arc::new(move |request, mut connection| {
                let answer = Arc::clone(&answer);
                Box::pin(async move {
                    let _ = connection.write_all(answer(&request).as_bytes()).await;
                    let _ = connection.shutdown().await;
                })
            }),
        )
    }

    pub(super) fn listen(world: &World, serve: Serve, tls: Option<tokio_rustls::TlsAcceptor>) -> Self {
        let listener = world.runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, connections) = (Arc::new(Mutex::default()), Arc::new(AtomicUsize::default()));
        let server = Self { address, seen: Arc::clone(&seen), connections: Arc::clone(&connections) };
        world.runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let (seen, serve, tls) = (Arc::clone(&seen), Arc::clone(&serve), tls.clone());
                tokio::spawn(async move {
                    let mut connection: Box<dyn Connection> = match tls {
                        None => Box::new(stream),
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => Box::new(stream),
                            Err(_) => return,
                        },
                    };
                    if let Some(request) = read_request(&mut connection).await {
                        seen.lock().unwrap().push(request.clone());
                        serve(request, connection).await;
                    }
                });
            }
        });
        server
    }

    pub(super) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Head and body, as text.
async fn read_request(connection: &mut Box<dyn Connection>) -> Option<String> {
    let mut request = String::new();
    let mut buffer = [0; 4096];
    loop {
        let length = connection.read(&mut buffer).await.ok().filter(|length| *length > 0)?;
        request.push_str(str::from_utf8(&buffer[..length]).ok()?);
        if let Some((head, body)) = request.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Some(request);
            }
        }
    }
}

/// Never comes back, but keeps the connection.
pub(super) async fn hang(connection: Box<dyn Connection>) {
    poll_fn::<(), _>(|_| std::task::Poll::Pending).await;
    drop(connection);
}

/// A worker, as far as requests know one.
pub(super) struct World {
    pub(super) runtime: Runtime,
    pub(super) inbox: Arc<Inbox>,
}

/// What a worker was told about a request.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) head: Option<(u16, Vec<(String, String)>)>,
    pub(super) pieces: Vec<(Vec<u8>, ChunkEnd)>,
    pub(super) outcome: HttpOutcome,
}

impl Told {
    pub(super) fn body(&self) -> String {
        self.pieces.iter().map(|(bytes, _)| String::from_utf8(bytes.clone()).unwrap()).collect()
    }

    pub(super) fn status(&self) -> u16 {
        self.head.as_ref().expect("a head").0
    }

    /// The text of a failure.
    pub(super) fn failure(&self) -> &str {
        match &self.outcome {
            HttpOutcome::Failed(why) => why,
            other => panic!("{other:?}, {self:?}"),
        }
    }
}

impl World {
    pub(super) fn new() -> Self {
        Self::with_room(1024 * 1024)
    }

    pub(super) fn with_room(bytes: u32) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        Self { runtime, inbox: Arc::new(Inbox::new(bytes)) }
    }

    pub(super) fn start(&self, remote: Remote, request: HttpRequest, may: May) -> Transfer {
        start(remote, request, may, Arc::clone(&self.inbox), self.runtime.handle())
    }

    /// Sends a request that may be redirected anywhere at its origin, and waits for its end.
    pub(super) fn send(&self, remote: Remote, request: HttpRequest) -> Told {
        let _transfer = self.start(remote, request, Arc::new(|_, _| Ok(())));
        self.told()
    }

    /// Waits for the end of a request.
    pub(super) fn told(&self) -> Told {
        let (mut head, mut pieces) = (None, Vec::new());
        let deadline = Instant::now() + PATIENCE;
        loop {
            let Taken::Batch(batch) = self.inbox.take(Some(deadline), 16) else {
                panic!("the inbox is closed")
            };
            assert!(!batch.items.is_empty(), "nothing more was told: {head:?}");
            for item in batch.items {
                match item {
                    Item::Input(Input::HttpHead { status, headers, .. }) => head = Some((status, headers)),
                    Item::Input(Input::HttpBody(chunk)) => pieces.push((chunk.data, chunk.end)),
                    Item::Input(Input::HttpEnd { outcome, .. }) => return Told { head, pieces, outcome },
                    _ => panic!("not about a request"),
                }
            }
        }
    }

    /// Waits until something is so.
    pub(super) fn until(what: &str, is: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is() {
            assert!(Instant::now() < deadline, "{what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

pub(super) fn bound(origin: &str) -> BoundHttp {
    BoundHttp {
        origin: origin.to_owned(),
        methods: ["GET", "HEAD", "POST", "PUT"].map(str::to_owned).into(),
        private: true,
        secrets: std::collections::BTreeMap::default(),
        timeout_ms: 20_000,
        body_bytes: 1_000_000,
    }
}

pub(super) fn remote(bound: &BoundHttp) -> Remote {
    let secrets = [("authorization".to_owned(), "Bearer sesame".to_owned())];
    Remote::new("remote", bound, &secrets, Hidden::new(["sesame"])).unwrap()
}

pub(super) fn request(method: &str, path: &str) -> HttpRequest {
    HttpRequest {
        op: 1,
        method: method.to_owned(),
        path: path.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
        framing: Framing::Bytes,
    }
}

/// An answer with a body of known length.
pub(super) fn answer(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} x\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}
