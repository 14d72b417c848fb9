//! Reads what `describe` answers.

use omi_kernel::descriptor::{
    Cancellation, Capabilities, Capability, Descriptor, Fidelity, GrantRequest, Recovery, Restart,
};

use super::wit::description as wit;
use crate::limits;
use crate::text::cut;

/// A descriptor in the kernel's terms.
pub(crate) fn read_descriptor(descriptor: wit::Descriptor) -> Descriptor {
    Descriptor {
        adapter_id: short(descriptor.adapter_id),
        version: short(descriptor.version),
        title: short(descriptor.title),
        protocol: short(descriptor.protocol),
        capabilities: capabilities(&descriptor.capabilities),
        grants: descriptor.grants.into_iter().map(grant).collect(),
        config_schema: descriptor.config_schema,
    }
}

/// How faithfully a session can be taken up again.
pub(crate) fn fidelity(fidelity: wit::Fidelity) -> Fidelity {
    match fidelity {
        wit::Fidelity::Native => Fidelity::Native,
        wit::Fidelity::Reconstructed => Fidelity::Reconstructed,
        wit::Fidelity::None => Fidelity::None,
    }
}

/// A text that has no reason to be long.
pub(crate) fn short(text: String) -> String {
    cut(text, limits::SHORT_TEXT_BYTES)
}

fn capabilities(capabilities: &wit::Capabilities) -> Capabilities {
    Capabilities {
        resume: fidelity(capabilities.resume),
        cancellation: match capabilities.cancellation {
            wit::Cancellation::Unsupported => Cancellation::Unsupported,
            wit::Cancellation::Dispatched => Cancellation::Dispatched,
            wit::Cancellation::Acknowledged => Cancellation::Acknowledged,
        },
        restart: match capabilities.restart {
            wit::Restart::BindingsSurvive => Restart::BindingsSurvive,
            wit::Restart::BindingsLost => Restart::BindingsLost,
        },
        recovery: match capabilities.recovery {
            wit::Recovery::Host => Recovery::Host,
            wit::Recovery::Runtime => Recovery::Runtime,
        },
        pinned_worker: capabilities.pinned_worker,
        bindings_per_worker: capabilities.bindings_per_worker,
        attempts_per_worker: capabilities.attempts_per_worker,
        model_switching: capabilities.model_switching,
        artifacts: capabilities.artifacts,
        tools: capabilities.tools,
    }
}

fn grant(grant: wit::GrantRequest) -> GrantRequest {
    GrantRequest {
        name: short(grant.name),
        capability: match grant.capability {
            wit::Capability::Process => Capability::Process,
            wit::Capability::Terminal => Capability::Terminal,
            wit::Capability::Files => Capability::Files,
            wit::Capability::Http => Capability::Http,
            wit::Capability::Other(other) => Capability::Other(short(other)),
        },
        operation: short(grant.operation),
        pattern: short(grant.pattern),
        reason: short(grant.reason),
        optional: grant.optional,
    }
}
