//! The adapters and registrations that come with the program.

/// Each bundled component with its name.
pub(crate) const COMPONENTS: &[(&str, &[u8])] =
    &[("echo", include_bytes!(env!("OMI_ADAPTER_ECHO"))), ("acp", include_bytes!(env!("OMI_ADAPTER_ACP")))];

/// The peer files of those that have a runtime: what `adapter check` has it say.
pub(crate) const PEERS: &[(&str, &str)] = &[("acp", include_str!("../../../adapters/acp/acp.peer.toml"))];

/// Registrations that are there without any configuration. A registration of the same name in the configuration
/// takes the place of one of these.
pub(crate) const REGISTRATIONS: &str = include_str!("bundled.toml");
