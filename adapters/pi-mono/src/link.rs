//! The line to one pi: commands that wait for their answer, most with a deadline, and answers to its dialogs.

use omi_adapter_sdk::rpc::Calls;
use omi_adapter_sdk::stdin::{Stdin, StdinFull};
use omi_adapter_sdk::{Attempt, Millis, Op, Outputs, Part, SetTimer, StdinProgress};
use serde_json::{Value, json};

/// What a command was sent for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// To know the session and the model.
    State,
    /// To know whether the gate is loaded.
    Commands,
    /// To change the model before the prompt of this attempt.
    SetModel(Attempt),
    Prompt(Attempt),
    /// To know whether anything goes on in this attempt, where pi does not say so by itself.
    StillBusy(Attempt),
    ClearQueue,
    Abort(Attempt),
}

/// Numbers for effects, never used twice in a worker.
#[derive(Debug, Default)]
pub(crate) struct Ops(Op);

impl Ops {
    /// The next one.
    pub(crate) fn next(&mut self) -> Op {
        self.0 += 1;
        self.0
    }

    /// A timer.
    pub(crate) fn timer(&mut self, after_ms: Millis, out: &mut Outputs) -> Op {
        let op = self.next();
        out.push(SetTimer::new(op, after_ms));
        op
    }
}

/// A running pi, as something to write to.
pub(crate) struct Link {
    pub(crate) process: Op,
    stdin: Stdin,
    calls: Calls<Call>,
    /// pi does not read: what was to be written is lost, and the link with it.
    pub(crate) broken: Option<StdinFull>,
}

impl Link {
    /// The line to the process with this op.
    pub(crate) fn new(process: Op, stdin_queue_bytes: u32) -> Self {
        Self { process, stdin: Stdin::new(process, stdin_queue_bytes), calls: Calls::new(), broken: None }
    }

    /// Send a command without arguments, to be answered in time.
    pub(crate) fn ask(
        &mut self,
        call: Call,
        command: &str,
        timeout_ms: Millis,
        ops: &mut Ops,
        out: &mut Outputs,
    ) {
        self.command(call, json!({"type": command}), timeout_ms, ops, out);
    }

    /// Send a command, to be answered in time.
    pub(crate) fn command(
        &mut self,
        call: Call,
        mut command: Value,
        timeout_ms: Millis,
        ops: &mut Ops,
        out: &mut Outputs,
    ) {
        let id = self.calls.next_id();
        command["id"] = id.to_string().into();
        let deadline = ops.timer(timeout_ms, out);
        self.calls.wait(id, call, Some(deadline));
        let written = self.stdin.write(format!("{command}\n").into_bytes(), out);
        self.note(written);
    }

    /// A number for a command whose line is made elsewhere.
    pub(crate) fn next_id(&mut self) -> u64 {
        self.calls.next_id()
    }

    /// Send a command whose line was made elsewhere. It may take as long as it takes.
    pub(crate) fn command_with_parts(
        &mut self,
        id: u64,
        call: Call,
        parts: Vec<Part>,
        blob_bytes: usize,
        out: &mut Outputs,
    ) {
        self.calls.wait(id, call, None);
        let written = self.stdin.write_parts(parts, blob_bytes, out);
        self.note(written);
    }

    /// Answer a dialog with these members.
    pub(crate) fn answer_dialog(&mut self, id: &str, mut members: Value, out: &mut Outputs) {
        members["type"] = "extension_ui_response".into();
        members["id"] = id.into();
        let written = self.stdin.write(format!("{members}\n").into_bytes(), out);
        self.note(written);
    }

    /// What a `response` answers. pi gives the id back as it came.
    pub(crate) fn answered(&mut self, response: &Value, out: &mut Outputs) -> Option<Call> {
        let id = response["id"].as_str()?.parse().ok()?;
        self.calls.answered(id, out)
    }

    /// The command whose time is over, if the timer is one of a command. Its answer will be ignored.
    pub(crate) fn expired(&mut self, timer: Op) -> Option<Call> {
        self.calls.expired(timer)
    }

    /// The host said how far writing has come.
    pub(crate) fn progress(&mut self, progress: &StdinProgress, out: &mut Outputs) {
        self.stdin.progress(progress, out);
    }

    fn note(&mut self, written: Result<(), StdinFull>) {
        if let Err(full) = written {
            self.broken = Some(full);
        }
    }
}
