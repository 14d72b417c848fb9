//! What a person may be asked about: the grants that `describe` lists, and the effects that use them.

use crate::{
    Capability, FileError, Framing, GrantRequest, HttpOutcome, HttpRequest, Op, Part, ReadFile, Scope, Spawn,
    WriteFile, WriteMode,
};

impl GrantRequest {
    /// Ask to start the program that the registration names.
    pub fn process(name: &str, reason: &str) -> Self {
        Self::new(name, Capability::Process, "spawn", "*", reason)
    }

    /// Ask to start programs of the runtime's choice in the granted folder.
    pub fn terminal(name: &str, reason: &str) -> Self {
        Self::new(name, Capability::Terminal, "spawn", "*", reason)
    }

    /// Ask to read and to write the files below the granted folder whose path fits the pattern: `*`, `src/**`.
    pub fn files(name: &str, pattern: &str, reason: &str) -> Self {
        Self::new(name, Capability::Files, "*", pattern, reason)
    }

    /// Ask to send requests that fit the pattern, a method and a path, to the granted origin: `POST /v1/*`.
    pub fn http(name: &str, pattern: &str, reason: &str) -> Self {
        Self::new(name, Capability::Http, "request", pattern, reason)
    }

    /// The adapter works without it: `start.grants` says whether it is there.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    fn new(name: &str, capability: Capability, operation: &str, pattern: &str, reason: &str) -> Self {
        Self {
            name: name.to_owned(),
            capability,
            operation: operation.to_owned(),
            pattern: pattern.to_owned(),
            reason: reason.to_owned(),
            optional: false,
            extra: String::new(),
        }
    }
}

impl Spawn {
    /// Start the program of a `process` grant for the whole worker, with its output cut into lines.
    pub fn lines(op: Op, grant: impl Into<String>) -> Self {
        Self {
            op,
            scope: Scope::Worker,
            grant: grant.into(),
            command: None,
            args: Vec::new(),
            env: Vec::new(),
            cwd: None,
            stdout: Framing::Lines(0),
            extra: String::new(),
        }
    }

    /// Start a program of the runtime's choice under a `terminal` grant, with its output as it comes.
    ///
    /// ```
    /// use omi_adapter_sdk::{Scope, Spawn};
    ///
    /// let test = Spawn::terminal(7, Scope::Attempt(1), "shell", "cargo").args(["test"]).env("CI", "1").cwd("host");
    /// assert_eq!(test.command.as_deref(), Some("cargo"));
    /// ```
    pub fn terminal(op: Op, scope: Scope, grant: impl Into<String>, command: impl Into<String>) -> Self {
        let command = Some(command.into());
        Self { scope, command, stdout: Framing::Bytes, ..Self::lines(op, grant) }
    }

    /// Arguments, after those of the registration.
    #[must_use]
    pub fn args<T: Into<String>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// A variable of its environment; only under a `terminal` grant.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Where it starts, below the granted folder.
    #[must_use]
    pub fn cwd(mut self, cwd: impl Into<String>) -> Self {
        self.cwd = Some(cwd.into());
        self
    }
}

impl ReadFile {
    /// Read a whole file. A session reads it with [`Host::read_file`](crate::Host::read_file).
    pub fn new(op: Op, scope: Scope, grant: impl Into<String>, path: impl Into<String>) -> Self {
        let (grant, path) = (grant.into(), path.into());
        Self { op, scope, grant, path, offset: 0, max: 0, extra: String::new() }
    }

    /// Skip `offset` bytes, and read at most `max`.
    #[must_use]
    pub fn range(mut self, offset: u32, max: u32) -> Self {
        (self.offset, self.max) = (offset, max);
        self
    }
}

impl WriteFile {
    /// Write these bytes, in place of a file that is there. A session writes it with
    /// [`Host::write_file`](crate::Host::write_file).
    pub fn new(
        op: Op,
        scope: Scope,
        grant: impl Into<String>,
        path: impl Into<String>,
        bytes: impl Into<Vec<u8>>,
    ) -> Self {
        let (grant, path) = (grant.into(), path.into());
        let content = vec![Part::Bytes(bytes.into())];
        Self { op, scope, grant, path, content, mode: WriteMode::Replace, extra: String::new() }
    }

    /// What becomes of a file that is there.
    #[must_use]
    pub fn mode(mut self, mode: WriteMode) -> Self {
        self.mode = mode;
        self
    }
}

impl HttpRequest {
    /// A request without headers and body, whose answer comes as it arrives. A session sends it with
    /// [`Host::request`](crate::Host::request).
    pub fn new(
        op: Op,
        scope: Scope,
        grant: impl Into<String>,
        method: impl Into<String>,
        path: impl Into<String>,
    ) -> Self {
        Self {
            op,
            scope,
            grant: grant.into(),
            method: method.into(),
            path: path.into(),
            headers: Vec::new(),
            body: Vec::new(),
            framing: Framing::Bytes,
            extra: String::new(),
        }
    }

    /// A header. The host adds the credentials.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// More of the body.
    #[must_use]
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.body.push(Part::Bytes(bytes.into()));
        self
    }

    /// Have the body of the answer cut into lines, as a stream of events is.
    #[must_use]
    pub fn lines(mut self) -> Self {
        self.framing = Framing::Lines(0);
        self
    }
}

impl std::fmt::Display for FileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotFound => f.write_str("there is no such file"),
            Self::Exists => f.write_str("it exists already"),
            Self::NotAFile => f.write_str("it is not a regular file"),
            Self::Outside => f.write_str("it is outside the granted folder"),
            Self::TooLarge => f.write_str("it is too large"),
            Self::Io(text) | Self::Other(text) => f.write_str(text),
        }
    }
}

impl std::fmt::Display for HttpOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Complete => f.write_str("the answer is complete"),
            Self::Aborted => f.write_str("the request was given up"),
            Self::TimedOut => f.write_str("the answer took too long"),
            Self::Failed(text) | Self::Other(text) => f.write_str(text),
        }
    }
}
