//! Subscriptions: a client hears about everything of its owner, or about a session or a run, until it wants no more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::Connection;
use crate::subscribe::{Seen, SubscribeFilter, Subscription};
use crate::wire::{Address, Correlation, Outbound, Subscribe, WireError};

/// Subscriptions at the same time: each reads the record by itself when it falls behind.
const SUBSCRIPTIONS_MAX: usize = 64;

/// The subscriptions that are not over.
#[derive(Debug, Clone, Default)]
pub(super) struct Subscriptions(Arc<Mutex<BTreeMap<Address, watch::Sender<bool>>>>);

/// The place of a subscription. It is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    subscriptions: Subscriptions,
    address: Address,
    /// True once the client wants no more.
    over: watch::Receiver<bool>,
}

impl Subscriptions {
    /// A place for a new subscription.
    pub(super) fn begin(&self, address: &Address) -> Result<Seat, WireError> {
        let mut seats = self.lock();
        if seats.contains_key(address) {
            let why = format!(
                "the request `{}` is a subscription already; hint: unsubscribe first, or use another request id",
                address.request
            );
            return Err(WireError::new("duplicate_request", why));
        }
        if seats.len() >= SUBSCRIPTIONS_MAX {
            let why = format!("there are {SUBSCRIPTIONS_MAX} subscriptions; hint: unsubscribe one of them");
            return Err(WireError::new("busy", why));
        }
        let (end, over) = watch::channel(false);
        seats.insert(address.clone(), end);
        Ok(Seat { subscriptions: self.clone(), address: address.clone(), over })
    }

    /// Ends a subscription, and waits until nothing more comes of it. Answers whether there was one.
    async fn end(&self, address: &Address) -> bool {
        let Some(end) = self.lock().remove(address) else { return false };
        end.send_replace(true);
        end.closed().await;
        true
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Address, watch::Sender<bool>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // Whoever ended it has removed it, and its name may be in use again.
        if !*self.over.borrow() {
            self.subscriptions.lock().remove(&self.address);
        }
    }
}

impl Connection {
    pub(super) async fn subscribe(self, subscribe: Subscribe, correlation: Correlation, mut seat: Seat) {
        let mut news = match self.news(subscribe) {
            Ok(news) => news,
            Err(error) => return self.send(correlation.error(&error)).await,
        };
        // What comes after this is heard.
        self.send(correlation.ack()).await;
        loop {
            let seen = tokio::select! {
                seen = news.next() => seen,
                _ = seat.over.wait_for(|over| *over) => None,
            };
            let Some(seen) = seen else { return };
            let message = message(&seen, &correlation);
            tokio::select! {
                () = self.send(message) => {}
                _ = seat.over.wait_for(|over| *over) => return,
            }
        }
    }

    fn news(&self, subscribe: Subscribe) -> Result<Subscription, WireError> {
        let after = subscribe.after()?;
        if let Some(run) = &subscribe.run_id {
            self.find_run(run)?;
        }
        if let Some(session) = &subscribe.session_id
            && !self.surface.owns(session)?
        {
            return Err(WireError::not_found("session", session.as_str()));
        }
        let Subscribe { session_id: session, run_id: run, .. } = subscribe;
        let filter = SubscribeFilter { owner: Some(self.owner()), session, run };
        Ok(Subscription::new(&self.surface.client, self.surface.readers.clone(), filter, after))
    }

    pub(super) async fn unsubscribe(&self, address: &Address, correlation: &Correlation) {
        let message = if self.subscriptions.end(address).await {
            correlation.ack()
        } else {
            correlation.error(&WireError::not_found("subscription", &address.request))
        };
        self.send(message).await;
    }
}

fn message(seen: &Seen, correlation: &Correlation) -> Option<Outbound> {
    match seen {
        Seen::Event(event) => correlation.event(event),
        Seen::Live(live) => correlation.live(live, &live.text),
        Seen::Gap { after, through, reason } => correlation.gap(*after, *through, reason),
        Seen::StoreFailing(why) => correlation.error(&WireError::new("store_failing", &**why)),
    }
}
