//! The messages about components: what a person lets this daemon use while it runs.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use super::WireError;

/// Characters of a SHA-256 in hexadecimal.
const DIGEST_CHARS: usize = 64;

/// Let a component be used, with the bytes that its file has now. It was installed before, or was not.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InstallComponent {
    pub(crate) path: PathBuf,
    /// The SHA-256 of the bytes that the person agreed to.
    pub(crate) digest: Option<String>,
}

impl InstallComponent {
    /// The file is named without doubt, and the digest is one.
    pub(crate) fn check(&self) -> Result<(), WireError> {
        absolute(&self.path)?;
        let is_digest = |text: &String| {
            text.len() == DIGEST_CHARS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        if self.digest.as_ref().is_some_and(|digest| !is_digest(digest)) {
            let why = format!("`digest` is no SHA-256: {DIGEST_CHARS} of 0-9 and a-f");
            return Err(WireError::invalid(why));
        }
        Ok(())
    }
}

/// Let a component be used no longer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemoveComponent {
    pub(crate) path: PathBuf,
}

impl RemoveComponent {
    /// The file is named without doubt.
    pub(crate) fn check(&self) -> Result<(), WireError> {
        absolute(&self.path)
    }
}

/// The daemon has another working folder than its clients.
fn absolute(path: &Path) -> Result<(), WireError> {
    if path.is_absolute() {
        return Ok(());
    }
    let path = path.display().to_string();
    Err(WireError::invalid(format!("`path` must be absolute, not {path:?}; hint: begin it with `/`")))
}
