//! `omi-agentd serve --stdio`: many clients and requests on one pipe, until its other end is closed.

mod pipe;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;

use crate::config::Config;
use crate::connection::Connection;
use crate::daemon::{Daemon, Manner};
use crate::prompt::owner;
use crate::state::StateDir;

/// How long the last messages have to be written once everything has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

pub(crate) async fn serve(state: &StateDir, config: Config) -> anyhow::Result<ExitCode> {
    let cwd = std::env::current_dir().context("cannot tell the working folder")?;
    let daemon =
        Daemon::start(state, config, Manner { cwd, person: true, adopt_queued: true, recordings: None })?;
    let (lines, out) = (pipe::read_lines(), pipe::write_messages());
    let mut closed = out.closed;
    let connection = Connection::new(daemon.surface(owner()), out.messages);
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok();
    let tasks = connection
        .serve(lines, async {
            tokio::select! {
                // Nobody reads what is said here any more.
                _ = closed.wait_for(|closed| *closed) => {}
                // Also while a client that does not read is waited for.
                () = terminated(&mut terminate) => {}
            }
        })
        .await;
    daemon.end().await;
    // A client that does not read its last messages has had its time.
    let _ = tokio::time::timeout(LAST_WORDS, tasks.join_all()).await;
    Ok(ExitCode::SUCCESS)
}

async fn terminated(signal: &mut Option<tokio::signal::unix::Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}
