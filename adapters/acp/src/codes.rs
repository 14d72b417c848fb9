//! The numbers that the Agent Client Protocol gives to errors, beside those of JSON-RPC.

/// The request was cancelled.
pub(crate) const REQUEST_CANCELLED: i64 = -32800;
/// A person has to log in.
pub(crate) const AUTH_REQUIRED: i64 = -32000;
/// There is no such session or file.
pub(crate) const NOT_FOUND: i64 = -32002;
