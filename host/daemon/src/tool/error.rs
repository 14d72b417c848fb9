//! Why a tool did nothing: a word for programs, a line for models and people.

use omi_store::StoreError;

use crate::client::RequestError;
use crate::config::ConfigError;

/// There is no such tool.
pub(super) const UNKNOWN_TOOL: &str = "unknown_control_tool";
/// The input is not as its schema has it.
pub(super) const INVALID_INPUT: &str = "invalid_tool_input";
/// Something that should work did not.
pub(super) const FAILED: &str = "control_tool_failed";
/// The daemon ends, or there is nothing that could do it now.
pub(super) const NOT_READY: &str = "runtime_not_ready";

/// Why a tool did nothing. What the kernel refuses has the kernel's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ToolError {
    /// A stable word.
    pub(crate) code: &'static str,
    /// One line.
    pub(crate) message: String,
}

impl ToolError {
    /// An error with a word and a line.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// An input that is not as its schema has it.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(INVALID_INPUT, message)
    }

    /// There is no such thing, or it belongs to somebody else: nobody can tell which.
    pub(crate) fn not_found(what: &str, id: &str) -> Self {
        Self::new("not_found", format!("there is no {what} `{id}`"))
    }

    /// The daemon ends.
    pub(crate) fn ending() -> Self {
        Self::from(RequestError::Ending)
    }
}

impl From<RequestError> for ToolError {
    fn from(error: RequestError) -> Self {
        let code = match &error {
            RequestError::Ending => NOT_READY,
            RequestError::Refused { code, .. } => code,
        };
        Self::new(code, error.to_string())
    }
}

impl From<ConfigError> for ToolError {
    fn from(error: ConfigError) -> Self {
        Self::new("unknown_registration", error.to_string())
    }
}

impl From<StoreError> for ToolError {
    fn from(error: StoreError) -> Self {
        Self::new(FAILED, error.to_string())
    }
}
