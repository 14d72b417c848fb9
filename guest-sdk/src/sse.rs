//! Server-sent events from the pieces in which the body of an answer arrives.
//!
//! The rules are those of the event stream in the HTML standard: lines end with LF, CR or both, a line that begins
//! with a colon is a comment, `data` may have several lines, an `id` holds until there is another one, and an event
//! that is not complete at the end is none. In a session [`Response::next_event`](crate::Response::next_event)
//! reads them.

use crate::{ChunkEnd, Millis};

/// What the standard calls an event without a name.
const UNNAMED: &str = "message";

/// What may stand at the beginning of a stream and means nothing.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its name; `message` if it has none.
    pub event: String,
    /// Its lines, with line feeds between them.
    pub data: String,
    /// The last id that was given, with this event or before it; empty if there was none.
    pub id: String,
    /// The last time that was given to wait before asking again, with this event or before it.
    pub retry_ms: Option<Millis>,
}

/// An event that went over the cap. The rest of it is skipped; the next event is whole again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTooLarge {
    /// The cap, in bytes.
    pub cap: usize,
}

impl std::fmt::Display for EventTooLarge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "an event is larger than {} bytes", self.cap)
    }
}

impl std::error::Error for EventTooLarge {}

/// Puts events together, from a body as it came and from one that the host cut at line feeds.
///
/// ```
/// use omi_adapter_sdk::{ChunkEnd, sse::Events};
///
/// let mut events = Events::new(1024);
/// assert!(events.push(b"event: delta\ndata: hel", ChunkEnd::Open).is_empty());
/// let complete = events.push(b"lo\n\n", ChunkEnd::Open);
/// let event = complete[0].as_ref().expect("it is small");
/// assert_eq!((event.event.as_str(), event.data.as_str()), ("delta", "hello"));
/// ```
#[derive(Debug)]
pub struct Events {
    cap: usize,
    line: Vec<u8>,
    is_first_line: bool,
    /// The last byte was a CR: an LF after it belongs to the same line end.
    after_return: bool,
    /// The event is too large; it is over at the next empty line.
    skipping: bool,
    /// The line has bytes, kept or skipped.
    has_bytes: bool,
    event: String,
    /// Each line of data with a line feed.
    data: String,
    id: String,
    retry_ms: Option<Millis>,
}

impl Events {
    /// Events of at most `cap` bytes, their names and line ends included.
    pub fn new(cap: usize) -> Self {
        Self {
            cap,
            line: Vec::new(),
            is_first_line: true,
            after_return: false,
            skipping: false,
            has_bytes: false,
            event: String::new(),
            data: String::new(),
            id: String::new(),
            retry_ms: None,
        }
    }

    /// Take a piece; give the events that it completes.
    pub fn push(&mut self, piece: &[u8], end: ChunkEnd) -> Vec<Result<Event, EventTooLarge>> {
        let mut events = Vec::new();
        for byte in piece {
            events.extend(self.byte(*byte));
        }
        if end == ChunkEnd::Newline {
            // The host took one line end away, so a CR that is left ended a line of its own.
            self.after_return &= piece.is_empty();
            events.extend(self.byte(b'\n'));
        }
        events
    }

    fn byte(&mut self, byte: u8) -> Option<Result<Event, EventTooLarge>> {
        let after_return = std::mem::replace(&mut self.after_return, byte == b'\r');
        match byte {
            b'\n' if after_return => None,
            b'\n' | b'\r' => self.end_line().map(Ok),
            _ => {
                self.has_bytes = true;
                self.keep(byte).err().map(Err)
            }
        }
    }

    /// An error is given once for each event that is too large.
    fn keep(&mut self, byte: u8) -> Result<(), EventTooLarge> {
        if self.skipping {
            return Ok(());
        }
        self.line.push(byte);
        if self.line.len() + self.data.len() + self.event.len() <= self.cap {
            return Ok(());
        }
        self.skipping = true;
        self.line.clear();
        self.forget();
        Err(EventTooLarge { cap: self.cap })
    }

    fn end_line(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        let has_bytes = std::mem::take(&mut self.has_bytes);
        let is_first_line = std::mem::take(&mut self.is_first_line);
        if self.skipping {
            self.skipping = has_bytes;
            return None;
        }
        let line = match line.strip_prefix(BYTE_ORDER_MARK) {
            Some(rest) if is_first_line => rest,
            Some(_) | None => &line,
        };
        if line.is_empty() {
            return self.complete();
        }
        let line = String::from_utf8_lossy(line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        self.field(field, value.strip_prefix(' ').unwrap_or(value));
        None
    }

    fn field(&mut self, field: &str, value: &str) {
        match field {
            "event" => value.clone_into(&mut self.event),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                // More than fits is as good as for ever.
                self.retry_ms = Some(value.parse().unwrap_or(Millis::MAX));
            }
            // A comment, whose name is empty, or a field that the standard does not know.
            _ => {}
        }
    }

    /// An event without data is none, but its id counts.
    fn complete(&mut self) -> Option<Event> {
        let event = (!self.data.is_empty()).then(|| {
            let name = if self.event.is_empty() { UNNAMED } else { &self.event };
            let data = self.data.strip_suffix('\n').unwrap_or(&self.data);
            Event {
                event: name.to_owned(),
                data: data.to_owned(),
                id: self.id.clone(),
                retry_ms: self.retry_ms,
            }
        });
        self.forget();
        event
    }

    fn forget(&mut self) {
        self.event.clear();
        self.data.clear();
    }
}
