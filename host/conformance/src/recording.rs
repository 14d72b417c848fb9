//! A recording: every call of one worker with what it answered, one JSON object a line.

use std::fs::File;
use std::io::{Error, Read as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the format.
const FORMAT: u32 = 1;
/// The version of the contract whose words the calls are in.
const CONTRACT: &str = "0.1";
/// Bytes of a recording at most: hours of talk, and little enough that all of it can be in memory more than once.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The first line: what was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Header {
    /// The version of this format.
    pub omi_recording: u32,
    /// The version of the contract.
    pub contract: String,
    /// The adapter's id.
    pub adapter: String,
    /// The adapter's version.
    pub version: String,
    /// The SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// What `wasi:random` was made of.
    pub seed: u32,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Call {
    /// Milliseconds since the worker's start.
    pub now_ms: u32,
    /// What it was told.
    pub inputs: Value,
    /// What it asked for; `null` if the call did not return.
    pub outputs: Value,
}

/// A whole recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// What was recorded.
    pub header: Header,
    /// Its calls, in order. There is one at least.
    pub calls: Vec<Call>,
    /// Bytes after the last line feed, which are left out: the writer was ended while it wrote them.
    pub cut_bytes: usize,
}

/// A recording that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// Something is wrong with a file.
    #[error("cannot use the recording `{path}`: {error}")]
    File {
        /// The file.
        path: String,
        /// What is wrong with it.
        error: Box<RecordingError>,
    },
    /// It cannot be read.
    #[error("{0}; hint: name a file that `omi-agentd record` wrote")]
    Read(Error),
    /// It has more bytes than a recording may have.
    #[error("it has more than {BYTES_MAX} bytes; hint: record a shorter conversation")]
    TooLarge,
    /// A line is not what it should be.
    #[error("line {line} of the recording: {what}; hint: name a file as `omi-agentd record` wrote it")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// It was written by a newer program.
    #[error("the recording has the format {0}, this program reads {FORMAT}; hint: update omi-agentd")]
    Format(u32),
    /// It is in the words of another version of the contract.
    #[error(
        "the recording is in the words of the contract {0:?}, this program has those of {CONTRACT}; \
         hint: record the conversation again with this program"
    )]
    Contract(String),
    /// There is no whole line in it.
    #[error("the recording is empty; hint: record the conversation again")]
    Empty,
    /// The worker never got a call.
    #[error(
        "nothing was recorded: its worker ended before the first call; hint: record the conversation again"
    )]
    NoCalls,
}

impl Header {
    /// Of a worker of this component.
    pub fn new(adapter: &str, version: &str, digest: &str, seed: u32) -> Self {
        Self {
            omi_recording: FORMAT,
            contract: CONTRACT.to_owned(),
            adapter: adapter.to_owned(),
            version: version.to_owned(),
            digest: digest.to_owned(),
            seed,
        }
    }

    fn check(&self) -> Result<(), RecordingError> {
        if self.omi_recording != FORMAT {
            return Err(RecordingError::Format(self.omi_recording));
        }
        if self.contract != CONTRACT {
            return Err(RecordingError::Contract(self.contract.clone()));
        }
        Ok(())
    }
}

impl Recording {
    /// Reads the file of a recording.
    pub fn read(path: &Path) -> Result<Self, RecordingError> {
        let about = |error| RecordingError::File { path: path.display().to_string(), error: Box::new(error) };
        read(path).and_then(Self::parse).map_err(about)
    }

    /// Reads a recording. What follows the last line feed was cut off (its writer was ended) and is left out.
    pub fn parse(bytes: impl AsRef<[u8]>) -> Result<Self, RecordingError> {
        let bytes = bytes.as_ref();
        let end = bytes.iter().rposition(|byte| *byte == b'\n').ok_or(RecordingError::Empty)?;
        let cut_bytes = bytes.len() - end - 1;
        let wrong =
            |line: usize, error: serde_json::Error| RecordingError::Line { line, what: error.to_string() };
        let mut lines = (1..).zip(bytes[..end].split(|byte| *byte == b'\n'));
        let (at, first) = lines.next().ok_or(RecordingError::Empty)?;
        let header: Header = serde_json::from_slice(first).map_err(|error| wrong(at, error))?;
        header.check()?;
        let call = |(at, line)| serde_json::from_slice(line).map_err(|error| wrong(at, error));
        let calls: Vec<Call> = lines.map(call).collect::<Result<_, _>>()?;
        if calls.is_empty() {
            return Err(RecordingError::NoCalls);
        }
        Ok(Self { header, calls, cut_bytes })
    }
}

