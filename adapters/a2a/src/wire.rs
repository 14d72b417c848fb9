//! What is sent: the methods and messages of both versions, with pictures spliced in by the host.

use omi_adapter_sdk::{Failure, Media, Part, PromptBlock};
use serde_json::{Value, json};

use crate::card::{Agent, Dialect};

/// What can be asked of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Send,
    Stream,
    Subscribe,
    Get,
    Cancel,
}

impl Method {
    /// Its name.
    fn name(self, dialect: Dialect) -> &'static str {
        match (dialect, self) {
            (Dialect::V1, Self::Send) => "SendMessage",
            (Dialect::V1, Self::Stream) => "SendStreamingMessage",
            (Dialect::V1, Self::Subscribe) => "SubscribeToTask",
            (Dialect::V1, Self::Get) => "GetTask",
            (Dialect::V1, Self::Cancel) => "CancelTask",
            (Dialect::V03, Self::Send) => "message/send",
            (Dialect::V03, Self::Stream) => "message/stream",
            (Dialect::V03, Self::Subscribe) => "tasks/resubscribe",
            (Dialect::V03, Self::Get) => "tasks/get",
            (Dialect::V03, Self::Cancel) => "tasks/cancel",
        }
    }

    /// Whether the answer is a stream of events.
    pub(crate) fn streams(self) -> bool {
        match self {
            Self::Stream | Self::Subscribe => true,
            Self::Send | Self::Get | Self::Cancel => false,
        }
    }
}

/// A message to the agent, before it is put into a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Letter {
    /// Never used twice: an agent may make two tasks of it, or none.
    pub(crate) id: String,
    pub(crate) context: Option<String>,
    /// The task that it goes on with.
    pub(crate) task: Option<String>,
    pub(crate) parts: Vec<LetterPart>,
}

/// A part of a message to the agent.
#[derive(Clone, Debug)]
pub(crate) enum LetterPart {
    Text { text: String, name: Option<String> },
    Data(Value),
    Media(Media),
    Link { uri: String, name: String, mime_type: Option<String> },
}

impl Letter {
    /// The parts of a prompt. `first` is a text to say before it.
    pub(crate) fn parts_of(
        first: Option<String>,
        prompt: Vec<PromptBlock>,
    ) -> Result<Vec<LetterPart>, Failure> {
        let first = first.map(|text| Ok(LetterPart::Text { text, name: None }));
        let parts = prompt.into_iter().map(|block| match block {
            PromptBlock::Text(text) => Ok(LetterPart::Text { text, name: None }),
            PromptBlock::Image(media) | PromptBlock::Audio(media) => Ok(LetterPart::Media(media)),
            PromptBlock::Embedded(embedded) => {
                Ok(LetterPart::Text { text: embedded.text, name: Some(embedded.uri) })
            }
            // A file of this machine is nothing to an agent elsewhere but its name.
            PromptBlock::Link(link) if !link.uri.starts_with("http") => {
                Ok(LetterPart::Text { text: format!("{}: {}", link.name, link.uri), name: None })
            }
            PromptBlock::Link(link) => {
                Ok(LetterPart::Link { uri: link.uri, name: link.name, mime_type: link.mime_type })
            }
            PromptBlock::Other(_) => Err(Failure::fatal(
                "block_unsupported",
                "A2A has no place for a block of this kind in a prompt",
            )),
        });
        first.into_iter().chain(parts).collect()
    }

    fn json(&self, dialect: Dialect) -> Value {
        let parts: Vec<Value> = self.parts.iter().map(|part| part.json(dialect)).collect();
        let mut message = json!({ "messageId": self.id, "parts": parts, "role": match dialect {
            Dialect::V1 => "ROLE_USER",
            Dialect::V03 => "user",
        }});
        if dialect == Dialect::V03 {
            message["kind"] = "message".into();
        }
        for (key, id) in [("contextId", &self.context), ("taskId", &self.task)] {
            if let Some(id) = id {
                message[key] = id.as_str().into();
            }
        }
        message
    }
}

impl LetterPart {
    fn json(&self, dialect: Dialect) -> Value {
        match (dialect, self) {
            (Dialect::V1, Self::Text { text, name: None }) => json!({ "text": text }),
            (Dialect::V1, Self::Text { text, name: Some(name) }) => json!({ "text": text, "filename": name }),
            (Dialect::V1, Self::Data(data)) => json!({ "data": data }),
            (Dialect::V1, Self::Media(media)) => json!({ "raw": "", "mediaType": media.mime_type }),
            (Dialect::V1, Self::Link { uri, name, mime_type }) => {
                json!({ "url": uri, "filename": name, "mediaType": mime_type.as_deref().unwrap_or_default() })
            }
            (Dialect::V03, Self::Text { text, name: None }) => json!({ "kind": "text", "text": text }),
            (Dialect::V03, Self::Text { text, name: Some(name) }) => {
                json!({ "kind": "text", "text": format!("{name}:\n{text}") })
            }
            // Only objects are data in 0.3.
            (Dialect::V03, Self::Data(data)) if data.is_object() => json!({ "kind": "data", "data": data }),
            (Dialect::V03, Self::Data(data)) => json!({ "kind": "text", "text": data.to_string() }),
            (Dialect::V03, Self::Media(media)) => {
                json!({ "kind": "file", "file": { "bytes": "", "mimeType": media.mime_type } })
            }
            (Dialect::V03, Self::Link { uri, name, mime_type }) => {
                json!({ "kind": "file", "file": { "uri": uri, "name": name, "mimeType": mime_type } })
            }
        }
    }
}

