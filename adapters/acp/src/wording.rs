//! What the agent says, on its way into a message for a person.

use omi_adapter_sdk::rpc::RpcError;
pub(crate) use omi_adapter_sdk::wording::{head, quote};

/// What the agent says about an error.
pub(crate) fn said(error: &RpcError) -> String {
    quote(&error.words())
}
