//! What is taken from root when it is confined: the rights with which rules about files are walked around.
//!
//! Root may read the memory and the environment of others, load code into the kernel and open devices past their files.
//! A program that is not root's has none of this, and nothing is taken from it.

use std::io;

use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set,
    remove_capability_from_bounding_set, set_capabilities,
};

/// What root keeps: to work with any user's files where the rules let it, to become another user, to end a process.
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::NET_BIND_SERVICE);

/// Takes from this process, and from whatever it starts, all capabilities but those few.
pub(super) fn reduce() -> io::Result<()> {
    let has = capabilities(None)?;
    if has.effective.contains(CapabilitySet::SETPCAP) {
        for number in 0..u64::BITS {
            let capability = CapabilitySet::from_bits_retain(1 << number);
            // Beyond the last that the kernel knows, the question is an error.
            if !KEPT.contains(capability) && capability_is_in_bounding_set(capability).unwrap_or(false) {
                remove_capability_from_bounding_set(capability)?;
            }
        }
    }
    set_capabilities(
        None,
        CapabilitySets {
            effective: has.effective.intersection(KEPT),
            permitted: has.permitted.intersection(KEPT),
            inheritable: has.inheritable.intersection(KEPT),
        },
    )?;
    Ok(())
}
