//! What a person was told of a task, so that a snapshot that repeats it tells nothing twice.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use omi_adapter_sdk::{Artifact as ArtifactEvent, Event, MessageDelta, Payload, Progress, log};
use serde_json::json;

use crate::mark::Mark;
use crate::outbox::Sink;
use crate::reading::{Artifact, Message, Part};

/// Earlier lengths of a text that are known again: a snapshot is behind by a few pieces, not by thousands.
const LENGTHS_MAX: usize = 1024;

/// What was told of one task.
#[derive(Debug, Default)]
pub(crate) struct Said {
    artifacts: BTreeMap<String, Told>,
    /// The messages that were told, by the mark of their id, or of their text where they have none.
    messages: BTreeSet<Mark>,
    /// The message that is being told: of which thing, and its name.
    current: Option<(String, String)>,
    names: u32,
    /// A part of the answer was told.
    pub(crate) answered: bool,
}

/// The text of a result that was told, and the files in it.
#[derive(Debug, Default)]
struct Told {
    /// The mark of its text at each of its last lengths, the present one last.
    lengths: VecDeque<(usize, Mark)>,
    files: BTreeSet<Mark>,
}

impl Said {
    /// A result, or a piece of one. Says whether there was something new in it.
    pub(crate) fn artifact(&mut self, artifact: Artifact, append: bool, sink: &mut Sink<'_>) -> bool {
        let mut text = String::new();
        let mut is_new = false;
        for part in artifact.parts {
            match part {
                Part::Text(more) => text.push_str(&more),
                file => is_new |= self.file(&artifact.id, artifact.name.as_deref(), file, sink),
            }
        }
        let told = self.artifacts.entry(artifact.id.clone()).or_default();
        let (news, is_other) = if append { (text.as_str(), false) } else { told.rest_of(&text) };
        if is_other {
            told.lengths.clear();
        }
        told.grow(news);
        let key = format!("artifact-{}", artifact.id);
        self.text(&key, news, is_other, sink);
        is_new || !news.is_empty()
    }

    /// A message that is a part of the answer. Says whether it was new.
    pub(crate) fn answer(&mut self, message: Message, sink: &mut Sink<'_>) -> bool {
        if !self.messages.insert(key_of(&message)) {
            return false;
        }
        let key = format!("message-{}", message.id);
        for part in message.parts {
            match part {
                Part::Text(text) => self.text(&key, &text, false, sink),
                file => {
                    self.file(&key, None, file, sink);
                }
            }
        }
        true
    }

    /// A message about the work. Says whether it was new.
    pub(crate) fn progress(&mut self, message: &Message, sink: &mut Sink<'_>) -> bool {
        if !self.messages.insert(key_of(message)) {
            return false;
        }
        let text = message.text();
        if !text.trim().is_empty() {
            self.end_message(sink);
            sink.event(Event::Progress(Progress { text, extra: String::new() }));
        }
        true
    }

    /// A message that is told in another way. Says whether it was new.
    pub(crate) fn note(&mut self, message: &Message) -> bool {
        self.messages.insert(key_of(message))
    }

    /// What is being told is complete.
    pub(crate) fn end_message(&mut self, sink: &mut Sink<'_>) {
        if let Some((_, name)) = self.current.take() {
            sink.event(Event::MessageEnd(name));
        }
    }

    fn text(&mut self, key: &str, text: &str, is_other: bool, sink: &mut Sink<'_>) {
        if text.is_empty() {
            return;
        }
        self.answered = true;
        let goes_on = self.current.as_ref().is_some_and(|(current, _)| current == key) && !is_other;
        if !goes_on {
            self.end_message(sink);
            self.names += 1;
            self.current = Some((key.to_owned(), format!("{}-{key}", self.names)));
        }
        let Some((_, name)) = &self.current else { return };
        let mut rest = text;
        while !rest.is_empty() {
            // A character has four bytes at most, so each piece has at least one.
            let (piece, next) = rest.split_at(rest.floor_char_boundary(sink.inline_bytes().max(4)));
            let delta = MessageDelta { message: name.clone(), text: piece.to_owned(), extra: String::new() };
            sink.event(Event::MessageDelta(delta));
            rest = next;
        }
    }

