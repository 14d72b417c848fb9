//! The other side of the pipe: JSON-RPC, one message a line.

use std::collections::VecDeque;
use std::io::{BufRead as _, Stdout, Write as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::manner::Manner;
use crate::rude;

/// What the client answered.
pub(crate) struct Answer {
    pub(crate) result: Result<Value, Value>,
    /// A cancellation arrived before it.
    pub(crate) cancelled: bool,
}

/// The other side of the pipe.
pub(crate) struct Peer {
    lines: Receiver<Value>,
    /// What arrived while something else was waited for.
    waiting: VecDeque<Value>,
    requests: u64,
    out: Stdout,
    manner: Manner,
    /// Cancellations that it does not hear.
    lost: u32,
}

impl Peer {
    pub(crate) fn start(manner: Manner) -> Self {
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines().map_while(Result::ok) {
                let message = serde_json::from_str(&line).unwrap_or_default();
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let lost = if manner == Manner::Deaf { u32::MAX } else { u32::from(manner == Manner::Lossy) };
        Self { lines, waiting: VecDeque::new(), requests: 0, out: std::io::stdout(), manner, lost }
    }

    /// The next message; none at the end of input.
    pub(crate) fn next(&mut self) -> Option<Value> {
        self.waiting.pop_front().or_else(|| self.lines.recv().ok())
    }

    /// Whether a cancellation arrives within a time. The error is the end of input.
    pub(crate) fn cancelled(&mut self, session: &str, within: Duration) -> Result<bool, ()> {
        match self.lines.recv_timeout(within) {
            Ok(message) if is_cancel(&message, session) && self.lost > 0 => {
                self.lost -= 1;
                Ok(false)
            }
            Ok(message) if is_cancel(&message, session) => Ok(true),
            Ok(message) => {
                self.waiting.push_back(message);
                Ok(false)
            }
            Err(RecvTimeoutError::Timeout) => Ok(false),
            Err(RecvTimeoutError::Disconnected) => Err(()),
        }
    }

    /// Asks the client, and waits for its answer. The error is the end of input.
    pub(crate) fn ask(&mut self, method: &str, params: &Value, session: &str) -> Result<Answer, ()> {
        self.requests += 1;
        let id = self.requests;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        let mut cancelled = false;
        loop {
            let message = self.lines.recv().map_err(|_| ())?;
            if message["id"] == id && message.get("method").is_none() {
                let error = &message["error"];
                let result = if error.is_null() { Ok(message["result"].clone()) } else { Err(error.clone()) };
                return Ok(Answer { result, cancelled });
            }
            if is_cancel(&message, session) {
                cancelled = true;
            } else {
                self.waiting.push_back(message);
            }
        }
    }

    pub(crate) fn notify(&self, method: &str, params: &Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    pub(crate) fn answer(&self, id: &Value, result: &Value) {
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "result": result }));
    }

    pub(crate) fn fail(&self, id: &Value, code: i64, message: &str) {
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } }));
    }

    fn send(&self, message: &Value) {
        let mut out = self.out.lock();
        let written = if self.manner == Manner::Noisy {
            out.write_all(&rude::noisy(message))
        } else if self.manner == Manner::Drip {
            rude::drip(&mut out, message)
        } else {
            writeln!(out, "{message}")
        };
        if written.and_then(|()| out.flush()).is_err() {
            // Nobody reads any more.
            std::process::exit(0);
        }
    }
}

fn is_cancel(message: &Value, session: &str) -> bool {
    message["method"] == "session/cancel" && message["params"]["sessionId"] == session
}
