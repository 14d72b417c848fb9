//! Server-sent events as a client reads them.

use std::io::{BufReader, Read as _};

use serde_json::Value;

use super::{Stream, chunk, end_of_line};

/// Server-sent events as they come.
pub struct Events {
    stream: BufReader<Box<dyn Stream>>,
    /// Bytes of the chunk that are not read yet.
    left: usize,
}

/// One of them.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerEvent {
    /// Its cursor, if it has one.
    pub id: Option<i64>,
    /// What it is.
    pub kind: String,
    /// What it says.
    pub data: Value,
}

impl Events {
    pub(super) fn new(stream: BufReader<Box<dyn Stream>>) -> Self {
        Self { stream, left: 0 }
    }

    /// The next one.
    pub fn event(&mut self) -> ServerEvent {
        let mut event = ServerEvent { id: None, kind: String::new(), data: Value::Null };
        loop {
            let line = self.line();
            let Some((field, value)) = line.split_once(": ") else {
                if line.is_empty() && !event.kind.is_empty() {
                    return event;
                }
                continue;
            };
            match field {
                "id" => event.id = Some(value.parse().expect("a cursor")),
                "event" => value.clone_into(&mut event.kind),
                "data" => event.data = serde_json::from_str(value).expect("JSON"),
                other => panic!("no field of an event: {other}"),
            }
        }
    }

    /// All that come up to one that satisfies a condition, with it.
    pub fn up_to(&mut self, wanted: impl Fn(&ServerEvent) -> bool) -> Vec<ServerEvent> {
        let mut seen = Vec::new();
        loop {
            let event = self.event();
            seen.push(event.clone());
            if wanted(&event) {
                return seen;
            }
        }
    }

    fn line(&mut self) -> String {
        let mut line = Vec::new();
        loop {
            if self.left == 0 {
                self.left = chunk(&mut self.stream);
                assert_ne!(self.left, 0, "the stream has ended");
            }
            let mut byte = [0];
            self.stream.read_exact(&mut byte).expect("a byte");
            self.left -= 1;
            if self.left == 0 {
                end_of_line(&mut self.stream);
            }
            if byte == *b"\n" {
                return String::from_utf8(line).expect("text");
            }
            line.push(byte[0]);
        }
    }
}
