//! Delegations: a run is begun on behalf of another one. Where that waits for it, what it asks people and its result
//! are passed on.

use omi_kernel::event::{Event, EventKind};
use omi_kernel::id::{Cursor, DelegationId, RunId};
use omi_store::Reader;
use serde_json::Value;

use super::request::Ticket;
use super::{Connection, unexpected};
use crate::client::Answered;
use crate::follow::is_end;
use crate::subscribe::Seen;
use crate::wire::{self, Address, Correlation, Delegation, Outbound, Said, WireError};

/// A delegation that somebody waits for.
struct Awaited {
    id: DelegationId,
    parent: RunId,
    child: RunId,
    /// The record ended here before it was delegated.
    before: Cursor,
    /// It had been delegated before.
    repeated: bool,
}

impl Connection {
    pub(super) async fn delegate(self, delegation: Delegation, address: Address, ticket: Ticket) {
        let correlation = Correlation::new(address.clone());
        if let Err(error) = self.delegated(delegation, address, correlation.clone(), &ticket).await {
            self.send(correlation.error(&error)).await;
        }
    }

    async fn delegated(
        &self,
        delegation: Delegation,
        address: Address,
        mut correlation: Correlation,
        ticket: &Ticket,
    ) -> Result<(), WireError> {
        let delegate = delegation.delegate(address, self.owner(), &self.surface.config)?;
        let (parent, waits) = (delegate.parent.clone(), delegate.mode.waits());
        let before = self.ask(Reader::latest_cursor)?;
        let awaited = match self.surface.client.delegate(delegate).await? {
            Answered::Delegated { delegation: id, session, run: child, repeated } => {
                ticket.accepted(&child);
                correlation.session = Some(session.to_string());
                correlation.run = Some(child.to_string());
                let delegated = Said::Delegated { delegation_id: id.to_string(), repeated };
                self.send(correlation.message(None, delegated)).await;
                Awaited { id, parent, child, before, repeated }
            }
            other => return Err(unexpected(&other)),
        };
        if waits { self.awaits(awaited, correlation, ticket).await } else { Ok(()) }
    }

    /// Passes on what the run that works asks people, and then its result. What this request is told already is not
    /// told twice.
    async fn awaits(
        &self,
        awaited: Awaited,
        correlation: Correlation,
        ticket: &Ticket,
    ) -> Result<(), WireError> {
        let known = || if awaited.repeated { self.known_result(&awaited) } else { Ok(None) };
        if let Some(result) = known()? {
            self.send(awaited.result(&correlation, None, result)).await;
            return Ok(());
        }
        let Some(followed) = ticket.follow(&awaited.child, || {}) else { return Ok(()) };
        // Whoever was told about it may have been told its result just now.
        let end = match known()? {
            Some(result) => awaited.result(&correlation, None, result),
            None => self.to_its_result(&awaited, &correlation).await?,
        };
        drop(followed);
        self.send(end).await;
        Ok(())
    }

    /// The result of a delegation, if it is recorded.
    fn known_result(&self, awaited: &Awaited) -> Result<Option<Value>, WireError> {
        let known = self.ask(|reader| reader.delegations(Some(&self.owner()), &awaited.parent))?;
        let own = known.into_iter().find(|delegation| delegation.delegation_id == awaited.id.as_str());
        Ok(own.and_then(|delegation| delegation.result))
    }

    /// Passes on what the run that works asks people, up to the message with its result, which is answered; none if
    /// the daemon ends before.
    async fn to_its_result(
        &self,
        awaited: &Awaited,
        correlation: &Correlation,
    ) -> Result<Option<Outbound>, WireError> {
        // One that was delegated before is told from its beginning.
        let after = if awaited.repeated { Cursor::default() } else { awaited.before };
        let mut news = self.news_of(&awaited.child, after);
        while let Some(seen) = news.next().await {
            let Seen::Event(event) = seen else { continue };
            for said in wire::about_child(&event) {
                self.send(correlation.of(&event).message(Some(&event), said)).await;
            }
            if is_end(event.kind) {
                break;
            }
        }
        // The end of the run and of the delegation are recorded at once, in this order.
        let mut news = self.news_of(&awaited.parent, awaited.before);
        while let Some(seen) = news.next().await {
            let Seen::Event(event) = seen else { continue };
            if event.kind == EventKind::DelegationCompleted
                && event.payload["delegationId"] == awaited.id.as_str()
            {
                return Ok(awaited.result(correlation, Some(&event), (*event.payload).clone()));
            }
        }
        Ok(None)
    }
}

impl Awaited {
    fn result(&self, correlation: &Correlation, event: Option<&Event>, result: Value) -> Option<Outbound> {
        correlation.message(event, Said::DelegationResult { delegation_id: self.id.to_string(), result })
    }
}
