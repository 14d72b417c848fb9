//! Takes each piece of a line for a whole line.

use omi_adapter_sdk::{Adapter, ChunkEnd, Descriptor, Input, Millis, Outputs, ProcessOutput};
use omi_test_guests::line::{self, Line};

/// The guest.
#[derive(Default)]
pub struct Guest {
    line: Line,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        line::descriptor("pieces-confused")
    }

    fn new() -> Self {
        Self::default()
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        match input {
            Input::Stdout(output) if !output.data.is_empty() => {
                self.line.handle(Input::Stdout(ProcessOutput { end: ChunkEnd::Newline, ..output }), out);
            }
            other => self.line.handle(other, out),
        }
    }
}
