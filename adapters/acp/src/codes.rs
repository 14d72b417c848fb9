//! The numbers that the Agent Client Protocol gives to errors, beside those of JSON-RPC, and some that agents use.

/// The request was cancelled.
pub(crate) const REQUEST_CANCELLED: i64 = -32800;
/// A person has to log in.
pub(crate) const AUTH_REQUIRED: i64 = -32000;
/// There is no such session or file.
pub(crate) const NOT_FOUND: i64 = -32002;
/// Another code for a session that does not exist, seen beside -32002.
pub(crate) const NOT_FOUND_TOO: i64 = -32001;
/// Seen for a model server that took the key for none.
pub(crate) const MODEL_REFUSES_KEY: i64 = -31002;
