//! The adapters and registrations that come with the program.

/// A bundled component.
#[derive(Debug)]
pub(crate) struct Component {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) bytes: &'static [u8],
    /// The SHA-256 of that, in hexadecimal, as it was when the program was built.
    pub(crate) digest: &'static str,
}

/// Every bundled component.
pub(crate) const COMPONENTS: &[Component] = &[
    Component {
        name: "echo",
        bytes: include_bytes!(env!("OMI_ADAPTER_ECHO")),
        digest: env!("OMI_ADAPTER_ECHO_DIGEST"),
    },
    Component {
        name: "acp",
        bytes: include_bytes!(env!("OMI_ADAPTER_ACP")),
        digest: env!("OMI_ADAPTER_ACP_DIGEST"),
    },
    Component {
        name: "pi-mono",
        bytes: include_bytes!(env!("OMI_ADAPTER_PI_MONO")),
        digest: env!("OMI_ADAPTER_PI_MONO_DIGEST"),
    },
    Component {
        name: "a2a",
        bytes: include_bytes!(env!("OMI_ADAPTER_A2A")),
        digest: env!("OMI_ADAPTER_A2A_DIGEST"),
    },
    Component {
        name: "openai-chat",
        bytes: include_bytes!(env!("OMI_ADAPTER_OPENAI_CHAT")),
        digest: env!("OMI_ADAPTER_OPENAI_CHAT_DIGEST"),
    },
];

/// The peer files of those that have a runtime: what `adapter check` has it say.
pub(crate) const PEERS: &[(&str, &str)] = &[
    ("acp", include_str!("../../../adapters/acp/acp.peer.toml")),
    ("pi-mono", include_str!("../../../adapters/pi-mono/pi-mono.peer.toml")),
    ("a2a", include_str!("../../../adapters/a2a/a2a.peer.toml")),
    ("openai-chat", include_str!("../../../adapters/openai-chat/openai-chat.peer.toml")),
];

/// Registrations that are there without any configuration. A registration of the same name in the configuration
/// takes the place of one of these.
pub(crate) const REGISTRATIONS: &str = include_str!("bundled.toml");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_digest_is_that_of_its_bytes() {
        for bundled in COMPONENTS {
            assert_eq!(bundled.digest, omi_engine::digest(bundled.bytes), "{}", bundled.name);
        }
    }
}
