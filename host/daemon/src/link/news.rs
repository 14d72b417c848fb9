//! What happens, from either daemon: as a subscription sees it.

use std::sync::Arc;

use omi_kernel::event::Event;
use omi_kernel::id::{AttemptId, Cursor, RequestId, RunId, SessionId};
use serde::Deserialize as _;
use serde_json::Value;

use super::{LinkError, Remote, Talk};
use crate::client::{LiveKind, LiveText, Once};
use crate::subscribe::{Seen, SubscribeFilter, Subscription};

/// What happens, one after the other.
pub(crate) enum News {
    /// In this process.
    Own(Box<Subscription>),
    /// In another one.
    Serving(Box<Listening>),
}

impl News {
    /// What comes next; none once the daemon has ended.
    pub(crate) async fn next(&mut self) -> Option<Seen> {
        match self {
            Self::Own(subscription) => subscription.next().await,
            Self::Serving(listening) => listening.next().await,
        }
    }
}

/// A subscription at a daemon that serves.
pub(crate) struct Listening {
    remote: Remote,
    filter: SubscribeFilter,
    talk: Talk,
    /// Everything up to here was seen; none until something was.
    cursor: Option<Cursor>,
    /// Nothing has come since the connection was made again.
    anew: bool,
}

impl Listening {
    /// Begins to listen after a cursor; without one from now on.
    pub(super) async fn begin(
        remote: Remote,
        filter: SubscribeFilter,
        after: Option<Cursor>,
    ) -> Result<Self, LinkError> {
        let talk = remote.subscribe(&filter, after).await?;
        Ok(Self { remote, filter, talk, cursor: after, anew: false })
    }

    async fn next(&mut self) -> Option<Seen> {
        loop {
            match self.talk.next().await {
                Ok(message) => {
                    self.anew = false;
                    if let Some(seen) = seen(&message) {
                        self.saw(&seen);
                        return Some(seen);
                    }
                }
                Err(error) if error.code != "daemon_gone" => {
                    return Some(Seen::StoreFailing(error.message.into()));
                }
                // A daemon lets go whoever reads nothing for a minute: what came meanwhile is in the record.
                Err(_) if self.anew || self.cursor.is_none() => return None,
                Err(_) => {
                    self.talk = self.remote.subscribe(&self.filter, self.cursor).await.ok()?;
                    self.anew = true;
                }
            }
        }
    }

    fn saw(&mut self, seen: &Seen) {
        match seen {
            Seen::Event(event) => self.cursor = Some(event.cursor),
            Seen::Live(live) => self.cursor = self.cursor.max(Some(live.cursor)),
            Seen::Gap { .. } | Seen::StoreFailing(_) => {}
        }
    }
}

/// A message of a subscription; none for what a later version may add.
fn seen(message: &Value) -> Option<Seen> {
    let cursor = |key: &str| message[key].as_i64().map(Cursor);
    Some(match message["type"].as_str()? {
        "event" => Seen::Event(Arc::new(Event::deserialize(&message["event"]).ok()?.into())),
        "gap" => Seen::Gap {
            after: cursor("afterCursor")?,
            through: cursor("throughCursor")?,
            reason: match message["reason"].as_str()? {
                "slow" => "slow",
                "retention" => "retention",
                _ => "unknown",
            },
        },
        kind @ ("text_delta" | "thinking_delta") => Seen::Live(Arc::new(live(kind, message)?)),
        _ => return None,
    })
}

fn live(kind: &str, message: &Value) -> Option<LiveText> {
    let text = |key: &str| message[key].as_str();
    let kind = if kind == "text_delta" {
        let offset = usize::try_from(message["offset"].as_u64()?).ok()?;
        LiveKind::Message { message: text("message")?.to_owned(), offset }
    } else {
        LiveKind::Thought
    };
    Some(LiveText {
        session: SessionId::parse(text("sessionId")?).ok()?,
        run: RunId::parse(text("runId")?).ok()?,
        attempt: AttemptId::parse(text("attemptId")?).ok()?,
        request: RequestId(text("requestId")?.to_owned()),
        cursor: Cursor(message["cursor"].as_i64()?),
        sequence: message["sequence"].as_u64()?,
        kind,
        text: text("text")?.to_owned(),
        once: Once::default(),
    })
}
