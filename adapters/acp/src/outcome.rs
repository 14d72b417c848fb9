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
//! | `cancelled`, `end_turn`, -32800, -32603 | yes | cancelled |
//! | -32000 | any | failed, auth-required |
//! | the session is not known | any | failed, stale |
//! | -32603, 429, 5xx | no | failed; retryable if the turn had done nothing yet |

use omi_adapter_sdk::rpc::{INTERNAL_ERROR, INVALID_PARAMS, RpcError};
use omi_adapter_sdk::{Failure, Outcome};
use serde_json::Value;

use crate::codes::{AUTH_REQUIRED, NOT_FOUND, REQUEST_CANCELLED};
use crate::json::text;
use crate::offers::Offers;
use crate::turn::{Cancel, Turn};
use crate::wording::said;

/// From the result of `session/prompt`.
pub(crate) fn of_result(turn: &Turn, result: &Value) -> Outcome {
    let Some(stop_reason) = text(result, "stopReason") else {
        let message = "the agent answered the prompt without a stop reason";
        return Outcome::Failed(Failure::fatal("bad_answer", message));
    };
    let was_cancelled = turn.cancel != Cancel::No;
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
    if was_cancelled && matches!(error.code, REQUEST_CANCELLED | INTERNAL_ERROR) {
        return Outcome::Cancelled;
    }
    let message = format!("the agent answered the prompt with error {}: {}", error.code, said(error));
    Outcome::Failed(match error.code {
        AUTH_REQUIRED => Failure::AuthRequired(offers.auth_methods_for(&error.data)),
        NOT_FOUND => Failure::stale("session_not_found", message),
        INVALID_PARAMS | INTERNAL_ERROR if says_session_unknown(error) => {
            Failure::stale("session_not_found", message)
        }
        // Trying again is only right if the first try did nothing.
        INTERNAL_ERROR | 429 | 500..=599 if !turn.did_something() => {
            Failure::retryable("agent_error", message)
        }
        _ => Failure::fatal("agent_error", message),
    })
}

/// A code alone does not say it: agents use -32602 and -32603 for unknown sessions, and for other things.
fn says_session_unknown(error: &RpcError) -> bool {
    let words = error.words().to_ascii_lowercase();
    words.contains("session")
        && ["not found", "unknown", "no such", "does not exist", "invalid session"]
            .iter()
            .any(|sign| words.contains(sign))
}
