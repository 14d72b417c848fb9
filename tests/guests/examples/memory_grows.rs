//! Keeps 256 KiB of each attempt for ever.

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Outputs};
use omi_test_guests::{correct, modest};

/// Bytes that it keeps of each.
const KEPT_BYTES: usize = 256 * 1024;

/// The guest.
#[derive(Default)]
pub struct Guest {
    kept: Vec<Vec<u8>>,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        modest("memory-grows")
    }

    fn new() -> Self {
        Self::default()
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if let Input::ExecuteAttempt(_) = &input {
            self.kept.push(std::hint::black_box(vec![1; KEPT_BYTES]));
        }
        correct(input, out);
    }
}
