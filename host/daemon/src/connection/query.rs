//! Queries and retries: a run is accepted, and its client is told about it to its end; an interrupt stops it.

use std::sync::Arc;

use omi_kernel::id::{Cursor, RunId, SessionId};
use omi_kernel::status::Status;
use omi_store::{ArtifactFilter, Reader};

use super::request::Ticket;
use super::told::Told;
use super::{Connection, unexpected};
use crate::client::{Answered, Recorded};
use crate::follow::is_end;
use crate::prompt::fail_over;
use crate::subscribe::{Seen, SubscribeFilter, Subscription};
use crate::wire::{
    ARTIFACTS_MAX, Address, Correlation, Ended, Interrupt, Outbound, Query, RetryRun, WireError,
};

impl Connection {
    pub(super) async fn query(self, query: Query, address: Address, ticket: Ticket) {
        let correlation = Correlation::new(address.clone());
        if let Err(error) = self.run(query, address, correlation.clone(), &ticket).await {
            self.send(correlation.error(&error)).await;
        }
    }

    async fn run(
        &self,
        mut query: Query,
        address: Address,
        correlation: Correlation,
        ticket: &Ticket,
    ) -> Result<(), WireError> {
        let tools = query.take_tools();
        if !tools.is_empty() {
            self.reaches_its_agent(query.names())?;
        }
        let _offering = self.offer(tools, &address)?;
        let accept = query.prompt(address)?.accept(self.owner(), &self.surface.config)?;
        let before = self.ask(Reader::latest_cursor)?;
        match self.surface.client.accept(accept).await? {
            Answered::Accepted { session, run, repeated } => {
                ticket.accepted(&run);
                let after = if repeated { None } else { Some(before) };
                self.tell(correlation, ticket, &session, &run, after).await
            }
            other => Err(unexpected(&other)),
        }
    }

    pub(super) async fn retry(self, retry: RetryRun, address: Address, ticket: Ticket) {
        let mut correlation = Correlation::new(address);
        correlation.run = Some(retry.run_id.to_string());
        if let Err(error) = self.run_again(retry, correlation.clone(), &ticket).await {
            self.send(correlation.error(&error)).await;
        }
    }

    async fn run_again(
        &self,
        retry: RetryRun,
        correlation: Correlation,
        ticket: &Ticket,
    ) -> Result<(), WireError> {
        let retry = fail_over(retry.retry(self.owner()), &self.surface.config)?;
        let before = self.ask(Reader::latest_cursor)?;
        match self.surface.client.retry(retry).await? {
            Answered::Accepted { session, run, .. } => {
                ticket.accepted(&run);
                self.tell(correlation, ticket, &session, &run, Some(before)).await
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Tells a client about a run from after a cursor to its end. None: it was accepted before. Then it is told from
    /// its beginning; of one that is over the end alone; and what this request is told already is not told twice.
    async fn tell(
        &self,
        mut correlation: Correlation,
        ticket: &Ticket,
        session: &SessionId,
        run: &RunId,
        after: Option<Cursor>,
    ) -> Result<(), WireError> {
        correlation.session = Some(session.to_string());
        correlation.run = Some(run.to_string());
        let repeated = after.is_none();
        let over = || if repeated { self.over(run) } else { Ok(None) };
        if let Some(over) = over()? {
            self.send(correlation.result(None, over)).await;
            return Ok(());
        }
        // Room is had first, so that the acknowledgement is written before the end can be told.
        let Ok(room) = self.out.reserve().await else { return Ok(()) };
        let acknowledgement = correlation.accepted(repeated);
        let acknowledge = || {
            if let Some(acknowledgement) = acknowledgement {
                room.send(acknowledgement);
            }
        };
        let Some(followed) = ticket.follow(run, acknowledge) else { return Ok(()) };
        // Whoever was told about it may have been told its end just now.
        let end = match over()? {
            Some(over) => Some((None, over)),
            None => self.to_its_end(&mut correlation, run, after.unwrap_or_default()).await?,
        };
        drop(followed);
        if let Some((event, over)) = end {
            self.send(correlation.result(event.as_deref().map(|event| &**event), over)).await;
        }
        Ok(())
    }

    /// Tells a client about a run up to its end, which is answered; none if the daemon ends before.
    async fn to_its_end(
        &self,
        correlation: &mut Correlation,
        run: &RunId,
        after: Cursor,
    ) -> Result<Option<(Option<Arc<Recorded>>, Ended)>, WireError> {
        let mut news = self.news_of(run, after);
        let mut told = Told::default();
        while let Some(seen) = news.next().await {
            for message in told.of(&seen, correlation) {
                self.send(Some(message)).await;
            }
            let Seen::Event(event) = &seen else { continue };
            // An end that was followed by a retry is none.
            if is_end(event.kind)
                && let Some(over) = self.over(run)?
            {
                return Ok(Some((Some(event.clone()), over)));
            }
            self.answer_for_v1(event, correlation).await;
        }
        Ok(None)
    }

    /// What is recorded and published about a run after a cursor.
    pub(super) fn news_of(&self, run: &RunId, after: Cursor) -> Subscription {
        let filter = SubscribeFilter { owner: Some(self.owner()), session: None, run: Some(run.clone()) };
        Subscription::new(&self.surface.client, self.surface.readers.clone(), filter, Some(after))
    }

    /// A run with what it made, if it is over.
    fn over(&self, id: &RunId) -> Result<Option<Ended>, WireError> {
        let run = self.find_run(id)?;
        if !Status::parse(&run.status).is_some_and(Status::is_terminal) {
            return Ok(None);
        }
        let filter =
            ArtifactFilter { run: Some(id.clone()), limit: ARTIFACTS_MAX, ..ArtifactFilter::default() };
        let artifacts = self.ask(|reader| reader.artifacts(&filter))?;
        Ok(Some(Ended { run, artifacts }))
    }

    pub(super) async fn interrupt(self, interrupt: Interrupt, address: Address) {
        let mut correlation = Correlation::new(address.clone());
        let done = self.interrupted(&interrupt, &address, &mut correlation).await;
        self.answer(&correlation, done).await;
    }

    async fn interrupted(
        &self,
        interrupt: &Interrupt,
        address: &Address,
        correlation: &mut Correlation,
    ) -> Result<Option<Outbound>, WireError> {
        let run = match &interrupt.run_id {
            Some(run) => Some(run.clone()),
            None => self.requests.run_of(address).await,
        };
        let Some(run) = run else { return Ok(correlation.cancel_ack(None)) };
        correlation.run = Some(run.to_string());
        if interrupt.is_guarded() {
            interrupt.check(&self.find_run(&run)?)?;
        }
        match self.surface.client.cancel(self.owner(), run.clone()).await? {
            Answered::Cancel(ack) => {
                // It is acknowledged also where the record cannot be read.
                correlation.session = self.find_run(&run).ok().map(|run| run.session_id);
                Ok(correlation.cancel_ack(Some(&ack)))
            }
            other => Err(unexpected(&other)),
        }
    }
}
