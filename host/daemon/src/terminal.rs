//! What is printed. A reader that has gone away ends the program quietly, without a word about it.

mod colour;
mod progress;

use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

pub(crate) use colour::{Colour, painted};
pub(crate) use progress::{Progress, clear};

/// Prints text to standard output as it is. Answers false when nobody reads it any more.
pub(crate) fn print(text: &str) -> bool {
    clear();
    let mut out = std::io::stdout().lock();
    !matches!(out.write_all(text.as_bytes()).and_then(|()| out.flush()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe)
}

/// Prints a line to standard error.
pub(crate) fn note(line: &str) {
    clear();
    // There is nobody else to tell.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Prints an error to standard error, in one line: it may quote what others wrote.
pub(crate) fn error(text: &str) {
    note(&format!("{} {}", painted("omi-agentd:", Colour::Red), plain(text)));
}

/// What a command exits with that could not even look at what it is to judge.
const CANNOT: u8 = 2;

/// Says why something could not be judged: that is no judgement.
pub(crate) fn cannot(error: &anyhow::Error) -> ExitCode {
    self::error(&format!("{error:#}"));
    ExitCode::from(CANNOT)
}

/// What was written by others, without what would move the cursor or change colours.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A word as a shell has it.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
    if !word.is_empty() && word.bytes().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_for_the_shell() {
        assert_eq!(["a/b-c.d", "a b", "a'b", ""].map(quoted), ["a/b-c.d", "'a b'", "'a'\\''b'", "''"]);
    }

    #[test]
    fn nothing_that_was_written_by_others_moves_the_cursor() {
        assert_eq!(plain("a\u{1b}[2J\u{9b}31m\u{7f}\n\tb é"), "a [2J 31m   b é");
    }
}
