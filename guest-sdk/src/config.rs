//! The registration's `[config]` table, read so that an error names the key, what stands there and what is wanted.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// A table that is not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigError {
    /// It is no table.
    Table(String),
    /// A key, and what is wrong with it.
    Key {
        /// The key, from the outside in: `extraBody.seed`.
        path: String,
        /// What is wrong.
        said: String,
    },
}

impl std::error::Error for ConfigError {}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Table(said) => write!(f, "the `[config]` table is no table: {said}"),
            Self::Key { path, said } => write!(f, "`{path}` in `[config]` is not understood: {said}"),
        }
    }
}

/// Reads a table, of which the empty string is an empty one. `schema` is that of the descriptor.
///
/// # Errors
///
/// What is wrong, with the key and what the schema wants there.
pub fn read<T: DeserializeOwned>(json: &str, schema: &str) -> Result<T, ConfigError> {
    let json = if json.is_empty() { "{}" } else { json };
    let table: Value = serde_json::from_str(json).map_err(|error| ConfigError::Table(error.to_string()))?;
    if !table.is_object() {
        return Err(ConfigError::Table(format!("it is {table}")));
    }
    serde_path_to_error::deserialize(table).map_err(|error| {
        let (path, said) = (error.path().to_string(), error.inner().to_string());
        let schema: Value = serde_json::from_str(schema).unwrap_or_default();
        let said = match (wanted(&schema["properties"][&path]), said.split_once(", expected ")) {
            (Some(wanted), Some((found, _))) => format!("{found}, expected {wanted}"),
            _ => said,
        };
        ConfigError::Key { path, said }
    })
}

/// What a key wants, for a person. None of a key with a list of words: serde names them.
fn wanted(property: &Value) -> Option<String> {
    let kind = match property["type"].as_str()? {
        "integer" => "a whole number",
        "number" => "a number",
        "string" => "a text",
        "object" => "a table",
        _ => return None,
    };
    let least = property["minimum"].as_u64().map(|least| format!(", at least {least}"));
    Some(format!("{kind}{}", least.unwrap_or_default()))
}
