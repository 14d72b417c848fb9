//! What a server answers: a stream of events, or, from servers that do not stream, one object.

use omi_adapter_sdk::sse::Events;
use omi_adapter_sdk::{ChunkEnd, EVENT_BYTES_MAX, Failure, Usage};
use serde_json::Value;

/// What the last event of a stream says.
const DONE: &str = "[DONE]";

/// What the answer has said so far about the attempt, apart from its words.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    form: Form,
    /// Something of it was an answer of this API.
    pub(crate) is_chat: bool,
    /// The server's word for why the answer is over.
    pub(crate) finish: Option<String>,
    /// The server says that nothing more comes.
    pub(crate) is_done: bool,
    /// The model said in so many words that it will not answer.
    pub(crate) refused: bool,
    /// The model thought aloud.
    pub(crate) has_thought: bool,
    /// The server says that something went wrong.
    pub(crate) error: Option<Value>,
    pub(crate) model: Option<String>,
    pub(crate) usage: Option<Usage>,
}

#[derive(Debug, Default)]
enum Form {
    /// Nothing of it is there yet.
    #[default]
    Unknown,
    Stream(Events),
    Whole(Vec<u8>),
}

/// The words in a piece of an answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) text: String,
    pub(crate) thought: String,
}

impl Answer {
    /// Takes a piece of the body.
    pub(crate) fn push(&mut self, data: &[u8], end: ChunkEnd) -> Result<Words, Failure> {
        if matches!(self.form, Form::Unknown)
            && let Some(first) = data.iter().find(|byte| !byte.is_ascii_whitespace())
        {
            // No line of a stream of events begins like this.
            let is_object = *first == b'{';
            self.form =
                if is_object { Form::Whole(Vec::new()) } else { Form::Stream(Events::new(EVENT_BYTES_MAX)) };
        }
        let mut words = Words::default();
        match &mut self.form {
            Form::Unknown => {}
            Form::Whole(bytes) if bytes.len() + data.len() > EVENT_BYTES_MAX => {
                let message = format!("the answer is larger than {EVENT_BYTES_MAX} bytes");
                return Err(Failure::fatal("answer_too_large", message));
            }
            Form::Whole(bytes) => bytes.extend_from_slice(data),
            Form::Stream(events) => {
                for event in events.push(data, end) {
                    self.event(&event?.data, &mut words);
                }
            }
        }
        Ok(words)
    }

    /// The body is over: what had no end yet has one now.
    pub(crate) fn end(&mut self) -> Words {
        let mut words = Words::default();
        match std::mem::take(&mut self.form) {
            Form::Unknown => {}
            Form::Whole(bytes) => {
                if let Ok(object) = serde_json::from_slice(&bytes) {
                    self.object(&object, &mut words);
                }
            }
            Form::Stream(mut events) => {
                for event in events.push(b"\n\n", ChunkEnd::Open).into_iter().flatten() {
                    self.event(&event.data, &mut words);
                }
            }
        }
        words
    }

    fn event(&mut self, data: &str, words: &mut Words) {
        if data.trim() == DONE {
            self.is_done = true;
        } else if let Ok(object) = serde_json::from_str(data) {
            self.object(&object, words);
        }
    }

    /// A piece of a stream and a whole answer are alike, but that one says `delta` and the other `message`.
    fn object(&mut self, object: &Value, words: &mut Words) {
        if let Some(error) = object.get("error").filter(|error| !error.is_null()) {
            self.error.get_or_insert_with(|| error.clone());
        }
        let choices = object.get("choices").and_then(Value::as_array);
        self.is_chat |= choices.is_some();
        if let Some(model) = object["model"].as_str().filter(|model| !model.is_empty()) {
            self.model.get_or_insert_with(|| model.to_owned());
        }
        if object["usage"].is_object() {
            self.usage = Some(usage(&object["usage"]));
        }
        // Of several answers the first one counts.
        let is_first = |choice: &&Value| choice["index"].as_u64().unwrap_or_default() == 0;
        for choice in choices.into_iter().flatten().filter(is_first) {
            let said = if choice["delta"].is_object() { &choice["delta"] } else { &choice["message"] };
            let mut thoughts =
                ["reasoning_content", "reasoning"].into_iter().filter_map(|name| said[name].as_str());
            // Some servers say the same under both names.
            words.thought.push_str(thoughts.find(|thought| !thought.is_empty()).unwrap_or_default());
            content(&said["content"], words);
            if let Some(refusal) = said["refusal"].as_str().filter(|refusal| !refusal.is_empty()) {
                self.refused = true;
                words.text.push_str(refusal);
            }
            self.has_thought |= !words.thought.trim().is_empty();
            if let Some(finish) = choice["finish_reason"].as_str().filter(|finish| !finish.is_empty()) {
                self.finish = Some(finish.to_owned());
            }
        }
    }
}

