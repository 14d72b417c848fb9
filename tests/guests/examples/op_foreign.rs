//! Uses the numbers of what other workers have open: writes to them, kills them, gives them up.

use omi_adapter_sdk::{
    Adapter, Attempt, ChunkEnd, CloseStdin, Descriptor, Input, Kill, Millis, Output, Outputs, Part, Scope,
    SetTimer, Spawn, WriteStdin,
};
use omi_test_guests::{descriptor, finish, polite, say};

/// The numbers that are tried: an honest adapter counts from 1.
const TRIED: u32 = 400;
/// The last of what it does.
const LAST: u32 = 1_000_000;

/// The guest.
#[derive(Default)]
pub struct Guest {
    attempt: Attempt,
    refused: u32,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        descriptor("op-foreign")
    }

    fn new() -> Self {
        Self::default()
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        match polite(input, out) {
            Some(Input::ExecuteAttempt(execute)) => {
                self.attempt = execute.attempt;
                for op in 1..=TRIED {
                    let parts = vec![Part::Bytes(b"{}\n".to_vec())];
                    out.push(WriteStdin { process: op, parts, extra: String::new() });
                    out.push(CloseStdin::new(op));
                    out.push(Kill::new(op, 0));
                    out.push(Output::ClearTimer(op));
                    out.push(Output::HttpAbort(op));
                    out.push(Output::DropBlob(op));
                }
                // The scopes of others.
                for number in 2..10 {
                    let scope = Scope::Attempt(self.attempt + number);
                    out.push(Spawn { scope, ..Spawn::lines(LAST + number, "agent") });
                }
                out.push(SetTimer::new(LAST, 0));
            }
            Some(Input::Refused(_)) => self.refused += 1,
            Some(Input::Stdout(output)) if output.end != ChunkEnd::Eof => {
                say(self.attempt, "it hears somebody else's process", out);
            }
            Some(Input::Exited(exited)) => say(self.attempt, format!("{} was ended", exited.op), out),
            Some(Input::Timer(LAST)) => {
                say(self.attempt, format!("{} refused", self.refused), out);
                finish(self.attempt, out);
            }
            _ => {}
        }
    }
}
