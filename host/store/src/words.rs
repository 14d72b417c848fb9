//! The words of the tables for what the kernel has no words for itself, and the lists that queries share.

use omi_kernel::command::RunMode;
use omi_kernel::descriptor::{Fidelity, Recovery};
use omi_kernel::event::{Retention, Visibility};
use omi_kernel::grant::{GrantEffect, GrantSource};

/// The statuses of runs and attempts that are not over.
pub(crate) const ACTIVE: &str =
    "('queued', 'starting', 'running', 'waiting_input', 'waiting_approval', 'cancelling')";
/// The statuses of runs and attempts that are over.
pub(crate) const TERMINAL: &str = "('succeeded', 'failed', 'cancelled', 'timed_out', 'orphaned')";
/// The events that ask a person something, and those that answer. Their index names exactly these.
pub(crate) const REQUEST_EVENTS: &str =
    "('approval.requested', 'approval.resolved', 'input.requested', 'input.provided')";

pub(crate) fn mode(text: &str) -> Option<RunMode> {
    [RunMode::Ask, RunMode::Act].into_iter().find(|mode| mode_text(*mode) == text)
}

pub(crate) fn mode_text(mode: RunMode) -> &'static str {
    match mode {
        RunMode::Ask => "ask",
        RunMode::Act => "act",
    }
}

pub(crate) fn fidelity(text: &str) -> Option<Fidelity> {
    let all = [Fidelity::Native, Fidelity::Reconstructed, Fidelity::None];
    all.into_iter().find(|fidelity| fidelity_text(*fidelity) == text)
}

pub(crate) fn fidelity_text(fidelity: Fidelity) -> &'static str {
    match fidelity {
        Fidelity::Native => "native",
        Fidelity::Reconstructed => "reconstructed",
        Fidelity::None => "none",
    }
}

pub(crate) fn recovery(text: &str) -> Option<Recovery> {
    let all = [Recovery::Host, Recovery::Runtime];
    all.into_iter().find(|recovery| recovery_text(*recovery) == text)
}

pub(crate) fn recovery_text(recovery: Recovery) -> &'static str {
    match recovery {
        Recovery::Host => "host",
        Recovery::Runtime => "runtime",
    }
}

pub(crate) fn retention_text(retention: Retention) -> &'static str {
    match retention {
        Retention::Core => "core",
        Retention::Transient => "transient",
    }
}

pub(crate) fn visibility_text(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Ui => "ui",
        Visibility::Internal => "internal",
    }
}

pub(crate) fn effect(text: &str) -> Option<GrantEffect> {
    [GrantEffect::Allow, GrantEffect::Deny].into_iter().find(|effect| effect_text(*effect) == text)
}

pub(crate) fn effect_text(effect: GrantEffect) -> &'static str {
    match effect {
        GrantEffect::Allow => "allow",
        GrantEffect::Deny => "deny",
    }
}

pub(crate) fn source(text: &str) -> Option<GrantSource> {
    let all = [GrantSource::LegacyDefault, GrantSource::Policy, GrantSource::User, GrantSource::System];
    all.into_iter().find(|source| source_text(*source) == text)
}

pub(crate) fn source_text(source: GrantSource) -> &'static str {
    match source {
        GrantSource::LegacyDefault => "legacy_default",
        GrantSource::Policy => "policy",
        GrantSource::User => "user",
        GrantSource::System => "system",
    }
}

#[cfg(test)]
mod tests {
    use omi_kernel::status::Status;

    use super::*;

    #[test]
    fn every_status_is_in_one_of_the_lists() {
        for status in Status::ALL {
            let word = format!("'{status}'");
            assert_eq!(ACTIVE.contains(&word), !status.is_terminal(), "{word}");
            assert_eq!(TERMINAL.contains(&word), status.is_terminal(), "{word}");
        }
    }

    #[test]
    fn words_are_read_back() {
        for fidelity in [Fidelity::Native, Fidelity::Reconstructed, Fidelity::None] {
            assert_eq!(super::fidelity(fidelity_text(fidelity)), Some(fidelity));
        }
        for recovery in [Recovery::Host, Recovery::Runtime] {
            assert_eq!(super::recovery(recovery_text(recovery)), Some(recovery));
        }
        for mode in [RunMode::Ask, RunMode::Act] {
            assert_eq!(super::mode(mode_text(mode)), Some(mode));
        }
        for effect in [GrantEffect::Allow, GrantEffect::Deny] {
            assert_eq!(super::effect(effect_text(effect)), Some(effect));
        }
        for source in
            [GrantSource::LegacyDefault, GrantSource::Policy, GrantSource::User, GrantSource::System]
        {
            assert_eq!(super::source(source_text(source)), Some(source));
        }
    }
}
