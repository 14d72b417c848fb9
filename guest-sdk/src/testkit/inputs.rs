//! Short ways to write what happened.

use crate::{
    Answer, Approval, Attempt, Authenticate, Binding, Blob, BlobCreated, CancelAttempt, ChunkEnd,
    CloseBinding, ClosedWhy, Content, Decision, Exit, Exited, FileError, FileOutcome, FileRead, FileResult,
    HttpBody, HttpEnd, HttpHead, HttpOutcome, Input, Limits, Op, ProcessOutput, ProvidedInput, Refused,
    Spawned, StdinClosed, StdinProgress, ToolOutcome, ToolResult, Why,
};

/// The limits that the kit starts an adapter with: those of a host with its default configuration.
pub fn limits() -> Limits {
    Limits {
        inputs_per_call: 64,
        outputs_per_call: 4096,
        call_ms: 1000,
        chunk_bytes: 64 * 1024,
        stdin_queue_bytes: 1024 * 1024,
        inline_bytes: 64 * 1024,
        processes: 4,
        timers: 64,
        requests: 16,
        blob_bytes: 64 * 1024 * 1024,
        extra: String::new(),
    }
}

/// A process runs.
pub fn spawned(op: Op) -> Input {
    Input::Spawned(Spawned { op, extra: String::new() })
}

/// A process wrote a line.
pub fn line(op: Op, text: impl AsRef<[u8]>) -> Input {
    Input::Stdout(ProcessOutput {
        op,
        data: text.as_ref().to_vec(),
        end: ChunkEnd::Newline,
        extra: String::new(),
    })
}

/// A process wrote bytes to its standard output.
pub fn stdout(op: Op, bytes: impl AsRef<[u8]>) -> Input {
    Input::Stdout(written(op, bytes.as_ref()))
}

/// A process wrote bytes to its standard error.
pub fn stderr(op: Op, bytes: impl AsRef<[u8]>) -> Input {
    Input::Stderr(written(op, bytes.as_ref()))
}

fn written(op: Op, bytes: &[u8]) -> ProcessOutput {
    ProcessOutput { op, data: bytes.to_vec(), end: ChunkEnd::Open, extra: String::new() }
}

/// The standard output of a process ended.
pub fn eof(op: Op) -> Input {
    Input::Stdout(ProcessOutput { op, data: Vec::new(), end: ChunkEnd::Eof, extra: String::new() })
}

/// A process ended with this status, after this on standard error.
pub fn exited(op: Op, code: i32, stderr_tail: &str) -> Input {
    Input::Exited(Exited {
        op,
        exit: Exit::Code(code),
        stderr_tail: stderr_tail.to_owned(),
        extra: String::new(),
    })
}

/// A process was ended by this signal.
pub fn signalled(op: Op, signal: i32) -> Input {
    Input::Exited(Exited { op, exit: Exit::Signal(signal), stderr_tail: String::new(), extra: String::new() })
}

/// A process takes no more input; nothing that was written is lost.
pub fn stdin_closed(op: Op, why: ClosedWhy) -> Input {
    Input::StdinClosed(StdinClosed { op, why, lost: 0, extra: String::new() })
}

/// A process took everything that was written to it.
pub fn stdin_taken(op: Op) -> Input {
    Input::StdinProgress(StdinProgress { op, accepted: 0, queued: 0, extra: String::new() })
}

/// An effect was not performed.
pub fn refused(op: Op, why: Why) -> Input {
    Input::Refused(Refused { op, why, extra: String::new() })
}

/// These bytes of a file of this size were read.
pub fn file_read(op: Op, bytes: impl AsRef<[u8]>, size: u32) -> Input {
    let content = Content::Bytes(bytes.as_ref().to_vec());
    file(op, FileOutcome::Read(FileRead { content, size, extra: String::new() }))
}

/// So many bytes of a file were written.
pub fn file_written(op: Op, bytes: u32) -> Input {
    file(op, FileOutcome::Written(bytes))
}

/// A file could not be read or written.
pub fn file_failed(op: Op, error: FileError) -> Input {
    file(op, FileOutcome::Failed(error))
}

fn file(op: Op, outcome: FileOutcome) -> Input {
    Input::File(FileResult { op, outcome, extra: String::new() })
}

/// An answer begins, without headers.
pub fn http_head(op: Op, status: u16) -> Input {
    http_head_with(op, status, &[])
}

/// An answer begins, with these headers.
pub fn http_head_with(op: Op, status: u16, headers: &[(&str, &str)]) -> Input {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Input::HttpHead(HttpHead { op, status, headers, extra: String::new() })
}

/// A piece of an answer.
pub fn http_body(op: Op, bytes: impl AsRef<[u8]>) -> Input {
    Input::HttpBody(HttpBody { op, data: bytes.as_ref().to_vec(), end: ChunkEnd::Open, extra: String::new() })
}

/// A request is over.
pub fn http_end(op: Op, outcome: HttpOutcome) -> Input {
    Input::HttpEnd(HttpEnd { op, outcome, extra: String::new() })
}

/// An approval was decided.
pub fn approval(request: u32, decision: Decision) -> Input {
    Input::Approval(Approval::new(request, decision))
}

/// An attempt is to be stopped.
pub fn cancel(attempt: Attempt) -> Input {
    Input::CancelAttempt(CancelAttempt { attempt, extra: String::new() })
}

/// A person answered a request for information.
pub fn provided(request: u32, answer: Answer) -> Input {
    Input::ProvidedInput(ProvidedInput { request, answer, extra: String::new() })
}

/// A person chose this way to log in.
pub fn authenticate(method: &str) -> Input {
    Input::Authenticate(Authenticate { method: method.to_owned(), extra: String::new() })
}

/// A tool of the host was called.
pub fn tool_result(op: Op, outcome: ToolOutcome) -> Input {
    Input::ToolResult(ToolResult { op, outcome, extra: String::new() })
}

/// The host keeps bytes as this blob.
pub fn blob_created(op: Op, blob: Blob, size: u32) -> Input {
    Input::BlobCreated(BlobCreated { op, blob, size, extra: String::new() })
}

/// A binding is no longer needed.
pub fn close(binding: Binding) -> Input {
    Input::CloseBinding(CloseBinding { binding, extra: String::new() })
}
