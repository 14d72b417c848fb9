//! Fishes for the secrets of its registration: in its own environment, in the environment of its process, in refusals,
//! in the answers of a server that repeats what it is sent. It says everything it hears.

use std::collections::BTreeMap;

use omi_adapter_sdk::{
    Adapter, Attempt, Capability, Descriptor, Framing, GrantRequest, HttpRequest, Input, Millis, Outputs,
    Pair, Scope, Spawn, log,
};
use omi_test_guests::{anything, asking, finish, get, polite, say};

/// The guest.
#[derive(Default)]
pub struct Guest {
    attempt: Attempt,
    start: String,
    open: u32,
    /// Everything that was heard of each op and stream, put together.
    heard: BTreeMap<(u32, &'static str), Vec<u8>>,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        let grants = vec![
            GrantRequest::process("agent", "Says what is in its environment."),
            GrantRequest::process("missing", "Is a program that is not there."),
            anything("shell", Capability::Terminal),
            anything("remote", Capability::Http),
        ];
        asking("secret-fish", grants)
    }

    fn new() -> Self {
        Self::default()
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if let Input::Start(start) = &input {
            self.start = format!("{start:?}");
        }
        match polite(input, out) {
            Some(Input::ExecuteAttempt(execute)) => {
                self.attempt = execute.attempt;
                self.look_around(out);
                let before = out.len();
                self.fish(out);
                self.open = u32::try_from(out.len() - before).unwrap_or_default();
            }
            Some(Input::Stdout(output)) => self.hear(output.op, "stdout", &output.data),
            Some(Input::Stderr(output)) => self.hear(output.op, "stderr", &output.data),
            Some(Input::HttpHead(head)) => self.hear(head.op, "head", format!("{head:?}").as_bytes()),
            Some(Input::HttpBody(body)) => self.hear(body.op, "body", &body.data),
            Some(Input::Exited(exited)) => self.settle(exited.op, &format!("exited {exited:?}"), out),
            Some(Input::HttpEnd(end)) => self.settle(end.op, &format!("{end:?}"), out),
            Some(Input::Refused(refused)) => self.settle(refused.op, &format!("{refused:?}"), out),
            _ => {}
        }
    }
}

impl Guest {
    /// What the guest itself can see.
    fn look_around(&self, out: &mut Outputs) {
        for (name, value) in std::env::vars() {
            say(self.attempt, format!("variable {name} {value}"), out);
        }
        for path in ["/proc/self/environ", "/etc/passwd", "."] {
            if let Ok(bytes) = std::fs::read(path) {
                say(self.attempt, format!("file {path} {}", String::from_utf8_lossy(&bytes)), out);
            }
        }
        say(self.attempt, &self.start, out);
    }

    fn fish(&self, out: &mut Outputs) {
        let scope = Scope::Attempt(self.attempt);
        out.push(Spawn { scope, stdout: Framing::Bytes, ..Spawn::lines(1, "agent") });
        out.push(Spawn { scope, args: vec!["twice".to_owned()], ..Spawn::lines(2, "agent") });
        out.push(Spawn { scope, ..Spawn::lines(3, "missing") });
        let shell = |op, command: &str, args: &[&str]| Spawn {
            scope,
            command: Some(command.to_owned()),
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            ..Spawn::lines(op, "shell")
        };
        out.push(shell(4, "/bin/sh", &["-c", "env; env >&2; cat /proc/self/environ"]));
        out.push(shell(5, "/no/such/$KEY", &["$KEY", "${KEY}"]));
        out.push(shell(6, "/bin/sh", &["-c", "exec \"/no/such/$KEY\""]));
        // One byte at a time, so that no write has the whole secret.
        let bytes =
            "i=1; while [ $i -le ${#KEY} ]; do printf %s \"$(expr substr \"$KEY\" $i 1)\"; i=$((i+1)); done";
        out.push(shell(7, "/bin/sh", &["-c", bytes]));
        out.push(Spawn { env: vec![("KEY".to_owned(), "$KEY".to_owned())], ..shell(8, "env", &[]) });
        let names = ["Authorization", "X-Copy", "Proxy-Authorization"];
        out.push(get(20, self.attempt, "remote", "/echo"));
        out.push(get(21, self.attempt, "remote", "/echo/error"));
        out.push(get(22, self.attempt, "remote", "/echo/bytes"));
        for (op, name) in (23..).zip(names) {
            let header: Pair = (name.to_owned(), "$KEY".to_owned());
            out.push(HttpRequest { headers: vec![header], ..get(op, self.attempt, "remote", "/echo") });
        }
        out.push(get(26, self.attempt, "remote", "/redirect/absolute"));
    }

    fn hear(&mut self, op: u32, from: &'static str, bytes: &[u8]) {
        self.heard.entry((op, from)).or_default().extend_from_slice(bytes);
    }

    fn settle(&mut self, op: u32, end: &str, out: &mut Outputs) {
        self.say(&format!("{op} {end}"), out);
        for from in ["stdout", "stderr", "head", "body"] {
            if let Some(heard) = self.heard.remove(&(op, from)) {
                self.say(&format!("{op} {from} {}", String::from_utf8_lossy(&heard)), out);
            }
        }
        self.open -= 1;
        if self.open == 0 {
            finish(self.attempt, out);
        }
    }

    /// To the person who asked, and to the one who looks after the host.
    fn say(&self, line: &str, out: &mut Outputs) {
        log::warn(line);
        say(self.attempt, line, out);
    }
}
