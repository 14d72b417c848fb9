//! Writing to a process without ever running into a full queue.

use std::collections::VecDeque;

use crate::{Op, Outputs, Part, StdinProgress, WriteStdin};

/// Bytes that may be held back here, beyond what waits at the host: a process that reads nothing must not fill
/// the memory of the guest.
pub const HELD_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The process reads too slowly: [`HELD_BYTES_MAX`] bytes are held back already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StdinFull;

impl std::fmt::Display for StdinFull {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the process does not read: {HELD_BYTES_MAX} bytes wait to be written to it")
    }
}

impl std::error::Error for StdinFull {}

/// The standard input of one process. Writes go out in order, whole, and never more at once than the host's queue takes.
///
/// Bytes are cut so that they fit the queue. Parts with blobs go out together, and the host may refuse them if their
/// bytes are more than the queue takes.
#[derive(Debug)]
pub struct Stdin {
    process: Op,
    queue_bytes: usize,
    /// An upper bound of what waits at the host: it reports only when its queue is empty or has room again.
    waiting: usize,
    held: VecDeque<(Vec<Part>, usize)>,
    held_bytes: usize,
}

impl Stdin {
    /// For the process with this op; `queue_bytes` is `limits.stdin-queue-bytes`.
    pub fn new(process: Op, queue_bytes: u32) -> Self {
        let queue_bytes = usize::try_from(queue_bytes).unwrap_or(usize::MAX);
        Self { process, queue_bytes, waiting: 0, held: VecDeque::new(), held_bytes: 0 }
    }

    /// Write these bytes: all of them, or none.
    pub fn write(&mut self, bytes: Vec<u8>, out: &mut Outputs) -> Result<(), StdinFull> {
        if bytes.len() <= self.queue_bytes {
            return self.write_parts(vec![Part::Bytes(bytes)], 0, out);
        }
        if self.held_bytes + bytes.len() > HELD_BYTES_MAX {
            return Err(StdinFull);
        }
        for piece in bytes.chunks(self.queue_bytes.max(1)) {
            self.write_parts(vec![Part::Bytes(piece.to_vec())], 0, out)?;
        }
        Ok(())
    }

    /// Write these parts; `blob_bytes` is how many bytes their blobs become.
    pub fn write_parts(
        &mut self,
        parts: Vec<Part>,
        blob_bytes: usize,
        out: &mut Outputs,
    ) -> Result<(), StdinFull> {
        let inline: usize = parts.iter().map(inline_bytes).sum();
        if self.held_bytes + inline > HELD_BYTES_MAX {
            return Err(StdinFull);
        }
        self.held_bytes += inline;
        self.held.push_back((parts, inline + blob_bytes));
        self.flush(out);
        Ok(())
    }

    /// The host said how far writing has come.
    pub fn progress(&mut self, progress: &StdinProgress, out: &mut Outputs) {
        self.waiting = usize::try_from(progress.queued).unwrap_or(usize::MAX);
        self.flush(out);
    }

    fn flush(&mut self, out: &mut Outputs) {
        while let Some((_, bytes)) = self.held.front() {
            if self.waiting > 0 && self.waiting.saturating_add(*bytes) > self.queue_bytes {
                return;
            }
            if let Some((parts, bytes)) = self.held.pop_front() {
                self.held_bytes -= parts.iter().map(inline_bytes).sum::<usize>();
                self.waiting = self.waiting.saturating_add(bytes);
                out.push(WriteStdin { process: self.process, parts, extra: String::new() });
            }
        }
    }
}

fn inline_bytes(part: &Part) -> usize {
    match part {
        Part::Bytes(bytes) => bytes.len(),
        Part::BlobRaw(_) | Part::BlobBase64(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Output;

    fn written(out: Outputs) -> Vec<String> {
        out.into_vec()
            .into_iter()
            .map(|output| match output {
                Output::WriteStdin(WriteStdin { parts, .. }) => match &parts[..] {
                    [Part::Bytes(bytes)] => String::from_utf8_lossy(bytes).into_owned(),
                    other => panic!("one part of bytes expected: {other:?}"),
                },
                other => panic!("a write expected: {other:?}"),
            })
            .collect()
    }

    fn progress(queued: u32) -> StdinProgress {
        StdinProgress { op: 1, accepted: 0, queued, extra: String::new() }
    }

    #[test]
    fn writes_are_held_back_until_the_queue_has_room_and_stay_in_order() {
        let (mut stdin, mut out) = (Stdin::new(1, 10), Outputs::new());
        for word in ["12345", "67890", "abc", "d"] {
            stdin.write(word.into(), &mut out).expect("there is room");
        }
        assert_eq!(written(std::mem::take(&mut out)), ["12345", "67890"]);
        stdin.progress(&progress(8), &mut out);
        assert!(out.is_empty(), "a later, smaller write does not overtake");
        stdin.progress(&progress(0), &mut out);
        assert_eq!(written(out), ["abc", "d"]);
    }

    #[test]
    fn a_write_that_is_larger_than_the_queue_goes_out_in_pieces() {
        let (mut stdin, mut out) = (Stdin::new(1, 4), Outputs::new());
        stdin.write(b"123456".to_vec(), &mut out).expect("there is room");
        stdin.write(b"7".to_vec(), &mut out).expect("there is room");
        assert_eq!(written(std::mem::take(&mut out)), ["1234"]);
        stdin.progress(&progress(0), &mut out);
        assert_eq!(written(out), ["56", "7"]);
    }

    #[test]
    fn parts_go_out_together_and_alone() {
        let (mut stdin, mut out) = (Stdin::new(1, 4), Outputs::new());
        let parts = vec![Part::Bytes(b"1".to_vec()), Part::BlobRaw(2)];
        stdin.write_parts(parts.clone(), 100, &mut out).expect("there is room");
        stdin.write(b"7".to_vec(), &mut out).expect("there is room");
        let whole = WriteStdin { process: 1, parts, extra: String::new() };
        assert_eq!(std::mem::take(&mut out).into_vec(), [whole.into()]);
        stdin.progress(&progress(0), &mut out);
        assert_eq!(written(out), ["7"]);
    }

    #[test]
    fn a_process_that_reads_nothing_is_an_error_not_a_full_memory() {
        let (queue_bytes, mut out) = (1024, Outputs::new());
        let mut stdin = Stdin::new(1, queue_bytes);
        stdin.write(vec![b'x'; HELD_BYTES_MAX], &mut out).expect("its beginning goes to the host");
        assert_eq!(out.len(), 1);
        stdin.write(vec![b'x'; 1024], &mut out).expect("is held");
        assert_eq!(stdin.write(vec![b'x'], &mut out), Err(StdinFull));
        assert_eq!(stdin.write(vec![b'x'; 2000], &mut out), Err(StdinFull), "nothing of it");
        stdin.progress(&progress(0), &mut out);
        assert_eq!(out.len(), 2);
    }
}
