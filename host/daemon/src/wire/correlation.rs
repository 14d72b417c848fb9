//! What every message to a client carries: whose it is, and what it is about (SPEC §1.10).

use std::sync::Arc;

use omi_kernel::event::Event;
use omi_kernel::id::Cursor;

use super::ending::{Ended, RunResult};
use super::outbound::{Answer, Outbound, Said};
use super::{Address, Version, WireError, v1};
use crate::client::{CancelAck, LiveKind, LiveText, Recorded};

/// What every message about a request carries.
#[derive(Debug, Clone)]
pub(crate) struct Correlation {
    pub(super) address: Address,
    pub(crate) session: Option<String>,
    pub(crate) run: Option<String>,
    pub(crate) attempt: Option<String>,
}

impl Correlation {
    /// Of a request of which nothing more is known.
    pub(crate) fn new(address: Address) -> Self {
        Self { address, session: None, run: None, attempt: None }
    }

    /// The version that the client speaks.
    pub(crate) fn version(&self) -> Version {
        self.address.version
    }

    /// With the session, run and attempt of an event.
    pub(crate) fn of(&self, event: &Event) -> Self {
        Self {
            address: self.address.clone(),
            session: Some(event.session_id.to_string()),
            run: event.run_id.as_ref().map(ToString::to_string),
            attempt: event.attempt_id.as_ref().map(ToString::to_string),
        }
    }

    /// A message of this request; none if its client's version has no word for it.
    pub(crate) fn message(&self, event: Option<&Event>, said: Said) -> Option<Outbound> {
        self.written(Answer {
            event_id: event.map(|event| event.event_id.to_string()),
            cursor: event.map(|event| event.cursor),
            ..self.answer(said)
        })
    }

    fn answer(&self, said: Said) -> Answer {
        Answer {
            session_id: self.session.clone(),
            run_id: self.run.clone(),
            attempt_id: self.attempt.clone(),
            ..Answer::new(&self.address.client, &self.address.request, said)
        }
    }

    fn written(&self, answer: Answer) -> Option<Outbound> {
        match self.address.version {
            Version::V2 => Some(Outbound::V2(Box::new(answer))),
            Version::V1 => v1::Said::of(answer).map(|said| Outbound::V1(Box::new(said))),
        }
    }

    /// Why nothing came of it.
    pub(crate) fn error(&self, error: &WireError) -> Option<Outbound> {
        self.message(None, Said::Error { code: error.code, message: error.message.clone() })
    }

    /// It is done, and there is nothing else to say.
    pub(crate) fn ack(&self) -> Option<Outbound> {
        self.message(None, Said::Ack { repeated: None })
    }

    /// Its run is accepted, and somebody else tells about it.
    pub(crate) fn accepted(&self, repeated: bool) -> Option<Outbound> {
        self.message(None, Said::Ack { repeated: Some(repeated) })
    }

    /// What became of a request to stop; nothing, if there was no run.
    pub(crate) fn cancel_ack(&self, ack: Option<&CancelAck>) -> Option<Outbound> {
        let Some(ack) = ack else {
            let (accepted, dispatch_attempted, adapter_acknowledged) = (false, false, false);
            let nothing =
                Said::CancelAck { accepted, dispatch_attempted, adapter_acknowledged, status: None };
            return self.message(None, nothing);
        };
        let said = Said::CancelAck {
            accepted: ack.accepted,
            dispatch_attempted: ack.dispatch_attempted,
            adapter_acknowledged: ack.adapter_acknowledged,
            status: Some(ack.status),
        };
        let attempt = ack.attempt.as_ref().map(ToString::to_string).or_else(|| self.attempt.clone());
        Self { attempt, ..self.clone() }.message(None, said)
    }

    /// An event as it is recorded, in its own envelope (SPEC §1.6).
    pub(crate) fn event(&self, event: &Arc<Recorded>) -> Option<Outbound> {
        self.of(event).message(Some(event), Said::Event { event: event.clone() })
    }

    /// A piece of text while it streams: of which message, and where in it, so that the recorded text is not taken
    /// for more. `text` is what of it is new to the client.
    pub(crate) fn live(&self, live: &LiveText, text: &str) -> Option<Outbound> {
        let (new, sequence) = (text.to_owned(), live.sequence);
        let said = match &live.kind {
            LiveKind::Message { message, offset } => Said::TextDelta {
                text: new,
                message: message.clone(),
                offset: bytes(offset + live.text.len() - text.len()),
                sequence: Some(sequence),
            },
            LiveKind::Thought => Said::ThinkingDelta { text: new, sequence },
        };
        self.written(Answer {
            session_id: Some(live.session.to_string()),
            run_id: Some(live.run.to_string()),
            attempt_id: Some(live.attempt.to_string()),
            cursor: Some(live.cursor),
            ..Answer::new(&self.address.client, &self.address.request, said)
        })
    }

    /// What of a recorded text is new to the client, as if it had been live.
    pub(crate) fn recorded(&self, event: &Event, text: &str) -> Option<Outbound> {
        let payload = &event.payload;
        let begins = payload["offset"].as_u64().unwrap_or(0);
        let whole = payload["text"].as_str().unwrap_or_default();
        let said = Said::TextDelta {
            text: text.to_owned(),
            message: payload["message"].as_str().unwrap_or_default().to_owned(),
            offset: begins + bytes(whole.len() - text.len()),
            sequence: None,
        };
        self.message(Some(event), said)
    }

    /// Some events are gone: what follows begins after them.
    pub(crate) fn gap(&self, after: Cursor, through: Cursor, reason: &'static str) -> Option<Outbound> {
        self.message(None, Said::Gap { after_cursor: after, through_cursor: through, reason })
    }

    /// The end of a run, as it is recorded.
    pub(crate) fn result(&self, event: Option<&Event>, ended: Ended) -> Option<Outbound> {
        let attempt = ended.run.attempts.last().map(|attempt| attempt.attempt_id.clone());
        Self { attempt, ..self.clone() }.message(event, Said::Result(Box::new(RunResult::of(ended))))
    }
}

/// A number of bytes, which 64 bits always hold.
fn bytes(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
