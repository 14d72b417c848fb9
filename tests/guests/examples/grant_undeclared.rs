//! Uses grants that it does not declare, and those that it does for other things than it declares.

use omi_adapter_sdk::{
    Adapter, Attempt, Capability, Descriptor, GrantRequest, Input, Millis, Outputs, Scope, Spawn, Why,
};
use omi_test_guests::{anything, asking, finish, get, polite, read, say, write};

/// The guest.
#[derive(Default)]
pub struct Guest {
    attempt: Attempt,
    open: usize,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        let reads = GrantRequest {
            operation: "read".to_owned(),
            pattern: "docs/**".to_owned(),
            ..anything("workspace", Capability::Files)
        };
        let posts = GrantRequest { pattern: "POST /v1/*".to_owned(), ..anything("remote", Capability::Http) };
        asking("grant-undeclared", vec![reads, posts])
    }

    fn new() -> Self {
        Self::default()
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        match polite(input, out) {
            Some(Input::ExecuteAttempt(execute)) => {
                self.attempt = execute.attempt;
                let before = out.len();
                self.reach_out(out);
                self.open = out.len() - before;
            }
            Some(Input::Refused(refused)) => {
                let why = match refused.why {
                    Why::Denied(text) => format!("denied {text}"),
                    other => format!("{other:?}"),
                };
                self.settle(&format!("{} {why}", refused.op), out);
            }
            Some(Input::Spawned(spawned)) => self.settle(&format!("{} spawned", spawned.op), out),
            Some(Input::File(file)) => self.settle(&format!("{} {:?}", file.op, file.outcome), out),
            Some(Input::HttpEnd(end)) => self.settle(&format!("{} {:?}", end.op, end.outcome), out),
            _ => {}
        }
    }
}

impl Guest {
    fn reach_out(&self, out: &mut Outputs) {
        let attempt = self.attempt;
        let scope = Scope::Attempt(attempt);
        // What the registration binds, but the component does not declare.
        out.push(Spawn { scope, ..Spawn::lines(1, "agent") });
        out.push(Spawn { scope, command: Some("/bin/sh".to_owned()), ..Spawn::lines(2, "shell") });
        out.push(read(3, attempt, "other", "docs/notes.txt"));
        out.push(get(4, attempt, "api", "/v1/models"));
        // What it declares, for something else.
        out.push(write(5, attempt, "workspace", "docs/notes.txt", "mine now"));
        out.push(read(6, attempt, "workspace", "src/main.rs"));
        out.push(get(7, attempt, "remote", "/v1/models"));
        out.push(Spawn { scope, ..Spawn::lines(8, "workspace") });
        out.push(read(9, attempt, "remote", "docs/notes.txt"));
        out.push(get(10, attempt, "workspace", "/v1/models"));
        // What nobody has heard of.
        out.push(read(11, attempt, "", "docs/notes.txt"));
        out.push(read(12, attempt, "workspace\0", "docs/notes.txt"));
    }

    fn settle(&mut self, line: &str, out: &mut Outputs) {
        say(self.attempt, line, out);
        self.open -= 1;
        if self.open == 0 {
            finish(self.attempt, out);
        }
    }
}
