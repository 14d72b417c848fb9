//! The pretended runtime of a worker: its processes and its requests.

use serde_json::json;

use super::Stage;
use crate::output::{Framing, HttpRequest};
use crate::peer::{Kept, Said};
use crate::told;

/// Bytes of a line that are shown where no reply fits it.
const SHOWN_BYTES: usize = 160;

/// A process that is only played.
#[derive(Debug)]
pub(super) struct Child {
    /// Which process of the peer file it is.
    pub(super) peer: usize,
    pub(super) stdout: Framing,
    /// What was written to it and is no whole line yet.
    pub(super) partial: Vec<u8>,
    pub(super) kept: Kept,
    pub(super) running: bool,
    /// What waits in its queue.
    pub(super) queued: Vec<u8>,
}

impl Stage<'_> {
    /// The runtime takes a step; not if it is gone by then.
    pub(super) fn steps_on(&mut self) -> bool {
        self.steps += 1;
        !self.is_gone()
    }

    /// A process takes what waits for it.
    pub(super) fn child_takes(&mut self, op: u32) {
        let Some(child) = self.children.get_mut(&op).filter(|child| child.running) else { return };
        let bytes = std::mem::take(&mut child.queued);
        self.queue.push_back(told::stdin_progress(op, bytes.len()));
        self.child_hears(op, &bytes);
    }

    /// Bytes are written to a process; each line is a step.
    pub(super) fn child_hears(&mut self, op: u32, bytes: &[u8]) {
        let Some(child) = self.children.get_mut(&op) else { return };
        child.partial.extend_from_slice(bytes);
        while let Some(line) = self.children.get_mut(&op).and_then(next_line) {
            if !self.steps_on() {
                return self.child_exits(op, &json!({ "code": 1 }));
            }
            let said = self.said(op, &line);
            said.lines.iter().for_each(|line| self.child_says(op, line.as_bytes()));
            if let Some(code) = said.exit {
                return self.child_exits(op, &json!({ "code": code }));
            }
        }
    }

    fn said(&mut self, op: u32, line: &str) -> Said {
        let peer = self.subject.peer.as_ref();
        let child = self.children.get_mut(&op);
        let said = peer.zip(child).and_then(|(peer, child)| {
            peer.process.get(child.peer).and_then(|process| process.hears(line, &mut child.kept))
        });
        said.unwrap_or_else(|| {
            self.unheard = Some(line[..line.floor_char_boundary(SHOWN_BYTES)].to_owned());
            Said { lines: Vec::new(), exit: None }
        })
    }

    /// A process says a line, cut as the adapter asked for it and as the weather has it.
    pub(super) fn child_says(&mut self, op: u32, line: &[u8]) {
        let Some(child) = self.children.get(&op).filter(|child| child.running) else { return };
        let most = self.weather.limits().chunk_bytes;
        self.weathered |= line.len() >= most;
        match child.stdout {
            Framing::Bytes => {
                let whole = [line, b"\n"].concat();
                self.queue.extend(whole.chunks(most).map(|piece| told::stdout(op, piece, "open")));
            }
            Framing::Lines(cap) => {
                let pieces = lines(&[line, b"\n"].concat(), cap, most);
                self.queue.extend(pieces.iter().map(|(piece, end)| told::stdout(op, piece, end)));
            }
        }
    }

    /// The body of an answer, cut as the adapter asked for it.
    pub(super) fn http_body(&mut self, request: &HttpRequest, body: &[u8]) {
        let most = self.weather.limits().chunk_bytes;
        self.weathered |= body.len() > most;
        let op = request.op;
        match request.framing {
            Framing::Bytes => {
                self.queue.extend(body.chunks(most).map(|piece| told::http_body(op, piece, "open")));
            }
            Framing::Lines(cap) => {
                let pieces = lines(body, cap, most);
                self.queue.extend(pieces.iter().map(|(piece, end)| told::http_body(op, piece, end)));
            }
        }
    }

    /// A process ends.
    pub(super) fn child_exits(&mut self, op: u32, exit: &serde_json::Value) {
        let Some(child) = self.children.get_mut(&op).filter(|child| child.running) else { return };
        child.running = false;
        self.queue.push_back(told::stdout(op, b"", "eof"));
        self.queue.push_back(told::exited(op, exit));
    }
}

fn next_line(child: &mut Child) -> Option<String> {
    let end = child.partial.iter().position(|byte| *byte == b'\n').filter(|_| child.running)?;
    let line: Vec<u8> = child.partial.drain(..=end).collect();
    Some(String::from_utf8_lossy(&line[..end]).into_owned())
}

/// Bytes cut at line feeds, which are removed, and where a line is longer than the cap.
fn lines(bytes: &[u8], cap: u32, most: usize) -> Vec<(Vec<u8>, &'static str)> {
    let cap = usize::try_from(cap).ok().filter(|cap| *cap > 0).unwrap_or(usize::MAX).min(most);
    let mut cut = Vec::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let (line, end) = line.strip_suffix(b"\n").map_or((line, "open"), |line| (line, "newline"));
        let mut pieces: Vec<&[u8]> = line.chunks(cap).collect();
        let last = pieces.pop().unwrap_or_default();
        cut.extend(pieces.into_iter().map(|piece| (piece.to_vec(), "split")));
        cut.push((last.to_vec(), end));
    }
    cut
}
