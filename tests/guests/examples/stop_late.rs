//! Goes on as if nothing were when it is told to stop: talks, starts a process, sets timers.

use omi_adapter_sdk::{Adapter, Attempt, Descriptor, Input, Millis, Outputs, SetTimer, Spawn};
use omi_test_guests::{descriptor, finish, polite, say};

/// The guest.
pub struct Guest {
    attempt: Attempt,
    op: u32,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        descriptor("stop-late")
    }

    fn new() -> Self {
        Self { attempt: 0, op: 0 }
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        match polite(input, out) {
            Some(Input::ExecuteAttempt(execute)) => {
                self.attempt = execute.attempt;
                finish(execute.attempt, out);
            }
            Some(Input::Stop(_) | Input::Timer(_) | Input::Refused(_)) => {
                self.op += 2;
                say(self.attempt, "late", out);
                finish(self.attempt, out);
                out.push(Spawn::lines(self.op, "agent"));
                out.push(SetTimer::new(self.op + 1, 1));
            }
            _ => {}
        }
    }
}
