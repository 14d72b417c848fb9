//! Panics in a call without inputs.

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Outputs};
use omi_test_guests::{correct, modest};

/// The guest.
pub struct Guest;
omi_test_guests::export_counting!(Guest, look);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        modest("empty-traps")
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        correct(input, out);
    }
}

/// Takes the number of inputs of a call.
pub fn look(inputs: usize) {
    assert!(inputs > 0, "there is no first input");
}
