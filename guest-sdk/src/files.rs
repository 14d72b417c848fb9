//! Files as a session sees them: read one, write one, wait for the answer.

use std::task::{Poll, Waker};

use crate::session::{Host, Shared};
use crate::{FileError, FileOutcome, FileRead, Input, Op, Output, ReadFile, Why, WriteFile};

/// Why a file was not read or written.
#[derive(Clone, Debug, PartialEq)]
pub enum FileFailure {
    /// It was not allowed, or not possible to try.
    Refused(Why),
    /// It was tried.
    Failed(FileError),
}

impl std::fmt::Display for FileFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(why) => why.fmt(f),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FileFailure {}

/// What is known about an operation on a file.
pub(crate) enum FileState {
    Waiting(Option<Waker>),
    Done(Result<FileOutcome, Why>),
    /// Nobody waits any more.
    Dropped,
}

impl Host {
    /// Read a file, whole or in part.
    ///
    /// ```
    /// use omi_adapter_sdk::{Attempt, Content, FileFailure, Host, ReadFile, Scope};
    ///
    /// async fn notes(host: &Host, attempt: Attempt) -> Result<Vec<u8>, FileFailure> {
    ///     let read = ReadFile::new(host.op(), Scope::Attempt(attempt), "workspace", "notes.md").range(0, 65_536);
    ///     match host.read_file(read).await?.content {
    ///         Content::Bytes(bytes) => Ok(bytes),
    ///         // What is too large to travel inline: it can be handed on, to a prompt or a request.
    ///         Content::Blob(blob) => Ok(format!("[blob {blob}]").into_bytes()),
    ///     }
    /// }
    /// ```
    pub async fn read_file(&self, read: ReadFile) -> Result<FileRead, FileFailure> {
        match self.file(read.op, read.into()).await? {
            FileOutcome::Read(read) => Ok(read),
            FileOutcome::Failed(error) => Err(FileFailure::Failed(error)),
            FileOutcome::Written(_) => Err(FileFailure::Failed(FileError::Other(CROSSED.to_owned()))),
        }
    }

    /// Write a file; the bytes that were written.
    ///
    /// ```
    /// use omi_adapter_sdk::{Attempt, FileFailure, Host, Scope, WriteFile, WriteMode};
    ///
    /// async fn note(host: &Host, attempt: Attempt, line: &str) -> Result<u32, FileFailure> {
    ///     let scope = Scope::Attempt(attempt);
    ///     let write = WriteFile::new(host.op(), scope, "workspace", "notes.md", line).mode(WriteMode::Append);
    ///     host.write_file(write).await
    /// }
    /// ```
    pub async fn write_file(&self, write: WriteFile) -> Result<u32, FileFailure> {
        match self.file(write.op, write.into()).await? {
            FileOutcome::Written(bytes) => Ok(bytes),
            FileOutcome::Failed(error) => Err(FileFailure::Failed(error)),
            FileOutcome::Read(_) => Err(FileFailure::Failed(FileError::Other(CROSSED.to_owned()))),
        }
    }

    async fn file(&self, op: Op, output: Output) -> Result<FileOutcome, FileFailure> {
        self.shared.borrow_mut().files.insert(op, FileState::Waiting(None));
        self.send(output);
        let wait = FileWait { host: self.clone(), op };
        wait.done().await.map_err(FileFailure::Refused)
    }
}

/// A read that is answered as a write, or the other way round: a mistake of the host.
const CROSSED: &str = "the host answered something else";

/// An operation that is waited for; what is dropped is still answered, and its answer forgotten.
struct FileWait {
    host: Host,
    op: Op,
}

impl FileWait {
    async fn done(&self) -> Result<FileOutcome, Why> {
        std::future::poll_fn(|context| {
            let mut shared = self.host.shared.borrow_mut();
            match shared.files.remove(&self.op) {
                Some(FileState::Done(outcome)) => Poll::Ready(outcome),
                Some(FileState::Waiting(_) | FileState::Dropped) | None => {
                    shared.files.insert(self.op, FileState::Waiting(Some(context.waker().clone())));
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl Drop for FileWait {
    fn drop(&mut self) {
        let mut shared = self.host.shared.borrow_mut();
        match shared.files.get_mut(&self.op) {
            Some(state @ FileState::Waiting(_)) => *state = FileState::Dropped,
            Some(FileState::Done(_)) => {
                shared.files.remove(&self.op);
            }
            Some(FileState::Dropped) | None => {}
        }
    }
}

impl Shared {
    /// Give an input to the operation on a file that it is about; give it back if there is none.
    pub(crate) fn deliver_to_file(&mut self, input: Input) -> Option<Input> {
        let (op, outcome) = match input {
            Input::File(result) if self.files.contains_key(&result.op) => (result.op, Ok(result.outcome)),
            Input::Refused(refused) if self.files.contains_key(&refused.op) => (refused.op, Err(refused.why)),
            other => return Some(other),
        };
        if let Some(FileState::Waiting(waker)) = self.files.remove(&op) {
            self.files.insert(op, FileState::Done(outcome));
            waker.into_iter().for_each(Waker::wake);
        }
        None
    }
}
