//! `omi-agentd serve`: a daemon for many clients, over HTTP, a Unix socket and, with `--stdio`, one pipe.

mod pipe;

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::Serve;
use crate::config::Config;
use crate::connection::Connection;
use crate::daemon::{Daemon, Manner};
use crate::http::{HttpServer, Listen};
use crate::prompt::owner;
use crate::state::StateDir;
use crate::terminal;

/// How long the last messages have to be written once everything has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// A free port that only this machine reaches.
const ANYWHERE_HERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

pub(crate) async fn serve(args: &Serve, state: &StateDir, config: Config) -> anyhow::Result<ExitCode> {
    let cwd = std::env::current_dir().context("cannot tell the working folder")?;
    let daemon =
        Daemon::start(state, config, Manner { cwd, person: true, adopt_queued: true, recordings: None })?;
    let address = args.http.or((!args.stdio).then_some(ANYWHERE_HERE));
    let listen = address.map(|address| Listen { address, remote: args.remote });
    let server = match HttpServer::start(state, daemon.surface(owner()), listen).await {
        Ok(server) => server,
        Err(error) => {
            daemon.end().await;
            return Err(error.into());
        }
    };
    if args.stdio {
        pipe(daemon, server).await;
    } else {
        let place = server.endpoint.http.as_deref().unwrap_or_default();
        terminal::note(&format!("serving {place}\nendpoint {}", state.endpoint().display()));
        ended(signal(SignalKind::terminate()).ok(), signal(SignalKind::interrupt()).ok()).await;
        daemon.end().await;
        server.end().await;
    }
    Ok(ExitCode::SUCCESS)
}

/// Serves standard input and output until the other end is closed.
async fn pipe(daemon: Daemon, server: HttpServer) {
    let (lines, out) = (pipe::read_lines(), pipe::write_messages());
    let mut closed = out.closed;
    let connection = Connection::new(daemon.surface(owner()), out.messages);
    let over = async {
        tokio::select! {
            // Nobody reads what is said here any more.
            _ = closed.wait_for(|closed| *closed) => {}
            // Also while a client that does not read is waited for.
            () = ended(signal(SignalKind::terminate()).ok(), None) => {}
        }
    };
    let tasks = connection.serve(lines, over).await;
    daemon.end().await;
    // A client that does not read its last messages has had its time.
    let _ = tokio::join!(server.end(), tokio::time::timeout(LAST_WORDS, tasks.join_all()));
}

/// Waits until somebody wants the daemon to end.
async fn ended(mut terminate: Option<Signal>, mut interrupt: Option<Signal>) {
    tokio::select! {
        () = told(&mut terminate) => {}
        () = told(&mut interrupt) => {}
    }
}

async fn told(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}
