//! Never answers `cancel-attempt`.

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Outputs};
use omi_test_guests::line::{self, Line};

/// The guest.
#[derive(Default)]
pub struct Guest {
    line: Line,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        line::descriptor("cancel-silent")
    }

    fn new() -> Self {
        Self::default()
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if !matches!(input, Input::CancelAttempt(_)) {
            self.line.handle(input, out);
        }
    }
}
