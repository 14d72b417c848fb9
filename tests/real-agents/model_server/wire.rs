//! The interfaces the agents use: which one a request speaks, and the dispatch to it.
//!
//! Each interface has a file that reads the end of a conversation from a request and puts an answer into events.

mod chat;
mod gemini;
mod messages;
mod responses;

use serde_json::{Value, json};

use super::script::Reply;

/// An interface of a model provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    /// Gemini's `…:streamGenerateContent`, `…:generateContent` and `…:countTokens`.
    Gemini,
    /// Anthropic's `…/messages` and `…/messages/count_tokens`.
    Messages,
    /// `OpenAI`'s `…/responses`, as a stream.
    Responses,
    /// `OpenAI`'s older `…/chat/completions`, which most other servers speak too.
    Chat,
}

/// What a request wants to have back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// An answer as a stream of events.
    Stream,
    /// An answer in one piece.
    Whole,
    /// The size of the conversation.
    Count,
}

/// Names that agents give to their shell tool, and the argument that takes the command.
const SHELL_TOOLS: [(&str, &str); 7] = [
    ("run_shell_command", "command"),
    ("Bash", "command"),
    ("shell_command", "command"),
    ("exec_command", "cmd"),
    ("shell", "command"),
    ("bash", "command"),
    ("terminal", "command"),
];

/// The body of an error, in the form that the interfaces share.
pub(super) fn error(message: &str) -> Value {
    json!({ "type": "error", "error": { "code": "scripted", "message": message, "type": "scripted" } })
}

impl Form {
    /// What the request for this path (without query) wants.
    pub(super) fn of(path: &str, body: &Value) -> Self {
        match path.rsplit(['/', ':']).next().unwrap_or_default() {
            "countTokens" | "count_tokens" => Self::Count,
            "streamGenerateContent" => Self::Stream,
            _ if body["stream"] == true => Self::Stream,
            _ => Self::Whole,
        }
    }
}

impl Api {
    /// The interface that has this path (without query).
    pub(super) fn of_path(path: &str) -> Option<Self> {
        match path.rsplit(['/', ':']).next().unwrap_or_default() {
            "streamGenerateContent" | "generateContent" | "countTokens" => Some(Self::Gemini),
            "messages" | "count_tokens" => Some(Self::Messages),
            "responses" => Some(Self::Responses),
            "completions" => Some(Self::Chat),
            _ => None,
        }
    }

    /// The last text of the user, and the tool's result if the conversation ends with one.
    pub(super) fn last_message(self, body: &Value) -> (String, Option<String>) {
        match self {
            Self::Gemini => gemini::last_message(body),
            Self::Messages => messages::last_message(body),
            Self::Responses => responses::last_message(body),
            Self::Chat => chat::last_message(body),
        }
    }

    /// The answer in one piece, for requests that do not stream. Agents use these on the side (a title, a
    /// summary) and get text whatever the script says.
    pub(super) fn whole(self, reply: &Reply) -> Value {
        let text = match reply {
            Reply::Text(chunks) => chunks.concat(),
            Reply::Meet(_) | Reply::Shell(_) | Reply::Slow => {
                "This answer is only given as a stream.".to_owned()
            }
        };
        match self {
            Self::Gemini => gemini::whole(&text),
            Self::Messages => messages::whole(&text),
            Self::Responses => responses::whole(&text),
            Self::Chat => chat::whole(&text),
        }
    }

    /// The answer to a request for the size of a conversation.
    pub(super) fn count(self) -> Value {
        match self {
            Self::Gemini => json!({ "totalTokens": 10 }),
            Self::Messages | Self::Responses | Self::Chat => json!({ "input_tokens": 10 }),
        }
    }

    /// The events before the first of the answer.
    pub(super) fn opening(self, serial: usize, reply: &Reply) -> Vec<Value> {
        match self {
            Self::Gemini => Vec::new(),
            Self::Messages => messages::opening(serial, reply),
            Self::Responses => responses::opening(serial, reply),
            Self::Chat => chat::opening(serial),
        }
    }

    /// The event for a chunk of text.
    pub(super) fn text(self, serial: usize, chunk: &str) -> Value {
        match self {
            Self::Gemini => gemini::text(chunk),
            Self::Messages => messages::text(chunk),
            Self::Responses => responses::text(serial, chunk),
            Self::Chat => chat::text(serial, chunk),
        }
    }

    /// The events for a call of the shell tool that this request offers.
    pub(super) fn shell_call(self, body: &Value, serial: usize, command: &str) -> Vec<Value> {
        match self {
            Self::Gemini => gemini::shell_call(body, command),
            Self::Messages => messages::shell_call(body, serial, command),
            Self::Responses => responses::shell_call(body, serial, command),
            Self::Chat => chat::shell_call(body, serial, command),
        }
    }

    /// The events after the last of the answer.
    pub(super) fn closing(self, serial: usize, reply: &Reply) -> Vec<Value> {
        match self {
            Self::Gemini => gemini::closing(),
            Self::Messages => messages::closing(reply),
            Self::Responses => responses::closing(serial, reply),
            Self::Chat => chat::closing(serial, reply),
        }
    }
}

/// The shell tool among the tools a request offers: its name and the argument for the command.
fn shell_tool<'a>(tools: impl IntoIterator<Item = &'a Value>) -> (&'static str, &'static str) {
    let offered: Vec<&str> = tools.into_iter().filter_map(|tool| tool["name"].as_str()).collect();
    // A request that offers none gets a call that the agent must refuse, which the test sees in the result.
    SHELL_TOOLS.into_iter().find(|(name, _)| offered.contains(name)).unwrap_or(SHELL_TOOLS[0])
}

/// The items of an array; none where the value is something else.
fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
