//! Queries and retries: a run is accepted, and its client is told about it to its end; an interrupt stops it.

use omi_kernel::id::{Cursor, RunId, SessionId};
use omi_kernel::status::Status;
use omi_store::RunView;

use super::request::Ticket;
use super::{Server, unexpected};
use crate::client::{Answered, LiveKind};
use crate::follow::{Shown, is_end};
use crate::prompt::{fail_over, owner};
use crate::subscribe::{Seen, SubscribeFilter, Subscription};
use crate::wire::{self, Address, Correlation, Interrupt, Query, RetryRun, WireError};

impl Server {
    pub(super) async fn query(self, query: Query, address: Address, ticket: Ticket) {
        let correlation = Correlation::new(address.clone());
        if let Err(error) = self.run(query, address, correlation.clone(), &ticket).await {
            self.send(correlation.error(&error)).await;
        }
    }

    async fn run(
        &self,
        query: Query,
        address: Address,
        correlation: Correlation,
        ticket: &Ticket,
    ) -> Result<(), WireError> {
        let accept = query.prompt(address)?.accept(&self.config)?;
        let before = self.reader()?.latest_cursor()?;
        match self.client.accept(accept).await? {
            Answered::Accepted { session, run, repeated } => {
                ticket.accepted(&run);
                // One that was accepted before is told from its beginning.
                let after = if repeated { Cursor::default() } else { before };
                self.tell(correlation, &session, &run, after, repeated).await
            }
            other => Err(unexpected(&other)),
        }
    }

    pub(super) async fn retry(self, retry: RetryRun, address: Address, ticket: Ticket) {
        let correlation = Correlation::new(address);
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
        let retry = fail_over(retry.retry(), &self.config)?;
        let before = self.reader()?.latest_cursor()?;
        match self.client.retry(retry).await? {
            Answered::Accepted { session, run, .. } => {
                ticket.accepted(&run);
                self.tell(correlation, &session, &run, before, false).await
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Tells a client about a run to its end. Of one that is over already it is told the end alone.
    async fn tell(
        &self,
        mut correlation: Correlation,
        session: &SessionId,
        run: &RunId,
        after: Cursor,
        may_be_over: bool,
    ) -> Result<(), WireError> {
        correlation.session = Some(session.to_string());
        correlation.run = Some(run.to_string());
        if may_be_over && let Some(over) = self.over(run)? {
            self.send(correlation.result(None, &over)).await;
            return Ok(());
        }
        let filter = SubscribeFilter { owner: Some(owner()), session: None, run: Some(run.clone()) };
        let mut news = Subscription::new(&self.client, self.database.clone(), filter, Some(after));
        let mut shown = Shown::default();
        while let Some(seen) = news.next().await {
            if self.pass_on(&seen, &mut shown, &mut correlation, run).await? {
                break;
            }
        }
        Ok(())
    }

    /// Tells a client one thing about its run. Answers whether that was the last.
    async fn pass_on(
        &self,
        seen: &Seen,
        shown: &mut Shown,
        correlation: &mut Correlation,
        run: &RunId,
    ) -> Result<bool, WireError> {
        let message = match seen {
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
                if is_end(event.kind) {
                    // An end that was followed by a retry is none.
                    let Some(over) = self.over(run)? else { return Ok(false) };
                    self.send(correlation.result(Some(event), &over)).await;
                    return Ok(true);
                }
                match shown.recorded(event) {
                    Some((_, text)) => Some(correlation.recorded(event, text)),
                    None => wire::about_run(event)
                        .map(|(kind, fields)| correlation.message(kind, Some(event), fields)),
                }
            }
        };
        if let Some(message) = message {
            self.send(message).await;
        }
        Ok(false)
    }

    /// A run, if it is over.
    fn over(&self, run: &RunId) -> Result<Option<RunView>, WireError> {
        let found = self.reader()?.run(Some(&owner()), run)?;
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
        let done = match self.client.cancel(owner(), run).await {
            Ok(Answered::Cancel(ack)) => Ok(correlation.cancel_ack(Some(&ack))),
            Ok(other) => Err(unexpected(&other)),
            Err(error) => Err(error.into()),
        };
        self.answer(&correlation, done).await;
    }
}
