//! Describes itself with a version that is none, a grant without a reason, and a schema that is no JSON.

use omi_adapter_sdk::{Adapter, Descriptor, GrantRequest, Input, Millis, Outputs};
use omi_test_guests::{asking, correct};

/// The guest.
pub struct Guest;
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        Descriptor {
            version: "one".to_owned(),
            config_schema: "a table, please".to_owned(),
            ..asking("describe-wrong", vec![GrantRequest::process("agent", "").optional()])
        }
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        correct(input, out);
    }
}
