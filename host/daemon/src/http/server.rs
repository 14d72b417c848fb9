//! The server: what it listens on, and how long a connection may take for what.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use super::endpoint::{Endpoint, Published};
use super::guard::{Guard, guard};
use super::key::Keys;
use super::listen::{ListenError, Socket, Stream, Tcp, accepted};
use super::routes;
use crate::state::StateDir;
use crate::surface::Surface;

/// Connections at the same time: each costs some memory and a descriptor. More wait in the system's queue.
const CONNECTIONS_MAX: usize = 4096;
/// How long a client may take to send the head of a request; also how long it may be silent between two.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);
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
        let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let router = routes::router(&surface);
        let mut tasks = JoinSet::new();
        let socket = Socket::bind(state)?;
        let path = socket.path.clone();
        let local =
            Guard { surface: surface.clone(), keys: keys.clone(), hosts: None, origins: origins.clone() };
        tasks.spawn(serve_socket(socket, guarded(&router, local), room.clone()));
        let mut url = None;
        if let Some(Listen { address, remote }) = listen {
            let tcp = Tcp::bind(address, remote, &config).await?;
            url = Some(tcp.url());
            let names = LOOPBACK.into_iter().map(str::to_owned).chain(config.hosts.iter().cloned());
            let guard = Guard { surface, keys, hosts: Some(names.collect()), origins };
            tasks.spawn(serve_tcp(tcp, guarded(&router, guard), room));
        }
        let endpoint = Endpoint::new(state, url, path);
        let published = endpoint.publish(state).map_err(ServerError::Endpoint)?;
        Ok(Self { endpoint, tasks, _published: published })
    }

    /// Ends what is still connected.
    pub(crate) fn end(mut self) {
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

async fn serve_tcp(tcp: Tcp, router: Router, room: Arc<Semaphore>) {
    let mut connections = JoinSet::new();
    while let Ok(place) = room.clone().acquire_owned().await {
        let Some(agreed) = tcp.accept().await else { continue };
        let router = router.clone();
        connections.spawn(async move {
            if let Some(stream) = agreed.await {
                connection(stream, router, place).await;
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn serve_socket(socket: Socket, router: Router, room: Arc<Semaphore>) {
    let mut connections = JoinSet::new();
    while let Ok(place) = room.clone().acquire_owned().await {
        let Some((stream, _)) = accepted(socket.listener.accept().await).await else { continue };
        connections.spawn(connection(Box::new(stream), router.clone(), place));
        while connections.try_join_next().is_some() {}
    }
}

/// Serves a connection until its client has gone. Nobody holds a place by sending slowly.
async fn connection(stream: Box<dyn Stream>, router: Router, _place: OwnedSemaphorePermit) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE);
    let served =
        builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)).with_upgrades();
    if let Err(error) = served.await {
        tracing::debug!(%error, "a connection ended early");
    }
}
