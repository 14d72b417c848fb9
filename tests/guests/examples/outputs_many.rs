//! Answers a prompt with more outputs in one call than the host takes.

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Outputs};
use omi_test_guests::{correct, modest, say};

/// More than `limits.outputs-per-call` of any host.
const OUTPUTS: usize = 5_000;

/// The guest.
pub struct Guest;
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        modest("outputs-many")
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if let Input::ExecuteAttempt(execute) = &input {
            (0..OUTPUTS).for_each(|_| say(execute.attempt, "a", out));
        }
        correct(input, out);
    }
}
