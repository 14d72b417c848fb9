//! Colours, for people who look at standard error: not in files, and not for who wants none (<https://no-color.org>).

use std::io::IsTerminal as _;
use std::sync::LazyLock;

/// Whether standard error shows colours.
static SHOWN: LazyLock<bool> = LazyLock::new(|| {
    shows(
        std::io::stderr().is_terminal(),
        std::env::var("NO_COLOR").ok().as_deref(),
        std::env::var("TERM").ok().as_deref(),
    )
});

/// What a word of ours is to look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    /// It went wrong.
    Red,
    /// It went well.
    Green,
    /// It was stopped, or nobody knows.
    Yellow,
}

/// A word on standard error, in a colour if that shows any.
pub(crate) fn painted(word: &str, colour: Colour) -> String {
    paint(word, colour, *SHOWN)
}

fn paint(word: &str, colour: Colour, shown: bool) -> String {
    let code = match colour {
        Colour::Red => 31,
        Colour::Green => 32,
        Colour::Yellow => 33,
    };
    if shown { format!("\u{1b}[{code}m{word}\u{1b}[0m") } else { word.to_owned() }
}

fn shows(is_terminal: bool, no_color: Option<&str>, term: Option<&str>) -> bool {
    is_terminal && no_color.is_none_or(str::is_empty) && term != Some("dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_and_who_wants_them() {
        assert!(shows(true, None, Some("xterm")) && shows(true, Some(""), None));
        assert!(!shows(false, None, Some("xterm")), "a file");
        assert!(!shows(true, Some("1"), Some("xterm")), "not wanted");
        assert!(!shows(true, None, Some("dumb")));
        assert_eq!(paint("failed", Colour::Red, true), "\u{1b}[31mfailed\u{1b}[0m");
        assert_eq!(paint("failed", Colour::Red, false), "failed");
    }
}
