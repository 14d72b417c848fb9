//! The server: what it listens on, and how long a connection may take for what.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::endpoint::{Endpoint, Published};
use super::guard::{Guard, guard};
use super::key::Keys;
use super::listen::{ListenError, Socket, Stream, Tcp, accepted};
use super::patient::Patient;
use super::room::{Room, Seat, connections_max};
use super::routes;
use crate::state::StateDir;
use crate::surface::Surface;

/// How long a client may take to send the head of a request; also how long it may be silent between two.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);
/// How long what was said last may be read once the daemon has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// The names by which this machine is known to itself.
const LOOPBACK: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// Where to listen beside the Unix socket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listen {
    /// The address; port 0 is any free one.
    pub(crate) address: SocketAddr,
    /// Other machines may reach it.
    pub(crate) remote: bool,
}

/// A server that listens.
pub(crate) struct HttpServer {
    /// Where it is found.
    pub(crate) endpoint: Endpoint,
    tasks: JoinSet<()>,
    over: watch::Sender<bool>,
    _published: Published,
}

impl HttpServer {
    /// Listens, and says where. What it serves ends with the daemon, and it all when this is dropped.
    pub(crate) async fn start(
        state: &StateDir,
        surface: Surface,
        listen: Option<Listen>,
    ) -> Result<Self, ServerError> {
        let keys = Keys::load(state, &surface.config)?;
        let config = surface.config.http.clone();
        let origins: Arc<[String]> = config.origins.clone().into();
        let (over, ends) = watch::channel(false);
        let connections_max = connections_max();
        // A listener has room of its own: nobody who comes over the network keeps the owner from the socket.
        let room = || Room::new(connections_max, ends.clone());
        let router = routes::router(&surface);
        let mut tasks = JoinSet::new();
        let socket = Socket::bind(state)?;
        let path = socket.path.clone();
        let local =
            Guard { surface: surface.clone(), keys: keys.clone(), hosts: None, origins: origins.clone() };
        tasks.spawn(serve_socket(socket, guarded(&router, local), room()));
        let mut url = None;
        if let Some(Listen { address, remote }) = listen {
            let tcp = Tcp::bind(address, remote, &config).await?;
            url = Some(tcp.url());
            let names = LOOPBACK.into_iter().map(str::to_owned).chain(config.hosts.iter().cloned());
            let guard = Guard { surface, keys, hosts: Some(names.collect()), origins };
            tasks.spawn(serve_tcp(tcp, guarded(&router, guard), room()));
        }
        let endpoint = Endpoint::new(state, url, path);
        let published = endpoint.publish(state).map_err(ServerError::Endpoint)?;
        Ok(Self { endpoint, tasks, over, _published: published })
    }

    /// Ends what is still connected, once the daemon has ended.
    pub(crate) async fn end(mut self) {
        self.over.send_replace(true);
        // Whatever is connected listens for that until it is gone.
        let _ = tokio::time::timeout(LAST_WORDS, self.over.closed()).await;
        self.tasks.abort_all();
    }
}

/// Why there is no server. One line each.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    /// It cannot listen.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// It cannot tell who asks.
    #[error(transparent)]
    Key(#[from] super::key::KeyError),
    /// It cannot be found.
    #[error("cannot write `endpoint.json` into the state folder: {0}")]
    Endpoint(std::io::Error),
}

fn guarded(router: &Router, state: Guard) -> Router {
    let origins = state.origins.clone();
    router.clone().layer(from_fn_with_state(state, guard)).layer(routes::cors(&origins))
}

async fn serve_tcp(tcp: Tcp, router: Router, mut room: Room) {
    let mut connections = JoinSet::new();
    loop {
        let agreed = tokio::select! {
            agreed = tcp.accept() => agreed,
            () = room.ended() => break,
        };
        let Some(agreed) = agreed else { continue };
        let Some(seat) = room.seat().await else { break };
        let router = router.clone();
        connections.spawn(async move {
            let stream = tokio::select! {
                stream = agreed => stream,
                () = seat.away() => None,
            };
            if let Some(stream) = stream {
                connection(stream, router, seat).await;
            }
        });
        while connections.try_join_next().is_some() {}
    }
    drop((tcp, room));
    connections.join_all().await;
}

async fn serve_socket(socket: Socket, router: Router, mut room: Room) {
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            stream = socket.listener.accept() => accepted(stream).await,
            () = room.ended() => break,
        };
        let Some((stream, _)) = stream else { continue };
        let Some(seat) = room.seat().await else { break };
        connections.spawn(connection(Box::new(stream), router.clone(), seat));
        while connections.try_join_next().is_some() {}
    }
    drop((socket, room));
    connections.join_all().await;
}

/// Serves a connection until its client has gone, it has to go for another one, or the daemon has ended. Nobody holds a
/// place by sending slowly, or by reading nothing.
async fn connection(stream: Box<dyn Stream>, router: Router, seat: Arc<Seat>) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE);
    let service = TowerToHyperService::new(router);
    let of_seat = seat.clone();
    let service = service_fn(move |mut request| {
        request.extensions_mut().insert(of_seat.clone());
        service.call(request)
    });
    let served = builder.serve_connection(TokioIo::new(Patient::new(stream)), service).with_upgrades();
    let mut served = pin!(served);
    let ended = tokio::select! {
        ended = &mut served => ended,
        () = seat.away() => return,
        () = seat.ended() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
