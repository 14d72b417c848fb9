//! Says twice after `start` that it is ready.

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Outputs, Ready};
use omi_test_guests::{correct, modest};

/// The guest.
pub struct Guest;
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        modest("ready-twice")
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if let Input::Start(_) = &input {
            out.push(Ready::new("guest"));
        }
        correct(input, out);
    }
}
