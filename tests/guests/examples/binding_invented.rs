//! Opens a binding that nobody asked for, beside the first one that somebody did.

use omi_adapter_sdk::{Adapter, Binding, BindingOpened, Descriptor, Fidelity, Input, Millis, Outputs};
use omi_test_guests::{correct, modest};

/// A number that the host has given to nothing.
const INVENTED: Binding = 4242;

/// The guest.
#[derive(Default)]
pub struct Guest {
    invented: bool,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        modest("binding-invented")
    }

    fn new() -> Self {
        Self::default()
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if let Input::OpenBinding(_) = &input
            && !std::mem::replace(&mut self.invented, true)
        {
            out.push(BindingOpened::new(INVENTED, "native-invented", Fidelity::None));
        }
        correct(input, out);
    }
}
