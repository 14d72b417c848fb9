//! Whose a request is, and in which version of the protocol it is answered.

/// A version of the wire protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Version {
    /// What clients spoke before there were canonical sessions: no message to them says whose it is (seed §13.6).
    V1,
    /// What is spoken.
    V2,
}

/// Whose a request is: what its answers carry. Everything that is remembered about requests is keyed by it, so that
/// two clients may use the same name for a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Address {
    /// How it is answered. A client of v2 that calls itself what clients of v1 are called here is still another one.
    pub(crate) version: Version,
    /// The client.
    pub(crate) client: String,
    /// That client's request.
    pub(crate) request: String,
}

impl Address {
    /// A request of a client that speaks v2.
    pub(crate) fn v2(client: impl Into<String>, request: impl Into<String>) -> Self {
        Self { version: Version::V2, client: client.into(), request: request.into() }
    }
}
