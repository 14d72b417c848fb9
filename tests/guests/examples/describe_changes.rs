//! Describes itself differently each time it is asked: the title counts.

use std::sync::atomic::{AtomicU32, Ordering};

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Outputs};
use omi_test_guests::{correct, modest};

/// How often it was asked.
static TIMES: AtomicU32 = AtomicU32::new(0);

/// The guest.
pub struct Guest;
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        let times = TIMES.fetch_add(1, Ordering::Relaxed);
        Descriptor { title: format!("Description {times}"), ..modest("describe-changes") }
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        correct(input, out);
    }
}
