//! Dialogs of pi's extensions: each is answered, or the turn would hang for good.
//!
//! A question of our own gate becomes an approval. What other extensions ask becomes a request for information. What is
//! asked outside of a turn, or while one is being cancelled, is answered as cancelled at once.

use std::collections::BTreeMap;

use omi_adapter_sdk::{
    Answer, ApprovalOption, Attempt, Decision, Op, OptionKind, Output, Outputs, RequestApproval,
    RequestInput, WithdrawRequest,
};
use serde_json::{Value, json};

use crate::json::{list, text};
use crate::link::{Link, Ops};
use crate::tools::title;
use omi_adapter_sdk::wording::head;

/// What the title of a question of the gate begins with; the rest is JSON. See `extension/omi-gate.js`.
const GATE: &str = "omi-gate:";

/// The title with which our extension asks how the host's tools are reached.
const TOOLS: &str = "omi-tools:";

/// The answers that the gate knows.
const ALLOW: &str = "allow";
const REFUSE: &str = "refuse";

/// Characters of a question for a person.
const PROMPT_CHARS_MAX: usize = 4000;

/// Bytes of what a tool is to be called with, if it is to travel whole.
const DETAILS_BYTES_MAX: usize = 32 * 1024;

/// The dialogs that wait for an answer.
#[derive(Default)]
pub(crate) struct Dialogs {
    last_request: u32,
    open: BTreeMap<u32, Asked>,
}

struct Asked {
    /// pi's id of the dialog.
    id: String,
    kind: Kind,
    /// When pi answers it itself.
    timer: Option<Op>,
}

enum Kind {
    Gate { call: Option<String> },
    Select(Vec<String>),
    Confirm,
    Text,
}

/// What the gate asks.
pub(crate) struct Question {
    tool: String,
    pub(crate) call: Option<String>,
    input: Value,
}

impl Question {
    /// The question in an `extension_ui_request`, if it is one of the gate.
    pub(crate) fn read(request: &Value) -> Option<Self> {
        let json = text(request, "title").filter(|_| request["method"] == "select")?.strip_prefix(GATE)?;
        let question: Value = serde_json::from_str(json).ok()?;
        Some(Self {
            tool: text(&question, "tool")?.to_owned(),
            call: text(&question, "call").map(str::to_owned),
            input: question["input"].clone(),
        })
    }

    fn details(&self) -> String {
        let whole = json!({"tool": self.tool, "call": self.call, "input": self.input}).to_string();
        if whole.len() <= DETAILS_BYTES_MAX {
            return whole;
        }
        json!({"tool": self.tool, "call": self.call, "bytes": whole.len()}).to_string()
    }
}

/// Whether our extension asks how the host's tools are reached. It does so by itself, in a turn or outside of one.
pub(crate) fn asks_for_tools(request: &Value) -> bool {
    request["method"] == "input" && text(request, "title") == Some(TOOLS)
}

/// Tell it, or that there are none.
pub(crate) fn tell_tools(id: &str, tools: Option<&str>, link: &mut Link, out: &mut Outputs) {
    match tools {
        Some(tools) => link.answer_dialog(id, json!({"value": tools}), out),
        None => cancel(id, link, out),
    }
}

/// Whether this method waits for an answer.
pub(crate) fn waits(method: &str) -> bool {
    matches!(method, "select" | "confirm" | "input" | "editor")
}

impl Dialogs {
    /// Ask for the gate.
    pub(crate) fn ask_approval(
        &mut self,
        id: &str,
        attempt: Attempt,
        question: &Question,
        out: &mut Outputs,
    ) {
        let kind = Kind::Gate { call: question.call.clone() };
        let request = self.add(id, kind, None);
        let options = vec![
            ApprovalOption::new(ALLOW, "Allow once", OptionKind::AllowOnce),
            ApprovalOption::new(REFUSE, "Refuse", OptionKind::RejectOnce),
        ];
        let mut asked =
            RequestApproval::new(request, attempt, title(&question.tool, &question.input), options);
        asked.tool.clone_from(&question.call);
        asked.details = question.details();
        out.push(asked);
    }