/// A text, or a list of texts and thoughts.
fn content(content: &Value, words: &mut Words) {
    words.text.push_str(content.as_str().unwrap_or_default());
    for part in content.as_array().into_iter().flatten() {
        match part["type"].as_str() {
            Some("text") => words.text.push_str(part["text"].as_str().unwrap_or_default()),
            Some("thinking") => {
                let mut inner = Words::default();
                self::content(&part["thinking"], &mut inner);
                words.thought.push_str(&inner.text);
            }
            Some(_) | None => {}
        }
    }
}

fn usage(usage: &Value) -> Usage {
    let count = |value: &Value| value.as_u64().and_then(|count| u32::try_from(count).ok());
    Usage {
        input_tokens: count(&usage["prompt_tokens"]),
        output_tokens: count(&usage["completion_tokens"]),
        cache_read_tokens: count(&usage["prompt_tokens_details"]["cached_tokens"]),
        cache_write_tokens: None,
        cost_usd: None,
        extra: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(body: &str, most: usize) -> (Answer, Words) {
        let (mut answer, mut words) = (Answer::default(), Words::default());
        let mut add = |more: Words| {
            words.text.push_str(&more.text);
            words.thought.push_str(&more.thought);
        };
        for piece in body.as_bytes().chunks(most) {
            add(answer.push(piece, ChunkEnd::Open).expect("it is small"));
        }
        add(answer.end());
        (answer, words)
    }

    #[test]
    fn a_stream_reads_the_same_in_any_pieces() {
        let body = concat!(
            ": ping\n\n",
            "data: {\"model\":\"m-1\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n",
            "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\",\"reasoning\":\"hm\"}}]}\r\n\r\n",
            "data: {\"choices\":[{\"delta\":{\"content\":\"Grüß \"}}]}\n\n",
            "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"other\"}},{\"index\":0,\"delta\":{\"content\":\"Gott\"}}]}\n\n",
            "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4,\"prompt_tokens_details\":{\"cached_tokens\":2}}}\n\n",
            "data: [DONE]",
        );
        for most in [1, 2, 3, 7, 64, body.len()] {
            let (answer, words) = all(body, most);
            assert_eq!((words.text.as_str(), words.thought.as_str()), ("Grüß Gott", "hm"), "{most}");
            assert_eq!((answer.finish.as_deref(), answer.model.as_deref()), (Some("stop"), Some("m-1")));
            let usage = answer.usage.expect("it was given");
            assert_eq!(
                (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens),
                (Some(9), Some(4), Some(2))
            );
            assert!(answer.is_done && answer.is_chat && !answer.refused && answer.error.is_none());
        }
    }

    #[test]
    fn one_object_is_an_answer_too() {
        let body = r#" {"model":"m","choices":[{"message":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},
            {"type":"text","text":"hello"}]},"finish_reason":"length"}],"usage":{"prompt_tokens":1}}"#;
        for most in [1, 5, body.len()] {
            let (answer, words) = all(body, most);
            assert_eq!((words.text.as_str(), words.thought.as_str()), ("hello", "hm"));
            assert_eq!(answer.finish.as_deref(), Some("length"));
            assert_eq!(
                answer.usage.and_then(|usage| usage.output_tokens),
                None,
                "what is not said is not zero"
            );
        }
    }

    #[test]
    fn what_is_no_answer_is_seen() {
        for body in ["", "<html>no</html>", "{\"ok\":true}", "data: {\n\n", "{\"choices\":["] {
            let (answer, words) = all(body, 4);
            assert!(!answer.is_chat && answer.finish.is_none() && words == Words::default(), "{body}");
        }
        let (answer, _) = all("data: {\"error\":{\"message\":\"no\"}}\n\n", 9);
        assert_eq!(answer.error.expect("an error")["message"], "no");
        let (answer, words) = all("data: {\"choices\":[{\"delta\":{\"refusal\":\"I won't\"}}]}\n\n", 9);
        assert!(answer.refused && words.text == "I won't");
    }
}
