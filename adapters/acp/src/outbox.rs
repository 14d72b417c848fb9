//! What attempts did, on its way to the host: in order, and with payloads that are too large to travel as blobs.

use std::collections::VecDeque;

use omi_adapter_sdk::{
    Attempt, AttemptEvent, AttemptFinished, Blob, CreateBlob, Event, Op, Output, Outputs, Payload,
};
use serde_json::json;

use crate::link::Link;

/// Bytes of a payload that the host did not keep as a blob: its beginning still says what it was.
const BEGINNING_BYTES_MAX: usize = 8 * 1024;

/// Events that wait for a blob hold up what comes after them.
pub(crate) struct Outbox {
    inline_bytes: usize,
    waiting: VecDeque<Entry>,
}

enum Entry {
    Ready(Output),
    /// An event whose payload becomes the blob of this op; the payload is kept until it does.
    NeedsBlob(Op, AttemptEvent),
}

/// Where events of one attempt go.
pub(crate) struct Sink<'a> {
    pub(crate) attempt: Attempt,
    pub(crate) outbox: &'a mut Outbox,
    pub(crate) link: &'a mut Link,
    pub(crate) out: &'a mut Outputs,
}

impl Sink<'_> {
    /// The attempt did something.
    pub(crate) fn event(&mut self, event: Event) {
        self.outbox.event(AttemptEvent::new(self.attempt, event), self.link, self.out);
    }

    /// Bytes of text that may travel in one event.
    pub(crate) fn inline_bytes(&self) -> usize {
        self.outbox.inline_bytes
    }
}

impl Outbox {
    /// `inline_bytes` is `limits.inline-bytes`.
    pub(crate) fn new(inline_bytes: u32) -> Self {
        let inline_bytes = usize::try_from(inline_bytes).unwrap_or(usize::MAX);
        Self { inline_bytes, waiting: VecDeque::new() }
    }

    fn event(&mut self, mut event: AttemptEvent, link: &mut Link, out: &mut Outputs) {
        let large = payload(&mut event.event).filter(|payload| bytes(payload).len() > self.inline_bytes);
        let entry = match large {
            Some(payload) => {
                let op = link.op();
                out.push(CreateBlob::of_attempt(op, event.attempt, bytes(payload).to_vec()));
                Entry::NeedsBlob(op, event)
            }
            None => Entry::Ready(event.into()),
        };
        self.waiting.push_back(entry);
        self.flush(out);
    }

    /// The end of an attempt, after everything it did.
    pub(crate) fn finish(&mut self, finished: AttemptFinished, out: &mut Outputs) {
        self.waiting.push_back(Entry::Ready(finished.into()));
        self.flush(out);
    }

    /// The host keeps a payload, or does not. Says whether the op was one of these.
    pub(crate) fn blob(&mut self, op: Op, blob: Option<Blob>, out: &mut Outputs) -> bool {
        let place =
            self.waiting.iter().position(|entry| matches!(entry, Entry::NeedsBlob(one, _) if *one == op));
        let Some(place) = place else { return false };
        if let Some(Entry::NeedsBlob(_, mut event)) = self.waiting.remove(place) {
            replace_payload(&mut event.event, blob);
            self.waiting.insert(place, Entry::Ready(event.into()));
            if let Some(blob) = blob {
                self.waiting.insert(place + 1, Entry::Ready(Output::DropBlob(blob)));
            }
        }
        self.flush(out);
        true
    }

    /// Give everything now: no blob comes any more.
    pub(crate) fn give_up_blobs(&mut self, out: &mut Outputs) {
        for entry in std::mem::take(&mut self.waiting) {
            match entry {
                Entry::Ready(output) => out.push(output),
                Entry::NeedsBlob(_, mut event) => {
                    replace_payload(&mut event.event, None);
                    out.push(event);
                }
            }
        }
    }

    fn flush(&mut self, out: &mut Outputs) {
        while let Some(Entry::Ready(_)) = self.waiting.front() {
            if let Some(Entry::Ready(output)) = self.waiting.pop_front() {
                out.push(output);
            }
        }
    }
}

/// The payload of an event, if it has one.
fn payload(event: &mut Event) -> Option<&mut Payload> {
    match event {
        Event::ToolStarted(start) => start.input.as_mut(),
        Event::ToolUpdated(update) => update.content.as_mut(),
        Event::ToolCompleted(end) => end.output.as_mut(),
        Event::Artifact(artifact) => artifact.content.as_mut(),
        Event::MessageDelta(_)
        | Event::MessageEnd(_)
        | Event::ThoughtDelta(_)
        | Event::Progress(_)
        | Event::ToolFailed(_)
        | Event::Usage(_)
        | Event::ModelUsed(_)
        | Event::Other(_) => None,
    }
}

fn bytes(payload: &Payload) -> &[u8] {
    match payload {
        Payload::Text(text) | Payload::Json(text) => text.as_bytes(),
        Payload::Blob(_) => &[],
    }
}

fn replace_payload(event: &mut Event, blob: Option<Blob>) {
    let Some(payload) = payload(event) else { return };
    *payload = match (blob, &payload) {
        (Some(blob), _) => Payload::Blob(blob),
        (None, Payload::Text(text) | Payload::Json(text)) => {
            let end = text.floor_char_boundary(BEGINNING_BYTES_MAX);
            Payload::Json(json!({"beginning": &text[..end], "bytes": text.len()}).to_string())
        }
        (None, Payload::Blob(blob)) => Payload::Blob(*blob),
    };
}
