//! What a chat shows: six kinds of events, and text about once a second (seed 002 §10).

use std::time::Duration;

use omi_kernel::event::{Event, EventKind};
use omi_kernel::id::Cursor;
use omi_kernel::status::Status;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::frame::{failing, frame, gap};
use crate::client::LiveKind;
use crate::follow::Shown;
use crate::subscribe::Seen;

/// How long text waits for more: chats let a message be edited about once a second.
const CADENCE: Duration = Duration::from_secs(1);

/// What was told, and the text that waits.
#[derive(Debug, Default)]
pub(super) struct Compact {
    shown: Shown,
    waiting: Option<Waiting>,
}

/// Text of one message that waits for more.
#[derive(Debug)]
struct Waiting {
    /// Attempt and message.
    key: String,
    /// Where it stands, but for its text.
    data: Value,
    text: String,
    due: Instant,
}

impl Compact {
    /// When text has waited long enough.
    pub(super) fn due(&self) -> Option<Instant> {
        self.waiting.as_ref().map(|waiting| waiting.due)
    }

    /// Tells what waits.
    pub(super) fn flush(&mut self, chunk: &mut Vec<u8>) {
        let Some(Waiting { mut data, text, .. }) = self.waiting.take() else { return };
        data["text"] = Value::String(text);
        frame(chunk, None, "token", &data.to_string());
    }

    /// Tells something, as far as a chat shows it.
    pub(super) fn tell(&mut self, seen: &Seen, chunk: &mut Vec<u8>) {
        match seen {
            Seen::Live(live) => {
                let LiveKind::Message { message, offset } = &live.kind else { return };
                let Some((key, new)) = self.shown.live(live) else { return };
                let offset = offset + live.text.len() - new.len();
                let data = json!({ "sessionId": live.session, "runId": live.run, "attemptId": live.attempt,
                    "message": message, "offset": offset });
                let new = new.to_owned();
                self.text(key, data, &new, chunk);
            }
            Seen::Event(event) => self.event(event, chunk),
            Seen::Gap { after, through, reason } => {
                self.flush(chunk);
                frame(chunk, None, "gap", &gap(*after, *through, reason).to_string());
            }
            Seen::StoreFailing(why) => {
                self.flush(chunk);
                frame(chunk, None, "error", &failing(why).to_string());
            }
        }
    }

    fn event(&mut self, event: &Event, chunk: &mut Vec<u8>) {
        let id = Some(event.cursor);
        let about =
            json!({ "sessionId": event.session_id, "runId": event.run_id, "attemptId": event.attempt_id });
        if event.kind == EventKind::MessageDelta {
            let Some((key, new)) = self.shown.recorded(event) else { return };
            let begins = event.payload["offset"].as_u64().unwrap_or_default();
            let whole = event.payload["text"].as_str().map_or(0, str::len);
            let skipped = u64::try_from(whole - new.len()).unwrap_or_default();
            let more = json!({ "message": event.payload["message"], "offset": begins + skipped });
            let new = new.to_owned();
            return self.text(key, with(about, more), &new, chunk);
        }
        if event.kind == EventKind::MessageCompleted {
            // The whole text follows: no piece of it has to be told before.
            let _ = self.shown.recorded(event);
            self.waiting = None;
            let more = json!({ "message": event.payload["message"], "text": event.payload["text"] });
            return frame(chunk, id, "message.final", &with(about, more).to_string());
        }
        let Some((kind, more)) = told(event) else { return };
        self.flush(chunk);
        let failure = failure(event);
        // Who was told its cursor is told nothing more of an event: the last of two has it.
        frame(chunk, id.filter(|_| failure.is_none()), kind, &with(about, more).to_string());
        if let Some(failure) = failure {
            error(chunk, id, event, failure);
        }
    }

    /// Text that is new waits for more; that of another message is told first.
    fn text(&mut self, key: String, data: Value, new: &str, chunk: &mut Vec<u8>) {
        if self.waiting.as_ref().is_some_and(|waiting| waiting.key != key) {
            self.flush(chunk);
        }
        let waiting = self.waiting.get_or_insert_with(|| Waiting {
            key,
            data,
            text: String::new(),
            due: Instant::now() + CADENCE,
        });
        waiting.text.push_str(new);
        if waiting.due <= Instant::now() {
            self.flush(chunk);
        }
    }
}

fn error(chunk: &mut Vec<u8>, id: Option<Cursor>, event: &Event, failure: Value) {
    let about = json!({ "sessionId": event.session_id, "runId": event.run_id });
    frame(chunk, id, "error", &with(about, failure).to_string());
}

fn with(mut data: Value, more: Value) -> Value {
    if let (Value::Object(data), Value::Object(more)) = (&mut data, more) {
        data.extend(more);
    }
    data
}

/// What a chat shows of an event.
fn told(event: &Event) -> Option<(&'static str, Value)> {
    let payload = &event.payload;
    Some(match event.kind {
        EventKind::ToolStarted => (
            "tool.call",
            json!({ "toolUseId": payload["toolUseId"], "name": payload["name"], "title": payload["title"],
                "input": payload["input"] }),
        ),
        EventKind::ToolCompleted => ("tool.result", result("completed", payload)),
        EventKind::ToolFailed => ("tool.result", result("failed", payload)),
        kind => ("status", json!({ "status": kind.run_status()? })),
    })
}

fn result(status: &str, payload: &Value) -> Value {
    json!({ "toolUseId": payload["toolUseId"], "status": status, "output": payload["output"],
        "errorCode": payload["errorCode"], "errorMessage": payload["errorMessage"] })
}

/// Why a run came to nothing, where it did.
fn failure(event: &Event) -> Option<Value> {
    let status = event.kind.run_status()?;
    let came_to_nothing = status.is_terminal() && !matches!(status, Status::Succeeded | Status::Cancelled);
    came_to_nothing
        .then(|| json!({ "code": event.payload["errorCode"], "message": event.payload["errorMessage"] }))
}
