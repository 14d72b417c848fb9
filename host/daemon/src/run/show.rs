//! Shows a run: the answer on standard output, everything else on standard error.

use omi_kernel::event::{Event, EventKind};
use omi_kernel::id::{RunId, SessionId};

use crate::client::{CancelAck, LiveText};
use crate::follow::Shown;
use crate::link::LinkError;
use crate::terminal::Colour::{Green, Red, Yellow};
use crate::terminal::{self, painted};

/// Shows a run.
pub(super) struct Show {
    json: bool,
    shown: Shown,
    /// The message whose text is being printed.
    message: Option<String>,
    /// What was printed last does not end its line.
    open_line: bool,
    /// Nobody reads standard output any more.
    pub(super) reader_gone: bool,
}

impl Show {
    pub(super) fn new(json: bool) -> Self {
        Self { json, shown: Shown::default(), message: None, open_line: false, reader_gone: false }
    }

    pub(super) fn begin(&mut self, session: &SessionId, run: &RunId) {
        self.note(&format!("session {session}"));
        self.note(&format!("run     {run}"));
    }

    pub(super) fn live(&mut self, live: &LiveText) {
        if self.json {
            return;
        }
        if let Some((message, new)) = self.shown.live(live) {
            self.text(message, new);
        }
    }

    pub(super) fn event(&mut self, event: &Event) {
        if self.json {
            // An event is made of values that are JSON.
            let line = serde_json::to_string(event).unwrap_or_default();
            self.reader_gone |= !terminal::print(&format!("{line}\n"));
            return;
        }
        if let Some((message, new)) = self.shown.recorded(event) {
            self.text(message, new);
        }
        if ends_run(event.kind) {
            // Nothing is added to the answer any more: it ends its line before anything is said about it.
            self.end();
        }
        if let Some(line) = line(event) {
            self.note(&line);
        }
    }

    fn text(&mut self, message: String, text: &str) {
        let begins = self.message.as_ref() != Some(&message);
        if begins && self.message.is_some() {
            self.reader_gone |= !terminal::print(if self.open_line { "\n\n" } else { "\n" });
        }
        self.message = Some(message);
        self.open_line = !text.ends_with('\n');
        self.reader_gone |= !terminal::print(text);
    }

    /// A line on standard error, on a line of its own where both streams share a terminal.
    fn note(&mut self, line: &str) {
        if self.is_in_a_line() {
            self.reader_gone |= !terminal::print("\n");
            self.open_line = false;
        }
        terminal::note(line);
    }

    /// The answer stops in the middle of a line of the terminal.
    pub(super) fn is_in_a_line(&self) -> bool {
        self.open_line && std::io::IsTerminal::is_terminal(&std::io::stdout())
    }

    pub(super) fn cancel(&mut self, ack: &Result<CancelAck, LinkError>) {
        match ack {
            Ok(ack) => self.note(&cancel_line(ack)),
            Err(error) => self.note(&format!("cancel  {error}")),
        }
    }

    pub(super) fn gap(&mut self, reason: &str) {
        self.note(&format!("gap     some events are not shown: {}", terminal::plain(reason)));
    }

    pub(super) fn end(&mut self) {
        if self.open_line && !self.json {
            self.reader_gone |= !terminal::print("\n");
            self.open_line = false;
        }
    }
}

/// What became of a request to stop, on one line.
pub(crate) fn cancel_line(ack: &CancelAck) -> String {
    format!(
        "cancel  accepted: {}, adapter told: {}, adapter confirmed: {}",
        ack.accepted, ack.dispatch_attempted, ack.adapter_acknowledged
    )
}

/// A run is over with such an event.
fn ends_run(kind: EventKind) -> bool {
    use EventKind::{RunCancelled, RunFailed, RunOrphaned, RunSucceeded, RunTimedOut};
    matches!(kind, RunSucceeded | RunFailed | RunCancelled | RunTimedOut | RunOrphaned)
}

/// What an event is on a terminal; none for what is shown otherwise or not at all.
fn line(event: &Event) -> Option<String> {
    let text = |key: &str| terminal::plain(event.payload[key].as_str().unwrap_or_default());
    Some(match event.kind {
        EventKind::AttemptCreated => {
            format!("attempt {} ({})", event.attempt_id.as_ref()?, text("adapterId"))
        }
        EventKind::AttemptFailed if event.payload["retryable"] == true => {
            format!("attempt failed, trying again: {}", text("errorMessage"))
        }
        EventKind::ToolStarted => format!("tool    {} {}", text("kind"), text("title")),
        EventKind::ToolCompleted => format!("tool    done ({})", text("toolUseId")),
        EventKind::ToolFailed => format!("tool    failed ({}): {}", text("toolUseId"), text("errorMessage")),
        EventKind::ApprovalResolved => approval(event),
        EventKind::InputProvided => input(event),
        EventKind::GrantDecided if event.payload["decision"] == "deny" => {
            format!("denied  {}", text("reason"))
        }
        EventKind::ArtifactCreated => {
            format!("made    {} {} ({})", text("kind"), text("uri"), text("artifactId"))
        }
        EventKind::DelegationCreated => format!("asked   {}: {}", text("childRunId"), text("objective")),
        EventKind::DelegationCompleted => format!("told    {}: {}", text("childRunId"), text("status")),
        EventKind::RunSucceeded => {
            format!("run     {} ({})", painted("succeeded", Green), text("stopReason"))
        }
        EventKind::RunFailed => {
            let failed = painted("failed", Red);
            format!("run     {failed}: {} ({})", text("errorMessage"), text("errorCode"))
        }
        EventKind::RunCancelled => format!("run     {}", painted("cancelled", Yellow)),
        EventKind::RunTimedOut => format!("run     {}: {}", painted("timed out", Red), text("errorMessage")),
        EventKind::RunOrphaned => format!("run     {}", painted("orphaned", Yellow)),
        EventKind::RunCancelling => "run     cancelling".to_owned(),
        _ => return None,
    })
}

fn approval(event: &Event) -> String {
    let text = |key: &str| event.payload[key].as_str().unwrap_or_default();
    let what = match text("outcome") {
        "selected" => format!("answered `{}`", terminal::plain(text("optionId"))),
        "rejected" => format!("refused: {}", terminal::plain(text("reason"))),
        outcome => outcome.to_owned(),
    };
    let by = match text("by") {
        "nobody_to_ask" => "nobody to ask; hint: run it at a terminal, or with --ask".to_owned(),
        by => by.to_owned(),
    };
    format!("permission {what} (by {by})")
}

fn input(event: &Event) -> String {
    let text = |key: &str| event.payload[key].as_str().unwrap_or_default();
    let by = match text("by") {
        "nobody_to_ask" => "nobody to ask; hint: run it at a terminal, or with --ask",
        by => by,
    };
    format!("answer  {} (by {by})", terminal::plain(text("outcome")))
}
