//! Asks for things it was not granted, and says what it was told.

use omi_adapter_sdk::{Adapter, Attempt, Descriptor, Input, Millis, Outputs, ReadFile, Scope, Spawn, Why};
use omi_test_guests::{descriptor, finish, polite, say};

/// The guest.
pub struct Guest {
    attempt: Attempt,
    open: u32,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        descriptor("gate-ungranted")
    }

    fn new() -> Self {
        Self { attempt: 0, open: 0 }
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        match polite(input, out) {
            Some(Input::ExecuteAttempt(execute)) => {
                self.attempt = execute.attempt;
                out.push(Spawn::lines(1, "secret"));
                out.push(Spawn::lines(2, "agent"));
                out.push(Spawn { command: Some("/bin/sh".to_owned()), ..Spawn::lines(3, "agent") });
                out.push(Spawn { cwd: Some("/".to_owned()), ..Spawn::lines(4, "agent") });
                out.push(Spawn { cwd: Some("..".to_owned()), ..Spawn::lines(5, "agent") });
                out.push(ReadFile {
                    op: 6,
                    scope: Scope::Worker,
                    grant: "workspace".to_owned(),
                    path: "/etc/passwd".to_owned(),
                    offset: 0,
                    max: 0,
                    extra: String::new(),
                });
                self.open = 6;
            }
            Some(Input::Refused(refused)) => {
                let why = match refused.why {
                    Why::Denied(text) => format!("denied {text}"),
                    other => format!("{other:?}"),
                };
                say(self.attempt, format!("{} {why}", refused.op), out);
                self.settle(out);
            }
            Some(Input::Spawned(spawned)) => {
                say(self.attempt, format!("{} spawned", spawned.op), out);
                self.settle(out);
            }
            _ => {}
        }
    }
}

impl Guest {
    fn settle(&mut self, out: &mut Outputs) {
        self.open -= 1;
        if self.open == 0 {
            finish(self.attempt, out);
        }
    }
}
