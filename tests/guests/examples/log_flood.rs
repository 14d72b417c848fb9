//! Writes three thousand long lines to the log, and goes on.

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Outputs, log};
use omi_test_guests::{descriptor, finish, polite};

/// The guest.
pub struct Guest;
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        descriptor("log-flood")
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if let Some(Input::ExecuteAttempt(execute)) = polite(input, out) {
            let line = "x".repeat(10_000);
            for _ in 0..3_000 {
                log::info(&line);
            }
            finish(execute.attempt, out);
        }
    }
}
