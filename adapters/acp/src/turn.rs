//! One turn: from the prompt to its answer, and what the agent says in between.

use std::collections::BTreeSet;

use omi_adapter_sdk::{Attempt, Event, ExecuteAttempt, MessageDelta, Op, OtherEvent, Progress, Usage};
use serde_json::{Value, json};

use crate::json::{list, text};
use crate::outbox::Sink;
use crate::tools::Tools;
use crate::usage;

/// Bytes of an update that is passed on as it is; larger ones are named only.
const OTHER_BYTES_MAX: usize = 16 * 1024;

/// Bytes of a message's beginning that are kept to tell what kind of message it is.
const LAST_WORDS_BYTES_MAX: usize = 1000;

/// How far a cancellation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cancel {
    No,
    /// The agent was told. When this timer is over it is told again.
    Asked(Op),
    /// It was told again: some agents lose a cancel that comes with its prompt.
    AskedAgain,
}

/// How far the prompt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prompt {
    /// It waits until the agent changed its mode or its model, or until it is logged in.
    Held,
    Sent,
}

/// A turn that is not over.
pub(crate) struct Turn {
    pub(crate) attempt: Attempt,
    pub(crate) execute: Box<ExecuteAttempt>,
    pub(crate) prompt: Prompt,
    /// The text that went before the prompt.
    pub(crate) first: Option<String>,
    pub(crate) cancel: Cancel,
    /// A permission was refused: some agents then end the turn as `cancelled`.
    pub(crate) refused: bool,
    pub(crate) tools: Tools,
    /// Something that a person can see was said.
    pub(crate) spoke: bool,
    pub(crate) usage: Usage,
    /// The session's cost when the turn began, if it was known. Without it nobody knows what the turn costs.
    pub(crate) cost_before: Option<f64>,
    message: Option<Message>,
    messages: u32,
    /// The beginning of the last message.
    last_words: String,
    /// The agent's own names of messages.
    names: BTreeSet<String>,
}

/// The message that is being said.
struct Message {
    name: String,
    /// The agent named it, so that it may go on after a tool call.
    named: bool,
}

impl Turn {
    /// A turn whose prompt is not sent yet.
    pub(crate) fn new(execute: ExecuteAttempt, cost_before: Option<f64>) -> Self {
        Self {
            attempt: execute.attempt,
            execute: Box::new(execute),
            prompt: Prompt::Held,
            first: None,
            cancel: Cancel::No,
            refused: false,
            tools: Tools::default(),
            spoke: false,
            usage: usage::unknown(),
            cost_before,
            message: None,
            messages: 0,
            last_words: String::new(),
            names: BTreeSet::new(),
        }
    }

    /// Whether the agent said something that a person can see, or called a tool.
    pub(crate) fn did_something(&self) -> bool {
        self.spoke || self.tools.any()
    }

    /// The beginning of the last message.
    pub(crate) fn last_words(&self) -> &str {
        self.last_words.trim()
    }

    /// The agent's names of what it said and did.
    pub(crate) fn into_names(self) -> BTreeSet<String> {
        self.names.into_iter().chain(self.tools.into_ids()).collect()
    }

    /// Whether an update goes on with this turn, as far as names tell: not with one of the turn before.
    pub(crate) fn owns(&self, update: &Value, past: &BTreeSet<String>) -> bool {
        match text(update, "sessionUpdate").unwrap_or_default() {
            "tool_call_update" => {
                text(update, "toolCallId").is_none_or(|id| self.tools.knows(id) || !past.contains(id))
            }
            "agent_message_chunk" | "agent_thought_chunk" => {
                text(update, "messageId").is_none_or(|id| self.names.contains(id) || !past.contains(id))
            }
            _ => true,
        }
    }

    /// Take the `update` of a `session/update`.
    pub(crate) fn update(&mut self, update: &Value, sink: &mut Sink<'_>) {
        match text(update, "sessionUpdate").unwrap_or_default() {
            "agent_message_chunk" => self.message_chunk(update, sink),
            "agent_thought_chunk" => {
                if let Some(text) = chunk_text(update) {
                    pieces(text, sink.inline_bytes(), |piece| sink.event(Event::ThoughtDelta(piece)));
                }
            }
            "tool_call" | "tool_call_update" => {
                self.tool_call(update, sink);
            }
            "plan" => sink.event(Event::Progress(plan(update))),
            "usage_update" => self.usage_update(update, sink),
            "notice" => {
                let words = [text(update, "title"), text(update, "description")];
                let text = words.into_iter().flatten().collect::<Vec<_>>().join(": ");
                sink.event(Event::Progress(Progress { text, extra: String::new() }));
            }
            // The prompt, said back; lists for an input field, up to half a megabyte; and what does not say what it is.
            "user_message_chunk" | "available_commands_update" | "" => {}
            other => sink.event(passed_on(other, update)),
        }
    }

