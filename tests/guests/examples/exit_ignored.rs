//! Does not notice that its program ended: the attempt that runs waits on, whatever the clock says.

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Outputs};
use omi_test_guests::line::{self, Line};

/// The guest.
#[derive(Default)]
pub struct Guest {
    line: Line,
    exited: bool,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        line::descriptor("exit-ignored")
    }

    fn new() -> Self {
        Self::default()
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        match input {
            Input::Exited(_) => self.exited = true,
            Input::Timer(_) | Input::Refused(_) if self.exited => {}
            other => self.line.handle(other, out),
        }
    }
}
