//! Writes what an adapter is told.

use std::collections::BTreeMap;

use omi_kernel::command::{
    Answer, BindingSettings, Execute, InputAnswer, McpServer, McpTransport, RunMode, StopReason,
};

use serde_json::json;

use super::Input as WitInput;
use super::wit::{activity, effects, session};
use crate::files::FileError;
use crate::framing::ChunkEnd;
use crate::input::{
    Block, Chunk, ClosedWhy, Content, Exit, FileOutcome, HttpOutcome, Input, Past, Start, Why,
};
use crate::limits;

/// Nothing to add.
const NO_EXTRA: String = String::new();

/// An input in the terms of the contract.
pub(crate) fn write_input(input: Input) -> WitInput {
    let extra = NO_EXTRA;
    match input {
        Input::Start(begin) => WitInput::Start(start(begin)),
        Input::Stop { reason, grace_ms } => {
            WitInput::Stop(session::Stop { reason: stop_reason(reason), grace_ms, extra })
        }
        Input::Authenticate { method } => WitInput::Authenticate(session::Authenticate { method, extra }),
        Input::OpenBinding { binding, session, settings: asked, history } => {
            let (omi_session, settings) = (session.into(), settings(*asked, history));
            WitInput::OpenBinding(session::OpenBinding { binding, omi_session, settings, extra })
        }
        Input::ResumeBinding { binding, session, native_id, settings: asked, history } => {
            WitInput::ResumeBinding(session::ResumeBinding {
                binding,
                omi_session: session.into(),
                native_id: native_id.0,
                settings: settings(*asked, history),
                extra,
            })
        }
        Input::CloseBinding { binding } => WitInput::CloseBinding(session::CloseBinding { binding, extra }),
        Input::Execute { attempt, binding, execute: asked, prompt } => {
            WitInput::ExecuteAttempt(execute(attempt, binding, asked, prompt))
        }
        Input::Cancel { attempt } => WitInput::CancelAttempt(session::CancelAttempt { attempt, extra }),
        Input::Approval { request, answer } => {
            WitInput::Approval(activity::Approval { request, decision: decision(answer), extra })
        }
        Input::Provided { request, answer: said } => {
            WitInput::ProvidedInput(activity::ProvidedInput { request, answer: answer(said), extra })
        }
        Input::ToolFailed { op, error } => {
            let detail = session::FailureDetail { code: error.code, message: error.message, extra: NO_EXTRA };
            WitInput::ToolResult(activity::ToolResult {
                op,
                outcome: activity::ToolOutcome::Failed(detail),
                extra,
            })
        }
        Input::Spawned { op } => WitInput::Spawned(effects::Spawned { op, extra }),
        Input::SpawnFailed { op, why } => {
            WitInput::Refused(effects::Refused { op, why: effects::Why::Failed(why), extra })
        }
        Input::Stdout(piece) => WitInput::Stdout(chunk(piece)),
        Input::Stderr(piece) => WitInput::Stderr(chunk(piece)),
        Input::StdinProgress { op, accepted, queued } => {
            WitInput::StdinProgress(effects::StdinProgress { op, accepted, queued, extra })
        }
        Input::StdinClosed { op, why, lost } => {
            WitInput::StdinClosed(effects::StdinClosed { op, why: closed_why(why), lost, extra })
        }
        Input::Exited { op, exit: how, stderr_tail } => {
            WitInput::Exited(effects::Exited { op, exit: exit(how), stderr_tail, extra })
        }
        Input::Timer { op } => WitInput::Timer(op),
        Input::BlobCreated { op, blob, bytes } => {
            WitInput::BlobCreated(effects::BlobCreated { op, blob, size: bytes, extra })
        }
        Input::File { op, outcome } => WitInput::File(file_result(op, outcome)),
        Input::HttpHead { op, status, headers } => {
            WitInput::HttpHead(effects::HttpHead { op, status, headers, extra })
        }
        Input::HttpBody(piece) => {
            let effects::ProcessOutput { op, data, end, extra } = chunk(piece);
            WitInput::HttpBody(effects::HttpBody { op, data, end, extra })
        }
        Input::HttpEnd { op, outcome } => {
            WitInput::HttpEnd(effects::HttpEnd { op, outcome: http_outcome(outcome), extra })
        }
        Input::Refused { op, why: reason } => {
            WitInput::Refused(effects::Refused { op, why: why(reason), extra })
        }
    }
}

