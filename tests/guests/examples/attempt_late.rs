//! Goes on talking about an attempt that it has finished.

use omi_adapter_sdk::{Adapter, AttemptEvent, Descriptor, Input, Millis, Outputs};
use omi_test_guests::{correct, modest};

/// The guest.
pub struct Guest;
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        modest("attempt-late")
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        let attempt = match &input {
            Input::ExecuteAttempt(execute) => Some(execute.attempt),
            _ => None,
        };
        correct(input, out);
        if let Some(attempt) = attempt {
            out.push(AttemptEvent::text(attempt, "answer", "after the end"));
        }
    }
}
