//! Describes itself with 30 MB.

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Outputs};
use omi_test_guests::descriptor;

/// Bytes of each text.
const BYTES: usize = 10_000_000;

/// The guest.
pub struct Guest;
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        let mut huge = descriptor("describe-huge");
        huge.title = "t".repeat(BYTES);
        huge.grants[0].pattern = "*a".repeat(BYTES / 2);
        huge.grants[0].reason = "r".repeat(BYTES);
        huge
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _: Millis, _: Input, _: &mut Outputs) {}
}
