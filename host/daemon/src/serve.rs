//! `omi-agentd serve --stdio`: many clients and requests on one pipe, each message with its correlation.

mod change;
mod component;
mod delegation;
mod pipe;
mod query;
mod request;
mod subscription;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use omi_store::Reader;
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::client::{Answered, Client};
use crate::components::Components;
use crate::config::Config;
use crate::daemon::{Daemon, Manner};
use crate::state::StateDir;
use crate::wire::{self, Address, Correlation, Inbound, Line, What, WireError};
use request::Requests;
use subscription::Subscriptions;

/// Requests at the same time that last: queries, retries, delegations, subscriptions, installations. Each has a task of
/// its own.
const LASTING_MAX: usize = 1024;
/// Requests at the same time beside those, so that what lasts can still be interrupted and answered.
const SHORT_MAX: usize = 256;
/// How long the last messages have to be written once everything has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

pub(crate) async fn serve(state: &StateDir, config: Config) -> anyhow::Result<ExitCode> {
    let cwd = std::env::current_dir().context("cannot tell the working folder")?;
    let daemon =
        Daemon::start(state, config, Manner { cwd, person: true, adopt_queued: true, recordings: None })?;
    let (lines, out) = (pipe::read_lines(), pipe::write_messages());
    let server = Server {
        client: daemon.client.clone(),
        config: daemon.config.clone(),
        components: daemon.components.clone(),
        database: state.database(),
        out: out.messages.clone(),
        requests: Requests::default(),
        subscriptions: Subscriptions::default(),
    };
    server.send(wire::init()).await;
    server.serve(lines, out.closed).await;
    daemon.end().await;
    Ok(ExitCode::SUCCESS)
}

/// One pipe, and what its clients have asked.
#[derive(Clone)]
struct Server {
    client: Client,
    config: Arc<Config>,
    components: Components,
    database: PathBuf,
    out: mpsc::Sender<Value>,
    requests: Requests,
    subscriptions: Subscriptions,
}

impl Server {
    async fn serve(
        self,
        mut lines: mpsc::Receiver<Result<String, String>>,
        mut closed: watch::Receiver<bool>,
    ) {
        let mut tasks = JoinSet::new();
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok();
        loop {
            let goes_on = tokio::select! {
                goes_on = self.next(&mut lines, &mut tasks) => goes_on,
                // Nobody reads what is said here any more.
                _ = closed.wait_for(|closed| *closed) => false,
                // Also while a client that does not read is waited for.
                () = terminated(&mut terminate) => false,
            };
            if !goes_on {
                break;
            }
            while tasks.try_join_next().is_some() {}
        }
        self.client.shutdown().await;
        // A client that does not read its last messages has had its time.
        let _ = tokio::time::timeout(LAST_WORDS, tasks.join_all()).await;
    }

    /// Takes the next line in. Answers whether there may be another one.
    async fn next(
        &self,
        lines: &mut mpsc::Receiver<Result<String, String>>,
        tasks: &mut JoinSet<()>,
    ) -> bool {
        match lines.recv().await {
            Some(Ok(line)) if line.trim().is_empty() => {}
            Some(Ok(line)) => match wire::read(&line) {
                Ok(Line::Request(inbound)) => self.take(*inbound, tasks).await,
                Ok(Line::Stop) => return false,
                Err(error) => self.refuse(&line, &error).await,
            },
            Some(Err(why)) => self.refuse("", &WireError::invalid(why)).await,
            None => return false,
        }
        true
    }

    /// Begins what a request wants. What a later line may be about is registered before that is read.
    async fn take(&self, inbound: Inbound, tasks: &mut JoinSet<()>) {
        let Inbound { address, what } = inbound;
        let correlation = Correlation::new(address.clone());
        let room = if lasts(&what) { LASTING_MAX } else { LASTING_MAX + SHORT_MAX };
        if tasks.len() >= room {
            let why = format!("{room} requests are not over; hint: wait for some of them, or unsubscribe");
            return self.send(correlation.error(&WireError::new("busy", why))).await;
        }
        let server = self.clone();
        match what {
            What::Query(query) => {
                let ticket = self.requests.begin(&address);
                tasks.spawn(server.query(*query, address, ticket));
            }
            What::Retry(retry) => {
                let ticket = self.requests.begin(&address);
                tasks.spawn(server.retry(retry, address, ticket));
            }
            What::Interrupt(interrupt) => {
                tasks.spawn(server.interrupt(interrupt, address));
            }
            What::ApprovalDecision(decision) => {
                tasks.spawn(server.decide(decision, address));
            }
            What::ProvideInput(input) => {
                tasks.spawn(server.provide(input, address));
            }
            What::Delegate(delegation) => {
                let ticket = self.requests.begin(&address);
                tasks.spawn(server.delegate(*delegation, address, ticket));
            }
            What::UpdateSession(update) => {
                tasks.spawn(server.update_session(update, correlation));
            }
            What::InvalidateSession(invalidation) => {
                tasks.spawn(server.invalidate(invalidation, correlation));
            }
            What::UpdateArtifact(update) => {
                tasks.spawn(server.update_artifact(update, correlation));
            }
            What::RevokeGrant(revocation) => {
                tasks.spawn(server.revoke_grant(revocation, correlation));
            }
            What::InstallComponent(install) => {
                tasks.spawn(server.install_component(install, correlation));
            }
            What::RemoveComponent(removal) => {
                tasks.spawn(server.remove_component(removal, correlation));
            }
            What::Subscribe(subscribe) => match self.subscriptions.begin(&address) {
                Ok(seat) => {
                    tasks.spawn(server.subscribe(subscribe, correlation, seat));
                }
                Err(error) => self.send(correlation.error(&error)).await,
            },
            What::Unsubscribe => self.unsubscribe(&address, &correlation).await,
        }
    }

    /// What cannot be read may still say whose it is.
    async fn refuse(&self, line: &str, error: &WireError) {
        let value: Value = serde_json::from_str(line).unwrap_or_default();
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let address = Address { client: text("clientId"), request: text("requestId") };
        self.send(Correlation::new(address).error(error)).await;
    }

    async fn send(&self, message: Value) {
        // A writer that is gone has said so, and the loop ends.
        let _ = self.out.send(message).await;
    }

    /// Sends what became of a request that has one answer.
    async fn answer(&self, correlation: &Correlation, done: Result<Value, WireError>) {
        self.send(done.unwrap_or_else(|error| correlation.error(&error))).await;
    }

    fn reader(&self) -> Result<Reader, WireError> {
        Ok(Reader::open(&self.database)?)
    }
}

/// Whether a request goes on after its first answer, or takes its time until that.
fn lasts(what: &What) -> bool {
    match what {
        What::Query(_)
        | What::Retry(_)
        | What::Delegate(_)
        | What::Subscribe(_)
        // To compile a component takes seconds, and they are compiled one after the other.
        | What::InstallComponent(_)
        | What::RemoveComponent(_) => true,
        What::Interrupt(_)
        | What::ApprovalDecision(_)
        | What::ProvideInput(_)
        | What::UpdateSession(_)
        | What::InvalidateSession(_)
        | What::UpdateArtifact(_)
        | What::RevokeGrant(_)
        | What::Unsubscribe => false,
    }
}

/// An answer of the kernel that does not belong to what it was asked.
fn unexpected(answered: &Answered) -> WireError {
    WireError::new("internal", format!("an answer to something else: {answered:?}"))
}

async fn terminated(signal: &mut Option<tokio::signal::unix::Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}
