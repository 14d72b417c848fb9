//! How something failed.

use serde::{Deserialize, Serialize};

/// What went wrong, for a program and for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureDetail {
    /// A stable word.
    pub code: String,
    /// One sentence.
    pub message: String,
}

impl FailureDetail {
    /// A failure with a code and a sentence.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }
}

/// One way to log in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthMethod {
    /// Its id.
    pub id: String,
    /// `agent`, `env_var`, `terminal`, `url`, or the runtime's own word.
    #[serde(rename = "type")]
    pub kind: String,
    /// A name for people.
    pub name: String,
    /// What it is.
    pub description: String,
}

/// How something failed: it decides what happens next (seed §9.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The native session does not exist any more.
    Stale(FailureDetail),
    /// A person has to log in.
    AuthRequired {
        /// The ways to do that.
        methods: Vec<AuthMethod>,
        /// Why, in the runtime's words; may be empty.
        message: String,
    },
    /// It may work if it is tried again.
    Retryable(FailureDetail),
    /// It will not work.
    Fatal(FailureDetail),
}

impl Failure {
    /// The failure as a code and a sentence.
    pub fn detail(&self) -> FailureDetail {
        match self {
            Self::Stale(detail) | Self::Retryable(detail) | Self::Fatal(detail) => detail.clone(),
            Self::AuthRequired { methods, message } => {
                let log_in = Self::log_in(methods.iter().map(|method| method.id.as_str()));
                if message.trim().is_empty() {
                    log_in
                } else {
                    FailureDetail { message: message.clone(), ..log_in }
                }
            }
        }
    }

    /// A runtime wants a log-in, by one of these methods.
    pub fn log_in<'m>(methods: impl Iterator<Item = &'m str>) -> FailureDetail {
        let names = methods.collect::<Vec<&str>>().join(", ");
        let names = if names.is_empty() { "it names no way".to_owned() } else { format!("ways: {names}") };
        FailureDetail::new("auth_required", format!("the runtime wants a log-in first ({names})"))
    }
}
