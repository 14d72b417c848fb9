//! The lines of configuration that would register a component, with one for each grant that it asks for.

use omi_kernel::descriptor::{Capability, GrantRequest};
use omi_kernel::grant::Component;

use super::shown::asks;

/// The lines. What a person has to fill in is in capitals; what the component works without is commented out.
pub(super) fn stanza(component: &Component) -> String {
    let mut lines = vec![
        format!("[registrations.{}]", key(&component.adapter_id)),
        format!("component = {}", quoted(&component.path)),
    ];
    for grant in &component.grants {
        lines.push(format!("# {}", asks(grant)));
        lines.push(match bound(grant) {
            Some(bound) => {
                let out = if grant.optional { "# " } else { "" };
                format!("{out}grants.{} = {{ {bound} }}", key(&grant.name))
            }
            None => format!("# this host does not know what `{}` is", plain_word(&grant.capability)),
        });
    }
    lines.join("\n") + "\n"
}

fn bound(grant: &GrantRequest) -> Option<&'static str> {
    match grant.capability {
        Capability::Process => Some("command = [\"PROGRAM\"]"),
        Capability::Terminal => Some("terminal = \"session\", policy = \"ask\""),
        Capability::Files => Some("folder = \"session\", policy = \"ask\""),
        Capability::Http => Some("origin = \"https://HOST\", methods = [\"GET\", \"POST\"]"),
        Capability::Other(_) => None,
    }
}

fn plain_word(capability: &Capability) -> String {
    crate::terminal::plain(capability.as_str())
}

/// A name as a key of TOML.
pub(super) fn key(name: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !name.is_empty() && name.bytes().all(is_bare) { name.to_owned() } else { quoted(name) }
}

/// A text as TOML has it: as JSON does, and without the one control character that JSON leaves as it is.
pub(super) fn quoted(text: &str) -> String {
    // A text is JSON.
    serde_json::to_string(text).unwrap_or_default().replace('\x7f', "\\u007f")
}

#[cfg(test)]
mod tests {
    use omi_engine::Bound;

    use super::*;
    use crate::config::Config;

    fn grant(name: &str, capability: Capability, optional: bool) -> GrantRequest {
        GrantRequest {
            name: name.to_owned(),
            capability,
            operation: "*".to_owned(),
            pattern: "*".to_owned(),
            reason: "It\nis = needed".to_owned(),
            optional,
        }
    }

    #[test]
    fn the_lines_are_a_configuration_that_is_taken() {
        let component = Component {
            path: "/opt/o'dd \"path\"\n.wasm".to_owned(),
            name: "x".to_owned(),
            digest: String::new(),
            adapter_id: "my-agent".to_owned(),
            version: "1".to_owned(),
            grants: vec![
                grant("agent", Capability::Process, false),
                grant("odd.name", Capability::Files, false),
                grant("shell", Capability::Terminal, true),
                grant("remote", Capability::Http, false),
                grant("moon", Capability::Other("moon\n".to_owned()), false),
            ],
            imports: Vec::new(),
        };
        let text = stanza(&component);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, &text).unwrap();
        let config = Config::load(&path, true).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let registration = config.registration("my-agent").unwrap();
        assert_eq!(registration.component, component.path);
        let bound = registration.grants();
        let names: Vec<&str> = bound.keys().map(String::as_str).collect();
        assert_eq!(names, ["agent", "odd.name", "remote"], "{text}");
        assert!(matches!(bound["odd.name"].bound, Bound::Files(_)));
        assert!(text.contains("# grants.shell = {"), "{text}");
    }
}
