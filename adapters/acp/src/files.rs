//! Files that the agent reads and writes through this client, until the host has answered.

use std::collections::BTreeMap;

use agent_client_protocol_schema::v1::{ReadTextFileResponse, WriteTextFileResponse};
use omi_adapter_sdk::rpc::{INTERNAL_ERROR, INVALID_PARAMS, RpcError};
use omi_adapter_sdk::{
    Content, FileError, FileOutcome, FileRead, FileResult, Op, Output, Outputs, ReadFile, Scope, Why,
    WriteFile,
};
use serde_json::{Value, json};

use crate::client::WORKSPACE;
use crate::codes::{NOT_FOUND, REQUEST_CANCELLED};
use crate::json::value;
use crate::link::Link;
use crate::window::Window;

/// Requests for files that wait for their answers: agents read a few files side by side.
const OPEN_MAX: usize = 64;
/// Bytes of one read: nearly every text in one, because each is decided about and recorded.
const PIECE_BYTES: u32 = 1024 * 1024;

/// Bytes of text of all files that are being read: JSON may need six bytes for one, and 32 MiB may wait to be written.
const TEXT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The requests for files that wait.
pub(crate) struct Files {
    /// Bytes that are read at once: what is longer comes as a blob, which cannot be looked into.
    open: BTreeMap<Op, Request>,
}

struct Request {
    /// The id of the agent's request, as it came.
    id: Value,
    path: String,
    kind: Kind,
}

enum Kind {
    Read { scope: Scope, window: Window, offset: u32 },
    Write,
}

/// What an answer of the host means for a request.
enum Step {
    /// There is more of the file to read, from this place on.
    More(u32),
    Done(Value),
}

impl Files {
    /// None is read or written yet.
    pub(crate) fn new() -> Self {
        Self { open: BTreeMap::new() }
    }

    /// Read the lines that the window wants.
    pub(crate) fn read(
        &mut self,
        id: &Value,
        scope: Scope,
        path: String,
        window: Window,
        link: &mut Link,
        out: &mut Outputs,
    ) -> Result<(), RpcError> {
        self.admit()?;
        let kind = Kind::Read { scope, window, offset: 0 };
        self.read_on(Request { id: id.clone(), path, kind }, link, out);
        Ok(())
    }

    /// Write a text in place of what is there.
    pub(crate) fn write(
        &mut self,
        id: &Value,
        scope: Scope,
        path: String,
        content: String,
        link: &mut Link,
        out: &mut Outputs,
    ) -> Result<(), RpcError> {
        self.admit()?;
        let op = link.op();
        out.push(WriteFile::new(op, scope, WORKSPACE, path.clone(), content));
        self.open.insert(op, Request { id: id.clone(), path, kind: Kind::Write });
        Ok(())
    }

    /// The host read or wrote something.
    pub(crate) fn answered(&mut self, result: FileResult, link: &mut Link, out: &mut Outputs) {
        let Some(mut request) = self.open.remove(&result.op) else { return };
        let held: usize = self.open.values().map(Request::bytes).sum();
        match request.step(result.outcome, held, out) {
            Ok(Step::More(next)) => {
                if let Kind::Read { offset, .. } = &mut request.kind {
                    *offset = next;
                }
                self.read_on(request, link, out);
            }
            Ok(Step::Done(answer)) => link.answer(&request.id, answer, out),
            Err(error) => link.answer_error(&request.id, &error, out),
        }
    }

    /// The host did not do it. Says whether the op was one of these.
    pub(crate) fn refused(&mut self, op: Op, why: &Why, link: &mut Link, out: &mut Outputs) -> bool {
        let Some(request) = self.open.remove(&op) else { return false };
        link.answer_error(&request.id, &refusal(why), out);
        true
    }

    fn admit(&self) -> Result<(), RpcError> {
        if self.open.len() < OPEN_MAX {
            return Ok(());
        }
        let message = format!("{OPEN_MAX} requests for files are open already\nhint: wait for their answers");
        Err(RpcError::new(INTERNAL_ERROR, message))
    }

