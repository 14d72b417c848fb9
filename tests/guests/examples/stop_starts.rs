//! Starts a second program when it is told to stop.

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Op, Outputs, Spawn};
use omi_test_guests::line::{self, Line};

/// An op that the line adapter does not get to.
const SECOND: Op = 1_000_000;

/// The guest.
#[derive(Default)]
pub struct Guest {
    line: Line,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        line::descriptor("stop-starts")
    }

    fn new() -> Self {
        Self::default()
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        let stops = matches!(input, Input::Stop(_));
        self.line.handle(input, out);
        if stops {
            out.push(Spawn::lines(SECOND, "agent"));
        }
    }
}
