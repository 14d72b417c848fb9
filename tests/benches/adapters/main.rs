//! Measures what the daemon and the component of ACP cost beside the agent itself, in one run.
//!
//! ```text
//! cargo xtask bench adapters [--json]
//! ```
//!
//! Ends with 1 if a target is missed. Figures are medians; only ratios within one run mean anything.

mod conversation;
mod one_shot;
mod talk;

use std::error::Error;
use std::process::ExitCode;

use omi_tests::world::World;

/// What went wrong, for the person who measures.
type Failed = Box<dyn Error + Send + Sync>;

fn main() -> Result<ExitCode, Failed> {
    let mut json = false;
    // `cargo bench` adds `--bench`.
    for word in std::env::args().skip(1).filter(|word| word != "--bench") {
        match word.as_str() {
            "--json" => json = true,
            other => {
                return Err(
                    format!("`{other}` is not known; hint: cargo xtask bench adapters [--json]").into()
                );
            }
        }
    }
    let world = World::new();
    world.register_tester(&[]);
    let mut figures = conversation::measure(&world)?;
    figures.extend(one_shot::measure(&world)?);
    Ok(omi_figures::print(&figures, "bare client", json))
}
