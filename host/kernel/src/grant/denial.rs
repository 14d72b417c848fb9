//! Why something may not be opened: one line that names the adapter, the effect, and the line of configuration that
//! would allow it.

use super::{Access, Terms};
use crate::descriptor::Capability;
use crate::id::GrantId;

/// Characters of a resource that a refusal repeats: enough to know it again.
const RESOURCE_CHARS_MAX: usize = 200;

/// Why something may not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{registration}` may not {what}: {reason}{}", hint.as_ref().map(|hint| format!("; hint: {hint}")).unwrap_or_default())]
pub struct Denial {
    /// The registration.
    pub registration: String,
    /// What it may not do.
    pub what: String,
    /// Why not.
    pub reason: String,
    /// What would allow it.
    pub hint: Option<String>,
    /// The component did what its own description rules out.
    pub undeclared: bool,
}

impl Denial {
    fn new(access: &Access, terms: &Terms, reason: impl Into<String>, hint: Option<String>) -> Self {
        Self {
            registration: terms.registration.as_str().to_owned(),
            what: what(access),
            reason: reason.into(),
            hint,
            undeclared: false,
        }
    }

    pub(super) fn not_declared(access: &Access, terms: &Terms) -> Self {
        let reason = format!("the component does not declare that for the grant `{}`", brief(&access.grant));
        Self { undeclared: true, ..Self::new(access, terms, reason, None) }
    }

    pub(super) fn not_bound(access: &Access, terms: &Terms) -> Self {
        let key = match access.capability {
            Capability::Process => "command",
            Capability::Terminal => "terminal",
            Capability::Files => "folder",
            Capability::Http => "origin",
            Capability::Other(_) => {
                return Self::new(access, terms, "this host does not know that capability", None);
            }
        };
        let hint = format!("set `{key}` in {}", line(access, terms));
        Self::new(access, terms, "the registration binds nothing to that grant", Some(hint))
    }

    pub(super) fn narrowed(access: &Access, terms: &Terms, key: &str) -> Self {
        let reason = format!("`{key}` of the grant `{}` leaves it out", access.grant);
        Self::new(access, terms, reason, Some(format!("add it to `{key}` in {}", line(access, terms))))
    }

    pub(super) fn policy(access: &Access, terms: &Terms) -> Self {
        let hint = format!("set `policy = \"ask\"` or `\"allow\"` in {}", line(access, terms));
        Self::new(access, terms, "the policy of the registration is `deny`", Some(hint))
    }

    pub(super) fn denied_by(access: &Access, terms: &Terms, grant: &GrantId) -> Self {
        let hint = format!("`omi-agentd grants revoke {grant}` takes that back");
        Self::new(access, terms, format!("the grant {grant} denies it"), Some(hint))
    }

    pub(super) fn revoked(access: &Access, terms: &Terms, grant: &GrantId) -> Self {
        let hint = "start a new session".to_owned();
        Self::new(access, terms, format!("the grant {grant} of this session was revoked"), Some(hint))
    }

    pub(super) fn no_legacy_grant(access: &Access, terms: &Terms) -> Self {
        let hint = format!("set `policy = \"ask\"` or `\"allow\"` in {}", line(access, terms));
        Self::new(access, terms, "the run has no `legacy_default` grant", Some(hint))
    }

    /// There is nobody who could be asked.
    pub(crate) fn nobody_to_ask(access: &Access, terms: &Terms) -> Self {
        let hint = format!("set `policy = \"allow\"` in {}", line(access, terms));
        Self::new(access, terms, "nobody can be asked here", Some(hint))
    }

    /// A person said no.
    pub(crate) fn refused(access: &Access, terms: &Terms) -> Self {
        Self::new(access, terms, "it was denied when asked for", None)
    }

    /// It has to be asked for again, and now is too late for that: what was granted is gone.
    pub fn gone(access: &Access, terms: &Terms) -> Self {
        Self::new(access, terms, "what was granted was revoked or has expired meanwhile", None)
    }
}

/// What an access would do, in words.
pub(crate) fn what(access: &Access) -> String {
    let verb = match access.operation.as_str() {
        "spawn" => "start",
        "request" => "send",
        other => other,
    };
    format!("{} `{}` (grant `{}`)", brief(verb), brief(&access.resource), brief(&access.grant))
}

fn line(access: &Access, terms: &Terms) -> String {
    format!("`[registrations.{}.grants.{}]`", terms.registration, brief(&access.grant))
}

fn brief(text: &str) -> String {
    shown(text, RESOURCE_CHARS_MAX)
}

/// A text in one line, as far as it may be long; what is left out is said.
pub(crate) fn shown(text: &str, chars_max: usize) -> String {
    let line = one_line(text, chars_max);
    match text.chars().count().saturating_sub(chars_max) {
        0 => line,
        left_out => format!("{line}… (+{left_out} characters)"),
    }
}

/// The beginning of a text from outside, in one line.
pub(crate) fn one_line(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
