//! What happens, from either daemon: as a subscription sees it.

use std::sync::Arc;

use omi_kernel::event::Event;
use omi_kernel::id::{AttemptId, Cursor, RequestId, RunId, SessionId};
use serde::Deserialize as _;
use serde_json::Value;

use super::Talk;
use crate::client::{LiveKind, LiveText};
use crate::subscribe::{Seen, Subscription};

/// What happens, one after the other.
pub(crate) enum News {
    /// In this process.
    Own(Box<Subscription>),
    /// In another one.
    Serving(Box<Talk>),
}

impl News {
    pub(super) fn own(subscription: Subscription) -> Self {
        Self::Own(Box::new(subscription))
    }

    pub(super) fn serving(talk: Talk) -> Self {
        Self::Serving(Box::new(talk))
    }

    /// What comes next; none once the daemon has ended.
    pub(crate) async fn next(&mut self) -> Option<Seen> {
        match self {
            Self::Own(subscription) => subscription.next().await,
            Self::Serving(talk) => loop {
                match talk.next().await {
                    Ok(message) => {
                        if let Some(seen) = seen(&message) {
                            return Some(seen);
                        }
                    }
                    Err(error) if error.code == "daemon_gone" => return None,
                    Err(error) => return Some(Seen::StoreFailing(error.message.into())),
                }
            },
        }
    }
}

/// A message of a subscription; none for what a later version may add.
fn seen(message: &Value) -> Option<Seen> {
    let cursor = |key: &str| message[key].as_i64().map(Cursor);
    Some(match message["type"].as_str()? {
        "event" => Seen::Event(Arc::new(Event::deserialize(&message["event"]).ok()?)),
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
    })
}
