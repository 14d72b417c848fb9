//! Answers a prompt, and never finishes the attempt.

use omi_adapter_sdk::{Adapter, AttemptEvent, Descriptor, Input, Millis, Outputs};
use omi_test_guests::{correct, modest, text};

/// The guest.
pub struct Guest;
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        modest("attempt-never")
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        match input {
            Input::ExecuteAttempt(execute) => {
                out.push(AttemptEvent::text(execute.attempt, "answer", text(&execute.prompt)));
            }
            other => correct(other, out),
        }
    }
}
