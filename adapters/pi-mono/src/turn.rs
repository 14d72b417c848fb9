//! One turn: from the prompt to the end of all that follows by itself, and what pi says in between.
//!
//! Events of pi do not say which prompt they belong to. So a turn takes those that come after its own `agent_start`
//! and before its end; what comes before or after is of another turn, and is dropped.

use omi_adapter_sdk::{
    Attempt, AttemptEvent, Event, ExecuteAttempt, Op, Outputs, Payload, Progress, PromptBlock, RunMode,
};
use serde_json::{Value, json};

use crate::json::{content_text, text};
use crate::outcome::Last;
use crate::tools::Tools;
use crate::usage::Used;
use omi_adapter_sdk::wording::quote;

/// Where the events of one attempt go.
pub(crate) struct Sink<'a> {
    pub(crate) attempt: Attempt,
    pub(crate) inline_bytes: usize,
    pub(crate) out: &'a mut Outputs,
}

impl Sink<'_> {
    /// The attempt did something.
    pub(crate) fn event(&mut self, event: Event) {
        self.out.push(AttemptEvent::new(self.attempt, event));
    }

    /// Something for people to know.
    pub(crate) fn progress(&mut self, text: impl Into<String>) {
        self.event(Event::Progress(Progress { text: text.into(), extra: String::new() }));
    }

    /// A payload that may travel: of one that is too large the beginning, and how large it was.
    pub(crate) fn payload(&self, text: String, make: fn(String) -> Payload) -> Payload {
        if text.len() <= self.inline_bytes {
            return make(text);
        }
        // Quotes in it take twice the room.
        let end = text.floor_char_boundary(self.inline_bytes / 4);
        Payload::Json(json!({"beginning": &text[..end], "bytes": text.len()}).to_string())
    }
}

/// What an event means for the turn as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    GoesOn,
    /// pi began to work for it.
    Begun,
    /// Nothing follows any more.
    Settled,
    /// Perhaps nothing follows any more: this pi does not say.
    Perhaps,
}

/// How far the cancellation of a turn is.
#[derive(Debug)]
pub(crate) struct Cancelling {
    /// The host has its answer.
    pub(crate) answered: bool,
    /// When to give it at the latest.
    pub(crate) timer: Op,
}

/// A turn that is not over.
pub(crate) struct Turn {
    pub(crate) attempt: Attempt,
    pub(crate) mode: RunMode,
    /// What is not sent yet, because the model has to be changed first.
    pub(crate) held: Option<Box<ExecuteAttempt>>,
    pub(crate) cancelling: Option<Cancelling>,
    /// It begins like a command, which an extension may handle without a run.
    pub(crate) may_be_handled: bool,
    /// pi began to work for it.
    pub(crate) begun: bool,
    /// pi works: it began a run that has not ended.
    pub(crate) live: bool,
    /// pi waits before it tries again.
    retrying: bool,
    /// pi rewrites its memory, and may then go on.
    compacting: bool,
    pub(crate) tools: Tools,
    pub(crate) last: Option<Last>,
    pub(crate) used: Used,
    message: Option<Message>,
    messages: u32,
    spoke: bool,
    model: Option<String>,
}

/// The message of the model that is being said.
struct Message {
    name: String,
    /// Some of its text was passed on.
    said: bool,
}

impl Turn {
    /// A turn whose prompt is not sent yet.
    pub(crate) fn new(execute: ExecuteAttempt) -> Self {
        Self {
            attempt: execute.attempt,
            mode: execute.mode,
            may_be_handled: is_command(&execute.prompt),
            held: Some(Box::new(execute)),
            cancelling: None,
            begun: false,
            live: false,
            retrying: false,
            compacting: false,
            tools: Tools::default(),
            last: None,
            used: Used::default(),
            message: None,
            messages: 0,
            spoke: false,
            model: None,
        }
    }

    /// Whether pi said something that a person can see, or called a tool.
    pub(crate) fn did_something(&self) -> bool {
        self.spoke || self.tools.any()
    }

    /// Whether anything goes on, given what `get_state` says about it.
    pub(crate) fn is_busy(&self, state: &Value) -> bool {
        let failed = self.last.as_ref().is_some_and(|last| last.stop_reason == "error");
        self.live
            || self.retrying
            || state["isStreaming"] == true
            || (failed && state["isCompacting"] == true)
    }

    /// Take an event. `settles` says that this pi tells when nothing follows any more.
    pub(crate) fn event(&mut self, event: &Value, settles: bool, sink: &mut Sink<'_>) -> After {
        let kind = text(event, "type").unwrap_or_default();
        if kind == "agent_start" {
            (self.begun, self.live, self.retrying) = (true, true, false);
            return After::Begun;
        }
        if let Some(after) = self.aside(kind, event, sink) {
            return if settles { After::GoesOn } else { after };
        }
        if !self.begun {
            return After::GoesOn;
        }
        match kind {
            "agent_settled" => {
                self.live = false;
                return After::Settled;
            }
            "agent_end" => {
                self.live = false;
                return if settles { After::GoesOn } else { After::Perhaps };
            }
            "message_start" if event["message"]["role"] == "assistant" => self.message_start(sink),
            "message_update" => self.delta(&event["assistantMessageEvent"], sink),
            "message_end" if event["message"]["role"] == "assistant" => {
                self.message_end(&event["message"], sink);
            }
            "tool_execution_start" => self.tools.start(event, sink),
            "tool_execution_update" => self.tools.update(event, sink),
            "tool_execution_end" => self.tools.end(event, sink),
            _ => {}
        }
        After::GoesOn
    }

