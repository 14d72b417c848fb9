//! What a run needs of a model, in the product's words (seed §18.1). The configuration of a registration says which
//! model that is.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A logical model profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelProfile {
    /// Talks with the person.
    #[default]
    MainReasoner,
    /// Does delegated work.
    Worker,
    /// Decides who does what.
    Router,
    /// Checks what others did.
    Verifier,
    /// Looks at pictures.
    Vision,
    /// Makes long things short.
    Summarizer,
}

/// The model that a registration has for each profile; a profile without one leaves it to the runtime.
pub type Models = BTreeMap<ModelProfile, String>;

impl ModelProfile {
    /// Every profile.
    pub const ALL: [Self; 6] =
        [Self::MainReasoner, Self::Worker, Self::Router, Self::Verifier, Self::Vision, Self::Summarizer];

    /// The word of the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MainReasoner => "main_reasoner",
            Self::Worker => "worker",
            Self::Router => "router",
            Self::Verifier => "verifier",
            Self::Vision => "vision",
            Self::Summarizer => "summarizer",
        }
    }

    /// Reads the word of the tables.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.as_str() == text)
    }
}

impl fmt::Display for ModelProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
