//! Where sessions and their runs stand, derived from events alone (seed §15): what every surface shows, and none decides.
//!
//! ```text
//!  events of one owner, in the order of their cursors ──▶ apply ──▶ session: its newest run, by its names too
//!                                                                   run: status, attempt, progress, usage, error, text
//! ```
//!
//! What is over stays over, whatever comes late; only a retry queues it again. Where nothing is known nothing is said: no
//! status is no success.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use crate::event::{Event, EventKind};
use crate::id::{AttemptId, Cursor, RunId, SessionId, Timestamp};
use crate::report::FailureDetail;
use crate::status::Status;
use crate::usage::Usage;

/// Sessions that are kept in mind; then the one goes in which nothing happened for longest.
pub const SESSIONS_MAX: usize = 10_000;
/// Bytes of the text of a run that are kept in mind: what a surface shows at a glance. The whole text is in its events.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Characters of what a run does at the moment: a line.
pub const PROGRESS_CHARS_MAX: usize = 200;

/// Where the sessions of one owner and their runs stand.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Projection {
    cursor: Cursor,
    sessions: BTreeMap<SessionId, SessionStanding>,
    runs: BTreeMap<RunId, RunStanding>,
    names: BTreeMap<(String, String), SessionId>,
    /// In the order in which something last happened in them.
    order: BTreeSet<(Cursor, SessionId)>,
}

/// A session, as its events tell of it.
#[derive(Debug, Clone, Default, PartialEq)]
struct SessionStanding {
    newest: Option<RunId>,
    /// Those that are kept: the newest, and what is not over.
    runs: BTreeSet<RunId>,
    name: Option<(String, String)>,
    changed: Cursor,
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunStanding {
    /// The run.
    pub run_id: RunId,
    /// Its session.
    pub session_id: SessionId,
    /// Where it stands; none if no event told: that is not known, and no success.
    pub status: Option<Status>,
    /// The attempt that goes on.
    pub attempt_id: Option<AttemptId>,
    /// What it does at the moment, in words. Never what a tool gave.
    pub progress: Option<String>,
    /// What its attempts have used, as far as events told.
    pub usage: Usage,
    /// How it failed.
    pub error: Option<FailureDetail>,
    /// The text of its last attempt so far, or its beginning.
    pub text: String,
    /// There is more text than is kept in mind.
    pub text_cut: bool,
    /// The last event that changed it.
    pub cursor: Cursor,
    /// When that was recorded.
    pub updated_at_ms: Timestamp,
    #[serde(skip)]
    used_before: Usage,
    #[serde(skip)]
    used: Usage,
    #[serde(skip)]
    messages: Vec<(String, String)>,
}

impl Projection {
    /// Takes the next event in. One that was taken in already changes nothing. Answers the run that it changed.
    pub fn apply(&mut self, event: &Event) -> Option<&RunStanding> {
        if event.cursor <= self.cursor {
            return None;
        }
        self.cursor = event.cursor;
        self.touch(event);
        let id = event.run_id.as_ref()?;
        let is_new = !self.runs.contains_key(id);
        let run = self.runs.entry(id.clone()).or_insert_with(|| RunStanding::new(id, event));
        let before = run.status;
        let changed = run.apply(event);
        let over = run.status.is_some_and(Status::is_terminal);
        let begins = is_new && event.kind == EventKind::RunQueued && event.payload["retryReason"].is_null();
        self.place(event, id, begins);
        if over && before != self.runs.get(id)?.status {
            self.forget(&event.session_id);
        }
        self.runs.get(id).filter(|_| changed)
    }

    /// The last event that was taken in.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Where a run stands, if it is kept in mind.
    pub fn run(&self, run: &RunId) -> Option<&RunStanding> {
        self.runs.get(run)
    }

    /// Where the newest run of a session stands.
    pub fn newest(&self, session: &SessionId) -> Option<&RunStanding> {
        self.runs.get(self.sessions.get(session)?.newest.as_ref()?)
    }

