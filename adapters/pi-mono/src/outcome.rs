//! How a turn ended, from what pi said last, and what an error of pi means.
//!
//! | the last message of the model | our cancel | outcome |
//! | --- | --- | --- |
//! | any | yes | cancelled |
//! | `stop`, `length`, an unknown word, with text or after a tool | no | succeeded, with that word |
//! | the same, and the turn did nothing at all | no | failed, `empty_turn` |
//! | `error`, where the turn did something | no | failed, fatal: to try again would do it twice |
//! | `error`, where it did nothing | no | failed: auth-required, retryable if it may pass, else fatal |
//! | `aborted` | no | failed, `aborted_by_runtime` |
//! | none | no | failed, `empty_turn` |

use omi_adapter_sdk::{AuthMethod, AuthRequired, Failure, Outcome};

use omi_adapter_sdk::wording::quote;

/// The status of HTTP that only a log-in helps against.
const UNAUTHORIZED: u16 = 401;

/// Those that may pass.
const PASSING_STATUS: [u16; 6] = [429, 500, 502, 503, 504, 529];

/// Words of errors that only a log-in helps against.
const AUTH: [&str; 7] = [
    "unauthorized",
    "authentication",
    "invalid api key",
    "incorrect api key",
    "no api key",
    "/login",
    "no model selected",
];

/// Words of errors that may pass.
const PASSING: [&str; 10] = [
    "overloaded",
    "rate limit",
    "timeout",
    "timed out",
    "terminated",
    "fetch failed",
    "connection",
    "econn",
    "socket",
    "stream ended",
];

/// The last message of the model in a turn.
#[derive(Debug, Default)]
pub(crate) struct Last {
    pub(crate) stop_reason: String,
    pub(crate) error: Option<String>,
}

/// From the last message, where nobody cancelled the turn.
pub(crate) fn of(last: Option<&Last>, did_something: bool) -> Outcome {
    let Some(last) = last else { return empty() };
    match last.stop_reason.as_str() {
        "aborted" => {
            let message = "pi says the turn was aborted, and nobody cancelled it";
            Outcome::Failed(Failure::fatal("aborted_by_runtime", message))
        }
        "error" => Outcome::Failed(failure(last.error.as_deref().unwrap_or_default(), did_something)),
        _ if !did_something => empty(),
        reason => Outcome::succeeded(reason),
    }
}

fn empty() -> Outcome {
    let message =
        "pi ended the turn without a word and without a tool; its call to the model probably failed";
    Outcome::Failed(Failure::fatal("empty_turn", message))
}

/// What an error means. Trying again is only right if the first try did nothing.
pub(crate) fn failure(error: &str, did_something: bool) -> Failure {
    let lower = error.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let status = statuses(error);
    let message = match quote(error) {
        text if text.is_empty() => "the model failed and pi gives no reason".to_owned(),
        text => format!("pi says: {text}"),
    };
    if did_something {
        return Failure::fatal("model_error", message);
    }
    if status.contains(&UNAUTHORIZED) || has(&AUTH) {
        return Failure::AuthRequired(AuthRequired::new(vec![log_in(&message)], message));
    }
    if has(&PASSING) || PASSING_STATUS.iter().any(|passing| status.contains(passing)) {
        return Failure::retryable("model_error", message);
    }
    Failure::fatal("model_error", message)
}

/// The words of an error that can be a status of HTTP; a part of a longer number or name is none.
fn statuses(error: &str) -> Vec<u16> {
    let words = error.split(|character: char| !(character.is_alphanumeric() || "-_".contains(character)));
    words.filter(|word| word.len() == 3).filter_map(|word| word.parse().ok()).collect()
}

/// The one way to log in to pi.
fn log_in(why: &str) -> AuthMethod {
    AuthMethod {
        id: "pi-login".to_owned(),
        kind: "terminal".to_owned(),
        name: "/login in pi".to_owned(),
        description: format!(
            "{why}; run `pi` in a terminal and type `/login`, or give the registration the key of the provider"
        ),
        extra: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(error: &str, did_something: bool) -> &'static str {
        match failure(error, did_something) {
            Failure::AuthRequired(_) => "auth",
            Failure::Retryable(_) => "retryable",
            Failure::Fatal(_) => "fatal",
            Failure::Stale(_) | Failure::Other(_) => "other",
        }
    }

    #[test]
    fn an_error_is_of_the_kind_that_its_words_say() {
        assert_eq!(kind("401: {\"message\":\"no\"}", false), "auth");
        assert_eq!(kind("No API key found for the selected model.\n\nUse /login to log in", false), "auth");
        assert_eq!(kind("500 Scripted failure", false), "retryable");
        assert_eq!(kind("Stream ended without finish_reason", false), "retryable");
        assert_eq!(kind("500 Scripted failure", true), "fatal", "a tool may have run");
        assert_eq!(kind("400: the prompt is too long", false), "fatal");
        assert_eq!(kind("401: no", true), "fatal", "a tool may have run: nothing is simply tried again");
        for number in ["request req-401 is too long", "14013 tokens are too many", "model x_500 is not known"]
        {
            assert_eq!(kind(number, false), "fatal", "{number}");
        }
        assert_eq!(kind("OpenAI API error (401): bad key", false), "auth");
        assert_eq!(kind("HTTP/1.1 503", false), "retryable");
    }

    #[test]
    fn a_turn_that_did_nothing_did_not_succeed() {
        let last = |reason: &str| Last { stop_reason: reason.to_owned(), error: None };
        assert_eq!(of(Some(&last("length")), true), Outcome::succeeded("length"));
        for outcome in [of(Some(&last("stop")), false), of(None, true)] {
            assert!(
                matches!(outcome, Outcome::Failed(Failure::Fatal(detail)) if detail.code == "empty_turn")
            );
        }
        assert!(matches!(of(Some(&last("aborted")), true), Outcome::Failed(Failure::Fatal(_))));
    }
}
