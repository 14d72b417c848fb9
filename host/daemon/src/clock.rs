//! Two times: the time of day for the record, which never goes back while the daemon lives, and milliseconds since the
//! daemon started for everything that is due.

use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use omi_kernel::id::Timestamp;

/// The clock of a daemon.
#[derive(Debug)]
pub(crate) struct Clock {
    started: Instant,
    /// The latest time of day that was given out.
    latest: Cell<Timestamp>,
}

impl Clock {
    /// A clock that starts here.
    pub(crate) fn start() -> Self {
        Self { started: Instant::now(), latest: Cell::default() }
    }

    /// The time of day for the record. If the system's clock is put back, it stands still until that has caught up.
    pub(crate) fn of_day(&self) -> Timestamp {
        self.latest.set(self.latest.get().max(of_day()));
        self.latest.get()
    }

    /// Milliseconds since the daemon started: whatever happens to the system's clock, these go on evenly.
    pub(crate) fn since_start(&self) -> Timestamp {
        Timestamp(i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX))
    }
}

/// The time of day as the system has it.
pub(crate) fn of_day() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// How long it is from one time to a later one.
pub(crate) fn until(from: Timestamp, to: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(to.0.saturating_sub(from.0)).unwrap_or_default())
}

/// A time and so much more.
pub(crate) fn after(from: Timestamp, time: Duration) -> Timestamp {
    Timestamp(from.0.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day_never_goes_back() {
        let clock = Clock::start();
        let ahead = Timestamp(clock.of_day().0 + 3_600_000);
        clock.latest.set(ahead);
        assert_eq!(clock.of_day(), ahead, "the system's clock is an hour behind what was recorded");
    }

    #[test]
    fn a_time_that_is_over_is_due_at_once() {
        assert_eq!(until(Timestamp(50), Timestamp(20)), Duration::ZERO);
        assert_eq!(
            until(Timestamp(20), after(Timestamp(20), Duration::from_secs(1))),
            Duration::from_secs(1)
        );
    }
}