fn start(start: Start) -> session::Start {
    let Start { registration, config, grants, origins, seed, limits: of_worker } = start;
    let extra = if origins.is_empty() { NO_EXTRA } else { json!({ "origins": origins }).to_string() };
    session::Start {
        registration,
        config,
        host_version: env!("CARGO_PKG_VERSION").to_owned(),
        host_extensions: Vec::new(),
        grants,
        limits: session::Limits {
            inputs_per_call: limits::INPUTS_PER_CALL,
            outputs_per_call: limits::OUTPUTS_PER_CALL,
            call_ms: of_worker.call_ms,
            chunk_bytes: limits::CHUNK_BYTES,
            stdin_queue_bytes: of_worker.stdin_queue_bytes,
            inline_bytes: limits::INLINE_BYTES,
            processes: of_worker.processes,
            timers: limits::TIMERS,
            requests: limits::REQUESTS,
            blob_bytes: of_worker.blob_bytes,
            extra: NO_EXTRA,
        },
        seed,
        extra,
    }
}

fn stop_reason(reason: StopReason) -> session::StopReason {
    match reason {
        StopReason::Idle => session::StopReason::Idle,
        StopReason::Shutdown => session::StopReason::Shutdown,
        StopReason::Recycle => session::StopReason::Recycle,
    }
}

fn settings(settings: BindingSettings, history: Vec<Past>) -> session::BindingSettings {
    session::BindingSettings {
        cwd: settings.cwd,
        model: settings.model,
        system_prompt: settings.system_prompt,
        mcp_servers: settings.mcp_servers.into_iter().map(mcp_server).collect(),
        history: history.into_iter().map(past_run).collect(),
        history_left_out: settings.history.left_out,
        extra: NO_EXTRA,
    }
}

fn past_run(past: Past) -> session::PastRun {
    session::PastRun {
        omi_run: past.run.into(),
        prompt: past.prompt.into_iter().map(block).collect(),
        answer: past.answer,
        status: past.status.as_str().to_owned(),
        extra: NO_EXTRA,
    }
}

fn block(block: Block) -> session::PromptBlock {
    match block {
        Block::Text(text) => session::PromptBlock::Text(text),
        Block::Image { mime_type, blob: data, bytes: size } => {
            session::PromptBlock::Image(session::Media { mime_type, data, size, extra: NO_EXTRA })
        }
    }
}

fn mcp_server(server: McpServer) -> session::McpServer {
    let remote = |url, headers: BTreeMap<String, String>| session::McpRemote {
        url,
        headers: headers.into_iter().collect(),
        extra: NO_EXTRA,
    };
    let transport = match server.transport {
        McpTransport::Stdio { command, args, env } => {
            let env = env.into_iter().collect();
            session::McpTransport::Stdio(session::McpStdio { command, args, env, extra: NO_EXTRA })
        }
        McpTransport::Http { url, headers } => session::McpTransport::Http(remote(url, headers)),
        McpTransport::Sse { url, headers } => session::McpTransport::Sse(remote(url, headers)),
    };
    session::McpServer { name: server.name, transport, extra: NO_EXTRA }
}

fn execute(attempt: u32, binding: u32, execute: Execute, prompt: Vec<Block>) -> session::ExecuteAttempt {
    session::ExecuteAttempt {
        attempt,
        binding,
        omi_session: execute.session.into(),
        omi_run: execute.run.into(),
        omi_attempt: execute.attempt.into(),
        number: execute.number,
        prompt: prompt.into_iter().map(block).collect(),
        mode: match execute.mode {
            RunMode::Ask => session::RunMode::Ask,
            RunMode::Act => session::RunMode::Act,
        },
        model: execute.model,
        tools: Vec::new(),
        extra: NO_EXTRA,
    }
}

