//! What is printed. A reader that has gone away ends the program quietly, without a word about it.

use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

/// Prints text to standard output as it is. Answers false when nobody reads it any more.
pub(crate) fn print(text: &str) -> bool {
    let mut out = std::io::stdout().lock();
    !matches!(out.write_all(text.as_bytes()).and_then(|()| out.flush()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe)
}

/// Prints a line to standard error.
pub(crate) fn note(line: &str) {
    // There is nobody else to tell.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Prints an error to standard error.
pub(crate) fn error(text: &str) {
    note(&format!("omi-agentd: {text}"));
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
