//! A subscription: what is recorded after a cursor, then everything as it happens, with no gap and no duplicate between.
//!
//! ```text
//!  record ──── replay: pages after the cursor ────▶┐
//!                                                  ├──▶ next()
//!  broadcast ─ live: what is newer than the cursor ▶┘
//!        └─ fell behind ──▶ gap, then replay again
//! ```
//!
//! It listens before it reads, so that nothing falls between the two. No piece of a message is given before what stands
//! before it in that. What was missed live is told as a gap; events are
//! read from the record and never skipped.

#[cfg(test)]
mod tests;
mod texts;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use omi_kernel::id::{Cursor, OwnerId, RunId, SessionId};
use omi_store::{EventFilter, Reader, StoreError};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::client::{Client, LiveText, Once, Owners, Published, Recorded};
use crate::surface::Readers;
use texts::Texts;

/// Events read at once from the record.
const PAGE: u32 = 250;
/// How long to wait before a record that could not be read is read again.
const RETRY: Duration = Duration::from_millis(200);

/// What a subscription is about.
#[derive(Debug, Clone, Default)]
pub(crate) struct SubscribeFilter {
    /// Sessions of this owner; none means all.
    pub(crate) owner: Option<OwnerId>,
    /// This session; none means all.
    pub(crate) session: Option<SessionId>,
    /// This run; none means all, and what is said about sessions alone.
    pub(crate) run: Option<RunId>,
}

/// Something that a subscriber sees.
#[derive(Debug, Clone)]
pub(crate) enum Seen {
    /// It is recorded.
    Event(Arc<Recorded>),
    /// Live text.
    Live(Arc<LiveText>),
    /// Something is not shown.
    Gap {
        /// What came after this cursor is concerned,
        after: Cursor,
        /// up to this one.
        through: Cursor,
        /// `slow`: live text was missed, and its recorded pieces follow with the events. `retention`: old events are
        /// gone for good. `unknown`: there is no such cursor yet, so the record is another one.
        reason: &'static str,
    },
    /// Nothing can be recorded, or read, at the moment.
    StoreFailing(Arc<str>),
}

/// A subscription.
pub(crate) struct Subscription {
    published: broadcast::Receiver<Published>,
    readers: Readers,
    filter: SubscribeFilter,
    /// Everything up to here was given, or is not for this subscriber. None until the record could be asked.
    cursor: Option<Cursor>,
    /// There may be more in the record after the cursor.
    behind: bool,
    /// Live text was missed.
    slow: bool,
    /// The record could not be read the last time.
    failing: bool,
    /// What was read from the record and is not given yet.
    page: VecDeque<Arc<Recorded>>,
    /// It was told that events up to here may be gone.
    gone_through: Cursor,
    /// How far each message was given.
    texts: Texts,
    owners: Owners,
}

impl Subscription {
    /// Everything after a cursor; none means from now on.
    pub(crate) fn new(
        client: &Client,
        readers: Readers,
        filter: SubscribeFilter,
        after: Option<Cursor>,
    ) -> Self {
        let mut subscription = Self {
            published: client.subscribe(),
            readers,
            filter,
            cursor: after,
            behind: after.is_some(),
            slow: false,
            failing: false,
            page: VecDeque::new(),
            gone_through: Cursor::default(),
            texts: Texts::default(),
            owners: client.owners.clone(),
        };
        if after.is_none() {
            // If it cannot be asked yet, it is asked again, and "now" is then.
            subscription.cursor = subscription.read(Reader::latest_cursor).ok();
        }
        subscription
    }

