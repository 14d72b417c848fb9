//! What an effect may be about: grants that are declared, ops that are new, and what the worker has.

use omi_kernel::descriptor::Capability;
use serde_json::Value;

use super::{AttemptState, BindingState, Watch};
use crate::output::Scope;
use crate::rule;
use crate::stop::{Broken, keeps};

impl Watch {
    pub(super) fn fresh(&mut self, op: u32) -> Result<(), Broken> {
        keeps(self.ops.insert(op), &rule::OP_FRESH, || format!("the op {op} is used twice"))
    }

    pub(super) fn opens(&mut self, op: u32, what: &str) -> Result<(), Broken> {
        self.fresh(op)?;
        keeps(!self.stopped, &rule::STOP_QUIET, || format!("it opens {what} after `stop`"))
    }

    pub(super) fn granted(&self, grant: &str, kinds: &[Capability]) -> Result<(), Broken> {
        let declared = self.declared.grants.iter().find(|declared| declared.name == grant);
        let kind = declared.map(|declared| &declared.capability);
        keeps(kind.is_some_and(|kind| kinds.contains(kind)), &rule::GRANTS_DECLARED, || match kind {
            None => format!("it uses the grant `{grant}`, which `describe` does not list"),
            Some(kind) => {
                format!("it uses the grant `{grant}`, of kind `{}`, for something else", kind.as_str())
            }
        })
    }

    pub(super) fn holds(&self, scope: Scope) -> Result<(), Broken> {
        let (held, what) = match scope {
            Scope::Worker => (true, String::new()),
            Scope::Binding(binding) => {
                let state = self.bindings.get(&binding);
                let held = matches!(state, Some(BindingState::Asked | BindingState::Open));
                (held, format!("the binding {binding}"))
            }
            Scope::Attempt(attempt) => {
                let held = self.attempts.get(&attempt) == Some(&AttemptState::Running);
                (held, format!("the attempt {attempt}"))
            }
        };
        keeps(held, &rule::SCOPE_HELD, || format!("the worker does not hold {what}"))
    }

    pub(super) fn knows_process(&self, process: u32) -> Result<(), Broken> {
        keeps(self.processes.contains(&process), &rule::OP_KNOWN, || {
            format!("{process} is no process of this worker")
        })
    }

    pub(super) fn knows_blobs(&self, part: &Value) -> Result<(), Broken> {
        let named = part.get("blob-raw").or_else(|| part.get("blob-base64")).and_then(Value::as_u64);
        named.and_then(|blob| u32::try_from(blob).ok()).map_or(Ok(()), |blob| self.knows_blob(blob))
    }

    pub(super) fn knows_blob(&self, blob: u32) -> Result<(), Broken> {
        keeps(self.blobs.contains(&blob), &rule::OP_KNOWN, || format!("{blob} is no blob of this worker"))
    }
}
