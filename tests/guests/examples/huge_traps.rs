//! Panics at a prompt of more than 256 KiB.

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Outputs};
use omi_test_guests::{correct, modest, text};

/// Bytes of a prompt that it can take.
const BYTES_MAX: usize = 256 * 1024;

/// The guest.
pub struct Guest;
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        modest("huge-traps")
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if let Input::ExecuteAttempt(execute) = &input {
            let bytes = text(&execute.prompt).len();
            assert!(bytes <= BYTES_MAX, "a prompt of {bytes} bytes");
        }
        correct(input, out);
    }
}
