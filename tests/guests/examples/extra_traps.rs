//! Panics when a prompt comes with a member in `extra`: it knows none.

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Outputs};
use omi_test_guests::{correct, modest};

/// The guest.
pub struct Guest;
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        modest("extra-traps")
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if let Input::ExecuteAttempt(execute) = &input {
            assert!(!execute.extra.contains(':'), "unknown: {}", execute.extra);
        }
        correct(input, out);
    }
}
