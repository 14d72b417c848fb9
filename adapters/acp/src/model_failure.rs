//! A call to the model that failed, in the shapes in which agents report it: as an error with the number of HTTP or
//! one of their own, as a member of `_meta`, or as if it were the answer.

use omi_adapter_sdk::{AuthMethod, AuthRequired, Failure};
use serde_json::Value;

use crate::codes::MODEL_REFUSES_KEY;

/// How an agent says that it did not run a prompt, though nothing else runs: from then on it never runs one.
const QUEUED: (&str, &str) = ("Queued for the next turn. (", " queued)");

/// What a failed call means for the next try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sense {
    /// The key or the log-in is not good.
    Unauthorized,
    /// It may work another time.
    Passing,
    /// The request itself is not good.
    Wrong,
    Unknown,
}

/// From an error: its number and its words. `did_something`: the turn had shown something before.
pub(crate) fn of_error(
    code: i64,
    words: &str,
    message: String,
    did_something: bool,
    methods: Vec<AuthMethod>,
) -> Failure {
    match sense_of_code(code).unwrap_or_else(|| sense_of_words(words)) {
        Sense::Unauthorized => unauthorized(&message, methods),
        // Trying again is only right if the first try did nothing.
        Sense::Passing | Sense::Unknown if !did_something => Failure::retryable("agent_error", message),
        Sense::Wrong | Sense::Passing | Sense::Unknown => Failure::fatal("agent_error", message),
    }
}

/// From a text that takes the place of an answer.
pub(crate) fn of_text(text: &str, methods: Vec<AuthMethod>) -> Failure {
    let message = format!("the agent's call to its model failed: {text}");
    match sense_of_words(text) {
        Sense::Unauthorized => unauthorized(&message, methods),
        Sense::Passing => Failure::retryable("model_failed", message),
        Sense::Wrong | Sense::Unknown => Failure::fatal("model_failed", message),
    }
}

/// Whether this message says that the prompt was put aside.
pub(crate) fn is_queued(message: &str) -> bool {
    let message = message.trim();
    message.starts_with(QUEUED.0) && message.ends_with(QUEUED.1)
}

/// The error that an answer carries in `_meta`, under a vendor's own name.
pub(crate) fn in_meta(result: &Value) -> Option<&str> {
    let meta = result["_meta"].as_object()?;
    let is_error = |key: &str| matches!(key.rsplit('/').next(), Some("errorMessage" | "error"));
    let found = meta.iter().find(|(key, value)| is_error(key) && !value.is_null())?.1;
    found.as_str().or_else(|| found["message"].as_str()).filter(|text| !text.is_empty())
}

fn unauthorized(message: &str, methods: Vec<AuthMethod>) -> Failure {
    if methods.is_empty() {
        let hint = "hint: give the agent a key that its model server takes";
        return Failure::fatal("model_unauthorized", format!("{message}\n{hint}"));
    }
    Failure::AuthRequired(AuthRequired::new(methods, message))
}

fn sense_of_code(code: i64) -> Option<Sense> {
    match code {
        401 | 403 | MODEL_REFUSES_KEY => Some(Sense::Unauthorized),
        408 | 429 | 500..=599 => Some(Sense::Passing),
        400..=499 => Some(Sense::Wrong),
        _ => None,
    }
}

/// Words about a failed call most often hold the status of HTTP.
fn sense_of_words(words: &str) -> Sense {
    let numbers = words.split(|character: char| !character.is_ascii_alphanumeric());
    let status = numbers.filter(|number| number.len() == 3).find_map(|number| number.parse().ok());
    let lower = words.to_ascii_lowercase();
    let says = |signs: &[&str]| signs.iter().any(|sign| lower.contains(sign));
    if let Some(sense) = status.and_then(sense_of_code) {
        sense
    } else if says(&["unauthorized", "invalid api key", "incorrect api key"]) {
        Sense::Unauthorized
    } else if says(&["rate limit", "overloaded", "timed out", "connection", "bad gateway"]) {
        Sense::Passing
    } else {
        Sense::Unknown
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_words_of_a_failed_call_have_a_sense() {
        for (words, sense) in [
            ("API Error: 429 Too Many Requests", Sense::Passing),
            ("HTTP 503", Sense::Passing),
            ("stream disconnected: connection reset", Sense::Passing),
            ("401: Incorrect API key", Sense::Unauthorized),
            ("Unauthorized", Sense::Unauthorized),
            ("400 Bad Request", Sense::Wrong),
            ("I broke after 120 steps", Sense::Unknown),
        ] {
            assert_eq!(sense_of_words(words), sense, "{words}");
        }
    }

    #[test]
    fn an_error_in_meta_is_found_under_any_vendors_name() {
        assert_eq!(in_meta(&json!({"_meta": {"vendor.ai/errorMessage": "429"}})), Some("429"));
        assert_eq!(in_meta(&json!({"_meta": {"error": {"message": "no"}}})), Some("no"));
        assert_eq!(in_meta(&json!({"_meta": {"error": null, "quota": {}, "errors": "x"}})), None);
        assert_eq!(in_meta(&json!({})), None);
    }

    #[test]
    fn a_prompt_that_was_put_aside_is_known_by_the_whole_message() {
        assert!(is_queued("Queued for the next turn. (3 queued)\n"));
        assert!(!is_queued("It said: Queued for the next turn. (3 queued)"));
    }
}
