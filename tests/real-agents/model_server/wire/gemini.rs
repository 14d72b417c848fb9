//! Gemini's interface: contents made of parts, answers as candidates.

use serde_json::{Value, json};

use super::{array, shell_tool};

pub(super) fn last_message(body: &Value) -> (String, Option<String>) {
    let contents = array(&body["contents"]);
    // The first prompt of a session shares its content with a part that describes the workspace.
    let user_text = contents
        .iter()
        .filter(|content| content["role"] == "user")
        .flat_map(|content| array(&content["parts"]))
        .filter_map(|part| part["text"].as_str())
        .next_back()
        .unwrap_or_default();
    let parts = contents.last().map_or(&[][..], |content| array(&content["parts"]));
    let output = parts.iter().find_map(|part| part.get("functionResponse")).map(|found| {
        let response = &found["response"];
        response["output"].as_str().map_or_else(|| response.to_string(), str::to_owned)
    });
    (user_text.to_owned(), output)
}

pub(super) fn whole(text: &str) -> Value {
    candidate(&json!({ "text": text }), true)
}

pub(super) fn text(chunk: &str) -> Value {
    candidate(&json!({ "text": chunk }), false)
}

pub(super) fn shell_call(body: &Value, command: &str) -> Vec<Value> {
    let groups = array(&body["tools"]).iter();
    let (name, argument) = shell_tool(groups.flat_map(|group| array(&group["functionDeclarations"])));
    vec![candidate(&json!({ "functionCall": { "name": name, "args": { argument: command } } }), false)]
}

pub(super) fn closing() -> Vec<Value> {
    vec![candidate(&json!({ "text": "" }), true)]
}

fn candidate(part: &Value, last: bool) -> Value {
    let mut candidate = json!({ "index": 0, "content": { "role": "model", "parts": [part] } });
    if last {
        candidate["finishReason"] = "STOP".into();
    }
    json!({ "candidates": [candidate], "modelVersion": "scripted",
        "usageMetadata": { "promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15 } })
}
