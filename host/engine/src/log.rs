//! What adapters write to the log: cut, limited in rate, and marked with who wrote it.

use std::time::{Duration, Instant};

use crate::limits;
use crate::text::cut;
use crate::trap::one_line;

/// Lines one worker may write in one [`WINDOW`]: enough for a stack trace now and then.
const LINES_PER_WINDOW: u32 = 100;
/// The time over which lines are counted.
const WINDOW: Duration = Duration::from_secs(10);

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// For the author.
    Debug,
    /// Worth knowing.
    Info,
    /// Odd.
    Warn,
    /// Failed.
    Error,
}

/// The log of one instance.
#[derive(Debug)]
pub(crate) struct Log {
    who: String,
    window_began: Instant,
    lines: u32,
    dropped: u64,
    /// The last line of level error in the current call.
    last_error: String,
}

impl Log {
    /// The log of the instance called `who`.
    pub(crate) fn new(who: String) -> Self {
        Self { who, window_began: Instant::now(), lines: 0, dropped: 0, last_error: String::new() }
    }

    /// Writes a line, or counts it as dropped.
    pub(crate) fn write(&mut self, level: Level, message: String) {
        let message = one_line(&cut(message, limits::SHORT_TEXT_BYTES));
        if level == Level::Error {
            self.last_error.clone_from(&message);
        }
        if self.window_began.elapsed() >= WINDOW {
            self.report_dropped();
            (self.window_began, self.lines) = (Instant::now(), 0);
        }
        if self.lines >= LINES_PER_WINDOW {
            self.dropped += 1;
            return;
        }
        self.lines += 1;
        let who = self.who.as_str();
        match level {
            Level::Debug => tracing::debug!(target: "omi_adapter", who, "{message}"),
            Level::Info => tracing::info!(target: "omi_adapter", who, "{message}"),
            Level::Warn => tracing::warn!(target: "omi_adapter", who, "{message}"),
            Level::Error => tracing::error!(target: "omi_adapter", who, "{message}"),
        }
    }

    /// Forgets the last error: a new call begins.
    pub(crate) fn begin_call(&mut self) {
        self.last_error.clear();
    }

    /// The last error of the current call: where a guest traps, it says why.
    pub(crate) fn last_error(&self) -> &str {
        &self.last_error
    }

    fn report_dropped(&mut self) {
        if self.dropped > 0 {
            tracing::warn!(target: "omi_adapter", who = self.who, dropped = self.dropped, "log lines were dropped");
            self.dropped = 0;
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.report_dropped();
    }
}
