//! What an agent says, read with tolerance from the shapes of both versions.

use serde_json::Value;

use crate::json::{take_list, take_text, text};

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Submitted, working, or a word of a later version.
    Working,
    InputRequired,
    AuthRequired,
    Completed,
    Canceled,
    Failed,
    Rejected,
}

impl State {
    fn read(word: &str) -> Self {
        let word = word.strip_prefix("TASK_STATE_").unwrap_or(word);
        match word.to_ascii_lowercase().replace('_', "-").as_str() {
            "input-required" => Self::InputRequired,
            "auth-required" => Self::AuthRequired,
            "completed" => Self::Completed,
            "canceled" | "cancelled" => Self::Canceled,
            "failed" => Self::Failed,
            "rejected" => Self::Rejected,
            _ => Self::Working,
        }
    }

    /// The task is over.
    pub(crate) fn is_terminal(self) -> bool {
        match self {
            Self::Working | Self::InputRequired | Self::AuthRequired => false,
            Self::Completed | Self::Canceled | Self::Failed | Self::Rejected => true,
        }
    }

    /// The agent waits for a person.
    pub(crate) fn waits(self) -> bool {
        match self {
            Self::InputRequired | Self::AuthRequired => true,
            Self::Working | Self::Completed | Self::Canceled | Self::Failed | Self::Rejected => false,
        }
    }
}

/// One thing that an agent says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Heard {
    /// All that is known about a task.
    Task(Task),
    /// An answer without a task, or a word beside it.
    Message(Message),
    Status {
        task: Option<String>,
        context: Option<String>,
        status: Status,
    },
    Artifact {
        task: Option<String>,
        context: Option<String>,
        artifact: Artifact,
        append: bool,
    },
    /// Nothing that the protocol knows.
    Unknown,
}

/// All that is known about a task.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Task {
    pub(crate) id: String,
    pub(crate) context: Option<String>,
    pub(crate) status: Status,
    pub(crate) artifacts: Vec<Artifact>,
    pub(crate) history: Vec<Message>,
}

/// Where a task stands, and what is said about it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Status {
    pub(crate) state: State,
    pub(crate) message: Option<Message>,
    /// Tells this status from another one with the same state.
    pub(crate) key: String,
}

/// What was said at once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) of_agent: bool,
    /// The task that it is about, if it says so.
    pub(crate) task: Option<String>,
    pub(crate) context: Option<String>,
    pub(crate) parts: Vec<Part>,
}

/// A result, or a piece of one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Artifact {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) parts: Vec<Part>,
}

/// A piece of a message or of a result.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    Text(String),
    /// A text that is a file.
    TextFile {
        text: String,
        name: String,
        mime_type: Option<String>,
    },
    /// Bytes in base64.
    Bytes {
        base64: String,
        name: Option<String>,
        mime_type: Option<String>,
    },
    Link {
        uri: String,
        name: Option<String>,
        mime_type: Option<String>,
    },
    Data(Value),
}

/// Read the `result` of an answer, or of an event.
pub(crate) fn heard(mut result: Value) -> Heard {
    for (member, kind) in [
        ("task", "task"),
        ("message", "message"),
        ("statusUpdate", "status-update"),
        ("artifactUpdate", "artifact-update"),
    ] {
        if result.get(member).is_some_and(Value::is_object) && result.get("kind").is_none() {
            return of_kind(kind, result[member].take());
        }
    }
    let kind = take_text(&mut result, "kind");
    match kind {
        Some(kind) => of_kind(&kind, result),
        // The answer to GetTask and CancelTask is the task itself.
        None if result.get("status").is_some() => of_kind("task", result),
        None => Heard::Unknown,
    }
}

fn of_kind(kind: &str, mut value: Value) -> Heard {
    let (task, context) = (take_text(&mut value, "taskId"), take_text(&mut value, "contextId"));
    match kind {
        "task" => match take_text(&mut value, "id").filter(|id| !id.is_empty()) {
            Some(id) => Heard::Task(Task {
                id,
                context,
                status: status(value["status"].take()),
                artifacts: take_list(&mut value, "artifacts").into_iter().map(artifact).collect(),
                history: take_list(&mut value, "history").into_iter().map(message).collect(),
            }),
            None => Heard::Unknown,
        },
        "message" => Heard::Message(Message { task, context, ..message(value) }),
        "status-update" => Heard::Status { task, context, status: status(value["status"].take()) },
        "artifact-update" => {
            let append = value["append"] == true;
            Heard::Artifact { task, context, artifact: artifact(value["artifact"].take()), append }
        }
        _ => Heard::Unknown,
    }
}

fn status(mut value: Value) -> Status {
    let state = State::read(text(&value, "state").unwrap_or_default());
    let message = value.get_mut("message").map(Value::take).filter(Value::is_object).map(message);
    let said = message.as_ref().map(|message| message.id.as_str()).unwrap_or_default();
    let key = format!("{said} {}", text(&value, "timestamp").unwrap_or_default());
    Status { state, message, key }
}

fn message(mut value: Value) -> Message {
    let role = text(&value, "role").unwrap_or_default();
    Message {
        of_agent: !role.to_ascii_lowercase().ends_with("user"),
        id: take_text(&mut value, "messageId").unwrap_or_default(),
        task: take_text(&mut value, "taskId"),
        context: take_text(&mut value, "contextId"),
        parts: parts(&mut value),
    }
}

