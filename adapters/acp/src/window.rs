//! The lines of a file that an agent asks for, from pieces of the file.

/// Some lines of a text, with their line ends.
pub(crate) struct Window {
    /// Lines to leave out before the first.
    skip: u32,
    /// Lines that are still wanted; nothing means all of them.
    left: Option<u32>,
    kept: Vec<u8>,
}

impl Window {
    /// From this line on, counted from 1, so many lines.
    pub(crate) fn new(line: Option<u32>, limit: Option<u32>) -> Self {
        Self { skip: line.unwrap_or(1).saturating_sub(1), left: limit, kept: Vec::new() }
    }

    /// Take the next piece of the file.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.is_full() {
                return;
            }
            let ends = u32::from(piece.ends_with(b"\n"));
            if self.skip > 0 {
                self.skip -= ends;
            } else {
                self.kept.extend_from_slice(piece);
                self.left = self.left.map(|left| left - ends);
            }
        }
    }

    /// Whether the rest of the file is not needed.
    pub(crate) fn is_full(&self) -> bool {
        self.left == Some(0)
    }

    /// Bytes that are kept.
    pub(crate) fn bytes(&self) -> usize {
        self.kept.len()
    }

    /// The lines, if they are text.
    pub(crate) fn text(self) -> Option<String> {
        String::from_utf8(self.kept).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is kept of a text, however it is cut into pieces.
    fn kept(line: Option<u32>, limit: Option<u32>, text: &str) -> String {
        let whole = |size: usize| {
            let mut window = Window::new(line, limit);
            text.as_bytes().chunks(size).for_each(|piece| window.push(piece));
            window.text().expect("it is text")
        };
        let one = whole(text.len());
        for size in 1..text.len() {
            assert_eq!(whole(size), one, "pieces of {size} bytes");
        }
        one
    }

    #[test]
    fn lines_are_counted_from_one_and_keep_their_ends() {
        let text = "one\r\ntwo\n\nvier €\nlast";
        assert_eq!(kept(None, None, text), text);
        assert_eq!(kept(Some(0), None, text), text);
        assert_eq!(kept(Some(2), Some(2), text), "two\n\n");
        assert_eq!(kept(Some(4), None, text), "vier €\nlast");
        assert_eq!(kept(Some(5), Some(9), text), "last");
        assert_eq!(kept(Some(6), None, text), "");
        assert_eq!(kept(None, Some(0), text), "");
    }

    #[test]
    fn what_is_not_utf_8_is_no_text() {
        let mut window = Window::new(None, None);
        window.push(b"a\xffb");
        assert_eq!(window.text(), None);
    }
}
