//! The registration's `[config]` table.

use omi_adapter_sdk::{Millis, config};
use serde::Deserialize;
use serde_json::{Map, Number, Value};

/// What servers call the beginning of their API, nearly all of them.
const BASE_PATH: &str = "/v1";

/// About 50,000 tokens: more than small models take, and far less than large ones do.
const CONTEXT_CHARS: usize = 200_000;

/// A local server that loads a large model from a slow disk and then reads a long prompt was silent for minutes.
const SILENCE_MS: Millis = 300_000;

/// What the adapter writes itself, and nobody else may.
const OWN_MEMBERS: [&str; 2] = ["model", "messages"];

/// The names and values of the table, for people and for `describe`.
pub(crate) const SCHEMA: &str = include_str!("config.schema.json");

/// What a registration may say.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Config {
    /// What the paths of the API begin with.
    pub(crate) base_path: String,
    /// The model for runs that name none.
    pub(crate) model: Option<String>,
    /// Before the system prompt of the run.
    pub(crate) system_prompt: Option<String>,
    /// How long an answer may be, in tokens.
    pub(crate) max_tokens: Option<u32>,
    /// What the server calls that.
    pub(crate) max_tokens_field: MaxTokensField,
    /// How freely the model chooses its words.
    pub(crate) temperature: Option<Number>,
    /// More members of the request.
    pub(crate) extra_body: Map<String, Value>,
    /// How many characters of what was said before are sent.
    pub(crate) context_chars: usize,
    /// How long the server may say nothing.
    pub(crate) silence_ms: Millis,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            base_path: BASE_PATH.to_owned(),
            model: None,
            system_prompt: None,
            max_tokens: None,
            max_tokens_field: MaxTokensField::MaxTokens,
            temperature: None,
            extra_body: Map::new(),
            context_chars: CONTEXT_CHARS,
            silence_ms: SILENCE_MS,
        }
    }
}

/// Servers know the limit under one of two names, and some refuse the other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MaxTokensField {
    /// The name that nearly all servers know.
    MaxTokens,
    /// The name that OpenAI's newer models want.
    MaxCompletionTokens,
}

impl MaxTokensField {
    /// The name in the request.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
        }
    }
}

/// A table that is not understood.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error(transparent)]
    Read(#[from] config::ConfigError),
    #[error("`basePath` in `[config]` is `{0}`; hint: it begins with `/`, as `/v1` does, or is empty")]
    BasePath(String),
    #[error("`extraBody` in `[config]` has a member `{0}`, which the adapter writes itself")]
    OwnMember(&'static str),
}

impl Config {
    /// Read the table; the empty string is an empty table.
    pub(crate) fn parse(json: &str) -> Result<Self, ConfigError> {
        let mut config: Self = config::read(json, SCHEMA)?;
        let path = config.base_path.trim_end_matches('/').to_owned();
        let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'?' && byte != b'#');
        if !plain || !(path.is_empty() || path.starts_with('/')) {
            return Err(ConfigError::BasePath(config.base_path));
        }
        config.base_path = path;
        match OWN_MEMBERS.into_iter().find(|name| config.extra_body.contains_key(*name)) {
            Some(name) => Err(ConfigError::OwnMember(name)),
            None => Ok(config),
        }
    }

    /// The path of a request.
    pub(crate) fn path(&self, end: &str) -> String {
        format!("{}{end}", self.base_path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_named_with_the_known_ones() {
        let error = Config::parse(r#"{"modle": "x"}"#).expect_err("it is not a key").to_string();
        assert!(error.contains("`modle`") && error.contains("`model`"), "{error}");
    }

    #[test]
    fn what_a_key_wants_is_said_in_plain_words() {
        for (table, words) in [
            (
                r#"{"silenceMs": "soon"}"#,
                r#"`silenceMs` in `[config]` is not understood: invalid type: string "soon", expected a whole number, at least 1"#,
            ),
            (
                r#"{"maxTokens": -1}"#,
                "`maxTokens` in `[config]` is not understood: invalid value: integer `-1`, expected a whole number, at least 1",
            ),
            (
                r#"{"model": 7}"#,
                "`model` in `[config]` is not understood: invalid type: integer `7`, expected a text",
            ),
            (
                r#"{"temperature": "hot"}"#,
                r#"`temperature` in `[config]` is not understood: invalid type: string "hot", expected a number"#,
            ),
            (
                r#"{"extraBody": 1}"#,
                "`extraBody` in `[config]` is not understood: invalid type: integer `1`, expected a table",
            ),
            (
                r#"{"maxTokensField": "most"}"#,
                "`maxTokensField` in `[config]` is not understood: unknown variant `most`, expected `max_tokens` or `max_completion_tokens`",
            ),
            ("[]", "no table"),
        ] {
            let error = Config::parse(table).expect_err("it is wrong").to_string();
            assert!(error.contains(words), "{table}: {error}");
        }
    }

    #[test]
    fn a_path_begins_with_a_slash_and_ends_with_none() {
        let parsed = |path: &str| Config::parse(&serde_json::json!({ "basePath": path }).to_string());
        for (given, models) in [("/v1", "/v1/models"), ("/api/v1/", "/api/v1/models"), ("", "/models")] {
            assert_eq!(parsed(given).expect("a path").path("/models"), models);
        }
        for wrong in ["v1", "http://x/v1", "/v1?x=1", "/v 1"] {
            let error = parsed(wrong).expect_err("no path").to_string();
            assert!(error.contains(wrong) && error.contains("hint:"), "{error}");
        }
    }

    #[test]
    fn what_the_adapter_writes_itself_is_not_for_the_registration() {
        let error = Config::parse(r#"{"extraBody": {"messages": []}}"#).expect_err("its own").to_string();
        assert!(error.contains("`messages`"), "{error}");
    }

    #[test]
    fn the_schema_names_the_keys_that_are_read() {
        let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
        let properties = schema["properties"].as_object().expect("it has properties");
        for (key, property) in properties {
            let fallback = if property["type"] == "string" { Value::from("text") } else { Value::from(1) };
            let value = property.get("default").cloned().unwrap_or(fallback);
            let table = serde_json::json!({ key: value }).to_string();
            Config::parse(&table).unwrap_or_else(|error| panic!("{table}: {error}"));
        }
        assert_eq!(properties.len(), 9, "every field of `Config` is in the schema");
    }

    #[test]
    fn the_defaults_of_the_schema_are_the_defaults() {
        let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
        let properties = schema["properties"].as_object().expect("it has properties");
        let table: Map<_, _> = properties
            .iter()
            .filter_map(|(key, property)| property.get("default").map(|value| (key.clone(), value.clone())))
            .collect();
        let parsed = Config::parse(&Value::from(table).to_string()).expect("they are read");
        assert_eq!(parsed, Config::default());
    }
}
