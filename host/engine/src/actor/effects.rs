//! What an adapter asks of the host. Each effect is checked (its number, its scope, the gate) and then performed, or
//! refused with the reason.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Actor;
use crate::environment::environment;
use crate::input::{Input, Op, Why};
use crate::output::{Part, Scope, Spawn, Unperformed};
use crate::process::{Launch, Process};
use crate::stdin::{NotQueued, Piece, Stdin};

/// Milliseconds of a step of ending a process at most: an adapter cannot keep one alive longer.
const GRACE_MS_MAX: u32 = 60_000;

impl Actor {
    pub(super) fn spawn(&mut self, spawn: Spawn) {
        let op = spawn.op;
        match self.launch(spawn) {
            Ok(launch) => self.start_process(launch),
            Err(why) => self.refuse(op, why),
        }
    }

    pub(super) fn write_stdin(&mut self, process: Op, parts: &[Part]) {
        let why = match self.common.processes.stdin(process) {
            None => Some(no_process(process)),
            Some(stdin) => match self.pieces(parts) {
                Err(why) => Some(why),
                Ok(pieces) => stdin.write(pieces).err().map(|why| self.not_queued(why)),
            },
        };
        if let Some(why) = why {
            self.refuse(process, why);
        }
    }

    pub(super) fn close_stdin(&mut self, process: Op) {
        match self.common.processes.stdin(process) {
            Some(stdin) => stdin.close(),
            None => self.refuse(process, no_process(process)),
        }
    }

    pub(super) fn kill(&mut self, process: Op, grace_ms: u32) {
        let grace = Duration::from_millis(grace_ms.min(GRACE_MS_MAX).into());
        // One that is not there may just have ended: its `exited` is on its way.
        self.common.processes.end(process, grace);
    }

    pub(super) fn set_timer(&mut self, op: Op, scope: Scope, after_ms: u32) {
        let set = self.check(op, scope).and_then(|()| {
            let at_ms = self.now_ms().saturating_add(after_ms);
            let set = self.timers.set(op, scope, at_ms);
            if set { Ok(()) } else { Err(Why::Limit("as many timers are set as there may be".to_owned())) }
        });
        if let Err(why) = set {
            self.refuse(op, why);
        }
    }

    pub(super) fn create_blob(&mut self, op: Op, scope: Scope, parts: &[Part]) {
        let created = self.check(op, scope).and_then(|()| self.pieces(parts)).and_then(|pieces| {
            let bytes = joined(pieces);
            let length = u32::try_from(bytes.len()).map_err(|error| Why::Limit(error.to_string()))?;
            let blob = self.blobs.keep(scope, bytes).map_err(|full| Why::Limit(full.to_string()))?;
            Ok(Input::BlobCreated { op, blob, bytes: length })
        });
        match created {
            Ok(input) => self.tell(input),
            Err(why) => self.refuse(op, why),
        }
    }

    pub(super) fn unperformed(&mut self, effect: &Unperformed) {
        let why = match self.check(effect.op, effect.scope) {
            Ok(()) => self.gate.unperformed(&effect.grant, effect.kind),
            Err(why) => why,
        };
        self.refuse(effect.op, why);
    }

    /// Checks what every effect has: a fresh number, and a scope that this worker holds.
    fn check(&mut self, op: Op, scope: Scope) -> Result<(), Why> {
        if !self.holdings.claim_op(op) {
            return Err(Why::Unknown(format!("the op {op} was used before")));
        }
        if !self.holdings.holds(scope) {
            return Err(Why::Unknown(format!("this worker does not hold {}", describe(scope))));
        }
        Ok(())
    }

