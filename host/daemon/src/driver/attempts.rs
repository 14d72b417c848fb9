//! The attempts that adapters have at the moment: their text while it streams.

use std::collections::BTreeMap;

use omi_kernel::id::{AttemptId, RequestId, RunId, SessionId, Timestamp};
use omi_kernel::transcript::{Chunk, Transcript};

/// An attempt that an adapter has.
pub(super) struct Live {
    pub(super) session: SessionId,
    pub(super) run: RunId,
    pub(super) request: RequestId,
    pub(super) transcript: Transcript,
    /// Somebody wants it to stop: what arrives is partial.
    pub(super) cancelling: bool,
}

/// The attempts that adapters have.
#[derive(Default)]
pub(super) struct Attempts(BTreeMap<AttemptId, Live>);

impl Attempts {
    pub(super) fn insert(&mut self, attempt: AttemptId, session: SessionId, run: RunId, request: RequestId) {
        let live = Live { session, run, request, transcript: Transcript::default(), cancelling: false };
        self.0.insert(attempt, live);
    }

    pub(super) fn get_mut(&mut self, attempt: &AttemptId) -> Option<&mut Live> {
        self.0.get_mut(attempt)
    }

    /// The attempts of a run are over.
    pub(super) fn remove(&mut self, run: &RunId) {
        self.0.retain(|_, live| live.run != *run);
    }

    /// The text of an attempt so far.
    pub(super) fn text(&self, attempt: &AttemptId) -> String {
        self.0.get(attempt).map(|live| live.transcript.text()).unwrap_or_default()
    }

    /// When the next piece of text is due to be kept.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.0.values().filter_map(|live| live.transcript.due()).min()
    }

    /// The pieces of text that are due to be kept.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<(AttemptId, Chunk)> {
        let due = self.0.iter_mut().filter(|(_, live)| live.transcript.due().is_some_and(|due| due <= now));
        due.filter_map(|(attempt, live)| Some((attempt.clone(), live.transcript.chunk(now)?))).collect()
    }
}