    /// What comes next; none once the daemon has ended.
    pub(crate) async fn next(&mut self) -> Option<Seen> {
        loop {
            if let Some(event) = self.page.pop_front() {
                self.cursor = Some(event.cursor);
                self.texts.given(&event);
                return Some(Seen::Event(event));
            }
            match self.catch_up() {
                Ok(gap) => {
                    self.failing = false;
                    if gap.is_some() {
                        return gap;
                    }
                }
                Err(error) if !self.failing => {
                    self.failing = true;
                    return Some(Seen::StoreFailing(error.to_string().into()));
                }
                Err(_) => {
                    tokio::time::sleep(RETRY).await;
                    continue;
                }
            }
            if !self.page.is_empty() {
                continue;
            }
            if self.behind {
                // A whole page was of somebody else: others have a turn.
                tokio::task::yield_now().await;
                continue;
            }
            match self.published.recv().await {
                Ok(published) => {
                    if let Some(seen) = self.live(published) {
                        return Some(seen);
                    }
                }
                Err(RecvError::Lagged(_)) => {
                    // What still waits there is in the record; to listen from now on leaves the most time to read.
                    self.published = self.published.resubscribe();
                    (self.behind, self.slow) = (true, true);
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// What of a thing that is published is new and for this subscriber.
    fn live(&mut self, published: Published) -> Option<Seen> {
        let cursor = self.cursor.unwrap_or_default();
        match published {
            Published::Event(event) if event.cursor <= cursor => None,
            Published::Event(event) => {
                let is_meant = self.is_meant(&event.session_id, event.run_id.as_ref(), &event.once)?;
                self.cursor = Some(event.cursor);
                if is_meant {
                    self.texts.given(&event);
                }
                is_meant.then_some(Seen::Event(event))
            }
            // Text from before what was replayed is part of that, or is in the next recorded piece.
            Published::Live(live) if live.cursor < cursor => None,
            Published::Live(live) => {
                let is_meant = self.is_meant(&live.session, Some(&live.run), &live.once)?;
                (is_meant && self.texts.goes_on(&live)).then_some(Seen::Live(live))
            }
            Published::StoreFailing(why) => Some(Seen::StoreFailing(why)),
        }
    }

    /// Whether something is for this subscriber. None if that cannot be told now: then it is read from the record.
    fn is_meant(&mut self, session: &SessionId, run: Option<&RunId>, once: &Once) -> Option<bool> {
        let matches = self.filter.session.as_ref().is_none_or(|wanted| wanted == session)
            && self.filter.run.as_ref().is_none_or(|wanted| Some(wanted) == run);
        if !matches {
            return Some(false);
        }
        match self.is_own(session, once) {
            Ok(own) => Some(own),
            Err(error) => {
                tracing::warn!(%error, "cannot tell whose session something is about");
                self.behind = true;
                None
            }
        }
    }

    /// Whether a session is the owner's. Of what is published it is found out once, whoever listens.
    fn is_own(&self, session: &SessionId, once: &Once) -> Result<bool, StoreError> {
        let Some(owner) = &self.filter.owner else { return Ok(true) };
        let found = once.owner(|| match self.owners.get(session) {
            Some(known) => Ok(Some(known)),
            None => self.find_owner(session),
        })?;
        Ok(found == Some(owner))
    }

    /// Looks up whose a session is. It is remembered: a session has many events.
    fn find_owner(&self, session: &SessionId) -> Result<Option<OwnerId>, StoreError> {
        let found = self.read(|reader| reader.owner(session))?;
        Ok(found.inspect(|owner| self.owners.remember(session, owner)))
    }

    /// Reads the next page of what was missed, if something was. Answers a gap that comes before it.
    fn catch_up(&mut self) -> Result<Option<Seen>, StoreError> {
        let Some(after) = self.cursor else {
            self.cursor = Some(self.read(Reader::latest_cursor)?);
            return Ok(None);
        };
        if !self.behind {
            return Ok(None);
        }
        let latest = self.read(Reader::latest_cursor)?;
        if after > latest {
            // It is of another record. What this one has from now on is shown.
            self.cursor = Some(latest);
            return Ok(Some(Seen::Gap { after: latest, through: after, reason: "unknown" }));
        }
        if self.slow {
            self.slow = false;
            return Ok(Some(Seen::Gap { after, through: latest, reason: "slow" }));
        }
        let filter = EventFilter {
            owner: self.filter.owner.clone(),
            session: self.filter.session.clone(),
            run: self.filter.run.clone(),
            visibility: None,
            after,
            limit: PAGE,
        };
        // In this order: what goes between the two is told to be gone.
        let all = EventFilter { owner: None, ..filter.clone() };
        let events = self.read(|reader| reader.events(&all))?;
        let gone = self.read(|reader| reader.pruned_through(&filter))?;
        let behind = events.len() == PAGE as usize;
        let last = events.last().map_or(after, |event| event.cursor);
        let mut page = VecDeque::with_capacity(events.len());
        for event in events.into_iter().map(Recorded::from) {
            // The rows of a page say whose they are once for each session, not once for each event.
            if self.is_own(&event.session_id, &event.once)? {
                page.push_back(Arc::new(event));
            }
        }
        (self.behind, self.page) = (behind, page);
        if self.page.is_empty() {
            self.cursor = Some(last);
        }
        if gone <= after.max(self.gone_through) {
            return Ok(None);
        }
        self.gone_through = gone;
        Ok(Some(Seen::Gap { after, through: gone, reason: "retention" }))
    }

    fn read<T>(&self, read: impl FnOnce(&Reader) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.readers.read(read)
    }
}
