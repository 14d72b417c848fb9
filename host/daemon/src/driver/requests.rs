//! The requests to people that nobody has answered, as the published events tell of them.

use std::collections::BTreeMap;

use omi_kernel::event::{Event, EventKind};
use omi_kernel::id::{AttemptId, RunId};

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    /// A permission.
    Approval,
    /// Information, or a log-in.
    Input,
}

/// The requests to people that nobody has answered.
#[derive(Debug, Default)]
pub(super) struct OpenRequests(BTreeMap<AttemptId, (RunId, BTreeMap<u32, Asks>)>);

impl OpenRequests {
    /// Something was recorded.
    pub(super) fn note(&mut self, event: &Event) {
        let asks = match event.kind {
            EventKind::ApprovalRequested => Some(Asks::Approval),
            EventKind::InputRequested => Some(Asks::Input),
            EventKind::ApprovalResolved | EventKind::InputProvided => None,
            _ => return,
        };
        let number = event.payload["request"].as_u64().and_then(|number| u32::try_from(number).ok());
        let (Some(run), Some(attempt), Some(number)) = (&event.run_id, &event.attempt_id, number) else {
            return;
        };
        match asks {
            Some(asks) => {
                let new = || (run.clone(), BTreeMap::new());
                self.0.entry(attempt.clone()).or_insert_with(new).1.insert(number, asks);
            }
            None => {
                if let Some((_, open)) = self.0.get_mut(attempt) {
                    open.remove(&number);
                }
            }
        }
    }

    /// A run has no attempt any more.
    pub(super) fn end(&mut self, run: &RunId) {
        self.0.retain(|_, (of, _)| of != run);
    }

    /// What an attempt has asked and nobody has answered.
    pub(super) fn of(&self, attempt: &AttemptId) -> Vec<(u32, Asks)> {
        let open = self.0.get(attempt).map(|(_, open)| open.iter());
        open.into_iter().flatten().map(|(number, asks)| (*number, *asks)).collect()
    }
}

#[cfg(test)]
mod tests {
    use omi_kernel::id::{Cursor, EventId, Ids, SessionId, Timestamp};
    use omi_kernel::row::LOG_IN;
    use serde_json::json;

    use super::*;

    fn event(kind: EventKind, number: u32) -> Event {
        let mut one = || 1;
        let ids = &mut Ids::new(&mut one);
        Event {
            protocol_version: 2,
            event_id: EventId::new(ids),
            cursor: Cursor(1),
            session_id: SessionId::new(ids),
            run_id: Some(RunId::new(ids)),
            attempt_id: Some(AttemptId::new(ids)),
            request_id: None,
            kind,
            timestamp_ms: Timestamp(0),
            payload: json!({ "request": number }).into(),
        }
    }

    #[test]
    fn a_request_is_open_from_its_event_to_the_event_of_its_answer() {
        let mut one = || 1;
        let ids = &mut Ids::new(&mut one);
        let (attempt, run) = (AttemptId::new(ids), RunId::new(ids));
        let mut open = OpenRequests::default();
        open.note(&event(EventKind::ApprovalRequested, 1));
        open.note(&event(EventKind::RunWaitingApproval, 1));
        open.note(&event(EventKind::InputRequested, LOG_IN));
        assert_eq!(open.of(&attempt), [(1, Asks::Approval), (LOG_IN, Asks::Input)]);
        open.note(&event(EventKind::ApprovalResolved, 1));
        assert_eq!(open.of(&attempt), [(LOG_IN, Asks::Input)]);
        open.end(&run);
        assert_eq!(open.of(&attempt), []);
    }
}
