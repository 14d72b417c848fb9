//! Follows one run: what is recorded about it in order, and its text live, with nothing shown twice.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use omi_kernel::event::{Event, EventKind};
use omi_kernel::id::{Cursor, RunId, SessionId};
use omi_store::{EventFilter, Reader};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::client::{LiveKind, LiveText, Published};

/// Events read at once to catch up.
const CATCH_UP_MAX: u32 = 1000;

/// Something about the run.
#[derive(Debug, Clone)]
pub(crate) enum Seen {
    /// It is recorded.
    Event(Arc<Event>),
    /// Live text.
    Live(Arc<LiveText>),
    /// Nothing can be recorded at the moment.
    StoreFailing(Arc<str>),
}

/// Follows one run.
pub(crate) struct Follow {
    published: broadcast::Receiver<Published>,
    database: PathBuf,
    session: SessionId,
    run: RunId,
    cursor: Cursor,
    /// What was read from the record and is not given out yet, the next one last.
    caught_up: Vec<Arc<Event>>,
    /// There is more in the record than was read.
    behind: bool,
}

impl Follow {
    /// Follows `run` with a subscription that was taken before the run was accepted.
    pub(crate) fn new(
        published: broadcast::Receiver<Published>,
        database: PathBuf,
        session: SessionId,
        run: RunId,
    ) -> Self {
        Self {
            published,
            database,
            session,
            run,
            cursor: Cursor::default(),
            caught_up: Vec::new(),
            behind: false,
        }
    }

    /// Begins with what is recorded already.
    pub(crate) fn rewind(&mut self) {
        self.catch_up(0);
    }

    /// What comes next; none once the daemon has ended.
    pub(crate) async fn next(&mut self) -> Option<Seen> {
        loop {
            if let Some(event) = self.caught_up.pop() {
                self.cursor = event.cursor;
                return Some(Seen::Event(event));
            }
            if self.behind {
                self.catch_up(0);
                continue;
            }
            match self.published.recv().await {
                Ok(Published::Event(event)) if self.is_new(&event) => {
                    self.cursor = event.cursor;
                    return Some(Seen::Event(event));
                }
                Ok(Published::Live(live)) if live.run == self.run => return Some(Seen::Live(live)),
                Ok(Published::StoreFailing(why)) => return Some(Seen::StoreFailing(why)),
                Ok(Published::Event(_) | Published::Live(_)) => {}
                Err(RecvError::Lagged(missed)) => self.catch_up(missed),
                Err(RecvError::Closed) => return None,
            }
        }
    }

    fn is_new(&self, event: &Event) -> bool {
        let about = event.run_id.as_ref() == Some(&self.run)
            || (event.run_id.is_none() && event.session_id == self.session);
        about && event.cursor > self.cursor
    }

    /// Reads from the record what was missed. Live text that was missed comes with the recorded text.
    fn catch_up(&mut self, missed: u64) {
        let filter = EventFilter {
            session: Some(self.session.clone()),
            run: Some(self.run.clone()),
            after: self.cursor,
            limit: CATCH_UP_MAX,
        };
        match Reader::open(&self.database).and_then(|reader| reader.events(&filter)) {
            Ok(events) => {
                self.behind = events.len() == CATCH_UP_MAX as usize;
                self.caught_up = events.into_iter().rev().map(Arc::new).collect();
            }
            Err(error) => {
                self.behind = false;
                tracing::error!(%error, missed, "cannot read what was missed");
            }
        }
    }
}

/// Which text has been shown: a piece may come live, as a recorded chunk and with the whole message.
#[derive(Debug, Default)]
pub(crate) struct Shown(BTreeMap<String, usize>);

impl Shown {
    /// What of a live piece is new.
    pub(crate) fn live<'t>(&mut self, live: &'t LiveText) -> Option<(String, &'t str)> {
        match &live.kind {
            LiveKind::Message { message, offset } => {
                let key = format!("{}/{message}", live.attempt);
                Some((key.clone(), self.new_part(&key, *offset, &live.text)?))
            }
            LiveKind::Thought => None,
        }
    }

    /// What of a recorded text is new.
    pub(crate) fn recorded<'e>(&mut self, event: &'e Event) -> Option<(String, &'e str)> {
        let offset = match event.kind {
            EventKind::MessageDelta => usize::try_from(event.payload["offset"].as_u64()?).ok()?,
            EventKind::MessageCompleted => 0,
            _ => return None,
        };
        let message = event.payload["message"].as_str()?;
        let key = format!("{}/{message}", event.attempt_id.as_ref()?);
        Some((key.clone(), self.new_part(&key, offset, event.payload["text"].as_str()?)?))
    }

    fn new_part<'t>(&mut self, message: &str, offset: usize, text: &'t str) -> Option<&'t str> {
        let shown = self.0.entry(message.to_owned()).or_default();
        let new = text.get(shown.saturating_sub(offset)..).filter(|new| !new.is_empty())?;
        *shown = offset + text.len();
        Some(new)
    }
}

/// The run is over with this event.
pub(crate) fn is_end(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::RunSucceeded
            | EventKind::RunFailed
            | EventKind::RunCancelled
            | EventKind::RunTimedOut
            | EventKind::RunOrphaned
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_shown_twice() {
        let mut shown = Shown::default();
        assert_eq!(shown.new_part("m", 0, "Hello"), Some("Hello"));
        assert_eq!(shown.new_part("m", 5, " you"), Some(" you"));
        assert_eq!(shown.new_part("m", 0, "Hello you"), None, "the chunk covers what was live");
        assert_eq!(
            shown.new_part("m", 0, "Hello you all"),
            Some(" all"),
            "the whole message adds what was missed"
        );
    }
}
