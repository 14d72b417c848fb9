//! Questions of the agent to a person (`elicitation/*`): forms and pages to visit, asked on and answered once.

use std::collections::BTreeMap;

use omi_adapter_sdk::rpc::{INVALID_PARAMS, RpcError};
use omi_adapter_sdk::{Answer, Attempt, Outputs, RequestInput, WithdrawRequest, log};
use serde_json::{Value, json};

use crate::json::text;
use crate::link::Link;
use crate::turn::{Cancel, Prompt};
use crate::wording::head;
use crate::worker::Worker;

/// Characters of a question: a person reads it in one go.
const QUESTION_CHARS_MAX: usize = 2000;

/// The questions that wait for an answer.
#[derive(Default)]
pub(crate) struct Questions {
    open: BTreeMap<u32, Asked>,
}

struct Asked {
    /// The id of the agent's request, as it came.
    id: Value,
    attempt: Attempt,
    kind: Kind,
}

enum Kind {
    /// With the name of the field, if there is only one.
    Form(Option<String>),
    /// With the agent's name for it, by which it says that the person is done there.
    Page(String),
}

impl Questions {
    /// What a person said.
    pub(crate) fn provided(&mut self, request: u32, answer: Answer, link: &mut Link, out: &mut Outputs) {
        let Some(asked) = self.open.remove(&request) else { return };
        let result = match answer {
            Answer::Provided(text) => accepted(&asked.kind, &text),
            Answer::Declined => json!({"action": "decline"}),
            Answer::Cancelled | Answer::Expired => cancelled(),
        };
        link.answer(&asked.id, result, out);
    }

    /// Take back everything that an attempt has open.
    pub(crate) fn cancel(&mut self, attempt: Attempt, link: &mut Link, out: &mut Outputs) {
        self.take_back(&cancelled(), |asked| asked.attempt == attempt, link, out);
    }

    /// The agent takes back its own request.
    pub(crate) fn withdrawn(&mut self, id: &Value, link: &mut Link, out: &mut Outputs) {
        self.take_back(&cancelled(), |asked| asked.id == *id, link, out);
    }

    /// The agent saw by itself that the person was on the page.
    pub(crate) fn completed(&mut self, elicitation: &str, link: &mut Link, out: &mut Outputs) {
        let is_it = |asked: &Asked| matches!(&asked.kind, Kind::Page(name) if name == elicitation);
        self.take_back(&json!({"action": "accept"}), is_it, link, out);
    }

    fn take_back(
        &mut self,
        result: &Value,
        is_it: impl Fn(&Asked) -> bool,
        link: &mut Link,
        out: &mut Outputs,
    ) {
        for (request, asked) in self.open.extract_if(.., |_, asked| is_it(asked)) {
            link.answer(&asked.id, result, out);
            out.push(WithdrawRequest::new(request));
        }
    }
}

impl Worker {
    /// The agent asks a person something.
    pub(crate) fn asked_question(&mut self, id: Value, params: &Value, out: &mut Outputs) {
        let (kind, schema, url) = match read(params) {
            Ok(question) => question,
            Err(error) => return self.link.answer_error(&id, &error, out),
        };
        let session_id = text(params, "sessionId");
        let session = self.sessions.values().find(|session| session.native_id.as_deref() == session_id);
        let turn = session.and_then(|session| session.turn.as_ref());
        let turn = turn.filter(|turn| turn.cancel == Cancel::No && turn.prompt == Prompt::Sent);
        let Some(attempt) = turn.map(|turn| turn.attempt) else {
            // There is nobody whose run it would be.
            return self.link.answer(&id, cancelled(), out);
        };
        let request = self.link.next_request();
        let prompt = head(text(params, "message").unwrap_or_default(), QUESTION_CHARS_MAX);
        out.push(RequestInput { request, attempt, prompt, schema, url, extra: String::new() });
        self.questions.open.insert(request, Asked { id, attempt, kind });
    }
}

/// What is asked: its kind, its schema and its page.
fn read(params: &Value) -> Result<(Kind, String, Option<String>), RpcError> {
    let wrong = |what: &str| RpcError::new(INVALID_PARAMS, what);
    match text(params, "mode").unwrap_or("form") {
        "form" => {
            let schema = &params["requestedSchema"];
            let Some(fields) = schema["properties"].as_object() else {
                return Err(wrong("a form needs a `requestedSchema` with `properties`"));
            };
            let only = fields.keys().next().filter(|_| fields.len() == 1).cloned();
            Ok((Kind::Form(only), schema.to_string(), None))
        }
        "url" => {
            let url = text(params, "url").unwrap_or_default();
            if !(url.starts_with("https://") || url.starts_with("http://")) {
                return Err(wrong("a page needs a `url` of http or https"));
            }
            let name = text(params, "elicitationId").unwrap_or_default().to_owned();
            Ok((Kind::Page(name), String::new(), Some(url.to_owned())))
        }
        _ => Err(wrong("this client knows the modes `form` and `url`")),
    }
}

fn accepted(kind: &Kind, text: &str) -> Value {
    let Kind::Form(only) = kind else { return json!({"action": "accept"}) };
    match (serde_json::from_str::<Value>(text), only) {
        (Ok(content @ Value::Object(_)), _) => json!({"action": "accept", "content": content}),
        // A form of one field is asked as that field.
        (Ok(value), Some(field)) => json!({"action": "accept", "content": { field: value }}),
        (Ok(_) | Err(_), _) => {
            log::warn("what a person said does not fit the form; the agent is told that they declined");
            json!({"action": "decline"})
        }
    }
}

fn cancelled() -> Value {
    json!({"action": "cancel"})
}
