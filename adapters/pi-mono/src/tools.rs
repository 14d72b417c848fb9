//! The tool calls of one turn: announced, updated, and always ended.

use std::collections::BTreeMap;

use omi_adapter_sdk::{Event, FailureDetail, Payload, ToolEnd, ToolFailure, ToolStart, ToolUpdate};
use serde_json::{Value, json};

use crate::json::{content_text, text};
use crate::turn::Sink;
use omi_adapter_sdk::wording::{head, quote};

/// Characters of a title: a command can be long.
const TITLE_CHARS_MAX: usize = 300;

/// Bytes of the output so far that an update shows: pi repeats all of it each time.
const UPDATE_BYTES_MAX: usize = 8 * 1024;

/// The tool calls of a turn, by pi's id.
#[derive(Default)]
pub(crate) struct Tools {
    calls: BTreeMap<String, State>,
}

enum State {
    Open {
        /// What the last update showed: pi sends the same again.
        shown: String,
        refused: bool,
    },
    Ended,
}

impl Tools {
    /// Whether there was any.
    pub(crate) fn any(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Take a `tool_execution_start`.
    pub(crate) fn start(&mut self, event: &Value, sink: &mut Sink<'_>) {
        let Some(id) = text(event, "toolCallId") else { return };
        if self.calls.contains_key(id) {
            return;
        }
        self.calls.insert(id.to_owned(), State::Open { shown: String::new(), refused: false });
        let name = text(event, "toolName").unwrap_or_default();
        let input = sink.payload(event["args"].to_string(), Payload::Json);
        sink.event(Event::ToolStarted(ToolStart {
            id: id.to_owned(),
            name: name.to_owned(),
            title: title(name, &event["args"]),
            kind: kind(name).to_owned(),
            input: (!event["args"].is_null()).then_some(input),
            extra: String::new(),
        }));
    }

    /// Take a `tool_execution_update`, whose result is all of the output so far.
    pub(crate) fn update(&mut self, event: &Value, sink: &mut Sink<'_>) {
        let Some(id) = text(event, "toolCallId") else { return };
        let Some(State::Open { shown, .. }) = self.calls.get_mut(id) else { return };
        let whole = content_text(&event["partialResult"]);
        let start = whole.ceil_char_boundary(whole.len().saturating_sub(UPDATE_BYTES_MAX));
        let now = &whole[start..];
        if now.is_empty() || now == shown {
            return;
        }
        now.clone_into(shown);
        let content = Some(Payload::Text(now.to_owned()));
        sink.event(Event::ToolUpdated(ToolUpdate {
            id: id.to_owned(),
            title: None,
            content,
            extra: String::new(),
        }));
    }

    /// Take a `tool_execution_end`.
    pub(crate) fn end(&mut self, event: &Value, sink: &mut Sink<'_>) {
        let Some(id) = text(event, "toolCallId") else { return };
        let Some(state) = self.calls.get_mut(id) else { return };
        let State::Open { refused, .. } = std::mem::replace(state, State::Ended) else { return };
        let output = content_text(&event["result"]);
        sink.event(if event["isError"] == true {
            let code = if refused { "refused" } else { "tool_failed" };
            failed(id, FailureDetail::new(code, quote(&output)))
        } else {
            let output = (!output.is_empty()).then(|| sink.payload(output, Payload::Text));
            Event::ToolCompleted(ToolEnd { id: id.to_owned(), output, extra: extra(event) })
        });
    }

    /// A tool call was not allowed.
    pub(crate) fn refuse(&mut self, id: &str) {
        if let Some(State::Open { refused, .. }) = self.calls.get_mut(id) {
            *refused = true;
        }
    }

    /// The turn is over: end what pi left open.
    pub(crate) fn close(&mut self, was_cancelled: bool, sink: &mut Sink<'_>) {
        for (id, state) in &mut self.calls {
            let State::Open { .. } = std::mem::replace(state, State::Ended) else { continue };
            let (code, message) = if was_cancelled {
                ("cancelled", "the turn was cancelled")
            } else {
                ("unknown_outcome", "the turn ended and pi did not say how this ended")
            };
            sink.event(failed(id, FailureDetail::new(code, message)));
        }
    }
}

/// What a call is, in a line: its command or path where it has one.
pub(crate) fn title(name: &str, args: &Value) -> String {
    let main = ["command", "path", "pattern", "file_path"].into_iter().find_map(|key| text(args, key));
    match main {
        Some(main) => head(&format!("{name}: {main}"), TITLE_CHARS_MAX),
        None => name.to_owned(),
    }
}

fn kind(name: &str) -> &'static str {
    match name {
        "read" | "ls" => "read",
        "grep" | "find" => "search",
        "edit" | "write" => "edit",
        "bash" => "execute",
        _ => "other",
    }
}

fn failed(id: &str, error: FailureDetail) -> Event {
    Event::ToolFailed(ToolFailure { id: id.to_owned(), error, extra: String::new() })
}

fn extra(event: &Value) -> String {
    match event["durationMs"].as_u64() {
        Some(duration) => json!({"durationMs": duration}).to_string(),
        None => String::new(),
    }
}
