//! The numbers of what is asked of the host.

use omi_adapter_sdk::Op;

/// Gives each number once.
#[derive(Debug, Default)]
pub(crate) struct Ops {
    last: Op,
}

impl Ops {
    pub(crate) fn next(&mut self) -> Op {
        self.last += 1;
        self.last
    }
}
