//! Patterns once more, in the plainest way: by trying every length of what a star stands for.

/// Whether a pattern covers a text.
pub(super) fn covers(pattern: &str, text: &str) -> bool {
    pattern == "*" || fits(pattern.as_bytes(), text.as_bytes())
}

fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let ends = |deep: bool| text.iter().take_while(move |byte| deep || **byte != b'/').count();
    match pattern {
        [] => text.is_empty(),
        [b'*', b'*', rest @ ..] => (0..=ends(true)).any(|end| fits(rest, &text[end..])),
        [b'*', rest @ ..] => (0..=ends(false)).any(|end| fits(rest, &text[end..])),
        [b'\\', taken, rest @ ..] => text.first() == Some(taken) && fits(rest, &text[1..]),
        [first, rest @ ..] => text.first() == Some(first) && fits(rest, &text[1..]),
    }
}