    /// The session that a surface has this name for: kind and id.
    pub fn named(&self, kind: &str, id: &str) -> Option<&SessionId> {
        self.names.get(&(kind.to_owned(), id.to_owned()))
    }

    /// Something happened in a session.
    fn touch(&mut self, event: &Event) {
        let session = self.sessions.entry(event.session_id.clone()).or_default();
        self.order.remove(&(session.changed, event.session_id.clone()));
        session.changed = event.cursor;
        self.order.insert((event.cursor, event.session_id.clone()));
        if event.kind == EventKind::SessionCreated {
            let text = |key: &str| event.payload[key].as_str().map(str::to_owned);
            if let Some(name) = text("externalRefKind").zip(text("externalRefId")) {
                session.name = Some(name.clone());
                self.names.insert(name, event.session_id.clone());
            }
        }
        while self.sessions.len() > SESSIONS_MAX
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.remove(&oldest);
        }
    }

    fn remove(&mut self, session: &SessionId) {
        let Some(gone) = self.sessions.remove(session) else { return };
        gone.runs.iter().for_each(|run| drop(self.runs.remove(run)));
        if let Some(name) = gone.name.filter(|name| self.names.get(name) == Some(session)) {
            self.names.remove(&name);
        }
    }

    /// A run is kept with its session. One that begins is its newest.
    fn place(&mut self, event: &Event, run: &RunId, begins: bool) {
        let Some(session) = self.sessions.get_mut(&event.session_id) else { return };
        session.runs.insert(run.clone());
        if begins || session.newest.is_none() {
            session.newest = Some(run.clone());
            self.forget(&event.session_id);
        }
    }

    /// What is over goes, but for the newest.
    fn forget(&mut self, session: &SessionId) {
        let Some(session) = self.sessions.get_mut(session) else { return };
        let newest = session.newest.as_ref();
        let runs = &mut self.runs;
        session.runs.retain(|run| {
            let over = runs.get(run).is_none_or(|run| run.status.is_some_and(Status::is_terminal));
            let kept = Some(run) == newest || !over;
            if !kept {
                runs.remove(run);
            }
            kept
        });
    }
}

impl RunStanding {
    fn new(run: &RunId, event: &Event) -> Self {
        Self {
            run_id: run.clone(),
            session_id: event.session_id.clone(),
            status: None,
            attempt_id: None,
            progress: None,
            usage: Usage::default(),
            error: None,
            text: String::new(),
            text_cut: false,
            cursor: event.cursor,
            updated_at_ms: event.timestamp_ms,
            used_before: Usage::default(),
            used: Usage::default(),
            messages: Vec::new(),
        }
    }

