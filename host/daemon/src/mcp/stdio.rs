//! `omi-agentd mcp`: the control tools for a person's own MCP client, over standard input and output.

use std::process::ExitCode;

use anyhow::{Context as _, anyhow};

use super::beside::Beside;
use super::server::{Door, Server};
use super::stream;
use crate::config::Config;
use crate::daemon::{Daemon, Manner};
use crate::http::HttpServer;
use crate::link::{self, Found};
use crate::prompt::owner;
use crate::state::StateDir;
use crate::tool::{ControlContext, Source};

/// Serves until the client closes its end: the tools of the daemon that serves, else of one in this process.
pub(crate) async fn serve(state: &StateDir, config: Config) -> anyhow::Result<ExitCode> {
    let lock = match link::find(state).await? {
        Found::Free(lock) => lock,
        Found::Serving(remote) => {
            let served = stream::serve(Beside { remote }, tokio::io::stdin(), tokio::io::stdout()).await;
            served.map_err(|why| anyhow!(why))?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let cwd = std::env::current_dir().context("cannot tell the working folder")?;
    // Nobody is at this pipe who could be asked: what an agent asks permission for is refused, with the reason.
    let manner = Manner { cwd, person: false, adopt_queued: true, recordings: None };
    let daemon = Daemon::begin(lock, state, config, manner)?;
    // Other commands are beside it as beside any daemon.
    let http = match HttpServer::start(state, daemon.surface(owner()), None).await {
        Ok(http) => http,
        Err(error) => {
            daemon.end().await;
            return Err(error.into());
        }
    };
    let context = ControlContext::of_owner(daemon.surface(owner()), Source::Mcp);
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let server = Server::new(Door::Stream(context));
    let served = tokio::select! {
        served = stream::serve(server, tokio::io::stdin(), tokio::io::stdout()) => served,
        _ = terminate.recv() => Ok(()),
    };
    daemon.end().await;
    http.end().await;
    served.map_err(|why| anyhow!(why))?;
    Ok(ExitCode::SUCCESS)
}
