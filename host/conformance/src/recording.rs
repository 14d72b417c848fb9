//! A recording: every call of one worker with what it answered, one JSON object a line.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the format.
const FORMAT: u32 = 1;

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
    /// Its calls, in order.
    pub calls: Vec<Call>,
}

/// A recording that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// A line is not what it should be.
    #[error("line {line} of the recording: {what}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// It was written by a newer program.
    #[error("the recording has the format {0}, this program reads {FORMAT}; hint: update omi-agentd")]
    Format(u32),
    /// There is nothing in it.
    #[error("the recording is empty")]
    Empty,
}

impl Header {
    /// Of a worker of this component.
    pub fn new(adapter: &str, version: &str, digest: &str, seed: u32) -> Self {
        Self {
            omi_recording: FORMAT,
            contract: "0.1".to_owned(),
            adapter: adapter.to_owned(),
            version: version.to_owned(),
            digest: digest.to_owned(),
            seed,
        }
    }
}

impl Recording {
    /// Reads a recording. A last line that was cut off (its writer was ended) is left out.
    pub fn parse(text: &str) -> Result<Self, RecordingError> {
        let wrong =
            |line: usize, error: serde_json::Error| RecordingError::Line { line, what: error.to_string() };
        let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
        let (at, first) = lines.next().ok_or(RecordingError::Empty)?;
        let header: Header = serde_json::from_str(first).map_err(|error| wrong(at, error))?;
        if header.omi_recording != FORMAT {
            return Err(RecordingError::Format(header.omi_recording));
        }
        let mut calls = Vec::new();
        for (at, line) in lines {
            match serde_json::from_str(line) {
                Ok(call) => calls.push(call),
                Err(error) if error.is_eof() && !text.ends_with('\n') => break,
                Err(error) => return Err(wrong(at, error)),
            }
        }
        Ok(Self { header, calls })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_recording_is_read_back_and_a_cut_line_is_left_out() {
        let header = Header::new("echo", "1.0.0", "abc", 7);
        let call = Call { now_ms: 3, inputs: json!([{ "timer": 1 }]), outputs: json!([]) };
        let text = line(&header) + &line(&call);
        assert_eq!(Recording::parse(&text).unwrap(), Recording { header, calls: vec![call.clone()] });
        let cut = format!("{text}{}", &line(&call)[..10]);
        assert_eq!(Recording::parse(&cut).unwrap().calls.len(), 1);
        let broken = format!("{}\n{text}", &line(&call)[..10]);
        assert!(matches!(Recording::parse(&broken), Err(RecordingError::Line { line: 1, .. })));
        assert!(matches!(Recording::parse(""), Err(RecordingError::Empty)));
        let newer = text.replace("\"omi-recording\":1", "\"omi-recording\":9");
        assert!(Recording::parse(&newer).unwrap_err().to_string().contains("update omi-agentd"));
    }

    fn line(value: &impl Serialize) -> String {
        serde_json::to_string(value).unwrap() + "\n"
    }
}
