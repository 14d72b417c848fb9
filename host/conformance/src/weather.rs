//! What goes wrong around an adapter in a case.

use omi_engine::limits as host;
use serde_json::{Value, json};

use crate::told::Limits;

/// How the played host behaves, where it may behave in more than one way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Weather {
    /// Output comes in pieces of at most so many bytes.
    pub(crate) pieces: Option<usize>,
    /// Each process first says this, which is no text and means nothing.
    pub(crate) noise: Vec<&'static [u8]>,
    /// A process takes its input late, and its queue has room for so many bytes.
    pub(crate) stdin_room: Option<usize>,
    /// For now, it takes nothing.
    pub(crate) stdin_stuck: bool,
    /// Effects of a kind are refused, for this reason.
    pub(crate) refuses: Option<(Effect, Refusal)>,
    /// The runtime is gone (the process exits, the connection breaks) instead of doing its step with this number.
    pub(crate) gone_at: Option<usize>,
    /// What is asked of a person is denied.
    pub(crate) denies: bool,
    /// What is asked of a person stays open.
    pub(crate) silent_person: bool,
    /// So many inputs may come in one call.
    pub(crate) inputs: Option<usize>,
    /// Inputs carry unknown members in `extra`.
    pub(crate) extra: bool,
}

impl Weather {
    /// What `start` says of it.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            inputs: self.inputs.unwrap_or(host::INPUTS_PER_CALL as usize),
            chunk_bytes: self.pieces.unwrap_or(host::CHUNK_BYTES as usize),
            stdin_bytes: self.stdin_room.unwrap_or(host::STDIN_QUEUE_BYTES as usize),
        }
    }
}

/// A kind of effect that can be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Spawn,
    File,
    Request,
    Timer,
    Blob,
}

impl Effect {
    /// Every kind.
    pub(crate) const ALL: [Self; 5] = [Self::Spawn, Self::File, Self::Request, Self::Timer, Self::Blob];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Spawn => "spawn",
            Self::File => "file",
            Self::Request => "request",
            Self::Timer => "timer",
            Self::Blob => "blob",
        }
    }
}

/// Why an effect is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Denied,
    Failed,
    Expired,
}

impl Refusal {
    pub(crate) fn why(self) -> Value {
        match self {
            Self::Denied => json!({ "denied": "nobody allows it" }),
            Self::Failed => json!({ "failed": "no such file or directory" }),
            Self::Expired => json!("expired"),
        }
    }
}
