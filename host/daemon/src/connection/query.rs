//! Queries and retries: a run is accepted, and its client is told about it to its end; an interrupt stops it.

use std::sync::Arc;

use omi_kernel::id::{Cursor, RunId, SessionId};
use omi_kernel::status::Status;
use omi_store::RunView;
use serde_json::Value;

use super::request::Ticket;
use super::{Connection, unexpected};
use crate::client::{Answered, LiveKind, Recorded};
use crate::follow::{Shown, is_end};
use crate::prompt::fail_over;
use crate::subscribe::{Seen, SubscribeFilter, Subscription};
use crate::wire::{self, Address, Correlation, Interrupt, Query, RetryRun, WireError};

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
        let _offering = self.offer(query.take_tools(), &address)?;
        let accept = query.prompt(address)?.accept(self.owner(), &self.surface.config)?;
        let before = self.reader()?.latest_cursor()?;
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
        let before = self.reader()?.latest_cursor()?;
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
            self.send(correlation.result(None, &over)).await;
            return Ok(());
        }
        // Room is had first, so that the acknowledgement is written before the end can be told.
        let Ok(room) = self.out.reserve().await else { return Ok(()) };
        let acknowledgement = correlation.accepted(repeated);
        let Some(followed) = ticket.follow(run, || room.send(acknowledgement)) else { return Ok(()) };
        // Whoever was told about it may have been told its end just now.
        let end = match over()? {
            Some(over) => Some((None, over)),
            None => self.to_its_end(&mut correlation, run, after.unwrap_or_default()).await?,
        };
        drop(followed);
        if let Some((event, over)) = end {
            self.send(correlation.result(event.as_deref().map(|event| &**event), &over)).await;
        }
        Ok(())
    }

    /// Tells a client about a run up to its end, which is answered; none if the daemon ends before.
    async fn to_its_end(
        &self,
        correlation: &mut Correlation,
        run: &RunId,
        after: Cursor,
    ) -> Result<Option<(Option<Arc<Recorded>>, RunView)>, WireError> {
        let mut news = self.news_of(run, after);
        let mut shown = Shown::default();
        while let Some(seen) = news.next().await {
            // An end that was followed by a retry is none.
            if let Seen::Event(event) = &seen
                && is_end(event.kind)
                && let Some(over) = self.over(run)?
            {
                return Ok(Some((Some(event.clone()), over)));
            }
            if let Some(message) = told(&seen, &mut shown, correlation) {
                self.send(message).await;
            }
        }
        Ok(None)
    }

    /// What is recorded and published about a run after a cursor.
    pub(super) fn news_of(&self, run: &RunId, after: Cursor) -> Subscription {
        let filter = SubscribeFilter { owner: Some(self.owner()), session: None, run: Some(run.clone()) };
        Subscription::new(&self.surface.client, self.surface.database.clone(), filter, Some(after))
    }

    /// A run, if it is over.
    fn over(&self, run: &RunId) -> Result<Option<RunView>, WireError> {
        let found = self.reader()?.run(Some(&self.owner()), run)?;
        let found = found.ok_or_else(|| WireError::not_found("run", run.as_str()))?;
        Ok(Some(found).filter(|run| Status::parse(&run.status).is_some_and(Status::is_terminal)))
    }

    pub(super) async fn interrupt(self, interrupt: Interrupt, address: Address) {
        let mut correlation = Correlation::new(address.clone());
        let run = match interrupt.run_id {
            Some(run) => Some(run),
            None => self.requests.run_of(&address).await,
        };
        let Some(run) = run else {
            return self.send(correlation.cancel_ack(None)).await;
        };
        correlation.run = Some(run.to_string());
        let done = match self.surface.client.cancel(self.owner(), run.clone()).await {
            Ok(Answered::Cancel(ack)) => {
                // It is acknowledged also where the record cannot be read.
                let found =
                    self.reader().ok().and_then(|reader| reader.run(Some(&self.owner()), &run).ok()?);
                correlation.session = found.map(|run| run.session_id);
                Ok(correlation.cancel_ack(Some(&ack)))
            }
            Ok(other) => Err(unexpected(&other)),
            Err(error) => Err(error.into()),
        };
        self.answer(&correlation, done).await;
    }
}

/// What a client is told about one thing of its run, if anything; its end is told otherwise.
fn told(seen: &Seen, shown: &mut Shown, correlation: &mut Correlation) -> Option<Value> {
    match seen {
        Seen::StoreFailing(why) => Some(correlation.error(&WireError::new("store_failing", &**why))),
        Seen::Gap { after, through, reason } => Some(correlation.gap(*after, *through, reason)),
        Seen::Live(live) => {
            correlation.attempt = Some(live.attempt.to_string());
            let new = match &live.kind {
                LiveKind::Message { .. } => shown.live(live).map(|(_, new)| new),
                LiveKind::Thought => Some(live.text.as_str()),
            };
            new.map(|new| correlation.live(live, new))
        }
        Seen::Event(event) => {
            if let Some(attempt) = &event.attempt_id {
                correlation.attempt = Some(attempt.to_string());
            }
            match shown.recorded(event) {
                Some((_, text)) => Some(correlation.recorded(event, text)),
                None => wire::about_run(event)
                    .map(|(kind, fields)| correlation.message(kind, Some(event), fields)),
            }
        }
    }
}
