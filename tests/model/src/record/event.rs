//! Records events, and keeps what they say about open questions.

use omi_kernel::event::{Event, EventKind, NewEvent};
use omi_kernel::grant::Asked;
use omi_kernel::id::{AttemptId, Cursor, Timestamp};
use omi_kernel::row::RequestKind;
use serde_json::Value;

use super::{Open, Question, Record};
use crate::row::EventRow;
use crate::{Fault, ensure};

impl Record {
    /// Records an event. Answers it as it is recorded.
    pub(super) fn record(&mut self, event: &NewEvent, now: Timestamp) -> Result<Event, Fault> {
        ensure(event.payload.is_object(), || format!("the payload of {:?} is no object", event.kind))?;
        self.last_cursor = Cursor(self.last_cursor.0 + 1);
        let cursor = self.last_cursor;
        let request =
            event.about.run.as_ref().and_then(|id| self.runs.get(id)).map(|row| row.run.request.clone());
        self.follow(event)?;
        if event.kind == EventKind::MessageDelta {
            let attempt = event.about.attempt.clone().ok_or("a piece of no attempt")?;
            let message = event.payload["message"].as_str().unwrap_or_default().to_owned();
            self.pieces.entry((attempt, message)).or_default().push(cursor);
        }
        let recorded = Event {
            protocol_version: 2,
            event_id: event.id.clone(),
            cursor,
            session_id: event.about.session.clone(),
            run_id: event.about.run.clone(),
            attempt_id: event.about.attempt.clone(),
            request_id: request.clone(),
            kind: event.kind,
            timestamp_ms: now,
            payload: event.payload.clone().into(),
        };
        let before = self.events.insert(cursor, EventRow { cursor, event: event.clone(), request, at: now });
        ensure(before.is_none(), || format!("cursor {} is used twice", cursor.0))?;
        Ok(recorded)
    }

    /// The kept pieces of a message are replaced by the whole message.
    pub(super) fn compact(&mut self, attempt: &AttemptId, message: &str) {
        let pieces = self.pieces.remove(&(attempt.clone(), message.to_owned()));
        for cursor in pieces.into_iter().flatten() {
            self.events.remove(&cursor);
        }
    }

    /// What is asked is open until it is answered; it is answered once.
    fn follow(&mut self, event: &NewEvent) -> Result<(), Fault> {
        let asks = [EventKind::ApprovalRequested, EventKind::InputRequested].contains(&event.kind);
        let answers = [EventKind::ApprovalResolved, EventKind::InputProvided].contains(&event.kind);
        if !asks && !answers {
            return Ok(());
        }
        let attempt = event.about.attempt.clone().ok_or("a request of no attempt")?;
        let number = event.payload["request"].as_u64().and_then(|number| u32::try_from(number).ok());
        let request = number.ok_or_else(|| format!("a {:?} without its number", event.kind))?;
        if asks {
            let kind = kind(event);
            let access = access(event, kind)?;
            self.note_question(event, &attempt, request);
            let open = self.open.entry(attempt.clone()).or_default();
            let options = options(&event.payload, kind);
            let before = open.insert((request, kind), Open { options, access });
            return ensure(before.is_none(), || format!("{attempt} asks {request} twice"));
        }
        let kinds: &[RequestKind] = if event.kind == EventKind::ApprovalResolved {
            &[RequestKind::Approval, RequestKind::Access]
        } else {
            &[RequestKind::Input, RequestKind::Authentication]
        };
        let open = self.open.get_mut(&attempt);
        let answered =
            open.is_some_and(|open| kinds.iter().any(|kind| open.remove(&(request, *kind)).is_some()));
        ensure(answered, || format!("{request} of {attempt} is answered but not open"))?;
        if event.kind == EventKind::InputProvided {
            self.note_answer(event, &attempt, request);
        }
        Ok(())
    }

    fn note_question(&mut self, event: &NewEvent, attempt: &AttemptId, request: u32) {
        let (Some(run), EventKind::InputRequested) = (&event.about.run, event.kind) else { return };
        let prompt = event.payload["prompt"].as_str().unwrap_or_default().to_owned();
        let question = Question { attempt: attempt.clone(), request, prompt, told: None };
        self.questions.entry(run.clone()).or_default().push(question);
    }

    /// The answer to a question is the first one with its number that comes after it.
    fn note_answer(&mut self, event: &NewEvent, attempt: &AttemptId, request: u32) {
        let questions = event.about.run.as_ref().and_then(|run| self.questions.get_mut(run));
        let asked = |question: &&mut Question| question.attempt == *attempt && question.request == request;
        for question in questions.into_iter().flatten().filter(asked) {
            question.told.get_or_insert(event.payload["outcome"] == "provided");
        }
    }
}

/// What kind of answer an event that asks waits for.
fn kind(event: &NewEvent) -> RequestKind {
    if event.kind == EventKind::ApprovalRequested {
        if event.payload["kind"] == "access" { RequestKind::Access } else { RequestKind::Approval }
    } else if event.payload["kind"] == "authentication" {
        RequestKind::Authentication
    } else {
        RequestKind::Input
    }
}

/// What an adapter wants to open: read again from what was recorded.
fn access(event: &NewEvent, kind: RequestKind) -> Result<Option<Box<Asked>>, Fault> {
    if kind != RequestKind::Access {
        return Ok(None);
    }
    let asked = serde_json::from_value(event.payload["details"].clone());
    asked.map(Some).map_err(|error| format!("a question about an access cannot be read: {error}"))
}

/// The ids of the possible answers.
fn options(payload: &Value, kind: RequestKind) -> Vec<String> {
    let (list, id) = match kind {
        RequestKind::Approval | RequestKind::Access => ("options", "optionId"),
        RequestKind::Authentication => ("methods", "id"),
        RequestKind::Input => return Vec::new(),
    };
    let all = payload[list].as_array().into_iter().flatten();
    all.filter_map(|option| option[id].as_str()).map(str::to_owned).collect()
}
