//! Never returns from `describe`.

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Outputs};

/// The guest.
pub struct Guest;
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        let mut turns = 0_u64;
        while std::hint::black_box(turns) < u64::MAX {
            turns += 1;
        }
        omi_test_guests::descriptor("describe-spin")
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _: Millis, _: Input, _: &mut Outputs) {}
}