/// The body of a request that carries a message.
pub(crate) fn message_body(id: u32, method: Method, letter: &Letter, agent: &Agent) -> Vec<Part> {
    let mut params = json!({ "message": letter.json(agent.dialect) });
    if method == Method::Send {
        params["configuration"] = match agent.dialect {
            Dialect::V1 => json!({ "returnImmediately": true }),
            Dialect::V03 => json!({ "blocking": false }),
        };
    }
    let blobs = letter.parts.iter().filter_map(|part| match part {
        LetterPart::Media(media) => Some(media.data),
        LetterPart::Text { .. } | LetterPart::Data(_) | LetterPart::Link { .. } => None,
    });
    splice(&request(id, method, params, agent), agent.dialect, blobs)
}

/// The body of a request about a task.
pub(crate) fn task_body(id: u32, method: Method, task: &str, agent: &Agent) -> Vec<Part> {
    vec![Part::Bytes(request(id, method, json!({ "id": task }), agent).into_bytes())]
}

fn request(id: u32, method: Method, mut params: Value, agent: &Agent) -> String {
    if let Some(tenant) = &agent.tenant {
        params["tenant"] = tenant.as_str().into();
    }
    let method = method.name(agent.dialect);
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string()
}

/// Put each blob where its bytes belong. A quote inside of a JSON string is always escaped, so the place cannot be part
/// of a text; data of a person is the one thing that could look like it, and is never sent with a picture.
fn splice(json: &str, dialect: Dialect, blobs: impl Iterator<Item = u32>) -> Vec<Part> {
    let place = match dialect {
        Dialect::V1 => r#""raw":""#,
        Dialect::V03 => r#""bytes":""#,
    };
    let empty = format!("{place}\"");
    let (mut parts, mut rest) = (Vec::new(), json);
    for blob in blobs {
        let Some(at) = rest.find(&empty) else { break };
        let (before, after) = rest.split_at(at + place.len());
        parts.push(Part::Bytes(before.as_bytes().to_vec()));
        parts.push(Part::BlobBase64(blob));
        rest = after;
    }
    parts.push(Part::Bytes(rest.as_bytes().to_vec()));
    parts
}

#[cfg(test)]
mod tests {
    use omi_adapter_sdk::{EmbeddedText, ResourceLink};

    use super::*;

    fn agent(dialect: Dialect) -> Agent {
        let (title, path) = ("x".to_owned(), "/".to_owned());
        Agent { title, path, dialect, streaming: true, tenant: None, schemes: Vec::new() }
    }

    fn sent(dialect: Dialect, prompt: Vec<PromptBlock>) -> Value {
        let parts = Letter::parts_of(Some("be kind".to_owned()), prompt).expect("all of it can be sent");
        let letter = Letter { id: "m1".to_owned(), context: Some("c".to_owned()), task: None, parts };
        let body = message_body(7, Method::Send, &letter, &agent(dialect));
        let text: String = body
            .iter()
            .map(|part| match part {
                Part::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                Part::BlobBase64(blob) => format!("<base64 of {blob}>"),
                Part::BlobRaw(blob) => panic!("raw bytes of {blob} in JSON"),
            })
            .collect();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn prompt() -> Vec<PromptBlock> {
        let picture = |data| Media { mime_type: "image/png".to_owned(), data, size: 3, extra: String::new() };
        let (extra, mime_type) = (String::new(), Some("text/x".to_owned()));
        vec![
            PromptBlock::Text(r#"the words "raw":"" and "bytes":"" are text"#.to_owned()),
            PromptBlock::Image(picture(8)),
            PromptBlock::Embedded(EmbeddedText {
                uri: "a.txt".to_owned(),
                text: "hi".to_owned(),
                mime_type: mime_type.clone(),
                extra: extra.clone(),
            }),
            PromptBlock::Link(ResourceLink {
                uri: "https://x/y".to_owned(),
                name: "y".to_owned(),
                mime_type,
                extra,
            }),
            PromptBlock::Image(picture(9)),
        ]
    }

    #[test]
    fn a_message_of_version_one() {
        let sent = sent(Dialect::V1, prompt());
        assert_eq!(sent["method"], "SendMessage");
        assert_eq!(sent["params"]["configuration"], json!({ "returnImmediately": true }));
        let message = &sent["params"]["message"];
        assert_eq!((&message["role"], &message["contextId"]), (&"ROLE_USER".into(), &"c".into()));
        assert_eq!(
            message["parts"],
            json!([
                { "text": "be kind" },
                { "text": r#"the words "raw":"" and "bytes":"" are text"# },
                { "raw": "<base64 of 8>", "mediaType": "image/png" },
                { "text": "hi", "filename": "a.txt" },
                { "url": "https://x/y", "filename": "y", "mediaType": "text/x" },
                { "raw": "<base64 of 9>", "mediaType": "image/png" },
            ])
        );
    }

    #[test]
    fn a_message_of_version_nought_point_three() {
        let sent = sent(Dialect::V03, prompt());
        assert_eq!(sent["method"], "message/send");
        assert_eq!(sent["params"]["configuration"], json!({ "blocking": false }));
        let message = &sent["params"]["message"];
        assert_eq!((&message["role"], &message["kind"]), (&"user".into(), &"message".into()));
        assert_eq!(
            message["parts"][2],
            json!({ "kind": "file", "file": { "bytes": "<base64 of 8>", "mimeType": "image/png" } })
        );
        assert_eq!(message["parts"][3], json!({ "kind": "text", "text": "a.txt:\nhi" }));
        assert_eq!(message["parts"][5]["file"]["bytes"], "<base64 of 9>");
    }

    #[test]
    fn a_block_of_another_kind_is_refused() {
        let failure = Letter::parts_of(None, vec![PromptBlock::Other("{}".to_owned())]);
        assert!(matches!(failure, Err(Failure::Fatal(detail)) if detail.code == "block_unsupported"));
    }
}
