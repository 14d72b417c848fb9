//! Finishes an attempt twice, and says nothing more about it.

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Outputs};
use omi_test_guests::{correct, finish, modest};

/// The guest.
pub struct Guest;
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        modest("attempt-ended-twice")
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
            finish(attempt, out);
        }
    }
}
