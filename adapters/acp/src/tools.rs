//! The tool calls of one turn: announced or not, updated, and always ended.

use std::collections::BTreeMap;

use omi_adapter_sdk::{Event, FailureDetail, Payload, ToolEnd, ToolFailure, ToolStart, ToolUpdate};
use serde_json::{Map, Value, json};

use crate::json::{list, text};
use crate::outbox::Sink;
use crate::wording::{head, quote};

/// Characters of a title: agents put whole commands there.
const TITLE_CHARS_MAX: usize = 300;

/// Bytes of the small things that travel in `extra`.
const EXTRA_BYTES_MAX: usize = 16 * 1024;

/// What may become known after a tool call was announced, and has no place of its own in an update.
const UPDATE_EXTRA: [&str; 2] = ["rawInput", "locations"];

/// The tool calls of a turn, by the agent's id.
#[derive(Default)]
pub(crate) struct Tools {
    calls: BTreeMap<String, State>,
}

enum State {
    Open(Open),
    Ended,
}

/// What was said about a tool call so far: agents say the same thing again and again.
#[derive(Default)]
struct Open {
    title: Option<String>,
    extra: String,
    /// Its permission was refused; many agents then say nothing more about it.
    refused: bool,
}

impl Tools {
    /// Whether there was any.
    pub(crate) fn any(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Whether this is one of them.
    pub(crate) fn knows(&self, id: &str) -> bool {
        self.calls.contains_key(id)
    }

    /// The ids of all of them.
    pub(crate) fn into_ids(self) -> impl Iterator<Item = String> {
        self.calls.into_keys()
    }

    /// Take a `tool_call`, a `tool_call_update`, or the tool call of a permission request: agents leave out the
    /// first, repeat it, or send it later. Gives the id.
    pub(crate) fn take(&mut self, call: &Value, sink: &mut Sink<'_>) -> Option<String> {
        let id = text(call, "toolCallId")?;
        let state = self.calls.entry(id.to_owned()).or_insert_with(|| {
            sink.event(Event::ToolStarted(start(id, call)));
            State::Open(Open { title: title(call), extra: extra(call, &UPDATE_EXTRA), refused: false })
        });
        // What comes after the end has nowhere to go.
        if let State::Open(open) = state {
            match ending(call) {
                Some(ending) => {
                    *state = State::Ended;
                    sink.event(end(id, call, ending));
                }
                None => {
                    if let Some(update) = open.update(id, call) {
                        sink.event(Event::ToolUpdated(update));
                    }
                }
            }
        }
        Some(id.to_owned())
    }

    /// The permission for a tool call was refused.
    pub(crate) fn refuse(&mut self, id: &str) {
        if let Some(State::Open(open)) = self.calls.get_mut(id) {
            open.refused = true;
        }
    }

    /// The turn is over: end what the agent left open.
    pub(crate) fn close(&mut self, was_cancelled: bool, sink: &mut Sink<'_>) {
        for (id, state) in &mut self.calls {
            let State::Open(open) = std::mem::replace(state, State::Ended) else { continue };
            let (code, message) = if was_cancelled {
                ("cancelled", "the turn was cancelled")
            } else if open.refused {
                ("refused", "its permission was refused")
            } else {
                ("unknown_outcome", "the turn ended and the agent did not say how this ended")
            };
            sink.event(failed(id, FailureDetail::new(code, message)));
        }
    }
}

impl Open {
    /// What an update says that is new, if anything: many only change the status.
    fn update(&mut self, id: &str, call: &Value) -> Option<ToolUpdate> {
        let title = title(call).filter(|title| self.title.as_ref() != Some(title));
        let extra = Some(extra(call, &UPDATE_EXTRA)).filter(|extra| *extra != self.extra).unwrap_or_default();
        let content = content(call);
        if title.is_none() && content.is_none() && extra.is_empty() {
            return None;
        }
        self.title = title.clone().or(self.title.take());
        if !extra.is_empty() {
            self.extra.clone_from(&extra);
        }
        Some(ToolUpdate { id: id.to_owned(), title, content, extra })
    }
}

#[derive(Clone, Copy)]
enum Ending {
    Completed,
    Failed,
    Cancelled,
}

/// How a tool call ended, if this says so. ACP v1 has no `cancelled`; a draft of v2 has.
fn ending(call: &Value) -> Option<Ending> {
    match text(call, "status")? {
        "completed" => Some(Ending::Completed),
        "failed" => Some(Ending::Failed),
        "cancelled" => Some(Ending::Cancelled),
        _ => None,
    }
}

fn start(id: &str, call: &Value) -> ToolStart {
    let meta_name = call.pointer("/_meta/claudeCode/toolName").and_then(Value::as_str);
    let name = text(call, "name").or(meta_name).unwrap_or_default();
    ToolStart {
        id: id.to_owned(),
        name: name.to_owned(),
        title: title(call).unwrap_or_else(|| if name.is_empty() { id } else { name }.to_owned()),
        kind: text(call, "kind").unwrap_or("other").to_owned(),
        input: input(call).map(|input| Payload::Json(input.to_string())),
        extra: extra(call, &["locations"]),
    }
}

fn end(id: &str, call: &Value, ending: Ending) -> Event {
    let output = content(call).or_else(|| raw_output(call));
    match ending {
        Ending::Completed => {
            Event::ToolCompleted(ToolEnd { id: id.to_owned(), output, extra: String::new() })
        }
        Ending::Cancelled => failed(id, FailureDetail::new("cancelled", "the agent says it was cancelled")),
        Ending::Failed => {
            let message = match output {
                Some(Payload::Text(text) | Payload::Json(text)) => quote(&text),
                Some(Payload::Blob(_)) | None => "the agent gives no reason".to_owned(),
            };
            failed(id, FailureDetail::new("tool_failed", message))
        }
    }
}

fn failed(id: &str, error: FailureDetail) -> Event {
    Event::ToolFailed(ToolFailure { id: id.to_owned(), error, extra: String::new() })
}

fn title(call: &Value) -> Option<String> {
    text(call, "title").filter(|title| !title.is_empty()).map(|title| head(title, TITLE_CHARS_MAX))
}

/// `{}` is what agents send before the input is known.
fn input(call: &Value) -> Option<&Value> {
    call.get("rawInput").filter(|input| !input.is_null() && input.as_object() != Some(&Map::new()))
}

fn raw_output(call: &Value) -> Option<Payload> {
    match call.get("rawOutput") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(Payload::Text(text.clone())),
        Some(other) => Some(Payload::Json(other.to_string())),
    }
}

/// Text if all of it is text, else the list as the agent gave it.
fn content(call: &Value) -> Option<Payload> {
    let items = list(call, "content");
    if items.is_empty() {
        return None;
    }
    let texts: Option<Vec<&str>> = items
        .iter()
        .map(|item| text(item.get("content")?, "text").filter(|_| item["type"] == "content"))
        .collect();
    Some(match texts {
        Some(texts) => Payload::Text(texts.join("\n")),
        None => Payload::Json(Value::from(items).to_string()),
    })
}

/// The members that are there and not empty, as `extra`.
fn extra(call: &Value, keys: &[&str]) -> String {
    let members: Map<String, Value> = keys
        .iter()
        .filter_map(|key| call.get(*key).map(|value| ((*key).to_owned(), value.clone())))
        .filter(|(_, value)| !value.is_null() && *value != json!([]) && *value != json!({}))
        .collect();
    if members.is_empty() {
        return String::new();
    }
    let text = Value::from(members).to_string();
    if text.len() > EXTRA_BYTES_MAX { String::new() } else { text }
}
