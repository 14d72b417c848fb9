//! What an agent says it can do, read from its answer to `initialize`.

use omi_adapter_sdk::AuthMethod;
use serde_json::Value;

use crate::json::{list, offered, text};

/// What the agent offers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Offers {
    /// Its name and version.
    pub(crate) runtime: String,
    pub(crate) load: bool,
    pub(crate) resume: bool,
    pub(crate) close: bool,
    pub(crate) system_prompt: bool,
    pub(crate) image: bool,
    pub(crate) audio: bool,
    pub(crate) embedded: bool,
    pub(crate) mcp_http: bool,
    pub(crate) mcp_sse: bool,
    pub(crate) auth_methods: Vec<AuthMethod>,
}

impl Offers {
    /// From the result of `initialize`.
    pub(crate) fn read(result: &Value) -> Self {
        let can = |path: &[&str]| offered(&result["agentCapabilities"], path);
        let info = &result["agentInfo"];
        let runtime = [text(info, "name"), text(info, "version")];
        Self {
            runtime: runtime.into_iter().flatten().collect::<Vec<_>>().join(" "),
            load: can(&["loadSession"]),
            resume: can(&["sessionCapabilities", "resume"]),
            close: can(&["sessionCapabilities", "close"]),
            system_prompt: can(&["sessionCapabilities", "systemPrompt"]),
            image: can(&["promptCapabilities", "image"]),
            audio: can(&["promptCapabilities", "audio"]),
            embedded: can(&["promptCapabilities", "embeddedContext"]),
            mcp_http: can(&["mcpCapabilities", "http"]),
            mcp_sse: can(&["mcpCapabilities", "sse"]),
            auth_methods: auth_methods(result),
        }
    }

    /// The ways to log in: those that came with the error, else those of `initialize`.
    pub(crate) fn auth_methods_for(&self, error_data: &Value) -> Vec<AuthMethod> {
        let named = auth_methods(error_data);
        if named.is_empty() { self.auth_methods.clone() } else { named }
    }
}

fn auth_methods(value: &Value) -> Vec<AuthMethod> {
    list(value, "authMethods")
        .iter()
        .filter_map(|method| {
            let id = text(method, "id")?;
            Some(AuthMethod {
                id: id.to_owned(),
                kind: text(method, "type").unwrap_or("agent").to_owned(),
                name: text(method, "name").unwrap_or(id).to_owned(),
                description: text(method, "description").unwrap_or_default().to_owned(),
                extra: String::new(),
            })
        })
        .collect()
}
