//! A connection that speaks wire v2: many clients and requests of one owner, each message with its correlation.
//!
//! What carries the lines is not known here: a pipe, a WebSocket, the messages of a browser.

mod change;
mod component;
mod delegation;
mod query;
mod request;
mod subscription;
mod told;
mod tool;
mod v1;

use std::future::Future;
use std::pin::pin;

use omi_kernel::id::{OwnerId, RunId};
use omi_store::{Reader, RunView, StoreError};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::client::Answered;
use crate::surface::Surface;
use crate::wire::{self, Address, Correlation, Inbound, Line, Outbound, RefreshToken, What, WireError};
use request::Requests;
use subscription::Subscriptions;

/// Requests at the same time that last: queries, retries, delegations, subscriptions, installations. Each has a task of
/// its own.
const LASTING_MAX: usize = 1024;
/// Requests at the same time beside those, so that what lasts can still be interrupted and answered.
const SHORT_MAX: usize = 256;

/// One connection, and what its clients have asked.
#[derive(Clone)]
pub(crate) struct Connection {
    surface: Surface,
    out: mpsc::Sender<Outbound>,
    requests: Requests,
    subscriptions: Subscriptions,
}

impl Connection {
    /// One that says what it has to say to `out`, and waits where that is full.
    pub(crate) fn new(surface: Surface, out: mpsc::Sender<Outbound>) -> Self {
        Self { surface, out, requests: Requests::default(), subscriptions: Subscriptions::default() }
    }

