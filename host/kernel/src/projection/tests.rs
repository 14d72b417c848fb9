//! What events tell of a run, one after the other.

use serde_json::{Value, json};

use super::*;
use crate::id::{EventId, Ids};

/// Events of runs that are named by a number.
#[derive(Default)]
struct Told {
    projection: Projection,
    cursor: i64,
}

fn numbered<T>(make: impl FnOnce(&mut Ids<'_>) -> T, number: u128) -> T {
    make(&mut Ids::new(&mut || number))
}

fn run(number: u128) -> RunId {
    numbered(RunId::new, number)
}

fn session(number: u128) -> SessionId {
    numbered(SessionId::new, number)
}

impl Told {
    fn event(&mut self, of: u128, number: Option<u128>, kind: EventKind, payload: Value) -> Event {
        self.cursor += 1;
        Event {
            protocol_version: 2,
            event_id: numbered(EventId::new, 1),
            cursor: Cursor(self.cursor),
            session_id: session(of),
            run_id: number.map(run),
            attempt_id: number.map(|number| numbered(AttemptId::new, number)),
            request_id: None,
            kind,
            timestamp_ms: Timestamp(self.cursor),
            payload: payload.into(),
        }
    }

    /// A run of the session 1.
    fn tell(&mut self, number: u128, kind: EventKind, payload: Value) -> bool {
        let event = self.event(1, Some(number), kind, payload);
        self.projection.apply(&event).is_some()
    }

    fn status(&self, number: u128) -> Option<Status> {
        self.projection.run(&run(number)).and_then(|run| run.status)
    }
}

#[test]
fn a_run_stands_where_its_last_event_says() {
    let mut told = Told::default();
    for (kind, status) in [
        (EventKind::RunQueued, Status::Queued),
        (EventKind::RunStarting, Status::Starting),
        (EventKind::RunWaitingInput, Status::WaitingInput),
        (EventKind::RunRunning, Status::Running),
        (EventKind::RunWaitingApproval, Status::WaitingApproval),
        (EventKind::RunCancelling, Status::Cancelling),
        (EventKind::RunCancelled, Status::Cancelled),
    ] {
        assert!(told.tell(1, kind, json!({})));
        assert_eq!(told.status(1), Some(status));
    }
}

#[test]
fn what_is_over_stays_over_but_for_a_retry() {
    let ends = [
        (EventKind::RunSucceeded, Status::Succeeded),
        (EventKind::RunFailed, Status::Failed),
        (EventKind::RunCancelled, Status::Cancelled),
        (EventKind::RunTimedOut, Status::TimedOut),
        (EventKind::RunOrphaned, Status::Orphaned),
    ];
    for (end, status) in ends {
        let mut told = Told::default();
        told.tell(1, EventKind::RunQueued, json!({}));
        told.tell(1, end, json!({ "errorCode": "broken", "errorMessage": "it broke" }));
        for late in EventKind::ALL.iter().filter(|kind| **kind != EventKind::RunQueued) {
            assert!(!told.tell(1, *late, json!({ "message": "m", "offset": 0, "text": "late" })), "{late:?}");
            assert_eq!(told.status(1), Some(status), "{late:?}");
        }
        assert!(told.tell(1, EventKind::RunQueued, json!({ "retryReason": "retry" })));
        assert_eq!(told.status(1), Some(Status::Queued));
        assert_eq!(told.projection.run(&run(1)).unwrap().error, None);
    }
}

#[test]
fn where_nothing_is_known_nothing_is_said() {
    let mut told = Told::default();
    told.tell(1, EventKind::MessageDelta, json!({ "message": "m", "offset": 0, "text": "in the middle" }));
    let standing = told.projection.newest(&session(1)).unwrap();
    assert_eq!((standing.status, standing.text.as_str()), (None, "in the middle"));
    assert_eq!(serde_json::to_value(standing).unwrap()["status"], Value::Null);
    assert_eq!(told.projection.newest(&session(2)), None);
}

#[test]
fn an_event_counts_once() {
    let mut told = Told::default();
    let event = told.event(1, Some(1), EventKind::RunQueued, json!({}));
    assert!(told.projection.apply(&event).is_some());
    let before = told.projection.clone();
    assert_eq!(told.projection.apply(&event), None);
    assert_eq!(told.projection, before);
}

#[test]
fn text_progress_and_use_are_those_of_the_last_attempt() {
    let mut told = Told::default();
    told.tell(1, EventKind::RunQueued, json!({}));
    told.tell(1, EventKind::AttemptCreated, json!({}));
    told.tell(1, EventKind::MessageDelta, json!({ "message": "m1", "offset": 0, "text": "lost" }));
    told.tell(1, EventKind::UsageUpdated, json!({ "usage": { "inputTokens": 5, "costUsd": 0.5 } }));
    told.tell(1, EventKind::AttemptFailed, json!({}));
    assert_eq!(told.projection.run(&run(1)).unwrap().attempt_id, None);
    told.tell(1, EventKind::AttemptCreated, json!({}));
    told.tell(1, EventKind::ToolStarted, json!({ "title": "Read a.txt" }));
    told.tell(1, EventKind::ToolCompleted, json!({ "output": "what it gave" }));
    for (offset, text) in [(0, "Grü"), (4, "ße"), (2, "üße"), (7, " an")] {
        told.tell(1, EventKind::MessageDelta, json!({ "message": "m1", "offset": offset, "text": text }));
    }
    told.tell(1, EventKind::MessageCompleted, json!({ "message": "m1", "text": "Grüße an alle" }));
    told.tell(1, EventKind::MessageDelta, json!({ "message": "m2", "offset": 0, "text": "bye" }));
    told.tell(1, EventKind::UsageUpdated, json!({ "usage": { "inputTokens": 7 } }));
    let standing = told.projection.run(&run(1)).unwrap();
    assert_eq!((standing.text.as_str(), standing.text_cut), ("Grüße an alle\n\nbye", false));
    assert_eq!(standing.progress.as_deref(), Some("Read a.txt"));
    assert_eq!((standing.usage.input_tokens, standing.usage.cost_usd), (Some(12), Some(0.5)));
    assert_eq!(standing.attempt_id, Some(numbered(AttemptId::new, 1)));
}

#[test]
fn only_so_much_is_kept_in_mind() {
    let mut told = Told::default();
    told.tell(1, EventKind::RunQueued, json!({}));
    let half = "ü".repeat(TEXT_BYTES_MAX / 4 + 1);
    for (message, offset) in [("m1", 0), ("m1", half.len()), ("m1", 2 * half.len()), ("m2", 0)] {
        told.tell(1, EventKind::MessageDelta, json!({ "message": message, "offset": offset, "text": half }));
    }
    let standing = told.projection.run(&run(1)).unwrap();
    assert_eq!((standing.text.len(), standing.text_cut, standing.messages.len()), (TEXT_BYTES_MAX, true, 1));
    told.tell(1, EventKind::ProgressUpdated, json!({ "text": "x".repeat(PROGRESS_CHARS_MAX + 1) }));
    let standing = told.projection.run(&run(1)).unwrap();
    assert_eq!(standing.progress.as_ref().unwrap().len(), PROGRESS_CHARS_MAX);

    for number in 2..=SESSIONS_MAX as u128 + 1 {
        let name = json!({ "externalRefKind": "task", "externalRefId": number.to_string() });
        let created = told.event(number, None, EventKind::SessionCreated, name);
        told.projection.apply(&created);
    }
    assert_eq!(told.projection.sessions.len(), SESSIONS_MAX);
    assert_eq!(told.projection.run(&run(1)), None, "the one in which nothing happened for longest");
    assert_eq!(told.projection.order.len(), SESSIONS_MAX);
    let next = told.event(SESSIONS_MAX as u128 + 2, None, EventKind::SessionCreated, json!({}));
    told.projection.apply(&next);
    assert_eq!(
        (told.projection.named("task", "2"), told.projection.named("task", "3")),
        (None, Some(&session(3)))
    );
}

#[test]
fn of_a_session_the_newest_run_and_what_is_not_over_are_kept() {
    let mut told = Told::default();
    for number in 1..=3 {
        told.tell(number, EventKind::RunQueued, json!({}));
    }
    let newest = |told: &Told| told.projection.newest(&session(1)).unwrap().run_id.clone();
    assert_eq!(newest(&told), run(3));
    told.tell(1, EventKind::RunSucceeded, json!({}));
    assert_eq!((told.status(1), told.status(2)), (None, Some(Status::Queued)));
    told.tell(1, EventKind::RunQueued, json!({ "retryReason": "retry" }));
    assert_eq!((newest(&told), told.status(1)), (run(3), Some(Status::Queued)), "a retry begins no run");
    told.tell(3, EventKind::RunFailed, json!({}));
    told.tell(4, EventKind::RunQueued, json!({}));
    assert_eq!((newest(&told), told.status(3)), (run(4), None));
}
