//! On whose behalf a tool is called (SPEC §1.16). Nothing that a caller says about itself counts beside it.

use std::path::Path;

use omi_kernel::command::RunMode;
use omi_kernel::id::{OwnerId, RunId, SessionId};
use omi_store::{ExecutingAttempt, Reader, RunView, SessionView, StoreError};

use super::ToolError;
use crate::client::Answered;
use crate::surface::Surface;

/// The client of runs that a tool makes, where the caller has no name of its own (SPEC §6).
pub(crate) const CLIENT: &str = "omi-control-tools";

/// Which door a call came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// A message of the wire.
    Jsonl,
    /// An MCP client of a person, over standard input and output.
    Mcp,
    /// An MCP client of a person, over HTTP.
    Http,
    /// An agent, through its shim.
    Shim,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Somebody who acts for the owner, perhaps about a run of theirs.
    Owner {
        /// The run whose request it is.
        run: Option<RunId>,
    },
    /// An agent while it executes this attempt: it acts as that and nothing else.
    Agent(ExecutingAttempt),
}

/// On whose behalf a tool is called.
#[derive(Clone)]
pub(crate) struct ControlContext {
    /// The way to the driver and the record, of one owner.
    pub(crate) surface: Surface,
    /// The client and its request: they name what the call makes, so that the same call again makes nothing new. None:
    /// each call is a request of its own.
    pub(crate) request: Option<(String, String)>,
    /// Who calls.
    pub(crate) caller: Caller,
    /// Which door it came through.
    pub(crate) source: Source,
}

impl ControlContext {
    /// A call of somebody who acts for the owner of a surface.
    pub(crate) fn of_owner(surface: Surface, source: Source) -> Self {
        Self { surface, request: None, caller: Caller::Owner { run: None }, source }
    }

    /// A call of an agent, for the owner of what it executes.
    pub(crate) fn of_agent(surface: &Surface, attempt: ExecutingAttempt) -> Self {
        let surface = surface.of(attempt.owner_id.clone());
        Self { surface, request: None, caller: Caller::Agent(attempt), source: Source::Shim }
    }

    pub(super) fn owner(&self) -> OwnerId {
        self.surface.owner.clone()
    }

    /// Asks the record something.
    pub(super) fn ask<T>(&self, read: impl FnOnce(&Reader) -> Result<T, StoreError>) -> Result<T, ToolError> {
        Ok(self.surface.ask(read)?)
    }

    /// An owner that the input names is only a guard.
    pub(crate) fn guard(&self, named: Option<&str>) -> Result<(), ToolError> {
        match named {
            Some(named) if named != self.surface.owner.as_str() => {
                let why = "`ownerId` is not the owner that this call is for; hint: leave it out";
                Err(ToolError::new("owner_mismatch", why))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The attempt of the agent that calls, if it is one.
    pub(crate) fn agent(&self) -> Option<&ExecutingAttempt> {
        match &self.caller {
            Caller::Agent(attempt) => Some(attempt),
            Caller::Owner { .. } => None,
        }
    }

    /// The client and request of a run that the call makes. An agent's are its run's own, whatever it names: nobody
    /// else's request is met by it.
    pub(super) fn names(
        &self,
        client: Option<String>,
        request: Option<String>,
    ) -> Result<(String, String), ToolError> {
        if client.as_ref().is_some_and(String::is_empty) || request.as_ref().is_some_and(String::is_empty) {
            return Err(ToolError::invalid("`clientId` and `requestId` are not empty; hint: leave them out"));
        }
        let fresh = || uuid::Uuid::new_v4().to_string();
        if let Some(agent) = self.agent() {
            if client.is_some() {
                let why = "`clientId` is not for an agent to say; hint: leave it out, `requestId` is enough";
                return Err(ToolError::invalid(why));
            }
            return Ok((CLIENT.to_owned(), format!("{}/{}", agent.run_id, request.unwrap_or_else(fresh))));
        }
        let (own_client, own_request) = self.request.clone().unzip();
        Ok((
            client.or(own_client).unwrap_or_else(|| CLIENT.to_owned()),
            request.or(own_request).unwrap_or_else(fresh),
        ))
    }

    /// What a new run may do: an agent that may only answer has nobody act for it.
    pub(super) fn mode(&self, asked: Option<RunMode>) -> Result<RunMode, ToolError> {
        // What is asked for on behalf of others only answers, unless it is told that it may act (SPEC §6).
        let mode = asked.unwrap_or(RunMode::Ask);
        match self.agent().map(|agent| agent.mode) {
            Some(RunMode::Ask) if mode == RunMode::Act => {
                let why = "a run that may only answer (`ask`) cannot have another one act (`act`)";
                Err(ToolError::new("mode_not_allowed", why))
            }
            Some(RunMode::Ask | RunMode::Act) | None => Ok(mode),
        }
    }

    /// A session of the owner.
    pub(super) fn session(&self, id: &SessionId) -> Result<SessionView, ToolError> {
        let found = self.ask(|reader| reader.session(Some(&self.surface.owner), id))?;
        found.ok_or_else(|| ToolError::not_found("session", id.as_str()))
    }

    /// A run of the owner.
    pub(super) fn run(&self, id: &RunId) -> Result<RunView, ToolError> {
        let found = self.ask(|reader| reader.run(Some(&self.surface.owner), id))?;
        found.ok_or_else(|| ToolError::not_found("run", id.as_str()))
    }
}

/// A working folder that is named without doubt.
pub(super) fn absolute(cwd: Option<&str>) -> Result<(), ToolError> {
    match cwd.filter(|cwd| !Path::new(cwd).is_absolute()) {
        Some(cwd) => Err(ToolError::invalid(format!("`cwd` must be absolute, not `{cwd}`"))),
        None => Ok(()),
    }
}

/// An answer of the kernel that does not belong to what it was asked.
pub(super) fn unexpected(answered: &Answered) -> ToolError {
    ToolError::new(super::error::FAILED, format!("an answer to something else: {answered:?}"))
}
