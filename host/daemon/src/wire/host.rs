//! The messages that a program sends which thinks that it runs the daemon: log-ins, owners, tokens, what may come.

use omi_kernel::command::InputAnswer;
use omi_kernel::id::{AttemptId, RunId};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::WireError;
use super::schema::word;

/// Log in by a method: of the attempt, else of the run, else of the run of this request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the fields are called as they are on the wire")]
pub(crate) struct Authenticate {
    #[schemars(with = "Option<word::Run>")]
    pub(crate) run_id: Option<RunId>,
    #[schemars(with = "Option<word::Attempt>")]
    pub(crate) attempt_id: Option<AttemptId>,
    /// The id of a method that was offered.
    pub(super) method_id: String,
}

impl Authenticate {
    /// By this method, of the run of this request.
    pub(super) fn by(method: String) -> Self {
        Self { run_id: None, attempt_id: None, method_id: method }
    }

    /// The answer to the request for a log-in.
    pub(crate) fn answer(&self) -> InputAnswer {
        InputAnswer::Provided { value: Value::from(self.method_id.as_str()) }
    }
}

/// Be ready for what may come. It is only a hint: no session is made by it, and none is looked up. Workers are started
/// by runs alone, so nothing is done.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "what is hinted at is checked and not used")]
pub(crate) struct Warmup {
    cwd: Option<String>,
    model: Option<String>,
    models: Option<Vec<String>>,
    sessions: Option<Vec<WarmupSession>>,
}

/// A session that may be used soon.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "what is hinted at is checked and not used")]
struct WarmupSession {
    key: String,
    model: Option<String>,
    system_prompt: Option<String>,
}

/// Make sure whose all this is. The owner of a connection never changes: this is a guard.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct RefreshOwner {
    /// Whom the client takes the owner to be.
    #[serde(rename = "ownerId")]
    _owner_id: String,
}

/// Use another token. Nothing here takes one; it is read over and not kept.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct RefreshToken {
    #[serde(rename = "token")]
    #[schemars(with = "Option<Value>")]
    _token: Option<IgnoredAny>,
}

impl RefreshToken {
    /// Why that is not done.
    pub(crate) fn refused() -> WireError {
        let why = "no token is taken from a client; hint: name the variable or file that has the secret in the \
                   registration (`secrets`), and start omi-agentd again";
        WireError::new("unsupported", why)
    }
}
