//! Cutting text that comes from outside, never in the middle of a character.

/// What stands at the end of a text that was cut.
const ELLIPSIS: &str = "…";

/// The text, or as much of its beginning as fits `bytes_max` with an ellipsis after it.
pub(crate) fn cut(text: String, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text;
    }
    let end = text.floor_char_boundary(bytes_max.saturating_sub(ELLIPSIS.len()));
    format!("{}{ELLIPSIS}", &text[..end])
}

/// The text in pieces of at most `bytes_max` bytes (at least four, so that every character fits).
pub(crate) fn pieces(text: String, bytes_max: usize) -> Vec<String> {
    if text.len() <= bytes_max {
        return vec![text];
    }
    let mut pieces = Vec::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(bytes_max.max(4)));
        pieces.push(piece.to_owned());
        rest = after;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_keeps_characters_whole() {
        assert_eq!(cut("abc".into(), 3), "abc");
        assert_eq!(cut("äöü".into(), 5), "ä…");
    }

    #[test]
    fn pieces_are_the_whole_text() {
        let pieces = pieces("aäöüb".repeat(10), 7);
        assert!(pieces.iter().all(|piece| piece.len() <= 7));
        assert_eq!(pieces.concat(), "aäöüb".repeat(10));
    }
}
