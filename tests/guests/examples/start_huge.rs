//! Needs more memory than an adapter may have before its first call: 200 MiB that are in its component from the start.

use std::mem::MaybeUninit;
use std::sync::Mutex;

use omi_adapter_sdk::{Adapter, Descriptor, Input, Millis, Outputs};
use omi_test_guests::{correct, modest};

/// Bytes of it: the host allows 128 MiB.
const BYTES: usize = 200 << 20;

/// Without a value, so that it is part of the memory and not of the file.
static HUGE: Mutex<MaybeUninit<[u8; BYTES]>> = Mutex::new(MaybeUninit::uninit());

/// The guest.
pub struct Guest;
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        modest("start-huge")
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if let Input::Start(_) = &input {
            // Without a look at it the linker would leave it out.
            std::hint::black_box(&HUGE);
        }
        correct(input, out);
    }
}
