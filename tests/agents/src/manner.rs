//! How the agent misbehaves, and the arguments that say so.

use std::path::{Path, PathBuf};

/// How the agent misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Good,
    /// Prints no JSON.
    Garbage,
    /// Ends at once.
    Exit,
    /// Prints a line of 10 MB first.
    LongLine,
    /// Never answers a cancellation.
    Deaf,
    /// Loses its first cancellation.
    Lossy,
    /// Has lost every session it is asked to load.
    Forgetful,
    /// Says that it loaded what it does not know.
    Gullible,
    /// Makes no session before a log-in by its method `key`.
    Locked,
    /// The same, and only its next process knows of the log-in.
    Cached,
    /// Never answers `initialize`.
    Mute,
    /// Never answers `session/new`.
    Stall,
    /// Reads nothing once it has a session.
    Unread,
    /// Ends when it is asked for its first session; its next process does not.
    CrashOnce,
    /// Breaks when it is cancelled, and puts every prompt aside from then on.
    Wedge,
    /// Writes other things between its messages: text, blank lines, bytes that are no text.
    Noisy,
    /// Writes its messages in pieces of three bytes.
    Drip,
    /// Ends neither at the end of its input nor when it is asked to.
    Stubborn,
}

const MANNERS: [(&str, Manner); 17] = [
    ("garbage", Manner::Garbage),
    ("exit", Manner::Exit),
    ("long-line", Manner::LongLine),
    ("deaf", Manner::Deaf),
    ("lossy", Manner::Lossy),
    ("forgetful", Manner::Forgetful),
    ("gullible", Manner::Gullible),
    ("locked", Manner::Locked),
    ("cached", Manner::Cached),
    ("mute", Manner::Mute),
    ("stall", Manner::Stall),
    ("unread", Manner::Unread),
    ("crash-once", Manner::CrashOnce),
    ("wedge", Manner::Wedge),
    ("noisy", Manner::Noisy),
    ("drip", Manner::Drip),
    ("stubborn", Manner::Stubborn),
];

/// The file of a state folder that says that somebody logged in.
const KEY: &str = "key";

/// What the command line says.
pub(crate) fn arguments() -> (Manner, Option<PathBuf>) {
    let (mut manner, mut state) = (Manner::Good, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--state" {
            state = arguments.next().map(PathBuf::from);
            continue;
        }
        match MANNERS.iter().find(|(name, _)| *name == argument) {
            Some((_, found)) => manner = *found,
            None => {
                eprintln!("omi-test-agent: what is `{argument}`?");
                std::process::exit(2);
            }
        }
    }
    (manner, state)
}

/// Whether somebody logged in before this process started.
pub(crate) fn has_key(state: Option<&Path>) -> bool {
    state.is_some_and(|state| state.join(KEY).is_file())
}

/// Somebody logged in.
pub(crate) fn keep_key(state: Option<&Path>) {
    if let Some(state) = state {
        let kept = std::fs::create_dir_all(state).and_then(|()| std::fs::write(state.join(KEY), ""));
        kept.expect("the test gives a folder that can be written");
    }
}