    /// Ask for another extension.
    pub(crate) fn ask_input(
        &mut self,
        id: &str,
        attempt: Attempt,
        request: &Value,
        ops: &mut Ops,
        out: &mut Outputs,
    ) {
        let (kind, schema) = match text(request, "method").unwrap_or_default() {
            "select" => {
                let options: Vec<String> =
                    list(request, "options").iter().filter_map(Value::as_str).map(str::to_owned).collect();
                let schema = json!({"type": "string", "enum": options});
                (Kind::Select(options), schema)
            }
            "confirm" => (Kind::Confirm, json!({"type": "boolean"})),
            _ => match text(request, "prefill") {
                Some(prefill) => (Kind::Text, json!({"type": "string", "default": prefill})),
                None => (Kind::Text, json!({"type": "string"})),
            },
        };
        let timeout = request["timeout"].as_u64().and_then(|ms| u32::try_from(ms).ok());
        let timer = timeout.map(|after_ms| ops.timer(after_ms, out));
        let number = self.add(id, kind, timer);
        let words = ["title", "message", "placeholder"].map(|key| text(request, key).unwrap_or_default());
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        out.push(RequestInput {
            request: number,
            attempt,
            prompt: head(&words.join("\n"), PROMPT_CHARS_MAX),
            schema: schema.to_string(),
            url: None,
            extra: String::new(),
        });
    }

    fn add(&mut self, id: &str, kind: Kind, timer: Option<Op>) -> u32 {
        self.last_request += 1;
        self.open.insert(self.last_request, Asked { id: id.to_owned(), kind, timer });
        self.last_request
    }

    /// Tell pi what was decided. Gives the tool call that was not allowed.
    pub(crate) fn decided(
        &mut self,
        request: u32,
        decision: &Decision,
        link: &mut Link,
        out: &mut Outputs,
    ) -> Option<String> {
        let asked = self.take(request, out)?;
        match decision {
            Decision::Selected(id) if id == ALLOW => {
                link.answer_dialog(&asked.id, json!({"value": ALLOW}), out);
                return None;
            }
            Decision::Selected(_) | Decision::Rejected(_) | Decision::Expired => refuse(&asked.id, link, out),
            Decision::Cancelled => cancel(&asked.id, link, out),
        }
        match asked.kind {
            Kind::Gate { call } => call,
            Kind::Select(_) | Kind::Confirm | Kind::Text => None,
        }
    }

    /// Tell pi what a person said.
    pub(crate) fn provided(&mut self, request: u32, answer: Answer, link: &mut Link, out: &mut Outputs) {
        let Some(asked) = self.take(request, out) else { return };
        let value = match answer {
            Answer::Provided(json) => serde_json::from_str(&json).unwrap_or(Value::Null),
            Answer::Declined | Answer::Cancelled | Answer::Expired => Value::Null,
        };
        let members = match (&asked.kind, value) {
            (Kind::Confirm, Value::Bool(confirmed)) => json!({"confirmed": confirmed}),
            (Kind::Select(options), Value::String(text)) if options.contains(&text) => json!({"value": text}),
            (Kind::Text, Value::String(text)) => json!({"value": text}),
            // What does not fit is no answer.
            (Kind::Gate { .. } | Kind::Select(_) | Kind::Confirm | Kind::Text, _) => {
                json!({"cancelled": true})
            }
        };
        link.answer_dialog(&asked.id, members, out);
    }

    fn take(&mut self, request: u32, out: &mut Outputs) -> Option<Asked> {
        let asked = self.open.remove(&request)?;
        if let Some(timer) = asked.timer {
            out.push(Output::ClearTimer(timer));
        }
        Some(asked)
    }

    /// Answer everything that is open as cancelled, and take the questions back.
    pub(crate) fn cancel_all(&mut self, link: &mut Link, out: &mut Outputs) {
        let requests: Vec<u32> = self.open.keys().copied().collect();
        for request in requests {
            if let Some(asked) = self.take(request, out) {
                cancel(&asked.id, link, out);
                out.push(WithdrawRequest::new(request));
            }
        }
    }

    /// pi answered a dialog itself, because its time is over. Says whether the timer was one of these.
    pub(crate) fn expired(&mut self, timer: Op, out: &mut Outputs) -> bool {
        let due = |asked: &Asked| asked.timer == Some(timer);
        let Some(request) = self.open.iter().find(|(_, asked)| due(asked)).map(|(request, _)| *request)
        else {
            return false;
        };
        self.open.remove(&request);
        out.push(WithdrawRequest::new(request));
        true
    }
}

/// Answer that the dialog was cancelled.
pub(crate) fn cancel(id: &str, link: &mut Link, out: &mut Outputs) {
    link.answer_dialog(id, json!({"cancelled": true}), out);
}

/// Answer that the tool may not run.
pub(crate) fn refuse(id: &str, link: &mut Link, out: &mut Outputs) {
    link.answer_dialog(id, json!({"value": REFUSE}), out);
}
