//! Reads what an adapter asks for.

use super::Output as WitOutput;
use super::activity::{event, request_approval, request_input};
use super::description::{fidelity, short};
use super::session::{auth_methods, failure, outcome, usage};
use super::wit::effects as wit;
use crate::blobs::Blobs;
use crate::files::WriteMode;
use crate::framing::Framing;
use crate::limits;
use crate::output::{HttpRequest, Output, Part, ReadFile, Scope, Spawn, WriteFile};

/// An output in the engine's terms. `blobs` has what payloads may refer to.
pub(crate) fn read_output(output: WitOutput, blobs: &Blobs) -> Output {
    match output {
        WitOutput::Ready(ready) => Output::Ready { runtime: short(ready.runtime) },
        WitOutput::AuthRequired(auth) => {
            Output::AuthRequired { methods: auth_methods(auth.methods), message: short(auth.message) }
        }
        WitOutput::Fault(fault) => Output::Fault(failure(fault.failure)),
        WitOutput::BindingOpened(opened) => Output::BindingOpened {
            binding: opened.binding,
            native_id: opened.native_id,
            fidelity: fidelity(opened.fidelity),
            model: opened.model.map(short),
        },
        WitOutput::BindingFailed(failed) => {
            Output::BindingFailed { binding: failed.binding, failure: failure(failed.failure) }
        }
        WitOutput::AttemptEvent(happened) => {
            let (activities, broken) = event(happened.event, blobs);
            Output::Activities { attempt: happened.attempt, activities, broken }
        }
        WitOutput::AttemptFinished(finished) => Output::AttemptFinished {
            attempt: finished.attempt,
            outcome: outcome(finished.outcome),
            usage: finished.usage.as_ref().map(usage),
        },
        WitOutput::CancelAnswer(answer) => Output::CancelAnswer {
            attempt: answer.attempt,
            dispatched: answer.dispatched,
            acknowledged: answer.acknowledged,
            message: answer.message.map(short),
        },
        WitOutput::RequestApproval(request) => Output::RequestApproval(request_approval(request)),
        WitOutput::RequestInput(request) => Output::RequestInput(request_input(request)),
        WitOutput::WithdrawRequest(withdraw) => Output::WithdrawRequest { request: withdraw.request },
        WitOutput::CallTool(call) => {
            Output::CallTool { op: call.op, attempt: call.attempt, name: short(call.name) }
        }
        WitOutput::Spawn(asked) => Output::Spawn(spawn(asked)),
        WitOutput::WriteStdin(write) => {
            Output::WriteStdin { process: write.process, parts: parts(write.parts) }
        }
        WitOutput::CloseStdin(close) => Output::CloseStdin { process: close.process },
        WitOutput::Kill(kill) => Output::Kill { process: kill.process, grace_ms: kill.grace_ms },
        WitOutput::SetTimer(timer) => {
            Output::SetTimer { op: timer.op, scope: scope(timer.scope), after_ms: timer.after_ms }
        }
        WitOutput::ClearTimer(op) => Output::ClearTimer { op },
        WitOutput::ReadFile(read) => Output::ReadFile(read_file(read)),
        WitOutput::WriteFile(write) => write_file(write),
        WitOutput::HttpRequest(request) => http_request(request),
        WitOutput::HttpAbort(op) => Output::HttpAbort { op },
        WitOutput::CreateBlob(create) => {
            Output::CreateBlob { op: create.op, scope: scope(create.scope), parts: parts(create.content) }
        }
        WitOutput::DropBlob(blob) => Output::DropBlob { blob },
        WitOutput::Extension(extension) => Output::Extension { name: short(extension.name) },
    }
}

fn spawn(spawn: wit::Spawn) -> Spawn {
    Spawn {
        op: spawn.op,
        scope: scope(spawn.scope),
        grant: short(spawn.grant),
        command: spawn.command,
        args: spawn.args,
        env: spawn.env,
        cwd: spawn.cwd,
        stdout: framing(spawn.stdout),
    }
}

fn read_file(read: wit::ReadFile) -> ReadFile {
    ReadFile {
        op: read.op,
        scope: scope(read.scope),
        grant: short(read.grant),
        path: read.path,
        offset: read.offset.into(),
        max: (read.max > 0).then_some(read.max.into()),
    }
}

fn write_file(write: wit::WriteFile) -> Output {
    let mode = match write.mode {
        wit::WriteMode::Replace => WriteMode::Replace,
        wit::WriteMode::CreateNew => WriteMode::CreateNew,
        wit::WriteMode::Append => WriteMode::Append,
    };
    let (op, scope, grant) = (write.op, scope(write.scope), short(write.grant));
    let parts = parts(write.content);
    Output::WriteFile { write: WriteFile { op, scope, grant, path: write.path, mode }, parts }
}

fn http_request(request: wit::HttpRequest) -> Output {
    let parts = parts(request.body);
    let request = HttpRequest {
        op: request.op,
        scope: scope(request.scope),
        grant: short(request.grant),
        method: request.method,
        path: request.path,
        headers: request.headers,
        framing: framing(request.framing),
    };
    Output::HttpRequest { request, parts }
}

fn framing(framing: wit::Framing) -> Framing {
    match framing {
        wit::Framing::Bytes => Framing::Bytes,
        wit::Framing::Lines(cap) => Framing::Lines(line_cap(cap)),
    }
}

/// The most bytes of one piece of a line: what was asked for, as far as it may be.
fn line_cap(asked: u32) -> usize {
    match asked {
        0 => limits::CHUNK_BYTES as usize,
        asked => asked.min(limits::CHUNK_BYTES) as usize,
    }
}

fn scope(scope: wit::Scope) -> Scope {
    match scope {
        wit::Scope::Worker => Scope::Worker,
        wit::Scope::Binding(binding) => Scope::Binding(binding),
        wit::Scope::Attempt(attempt) => Scope::Attempt(attempt),
    }
}

fn parts(parts: Vec<wit::Part>) -> Vec<Part> {
    let part = |part| match part {
        wit::Part::Bytes(bytes) => Part::Bytes(bytes),
        wit::Part::BlobRaw(blob) => Part::Blob(blob),
        wit::Part::BlobBase64(blob) => Part::BlobAsBase64(blob),
    };
    parts.into_iter().map(part).collect()
}
