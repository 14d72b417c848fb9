//! The time that attempts may take: in all, without a sign of progress, and while they wait for a person. The clock is
//! the caller's and never goes back.

use std::collections::BTreeMap;

use crate::effect::Wait;
use crate::id::{AttemptId, RunId, Timestamp};
use crate::input::Timeout;

/// Limits of time, in milliseconds; none means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeLimits {
    /// Of running, without the time spent waiting for a person.
    pub run_ms: Option<u64>,
    /// Without a sign of progress.
    pub progress_ms: Option<u64>,
    /// Of waiting for a person.
    pub wait_ms: Option<u64>,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// It took too long.
    TimedOut(Timeout),
    /// Nobody answered in time.
    Unanswered,
}

#[derive(Debug)]
struct Watched {
    run: RunId,
    limits: TimeLimits,
    /// Milliseconds of running that are over, up to `since`.
    ran_ms: u64,
    /// Since when it runs; none while its running time stands still.
    since: Option<Timestamp>,
    progress_at: Timestamp,
    /// Until when a person who is asked has time.
    answer_by: Option<Timestamp>,
}

impl Watched {
    fn due_at(&self) -> Option<(Timestamp, Due)> {
        let answer = self.answer_by.map(|by| (by, Due::Unanswered));
        let deadline = self.since.zip(self.limits.run_ms).map(|(since, ms)| {
            (after(since, ms.saturating_sub(self.ran_ms)), Due::TimedOut(Timeout::Deadline))
        });
        let progress = self
            .since
            .and(self.limits.progress_ms)
            .map(|ms| (after(self.progress_at, ms), Due::TimedOut(Timeout::NoProgress)));
        [answer, deadline, progress].into_iter().flatten().min_by_key(|(at, _)| *at)
    }
}

fn after(from: Timestamp, ms: u64) -> Timestamp {
    Timestamp(from.0.saturating_add_unsigned(ms))
}

/// The attempts whose time is limited.
#[derive(Debug, Default)]
pub struct Watch(BTreeMap<AttemptId, Watched>);

impl Watch {
    /// An attempt runs from now on. One that is watched already goes on.
    pub fn begin(&mut self, attempt: AttemptId, run: RunId, limits: TimeLimits, now: Timestamp) {
        let new = Watched { run, limits, ran_ms: 0, since: Some(now), progress_at: now, answer_by: None };
        self.0.entry(attempt).or_insert(new);
    }

    /// An attempt gave a sign of progress.
    pub fn progress(&mut self, attempt: &AttemptId, now: Timestamp) {
        if let Some(watched) = self.0.get_mut(attempt) {
            watched.progress_at = now;
        }
    }

    /// The attempt of a run waits: its running time stands still. A person has so much time; another run has limits of
    /// its own.
    pub fn pause(&mut self, run: &RunId, why: Wait, now: Timestamp) {
        for watched in self.0.values_mut().filter(|watched| watched.run == *run) {
            if let Some(since) = watched.since.take() {
                watched.ran_ms += u64::try_from(now.0 - since.0).unwrap_or_default();
            }
            if why == Wait::Person {
                watched.answer_by = watched.limits.wait_ms.map(|ms| after(now, ms));
            }
        }
    }

    /// A person has answered. What else is waited for goes on being waited for.
    pub fn answered(&mut self, run: &RunId) {
        for watched in self.0.values_mut().filter(|watched| watched.run == *run) {
            watched.answer_by = None;
        }
    }

    /// The attempt of a run goes on.
    pub fn resume(&mut self, run: &RunId, now: Timestamp) {
        for watched in self.0.values_mut().filter(|watched| watched.run == *run) {
            if watched.since.is_none() {
                (watched.since, watched.progress_at) = (Some(now), now);
            }
            watched.answer_by = None;
        }
    }

    /// A run is over.
    pub fn end(&mut self, run: &RunId) {
        self.0.retain(|_, watched| watched.run != *run);
    }

    /// When something is due next.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.0.values().filter_map(Watched::due_at).map(|(at, _)| at).min()
    }

    /// What is due. Each is named once; an attempt that timed out is watched no longer.
    pub fn due(&mut self, now: Timestamp) -> Vec<(AttemptId, Due)> {
        let mut due = Vec::new();
        self.0.retain(|attempt, watched| match watched.due_at() {
            Some((at, what)) if at <= now => {
                due.push((attempt.clone(), what));
                watched.answer_by = None;
                what == Due::Unanswered
            }
            Some(_) | None => true,
        });
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Ids;

    const LIMITS: TimeLimits = TimeLimits { run_ms: Some(100), progress_ms: Some(30), wait_ms: Some(1000) };

    fn watch() -> (Watch, AttemptId, RunId) {
        let (attempt, run) = (AttemptId::new(&mut Ids::new(&mut || 1)), RunId::new(&mut Ids::new(&mut || 1)));
        let mut watch = Watch::default();
        watch.begin(attempt.clone(), run.clone(), LIMITS, Timestamp(0));
        (watch, attempt, run)
    }

    #[test]
    fn silence_is_noticed_and_progress_puts_it_off() {
        let (mut watch, attempt, _) = watch();
        watch.progress(&attempt, Timestamp(20));
        assert_eq!(watch.due(Timestamp(49)), vec![]);
        assert_eq!(watch.due(Timestamp(50)), vec![(attempt, Due::TimedOut(Timeout::NoProgress))]);
        assert_eq!(watch.next_due(), None, "it is named once");
    }

    #[test]
    fn the_deadline_stands_still_while_a_person_is_asked() {
        let (mut watch, attempt, run) = watch();
        watch.pause(&run, Wait::Person, Timestamp(25));
        assert_eq!(watch.due(Timestamp(900)), vec![]);
        watch.resume(&run, Timestamp(900));
        (910..=970).step_by(20).for_each(|at| watch.progress(&attempt, Timestamp(at)));
        assert_eq!(watch.due(Timestamp(974)), vec![]);
        assert_eq!(watch.due(Timestamp(975)), vec![(attempt, Due::TimedOut(Timeout::Deadline))]);
    }

    #[test]
    fn a_person_has_a_time_limit_too() {
        let (mut watch, attempt, run) = watch();
        watch.pause(&run, Wait::Person, Timestamp(0));
        assert_eq!(watch.due(Timestamp(1000)), vec![(attempt, Due::Unanswered)]);
        assert_eq!(watch.due(Timestamp(5000)), vec![], "it is named once");
        watch.resume(&run, Timestamp(5000));
        watch.pause(&run, Wait::Person, Timestamp(5001));
        assert_eq!(watch.next_due(), Some(Timestamp(6001)), "the next question has its own time");
        watch.end(&run);
        assert_eq!(watch.next_due(), None);
    }

    #[test]
    fn a_person_has_a_time_limit_while_another_run_is_waited_for() {
        let (mut watch, attempt, run) = watch();
        watch.pause(&run, Wait::Person, Timestamp(0));
        watch.pause(&run, Wait::Child, Timestamp(10));
        assert_eq!(watch.due(Timestamp(1000)), vec![(attempt, Due::Unanswered)]);
        watch.pause(&run, Wait::Person, Timestamp(2000));
        watch.answered(&run);
        assert_eq!(watch.next_due(), None, "the other run has limits of its own");
    }
}
