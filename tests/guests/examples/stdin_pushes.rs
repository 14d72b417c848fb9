//! Writes a refused line again at once, without waiting for room; the second time it waits.

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Outputs, StdinProgress, Why};
use omi_test_guests::line::{self, AGENT, Line};

/// The guest.
#[derive(Default)]
pub struct Guest {
    line: Line,
    /// A line of this attempt was written a second time.
    pushed: bool,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        line::descriptor("stdin-pushes")
    }

    fn new() -> Self {
        Self::default()
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        let full = matches!(&input, Input::Refused(refused) if refused.op == AGENT && refused.why == Why::WouldBlock);
        if let Input::ExecuteAttempt(_) = &input {
            self.pushed = false;
        }
        self.line.handle(input, out);
        if full && !std::mem::replace(&mut self.pushed, true) {
            // The line adapter is told that there is room, which is not so.
            let room = StdinProgress { op: AGENT, accepted: 0, queued: 0, extra: String::new() };
            self.line.handle(Input::StdinProgress(room), out);
        }
    }
}