    /// What pi does for itself around a run; also before the first one.
    fn aside(&mut self, kind: &str, event: &Value, sink: &mut Sink<'_>) -> Option<After> {
        let error = |key| quote(text(event, key).unwrap_or_default());
        match kind {
            "compaction_start" => {
                self.compacting = true;
                sink.progress(format!(
                    "pi compacts the conversation ({})",
                    text(event, "reason").unwrap_or("asked")
                ));
                Some(After::GoesOn)
            }
            "compaction_end" => {
                self.compacting = false;
                if event.get("errorMessage").is_some() {
                    sink.progress(format!(
                        "pi could not compact the conversation: {}",
                        error("errorMessage")
                    ));
                }
                Some(self.perhaps(event["willRetry"] == true))
            }
            "auto_retry_start" => {
                self.retrying = true;
                let (attempt, of, delay) = (&event["attempt"], &event["maxAttempts"], &event["delayMs"]);
                sink.progress(format!(
                    "pi tries again ({attempt} of {of}) in {delay} ms: {}",
                    error("errorMessage")
                ));
                Some(After::GoesOn)
            }
            "auto_retry_end" => {
                self.retrying = false;
                Some(self.perhaps(event["success"] == true))
            }
            "extension_error" => {
                sink.progress(format!("an extension of pi failed: {}", error("error")));
                Some(After::GoesOn)
            }
            _ => None,
        }
    }

    fn perhaps(&self, goes_on: bool) -> After {
        if goes_on || self.live || self.retrying || self.compacting || !self.begun {
            After::GoesOn
        } else {
            After::Perhaps
        }
    }

    /// The turn is over: end what is open.
    pub(crate) fn close(&mut self, sink: &mut Sink<'_>) {
        self.end_message(sink);
        self.tools.close(self.cancelling.is_some(), sink);
    }

    fn message_start(&mut self, sink: &mut Sink<'_>) {
        self.end_message(sink);
        self.messages += 1;
        self.message = Some(Message { name: format!("message-{}", self.messages), said: false });
    }

    fn delta(&mut self, update: &Value, sink: &mut Sink<'_>) {
        let delta = text(update, "delta").unwrap_or_default();
        match text(update, "type") {
            Some("text_delta") => self.say(delta, sink),
            Some("thinking_delta") => {
                pieces(delta, sink.inline_bytes, |piece| sink.event(Event::ThoughtDelta(piece.to_owned())));
            }
            _ => {}
        }
    }

    fn say(&mut self, said: &str, sink: &mut Sink<'_>) {
        let Some(message) = &mut self.message else { return };
        if said.is_empty() {
            return;
        }
        message.said = true;
        self.spoke |= !said.trim().is_empty();
        let (attempt, name) = (sink.attempt, message.name.clone());
        pieces(said, sink.inline_bytes, |piece| {
            sink.out.push(AttemptEvent::text(attempt, name.clone(), piece));
        });
    }

    fn message_end(&mut self, message: &Value, sink: &mut Sink<'_>) {
        if self.message.as_ref().is_some_and(|message| !message.said) {
            // A message that was never streamed is said at its end.
            self.say(&content_text(message), sink);
        }
        self.end_message(sink);
        let stop_reason = text(message, "stopReason").unwrap_or_default().to_owned();
        self.last = Some(Last { stop_reason, error: text(message, "errorMessage").map(str::to_owned) });
        self.used.add(&message["usage"]);
        if let Some(usage) = self.used.known() {
            sink.event(Event::Usage(usage));
        }
        if let (Some(provider), Some(model)) = (text(message, "provider"), text(message, "model")) {
            let model = format!("{provider}/{model}");
            if self.model.as_ref() != Some(&model) {
                self.model = Some(model.clone());
                sink.event(Event::ModelUsed(model));
            }
        }
    }

    fn end_message(&mut self, sink: &mut Sink<'_>) {
        if let Some(message) = self.message.take().filter(|message| message.said) {
            sink.event(Event::MessageEnd(message.name));
        }
    }
}

/// Whether the text of a prompt begins like a command of pi.
fn is_command(prompt: &[PromptBlock]) -> bool {
    let first = prompt.iter().find(|block| !matches!(block, PromptBlock::Image(_)));
    matches!(first, Some(PromptBlock::Text(text)) if text.starts_with('/'))
}

/// Cut a text into pieces that may travel.
fn pieces(mut rest: &str, bytes_max: usize, mut take: impl FnMut(&str)) {
    while !rest.is_empty() {
        let mut end = rest.floor_char_boundary(bytes_max);
        if end == 0 {
            end = rest.chars().next().map_or(rest.len(), char::len_utf8);
        }
        let (piece, next) = rest.split_at(end);
        take(piece);
        rest = next;
    }
}
