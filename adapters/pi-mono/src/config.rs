//! The registration's `[config]` table.

use omi_adapter_sdk::Millis;
use serde::Deserialize;

/// pi was seen to start in 0.6 to 5 s; a busy machine and a first start after an update take longer.
const START_TIMEOUT_MS: Millis = 60_000;

/// pi confirms within 10 ms that it stopped, an old one within half a second; the host gives an attempt 10 s.
const CANCEL_TIMEOUT_MS: Millis = 5_000;

/// Old versions repeat the whole message in each line, and `agent_end` has the whole turn in it.
const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The names and values of the table, for people and for `describe`.
pub(crate) const SCHEMA: &str = include_str!("config.schema.json");

/// What a registration may say.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Config {
    /// Whether pi has to ask before a tool runs.
    pub(crate) gate: Gate,
    /// Whether what the folder of a session brings along for pi may run.
    pub(crate) project_extensions: bool,
    /// Where a system prompt goes.
    pub(crate) system_prompt: SystemPrompt,
    /// How long pi may take to say its version, and to start.
    pub(crate) start_timeout_ms: Millis,
    /// How long pi may take to confirm that it stopped.
    pub(crate) cancel_timeout_ms: Millis,
    /// The longest line that is read.
    pub(crate) line_bytes_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            gate: Gate::Required,
            project_extensions: false,
            system_prompt: SystemPrompt::Append,
            start_timeout_ms: START_TIMEOUT_MS,
            cancel_timeout_ms: CANCEL_TIMEOUT_MS,
            line_bytes_max: LINE_BYTES_MAX,
        }
    }
}

/// Whether pi has to ask before a tool runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Gate {
    /// Without our extension nothing is begun.
    Required,
    /// Whatever pi does, it does without a question.
    Off,
}

/// Where a system prompt goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum SystemPrompt {
    /// After that of pi.
    Append,
    /// In its place.
    Replace,
}

/// A table that is not understood.
#[derive(Debug, thiserror::Error)]
#[error("the `[config]` table is not understood: {source}; hint: see `omi-agentd adapter info pi-mono`")]
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
        let error = Config::parse(r#"{"gat": "off"}"#).expect_err("it is not a key").to_string();
        assert!(error.contains("`gat`") && error.contains("`gate`"), "{error}");
    }

    #[test]
    fn the_defaults_of_the_schema_are_the_defaults() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
        let properties = schema["properties"].as_object().expect("it has properties");
        assert_eq!(properties.len(), 6, "every field of `Config` is in the schema");
        let table: serde_json::Map<_, _> =
            properties.iter().map(|(key, property)| (key.clone(), property["default"].clone())).collect();
        let parsed = Config::parse(&serde_json::Value::from(table).to_string()).expect("they are read");
        assert_eq!(parsed, Config::default());
    }
}
