//! How far each message was given: a live piece that does not go on from there is left out, because what stands before it
//! is recorded a moment later, and it with that.

use std::collections::BTreeMap;

use omi_kernel::event::{Event, EventKind};
use omi_kernel::id::AttemptId;

use crate::client::{LiveKind, LiveText};

/// Messages that are followed; more than a daemon streams at the same time. Beyond that live text waits for the record.
const MESSAGES_MAX: usize = 1024;

/// How far the messages that are not whole yet were given.
#[derive(Debug, Default)]
pub(super) struct Texts(BTreeMap<AttemptId, BTreeMap<String, usize>>);

impl Texts {
    /// An event was given.
    pub(super) fn given(&mut self, event: &Event) {
        let Some(attempt) = &event.attempt_id else { return };
        let message = || event.payload["message"].as_str().unwrap_or_default();
        match event.kind {
            EventKind::MessageDelta => {
                let offset = event.payload["offset"].as_u64().and_then(|offset| usize::try_from(offset).ok());
                let length = event.payload["text"].as_str().map_or(0, str::len);
                self.reach(attempt, message(), offset.unwrap_or_default() + length);
            }
            EventKind::MessageCompleted => {
                if let Some(messages) = self.0.get_mut(attempt) {
                    messages.remove(message());
                }
            }
            EventKind::RunSucceeded | EventKind::AttemptFailed | EventKind::AttemptCancelled => {
                self.0.remove(attempt);
            }
            _ => {}
        }
    }

    /// Whether a live piece goes on from what was given. It is given then.
    pub(super) fn goes_on(&mut self, live: &LiveText) -> bool {
        let LiveKind::Message { message, offset } = &live.kind else { return true };
        let known = self.0.get(&live.attempt).and_then(|messages| messages.get(message)).copied();
        let goes_on = *offset <= known.unwrap_or_default();
        if goes_on {
            self.reach(&live.attempt, message, offset + live.text.len());
        }
        goes_on
    }

    fn reach(&mut self, attempt: &AttemptId, message: &str, end: usize) {
        if self.0.len() >= MESSAGES_MAX && !self.0.contains_key(attempt) {
            self.0.clear();
        }
        let messages = self.0.entry(attempt.clone()).or_default();
        if messages.len() >= MESSAGES_MAX && !messages.contains_key(message) {
            messages.clear();
        }
        let reached = messages.entry(message.to_owned()).or_default();
        *reached = end.max(*reached);
    }
}