    /// Announce or update a tool call; what is said next is another message.
    pub(crate) fn tool_call(&mut self, call: &Value, sink: &mut Sink<'_>) -> Option<String> {
        if self.message.as_ref().is_some_and(|message| !message.named) {
            self.end_message(sink);
        }
        self.tools.take(call, sink)
    }

    /// The turn is over: end what is open.
    pub(crate) fn close(&mut self, sink: &mut Sink<'_>) {
        self.end_message(sink);
        self.tools.close(self.cancel != Cancel::No, sink);
    }

    fn message_chunk(&mut self, update: &Value, sink: &mut Sink<'_>) {
        let Some(text) = chunk_text(update) else {
            self.spoke = true;
            return sink.event(passed_on("content", update));
        };
        if text.is_empty() {
            return;
        }
        self.spoke |= !text.trim().is_empty();
        let name = self.message_name(crate::json::text(update, "messageId"), sink);
        let room = LAST_WORDS_BYTES_MAX.saturating_sub(self.last_words.len());
        self.last_words.push_str(&text[..text.floor_char_boundary(room)]);
        pieces(text, sink.inline_bytes(), |piece| {
            let delta = MessageDelta { message: name.clone(), text: piece, extra: String::new() };
            sink.event(Event::MessageDelta(delta));
        });
    }

    fn message_name(&mut self, id: Option<&str>, sink: &mut Sink<'_>) -> String {
        let named = id.is_some();
        if let Some(message) = &self.message
            && id.map_or(!message.named, |id| message.named && message.name == id)
        {
            return message.name.clone();
        }
        self.end_message(sink);
        self.messages += 1;
        self.last_words.clear();
        self.names.extend(id.map(str::to_owned));
        let name = id.map_or_else(|| format!("message-{}", self.messages), str::to_owned);
        self.message = Some(Message { name: name.clone(), named });
        name
    }

    fn end_message(&mut self, sink: &mut Sink<'_>) {
        if let Some(message) = self.message.take() {
            sink.event(Event::MessageEnd(message.name));
        }
    }

    fn usage_update(&mut self, update: &Value, sink: &mut Sink<'_>) {
        if let (Some(now), Some(before)) = (usage::session_cost(update), self.cost_before) {
            let share = now - before;
            self.usage.cost_usd = (share >= 0.0).then_some(share);
            if share < 0.0 {
                // The agent began to count anew, and what it counted in this turn before is lost.
                self.cost_before = None;
            }
        }
        let context = usage::context(update);
        if !context.is_empty() {
            self.usage.extra = context;
        }
        match usage::known(self.usage.clone()) {
            Some(usage) => sink.event(Event::Usage(usage)),
            None => sink.event(passed_on("usage_update", update)),
        }
    }
}

/// The text of a chunk; agents were seen to send a list of blocks.
fn chunk_text(update: &Value) -> Option<&str> {
    let content = match &update["content"] {
        Value::Array(blocks) => blocks.first()?,
        content => content,
    };
    content.as_str().or_else(|| text(content, "text"))
}

/// Cut a text into pieces that may travel.
fn pieces(mut rest: &str, bytes_max: usize, mut take: impl FnMut(String)) {
    while !rest.is_empty() {
        let mut end = rest.floor_char_boundary(bytes_max);
        if end == 0 {
            end = rest.chars().next().map_or(rest.len(), char::len_utf8);
        }
        let (piece, next) = rest.split_at(end);
        take(piece.to_owned());
        rest = next;
    }
}

/// A plan always comes whole.
fn plan(update: &Value) -> Progress {
    let lines: Vec<String> = list(update, "entries")
        .iter()
        .map(|entry| {
            let mark = match text(entry, "status") {
                Some("completed") => "[done]",
                Some("in_progress") => "[now]",
                _ => "[next]",
            };
            format!("{mark} {}", text(entry, "content").unwrap_or_default())
        })
        .collect();
    Progress { text: lines.join("\n"), extra: json!({"kind": "plan"}).to_string() }
}

/// An update without a place of its own in the contract.
fn passed_on(kind: &str, update: &Value) -> Event {
    let mut json = update.to_string();
    if json.len() > OTHER_BYTES_MAX {
        json = json!({"sessionUpdate": kind, "bytes": json.len()}).to_string();
    }
    Event::Other(OtherEvent { name: format!("acp.{kind}"), json, extra: String::new() })
}
