//! Measures what a client of a served daemon waits for, and what an idle one takes.
//!
//! ```text
//! cargo xtask bench surfaces [--json]
//! ```
//!
//! Ends with 1 if a target is missed. Only ratios within one run mean anything: client and daemon share the machine.

mod accept;
mod fan_out;
mod idle;
mod many;
mod replay;

use std::error::Error;
use std::process::ExitCode;

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
                    format!("`{other}` is not known; hint: cargo xtask bench surfaces [--json]").into()
                );
            }
        }
    }
    let mut figures = idle::measure()?;
    figures.extend(accept::measure()?);
    figures.extend(fan_out::measure()?);
    figures.extend(replay::measure()?);
    Ok(omi_figures::print(&figures, "the machine", json))
}
