//! `omi-agentd native-host`: wire v2 for an extension of a browser, over Chrome's native messaging.
//!
//! ```text
//!  browser ── frames ──▶ stdin  ─┐                 ┌─ the daemon that serves, over its socket
//!                                ├─ wire v2, one ──┤
//!  browser ◀─ frames ── stdout ──┘  message each   └─ else one in this process, until the browser goes away
//! ```
//!
//! The protocol is described in `docs/native-messaging.md`. Nothing but frames is ever written to standard output.

mod chunk;
mod frame;
mod install;
mod pipe;
mod place;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use crate::cli::{NativeHost, NativeHostCommand};
use crate::config::ConfigFile;
use crate::connection::Connection;
use crate::daemon::{Daemon, Manner};
use crate::http::HttpServer;
use crate::link::{self, Found, Remote};
use crate::prompt::owner;
use crate::state::{StateDir, StateError, StateLock};
use crate::terminal;
use crate::wire::{Address, Correlation, Outbound, WireError};
use pipe::Pipe;

/// Messages that wait to be cut into frames; then whoever has something to say waits.
const QUEUE_MAX: usize = 16;
/// How long the last messages have to be written once everything has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

pub(crate) async fn native_host(
    args: NativeHost,
    state: &StateDir,
    file: &ConfigFile,
) -> anyhow::Result<ExitCode> {
    match args.command {
        Some(NativeHostCommand::Install(args)) => install::install(&args, state, file),
        Some(NativeHostCommand::Uninstall(args)) => install::uninstall(&args),
        None => {
            let pipe = Pipe::open();
            if let Err(error) = serve(&args, state, file, &pipe).await {
                terminal::error(&format!("{error:#}"));
                let message = error_message(&WireError::new("no_daemon", format!("{error:#}")));
                let _ = pipe.messages.send(message).await;
                pipe.end().await;
                return Ok(ExitCode::from(crate::FAILED));
            }
            pipe.end().await;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Serves the browser until it closes its end.
async fn serve(args: &NativeHost, state: &StateDir, file: &ConfigFile, pipe: &Pipe) -> anyhow::Result<()> {
    allowed(&args.allow, &args.caller)?;
    match link::find(state).await? {
        Found::Serving(remote) => pass_on(&remote, pipe).await,
        Found::Free(lock) => serve_here(lock, state, file, pipe).await,
    }
}

/// An extension that was named when this was installed. The browser looks, too; this holds also where its file was changed.
fn allowed(allow: &[String], caller: &[String]) -> anyhow::Result<()> {
    // Chrome names the origin, Firefox its file and then the id.
    let is = |id: &String| caller.iter().any(|word| word == id || *word == place::origin(id));
    if allow.iter().any(is) {
        return Ok(());
    }
    bail!(
        "{} may not talk to omi-agentd; hint: `omi-agentd native-host install` with its --extension-id",
        caller.first().map_or_else(|| "nobody".to_owned(), |caller| format!("`{}`", terminal::plain(caller)))
    )
}

/// A daemon in this process, as `serve --stdio` is one.
async fn serve_here(lock: StateLock, state: &StateDir, file: &ConfigFile, pipe: &Pipe) -> anyhow::Result<()> {
    // A browser starts it in a folder of its own, which is no place to work in.
    let cwd = etcetera::home_dir().map_err(|_| StateError::NoHome)?;
    let manner = Manner { cwd, person: true, adopt_queued: true, recordings: None };
    let daemon = Daemon::begin(lock, state, file.load()?, manner)?;
    let server = match HttpServer::start(state, daemon.surface(owner()), None).await {
        Ok(server) => server,
        Err(error) => {
            daemon.end().await;
            return Err(error.into());
        }
    };
    let connection = Connection::new(daemon.surface(owner()), said_to(pipe));
    let tasks = connection.serve(pipe::read_frames(), over(pipe)).await;
    daemon.end().await;
    server.end().await;
    // A browser that does not read its last messages has had its time.
    let _ = tokio::time::timeout(LAST_WORDS, tasks.join_all()).await;
    Ok(())
}

/// Where a connection says what it has to say to the browser.
fn said_to(pipe: &Pipe) -> mpsc::Sender<Outbound> {
    let (messages, mut said) = mpsc::channel::<Outbound>(QUEUE_MAX);
    let written = pipe.messages.clone();
    tokio::spawn(async move {
        while let Some(message) = said.recv().await {
            if written.send(message.to_string()).await.is_err() {
                return;
            }
        }
    });
    messages
}

/// Passes messages on between the browser and a daemon that serves, as they are.
async fn pass_on(remote: &Remote, pipe: &Pipe) -> anyhow::Result<()> {
    let (init, socket) = remote.open().await?;
    let (mut to_daemon, mut from_daemon) = socket.split();
    let say = |message: String| async move {
        // A browser that is gone is noticed below.
        let _ = pipe.messages.send(message).await;
    };
    say(init.to_string()).await;
    let mut frames = pipe::read_frames();
    let inwards = async {
        while let Some(frame) = frames.recv().await {
            match frame {
                Ok(text) => to_daemon.send(Message::text(text)).await?,
                Err(why) => say(error_message(&WireError::invalid(why))).await,
            }
        }
        // It may be gone.
        let _ = to_daemon.close().await;
        anyhow::Ok(())
    };
    let outwards = async {
        while let Some(message) = from_daemon.next().await {
            if let Message::Text(text) = message? {
                say(text.as_str().to_owned()).await;
            }
        }
        bail!("the daemon has ended")
    };
    tokio::select! {
        done = inwards => done.context("the connection to the daemon is lost"),
        done = outwards => done,
        () = over(pipe) => Ok(()),
    }
}

/// Waits until nobody reads what is said here any more, or somebody wants this to end.
async fn over(pipe: &Pipe) {
    let mut closed = pipe.closed.clone();
    let mut terminate = signal(SignalKind::terminate()).ok();
    let told = async {
        match &mut terminate {
            Some(terminate) => drop(terminate.recv().await),
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = closed.wait_for(|closed| *closed) => {}
        () = told => {}
    }
}

/// An error that belongs to no request.
fn error_message(error: &WireError) -> String {
    let error = Correlation::new(Address::v2("", "")).error(error);
    error.map_or_else(String::new, |error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_extension_that_was_named_is_let_in() {
        let id = "abcdefghijklmnopabcdefghijklmnop";
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let origin = format!("chrome-extension://{id}/");
        assert!(allowed(&words(&[id]), &words(&[&origin])).is_ok());
        assert!(allowed(&words(&["x@omi"]), &words(&["/a/app.omi.agentd.json", "x@omi"])).is_ok());
        for caller in [&["chrome-extension://abcdefghijklmnopabcdefghijklmnoa/"][..], &[&origin[..20]], &[]] {
            let refused = allowed(&words(&[id]), &words(caller)).unwrap_err().to_string();
            assert!(refused.contains("hint:"), "{refused}");
        }
        assert!(allowed(&[], &words(&[&origin])).is_err(), "nobody was named");
    }
}
