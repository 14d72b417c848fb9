//! Terminals: programs that the agent starts through this client, and what they wrote.
//!
//! ```text
//!  terminal/create -> Asked -- spawned --> Running -- exited --> Ended
//!                        \-- refused --> an error, and no terminal
//!  terminal/release, or the end of the session: killed if it runs, and gone when it has ended
//! ```

mod output;

use std::collections::BTreeMap;

use agent_client_protocol_schema::v1::{
    CreateTerminalRequest, CreateTerminalResponse, TerminalExitStatus, TerminalId, TerminalOutputResponse,
    WaitForTerminalExitResponse,
};
use omi_adapter_sdk::rpc::{INTERNAL_ERROR, INVALID_PARAMS, RpcError};
use omi_adapter_sdk::{
    Binding, CloseStdin, Exit, Exited, Kill, Millis, Op, Outputs, ProcessOutput, Spawn, Why, log,
};
use serde_json::Value;

use crate::client::{Asker, TERMINAL};
use crate::codes::REQUEST_CANCELLED;
use crate::files::refusal;
use crate::link::Link;
use crate::wording::head;

use self::output::Kept;
pub(crate) use self::output::Stream;

/// Terminals of one session that are not released: more than an agent looks after at the same time.
const SESSION_MAX: usize = 8;

/// Terminals of all sessions: with what each keeps, a quarter of the guest's memory.
const ALL_MAX: usize = 32;

/// Bytes of output that one terminal keeps: far more than a model reads.
const OUTPUT_BYTES_MAX: usize = 1024 * 1024;

/// Requests that wait for the end of one terminal: an agent needs one.
const WAITERS_MAX: usize = 16;

/// Milliseconds for each step of ending a program: it was started to be ended, and somebody waits.
const KILL_GRACE_MS: Millis = 500;

/// Characters of a terminal's name that is quoted in an answer.
const NAME_CHARS_MAX: usize = 100;

/// The terminals of all sessions, by the op of their process.
#[derive(Default)]
pub(crate) struct Terminals {
    table: BTreeMap<Op, Terminal>,
}

struct Terminal {
    binding: Binding,
    life: Life,
    kept: Kept,
    /// The ids of the agent's requests for its end.
    waiters: Vec<Value>,
    /// It was told to end.
    ending: bool,
    /// The agent needs it no longer.
    released: bool,
}

enum Life {
    /// The id of the request that created it waits for its answer.
    Asked(Value),
    Running,
    Ended(TerminalExitStatus),
}

impl Terminals {
    /// Start a program.
    pub(crate) fn create(
        &mut self,
        id: &Value,
        asker: &Asker,
        request: CreateTerminalRequest,
        link: &mut Link,
        out: &mut Outputs,
    ) -> Result<(), RpcError> {
        self.admit(asker.binding)?;
        let op = link.op();
        let mut spawn = Spawn::terminal(op, asker.scope, TERMINAL, request.command).args(request.args);
        for variable in request.env {
            spawn = spawn.env(variable.name, variable.value);
        }
        spawn.cwd = request.cwd.map(|cwd| cwd.to_string_lossy().into_owned());
        out.push(spawn);
        // The protocol has no way to write to it, and a program that reads must not wait for ever.
        out.push(CloseStdin::new(op));
        let limit = request.output_byte_limit.and_then(|bytes| usize::try_from(bytes).ok());
        let terminal = Terminal {
            binding: asker.binding,
            life: Life::Asked(id.clone()),
            kept: Kept::new(limit.unwrap_or(OUTPUT_BYTES_MAX).min(OUTPUT_BYTES_MAX)),
            waiters: Vec::new(),
            ending: false,
            released: false,
        };
        self.table.insert(op, terminal);
        Ok(())
    }

    /// What it wrote so far.
    pub(crate) fn output(
        &self,
        binding: Binding,
        id: &TerminalId,
    ) -> Result<TerminalOutputResponse, RpcError> {
        let terminal = &self.table[&self.op_of(binding, id)?];
        let response = TerminalOutputResponse::new(terminal.kept.text(), terminal.kept.is_truncated());
        Ok(match &terminal.life {
            Life::Ended(status) => response.exit_status(status.clone()),
            Life::Asked(_) | Life::Running => response,
        })
    }

