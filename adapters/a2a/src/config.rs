//! The registration's `[config]` table.

use omi_adapter_sdk::{Millis, config};
use serde::Deserialize;

/// Where the protocol puts the card.
const CARD_PATH: &str = "/.well-known/agent-card.json";

/// Agents were seen to think for a minute without a word; asking for the state costs one small request.
const SILENCE_MS: Millis = 120_000;

/// A server that was restarted says `working` for ever about a task that nobody works on: ten minutes tell it apart.
const ZOMBIE_MS: Millis = 600_000;

/// The names and values of the table, for people and for `describe`.
pub(crate) const SCHEMA: &str = include_str!("config.schema.json");

/// What a registration may say.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Config {
    /// Where the card is.
    pub(crate) card_path: String,
    /// Where JSON-RPC is, whatever the card says.
    pub(crate) rpc_path: Option<String>,
    /// Who names a conversation.
    pub(crate) contexts: Contexts,
    /// How long nothing may be heard before the state is asked for.
    pub(crate) silence_ms: Millis,
    /// How long nothing may change before the task is given up.
    pub(crate) zombie_ms: Millis,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            card_path: CARD_PATH.to_owned(),
            rpc_path: None,
            contexts: Contexts::Client,
            silence_ms: SILENCE_MS,
            zombie_ms: ZOMBIE_MS,
        }
    }
}

/// Who names a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Contexts {
    /// This adapter, with the first message.
    Client,
    /// The agent, with its first answer.
    Agent,
}

/// A table that is not understood.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error(transparent)]
    Read(#[from] config::ConfigError),
    #[error("`{key}` in `[config]` is `{path}`, which is no path; hint: it begins with `/`")]
    NoPath { key: &'static str, path: String },
}

impl Config {
    /// Read the table; the empty string is an empty table.
    pub(crate) fn parse(json: &str) -> Result<Self, ConfigError> {
        let config: Self = config::read(json, SCHEMA)?;
        let paths = [("cardPath", Some(&config.card_path)), ("rpcPath", config.rpc_path.as_ref())];
        for (key, path) in paths {
            if let Some(path) = path.filter(|path| !path.starts_with('/')) {
                return Err(ConfigError::NoPath { key, path: path.clone() });
            }
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        let error = Config::parse(r#"{"cardpath": "/x"}"#).expect_err("it is not a key").to_string();
        assert!(error.contains("`cardpath`") && error.contains("`cardPath`"), "{error}");
        let error = Config::parse(r#"{"rpcPath": "https://x"}"#).expect_err("it is no path").to_string();
        assert!(error.contains("`rpcPath`") && error.contains("hint: "), "{error}");
    }

    #[test]
    fn what_a_key_wants_is_said_in_plain_words() {
        for (table, words) in [
            (
                r#"{"silenceMs": "soon"}"#,
                r#"`silenceMs` in `[config]` is not understood: invalid type: string "soon", expected a whole number, at least 1"#,
            ),
            (
                r#"{"zombieMs": -1}"#,
                "`zombieMs` in `[config]` is not understood: invalid value: integer `-1`, expected a whole number, at least 1",
            ),
            (
                r#"{"cardPath": 7}"#,
                "`cardPath` in `[config]` is not understood: invalid type: integer `7`, expected a text",
            ),
            (
                r#"{"contexts": "mine"}"#,
                "`contexts` in `[config]` is not understood: unknown variant `mine`, expected `client` or `agent`",
            ),
            ("[]", "no table"),
        ] {
            let error = Config::parse(table).expect_err("it is wrong").to_string();
            assert!(error.contains(words), "{table}: {error}");
        }
    }

    #[test]
    fn the_schema_names_the_keys_that_are_read_and_their_defaults() {
        let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
        let properties = schema["properties"].as_object().expect("it has properties");
        assert_eq!(properties.len(), 5, "every field of `Config` is in the schema");
        for (key, property) in properties {
            let value = property.get("default").cloned().unwrap_or_else(|| "/text".into());
            let table = serde_json::json!({ key: value }).to_string();
            let parsed = Config::parse(&table).unwrap_or_else(|error| panic!("{table}: {error}"));
            assert_eq!(parsed == Config::default(), property.get("default").is_some(), "{key}");
        }
    }
}
