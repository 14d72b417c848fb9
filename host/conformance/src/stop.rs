//! Why a case ends before its end: a rule is broken, or it cannot be judged.

use crate::report::{NotRun, Reason};
use crate::rule::Rule;

/// Why a case ends.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The adapter broke a rule.
    Broken(Broken),
    /// The case cannot be judged.
    NotRun(NotRun),
}

/// A rule that was broken, and how.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) rule: &'static Rule,
    /// In one line.
    pub(crate) what: String,
}

/// A step of a case.
pub(crate) type Step<T = ()> = Result<T, Stop>;

impl From<Broken> for Stop {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl Stop {
    /// Nobody plays the runtime that the case needs, or not as far as it needs it.
    pub(crate) fn unplayed(why: impl Into<String>) -> Self {
        Self::NotRun(NotRun { why: why.into(), reason: Reason::Unplayed })
    }

    /// The adapter does nothing of what the case is about.
    pub(crate) fn nothing(why: impl Into<String>) -> Self {
        Self::NotRun(NotRun { why: why.into(), reason: Reason::Nothing })
    }

    /// The suite cannot judge it.
    pub(crate) fn unable(why: impl Into<String>) -> Self {
        Self::NotRun(NotRun { why: why.into(), reason: Reason::Unable })
    }
}

impl Broken {
    pub(crate) fn new(rule: &'static Rule, what: impl Into<String>) -> Self {
        Self { rule, what: what.into() }
    }
}

/// The rule is broken, unless.
pub(crate) fn keeps(kept: bool, rule: &'static Rule, what: impl FnOnce() -> String) -> Result<(), Broken> {
    if kept { Ok(()) } else { Err(Broken::new(rule, what())) }
}
