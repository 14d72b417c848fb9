//! Computes far too long for each prompt, though well under a second; then it answers.

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Outputs};
use omi_test_guests::{correct, modest};

/// Turns of the loop: each is about twenty instructions.
const TURNS: u64 = 10_000_000;

/// The guest.
pub struct Guest;
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        modest("fuel-hungry")
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if let Input::ExecuteAttempt(execute) = &input {
            let mut value = u64::from(execute.attempt);
            for turn in 0..TURNS {
                value = std::hint::black_box(value.rotate_left(5) ^ turn);
            }
        }
        correct(input, out);
    }
}
