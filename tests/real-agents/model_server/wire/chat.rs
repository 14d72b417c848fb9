//! The chat completions interface of `OpenAI`: messages with roles, answers as deltas of one choice.

use serde_json::{Value, json};

use super::super::script::Reply;
use super::{array, shell_tool};

/// How a text begins that the agent adds in the user's name.
const REMINDER: &str = "<system-reminder>";

pub(super) fn last_message(body: &Value) -> (String, Option<String>) {
    let messages = array(&body["messages"]).iter().map(|message| (&message["role"], text_of(message)));
    // A tool may say nothing; what an agent adds in the user's name was said by nobody.
    let said: Vec<_> = messages.filter(|(role, text)| *role == "tool" || !text.is_empty()).collect();
    let user = said.iter().rfind(|(role, _)| *role == "user");
    let result = said.last().filter(|(role, _)| *role == "tool");
    let text = |of: Option<&(&Value, String)>| of.map(|(_, text)| text.clone());
    (text(user).unwrap_or_default(), text(result))
}

pub(super) fn whole(text: &str) -> Value {
    json!({ "id": "chatcmpl_0", "object": "chat.completion", "created": 1, "model": "scripted", "usage": usage(),
        "choices": [{ "index": 0, "finish_reason": "stop",
            "message": { "role": "assistant", "content": text } }] })
}

pub(super) fn opening(serial: usize) -> Vec<Value> {
    vec![chunk(serial, &json!({ "role": "assistant", "content": "" }), &Value::Null)]
}

pub(super) fn text(serial: usize, text: &str) -> Value {
    chunk(serial, &json!({ "content": text }), &Value::Null)
}

pub(super) fn shell_call(body: &Value, serial: usize, command: &str) -> Vec<Value> {
    let (name, argument) = shell_tool(array(&body["tools"]).iter().map(|tool| &tool["function"]));
    // Some agents refuse a call that does not say what it is for.
    let arguments = json!({ argument: command, "description": "runs the command" }).to_string();
    let call = json!({ "index": 0, "id": format!("call_{serial}"), "type": "function",
        "function": { "name": name, "arguments": arguments } });
    vec![chunk(serial, &json!({ "tool_calls": [call] }), &Value::Null)]
}

pub(super) fn closing(serial: usize, reply: &Reply) -> Vec<Value> {
    let reason = match reply {
        Reply::Text(_) | Reply::Meet(_) | Reply::Slow => "stop",
        Reply::Shell(_) => "tool_calls",
    };
    let mut last = chunk(serial, &json!({}), &reason.into());
    last["usage"] = usage();
    vec![last]
}

/// The text of a message, whose content is one string or a list of parts, without what the agent adds.
fn text_of(message: &Value) -> String {
    let content = &message["content"];
    let parts = array(content).iter().filter_map(|part| part["text"].as_str());
    let own: Vec<&str> = content
        .as_str()
        .into_iter()
        .chain(parts)
        .filter(|part| !part.trim_start().starts_with(REMINDER))
        .collect();
    own.join("\n")
}

/// A piece. Agents and clients take those of the same id for one answer.
fn chunk(serial: usize, delta: &Value, reason: &Value) -> Value {
    json!({ "id": format!("chatcmpl_{serial}"), "object": "chat.completion.chunk", "created": 1, "model": "scripted",
        "choices": [{ "index": 0, "delta": delta, "finish_reason": reason }] })
}

fn usage() -> Value {
    json!({ "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15 })
}
