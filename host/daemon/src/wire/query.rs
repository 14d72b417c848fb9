//! The message `query`: a prompt to run.

use std::path::Path;

use omi_kernel::command::{Base64, PromptBlock, RunMode};
use omi_kernel::id::SessionId;
use omi_kernel::model::ModelProfile;
use omi_kernel::request::SessionRef;
use schemars::JsonSchema;
use serde::Deserialize;

use super::schema::word;
use super::{Address, WireError};
use crate::prompt::Prompt;
use crate::relay::DeclaredTool;

/// Run a prompt.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Query {
    pub(super) idempotency_key: Option<String>,
    pub(super) adapter_id: Option<String>,
    #[schemars(with = "Option<word::Session>")]
    pub(super) session_id: Option<SessionId>,
    pub(super) surface_kind: Option<String>,
    pub(super) external_ref_kind: Option<String>,
    pub(super) external_ref_id: Option<String>,
    pub(super) legacy_client_scope: Option<String>,
    pub(super) legacy_session_key: Option<String>,
    pub(super) legacy_adapter_session_id: Option<String>,
    pub(super) title: Option<String>,
    pub(super) prompt: String,
    pub(super) image_base64: Option<String>,
    pub(super) system_prompt: Option<String>,
    pub(super) cwd: Option<String>,
    #[serde(default)]
    #[schemars(with = "word::Mode")]
    pub(super) mode: RunMode,
    pub(super) model: Option<String>,
    #[schemars(with = "Option<word::Profile>")]
    pub(super) model_profile: Option<ModelProfile>,
    #[schemars(range(min = 1))]
    pub(super) timeout_ms: Option<u64>,
    /// Tools of the surface, for the agent that executes it. They are no part of what is asked: a request that comes again
    /// is the same with others.
    #[serde(default)]
    pub(super) tools: Vec<DeclaredTool>,
}

impl Query {
    /// The tools that it offers, once.
    pub(crate) fn take_tools(&mut self) -> Vec<DeclaredTool> {
        std::mem::take(&mut self.tools)
    }

    /// The registration and the session that it names.
    pub(crate) fn names(&self) -> (Option<&str>, Option<&SessionId>) {
        (self.adapter_id.as_deref(), self.session_id.as_ref())
    }

    /// The prompt it carries.
    pub(crate) fn prompt(self, address: Address) -> Result<Prompt, WireError> {
        absolute(self.cwd.as_deref())?;
        let session = SessionRef {
            id: self.session_id,
            external: both("externalRefKind", self.external_ref_kind, "externalRefId", self.external_ref_id)?,
            legacy: both(
                "legacyClientScope",
                self.legacy_client_scope,
                "legacySessionKey",
                self.legacy_session_key,
            )?,
        };
        let mut blocks = vec![PromptBlock::Text { text: self.prompt }];
        if let Some(data) = self.image_base64 {
            blocks.push(PromptBlock::Image { mime_type: image_type(&data).to_owned(), data: Base64(data) });
        }
        Ok(Prompt {
            client: address.client,
            request: address.request,
            idempotency_key: self.idempotency_key,
            session,
            surface: self.surface_kind.unwrap_or_else(|| "jsonl".to_owned()),
            title: self.title,
            adapter: self.adapter_id,
            blocks,
            system_prompt: self.system_prompt,
            mode: self.mode,
            model: self.model,
            profile: self.model_profile,
            cwd: self.cwd,
            legacy_adapter_session_id: self.legacy_adapter_session_id,
            timeout_ms: self.timeout_ms,
        })
    }
}

/// A working folder that is named without doubt.
pub(crate) fn absolute(cwd: Option<&str>) -> Result<(), WireError> {
    match cwd.filter(|cwd| !Path::new(cwd).is_absolute()) {
        Some(cwd) => Err(WireError::invalid(format!("`cwd` must be absolute, not `{cwd}`"))),
        None => Ok(()),
    }
}

/// Two halves of one name.
pub(crate) fn both(
    a: &str,
    first: Option<String>,
    b: &str,
    second: Option<String>,
) -> Result<Option<(String, String)>, WireError> {
    match (first, second) {
        (Some(first), Some(second)) => Ok(Some((first, second))),
        (None, None) => Ok(None),
        (Some(_), None) | (None, Some(_)) => Err(WireError::invalid(format!("`{a}` and `{b}` go together"))),
    }
}

/// The type of a picture by its first bytes, which base64 keeps recognisable.
fn image_type(base64: &str) -> &'static str {
    match base64.get(..4) {
        Some("iVBO") => "image/png",
        Some("R0lG") => "image/gif",
        Some("UklG") => "image/webp",
        _ => "image/jpeg",
    }
}
