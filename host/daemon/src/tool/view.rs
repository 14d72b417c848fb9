//! What tools show of rows. A session's id is `omiSessionId` in all of it, so that no model takes a runtime's own id for
//! it (SPEC §6); texts are cut, because they go into the context of a model (SPEC §11.1 row 17).

use omi_kernel::event::Event;
use omi_store::{ArtifactView, BindingView, DelegationView, RunView, SessionView};
use serde::Serialize;
use serde_json::{Value, json};

/// Bytes of a prompt that are shown.
const PROMPT_BYTES_MAX: usize = 8 * 1024;
/// Bytes of an answer that are shown: what a delegated run says is what its parent asked for.
const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Bytes of all events that are shown at once.
const EVENTS_BYTES_MAX: usize = 256 * 1024;

/// A session.
pub(super) fn session(session: &SessionView) -> Value {
    renamed(session, &[("sessionId", "omiSessionId")])
}

/// A run without its attempts, and its prompt as text.
pub(super) fn run(run: &RunView) -> Value {
    let mut shown = brief(run);
    let (prompt, is_cut) = prompt(&run.input);
    shown["prompt"] = json!(prompt);
    if is_cut {
        shown["promptCut"] = json!(true);
    }
    shown["finalText"] = json!(run.final_text.as_deref().map(|whole| cut(whole, TEXT_BYTES_MAX)));
    if run.final_text.as_ref().is_some_and(|whole| whole.len() > TEXT_BYTES_MAX) {
        shown["finalTextCut"] = json!(true);
    }
    shown
}

/// A run in a list: without its attempts and its texts.
pub(super) fn brief(run: &RunView) -> Value {
    let mut shown = renamed(run, &[("sessionId", "omiSessionId")]);
    if let Some(shown) = shown.as_object_mut() {
        for whole in ["attempts", "input", "finalText", "result"] {
            shown.remove(whole);
        }
    }
    shown
}

/// The attempts of a run, the first one first.
pub(super) fn attempts(run: &RunView) -> Value {
    json!(run.attempts)
}

/// The newest attempt of a run.
pub(super) fn attempt(run: &RunView) -> Value {
    json!(run.attempts.last())
}

/// What the runtime calls the session of a run, in its newest attempt.
pub(super) fn adapter_session(run: &RunView) -> Value {
    json!(run.attempts.last().and_then(|attempt| attempt.adapter_session_id.as_ref()))
}

/// What a run said, and whether that is all of it.
pub(super) fn text(run: &RunView) -> (String, bool) {
    let whole = run.final_text.as_deref().unwrap_or_default();
    (cut(whole, TEXT_BYTES_MAX).to_owned(), whole.len() > TEXT_BYTES_MAX)
}

/// The native sessions of a session.
pub(super) fn bindings(bindings: &[BindingView]) -> Value {
    each(bindings, |binding| renamed(binding, &[("sessionId", "omiSessionId")]))
}

/// Artifacts.
pub(super) fn artifacts(artifacts: &[ArtifactView]) -> Value {
    each(artifacts, artifact)
}

/// An artifact.
pub(super) fn artifact(artifact: &ArtifactView) -> Value {
    renamed(artifact, &[("sessionId", "omiSessionId")])
}

/// A delegation.
pub(super) fn delegation(delegation: &DelegationView) -> Value {
    let names = [("parentSessionId", "parentOmiSessionId"), ("childSessionId", "childOmiSessionId")];
    let mut shown = renamed(delegation, &names);
    let summary = &mut shown["result"]["summary"];
    if let Some(whole) = summary.as_str().filter(|whole| whole.len() > TEXT_BYTES_MAX) {
        *summary = json!(cut(whole, TEXT_BYTES_MAX));
        shown["result"]["summaryCut"] = json!(true);
    }
    shown
}

/// Events, and whether the oldest are left out because all are too much.
pub(super) fn events(events: &[Event]) -> (Value, bool) {
    let mut room = EVENTS_BYTES_MAX;
    let mut shown = Vec::new();
    for event in events.iter().rev() {
        let one = renamed(event, &[("sessionId", "omiSessionId")]);
        let Some(left) = room.checked_sub(one.to_string().len()) else { break };
        room = left;
        shown.push(one);
    }
    shown.reverse();
    let is_cut = shown.len() < events.len();
    (Value::Array(shown), is_cut)
}

/// The beginning of a text, of so many bytes at most and whole characters.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max)).unwrap_or(text)
}

fn prompt(input: &Value) -> (String, bool) {
    let mut text = String::new();
    for block in input["prompt"].as_array().into_iter().flatten() {
        if !text.is_empty() {
            text.push('\n');
        }
        match block["text"].as_str() {
            Some(words) => text.push_str(words),
            None => text.push_str("[a picture]"),
        }
    }
    (cut(&text, PROMPT_BYTES_MAX).to_owned(), text.len() > PROMPT_BYTES_MAX)
}

fn each<T>(all: &[T], one: impl Fn(&T) -> Value) -> Value {
    Value::Array(all.iter().map(one).collect())
}

fn renamed(row: &impl Serialize, names: &[(&str, &str)]) -> Value {
    // A row is made of values that are JSON.
    let mut value = serde_json::to_value(row).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        for (from, to) in names {
            if let Some(id) = fields.remove(*from) {
                fields.insert((*to).to_owned(), id);
            }
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("grün", 3), "gr", "the third byte is half a character");
        assert_eq!(cut("grün", 4), "grü");
        assert_eq!(cut("grün", 100), "grün");
    }

    #[test]
    fn a_prompt_is_shown_without_its_pictures_and_not_whole_if_it_is_long() {
        let long = "a".repeat(PROMPT_BYTES_MAX);
        let input = json!({ "prompt": [{ "type": "text", "text": long },
            { "type": "image", "mimeType": "image/png", "data": "AAAA" }] });
        let (shown, is_cut) = prompt(&input);
        assert!(is_cut && shown == long);
        let input =
            json!({ "prompt": [{ "type": "text", "text": "hi" }, { "type": "image", "data": "AAAA" }] });
        assert_eq!(prompt(&input), ("hi\n[a picture]".to_owned(), false));
    }
}
