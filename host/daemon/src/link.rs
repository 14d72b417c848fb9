//! The one way a command gets at a daemon: it is one itself, or it talks to the one that serves the state folder.
//!
//! ```text
//!  lock free ───────────────▶ this process is the daemon, as long as the command takes
//!  lock taken ─ it serves ──▶ wire v2 over its socket: one connection for each request, one for what happens
//!            └─ it does not ▶ an error: another command has the folder
//! ```
//!
//! Each request has a connection of its own: nothing waits behind what somebody does not read, and closing one changes
//! no run.

mod endpoint;
mod news;
mod remote;
#[cfg(test)]
mod tests;

use std::time::Duration;

use omi_kernel::command::{Answer, InputAnswer};
use omi_kernel::id::{AttemptId, Cursor, RunId};
use tokio::time::Instant;

use crate::client::{Answered, CancelAck, RequestError};
use crate::config::Config;
use crate::daemon::{Daemon, Manner};
use crate::state::{StateDir, StateError, StateLock};
use crate::subscribe::{SubscribeFilter, Subscription};
use crate::surface::Surface;
use crate::terminal;
use news::Listening;
pub(crate) use news::News;
pub(crate) use remote::{Remote, Talk};

/// How long a daemon that is starting or ending is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked at meanwhile: nothing tells that a lock was let go.
const LOOK: Duration = Duration::from_millis(50);

/// Why a daemon did not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct LinkError {
    /// A stable word.
    pub(crate) code: String,
    /// One line.
    pub(crate) message: String,
}

impl LinkError {
    /// An error with a code and a line.
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }
}

impl From<RequestError> for LinkError {
    fn from(error: RequestError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

/// Who has the record.
#[derive(Debug)]
pub(crate) enum Found {
    /// Nobody: this process may.
    Free(StateLock),
    /// A daemon that can be talked to.
    Serving(Remote),
}

/// Finds out who has the record. One that is starting or ending is waited for.
pub(crate) async fn find(state: &StateDir) -> anyhow::Result<Found> {
    find_within(state, PATIENCE).await
}

async fn find_within(state: &StateDir, patience: Duration) -> anyhow::Result<Found> {
    let until = Instant::now() + patience;
    let mut told = false;
    loop {
        let (in_use, pid) = match state.lock() {
            Ok(lock) => return Ok(Found::Free(lock)),
            Err(StateError::InUse { path, pid, serves: false }) => {
                return Err(StateError::InUse { path, pid, serves: false }.into());
            }
            Err(StateError::InUse { path, pid, serves: true }) => (path, pid),
            Err(error @ (StateError::Unusable { .. } | StateError::NoHome)) => return Err(error.into()),
        };
        if let Some(endpoint) = endpoint::of(state, &pid)
            && let Some(remote) = Remote::reach(endpoint).await?
        {
            return Ok(Found::Serving(remote));
        }
        if Instant::now() >= until {
            anyhow::bail!(
                "omi-agentd (process {pid}) uses `{}` and does not answer; hint: wait until it has started or ended, or end it",
                in_use.display()
            );
        }
        if !told {
            told = true;
            terminal::note(&format!("waiting for omi-agentd (process {pid}), which is starting or ending"));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The daemon that serves a state folder; none if nobody does.
pub(crate) async fn serving(state: &StateDir) -> anyhow::Result<Option<Remote>> {
    Ok(match find(state).await? {
        Found::Free(_) => None,
        Found::Serving(remote) => Some(remote),
    })
}

/// The way to a daemon, and the daemon itself if this process is it.
pub(crate) struct Reached {
    /// The way.
    pub(crate) link: Link,
    own: Option<Daemon>,
}

impl Reached {
    /// Reaches the one that serves the folder, else begins one.
    pub(crate) async fn reach(state: &StateDir, config: Config, manner: Manner) -> anyhow::Result<Self> {
        Ok(match find(state).await? {
            Found::Serving(remote) => Self { link: Link::Serving(remote), own: None },
            Found::Free(lock) => Self::begun(Daemon::begin(lock, state, config, manner)?),
        })
    }

    /// One that this process has begun.
    pub(crate) fn begun(daemon: Daemon) -> Self {
        Self { link: Link::Own(Box::new(daemon.surface(crate::prompt::owner()))), own: Some(daemon) }
    }

    /// Ends the daemon, if it is this process.
    pub(crate) async fn end(self) {
        if let Some(daemon) = self.own {
            daemon.end().await;
        }
    }
}

/// The way to a daemon. Cheap to clone.
#[derive(Clone)]
pub(crate) enum Link {
    /// It is this process.
    Own(Box<Surface>),
    /// It is another one.
    Serving(Remote),
}

impl Link {
    /// Has a run stopped.
    pub(crate) async fn cancel(&self, run: RunId) -> Result<CancelAck, LinkError> {
        match self {
            Self::Own(own) => match own.client.cancel(own.owner.clone(), run).await? {
                Answered::Cancel(ack) => Ok(ack),
                other => Err(unexpected(&other)),
            },
            Self::Serving(remote) => remote.cancel(&run).await,
        }
    }

    /// Answers a request for permission, as a person.
    pub(crate) async fn approve(
        &self,
        attempt: AttemptId,
        request: u32,
        answer: Answer,
    ) -> Result<(), LinkError> {
        match self {
            Self::Own(own) => {
                own.client.approve(own.owner.clone(), attempt, request, answer).await?;
                Ok(())
            }
            Self::Serving(remote) => remote.approve(&attempt, request, &answer).await,
        }
    }

    /// Answers a request for information or for a log-in, as a person.
    pub(crate) async fn provide_input(
        &self,
        attempt: AttemptId,
        request: u32,
        answer: InputAnswer,
    ) -> Result<(), LinkError> {
        match self {
            Self::Own(own) => {
                own.client.provide_input(own.owner.clone(), attempt, request, answer).await?;
                Ok(())
            }
            Self::Serving(remote) => remote.provide_input(&attempt, request, answer).await,
        }
    }

    /// Everything that is recorded after a cursor, then what happens; without one what happens from now on.
    pub(crate) async fn news(
        &self,
        filter: SubscribeFilter,
        after: Option<Cursor>,
    ) -> Result<News, LinkError> {
        Ok(match self {
            Self::Own(own) => {
                News::Own(Box::new(Subscription::new(&own.client, own.readers.clone(), filter, after)))
            }
            Self::Serving(remote) => {
                News::Serving(Box::new(Listening::begin(remote.clone(), filter, after).await?))
            }
        })
    }

    /// A run goes on when the command leaves.
    pub(crate) fn outlives_us(&self) -> bool {
        match self {
            Self::Own(_) => false,
            Self::Serving(_) => true,
        }
    }
}

impl From<Remote> for Link {
    fn from(remote: Remote) -> Self {
        Self::Serving(remote)
    }
}

/// An answer of the kernel that does not belong to what it was asked.
fn unexpected(answered: &Answered) -> LinkError {
    LinkError::new("internal", format!("an answer to something else: {answered:?}"))
}
