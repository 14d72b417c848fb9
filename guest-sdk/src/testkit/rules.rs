//! The rules of the contract that can be checked from outside, kept for one worker.

use std::collections::BTreeSet;

use crate::{Attempt, Input, Op, Output};

/// What this worker has used and finished so far.
#[derive(Default)]
pub(super) struct Rules {
    started: bool,
    /// `ready` was sent, and no `authenticate` came since.
    ready: bool,
    ops: BTreeSet<Op>,
    requests: BTreeSet<u32>,
    processes: BTreeSet<Op>,
    running: BTreeSet<Attempt>,
    cancelling: BTreeSet<Attempt>,
}

impl Rules {
    pub(super) fn told(&mut self, input: &Input) {
        self.started |= matches!(input, Input::Start(_));
        assert!(self.started, "the test's mistake: `start` comes before {input:?}");
        match input {
            Input::Authenticate(_) => self.ready = false,
            Input::ExecuteAttempt(execute) => {
                self.running.insert(execute.attempt);
            }
            Input::CancelAttempt(cancel) => {
                self.cancelling.insert(cancel.attempt);
            }
            _ => {}
        }
    }

    pub(super) fn asked(&mut self, output: &Output) {
        match output {
            Output::Ready(_) => {
                assert!(!self.ready, "`ready` is sent once after `start` and once after each `authenticate`");
                self.ready = true;
            }
            Output::AttemptEvent(event) => self.must_run(event.attempt, output),
            Output::AttemptFinished(finished) => {
                self.must_run(finished.attempt, output);
                self.running.remove(&finished.attempt);
            }
            Output::CancelAnswer(answer) => assert!(
                self.cancelling.remove(&answer.attempt),
                "one `cancel-answer` for each `cancel-attempt`: {output:?}"
            ),
            Output::RequestApproval(request) => {
                self.must_run(request.attempt, output);
                self.fresh_request(request.request);
            }
            Output::RequestInput(request) => {
                self.must_run(request.attempt, output);
                self.fresh_request(request.request);
            }
            Output::WithdrawRequest(withdraw) => assert!(
                self.requests.contains(&withdraw.request),
                "only a request that was made can be withdrawn: {output:?}"
            ),
            Output::Spawn(spawn) => {
                self.fresh_op(spawn.op);
                self.processes.insert(spawn.op);
            }
            Output::WriteStdin(write) => self.must_be_process(write.process, output),
            Output::CloseStdin(close) => self.must_be_process(close.process, output),
            Output::Kill(kill) => self.must_be_process(kill.process, output),
            Output::SetTimer(timer) => self.fresh_op(timer.op),
            Output::CallTool(call) => self.fresh_op(call.op),
            Output::ReadFile(read) => self.fresh_op(read.op),
            Output::WriteFile(write) => self.fresh_op(write.op),
            Output::HttpRequest(request) => self.fresh_op(request.op),
            Output::CreateBlob(create) => self.fresh_op(create.op),
            Output::AuthRequired(_)
            | Output::Fault(_)
            | Output::BindingOpened(_)
            | Output::BindingFailed(_)
            | Output::ClearTimer(_)
            | Output::HttpAbort(_)
            | Output::DropBlob(_)
            | Output::Extension(_) => {}
        }
    }

    fn fresh_op(&mut self, op: Op) {
        assert!(self.ops.insert(op), "op {op} is used twice within the worker");
    }

    fn fresh_request(&mut self, request: u32) {
        assert!(self.requests.insert(request), "request {request} is used twice within the worker");
    }

    fn must_run(&self, attempt: Attempt, output: &Output) {
        assert!(self.running.contains(&attempt), "attempt {attempt} is not running: {output:?}");
    }

    fn must_be_process(&self, process: Op, output: &Output) {
        assert!(self.processes.contains(&process), "{process} is not a process: {output:?}");
    }
}
