//! What was found: what is wrong comes first, then what is worth knowing, then what is well.

use serde_json::{Value, json};

/// How much something matters, the most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Wrong,
    Note,
    Fine,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::Wrong => "wrong",
            Self::Note => "note",
            Self::Fine => "fine",
        }
    }
}

/// One thing that was found.
#[derive(Debug)]
struct Finding {
    level: Level,
    /// What it is about.
    what: String,
    text: String,
    hint: Option<String>,
}

/// All that was found.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    /// Something is wrong, and this helps.
    pub(super) fn wrong(&mut self, what: &str, text: impl Into<String>, hint: impl Into<String>) {
        self.add(Level::Wrong, what, text.into(), Some(hint.into()));
    }

    /// The same as an error says it, with its hint.
    pub(super) fn error(&mut self, what: &str, error: &dyn std::fmt::Display) {
        let error = error.to_string();
        let (text, hint) = match error.split_once("; hint: ") {
            Some((text, hint)) => (text.to_owned(), Some(hint.to_owned())),
            None => (error, None),
        };
        self.add(Level::Wrong, what, text, hint);
    }

    /// Something is wrong if anybody relies on it; else it is worth knowing.
    pub(super) fn wrong_if(
        &mut self,
        relied_on: bool,
        what: &str,
        text: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let level = if relied_on { Level::Wrong } else { Level::Note };
        self.add(level, what, text.into(), Some(hint.into()));
    }

    /// Something is worth knowing.
    pub(super) fn note(&mut self, what: &str, text: impl Into<String>) {
        self.add(Level::Note, what, text.into(), None);
    }

    /// Something is well.
    pub(super) fn fine(&mut self, what: &str, text: impl Into<String>) {
        self.add(Level::Fine, what, text.into(), None);
    }

    fn add(&mut self, level: Level, what: &str, text: String, hint: Option<String>) {
        self.0.push(Finding { level, what: what.to_owned(), text, hint });
    }

    /// Nothing is wrong.
    pub(super) fn is_well(&self) -> bool {
        self.0.iter().all(|finding| finding.level != Level::Wrong)
    }

    /// Each on one line.
    pub(super) fn lines(&self) -> Vec<String> {
        let line = |finding: &&Finding| {
            let Finding { level, what, text, hint } = finding;
            let hint = hint.as_ref().map_or_else(String::new, |hint| format!("; hint: {hint}"));
            format!("{:5}  {what}: {text}{hint}", level.as_str())
        };
        self.sorted().iter().map(line).collect()
    }

    /// As a JSON list.
    pub(super) fn json(&self) -> Value {
        let value = |finding: &&Finding| {
            let Finding { level, what, text, hint } = finding;
            json!({ "level": level.as_str(), "what": what, "text": text, "hint": hint })
        };
        self.sorted().iter().map(value).collect()
    }

    fn sorted(&self) -> Vec<&Finding> {
        let mut findings: Vec<&Finding> = self.0.iter().collect();
        findings.sort_by_key(|finding| finding.level);
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_comes_first_and_says_what_helps() {
        let mut findings = Findings::default();
        findings.fine("a", "is there");
        findings.wrong_if(false, "b", "is old", "update it");
        assert!(findings.is_well());
        findings.error("c", &"it is gone; hint: bring it back");
        findings.wrong("d", "is broken", "mend it");
        assert!(!findings.is_well());
        assert_eq!(
            findings.lines(),
            [
                "wrong  c: it is gone; hint: bring it back",
                "wrong  d: is broken; hint: mend it",
                "note   b: is old; hint: update it",
                "fine   a: is there",
            ]
        );
        assert_eq!(findings.json()[0]["hint"], "bring it back");
    }
}
