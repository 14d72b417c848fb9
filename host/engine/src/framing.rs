//! Cuts the output of a process into the chunks its adapter asked for. No byte is lost or made up.
//!
//! A carriage return before a line feed goes with it, unless the two are cut apart by the cap.

/// How output is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// As it comes.
    Bytes,
    /// At every line feed; a longer line in pieces of this many bytes.
    Lines(usize),
}

/// How a chunk ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChunkEnd {
    /// More may follow.
    Open,
    /// At a line feed.
    Newline,
    /// At the cap.
    Split,
    /// At the end of the stream.
    Eof,
}

/// A cut piece.
pub(crate) type Piece = (Vec<u8>, ChunkEnd);

/// Cuts one stream.
#[derive(Debug)]
pub(crate) struct Framer {
    framing: Framing,
    /// The beginning of a line whose end has not come.
    held: Vec<u8>,
}

impl Framer {
    /// Nothing was read yet.
    pub(crate) fn new(framing: Framing) -> Self {
        Self { framing, held: Vec::new() }
    }

    /// What can be given out after `bytes` came.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<Piece> {
        match self.framing {
            Framing::Bytes => vec![(bytes.to_vec(), ChunkEnd::Open)],
            Framing::Lines(cap) => self.lines(bytes, cap),
        }
    }

    /// What is left when the stream has ended.
    pub(crate) fn finish(&mut self) -> Piece {
        (std::mem::take(&mut self.held), ChunkEnd::Eof)
    }

    fn lines(&mut self, bytes: &[u8], cap: usize) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, complete) = match part.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (part, false),
            };
            self.held.extend_from_slice(text);
            while self.held.len() > cap {
                let rest = self.held.split_off(cap);
                pieces.push((std::mem::replace(&mut self.held, rest), ChunkEnd::Split));
            }
            if complete {
                let mut line = std::mem::take(&mut self.held);
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                pieces.push((line, ChunkEnd::Newline));
            }
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::ChunkEnd::{Eof, Newline, Open, Split};
    use super::*;

    fn all(framing: Framing, reads: &[&str]) -> Vec<(String, ChunkEnd)> {
        let mut framer = Framer::new(framing);
        let mut pieces: Vec<Piece> = reads.iter().flat_map(|read| framer.push(read.as_bytes())).collect();
        pieces.push(framer.finish());
        pieces.into_iter().map(|(bytes, end)| (String::from_utf8(bytes).unwrap(), end)).collect()
    }

    #[test]
    fn lines_are_put_together_and_long_ones_split() {
        let got = all(Framing::Lines(4), &["a", "b\r\n\nabcd\nabcdefghij\nre", "st"]);
        let want = [
            ("ab", Newline),
            ("", Newline),
            ("abcd", Newline),
            ("abcd", Split),
            ("efgh", Split),
            ("ij", Newline),
            ("rest", Eof),
        ];
        assert_eq!(got, want.map(|(text, end)| (text.to_owned(), end)));
    }

    #[test]
    fn bytes_come_as_they_are() {
        let got = all(Framing::Bytes, &["a\nb", "c"]);
        assert_eq!(got, [("a\nb", Open), ("c", Open), ("", Eof)].map(|(text, end)| (text.to_owned(), end)));
    }
}
