//! The attempts that adapters have at the moment: their text while it streams. And what came about others, which are
//! over.

use std::collections::BTreeMap;

use omi_kernel::id::{AttemptId, RequestId, RunId, SessionId, Timestamp};
use omi_kernel::transcript::{Chunk, Transcript};

/// Attempts that are over and still reported about between two batches: beyond that nobody counts.
const LATE_MAX: usize = 1024;

/// An attempt that an adapter has.
pub(super) struct Live {
    pub(super) session: SessionId,
    pub(super) run: RunId,
    pub(super) request: RequestId,
    pub(super) transcript: Transcript,
    /// It used a tool, or made something.
    pub(super) acted: bool,
    /// Somebody wants it to stop: what arrives is partial.
    pub(super) cancelling: bool,
}

/// The attempts that adapters have. The time is that of a clock that never goes back.
#[derive(Default)]
pub(super) struct Attempts {
    live: BTreeMap<AttemptId, Live>,
    /// How often something was reported about each attempt that is over.
    late: BTreeMap<AttemptId, u32>,
}

impl Attempts {
    pub(super) fn insert(&mut self, attempt: AttemptId, session: SessionId, run: RunId, request: RequestId) {
        let live = Live {
            session,
            run,
            request,
            transcript: Transcript::default(),
            acted: false,
            cancelling: false,
        };
        self.live.insert(attempt, live);
    }

    pub(super) fn get_mut(&mut self, attempt: &AttemptId) -> Option<&mut Live> {
        self.live.get_mut(attempt)
    }

    /// The attempts of a run are over.
    pub(super) fn remove(&mut self, run: &RunId) {
        self.live.retain(|_, live| live.run != *run);
    }

    /// Whether an adapter has it. If not, what was reported came late and is counted.
    pub(super) fn is_live(&mut self, attempt: &AttemptId) -> bool {
        let live = self.live.contains_key(attempt);
        if !live && (self.late.len() < LATE_MAX || self.late.contains_key(attempt)) {
            let count = self.late.entry(attempt.clone()).or_default();
            *count = count.saturating_add(1);
        }
        live
    }

    /// What came late since this was asked the last time.
    pub(super) fn take_late(&mut self) -> BTreeMap<AttemptId, u32> {
        std::mem::take(&mut self.late)
    }

    /// The text of an attempt so far.
    pub(super) fn text(&self, attempt: &AttemptId) -> String {
        self.live.get(attempt).map(|live| live.transcript.text()).unwrap_or_default()
    }

    /// When the next piece of text is due to be kept.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.live.values().filter_map(|live| live.transcript.due()).min()
    }

    /// The pieces of text that are due to be kept.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<(AttemptId, Chunk)> {
        let due =
            self.live.iter_mut().filter(|(_, live)| live.transcript.due().is_some_and(|due| due <= now));
        due.filter_map(|(attempt, live)| Some((attempt.clone(), live.transcript.chunk(now)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use omi_kernel::id::Ids;

    use super::*;

    #[test]
    fn what_comes_about_an_attempt_that_is_over_is_counted_together() {
        let mut one = || 1;
        let ids = &mut Ids::new(&mut one);
        let (attempt, run) = (AttemptId::new(ids), RunId::new(ids));
        let mut attempts = Attempts::default();
        attempts.insert(attempt.clone(), SessionId::new(ids), run.clone(), RequestId("r".into()));
        assert!(attempts.is_live(&attempt));
        attempts.remove(&run);
        assert!((0..3000).all(|_| !attempts.is_live(&attempt)));
        assert_eq!(attempts.take_late(), BTreeMap::from([(attempt, 3000)]));
        assert_eq!(attempts.take_late(), BTreeMap::new());
    }

    #[test]
    fn the_count_of_late_attempts_is_bounded() {
        let mut next = 0;
        let mut source = || {
            next += 1;
            next
        };
        let ids = &mut Ids::new(&mut source);
        let mut attempts = Attempts::default();
        for _ in 0..2 * LATE_MAX {
            assert!(!attempts.is_live(&AttemptId::new(ids)));
        }
        assert_eq!(attempts.take_late().len(), LATE_MAX);
    }
}
