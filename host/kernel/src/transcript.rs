//! The text of one attempt while it streams: what is live, what is due to be kept, what is whole (seed §11.3).
//!
//! A delta goes out at once with its place in its message; what is kept are larger chunks, at most one in
//! [`CHUNK_MS_MIN`] per attempt, each saying which bytes of the message it covers, so that nobody shows a text twice.

use crate::id::Timestamp;

/// The least time between two kept chunks of one attempt (seed §11.3).
pub const CHUNK_MS_MIN: i64 = 100;

/// A piece of a message to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Which message of the attempt.
    pub message: String,
    /// Where the piece begins, in bytes.
    pub offset: usize,
    /// The piece.
    pub text: String,
}

/// A message that streams.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Message {
    name: String,
    text: String,
    kept: usize,
}

/// The text of one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transcript {
    complete: Vec<String>,
    current: Option<Message>,
    kept_at: Timestamp,
}

impl Transcript {
    /// Takes a delta in. Answers where it begins in its message, in bytes.
    ///
    /// The caller completes the current message first if `message` names another one
    /// (see [`streams`](Self::streams)).
    pub fn push(&mut self, message: &str, delta: &str) -> usize {
        let current = self.current.get_or_insert_with(|| Message {
            name: message.to_owned(),
            text: String::new(),
            kept: 0,
        });
        let offset = current.text.len();
        current.text.push_str(delta);
        offset
    }

    /// The message that streams at the moment.
    pub fn streams(&self) -> Option<&str> {
        self.current.as_ref().map(|message| message.name.as_str())
    }

    /// When the next chunk is due, if text waits for it.
    pub fn due(&self) -> Option<Timestamp> {
        let current = self.current.as_ref()?;
        (current.kept < current.text.len()).then_some(Timestamp(self.kept_at.0 + CHUNK_MS_MIN))
    }

    /// Takes out what waits to be kept.
    pub fn chunk(&mut self, now: Timestamp) -> Option<Chunk> {
        let current = self.current.as_mut()?;
        if current.kept == current.text.len() {
            return None;
        }
        let offset = current.kept;
        current.kept = current.text.len();
        self.kept_at = now;
        Some(Chunk { message: current.name.clone(), offset, text: current.text[offset..].to_owned() })
    }

    /// Ends the current message. Answers its name and its whole text.
    pub fn complete(&mut self) -> Option<(String, String)> {
        let current = self.current.take()?;
        self.complete.push(current.text.clone());
        Some((current.name, current.text))
    }

    /// The text of all messages, whole or not, with an empty line between two.
    pub fn text(&self) -> String {
        let streaming = self.current.as_ref().map(|message| message.text.as_str());
        let all: Vec<&str> = self.complete.iter().map(String::as_str).chain(streaming).collect();
        all.join("\n\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_cover_every_byte_once() {
        let mut transcript = Transcript::default();
        assert_eq!(transcript.push("m1", "Grüße"), 0);
        assert_eq!(transcript.push("m1", " an"), "Grüße".len());
        let first = transcript.chunk(Timestamp(1000)).unwrap();
        assert_eq!((first.offset, first.text.as_str()), (0, "Grüße an"));
        assert_eq!(transcript.chunk(Timestamp(1001)), None);
        assert_eq!(transcript.due(), None);
        transcript.push("m1", " alle");
        assert_eq!(transcript.due(), Some(Timestamp(1100)));
        let second = transcript.chunk(Timestamp(1100)).unwrap();
        assert_eq!((second.offset, second.text.as_str()), (first.text.len(), " alle"));
        assert_eq!(transcript.complete(), Some(("m1".into(), "Grüße an alle".into())));
    }

    #[test]
    fn the_text_is_all_messages() {
        let mut transcript = Transcript::default();
        transcript.push("m1", "one");
        transcript.complete();
        transcript.push("m2", "two");
        assert_eq!(transcript.text(), "one\n\ntwo");
    }
}
