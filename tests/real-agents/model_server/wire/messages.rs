//! Anthropic's interface: messages made of blocks, answers as one message.

use serde_json::{Value, json};

use super::super::script::Reply;
use super::{array, shell_tool};

/// How a text begins that the agent adds to the user's message.
const REMINDER: &str = "<system-reminder>";

pub(super) fn last_message(body: &Value) -> (String, Option<String>) {
    let messages = array(&body["messages"]);
    let user_text = messages
        .iter()
        .filter(|message| message["role"] == "user")
        .flat_map(|message| texts(&message["content"]))
        .rfind(|text| !text.starts_with(REMINDER))
        .unwrap_or_default();
    let blocks = messages.last().map_or(&[][..], |message| array(&message["content"]));
    // After a refused call the next prompt stands in the same message, behind the result: then it counts.
    let said = |block: &&Value| block["text"].as_str().is_some_and(|text| !text.starts_with(REMINDER));
    let result = blocks.iter().rev().find(|block| block["type"] == "tool_result" || said(block));
    let result = result.filter(|block| block["type"] == "tool_result");
    (user_text.to_owned(), result.map(|block| texts(&block["content"]).concat()))
}

pub(super) fn whole(text: &str) -> Value {
    let mut message = message(0);
    message["content"] = json!([{ "type": "text", "text": text }]);
    message["stop_reason"] = "end_turn".into();
    message
}

pub(super) fn opening(serial: usize, reply: &Reply) -> Vec<Value> {
    let start = json!({ "type": "message_start", "message": message(serial) });
    match reply {
        Reply::Text(_) | Reply::Meet(_) | Reply::Slow => {
            vec![start, block_start(&json!({ "type": "text", "text": "" }))]
        }
        Reply::Shell(_) => vec![start],
    }
}

pub(super) fn text(chunk: &str) -> Value {
    block_delta(&json!({ "type": "text_delta", "text": chunk }))
}

pub(super) fn shell_call(body: &Value, serial: usize, command: &str) -> Vec<Value> {
    let (name, argument) = shell_tool(array(&body["tools"]));
    let id = format!("toolu_{serial}");
    vec![
        block_start(&json!({ "type": "tool_use", "id": id, "name": name, "input": {} })),
        block_delta(&json!({ "type": "input_json_delta",
            "partial_json": json!({ argument: command }).to_string() })),
    ]
}

pub(super) fn closing(reply: &Reply) -> Vec<Value> {
    let reason = match reply {
        Reply::Text(_) | Reply::Meet(_) | Reply::Slow => "end_turn",
        Reply::Shell(_) => "tool_use",
    };
    vec![
        json!({ "type": "content_block_stop", "index": 0 }),
        json!({ "type": "message_delta", "delta": { "stop_reason": reason, "stop_sequence": null },
            "usage": { "output_tokens": 5 } }),
        json!({ "type": "message_stop" }),
    ]
}

/// The texts of a content, which is one string or a list of blocks.
fn texts(content: &Value) -> Vec<&str> {
    match content.as_str() {
        Some(text) => vec![text],
        None => array(content).iter().filter_map(|block| block["text"].as_str()).collect(),
    }
}

/// An empty message. The agent merges messages of the same id, so each answer needs its own.
fn message(serial: usize) -> Value {
    json!({ "id": format!("msg_{serial}"), "type": "message", "role": "assistant", "model": "scripted", "content": [],
        "stop_reason": null, "stop_sequence": null,
        "usage": { "input_tokens": 10, "output_tokens": 5 } })
}

fn block_start(block: &Value) -> Value {
    json!({ "type": "content_block_start", "index": 0, "content_block": block })
}

fn block_delta(delta: &Value) -> Value {
    json!({ "type": "content_block_delta", "index": 0, "delta": delta })
}