    /// How it ended, or nothing if the request has to wait for that.
    pub(crate) fn wait(
        &mut self,
        binding: Binding,
        id: &TerminalId,
        request: &Value,
    ) -> Result<Option<WaitForTerminalExitResponse>, RpcError> {
        let Some(terminal) = self.table.get_mut(&self.op_of(binding, id)?) else { return Ok(None) };
        match &terminal.life {
            Life::Ended(status) => Ok(Some(WaitForTerminalExitResponse::new(status.clone()))),
            Life::Asked(_) | Life::Running if terminal.waiters.len() == WAITERS_MAX => {
                let message = format!("{WAITERS_MAX} requests wait for the end of this terminal already");
                Err(RpcError::new(INTERNAL_ERROR, message))
            }
            Life::Asked(_) | Life::Running => {
                terminal.waiters.push(request.clone());
                Ok(None)
            }
        }
    }

    /// Whether the agent waits for the end of a program of this session.
    pub(crate) fn is_waited_for(&self, binding: Binding) -> bool {
        self.table.values().any(|terminal| terminal.binding == binding && !terminal.waiters.is_empty())
    }

    /// End its program; what it wrote stays.
    pub(crate) fn kill(
        &mut self,
        binding: Binding,
        id: &TerminalId,
        out: &mut Outputs,
    ) -> Result<(), RpcError> {
        let op = self.op_of(binding, id)?;
        if let Some(terminal) = self.table.get_mut(&op) {
            terminal.end(op, KILL_GRACE_MS, out);
        }
        Ok(())
    }

    /// The agent needs it no longer.
    pub(crate) fn release(
        &mut self,
        binding: Binding,
        id: &TerminalId,
        out: &mut Outputs,
    ) -> Result<(), RpcError> {
        let op = self.op_of(binding, id)?;
        self.let_go(&[op], KILL_GRACE_MS, out);
        Ok(())
    }

    /// End every program of a session; what they wrote stays.
    pub(crate) fn kill_all(&mut self, binding: Binding, out: &mut Outputs) {
        for (op, terminal) in self.table.iter_mut().filter(|(_, terminal)| terminal.binding == binding) {
            terminal.end(*op, KILL_GRACE_MS, out);
        }
    }

    /// A session is over, and its terminals with it.
    pub(crate) fn close(&mut self, binding: Binding, out: &mut Outputs) {
        let of_session = self.table.iter().filter(|(_, terminal)| terminal.binding == binding);
        let ops: Vec<Op> = of_session.map(|(op, _)| *op).collect();
        self.let_go(&ops, KILL_GRACE_MS, out);
    }

    /// The worker is over, and every terminal with it.
    pub(crate) fn close_all(&mut self, grace_ms: Millis, out: &mut Outputs) {
        let ops: Vec<Op> = self.table.keys().copied().collect();
        self.let_go(&ops, grace_ms, out);
    }

    /// A program runs.
    pub(crate) fn spawned(&mut self, op: Op, link: &mut Link, out: &mut Outputs) {
        let Some(terminal) = self.table.get_mut(&op) else { return };
        let Life::Asked(id) = std::mem::replace(&mut terminal.life, Life::Running) else { return };
        if terminal.released {
            link.answer_error(&id, &RpcError::new(REQUEST_CANCELLED, "the session is over"), out);
        } else {
            link.answer(&id, CreateTerminalResponse::new(name(op)), out);
        }
    }

    /// A program wrote something.
    pub(crate) fn wrote(&mut self, stream: Stream, output: &ProcessOutput) {
        if let Some(terminal) = self.table.get_mut(&output.op).filter(|terminal| !terminal.released) {
            terminal.kept.push(stream, &output.data, output.end);
        }
    }

