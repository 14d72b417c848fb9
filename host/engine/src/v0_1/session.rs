//! Reads the failures, outcomes and log-in methods of the contract.

use omi_kernel::report::{AuthMethod, Failure, FailureDetail, Outcome, Usage};

use super::description::short;
use super::wit::session as wit;

/// Log-in methods of one list: a person has to choose among them.
const AUTH_METHODS_MAX: usize = 32;

/// A code and a sentence.
pub(crate) fn detail(detail: wit::FailureDetail) -> FailureDetail {
    FailureDetail { code: short(detail.code), message: short(detail.message) }
}

/// A failure; a kind that this host does not know is fatal.
pub(crate) fn failure(failure: wit::Failure) -> Failure {
    match failure {
        wit::Failure::Stale(why) => Failure::Stale(detail(why)),
        wit::Failure::AuthRequired(auth) => {
            Failure::AuthRequired { methods: auth_methods(auth.methods), message: short(auth.message) }
        }
        wit::Failure::Retryable(why) => Failure::Retryable(detail(why)),
        wit::Failure::Fatal(why) | wit::Failure::Other(why) => Failure::Fatal(detail(why)),
    }
}

/// Ways to log in.
pub(crate) fn auth_methods(methods: Vec<wit::AuthMethod>) -> Vec<AuthMethod> {
    let read = |method: wit::AuthMethod| AuthMethod {
        id: short(method.id),
        kind: short(method.kind),
        name: short(method.name),
        description: short(method.description),
    };
    methods.into_iter().take(AUTH_METHODS_MAX).map(read).collect()
}

/// How an attempt ended.
pub(crate) fn outcome(outcome: wit::Outcome) -> Outcome {
    match outcome {
        wit::Outcome::Succeeded(success) => Outcome::Succeeded { stop_reason: short(success.stop_reason) },
        wit::Outcome::Failed(why) => Outcome::Failed(failure(why)),
        wit::Outcome::Cancelled => Outcome::Cancelled,
    }
}

/// What was used. A cost that is no number is unknown.
pub(crate) fn usage(usage: &wit::Usage) -> Usage {
    Usage {
        input_tokens: usage.input_tokens,
        output_tokens: usage.output_tokens,
        cache_read_tokens: usage.cache_read_tokens,
        cache_write_tokens: usage.cache_write_tokens,
        cost_usd: usage.cost_usd.filter(|cost| cost.is_finite() && *cost >= 0.0),
    }
}
