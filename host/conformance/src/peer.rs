//! The pretended runtime: what the child process or the server of an adapter says to what, from a small TOML file.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

/// A peer file. Its format is described in `README.md`, under "Check an adapter".
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// The registration's `[config]` during the check.
    #[serde(default)]
    pub(crate) config: Option<toml::Table>,
    #[serde(default)]
    pub(crate) prompts: Prompts,
    #[serde(default)]
    pub(crate) process: Vec<ProcessPeer>,
    #[serde(default)]
    pub(crate) http: Vec<HttpPeer>,
}

/// What to say to the runtime to make it do something.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prompts {
    /// The attempt succeeds, with some text.
    pub(crate) answer: Option<String>,
    /// The attempt goes on until it is cancelled.
    pub(crate) hang: Option<String>,
    /// The attempt asks for an approval, and succeeds once it is allowed.
    pub(crate) permission: Option<String>,
}

/// What the program of a grant says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProcessPeer {
    pub(crate) grant: String,
    /// Lines said as soon as it runs.
    #[serde(default)]
    pub(crate) greets: Vec<String>,
    #[serde(default)]
    pub(crate) reply: Vec<ProcessReply>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProcessReply {
    when: Words,
    #[serde(default)]
    say: Vec<String>,
    #[serde(default)]
    keep: BTreeMap<String, String>,
    #[serde(default)]
    exit: Option<i32>,
}

/// What the server of a grant says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpPeer {
    pub(crate) grant: String,
    #[serde(default)]
    pub(crate) reply: Vec<HttpReply>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpReply {
    when: Words,
    #[serde(default = "ok")]
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// Lines.
    #[serde(default)]
    body: Vec<String>,
    /// The answer does not end until it is aborted.
    #[serde(default)]
    pub(crate) hold: bool,
}

/// Words that a message has to contain, all of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Words {
    One(String),
    All(Vec<String>),
}

/// What a process says to a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) lines: Vec<String>,
    pub(crate) exit: Option<i32>,
}

/// JSON that was kept for later replies, by name.
pub(crate) type Kept = BTreeMap<String, Value>;

/// A peer file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// It cannot be read.
    #[error("cannot read the peer file `{path}`: {error}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// It does not say what a peer file says.
    #[error("the peer file `{path}` is wrong: {what}")]
    Wrong {
        /// The file.
        path: String,
        /// What is wrong, in one line.
        what: String,
    },
}

impl Peer {
    /// Reads a peer file.
    pub fn read(path: &Path) -> Result<Self, PeerError> {
        let name = || path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| PeerError::Read { path: name(), error })?;
        Self::parse(&text).map_err(|what| PeerError::Wrong { path: name(), what })
    }

    /// Reads the text of a peer file; the error is one line that names the place.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            format!("line {line}: {}", error.message().lines().next().unwrap_or_default())
        })
    }

    /// The grants that it plays, in order, each with the table that does: `process` or `http`.
    pub fn grants(&self) -> Vec<(&'static str, &str)> {
        let processes = self.process.iter().map(|process| ("process", process.grant.as_str()));
        processes.chain(self.http.iter().map(|http| ("http", http.grant.as_str()))).collect()
    }
}

impl Words {
    fn fit(&self, message: &str) -> bool {
        match self {
            Self::One(word) => message.contains(word.as_str()),
            Self::All(words) => words.iter().all(|word| message.contains(word.as_str())),
        }
    }
}

impl ProcessPeer {
    /// What the program says to a line that is written to it; none if no reply fits.
    pub(crate) fn hears(&self, line: &str, kept: &mut Kept) -> Option<Said> {
        let reply = self.reply.iter().find(|reply| reply.when.fit(line))?;
        let message: Value = serde_json::from_str(line).unwrap_or_default();
        for (name, pointer) in &reply.keep {
            kept.insert(name.clone(), message.pointer(pointer).cloned().unwrap_or_default());
        }
        let lines = reply.say.iter().map(|template| fill(template, line, &message, kept)).collect();
        Some(Said { lines, exit: reply.exit })
    }
}

impl HttpPeer {
    /// The reply to a request; none if none fits.
    pub(crate) fn reply(&self, method: &str, path: &str, body: &str) -> Option<&HttpReply> {
        let whole = format!("{method} {path}\n{body}");
        self.reply.iter().find(|reply| reply.when.fit(&whole))
    }
}

impl HttpReply {
    /// The body of the answer to a request with this body.
    pub(crate) fn body(&self, request: &str) -> String {
        let message: Value = serde_json::from_str(request).unwrap_or_default();
        let line = |template: &String| fill(template, request, &message, &Kept::new()) + "\n";
        self.body.iter().map(line).collect()
    }
}

fn ok() -> u16 {
    200
}

/// Fills the places `${…}` of a template: `${/pointer}` from the message, `${line}`, and `${name}` from what was kept.
fn fill(template: &str, line: &str, message: &Value, kept: &Kept) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, behind)) = after.split_once('}') else { break };
        filled.push_str(before);
        match name {
            "line" => filled.push_str(line),
            pointer if pointer.starts_with('/') => {
                filled.push_str(&message.pointer(pointer).unwrap_or(&Value::Null).to_string());
            }
            name => filled.push_str(&kept.get(name).unwrap_or(&Value::Null).to_string()),
        }
        rest = behind;
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: &str = r#"
        [prompts]
        answer = "hello"
        [[process]]
        grant = "agent"
        [[process.reply]]
        when = ["prompt", "hang"]
        keep = { prompt = "/id" }
        [[process.reply]]
        when = "cancel"
        say = ['{"id":${prompt},"result":"cancelled"}', "bye $ ${line"]
        exit = 1
        [[process.reply]]
        when = "say"
        say = ["${line} and ${/params/x} and ${nothing}"]
    "#;

    #[test]
    fn a_reply_is_the_first_that_fits_and_may_name_what_was_kept() {
        let peer = Peer::parse(PEER).unwrap();
        let (process, mut kept) = (&peer.process[0], Kept::new());
        let quiet = Said { lines: vec![], exit: None };
        let hang = r#"{"id": 7, "method": "prompt", "text": "hang"}"#;
        assert_eq!(process.hears(hang, &mut kept), Some(quiet));
        let said = process.hears("cancel", &mut kept).unwrap();
        assert_eq!(said.lines, [r#"{"id":7,"result":"cancelled"}"#, "bye $ ${line"]);
        assert_eq!(said.exit, Some(1));
        let line = r#"{"say": 1, "params": {"x": [1]}}"#;
        assert_eq!(process.hears(line, &mut kept).unwrap().lines, [format!("{line} and [1] and null")]);
        assert_eq!(process.hears("something else", &mut kept), None);
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_with_its_line() {
        let wrong = |text: &str| Peer::parse(text).unwrap_err();
        assert!(wrong("a = 1").starts_with("line 1: unknown field `a`"));
        assert!(wrong("[[process]]\ngrant = \"x\"\n[[process.reply]]\nwhen = 3").starts_with("line 4: "));
    }

    #[test]
    fn a_server_answers_by_method_path_and_body() {
        let text = "[[http]]\ngrant = 'remote'\n[[http.reply]]\nwhen = ['POST /line', 'hello']\nbody = ['got ${/text}']";
        let peer = Peer::parse(text).unwrap();
        let reply = peer.http[0].reply("POST", "/line", r#"{"text": "hello"}"#).unwrap();
        assert_eq!((reply.status, reply.body(r#"{"text": "hello"}"#).as_str()), (200, "got \"hello\"\n"));
        assert!(peer.http[0].reply("GET", "/line", "hello").is_none());
    }
}
