//! What attempts did, on its way to the host: in order, and with large payloads as blobs.

use std::collections::VecDeque;

use omi_adapter_sdk::{
    Artifact, Attempt, AttemptEvent, Blob, CreateBlob, Event, Op, Output, Outputs, Payload, log,
};

use crate::link::Link;

/// Events that wait for a blob hold up what comes after them.
pub(crate) struct Outbox {
    inline_bytes: usize,
    waiting: VecDeque<Entry>,
}

enum Entry {
    Ready(Output),
    /// An artifact whose content becomes the blob of this op.
    NeedsBlob(Op, Attempt, Box<Artifact>),
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
        match event {
            Event::Artifact(mut artifact) if content_bytes(&artifact) > self.outbox.inline_bytes => {
                let bytes = match artifact.content.take() {
                    Some(Payload::Text(text) | Payload::Json(text)) => text.into_bytes(),
                    Some(Payload::Blob(_)) | None => Vec::new(),
                };
                self.artifact_of_bytes(artifact, bytes);
            }
            event => self.outbox.push(AttemptEvent::new(self.attempt, event), self.out),
        }
    }

    /// The attempt made a file of these bytes.
    pub(crate) fn artifact_of_bytes(&mut self, artifact: Artifact, bytes: Vec<u8>) {
        let op = self.link.op();
        self.out.push(CreateBlob::of_attempt(op, self.attempt, bytes));
        self.outbox.waiting.push_back(Entry::NeedsBlob(op, self.attempt, Box::new(artifact)));
    }

    /// Bytes of text that may travel in one event.
    pub(crate) fn inline_bytes(&self) -> usize {
        self.outbox.inline_bytes
    }
}

impl Outbox {
    /// `inline_bytes` is `limits.inline-bytes`.
    pub(crate) fn new(inline_bytes: u32) -> Self {
        Self { inline_bytes: usize::try_from(inline_bytes).unwrap_or(usize::MAX), waiting: VecDeque::new() }
    }

    /// Something, after everything that waits.
    pub(crate) fn push(&mut self, output: impl Into<Output>, out: &mut Outputs) {
        self.waiting.push_back(Entry::Ready(output.into()));
        self.flush(out);
    }

    /// The host keeps a content, or does not. Says whether the op was one of these.
    pub(crate) fn blob(&mut self, op: Op, blob: Option<Blob>, out: &mut Outputs) -> bool {
        let is_it = |entry: &Entry| matches!(entry, Entry::NeedsBlob(one, _, _) if *one == op);
        let Some(place) = self.waiting.iter().position(is_it) else { return false };
        if let Some(Entry::NeedsBlob(_, attempt, mut artifact)) = self.waiting.remove(place) {
            if blob.is_none() {
                log::warn("the host keeps no content of a file, so only its name is told");
            }
            artifact.content = blob.map(Payload::Blob);
            let event = AttemptEvent::new(attempt, Event::Artifact(*artifact));
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
                Entry::NeedsBlob(_, attempt, artifact) => {
                    out.push(AttemptEvent::new(attempt, Event::Artifact(*artifact)));
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

fn content_bytes(artifact: &Artifact) -> usize {
    match &artifact.content {
        Some(Payload::Text(text) | Payload::Json(text)) => text.len(),
        Some(Payload::Blob(_)) | None => 0,
    }
}
