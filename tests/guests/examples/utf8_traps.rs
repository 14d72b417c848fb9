//! Panics when a line of its program is not UTF-8.

use omi_adapter_sdk::lines::Lines;
use omi_adapter_sdk::{Adapter, Descriptor, Input, LINE_BYTES_MAX, Millis, Outputs};
use omi_test_guests::line::{self, Line};

/// The guest.
pub struct Guest {
    line: Line,
    /// The same lines once more: only a whole line can be judged.
    heard: Lines,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        line::descriptor("utf8-traps")
    }

    fn new() -> Self {
        Self { line: Line::default(), heard: Lines::new(LINE_BYTES_MAX) }
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if let Input::Stdout(output) = &input {
            for line in self.heard.push(&output.data, output.end).into_iter().flatten() {
                // Bytes that are no text were replaced by this character.
                assert!(!line.contains('\u{fffd}'), "this is no text: {line}");
            }
        }
        self.line.handle(input, out);
    }
}
