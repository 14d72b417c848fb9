//! Makes what the kernel accepts out of what a surface was given.

use std::fmt::Write as _;

use omi_kernel::command::{PromptBlock, RunMode};
use omi_kernel::id::{AdapterId, ClientId, OwnerId, RequestId};
use omi_kernel::input::{Accept, SessionRef};
use omi_kernel::permission::ApprovalPolicy;
use omi_kernel::row::RunInput;
use sha2::{Digest as _, Sha256};

use crate::config::{Config, ConfigError};

/// Who owns what is made at a terminal or over the standard streams (SPEC §3.10).
pub(crate) const OWNER: &str = "desktop-local-user";

/// The registration where nothing names one.
const ADAPTER_DEFAULT: &str = "echo";

/// A prompt as a surface gives it.
#[derive(Debug, Default)]
#[expect(clippy::struct_field_names, reason = "a system prompt is what everybody calls it")]
pub(crate) struct Prompt {
    pub(crate) client: String,
    pub(crate) request: String,
    pub(crate) session: SessionRef,
    pub(crate) surface: String,
    pub(crate) adapter: Option<String>,
    pub(crate) blocks: Vec<PromptBlock>,
    pub(crate) system_prompt: Option<String>,
    pub(crate) mode: RunMode,
    pub(crate) model: Option<String>,
    pub(crate) cwd: Option<String>,
}

impl Prompt {
    /// What the kernel accepts. A registration that does not exist is refused here, before anything is recorded.
    pub(crate) fn accept(self, config: &Config) -> Result<Accept, ConfigError> {
        let default_adapter = config.default_adapter.clone().unwrap_or_else(|| ADAPTER_DEFAULT.to_owned());
        let named = self.adapter.as_ref().unwrap_or(&default_adapter);
        let policy = config.registration(named)?.policy(false);
        let title = self.title();
        Ok(Accept {
            owner: OwnerId(OWNER.to_owned()),
            client: ClientId(self.client),
            request: RequestId(self.request),
            session: self.session,
            surface: self.surface,
            title,
            adapter: self.adapter.map(AdapterId),
            default_adapter: AdapterId(default_adapter),
            system_prompt_hash: self.system_prompt.as_deref().map(sha256),
            input: RunInput { prompt: self.blocks, system_prompt: self.system_prompt },
            mode: self.mode,
            model: self.model,
            cwd: self.cwd,
            legacy_grant: policy == ApprovalPolicy::Legacy,
        })
    }

    /// The first line of the prompt, as far as a list shows it (SPEC §12: 80 characters).
    fn title(&self) -> Option<String> {
        let text = self.blocks.iter().find_map(|block| match block {
            PromptBlock::Text { text } => Some(text),
            PromptBlock::Image { .. } => None,
        })?;
        Some(text.lines().next()?.chars().take(80).collect())
    }
}

fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
