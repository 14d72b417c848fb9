//! Acknowledges that an attempt has stopped, and never finishes it. Its prompt `wait` goes on until it is cancelled.

use omi_adapter_sdk::{
    Adapter, CancelAnswer, Cancellation, Capabilities, Descriptor, Input, Millis, Outputs,
};
use omi_test_guests::{correct, modest, text};

/// The guest.
pub struct Guest {
    waits: Option<u32>,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        let modest = modest("cancel-ignored");
        let cancellation = Cancellation::Acknowledged;
        Descriptor { capabilities: Capabilities { cancellation, ..modest.capabilities }, ..modest }
    }

    fn new() -> Self {
        Self { waits: None }
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        match input {
            Input::ExecuteAttempt(execute) if text(&execute.prompt) == "wait" => {
                self.waits = Some(execute.attempt);
            }
            Input::CancelAttempt(cancel) if self.waits == Some(cancel.attempt) => {
                out.push(CancelAnswer::new(cancel.attempt, true, true));
            }
            other => correct(other, out),
        }
    }
}
