//! The MCP servers of a registration, and the hash that says whether a native session still fits them (SPEC §3.4).

use std::collections::{BTreeMap, BTreeSet};

use omi_kernel::command::{McpServer, McpTransport};
use serde::{Deserialize, Deserializer};

use crate::prompt::sha256;
use crate::shim::SERVER;

/// What changes with every request: the pipe, the context file and the ids of what is going on. A native session fits
/// whatever these are.
const OF_A_REQUEST: [&str; 9] = [
    "OMI_BRIDGE_PIPE",
    "OMI_CONTEXT_FILE",
    "OMI_REQUEST_ID",
    "OMI_CLIENT_ID",
    "OMI_PROTOCOL_VERSION",
    "OMI_SESSION_ID",
    "OMI_RUN_ID",
    "OMI_ATTEMPT_ID",
    "OMI_ADAPTER_SESSION_ID",
];

/// What stands for the server of `tools`, whose variables are others each time.
const TOOLS_MARK: &str = "+omi";

#[derive(Debug, Deserialize)]
#[serde(tag = "transport", rename_all = "kebab-case")]
enum Entry {
    Stdio(Stdio),
    Http(Remote),
    Sse(Remote),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Stdio {
    name: String,
    command: String,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Remote {
    name: String,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

impl From<Entry> for McpServer {
    fn from(entry: Entry) -> Self {
        let (name, transport) = match entry {
            Entry::Stdio(Stdio { name, command, args, env }) => {
                (name, McpTransport::Stdio { command, args, env })
            }
            Entry::Http(Remote { name, url, headers }) => (name, McpTransport::Http { url, headers }),
            Entry::Sse(Remote { name, url, headers }) => (name, McpTransport::Sse { url, headers }),
        };
        Self { name, transport }
    }
}

/// Reads the servers of a configuration file.
pub(super) fn servers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<McpServer>, D::Error> {
    let entries = Vec::<Entry>::deserialize(deserializer)?;
    Ok(entries.into_iter().map(McpServer::from).collect())
}

/// What the types cannot say. The error is a sentence without its subject.
pub(super) fn check(servers: &[McpServer], tools: bool) -> Result<(), String> {
    let mut names = BTreeSet::new();
    if tools && servers.iter().any(|server| server.name == SERVER) {
        return Err(format!("has a server `{SERVER}`, as the one of `tools` is called; hint: rename it"));
    }
    for server in servers {
        let place = match &server.transport {
            McpTransport::Stdio { command, .. } => ("command", command),
            McpTransport::Http { url, .. } | McpTransport::Sse { url, .. } => ("url", url),
        };
        let empty = [("name", &server.name), place].into_iter().find(|(_, value)| value.trim().is_empty());
        if let Some((field, _)) = empty {
            return Err(format!("has a server `{}` with an empty `{field}`", server.name));
        }
        if !names.insert(&server.name) {
            return Err(format!("has two servers named `{}`", server.name));
        }
    }
    Ok(())
}

/// The stable part of the servers as a hash; of the one of `tools` only that it is there.
pub(super) fn hash(servers: &[McpServer], tools: bool) -> Option<String> {
    if servers.is_empty() && !tools {
        return None;
    }
    let stable: Vec<McpServer> = servers.iter().cloned().map(stable).collect();
    // Fields come in the order of their types, maps in that of their keys; a server is made of values that are JSON.
    let mut canonical = serde_json::to_string(&stable).unwrap_or_default();
    if tools {
        canonical.push_str(TOOLS_MARK);
    }
    Some(sha256(&canonical))
}

fn stable(mut server: McpServer) -> McpServer {
    if let McpTransport::Stdio { env, .. } = &mut server.transport {
        env.retain(|name, _| !OF_A_REQUEST.contains(&name.as_str()));
    }
    server
}
