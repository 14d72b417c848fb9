//! Effects: each has an op of its own and a declared grant, and names what the worker started.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Input, Op, Output};

pub(super) struct Effects {
    /// The names of the grants that `describe` lists.
    grants: BTreeSet<String>,
    ops: BTreeSet<Op>,
    processes: BTreeSet<Op>,
    timers: BTreeSet<Op>,
    /// Operations on files that have no answer yet.
    files: BTreeSet<Op>,
    requests: BTreeMap<Op, Transfer>,
}

/// How far an HTTP request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transfer {
    Asked,
    /// Its head was given.
    Begun,
    Over,
}

impl Effects {
    pub(super) fn new(grants: impl Iterator<Item = String>) -> Self {
        Self {
            grants: grants.collect(),
            ops: BTreeSet::new(),
            processes: BTreeSet::new(),
            timers: BTreeSet::new(),
            files: BTreeSet::new(),
            requests: BTreeMap::new(),
        }
    }

    pub(super) fn told(&mut self, input: &Input) {
        match input {
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
                if self.requests.contains_key(&refused.op) {
                    self.transfer(refused.op, &[Transfer::Asked], Transfer::Over, input);
                }
            }
            _ => {}
        }
    }

    /// An effect ends once, and nothing is said about it after its end.
    fn transfer(&mut self, op: Op, from: &[Transfer], to: Transfer, input: &Input) {
        let state = self.requests.get_mut(&op);
        let Some(state) = state.filter(|state| from.contains(state)) else {
            panic!("the test's mistake: no request waits for {input:?}");
        };
        *state = to;
    }

    pub(super) fn asked(&mut self, output: &Output) {
        match output {
            Output::Spawn(spawn) => {
                self.begins(spawn.op, &spawn.grant, output);
                self.processes.insert(spawn.op);
            }
            Output::WriteStdin(write) => self.must_be_process(write.process, output),
            Output::CloseStdin(close) => self.must_be_process(close.process, output),
            Output::Kill(kill) => self.must_be_process(kill.process, output),
            Output::SetTimer(timer) => {
                self.fresh_op(timer.op);
                self.timers.insert(timer.op);
            }
            Output::ClearTimer(op) => {
                assert!(self.timers.contains(op), "{op} is not a timer: {output:?}");
            }
            Output::ReadFile(read) => {
                self.begins(read.op, &read.grant, output);
                self.files.insert(read.op);
            }
            Output::WriteFile(write) => {
                self.begins(write.op, &write.grant, output);
                self.files.insert(write.op);
            }
            Output::HttpRequest(request) => {
                self.begins(request.op, &request.grant, output);
                self.requests.insert(request.op, Transfer::Asked);
            }
            Output::HttpAbort(op) => {
                assert!(self.requests.contains_key(op), "{op} is not a request: {output:?}");
            }
            Output::CallTool(call) => self.fresh_op(call.op),
            Output::CreateBlob(create) => self.fresh_op(create.op),
            _ => {}
        }
    }

    fn begins(&mut self, op: Op, grant: &str, output: &Output) {
        self.fresh_op(op);
        assert!(self.grants.contains(grant), "`describe` lists no grant `{grant}`: {output:?}");
    }

    fn fresh_op(&mut self, op: Op) {
        assert!(self.ops.insert(op), "op {op} is used twice within the worker");
    }

    fn must_be_process(&self, process: Op, output: &Output) {
        assert!(self.processes.contains(&process), "{process} is not a process: {output:?}");
    }
}