    /// Takes lines until there are no more, the client says `stop`, or `over` comes. Answers what still goes on; dropping
    /// that ends it, and no run.
    pub(crate) async fn serve(
        &self,
        mut lines: mpsc::Receiver<Result<String, String>>,
        over: impl Future<Output = ()>,
    ) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        let mut over = pin!(over);
        self.send(Some(wire::init(&self.surface.owner))).await;
        loop {
            let goes_on = tokio::select! {
                goes_on = self.next(&mut lines, &mut tasks) => goes_on,
                () = &mut over => false,
            };
            if !goes_on {
                return tasks;
            }
            while tasks.try_join_next().is_some() {}
        }
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
                Ok(Line::V1(inbound)) => self.take_v1(*inbound, tasks).await,
                Ok(Line::Stop { address, owner }) => {
                    return !self.has_owner(owner.as_deref(), &address).await;
                }
                Err(unread) => self.refuse(unread.address, &unread.error).await,
            },
            Some(Err(why)) => self.refuse(Address::v2("", ""), &WireError::invalid(why)).await,
            None => return false,
        }
        true
    }

    /// Begins what a request wants. What a later line may be about is registered before that is read.
    async fn take(&self, inbound: Inbound, tasks: &mut JoinSet<()>) {
        let Inbound { address, owner, what } = inbound;
        if !self.has_owner(owner.as_deref(), &address).await {
            return;
        }
        let correlation = Correlation::new(address.clone());
        let room = if lasts(&what) { LASTING_MAX } else { LASTING_MAX + SHORT_MAX };
        if tasks.len() >= room {
            let why = format!("{room} requests are not over; hint: wait for some of them, or unsubscribe");
            return self.send(correlation.error(&WireError::new("busy", why))).await;
        }
        let connection = self.clone();
        match what {
            What::Query(query) => {
                let ticket = self.requests.begin(&address);
                tasks.spawn(connection.query(*query, address, ticket));
            }
            What::Retry(retry) => {
                let ticket = self.requests.begin(&address);
                tasks.spawn(connection.retry(retry, address, ticket));
            }
            What::Interrupt(interrupt) => {
                tasks.spawn(connection.interrupt(interrupt, address));
            }
            What::ApprovalDecision(decision) => {
                tasks.spawn(connection.decide(decision, address));
            }
            What::ProvideInput(input) => {
                tasks.spawn(connection.provide(input, address));
            }
            What::Delegate(delegation) => {
                let ticket = self.requests.begin(&address);
                tasks.spawn(connection.delegate(*delegation, address, ticket));
            }
            What::UpdateSession(update) => {
                tasks.spawn(connection.update_session(update, correlation));
            }
            What::InvalidateSession(invalidation) => {
                tasks.spawn(connection.invalidate(invalidation, correlation));
            }
            What::UpdateArtifact(update) => {
                tasks.spawn(connection.update_artifact(update, correlation));
            }
            What::RevokeGrant(revocation) => {
                tasks.spawn(connection.revoke_grant(revocation, correlation));
            }
            What::InstallComponent(install) => {
                tasks.spawn(connection.install_component(install, correlation));
            }
            What::RemoveComponent(removal) => {
                tasks.spawn(connection.remove_component(removal, correlation));
            }
            What::ControlTool(call) => {
                tasks.spawn(connection.control_tool(call, address));
            }
            What::DirectControlTool(call) => {
                tasks.spawn(connection.direct_control_tool(call, address));
            }
            What::ToolResult(result) => {
                tasks.spawn(connection.tool_result(result, address));
            }
            What::Subscribe(subscribe) => match self.subscriptions.begin(&address) {
                Ok(seat) => {
                    tasks.spawn(connection.subscribe(subscribe, correlation, seat));
                }
                Err(error) => self.send(correlation.error(&error)).await,
            },
            What::Unsubscribe => self.unsubscribe(&address, &correlation).await,
            What::Authenticate(authenticate) => {
                tasks.spawn(connection.authenticate(authenticate, address));
            }
            // A worker begins with a run: there is nothing to warm up. That the owner is who it is was seen above.
            What::Warmup | What::RefreshOwner => self.send(correlation.ack()).await,
            What::RefreshToken => self.send(correlation.error(&RefreshToken::refused())).await,
        }
    }

    /// Whether a client takes the owner to be who it is, or does not say. If not, it is told, and nothing is done.
    async fn has_owner(&self, named: Option<&str>, address: &Address) -> bool {
        if named.is_none_or(|named| named == self.surface.owner.as_str()) {
            return true;
        }
        let why = "`ownerId` is not the owner of this connection; hint: leave it out, or compare it with that of `init`";
        self.refuse(address.clone(), &WireError::new("owner_mismatch", why)).await;
        false
    }

    async fn refuse(&self, address: Address, error: &WireError) {
        self.send(Correlation::new(address).error(error)).await;
    }

    /// Says something, if the client's version has a word for it.
    async fn send(&self, message: Option<Outbound>) {
        if let Some(message) = message {
            // A writer that is gone has said so, and the loop ends.
            let _ = self.out.send(message).await;
        }
    }

    /// Sends what became of a request that has one answer.
    async fn answer(&self, correlation: &Correlation, done: Result<Option<Outbound>, WireError>) {
        self.send(done.unwrap_or_else(|error| correlation.error(&error))).await;
    }

    fn ask<T>(&self, read: impl FnOnce(&Reader) -> Result<T, StoreError>) -> Result<T, WireError> {
        Ok(self.surface.ask(read)?)
    }

    /// A run of the owner.
    fn find_run(&self, id: &RunId) -> Result<RunView, WireError> {
        let found = self.ask(|reader| reader.run(Some(&self.owner()), id))?;
        found.ok_or_else(|| WireError::not_found("run", id.as_str()))
    }

    fn owner(&self) -> OwnerId {
        self.surface.owner.clone()
    }
}

/// Whether a request goes on after its first answer, or takes its time until that.
fn lasts(what: &What) -> bool {
    match what {
        What::Query(_)
        | What::Retry(_)
        | What::Delegate(_)
        | What::Subscribe(_)
        // Some wait for a run.
        | What::ControlTool(_)
        | What::DirectControlTool(_)
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
        | What::ToolResult(_)
        | What::Unsubscribe
        | What::Authenticate(_)
        | What::Warmup
        | What::RefreshOwner
        | What::RefreshToken => false,
    }
}

/// An answer of the kernel that does not belong to what it was asked.
fn unexpected(answered: &Answered) -> WireError {
    WireError::new("internal", format!("an answer to something else: {answered:?}"))
}