    /// A program ended: who waited for it is told.
    pub(crate) fn exited(&mut self, exited: &Exited, link: &mut Link, out: &mut Outputs) {
        let Some(terminal) = self.table.get_mut(&exited.op) else { return };
        let status = status(exited.exit);
        for id in std::mem::take(&mut terminal.waiters) {
            link.answer(&id, WaitForTerminalExitResponse::new(status.clone()), out);
        }
        terminal.kept.end();
        terminal.life = Life::Ended(status);
        if terminal.released {
            self.table.remove(&exited.op);
        }
    }

    /// The host did not do something. Says whether the op was one of these.
    pub(crate) fn refused(&mut self, op: Op, why: &Why, link: &mut Link, out: &mut Outputs) -> bool {
        match self.table.get(&op).map(|terminal| &terminal.life) {
            Some(Life::Asked(id)) => {
                link.answer_error(id, &refusal(why), out);
                self.table.remove(&op);
                true
            }
            Some(Life::Running | Life::Ended(_)) => {
                log::debug(&format!("{}: {why}", name(op)));
                true
            }
            None => false,
        }
    }

    /// The agent takes back its own request.
    pub(crate) fn withdrawn(&mut self, id: &Value, link: &mut Link, out: &mut Outputs) {
        for (op, terminal) in &mut self.table {
            if matches!(&terminal.life, Life::Asked(asked) if asked == id) {
                terminal.end(*op, 0, out);
            }
            if terminal.waiters.contains(id) {
                terminal.waiters.retain(|waiter| waiter != id);
                link.answer_error(id, &RpcError::new(REQUEST_CANCELLED, "cancelled"), out);
            }
        }
    }

    fn let_go(&mut self, ops: &[Op], grace_ms: Millis, out: &mut Outputs) {
        for op in ops {
            let Some(terminal) = self.table.get_mut(op) else { continue };
            terminal.released = true;
            terminal.kept.forget();
            terminal.end(*op, grace_ms, out);
            if matches!(terminal.life, Life::Ended(_)) {
                self.table.remove(op);
            }
        }
    }

    fn admit(&self, binding: Binding) -> Result<(), RpcError> {
        let of_session = |terminal: &&Terminal| terminal.binding == binding && !terminal.released;
        if self.table.len() < ALL_MAX && self.table.values().filter(of_session).count() < SESSION_MAX {
            return Ok(());
        }
        let most = format!("{SESSION_MAX} in a session, {ALL_MAX} in all");
        let message = format!("there are as many terminals as there may be: {most}\nhint: release some");
        Err(RpcError::new(INTERNAL_ERROR, message))
    }

    fn op_of(&self, binding: Binding, id: &TerminalId) -> Result<Op, RpcError> {
        let is_it = |op: Op, terminal: &Terminal| {
            terminal.binding == binding && !terminal.released && *name(op) == *id.0
        };
        let found = self.table.iter().find(|(op, terminal)| is_it(**op, terminal));
        found.map(|(op, _)| *op).ok_or_else(|| {
            let message = format!("the session has no terminal `{}`", head(&id.0, NAME_CHARS_MAX));
            RpcError::new(INVALID_PARAMS, message)
        })
    }
}

impl Terminal {
    fn end(&mut self, op: Op, grace_ms: Millis, out: &mut Outputs) {
        let is_over = matches!(self.life, Life::Ended(_));
        if !is_over && !std::mem::replace(&mut self.ending, true) {
            out.push(Kill::new(op, grace_ms));
        }
    }
}

/// The agent's name for a terminal.
fn name(op: Op) -> String {
    format!("terminal-{op}")
}

fn status(exit: Exit) -> TerminalExitStatus {
    let status = TerminalExitStatus::new();
    match exit {
        Exit::Code(code) => status.exit_code(u32::try_from(code).ok()),
        Exit::Signal(signal) => status.signal(signal_name(signal)),
        Exit::Unknown => status,
    }
}

/// The signals by which programs end, by the names that agents look for.
fn signal_name(signal: i32) -> String {
    let name = match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}
