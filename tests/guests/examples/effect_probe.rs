//! Does with files, programs and servers what the prompt says, line by line, and says what came of each.
//!
//! `read GRANT PATH` · `write GRANT PATH TEXT` · `get GRANT PATH` · `post GRANT PATH TEXT` · `start GRANT` (a program) ·
//! `run GRANT PROGRAM ARGS…` (in a terminal) · `say TEXT`. A line waits for the end of the one before it. With `worker`
//! before it, a line is done on behalf of the worker.

use std::collections::VecDeque;

use omi_adapter_sdk::{
    Adapter, Attempt, Capability, Content, Descriptor, FileOutcome, Framing, GrantRequest, HttpRequest,
    Input, Millis, Outputs, Part, ReadFile, Scope, Spawn, WriteFile,
};
use omi_test_guests::{anything, asking, finish, get, polite, read, say, text, write};

/// The guest.
#[derive(Default)]
pub struct Guest {
    attempt: Attempt,
    lines: VecDeque<String>,
    /// The line that is being done, and what was heard of it.
    doing: String,
    heard: Vec<u8>,
    op: u32,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        let grants = vec![
            GrantRequest::process("agent", "Runs what answers."),
            anything("shell", Capability::Terminal),
            anything("workspace", Capability::Files),
            anything("remote", Capability::Http),
        ];
        asking("effect-probe", grants)
    }

    fn new() -> Self {
        Self::default()
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        match polite(input, out) {
            Some(Input::ExecuteAttempt(execute)) => {
                self.attempt = execute.attempt;
                self.lines = text(&execute.prompt).lines().map(str::to_owned).collect();
                self.go_on(out);
            }
            Some(Input::Spawned(_)) => say(self.attempt, format!("{}: started", self.doing), out),
            Some(Input::Stdout(output) | Input::Stderr(output)) => self.heard.extend(output.data),
            Some(Input::HttpHead(head)) => self.heard.extend(format!("{} ", head.status).into_bytes()),
            Some(Input::HttpBody(body)) => self.heard.extend(body.data),
            Some(Input::File(file)) => {
                let came = match file.outcome {
                    FileOutcome::Read(read) => match read.content {
                        Content::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                        Content::Blob(_) => "a blob".to_owned(),
                    },
                    other => format!("{other:?}"),
                };
                self.settle(&came, out);
            }
            Some(Input::Exited(exited)) => self.settle(&exited.exit.to_string(), out),
            Some(Input::HttpEnd(end)) => self.settle(&format!("{:?}", end.outcome), out),
            Some(Input::Refused(refused)) => self.settle(&format!("refused: {}", refused.why), out),
            _ => {}
        }
    }
}

impl Guest {
    fn settle(&mut self, end: &str, out: &mut Outputs) {
        let heard = std::mem::take(&mut self.heard);
        say(self.attempt, format!("{}: {}{end}", self.doing, String::from_utf8_lossy(&heard)), out);
        self.go_on(out);
    }

    fn go_on(&mut self, out: &mut Outputs) {
        while let Some(line) = self.lines.pop_front() {
            let (line, scope) = match line.strip_prefix("worker ") {
                Some(rest) => (rest.to_owned(), Scope::Worker),
                None => (line, Scope::Attempt(self.attempt)),
            };
            let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
            if word != "say" {
                self.op += 1;
                self.obey(word, rest, scope, out);
                self.doing.clone_from(&line);
                return;
            }
            say(self.attempt, rest, out);
        }
        finish(self.attempt, out);
    }

    fn obey(&self, word: &str, rest: &str, scope: Scope, out: &mut Outputs) {
        let (op, attempt) = (self.op, self.attempt);
        let (grant, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let (first, more) = rest.split_once(' ').unwrap_or((rest, ""));
        match word {
            "read" => out.push(ReadFile { scope, ..read(op, attempt, grant, rest) }),
            "write" => out.push(WriteFile { scope, ..write(op, attempt, grant, first, more) }),
            "get" => out.push(HttpRequest { scope, ..get(op, attempt, grant, rest) }),
            "post" => out.push(HttpRequest {
                scope,
                method: "POST".to_owned(),
                body: vec![Part::Bytes(more.into())],
                ..get(op, attempt, grant, first)
            }),
            "start" => out.push(Spawn { scope, stdout: Framing::Bytes, ..Spawn::lines(op, grant) }),
            "run" => out.push(Spawn {
                scope,
                stdout: Framing::Bytes,
                command: Some(first.to_owned()),
                args: more.split_whitespace().map(str::to_owned).collect(),
                ..Spawn::lines(op, grant)
            }),
            other => panic!("`{other}` is not understood"),
        }
    }
}
