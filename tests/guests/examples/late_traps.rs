//! Panics when it is told about a timer, a process, a file or a request that it does not know.

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Outputs};
use omi_test_guests::{correct, modest};

/// The guest.
pub struct Guest;
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        modest("late-traps")
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        match input {
            Input::Timer(_)
            | Input::Refused(_)
            | Input::Spawned(_)
            | Input::Stdout(_)
            | Input::Stderr(_)
            | Input::StdinProgress(_)
            | Input::StdinClosed(_)
            | Input::Exited(_)
            | Input::File(_)
            | Input::HttpHead(_)
            | Input::HttpBody(_)
            | Input::HttpEnd(_)
            | Input::BlobCreated(_)
            | Input::Approval(_)
            | Input::ProvidedInput(_)
            | Input::ToolResult(_) => panic!("nobody asked for {input:?}"),
            other => correct(other, out),
        }
    }
}
