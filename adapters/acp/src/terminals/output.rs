//! What a terminal's program wrote: the end of it, as text.

use std::collections::VecDeque;

use omi_adapter_sdk::ChunkEnd;

/// Bytes that may be the beginning of a character: one less than the longest has.
const PART_BYTES_MAX: usize = 3;

/// One of the two streams of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Out,
    Err,
}

/// The last bytes of both streams, in the order in which they came, whole characters only.
pub(crate) struct Kept {
    bytes_max: usize,
    bytes: VecDeque<u8>,
    truncated: bool,
    /// What may be the beginning of a character, of each stream.
    parts: [Vec<u8>; 2],
}

impl Kept {
    /// Keep so many bytes.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, bytes: VecDeque::new(), truncated: false, parts: [Vec::new(), Vec::new()] }
    }

    /// The program wrote something.
    pub(crate) fn push(&mut self, stream: Stream, data: &[u8], end: ChunkEnd) {
        let part = match stream {
            Stream::Out => &mut self.parts[0],
            Stream::Err => &mut self.parts[1],
        };
        part.extend_from_slice(data);
        // A character that the end of a piece cut in two waits for its other half.
        let whole = match end {
            ChunkEnd::Open | ChunkEnd::Split => whole_bytes(part),
            ChunkEnd::Newline | ChunkEnd::Eof => part.len(),
        };
        let rest = part.split_off(whole);
        let written = std::mem::replace(part, rest);
        self.append(String::from_utf8_lossy(&written).as_bytes());
        if end == ChunkEnd::Newline {
            self.append(b"\n");
        }
    }

    /// Nothing more is written.
    pub(crate) fn end(&mut self) {
        for stream in [Stream::Out, Stream::Err] {
            self.push(stream, b"", ChunkEnd::Eof);
        }
    }

    /// The text.
    pub(crate) fn text(&self) -> String {
        let (first, second) = self.bytes.as_slices();
        String::from_utf8_lossy(&[first, second].concat()).into_owned()
    }

    /// Whether its beginning is lost.
    pub(crate) fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Keep nothing any more.
    pub(crate) fn forget(&mut self) {
        *self = Self::new(0);
    }

    fn append(&mut self, text: &[u8]) {
        self.bytes.extend(text);
        if self.bytes.len() <= self.bytes_max {
            return;
        }
        self.truncated = true;
        self.bytes.drain(..self.bytes.len() - self.bytes_max);
        // The rest of a character of which the beginning is lost.
        while self.bytes.front().is_some_and(|byte| byte & 0xC0 == 0x80) {
            self.bytes.pop_front();
        }
    }
}

/// How many of these bytes are not the beginning of a character that is not whole.
fn whole_bytes(bytes: &[u8]) -> usize {
    for back in 1..=PART_BYTES_MAX.min(bytes.len()) {
        let place = bytes.len() - back;
        let length = match bytes[place] {
            0xC0..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xFF => 4,
            0x80..=0xBF => continue,
            0x00..=0x7F => return bytes.len(),
        };
        return if length > back { place } else { bytes.len() };
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_streams_are_kept_in_the_order_in_which_they_came() {
        let mut kept = Kept::new(100);
        kept.push(Stream::Out, b"one ", ChunkEnd::Open);
        kept.push(Stream::Err, b"oops ", ChunkEnd::Open);
        kept.push(Stream::Out, b"two", ChunkEnd::Eof);
        assert_eq!((kept.text().as_str(), kept.is_truncated()), ("one oops two", false));
    }

    #[test]
    fn a_character_cut_in_two_is_whole_even_if_the_other_stream_comes_between() {
        for cut in 1.."a€🙂b".len() {
            let (first, second) = "a€🙂b".as_bytes().split_at(cut);
            let mut kept = Kept::new(100);
            kept.push(Stream::Out, first, ChunkEnd::Open);
            kept.push(Stream::Err, b"!", ChunkEnd::Open);
            kept.push(Stream::Out, second, ChunkEnd::Open);
            assert_eq!(kept.text().replace('!', ""), "a€🙂b", "cut at {cut}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        let mut kept = Kept::new(100);
        kept.push(Stream::Out, b"a\xff\xfeb\xe2\x82", ChunkEnd::Open);
        kept.end();
        assert_eq!(kept.text(), "a\u{fffd}\u{fffd}b\u{fffd}");
    }

    #[test]
    fn the_beginning_is_cut_off_at_a_character() {
        let mut kept = Kept::new(5);
        kept.push(Stream::Out, "ab€€".as_bytes(), ChunkEnd::Open);
        assert_eq!((kept.text().as_str(), kept.is_truncated()), ("€", true));
        let mut kept = Kept::new(0);
        assert!(!kept.is_truncated());
        kept.push(Stream::Out, b"x", ChunkEnd::Open);
        assert_eq!((kept.text().as_str(), kept.is_truncated()), ("", true));
    }

    #[test]
    fn whatever_is_cut_where_ever_only_the_end_is_kept() {
        let text = "é€🙂x".repeat(20);
        for bytes_max in 0..40 {
            let mut kept = Kept::new(bytes_max);
            for piece in text.as_bytes().chunks(7) {
                kept.push(Stream::Err, piece, ChunkEnd::Open);
            }
            let tail = kept.text();
            assert!(tail.len() <= bytes_max && text.ends_with(&tail), "{bytes_max}: {tail}");
            assert!(tail.len() + 4 > bytes_max, "no more is lost than has to be");
        }
    }
}
