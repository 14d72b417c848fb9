//! What every surface hears, and what is worked out about it once, however many listen.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use omi_kernel::event::Event;
use omi_kernel::id::{AttemptId, Cursor, OwnerId, RequestId, RunId, SessionId};
use omi_store::StoreError;

/// A piece of text while it streams, or a thought. Live only: what is kept follows as events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LiveText {
    /// The session.
    pub(crate) session: SessionId,
    /// The run.
    pub(crate) run: RunId,
    /// The attempt.
    pub(crate) attempt: AttemptId,
    /// The client's request.
    pub(crate) request: RequestId,
    /// The latest durable cursor when it was published.
    pub(crate) cursor: Cursor,
    /// The place among the live pieces of this daemon's life.
    pub(crate) sequence: u64,
    /// What it is a piece of.
    pub(crate) kind: LiveKind,
    /// The piece.
    pub(crate) text: String,
    /// What is worked out about it.
    pub(crate) once: Once,
}

/// What is worked out about something that is published by the first who needs it, for all. It is no part of that.
#[derive(Debug, Default)]
pub(crate) struct Once {
    json: OnceLock<String>,
    owner: OnceLock<OwnerId>,
}

impl Once {
    /// What shows it, made now if nobody has.
    pub(crate) fn json(&self, make: impl FnOnce() -> String) -> &str {
        self.json.get_or_init(make)
    }

    /// Whose its session is, if anybody knows. An owner never changes.
    pub(crate) fn owner(
        &self,
        find: impl FnOnce() -> Result<Option<OwnerId>, StoreError>,
    ) -> Result<Option<&OwnerId>, StoreError> {
        if let Some(known) = self.owner.get() {
            return Ok(Some(known));
        }
        Ok(find()?.map(|found| self.owner.get_or_init(|| found)))
    }
}

impl Clone for Once {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Once {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Once {}

/// What a live piece of text belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LiveKind {
    /// A message of the answer.
    Message {
        /// Which message of the attempt.
        message: String,
        /// Where the piece begins in it, in bytes.
        offset: usize,
    },
    /// A private thought, never stored.
    Thought,
}

/// Bytes of an event beside its payload: mostly identifiers.
const ENVELOPE_BYTES: usize = 384;

/// A recorded event. Its JSON is made once, whoever shows it.
#[derive(Debug)]
pub(crate) struct Recorded {
    event: Event,
    /// What is worked out about it.
    pub(crate) once: Once,
}

impl Recorded {
    /// The event.
    pub(crate) fn event(&self) -> &Event {
        &self.event
    }

    /// The event in the envelope of the wire.
    pub(crate) fn json(&self) -> &str {
        self.once.json(|| {
            let mut json = Vec::with_capacity(ENVELOPE_BYTES + self.event.payload.text().len());
            // An event is made of values that are JSON, which is text.
            let _ = serde_json::to_writer(&mut json, &self.event);
            String::from_utf8(json).unwrap_or_default()
        })
    }
}

impl PartialEq for Recorded {
    fn eq(&self, other: &Self) -> bool {
        self.event == other.event
    }
}

impl From<Event> for Recorded {
    fn from(event: Event) -> Self {
        Self { event, once: Once::default() }
    }
}

impl Deref for Recorded {
    type Target = Event;

    fn deref(&self) -> &Event {
        &self.event
    }
}

/// What every surface hears.
#[derive(Debug, Clone)]
pub(crate) enum Published {
    /// Recorded, and committed.
    Event(Arc<Recorded>),
    /// Live text.
    Live(Arc<LiveText>),
    /// Nothing can be recorded at the moment, for this reason; what happened is kept and tried again.
    StoreFailing(Arc<str>),
}

/// The owners of sessions, which never change: each is looked up once, however many listen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Owners(Arc<Mutex<BTreeMap<SessionId, OwnerId>>>);

/// Sessions whose owner is remembered; beyond that they are looked up again.
const OWNERS_MAX: usize = 4096;

impl Owners {
    /// The owner of a session, if it is known.
    pub(crate) fn get(&self, session: &SessionId) -> Option<OwnerId> {
        self.lock().get(session).cloned()
    }

    /// Remembers the owner of a session.
    pub(crate) fn remember(&self, session: &SessionId, owner: &OwnerId) {
        let mut owners = self.lock();
        if owners.len() >= OWNERS_MAX {
            owners.clear();
        }
        owners.insert(session.clone(), owner.clone());
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SessionId, OwnerId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
