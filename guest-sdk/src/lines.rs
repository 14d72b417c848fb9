//! Whole lines from the pieces in which a process's output arrives.

use crate::ChunkEnd;

/// Bytes of a line that are kept to say which line it was that was too long.
const HEAD_BYTES: usize = 256;

/// A line that went over the cap. The rest of it is skipped; the next line is whole again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineTooLong {
    /// The cap, in bytes.
    pub cap: usize,
    /// How the line began.
    pub head: String,
}

impl std::fmt::Display for LineTooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a line is longer than {} bytes", self.cap)
    }
}

impl std::error::Error for LineTooLong {}

/// Puts lines together. Works on output that the host cut at line feeds and on output as it came.
///
/// Bytes that are not UTF-8 become U+FFFD; they are decoded only when the line is whole, so a character that
/// was cut in two is not harmed.
#[derive(Debug)]
pub struct Lines {
    cap: usize,
    part: Vec<u8>,
    skipping: bool,
}

impl Lines {
    /// Lines of at most `cap` bytes.
    pub fn new(cap: usize) -> Self {
        Self { cap, part: Vec::new(), skipping: false }
    }

    /// Take a piece; give the lines that it completes, without their line ends.
    pub fn push(&mut self, data: &[u8], end: ChunkEnd) -> Vec<Result<String, LineTooLong>> {
        let mut lines = Vec::new();
        let mut pieces = data.split(|byte| *byte == b'\n').peekable();
        while let Some(piece) = pieces.next() {
            lines.extend(self.append(piece));
            if pieces.peek().is_some() {
                lines.extend(self.complete());
            }
        }
        match end {
            ChunkEnd::Open | ChunkEnd::Split => {}
            ChunkEnd::Eof if self.part.is_empty() => self.skipping = false,
            ChunkEnd::Newline | ChunkEnd::Eof => lines.extend(self.complete()),
        }
        lines
    }

    /// Add to the line that is being put together. An error is given once for each line that is too long.
    fn append(&mut self, piece: &[u8]) -> Option<Result<String, LineTooLong>> {
        if self.skipping {
            return None;
        }
        if self.part.len() + piece.len() > self.cap {
            self.skipping = true;
            let mut head = std::mem::take(&mut self.part);
            head.extend_from_slice(&piece[..piece.len().min(HEAD_BYTES)]);
            head.truncate(HEAD_BYTES);
            return Some(Err(LineTooLong {
                cap: self.cap,
                head: String::from_utf8_lossy(&head).into_owned(),
            }));
        }
        self.part.extend_from_slice(piece);
        None
    }

    fn complete(&mut self) -> Option<Result<String, LineTooLong>> {
        let mut line = std::mem::take(&mut self.part);
        if std::mem::take(&mut self.skipping) {
            return None;
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Some(Ok(match String::from_utf8(line) {
            Ok(line) => line,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: Vec<Result<String, LineTooLong>>) -> Vec<String> {
        lines.into_iter().map(|line| line.expect("no line is too long")).collect()
    }

    #[test]
    fn a_line_is_put_together_from_pieces() {
        let mut lines = Lines::new(100);
        assert!(lines.push(b"one ", ChunkEnd::Split).is_empty());
        assert!(lines.push(b"and ", ChunkEnd::Split).is_empty());
        assert_eq!(texts(lines.push(b"all", ChunkEnd::Newline)), ["one and all"]);
        assert_eq!(texts(lines.push(b"", ChunkEnd::Newline)), [""]);
        assert_eq!(texts(lines.push(b"no line feed", ChunkEnd::Eof)), ["no line feed"]);
        assert!(lines.push(b"", ChunkEnd::Eof).is_empty());
    }

    #[test]
    fn output_as_it_came_is_cut_here() {
        let mut lines = Lines::new(100);
        assert_eq!(texts(lines.push(b"a\r\n\nb", ChunkEnd::Open)), ["a", ""]);
        assert_eq!(texts(lines.push(b"c\n", ChunkEnd::Open)), ["bc"]);
    }

    #[test]
    fn a_character_cut_in_two_is_whole_and_bad_bytes_are_replaced() {
        let mut lines = Lines::new(100);
        let euro = "€".as_bytes();
        assert!(lines.push(&euro[..1], ChunkEnd::Split).is_empty());
        assert_eq!(texts(lines.push(&euro[1..], ChunkEnd::Newline)), ["€"]);
        assert_eq!(texts(lines.push(b"a\xffb", ChunkEnd::Newline)), ["a\u{fffd}b"]);
    }

    #[test]
    fn a_line_that_is_too_long_is_named_once_and_the_next_is_whole() {
        let mut lines = Lines::new(8);
        assert!(lines.push(b"12345678", ChunkEnd::Split).is_empty());
        let too_long = lines.push(b"9", ChunkEnd::Split);
        assert_eq!(too_long, [Err(LineTooLong { cap: 8, head: "123456789".to_owned() })]);
        assert!(lines.push(b"abc", ChunkEnd::Split).is_empty());
        assert!(lines.push(b"def", ChunkEnd::Newline).is_empty());
        assert_eq!(texts(lines.push(b"next", ChunkEnd::Newline)), ["next"]);
        assert_eq!(lines.push(b"123456789", ChunkEnd::Eof).len(), 1, "also as the last line");
    }
}
