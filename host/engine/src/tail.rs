//! The last bytes of a stream, for the report of how something ended.

use std::collections::VecDeque;

/// The last bytes that were put in.
#[derive(Debug)]
pub(crate) struct Tail {
    bytes: VecDeque<u8>,
    bytes_max: usize,
}

impl Tail {
    /// Keeps the last `bytes_max` bytes.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes: VecDeque::new(), bytes_max }
    }

    /// Adds bytes; the oldest go.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let kept = &bytes[bytes.len().saturating_sub(self.bytes_max)..];
        let excess = (self.bytes.len() + kept.len()).saturating_sub(self.bytes_max);
        self.bytes.drain(..excess);
        self.bytes.extend(kept);
    }

    /// What was kept, as text; a character cut at the beginning is left out.
    pub(crate) fn text(&self) -> String {
        let bytes: Vec<u8> = self.bytes.iter().copied().collect();
        let start = if bytes.len() == self.bytes_max {
            bytes.iter().take(3).take_while(|byte| *byte & 0b1100_0000 == 0b1000_0000).count()
        } else {
            0
        };
        String::from_utf8_lossy(&bytes[start..]).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_kept() {
        let mut tail = Tail::new(4);
        tail.push(b"abc");
        tail.push(b"de");
        assert_eq!(tail.text(), "bcde");
        tail.push(b"0123456789");
        assert_eq!(tail.text(), "6789");
    }

    #[test]
    fn a_cut_character_is_left_out() {
        let mut tail = Tail::new(4);
        tail.push("xäyz".as_bytes());
        tail.push(b"!");
        assert_eq!(tail.text(), "yz!");
    }
}
