//! Does nothing wrong: it writes each prompt to its program as a line, and the line that comes back is the answer.

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
        line::descriptor("line-correct")
    }

    fn new() -> Self {
        Self::default()
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        self.line.handle(input, out);
    }
}