    /// Anything that is no text. Says whether it was new.
    fn file(&mut self, owner: &str, title: Option<&str>, part: Part, sink: &mut Sink<'_>) -> bool {
        let told = self.artifacts.entry(owner.to_owned()).or_default();
        let number = told.files.len();
        if !told.files.insert(mark_of(&part)) {
            return false;
        }
        self.answered = true;
        let named = |name: Option<String>| name.or_else(|| title.map(str::to_owned));
        let mut event = ArtifactEvent {
            kind: "file".to_owned(),
            role: "result".to_owned(),
            uri: format!("a2a:{owner}/{number}"),
            name: None,
            mime_type: None,
            content: None,
            extra: String::new(),
        };
        match part {
            Part::Text(_) => return false,
            Part::TextFile { text, name, mime_type } => {
                (event.name, event.mime_type) = (Some(name), mime_type);
                event.content = Some(Payload::Text(text));
            }
            Part::Bytes { base64, name, mime_type } => {
                (event.name, event.mime_type) = (named(name), mime_type);
                match STANDARD.decode(base64.as_bytes()) {
                    Ok(bytes) => return self.bytes(event, bytes, sink),
                    Err(error) => {
                        log::warn(&format!("a file of the agent is not base64: {error}"));
                        event.extra = json!({ "unreadable": true }).to_string();
                    }
                }
            }
            Part::Link { uri, name, mime_type } => {
                (event.uri, event.name, event.mime_type) = (uri, named(name), mime_type);
            }
            Part::Data(data) => {
                (event.kind, event.name) = ("data".to_owned(), named(None));
                event.mime_type = Some("application/json".to_owned());
                event.content = Some(Payload::Json(data.to_string()));
            }
        }
        self.end_message(sink);
        sink.event(Event::Artifact(event));
        true
    }

    fn bytes(&mut self, event: ArtifactEvent, bytes: Vec<u8>, sink: &mut Sink<'_>) -> bool {
        self.end_message(sink);
        sink.artifact_of_bytes(event, bytes);
        true
    }
}

impl Told {
    /// How much was told.
    fn now(&self) -> (usize, Mark) {
        self.lengths.back().copied().unwrap_or((0, Mark::new()))
    }

    fn grow(&mut self, news: &str) {
        let (bytes, mark) = self.now();
        self.lengths.push_back((bytes + news.len(), mark.and(news)));
        if self.lengths.len() > LENGTHS_MAX {
            self.lengths.pop_front();
        }
    }

    /// What of a whole text was not told yet, and whether it is another text than was told.
    fn rest_of<'a>(&self, text: &'a str) -> (&'a str, bool) {
        let (bytes, mark) = self.now();
        match text.split_at_checked(bytes) {
            Some((told, rest)) if Mark::of(told) == mark => (rest, false),
            // An older snapshot.
            _ if text.is_empty() || self.lengths.contains(&(text.len(), Mark::of(text))) => ("", false),
            _ => (text, true),
        }
    }
}

fn key_of(message: &Message) -> Mark {
    if message.id.is_empty() { Mark::of(&message.text()) } else { Mark::of("id ").and(&message.id) }
}

fn mark_of(part: &Part) -> Mark {
    match part {
        Part::Text(text) => Mark::of(text),
        Part::TextFile { text, name, .. } => Mark::of(name).and("\n").and(text),
        Part::Bytes { base64, name, .. } => {
            Mark::of(name.as_deref().unwrap_or_default()).and("\n").and(base64)
        }
        Part::Link { uri, .. } => Mark::of(uri),
        Part::Data(data) => Mark::of(&data.to_string()),
    }
}
