//! Clients that speak v1: a request without a name means the query that goes on, and nobody can be asked anything.

use omi_kernel::event::{Event, EventKind};
use omi_kernel::row::LOG_IN;
use tokio::task::JoinSet;

use super::Connection;
use crate::wire::v1::{self, What};
use crate::wire::{Address, Correlation, Inbound, Version, WireError};

/// Why a request for permission is refused that a client of v1 would have to answer.
const NOBODY_TO_ASK: &str = "nobody can be asked for permission over protocol version 1";

impl Connection {
    /// Begins what a client of v1 wants, as the request of v2 that it means.
    pub(super) async fn take_v1(&self, inbound: v1::Inbound, tasks: &mut JoinSet<()>) {
        let v1::Inbound { id, owner, what } = inbound;
        let named = v1::address(id.clone().unwrap_or_default());
        if !self.has_owner(owner.as_deref(), &named).await {
            return;
        }
        let address = match (id, &what) {
            (Some(_), _) => named,
            (None, What::Interrupt(_) | What::Authenticate(_)) => match self.goes_on(&what) {
                Ok(Some(address)) => address,
                // There is nothing to stop, and v1 has no word for that.
                Ok(None) => return,
                Err(error) => return self.refuse(named, &error).await,
            },
            (None, What::Query(_) | What::InvalidateSession(_) | What::Warmup | What::RefreshToken) => {
                v1::address(uuid::Uuid::new_v4().to_string())
            }
        };
        self.take(Inbound { address, owner: None, what: what.meant() }, tasks).await;
    }

    /// The query of a client of v1 that goes on on this connection: never one of somebody else (SPEC 11.2, row 23).
    fn goes_on(&self, what: &What) -> Result<Option<Address>, WireError> {
        let mut going_on = self.requests.going_on(Version::V1);
        match (going_on.len(), what) {
            (0, What::Authenticate(_)) => {
                Err(WireError::new("not_found", "authenticate: no query goes on; hint: query first"))
            }
            (0 | 1, _) => Ok(going_on.pop()),
            (count, _) => {
                let why = format!("{count} queries go on; hint: name one of them by its `requestId`");
                Err(WireError::new("ambiguous", why))
            }
        }
    }

    /// Answers what a run of a client of v1 asks a person, because that client has no words for an answer: permissions are
    /// refused, and information is not given. A log-in it can choose.
    pub(super) async fn answer_for_v1(&self, event: &Event, correlation: &Correlation) {
        let Some(attempt) = event.attempt_id.clone().filter(|_| correlation.version() == Version::V1) else {
            return;
        };
        let request = event.payload["request"].as_u64().and_then(|request| u32::try_from(request).ok());
        let (Some(request), client) = (request.filter(|request| *request != LOG_IN), &self.surface.client)
        else {
            return;
        };
        // Where a policy or somebody else has answered already, there is nothing to refuse any more.
        if event.kind == EventKind::ApprovalRequested {
            let _ = client.refuse_approval(self.owner(), attempt, request, NOBODY_TO_ASK).await;
        } else if event.kind == EventKind::InputRequested {
            let _ = client.decline_input(self.owner(), attempt, request).await;
        }
    }
}
