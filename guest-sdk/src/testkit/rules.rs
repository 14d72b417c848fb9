//! The rules of the contract that can be checked from outside, kept for one worker.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Attempt, Descriptor, Input, Op, Output};

/// What this worker has used and finished so far.
#[derive(Default)]
pub(super) struct Rules {
    /// The names of the grants that `describe` lists.
    grants: BTreeSet<String>,
    started: bool,
    /// `ready` was sent, and no `authenticate` came since.
    ready: bool,
    ops: BTreeSet<Op>,
    requests: BTreeSet<u32>,
    processes: BTreeSet<Op>,
    /// Operations on files that have no answer yet.
    files: BTreeSet<Op>,
    requests_sent: BTreeMap<Op, Transfer>,
    running: BTreeSet<Attempt>,
    cancelling: BTreeSet<Attempt>,
}

/// How far an HTTP request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transfer {
    Asked,
    /// Its head was given.
    Begun,
    Over,
}

impl Rules {
    pub(super) fn new(descriptor: Descriptor) -> Self {
        let grants = descriptor.grants.into_iter().map(|grant| grant.name).collect();
        Self { grants, ..Self::default() }
    }

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
            Input::File(result) => {
                assert!(self.files.remove(&result.op), "the test's mistake: no file waits for {input:?}");
            }
            Input::HttpHead(head) => self.transfer(head.op, &[Transfer::Asked], Transfer::Begun, input),
            Input::HttpBody(body) => self.transfer(body.op, &[Transfer::Begun], Transfer::Begun, input),
            Input::HttpEnd(end) => {
                self.transfer(end.op, &[Transfer::Asked, Transfer::Begun], Transfer::Over, input);
            }
            Input::Refused(refused) => {
                self.files.remove(&refused.op);
                if self.requests_sent.contains_key(&refused.op) {
                    self.transfer(refused.op, &[Transfer::Asked], Transfer::Over, input);
                }
            }
            _ => {}
        }
    }

    /// An effect ends once, and nothing is said about it after its end.
    fn transfer(&mut self, op: Op, from: &[Transfer], to: Transfer, input: &Input) {
        let state = self.requests_sent.get_mut(&op);
        let Some(state) = state.filter(|state| from.contains(state)) else {
            panic!("the test's mistake: no request waits for {input:?}");
        };
        *state = to;
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
                self.declared(&spawn.grant, output);
                self.processes.insert(spawn.op);
            }
            Output::WriteStdin(write) => self.must_be_process(write.process, output),
            Output::CloseStdin(close) => self.must_be_process(close.process, output),
            Output::Kill(kill) => self.must_be_process(kill.process, output),
            Output::SetTimer(timer) => self.fresh_op(timer.op),
            Output::CallTool(call) => self.fresh_op(call.op),
            Output::ReadFile(read) => self.file(read.op, &read.grant, output),
            Output::WriteFile(write) => self.file(write.op, &write.grant, output),
            Output::HttpRequest(request) => {
                self.fresh_op(request.op);
                self.declared(&request.grant, output);
                self.requests_sent.insert(request.op, Transfer::Asked);
            }
            Output::HttpAbort(op) => {
                assert!(self.requests_sent.contains_key(op), "{op} is not a request: {output:?}");
            }
            Output::CreateBlob(create) => self.fresh_op(create.op),
            Output::AuthRequired(_)
            | Output::Fault(_)
            | Output::BindingOpened(_)
            | Output::BindingFailed(_)
            | Output::ClearTimer(_)
            | Output::DropBlob(_)
            | Output::Extension(_) => {}
        }
    }

    fn fresh_op(&mut self, op: Op) {
        assert!(self.ops.insert(op), "op {op} is used twice within the worker");
    }

    fn file(&mut self, op: Op, grant: &str, output: &Output) {
        self.fresh_op(op);
        self.declared(grant, output);
        self.files.insert(op);
    }

    fn declared(&self, grant: &str, output: &Output) {
        assert!(self.grants.contains(grant), "`describe` lists no grant `{grant}`: {output:?}");
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