/// The bytes of a file, which is opened once, so that what is looked at is what is read.
fn read(path: &Path) -> Result<Vec<u8>, RecordingError> {
    let is_file = |found: std::fs::Metadata| {
        if found.is_file() { Ok(()) } else { Err(Error::other("it is no regular file")) }
    };
    // Opening a pipe would wait for whoever writes to it.
    let opened = std::fs::metadata(path).and_then(is_file).and_then(|()| File::open(path));
    let file = opened.and_then(|file| file.metadata().and_then(is_file).map(|()| file));
    let mut bytes = Vec::new();
    let read = file.and_then(|file| file.take(BYTES_MAX + 1).read_to_end(&mut bytes));
    read.map_err(RecordingError::Read)?;
    if bytes.len() as u64 > BYTES_MAX { Err(RecordingError::TooLarge) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(value: &impl Serialize) -> String {
        serde_json::to_string(value).unwrap() + "\n"
    }

    /// A header and a call.
    fn text() -> String {
        let call = Call { now_ms: 3, inputs: json!([{ "timer": 1 }]), outputs: json!([{ "é": "ü" }]) };
        line(&Header::new("echo", "1.0.0", "abc", 7)) + &line(&call)
    }

    #[test]
    fn a_recording_is_read_back_and_what_was_cut_off_is_left_out() {
        let text = text();
        let whole = Recording::parse(&text).unwrap();
        assert_eq!((whole.header.seed, whole.calls.len(), whole.cut_bytes), (7, 1, 0));
        // Wherever the writer was ended: in the middle of a character, too, or just before the line feed.
        let call = text.split_inclusive('\n').nth(1).unwrap().as_bytes();
        for cut in 1..call.len() {
            let bytes = [text.as_bytes(), &call[..cut]].concat();
            let read = Recording::parse(&bytes).unwrap();
            assert_eq!((read.calls.len(), read.cut_bytes), (1, cut));
        }
    }

    #[test]
    fn every_other_line_is_what_it_should_be() {
        let text = text();
        let broken = format!("{}\n{text}", &text[..10]);
        assert!(matches!(Recording::parse(&broken), Err(RecordingError::Line { line: 1, .. })));
        let broken = format!("{text}{}\n", &text[..10]);
        assert!(matches!(Recording::parse(&broken), Err(RecordingError::Line { line: 3, .. })));
        let bytes = [text.as_bytes(), b"\xff\n"].concat();
        assert!(matches!(Recording::parse(bytes), Err(RecordingError::Line { line: 3, .. })));
    }

    #[test]
    fn what_cannot_be_replayed_is_said_with_the_next_step() {
        let text = text();
        let newer = text.replace("\"omi-recording\":1", "\"omi-recording\":9");
        let other = text.replace("\"contract\":\"0.1\"", "\"contract\":\"0.2\"");
        let (header, _) = text.split_once('\n').unwrap();
        for (text, says) in [
            ("", "is empty"),
            (header, "is empty"),
            (&format!("{header}\n"), "nothing was recorded"),
            (&newer, "update omi-agentd"),
            (&other, "contract \"0.2\""),
            ("{}\n", "line 1"),
        ] {
            let error = Recording::parse(text).unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("hint: "), "{says}: {error}");
        }
    }

    #[test]
    fn only_a_regular_file_that_is_not_too_large_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("talk.jsonl");
        let fails = |path: &Path, says: &str| {
            let error = Recording::read(path).unwrap_err().to_string();
            let words = [says, "hint: ", path.to_str().unwrap()];
            assert!(words.iter().all(|word| error.contains(word)), "{error}");
        };
        fails(&path, "No such file");
        fails(folder.path(), "it is no regular file");
        std::fs::write(&path, text()).unwrap();
        assert_eq!(Recording::read(&path).unwrap(), Recording::parse(text()).unwrap());
        File::options().write(true).open(&path).unwrap().set_len(BYTES_MAX + 1).unwrap();
        fails(&path, "more than");
    }
}
