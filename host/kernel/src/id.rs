//! Identifiers: one type for each kind, so that no two can be confused (seed §7).
//!
//! An identifier is a prefix and the 32 hexadecimal digits of a UUIDv4: `ses_6ba7…`. Order comes from event
//! cursors and timestamps, never from comparing identifiers.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text that is not an identifier of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}: it must be `{prefix}` and 32 hexadecimal digits")]
pub struct InvalidId {
    /// What was given, cut to 64 characters.
    pub text: String,
    /// What it should have been, with its article.
    pub what: &'static str,
    /// The prefix of that kind.
    pub prefix: &'static str,
}

/// Where identifiers come from: 128 random bits at a time. The kernel has no randomness of its own.
pub struct Ids<'a>(&'a mut dyn FnMut() -> u128);

impl<'a> Ids<'a> {
    /// Identifiers made of what `source` gives.
    pub fn new(source: &'a mut dyn FnMut() -> u128) -> Self {
        Self(source)
    }

    fn next(&mut self) -> u128 {
        (self.0)()
    }
}

/// A prefix and 32 hexadecimal digits. A decision makes several of these: it is written without formatting.
fn text(prefix: &str, bits: u128) -> String {
    let mut text = String::with_capacity(prefix.len() + 32);
    text.push_str(prefix);
    for byte in bits.to_be_bytes() {
        let digits = [byte >> 4, byte & 0xf].map(|digit| char::from_digit(digit.into(), 16));
        text.extend(digits.into_iter().flatten());
    }
    text
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// What an identifier of this kind begins with.
            pub const PREFIX: &'static str = $prefix;

            /// A new identifier.
            pub fn new(ids: &mut Ids<'_>) -> Self {
                Self(text($prefix, ids.next()))
            }

            /// Reads an identifier.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                let digits = text.strip_prefix($prefix).unwrap_or_default();
                let is_hex = digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                if digits.len() == 32 && is_hex {
                    Ok(Self(text.to_owned()))
                } else {
                    let text = text.chars().take(64).collect();
                    Err(InvalidId { text, what: $what, prefix: $prefix })
                }
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

identifier!(
    /// A session: a conversation or piece of work that outlives every runtime.
    SessionId, "ses_", "a session id"
);
identifier!(
    /// A run: one accepted prompt.
    RunId, "run_", "a run id"
);
identifier!(
    /// An attempt: one execution of a run by one worker.
    AttemptId, "att_", "an attempt id"
);
identifier!(
    /// An event.
    EventId, "evt_", "an event id"
);
identifier!(
    /// A binding: one generation of the tie between a session and a runtime-native session.
    BindingId, "bind_", "a binding id"
);
identifier!(
    /// A grant.
    GrantId, "grant_", "a grant id"
);
identifier!(
    /// An artifact.
    ArtifactId, "art_", "an artifact id"
);
identifier!(
    /// A delegation.
    DelegationId, "del_", "a delegation id"
);
identifier!(
    /// A worker: one running component instance. Process-local; stored as `adapter_instance_id`.
    WorkerId, "wrk_", "a worker id"
);

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

name!(
    /// The name of a registration (`claude`, `hermes`): the `adapter_id` of the tables.
    AdapterId
);
name!(
    /// Who owns a session. Nobody sees what another owner has.
    OwnerId
);
name!(
    /// A client of the daemon: with a request id it names a request.
    ClientId
);
name!(
    /// A request of a client.
    RequestId
);
name!(
    /// A runtime's own name for a session: opaque, never an Omi id (seed §2).
    NativeSessionId
);

/// The place of a durable event in the order of all events: `events.event_seq`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub i64);

/// Milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// Whether a text has the form of one of Omi's own identifiers. Some runtimes use the same prefixes.
pub fn is_omi_id(text: &str) -> bool {
    SessionId::parse(text).is_ok()
        || RunId::parse(text).is_ok()
        || AttemptId::parse(text).is_ok()
        || BindingId::parse(text).is_ok()
        || EventId::parse(text).is_ok()
        || GrantId::parse(text).is_ok()
        || WorkerId::parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_a_prefix_and_32_digits() {
        let id = SessionId::new(&mut Ids::new(&mut || 0xabc));
        assert_eq!(id.as_str(), "ses_00000000000000000000000000000abc");
        assert_eq!(SessionId::parse(id.as_str()), Ok(id));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "ses_", "run_00000000000000000000000000000abc", "ses_0000000000000000000000000000000G"]
        {
            assert!(SessionId::parse(text).is_err(), "{text}");
        }
    }
}
