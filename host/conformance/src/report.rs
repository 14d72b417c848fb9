//! What the suite found.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::imports;
use crate::recording::Call;
use crate::rule::{Level, Rule};

/// How a case went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every rule it is about was kept.
    Passed,
    /// A rule was broken.
    Broken {
        /// Which.
        rule: &'static Rule,
        /// How, in one line.
        what: String,
    },
    /// It could not be judged.
    NotRun(NotRun),
}

/// Why a case could not be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotRun {
    /// In one line, for a person.
    pub why: String,
    /// What kind of reason that is.
    pub reason: Reason,
}

/// What kind of reason there is not to judge a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It needs a peer file, or a prompt or reply that this does not have.
    Unplayed,
    /// The adapter does nothing of what it is about.
    Nothing,
    /// The suite cannot judge it, or an earlier case shows why it need not.
    Unable,
}

/// A case and how it went.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseResult {
    /// Its name, by which it is run alone.
    pub name: String,
    /// How it went.
    pub verdict: Verdict,
    /// What the adapter was told and what it asked for, up to the end of the case.
    pub calls: Vec<Call>,
    /// How long it took.
    pub took: Duration,
}

/// What was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The name it was loaded under.
    pub name: String,
    /// The adapter's id and version; none if it could not be loaded.
    pub adapter: Option<(String, String)>,
    /// The SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// Its size.
    pub bytes: usize,
    /// What it imports.
    pub imports: Vec<String>,
    /// The grants that it asks for, each with the word for its capability.
    pub grants: BTreeMap<String, String>,
}

/// Everything the suite found.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// What was judged.
    pub judged: Judged,
    /// How thoroughly.
    pub level: Level,
    /// The cases, in order.
    pub cases: Vec<CaseResult>,
    /// Cases that were asked for and are judged only at a more thorough level.
    pub left_out: Vec<String>,
}

/// How many cases went how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Passed.
    pub passed: usize,
    /// Broke a rule.
    pub broken: usize,
    /// Could not be judged.
    pub not_run: usize,
    /// Of these, those that need a peer file, or a prompt or reply that it does not have.
    pub unplayed: usize,
}

impl Judged {
    /// It imports nothing of WASI: what it does depends on nothing but its inputs, by construction.
    pub fn is_pure(&self) -> bool {
        !self.imports.iter().any(|import| import.starts_with("wasi:"))
    }

    /// What it imports and what that means, one line for each package.
    pub fn import_lines(&self) -> Vec<String> {
        imports::lines(&self.imports)
    }

    /// It asks for a program or a server to talk to: without a peer file nothing plays that.
    pub fn has_runtime(&self) -> bool {
        self.grants.values().any(|kind| matches!(kind.as_str(), "process" | "terminal" | "http"))
    }
}

impl Report {
    /// How many cases went how.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for case in &self.cases {
            match &case.verdict {
                Verdict::Passed => counts.passed += 1,
                Verdict::Broken { .. } => counts.broken += 1,
                Verdict::NotRun(not_run) => {
                    counts.not_run += 1;
                    counts.unplayed += usize::from(not_run.reason == Reason::Unplayed);
                }
            }
        }
        counts
    }

    /// No rule was broken. Cases that could not be judged do not count.
    pub fn is_clean(&self) -> bool {
        self.counts().broken == 0
    }

    /// The report for programs. Calls are there where a rule was broken.
    pub fn json(&self) -> Value {
        let counts = self.counts();
        let (adapter, version) = self.judged.adapter.clone().unzip();
        let imports: Vec<Value> = self
            .judged
            .imports
            .iter()
            .map(|name| json!({ "name": name, "meaning": imports::meaning(name) }))
            .collect();
        json!({
            "component": self.judged.name, "adapter": adapter, "version": version, "digest": self.judged.digest,
            "bytes": self.judged.bytes, "imports": imports, "pure": self.judged.is_pure(),
            "level": self.level.as_str(), "clean": self.is_clean(),
            "passed": counts.passed, "broken": counts.broken, "notRun": counts.not_run,
            "unplayed": counts.unplayed,
            "cases": self.cases.iter().map(case_json).collect::<Vec<_>>(),
        })
    }
}

fn case_json(case: &CaseResult) -> Value {
    let ms = u64::try_from(case.took.as_millis()).unwrap_or(u64::MAX);
    match &case.verdict {
        Verdict::Passed => json!({ "case": case.name, "verdict": "passed", "ms": ms }),
        Verdict::NotRun(NotRun { why, reason: _ }) => {
            json!({ "case": case.name, "verdict": "not_run", "why": why, "ms": ms })
        }
        Verdict::Broken { rule, what } => json!({
            "case": case.name, "verdict": "broken", "rule": rule.name, "demands": rule.demands, "why": rule.why,
            "what": what, "calls": case.calls, "ms": ms,
        }),
    }
}
