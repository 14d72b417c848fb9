//! Asks for thousands of files at once, and again when that is refused.

use omi_adapter_sdk::{Adapter, Attempt, Capability, Descriptor, Input, Millis, Outputs};
use omi_test_guests::{anything, asking, finish, polite, read, say};

/// Files asked for in one call: nearly as many as one call may ask for.
const AT_ONCE: u32 = 4_000;
/// How often it begins anew.
const TIMES: u32 = 5;

/// The guest.
#[derive(Default)]
pub struct Guest {
    attempt: Attempt,
    op: u32,
    settled: u32,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        asking("access-flood", vec![anything("workspace", Capability::Files)])
    }

    fn new() -> Self {
        Self::default()
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        match polite(input, out) {
            Some(Input::ExecuteAttempt(execute)) => {
                self.attempt = execute.attempt;
                self.flood(out);
            }
            Some(Input::Refused(_) | Input::File(_)) => {
                self.settled += 1;
                if self.settled == AT_ONCE * TIMES {
                    say(self.attempt, format!("{} were settled", self.settled), out);
                    finish(self.attempt, out);
                } else if self.settled == self.op {
                    self.flood(out);
                }
            }
            _ => {}
        }
    }
}

impl Guest {
    fn flood(&mut self, out: &mut Outputs) {
        for _ in 0..AT_ONCE {
            self.op += 1;
            out.push(read(self.op, self.attempt, "workspace", &format!("file-{}", self.op)));
        }
    }
}
