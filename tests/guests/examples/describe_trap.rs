//! Panics in `describe`.

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Outputs};

/// The guest.
pub struct Guest;
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        panic!("I do not know who I am")
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _: Millis, _: Input, _: &mut Outputs) {}
}
