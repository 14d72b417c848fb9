//! How a turn ended, from the agent's answer to the prompt.
//!
//! | answer | our cancel | outcome |
//! | --- | --- | --- |
//! | `end_turn`, with text or a tool call | no | succeeded |
//! | `end_turn`, with neither | no | failed, `empty_turn`: agents answer a failed model call like this |
//! | `max_tokens`, `max_turn_requests`, an unknown word | no | succeeded, with that word |
//! | `refusal` | no | failed, `model_refused`: the agent drops the turn from its history |
//! | `cancelled` after a refused permission | no | succeeded, `cancelled`: the refusal was the answer |
//! | `cancelled` out of the blue | no | failed, `cancelled_by_runtime` |
//! | any, with an error in `_meta`, or with a message that `errorTexts` knows | no | failed, as its words say |
//! | any, with "Queued for the next turn. (N queued)" | any | failed, and the process is not trusted any more |
//! | `cancelled`, `end_turn`, -32800, -32603 with words of an abort | yes | cancelled |
//! | -32603 with other words | yes | failed, and the process is not trusted any more |
//! | -32000 | any | failed, auth-required |
//! | the session is not known | any | failed, stale |
//! | 401, 403, -31002 | any | failed, auth-required; fatal where there is no way to log in |
//! | any failure after a tool call | any | fatal with the same words: who begins again does it twice |
//! | -32603, 429, 5xx | no | failed; retryable if the turn had done nothing yet |

use omi_adapter_sdk::rpc::{INTERNAL_ERROR, INVALID_PARAMS, RpcError};
use omi_adapter_sdk::{AuthRequired, Failure, Outcome};
use serde_json::Value;

use crate::codes::{AUTH_REQUIRED, NOT_FOUND, NOT_FOUND_TOO, REQUEST_CANCELLED};
use crate::json::text;
use crate::model_failure;
use crate::offers::Offers;
use crate::turn::{Cancel, Turn};
use crate::wording::{quote, said};

/// From the result of `session/prompt`.
pub(crate) fn of_result(turn: &Turn, result: &Value, offers: &Offers, error_texts: &[String]) -> Outcome {
    let Some(stop_reason) = text(result, "stopReason") else {
        let message = "the agent answered the prompt without a stop reason";
        return Outcome::Failed(Failure::fatal("bad_answer", message));
    };
    let was_cancelled = turn.cancel != Cancel::No;
    if model_failure::is_queued(turn.last_words()) {
        let message = "the agent put the prompt aside for a turn that never comes";
        return Outcome::Failed(Failure::retryable("prompt_put_aside", message));
    }
    let is_error = |words: &&str| error_texts.iter().any(|text| words.starts_with(text.as_str()));
    let error = model_failure::in_meta(result).or_else(|| Some(turn.last_words()).filter(is_error));
    if let Some(error) = error.filter(|_| !was_cancelled) {
        let failure = model_failure::of_text(&quote(error), offers.auth_methods.clone());
        let message = format!("the agent's call to its model failed: {}", quote(error));
        return Outcome::Failed(only_once(turn, failure, message));
    }
    match stop_reason {
        "cancelled" | "end_turn" if was_cancelled => Outcome::Cancelled,
        "cancelled" if !turn.refused => {
            let message = "the agent says the turn was cancelled, and nobody cancelled it";
            Outcome::Failed(Failure::fatal("cancelled_by_runtime", message))
        }
        "end_turn" if !turn.did_something() => {
            let message = "the agent ended the turn without a word and without a tool call; \
                           its call to the model probably failed";
            Outcome::Failed(Failure::fatal("empty_turn", message))
        }
        "refusal" => Outcome::Failed(Failure::fatal("model_refused", "the agent refused the prompt")),
        other => Outcome::succeeded(other),
    }
}

/// From an error of `session/prompt`.
pub(crate) fn of_error(turn: &Turn, error: &RpcError, offers: &Offers) -> Outcome {
    let was_cancelled = turn.cancel != Cancel::No;
    if was_cancelled && (error.code == REQUEST_CANCELLED || is_abort(error)) {
        return Outcome::Cancelled;
    }
    let message = format!("the agent answered the prompt with error {}: {}", error.code, said(error));
    let methods = || offers.auth_methods_for(&error.data);
    let failure = match error.code {
        AUTH_REQUIRED => Failure::AuthRequired(AuthRequired::new(methods(), message.clone())),
        NOT_FOUND | NOT_FOUND_TOO => Failure::stale("session_not_found", message.clone()),
        INVALID_PARAMS | INTERNAL_ERROR if says_session_unknown(error) => {
            Failure::stale("session_not_found", message.clone())
        }
        INVALID_PARAMS => Failure::fatal("agent_error", message.clone()),
        code => {
            let words = error.words();
            model_failure::of_error(code, &words, message.clone(), turn.did_something(), methods())
        }
    };
    Outcome::Failed(only_once(turn, failure, message))
}

/// Nothing that ran a tool is begun again, neither after a log-in nor in another session. That something was said the
/// host sees itself.
fn only_once(turn: &Turn, failure: Failure, message: String) -> Failure {
    let ran = turn.tools.any();
    match failure {
        Failure::Stale(detail) | Failure::Retryable(detail) if ran => Failure::Fatal(detail),
        Failure::AuthRequired(_) if ran => Failure::fatal("auth_required", message),
        failure @ (Failure::Stale(_)
        | Failure::Retryable(_)
        | Failure::AuthRequired(_)
        | Failure::Fatal(_)
        | Failure::Other(_)) => failure,
    }
}

/// Whether the agent's state is not to be trusted after this end: it broke while it was cancelled, or runs no prompt.
pub(crate) fn is_suspect(turn: &Turn, answer: &Result<Value, RpcError>) -> bool {
    match answer {
        Ok(_) => model_failure::is_queued(turn.last_words()),
        Err(error) => turn.cancel != Cancel::No && error.code == INTERNAL_ERROR && !is_abort(error),
    }
}

/// Agents answer a prompt that was cancelled with an inner error that says so.
fn is_abort(error: &RpcError) -> bool {
    let words = error.words().to_ascii_lowercase();
    error.code == INTERNAL_ERROR && ["abort", "cancel", "interrupt"].iter().any(|sign| words.contains(sign))
}

/// A code alone does not say it: agents use -32602 and -32603 for unknown sessions, and for other things.
fn says_session_unknown(error: &RpcError) -> bool {
    let words = error.words().to_ascii_lowercase();
    words.contains("session")
        && ["not found", "unknown", "no such", "does not exist", "invalid session"]
            .iter()
            .any(|sign| words.contains(sign))
}
