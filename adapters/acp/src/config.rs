//! The registration's `[config]` table.

use std::collections::BTreeMap;

use omi_adapter_sdk::Millis;
use serde::Deserialize;

/// A cold start through a package runner was seen to take 81 s; a warm one takes at most 4 s.
const INITIALIZE_TIMEOUT_MS: Millis = 120_000;

/// Opening a session starts MCP servers, and loading one replays its whole history; both take seconds.
const SESSION_TIMEOUT_MS: Millis = 60_000;

/// A busy agent reads late, and one that reads nothing for so long will not.
const STDIN_TIMEOUT_MS: Millis = 60_000;

/// Real lines reach several megabytes; a line is in memory three times while it is read, in a guest of 128 MiB.
const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The names and values of the table, for people and for `describe`.
pub(crate) const SCHEMA: &str = include_str!("config.schema.json");

/// What a registration may say.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Config {
    /// The session mode to set in every new session.
    pub(crate) mode: Option<String>,
    /// The mode of a prompt that may change nothing.
    pub(crate) ask_mode: Option<String>,
    /// The mode of a prompt that may act.
    pub(crate) act_mode: Option<String>,
    /// The options to set in every session.
    pub(crate) options: BTreeMap<String, OptionValue>,
    /// Whether the agent's choice of models is used.
    pub(crate) models: bool,
    /// The way to log in, tried once when the agent asks for it.
    pub(crate) auth_method: Option<String>,
    /// The agent reads its log-in only when it starts.
    pub(crate) login_needs_restart: bool,
    /// How a system prompt reaches the agent.
    pub(crate) system_prompt: SystemPrompt,
    /// How a session of an earlier process is taken up.
    pub(crate) restore: Restore,
    /// The agent says that it loaded what it does not know.
    pub(crate) load_proves_nothing: bool,
    /// Whether MCP servers are given to the sessions.
    pub(crate) mcp_servers: bool,
    /// What the token figures of an answer count.
    pub(crate) usage: Counted,
    /// Beginnings of messages that are reports of a failure.
    pub(crate) error_texts: Vec<String>,
    /// How long the agent may take to start and to answer `initialize`.
    pub(crate) initialize_timeout_ms: Millis,
    /// How long the agent may take to open, load or resume a session.
    pub(crate) session_timeout_ms: Millis,
    /// How long the agent may leave unread what is written to it.
    pub(crate) stdin_timeout_ms: Millis,
    /// The longest line that is read.
    pub(crate) line_bytes_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mode: None,
            ask_mode: None,
            act_mode: None,
            options: BTreeMap::new(),
            models: true,
            auth_method: None,
            login_needs_restart: false,
            system_prompt: SystemPrompt::Auto,
            restore: Restore::Auto,
            load_proves_nothing: false,
            mcp_servers: true,
            usage: Counted::Turn,
            error_texts: Vec::new(),
            initialize_timeout_ms: INITIALIZE_TIMEOUT_MS,
            session_timeout_ms: SESSION_TIMEOUT_MS,
            stdin_timeout_ms: STDIN_TIMEOUT_MS,
            line_bytes_max: LINE_BYTES_MAX,
        }
    }
}

/// ACP v1 has no place for a system prompt, so agents differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum SystemPrompt {
    /// In the member `systemPrompt` if the agent offers it, else like `Prepend`.
    Auto,
    /// Before the first prompt of a new session, as a block of its own.
    Prepend,
    /// In `_meta.systemPrompt`, which some agents read although they do not say so.
    Meta,
}

/// How a session of an earlier process is taken up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Restore {
    /// By the best way that the agent offers.
    Auto,
    /// With `session/resume` only.
    Resume,
    /// With `session/load` only.
    Load,
    /// Not at all.
    Never,
}

/// What figures count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Counted {
    /// The turn that they come with.
    Turn,
    /// All turns of the session so far.
    Session,
}

/// The value of an option.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum OptionValue {
    Flag(bool),
    Word(String),
}

impl std::fmt::Display for OptionValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Word(word) => f.write_str(word),
        }
    }
}

/// A table that is not understood.
#[derive(Debug, thiserror::Error)]
#[error("the `[config]` table is not understood: {source}")]
pub(crate) struct ConfigError {
    source: serde_json::Error,
}

impl Config {
    /// Read the table; the empty string is an empty table.
    pub(crate) fn parse(json: &str) -> Result<Self, ConfigError> {
        let json = if json.is_empty() { "{}" } else { json };
        serde_json::from_str(json).map_err(|source| ConfigError { source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_named() {
        let error = Config::parse(r#"{"moed": "plan"}"#).expect_err("it is not a key").to_string();
        assert!(error.contains("`moed`") && error.contains("`mode`"), "{error}");
    }

    #[test]
    fn the_schema_names_the_keys_that_are_read() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
        let properties = schema["properties"].as_object().expect("it has properties");
        for (key, property) in properties {
            let value = property.get("default").cloned().unwrap_or_else(|| "text".into());
            let table = serde_json::json!({ key: value }).to_string();
            Config::parse(&table).unwrap_or_else(|error| panic!("{table}: {error}"));
        }
        assert_eq!(properties.len(), 17, "every field of `Config` is in the schema");
    }

    #[test]
    fn the_defaults_of_the_schema_are_the_defaults() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
        let properties = schema["properties"].as_object().expect("it has properties");
        let table: serde_json::Map<_, _> = properties
            .iter()
            .filter_map(|(key, property)| property.get("default").map(|value| (key.clone(), value.clone())))
            .collect();
        let parsed = Config::parse(&serde_json::Value::from(table).to_string()).expect("they are read");
        assert_eq!(parsed, Config::default());
    }
}
