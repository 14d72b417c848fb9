//! The Responses interface of `OpenAI`: input items, answers as output items.

use serde_json::{Value, json};

use super::super::script::{OUTSIDE, Reply};
use super::{array, shell_tool};

pub(super) fn last_message(body: &Value) -> (String, Option<String>) {
    let input = array(&body["input"]);
    let user_text = input
        .iter()
        .rfind(|item| item["type"] == "message" && item["role"] == "user")
        .map(|item| array(&item["content"]).iter().filter_map(|part| part["text"].as_str()).collect())
        .unwrap_or_default();
    let output = input.last().filter(|item| item["type"] == "function_call_output").map(|item| {
        let output = &item["output"];
        output.as_str().map_or_else(|| output.to_string(), str::to_owned)
    });
    (user_text, output)
}

pub(super) fn whole(text: &str) -> Value {
    json!({ "id": "resp_0", "status": "completed", "output": [message(0, text)], "usage": usage() })
}

pub(super) fn opening(serial: usize, reply: &Reply) -> Vec<Value> {
    let created = json!({ "type": "response.created", "response": { "id": format!("resp_{serial}") } });
    match reply {
        // A client drops the chunks of a message that was not announced.
        Reply::Text(_) | Reply::Meet(_) | Reply::Slow => vec![
            created,
            json!({ "type": "response.output_item.added", "output_index": 0, "item": message(serial, "") }),
        ],
        Reply::Shell(_) => vec![created],
    }
}

pub(super) fn text(serial: usize, chunk: &str) -> Value {
    json!({ "type": "response.output_text.delta", "item_id": format!("msg_{serial}"), "output_index": 0,
        "content_index": 0, "delta": chunk })
}

pub(super) fn shell_call(body: &Value, serial: usize, command: &str) -> Vec<Value> {
    let (name, argument) = shell_tool(array(&body["tools"]));
    let id = format!("call_{serial}");
    // The oldest of these tools takes an argument list instead of a line.
    let value = if name == "shell" { json!(["sh", "-c", command]) } else { json!(command) };
    let mut arguments = json!({ argument: value });
    if command.starts_with(OUTSIDE) {
        arguments["sandbox_permissions"] = "require_escalated".into();
        arguments["justification"] = "the script says so".into();
    }
    let item = json!({ "type": "function_call", "id": format!("fc_{id}"), "call_id": id, "name": name,
        "arguments": arguments.to_string() });
    vec![json!({ "type": "response.output_item.done", "output_index": 0, "item": item })]
}

pub(super) fn closing(serial: usize, reply: &Reply) -> Vec<Value> {
    let response = json!({ "id": format!("resp_{serial}"), "usage": usage() });
    let completed = json!({ "type": "response.completed", "response": response });
    match reply {
        Reply::Text(chunks) => vec![
            json!({ "type": "response.output_item.done", "output_index": 0,
                "item": message(serial, &chunks.concat()) }),
            completed,
        ],
        Reply::Meet(_) | Reply::Shell(_) | Reply::Slow => vec![completed],
    }
}

/// A message. Agents and clients take those of the same id for one, so each answer needs its own.
fn message(serial: usize, text: &str) -> Value {
    json!({ "type": "message", "id": format!("msg_{serial}"), "role": "assistant", "status": "completed",
        "content": [{ "type": "output_text", "text": text, "annotations": [] }] })
}

fn usage() -> Value {
    json!({ "input_tokens": 10, "input_tokens_details": { "cached_tokens": 0 }, "output_tokens": 5,
        "output_tokens_details": { "reasoning_tokens": 0 }, "total_tokens": 15 })
}
