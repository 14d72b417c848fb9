//! Panics in a call with more than a thousand inputs.

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Outputs};
use omi_test_guests::{correct, modest};

/// Inputs of a call that it can take.
const INPUTS_MAX: usize = 1_000;

/// The guest.
pub struct Guest;
omi_test_guests::export_counting!(Guest, look);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        modest("many-traps")
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
    assert!(inputs <= INPUTS_MAX, "{inputs} inputs in one call");
}