    fn read_on(&mut self, request: Request, link: &mut Link, out: &mut Outputs) {
        let Kind::Read { scope, offset, .. } = &request.kind else { return };
        let op = link.op();
        let read = ReadFile::new(op, *scope, WORKSPACE, request.path.clone());
        out.push(read.range(*offset, PIECE_BYTES));
        self.open.insert(op, request);
    }
}

impl Request {
    /// Bytes that are kept for it.
    fn bytes(&self) -> usize {
        match &self.kind {
            Kind::Read { window, .. } => window.bytes(),
            Kind::Write => 0,
        }
    }

    fn step(&mut self, outcome: FileOutcome, held: usize, out: &mut Outputs) -> Result<Step, RpcError> {
        match (outcome, &mut self.kind) {
            (FileOutcome::Read(read), Kind::Read { window, offset, .. }) => {
                piece(&self.path, read, window, *offset, held, out)
            }
            (FileOutcome::Written(_), Kind::Write) => Ok(Step::Done(value(&WriteTextFileResponse::new()))),
            (FileOutcome::Failed(error), _) => Err(failure(&self.path, &error)),
            (FileOutcome::Read(_), Kind::Write) | (FileOutcome::Written(_), Kind::Read { .. }) => Err(
                RpcError::new(INTERNAL_ERROR, format!("`{}`: the host answered something else", self.path)),
            ),
        }
    }
}

/// Take a piece of a file.
fn piece(
    path: &str,
    read: FileRead,
    window: &mut Window,
    offset: u32,
    held: usize,
    out: &mut Outputs,
) -> Result<Step, RpcError> {
    let bytes = match read.content {
        Content::Bytes(bytes) => bytes,
        Content::Blob(blob) => {
            out.push(Output::DropBlob(blob));
            return Err(RpcError::new(
                INTERNAL_ERROR,
                format!("`{path}`: the host gave more than was asked for"),
            ));
        }
    };
    window.push(&bytes);
    if held + window.bytes() > TEXT_BYTES_MAX {
        let hint = "hint: read it in parts, with `line` and `limit`";
        let message = format!("`{path}`: more than {TEXT_BYTES_MAX} bytes of text are asked for\n{hint}");
        return Err(RpcError::new(INTERNAL_ERROR, message));
    }
    let next = offset.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    if !window.is_full() && !bytes.is_empty() && next < read.size {
        return Ok(Step::More(next));
    }
    let whole = std::mem::replace(window, Window::new(None, None));
    let text = whole
        .text()
        .ok_or_else(|| RpcError::new(INVALID_PARAMS, format!("`{path}` is not a text: it is not UTF-8")))?;
    Ok(Step::Done(value(&ReadTextFileResponse::new(text))))
}

/// Why the host did not do what the agent asked for, as an error of the protocol.
pub(crate) fn refusal(why: &Why) -> RpcError {
    let code = match why {
        Why::Cancelled => REQUEST_CANCELLED,
        // The protocol has no code for what is not allowed.
        Why::Denied(_)
        | Why::Limit(_)
        | Why::WouldBlock
        | Why::Unknown(_)
        | Why::Expired
        | Why::Failed(_)
        | Why::Other(_) => INTERNAL_ERROR,
    };
    RpcError::new(code, why.to_string())
}

fn failure(path: &str, error: &FileError) -> RpcError {
    let code = match error {
        FileError::NotFound => NOT_FOUND,
        FileError::NotAFile | FileError::Outside => INVALID_PARAMS,
        FileError::Exists | FileError::TooLarge | FileError::Io(_) | FileError::Other(_) => INTERNAL_ERROR,
    };
    let data = if code == NOT_FOUND { json!({"uri": path}) } else { Value::Null };
    RpcError { data, ..RpcError::new(code, format!("`{path}`: {error}")) }
}
