//! Says that its program has stopped, and goes on with the attempt until the program ends or its worker does.

use omi_adapter_sdk::{
    Adapter, Attempt, CancelAnswer, Cancellation, Capabilities, Descriptor, Input, Millis, Outputs,
};
use omi_test_guests::line::{self, Line};

/// The guest.
#[derive(Default)]
pub struct Guest {
    line: Line,
    ignored: Option<Attempt>,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        let descriptor = line::descriptor("cancel-ignored");
        let cancellation = Cancellation::Acknowledged;
        Descriptor { capabilities: Capabilities { cancellation, ..descriptor.capabilities }, ..descriptor }
    }

    fn new() -> Self {
        Self::default()
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        match input {
            Input::CancelAttempt(cancel) if self.line.running() == Some(cancel.attempt) => {
                self.ignored = Some(cancel.attempt);
                out.push(CancelAnswer::new(cancel.attempt, true, true));
            }
            // The time for an answer does not end it, either.
            Input::Timer(_) if self.ignored.is_some() && self.ignored == self.line.running() => {}
            other => self.line.handle(other, out),
        }
    }
}