    /// Answers whether it changed.
    fn apply(&mut self, event: &Event) -> bool {
        let over = self.status.is_some_and(Status::is_terminal);
        if over && event.kind != EventKind::RunQueued {
            return false;
        }
        let changed = match event.kind {
            EventKind::RunQueued => {
                self.error = None;
                self.progress = None;
                self.stands(Status::Queued)
            }
            EventKind::RunStarting
            | EventKind::RunRunning
            | EventKind::RunWaitingInput
            | EventKind::RunWaitingApproval
            | EventKind::RunCancelling
            | EventKind::RunSucceeded
            | EventKind::RunFailed
            | EventKind::RunCancelled
            | EventKind::RunTimedOut
            | EventKind::RunOrphaned => match event.kind.run_status() {
                Some(status) if status.is_terminal() => self.ends(status, &event.payload),
                Some(status) => self.stands(status),
                None => false,
            },
            EventKind::AttemptCreated => {
                self.used_before = self.usage;
                self.used = Usage::default();
                self.messages.clear();
                self.text.clear();
                self.text_cut = false;
                self.attempt_id.clone_from(&event.attempt_id);
                true
            }
            EventKind::AttemptFailed => {
                self.attempt_id = None;
                // Another one follows at once, or a person is asked first, which is told.
                event.payload["retryable"] != true || self.stands(Status::Starting)
            }
            EventKind::AttemptOrphaned | EventKind::AttemptCancelled => {
                self.attempt_id = None;
                true
            }
            // Somebody logged in: no attempt goes on, and another one follows.
            EventKind::InputProvided
                if self.attempt_id.is_none() && event.payload["outcome"] == "provided" =>
            {
                self.stands(Status::Starting)
            }
            EventKind::MessageDelta => {
                let offset = event.payload["offset"].as_u64().and_then(|offset| usize::try_from(offset).ok());
                self.says(&event.payload, offset)
            }
            EventKind::MessageCompleted => self.says(&event.payload, Some(0)),
            EventKind::ProgressUpdated => self.does(&event.payload["text"]),
            EventKind::ToolStarted => self.does(&event.payload["title"]),
            EventKind::UsageUpdated => self.uses(&event.payload["usage"]),
            EventKind::SessionCreated
            | EventKind::SessionUpdated
            | EventKind::RunCancellationRequested
            | EventKind::AttemptStarted
            | EventKind::AttemptCancelDispatch
            | EventKind::BindingCreated
            | EventKind::BindingResumed
            | EventKind::BindingStale
            | EventKind::BindingReplaced
            | EventKind::ToolUpdated
            | EventKind::ToolCompleted
            | EventKind::ToolFailed
            | EventKind::ArtifactCreated
            | EventKind::InputRequested
            | EventKind::InputProvided
            | EventKind::ApprovalRequested
            | EventKind::ApprovalResolved
            | EventKind::GrantDecided
            | EventKind::DelegationCreated
            | EventKind::DelegationCompleted => false,
        };
        if changed {
            (self.cursor, self.updated_at_ms) = (event.cursor, event.timestamp_ms);
        }
        changed
    }

    fn stands(&mut self, status: Status) -> bool {
        self.status = Some(status);
        true
    }

    fn ends(&mut self, status: Status, payload: &Value) -> bool {
        self.attempt_id = None;
        self.progress = None;
        if let Some(code) = payload["errorCode"].as_str() {
            let message = payload["errorMessage"].as_str().unwrap_or_default();
            self.error = Some(FailureDetail::new(code, message));
        }
        self.stands(status)
    }

    fn does(&mut self, words: &Value) -> bool {
        let Some(words) = words.as_str().filter(|words| !words.is_empty()) else { return false };
        self.progress = Some(words.chars().take(PROGRESS_CHARS_MAX).collect());
        true
    }

    fn uses(&mut self, usage: &Value) -> bool {
        let Ok(usage) = serde_json::from_value::<Usage>(usage.clone()) else { return false };
        self.used = usage.or(self.used);
        self.usage = self.used_before.plus(self.used);
        true
    }

    /// A piece of a message, which may have been there in part.
    fn says(&mut self, payload: &Value, offset: Option<usize>) -> bool {
        let piece = payload["text"].as_str().unwrap_or_default();
        let (Some(name), Some(offset)) = (payload["message"].as_str(), offset) else { return false };
        let index = self.messages.iter().position(|(known, _)| known == name);
        let index = match index {
            Some(index) => index,
            // There is no room for what comes behind.
            None if self.text_cut => return false,
            None => {
                self.messages.push((name.to_owned(), String::new()));
                self.messages.len() - 1
            }
        };
        let message = &mut self.messages[index].1;
        // Beyond what is kept in mind nothing is added, so that a later piece begins behind the end: it is left out, too.
        if message.is_char_boundary(offset.min(message.len())) {
            message.truncate(offset);
            if offset <= message.len() {
                message.push_str(piece);
            }
        }
        self.cut();
        true
    }

    /// The text is that of all messages, with an empty line between two (see [`crate::transcript`]).
    fn cut(&mut self) {
        let mut room = TEXT_BYTES_MAX;
        for (_, message) in &mut self.messages {
            if message.len() > room {
                message.truncate(message.floor_char_boundary(room));
                self.text_cut = true;
            }
            room -= message.len();
        }
        let all: Vec<&str> = self.messages.iter().map(|(_, message)| message.as_str()).collect();
        self.text = all.join("\n\n");
    }
}

#[cfg(test)]
mod tests;
