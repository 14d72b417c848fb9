//! What waits to be written to a program: one piece at a time, and a refused one goes first when there is room again.

use omi_adapter_sdk::{Op, Outputs, Part, WriteStdin};

/// Bytes that may wait: a program that reads nothing must not fill the memory of its adapter.
const WAITING_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The standard input of one program.
#[derive(Debug)]
pub(crate) struct Writer {
    process: Op,
    piece_bytes: usize,
    waiting: Vec<u8>,
    /// The last piece that was given to the host: it may still be refused.
    given: Vec<u8>,
    /// Nothing is given to the host before it says how far it has come.
    held: bool,
}

/// The program reads too slowly.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Writer {
    /// For the program with this op, in pieces of at most so many bytes.
    pub(crate) fn new(process: Op, piece_bytes: u32) -> Self {
        let piece_bytes = usize::try_from(piece_bytes).unwrap_or(usize::MAX).max(1);
        Self { process, piece_bytes, waiting: Vec::new(), given: Vec::new(), held: false }
    }

    /// Writes these bytes, all of them or none.
    pub(crate) fn write(&mut self, bytes: &[u8], out: &mut Outputs) -> Result<(), Full> {
        if self.waiting.len() + bytes.len() > WAITING_BYTES_MAX {
            return Err(Full);
        }
        self.waiting.extend_from_slice(bytes);
        self.give(out);
        Ok(())
    }

    /// The host's queue was full: the last piece was not written. Without one this comes too late and is ignored.
    pub(crate) fn would_block(&mut self) {
        if self.given.is_empty() {
            return;
        }
        let after = std::mem::take(&mut self.waiting);
        self.waiting = std::mem::take(&mut self.given);
        self.waiting.extend(after);
        self.held = true;
    }

    /// What was given to the host is written, and there is room again.
    pub(crate) fn progress(&mut self, out: &mut Outputs) {
        self.given.clear();
        self.held = false;
        self.give(out);
    }

    /// The program has answered, so what was given to the host is written.
    pub(crate) fn answered(&mut self) {
        self.given.clear();
    }

    fn give(&mut self, out: &mut Outputs) {
        if self.held || self.waiting.is_empty() {
            return;
        }
        let rest = self.waiting.split_off(self.waiting.len().min(self.piece_bytes));
        self.given = std::mem::replace(&mut self.waiting, rest);
        self.held = !self.waiting.is_empty();
        let parts = vec![Part::Bytes(self.given.clone())];
        out.push(WriteStdin { process: self.process, parts, extra: String::new() });
    }
}

#[cfg(test)]
mod tests {
    use omi_adapter_sdk::testkit::written_text;

    use super::*;

    fn taken(out: &mut Outputs) -> String {
        written_text(&std::mem::take(out).into_vec())
    }

    #[test]
    fn pieces_go_out_one_by_one_as_there_is_room() {
        let (mut writer, mut out) = (Writer::new(1, 4), Outputs::new());
        writer.write(b"123456", &mut out).expect("there is room");
        writer.write(b"7", &mut out).expect("there is room");
        assert_eq!(taken(&mut out), "1234");
        writer.progress(&mut out);
        assert_eq!(taken(&mut out), "567");
    }

    #[test]
    fn a_refused_piece_waits_for_room_and_stays_the_first() {
        let (mut writer, mut out) = (Writer::new(1, 100), Outputs::new());
        writer.write(b"one ", &mut out).expect("there is room");
        writer.would_block();
        writer.write(b"two", &mut out).expect("there is room");
        assert_eq!(taken(&mut out), "one ");
        writer.progress(&mut out);
        assert_eq!(taken(&mut out), "one two");
        writer.progress(&mut out);
        writer.would_block();
        writer.write(b"three", &mut out).expect("there is room");
        assert_eq!(taken(&mut out), "three", "a refusal that comes too late holds nothing back");
    }

    #[test]
    fn a_program_that_reads_nothing_is_an_error() {
        let (mut writer, mut out) = (Writer::new(1, 1), Outputs::new());
        assert_eq!(writer.write(&vec![0; WAITING_BYTES_MAX + 1], &mut out), Err(Full));
        assert!(out.is_empty());
    }
}