fn artifact(mut value: Value) -> Artifact {
    Artifact {
        id: take_text(&mut value, "artifactId").unwrap_or_default(),
        name: take_text(&mut value, "name").filter(|name| !name.is_empty()),
        parts: parts(&mut value),
    }
}

fn parts(value: &mut Value) -> Vec<Part> {
    take_list(value, "parts").into_iter().filter_map(part).collect()
}

/// Version 1.0 tells parts apart by their member, 0.3 by their kind with files one level deeper.
fn part(mut value: Value) -> Option<Part> {
    if let Some(file) = value.get_mut("file").filter(|file| file.is_object()) {
        let mut file = file.take();
        let (name, mime_type) = (take_text(&mut file, "name"), take_text(&mut file, "mimeType"));
        return match (take_text(&mut file, "bytes"), take_text(&mut file, "uri")) {
            (Some(base64), _) => Some(Part::Bytes { base64, name, mime_type }),
            (None, Some(uri)) => Some(Part::Link { uri, name, mime_type }),
            (None, None) => None,
        };
    }
    let name = take_text(&mut value, "filename").filter(|name| !name.is_empty());
    let mime_type = take_text(&mut value, "mediaType").filter(|mime_type| !mime_type.is_empty());
    if let Some(text) = take_text(&mut value, "text") {
        return Some(match name {
            Some(name) => Part::TextFile { text, name, mime_type },
            None => Part::Text(text),
        });
    }
    if let Some(base64) = take_text(&mut value, "raw") {
        return Some(Part::Bytes { base64, name, mime_type });
    }
    if let Some(uri) = take_text(&mut value, "url") {
        return Some(Part::Link { uri, name, mime_type });
    }
    value.get_mut("data").map(Value::take).map(Part::Data)
}

impl Message {
    /// The text of all its parts that have one.
    pub(crate) fn text(&self) -> String {
        self.parts
            .iter()
            .filter_map(|part| match part {
                Part::Text(text) | Part::TextFile { text, .. } => Some(text.as_str()),
                Part::Bytes { .. } | Part::Link { .. } | Part::Data(_) => None,
            })
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// The page that it names: a link, a member of its data, or an address in its text.
    pub(crate) fn page(&self) -> Option<String> {
        const MEMBERS: [&str; 5] = ["url", "authUrl", "auth_url", "authorizationUrl", "authorization_url"];
        let linked = self.parts.iter().find_map(|part| match part {
            Part::Link { uri, .. } => Some(uri.clone()),
            Part::Data(data) => MEMBERS.iter().find_map(|member| text(data, member)).map(str::to_owned),
            Part::Text(_) | Part::TextFile { .. } | Part::Bytes { .. } => None,
        });
        let is_page = |word: &&str| word.starts_with("https://") || word.starts_with("http://");
        linked.or_else(|| {
            let words = self.text();
            let word = words.split_whitespace().find(is_page)?;
            Some(word.trim_end_matches(['.', ',', ')', '>', ';']).to_owned())
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_same_task_is_read_from_both_versions() {
        let new = json!({"task": {"id": "t", "contextId": "c",
            "status": {"state": "TASK_STATE_INPUT_REQUIRED", "timestamp": "now",
                "message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "Which?"}]}},
            "artifacts": [{"artifactId": "a", "parts": [{"text": "x"}, {"raw": "AAE=", "filename": "b.bin"},
                {"url": "https://x", "mediaType": "text/html"}, {"data": {"n": 1}}]}]}});
        let old = json!({"kind": "task", "id": "t", "contextId": "c",
            "status": {"state": "input-required", "timestamp": "now",
                "message": {"kind": "message", "messageId": "m", "role": "agent", "parts": [{"kind": "text", "text": "Which?"}]}},
            "artifacts": [{"artifactId": "a", "parts": [{"kind": "text", "text": "x"},
                {"kind": "file", "file": {"bytes": "AAE=", "name": "b.bin"}},
                {"kind": "file", "file": {"uri": "https://x", "mimeType": "text/html"}},
                {"kind": "data", "data": {"n": 1}}]}]});
        let Heard::Task(task) = heard(new) else { panic!("it is a task") };
        assert_eq!((task.status.state, task.artifacts[0].parts.len()), (State::InputRequired, 4));
        assert_eq!(heard(old), Heard::Task(task));
    }

    #[test]
    fn what_is_no_answer_is_unknown_and_harms_nobody() {
        for odd in
            [json!(null), json!(7), json!({}), json!({"task": 1}), json!({"kind": "x"}), json!({"task": {}})]
        {
            assert_eq!(heard(odd), Heard::Unknown);
        }
        let odd = heard(json!({"statusUpdate": {"status": {"state": "TASK_STATE_DREAMING", "message": 3}}}));
        assert!(matches!(
            odd,
            Heard::Status { status: Status { state: State::Working, message: None, .. }, .. }
        ));
    }

    #[test]
    fn a_page_is_found_where_agents_put_it() {
        let page = |parts: Value| message(json!({"role": "agent", "parts": parts})).page();
        let found = Some("https://x/log-in".to_owned());
        assert_eq!(page(json!([{"text": "Open https://x/log-in."}])), found);
        assert_eq!(page(json!([{"data": {"authUrl": "https://x/log-in"}}])), found);
        assert_eq!(page(json!([{"text": "Here:"}, {"url": "https://x/log-in"}])), found);
        assert_eq!(page(json!([{"text": "Log in"}])), None);
    }
}
