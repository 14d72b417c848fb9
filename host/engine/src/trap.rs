//! What a call that did not return was: over its time, over a limit, or a trap. In one line, with the guest's last words.

use omi_kernel::report::FailureDetail;
use wasmtime::Trap;

use crate::limiter::LimitHit;
use crate::limits;
use crate::text::cut;
use crate::wasi::Waited;

/// Why a call into a guest did not return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TrapKind {
    /// It took longer than it may.
    Deadline,
    /// It went over a limit of memory, tables or data.
    Limit,
    /// It panicked, recursed too deep, or called something that failed.
    Trapped,
    /// It asked for more at once than the host takes.
    TooMany {
        /// How many outputs.
        outputs: usize,
    },
    /// It tried to wait.
    Waited,
    /// It broke the contract.
    Contract,
    /// The host failed.
    Host,
}

/// A call that did not return.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Trapped {
    /// What kind.
    pub(crate) kind: TrapKind,
    /// What happened, and the end of the guest's standard error.
    pub(crate) text: String,
}

impl Trapped {
    /// A failure with a text.
    pub(crate) fn new(kind: TrapKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    /// Reads what wasmtime says about a call that had `budget_ms`.
    pub(crate) fn read(error: &wasmtime::Error, budget_ms: u32, guest_stderr: &str) -> Self {
        tracing::debug!(error = format!("{error:?}"), "a guest call failed");
        let (kind, what) = classify(error, budget_ms);
        let last_words = guest_stderr.trim();
        let text = if last_words.is_empty() { what } else { format!("{what}: {}", one_line(last_words)) };
        Self { kind, text: cut(text, limits::SHORT_TEXT_BYTES) }
    }
}

impl From<Trapped> for FailureDetail {
    fn from(trapped: Trapped) -> Self {
        let code = match trapped.kind {
            TrapKind::Deadline => "adapter_deadline",
            TrapKind::Limit | TrapKind::TooMany { .. } => "adapter_limit",
            TrapKind::Trapped | TrapKind::Waited => "adapter_trapped",
            TrapKind::Contract => "adapter_contract",
            TrapKind::Host => "engine_failed",
        };
        Self::new(code, trapped.text)
    }
}

fn classify(error: &wasmtime::Error, budget_ms: u32) -> (TrapKind, String) {
    if let Some(hit) = error.downcast_ref::<LimitHit>() {
        return (TrapKind::Limit, format!("the adapter went over a limit: {hit}"));
    }
    if let Some(exit) = error.downcast_ref::<wasmtime_wasi::I32Exit>() {
        return (TrapKind::Trapped, format!("the adapter called exit({})", exit.0));
    }
    if let Some(waited) = error.downcast_ref::<Waited>() {
        return (TrapKind::Waited, format!("the adapter failed ({waited})"));
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => {
            (TrapKind::Deadline, format!("the adapter did not return within {budget_ms} ms"))
        }
        Some(Trap::StackOverflow) => (TrapKind::Trapped, "the adapter recursed too deep".to_owned()),
        Some(trap) => (TrapKind::Trapped, format!("the adapter trapped ({trap})")),
        None => {
            (TrapKind::Trapped, format!("the adapter failed ({})", one_line(&error.root_cause().to_string())))
        }
    }
}

/// The text without line breaks, so that it stays one line in every log.
pub(crate) fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" · ")
}
