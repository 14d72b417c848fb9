//! Waits in the call of every prompt.

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Outputs};
use omi_test_guests::{correct, modest};

/// The guest.
pub struct Guest;
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        modest("answer-waits")
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if matches!(input, Input::ExecuteAttempt(_)) {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        correct(input, out);
    }
}
