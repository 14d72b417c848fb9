//! One line on standard error that is written again while a run works, and is gone before anything else is printed.

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use omi_kernel::event::{Event, EventKind};
use omi_kernel::status::Status;

/// Characters of the line, at most: one that wraps cannot be taken away again.
const CHARS_MAX: usize = 70;
/// How often it is written again.
const EVERY: Duration = Duration::from_secs(1);
/// What takes a line away.
const ERASE: &[u8] = b"\r\x1b[K";

/// The line is there.
static THERE: AtomicBool = AtomicBool::new(false);

/// Takes the line away, if it is there.
pub(crate) fn clear() {
    if THERE.swap(false, Ordering::Relaxed) {
        // There is nobody else to tell.
        let _ = std::io::stderr().lock().write_all(ERASE);
    }
}

/// How far a run is.
#[derive(Debug)]
pub(crate) struct Progress {
    /// Somebody looks at standard error.
    shown: bool,
    began: Instant,
    /// When the line is to be written again.
    next: Instant,
    status: Status,
    tool: Option<String>,
}

impl Progress {
    /// That of a run that begins.
    pub(crate) fn begin() -> Self {
        let shown = std::io::stderr().is_terminal() && std::env::var("TERM").is_ok_and(|term| term != "dumb");
        let began = Instant::now();
        Self { shown, began, next: began + EVERY, status: Status::Queued, tool: None }
    }

    /// Takes in what happened.
    pub(crate) fn event(&mut self, event: &Event) {
        match event.kind {
            EventKind::RunQueued => self.status = Status::Queued,
            EventKind::RunStarting => self.status = Status::Starting,
            EventKind::RunRunning => self.status = Status::Running,
            EventKind::RunWaitingInput => self.status = Status::WaitingInput,
            EventKind::RunWaitingApproval => self.status = Status::WaitingApproval,
            EventKind::RunCancelling => self.status = Status::Cancelling,
            EventKind::ToolStarted => {
                self.tool = event.payload["title"].as_str().map(super::plain);
            }
            _ => {}
        }
    }

    /// Waits until the line is to be written again; for ever where nobody looks.
    pub(crate) async fn due(&mut self) {
        if !self.shown {
            return std::future::pending().await;
        }
        // Whatever else happens meanwhile, this is once a second.
        tokio::time::sleep_until(self.next.into()).await;
        self.next = Instant::now() + EVERY;
    }

    /// Writes the line in the place of the one before.
    pub(crate) fn write(&self) {
        let line = self.line(self.began.elapsed());
        THERE.store(true, Ordering::Relaxed);
        let mut error = std::io::stderr().lock();
        // There is nobody else to tell.
        let _ = error.write_all(&[ERASE, line.as_bytes()].concat()).and_then(|()| error.flush());
    }

    fn line(&self, elapsed: Duration) -> String {
        let seconds = elapsed.as_secs();
        let status = self.status.to_string().replace('_', " ");
        let time = if seconds < 60 {
            format!("{seconds}s")
        } else {
            format!("{}m{:02}s", seconds / 60, seconds % 60)
        };
        let tool = self.tool.as_ref().map_or_else(String::new, |tool| format!("  {tool}"));
        format!("{status} {time}{tool}").chars().take(CHARS_MAX).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_where_the_run_is_for_how_long_and_with_what() {
        let mut progress = Progress { status: Status::Running, ..Progress::begin() };
        assert_eq!(progress.line(Duration::from_secs(59)), "running 59s");
        progress.tool = Some("Write out.txt".to_owned());
        progress.status = Status::WaitingApproval;
        assert_eq!(progress.line(Duration::from_secs(61)), "waiting approval 1m01s  Write out.txt");
        progress.tool = Some("é".repeat(200));
        assert_eq!(progress.line(Duration::ZERO).chars().count(), CHARS_MAX);
    }
}
