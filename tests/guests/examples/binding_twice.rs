//! Answers `open-binding` twice.

use omi_adapter_sdk::{Adapter, BindingOpened, Descriptor, Fidelity, Input, Millis, Outputs};
use omi_test_guests::{correct, modest};

/// The guest.
pub struct Guest;
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        modest("binding-twice")
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if let Input::OpenBinding(open) = &input {
            let native_id = format!("native-{}", open.binding);
            out.push(BindingOpened::new(open.binding, native_id, Fidelity::None));
        }
        correct(input, out);
    }
}
