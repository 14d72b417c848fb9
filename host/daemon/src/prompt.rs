//! Makes what the kernel accepts out of what a surface was given.

use std::fmt::Write as _;

use omi_kernel::command::{PromptBlock, RunMode};
use omi_kernel::id::{AdapterId, NativeSessionId, OwnerId, RequestId};
use omi_kernel::model::ModelProfile;
use omi_kernel::request::{Accept, Retry, SessionRef};
use omi_kernel::row::RunInput;
use omi_kernel::session::TITLE_CHARS_MAX;
use sha2::{Digest as _, Sha256};

use crate::caller;
use crate::config::{Config, ConfigError};

/// Who owns what is made at a terminal or over the standard streams (SPEC §3.10).
pub(crate) const OWNER: &str = "desktop-local-user";

/// The registration where nothing names one.
const ADAPTER_DEFAULT: &str = "echo";

/// The owner of what is made here.
pub(crate) fn owner() -> OwnerId {
    OwnerId(OWNER.to_owned())
}

/// A prompt as a surface gives it.
#[derive(Debug, Default)]
#[expect(clippy::struct_field_names, reason = "a system prompt is what everybody calls it")]
pub(crate) struct Prompt {
    pub(crate) client: String,
    pub(crate) request: String,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) session: SessionRef,
    pub(crate) surface: String,
    pub(crate) title: Option<String>,
    pub(crate) adapter: Option<String>,
    pub(crate) blocks: Vec<PromptBlock>,
    pub(crate) system_prompt: Option<String>,
    pub(crate) mode: RunMode,
    pub(crate) model: Option<String>,
    pub(crate) profile: Option<ModelProfile>,
    pub(crate) cwd: Option<String>,
    pub(crate) legacy_adapter_session_id: Option<String>,
    pub(crate) timeout_ms: Option<u64>,
}

impl Prompt {
    /// What the kernel accepts. A registration that does not exist is refused here, before anything is recorded.
    pub(crate) fn accept(self, owner: OwnerId, config: &Config) -> Result<Accept, ConfigError> {
        let default_adapter = default_adapter(config);
        config.registration(self.adapter.as_ref().unwrap_or(&default_adapter))?;
        let title = self.title();
        Ok(Accept {
            client: caller::recorded(&owner, &self.client),
            owner,
            request: RequestId(self.request),
            session: self.session,
            surface: self.surface,
            title,
            idempotency_key: self.idempotency_key,
            default_adapter: AdapterId(default_adapter),
            system_prompt_hash: self.system_prompt.as_deref().map(sha256),
            input: RunInput {
                prompt: self.blocks,
                system_prompt: self.system_prompt,
                adapter: self.adapter.map(AdapterId),
                model: self.model,
                profile: self.profile,
                cwd: self.cwd,
                legacy_adapter_session_id: self.legacy_adapter_session_id.map(NativeSessionId),
                timeout_ms: self.timeout_ms,
            },
            mode: self.mode,
            legacy: config.legacy_adapters(),
        })
    }

    /// The title that was given, else the first line of the prompt; as far as a title goes.
    fn title(&self) -> Option<String> {
        let text = self.title.as_ref().or_else(|| {
            self.blocks.iter().find_map(|block| match block {
                PromptBlock::Text { text } => Some(text),
                PromptBlock::Image { .. } => None,
            })
        })?;
        Some(text.lines().next()?.chars().take(TITLE_CHARS_MAX).collect())
    }
}

/// The registration where nothing is named.
pub(crate) fn default_adapter(config: &Config) -> String {
    config.default_adapter.clone().unwrap_or_else(|| ADAPTER_DEFAULT.to_owned())
}

/// The registration of a session that may name one. One that does not exist is refused.
pub(crate) fn adapter(named: Option<String>, config: &Config) -> Result<AdapterId, ConfigError> {
    let name = named.unwrap_or_else(|| default_adapter(config));
    config.registration(&name)?;
    Ok(AdapterId(name))
}

/// Has a registration that a retry names checked, and says which ones opted in to the legacy permission policy.
pub(crate) fn fail_over(mut retry: Retry, config: &Config) -> Result<Retry, ConfigError> {
    if let Some(adapter) = &retry.adapter {
        config.registration(adapter.as_str())?;
    }
    retry.legacy = config.legacy_adapters();
    Ok(retry)
}

/// The SHA-256 of a text, in hexadecimal.
pub(crate) fn sha256(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