    fn launch(&mut self, spawn: Spawn) -> Result<Launch, Why> {
        self.check(spawn.op, spawn.scope)?;
        let bound = self.gate.spawn(&spawn.grant)?;
        if self.stopping {
            return Err(Why::Other("the worker is stopping".to_owned()));
        }
        if self.common.processes.count() >= self.runtime.limits.processes as usize {
            let max = self.runtime.limits.processes;
            return Err(Why::Limit(format!("{max} processes run already")));
        }
        if spawn.command.is_some() || !spawn.env.is_empty() {
            let text = "a program or variables of the adapter's choice need a `terminal` grant";
            return Err(Why::Denied(text.to_owned()));
        }
        let argv: Vec<String> = bound.argv.iter().cloned().chain(spawn.args).collect();
        if argv.first().is_none_or(String::is_empty) || argv.iter().any(|arg| arg.contains('\0')) {
            return Err(Why::Failed("the command is empty or has a zero byte in it".to_owned()));
        }
        let folder = bound.cwd.as_ref().unwrap_or(&self.spec.cwd);
        let env = environment(bound, std::env::vars_os());
        let hint = format!(
            "hint: install it, or name another `command` in `[registrations.{}.grants.{}]`",
            self.spec.registration.name, spawn.grant
        );
        let cwd = folder_below(folder, spawn.cwd.as_deref())?;
        Ok(Launch { op: spawn.op, argv, env, cwd, framing: spawn.stdout, hint })
    }

    fn start_process(&self, launch: Launch) {
        let op = launch.op;
        let stdin = Stdin::new(op, self.runtime.limits.stdin_queue_bytes);
        let inbox = std::sync::Arc::clone(&self.common.inbox);
        let (supervisor, tokio) = (&self.runtime.supervisor, &self.runtime.tokio);
        self.common.processes.add(op, || Process::start(launch, stdin, supervisor, inbox, tokio));
    }

    fn pieces(&self, parts: &[Part]) -> Result<Vec<Piece>, Why> {
        let blob = |blob: u32| {
            self.blobs.get(blob).ok_or_else(|| Why::Unknown(format!("this worker has no blob {blob}")))
        };
        let piece = |part: &Part| match part {
            Part::Bytes(bytes) => Ok(Piece::Bytes(bytes.clone())),
            Part::Blob(number) => blob(*number).map(Piece::Blob),
            Part::BlobAsBase64(number) => blob(*number).map(Piece::BlobAsBase64),
        };
        parts.iter().map(piece).collect()
    }

    fn not_queued(&self, why: NotQueued) -> Why {
        match why {
            NotQueued::WouldBlock => Why::WouldBlock,
            NotQueued::TooLarge => {
                let max = self.runtime.limits.stdin_queue_bytes;
                Why::Limit(format!("one write has {max} bytes at most; hint: put the bytes into a blob"))
            }
            NotQueued::Closed => Why::Failed("the process takes no more input".to_owned()),
        }
    }
}

fn no_process(op: Op) -> Why {
    Why::Unknown(format!("this worker has no process {op}"))
}

fn describe(scope: Scope) -> String {
    match scope {
        Scope::Worker => "itself".to_owned(),
        Scope::Binding(number) => format!("a binding {number}"),
        Scope::Attempt(number) => format!("an attempt {number}"),
    }
}

fn joined(pieces: Vec<Piece>) -> Vec<u8> {
    let mut joined = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Bytes(bytes) => joined.extend(bytes),
            Piece::Blob(bytes) => joined.extend_from_slice(&bytes),
            Piece::BlobAsBase64(bytes) => joined.extend(STANDARD.encode(&bytes).into_bytes()),
        }
    }
    joined
}

/// The folder a process starts in: the granted one, or one below it. Symlinks are followed before it is judged.
fn folder_below(granted: &Path, asked: Option<&str>) -> Result<PathBuf, Why> {
    let real = |path: &Path| {
        let real = path
            .canonicalize()
            .map_err(|error| format!("cannot use the folder `{}`: {error}", path.display()));
        real.and_then(|real| {
            if real.is_dir() { Ok(real) } else { Err(format!("`{}` is not a folder", path.display())) }
        })
    };
    let granted = real(granted).map_err(Why::Failed)?;
    let Some(asked) = asked else { return Ok(granted) };
    let outside = || Why::Denied(format!("the folder `{asked}` is not below the granted one"));
    if Path::new(asked).components().any(|part| part == Component::ParentDir) {
        return Err(outside());
    }
    let folder = real(&granted.join(asked)).map_err(Why::Failed)?;
    if folder.starts_with(&granted) { Ok(folder) } else { Err(outside()) }
}