fn decision(answer: Answer) -> activity::Decision {
    match answer {
        Answer::Selected { option_id } => activity::Decision::Selected(option_id),
        Answer::Rejected { reason } => activity::Decision::Rejected(reason),
        Answer::Cancelled => activity::Decision::Cancelled,
        Answer::Expired => activity::Decision::Expired,
    }
}

fn answer(answer: InputAnswer) -> activity::Answer {
    match answer {
        InputAnswer::Provided { value } => activity::Answer::Provided(value.to_string()),
        InputAnswer::Declined => activity::Answer::Declined,
        InputAnswer::Cancelled => activity::Answer::Cancelled,
        InputAnswer::Expired => activity::Answer::Expired,
    }
}

fn chunk(chunk: Chunk) -> effects::ProcessOutput {
    let Chunk { op, data, end, dropped } = chunk;
    let end = match end {
        ChunkEnd::Open => effects::ChunkEnd::Open,
        ChunkEnd::Newline => effects::ChunkEnd::Newline,
        ChunkEnd::Split => effects::ChunkEnd::Split,
        ChunkEnd::Eof => effects::ChunkEnd::Eof,
    };
    let extra = if dropped == 0 { NO_EXTRA } else { format!("{{\"dropped-bytes\":{dropped}}}") };
    effects::ProcessOutput { op, data, end, extra }
}

fn file_result(op: u32, outcome: FileOutcome) -> effects::FileResult {
    let outcome = match outcome {
        FileOutcome::Read { content, size } => effects::FileOutcome::Read(effects::FileRead {
            content: match content {
                Content::Bytes(bytes) => effects::Content::Bytes(bytes),
                Content::Blob(blob) => effects::Content::Blob(blob),
            },
            size: saturate(size),
            extra: NO_EXTRA,
        }),
        FileOutcome::Written(bytes) => effects::FileOutcome::Written(saturate(bytes)),
        FileOutcome::Failed(error) => effects::FileOutcome::Failed(match error {
            FileError::NotFound => effects::FileError::NotFound,
            FileError::Exists => effects::FileError::Exists,
            FileError::NotAFile => effects::FileError::NotAFile,
            FileError::Outside => effects::FileError::Outside,
            FileError::TooLarge { .. } => effects::FileError::TooLarge,
            FileError::Io(text) => effects::FileError::Io(text),
        }),
    };
    effects::FileResult { op, outcome, extra: NO_EXTRA }
}

fn http_outcome(outcome: HttpOutcome) -> effects::HttpOutcome {
    match outcome {
        HttpOutcome::Complete => effects::HttpOutcome::Complete,
        HttpOutcome::Aborted => effects::HttpOutcome::Aborted,
        HttpOutcome::TimedOut => effects::HttpOutcome::TimedOut,
        HttpOutcome::Failed(text) => effects::HttpOutcome::Failed(text),
    }
}

/// There is no larger number in the contract.
fn saturate(bytes: u64) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

fn closed_why(why: ClosedWhy) -> effects::ClosedWhy {
    match why {
        ClosedWhy::Requested => effects::ClosedWhy::Requested,
        ClosedWhy::BrokenPipe => effects::ClosedWhy::BrokenPipe,
        ClosedWhy::Exited => effects::ClosedWhy::Exited,
    }
}

fn exit(exit: Exit) -> effects::Exit {
    match exit {
        Exit::Code(code) => effects::Exit::Code(code),
        Exit::Signal(signal) => effects::Exit::Signal(signal),
        Exit::Unknown => effects::Exit::Unknown,
    }
}

fn why(why: Why) -> effects::Why {
    match why {
        Why::Denied(text) => effects::Why::Denied(text),
        Why::Limit(text) => effects::Why::Limit(text),
        Why::WouldBlock => effects::Why::WouldBlock,
        Why::Unknown(text) => effects::Why::Unknown(text),
        Why::Expired => effects::Why::Expired,
        Why::Cancelled => effects::Why::Cancelled,
        Why::Failed(text) => effects::Why::Failed(text),
        Why::Other(text) => effects::Why::Other(text),
    }
}
