//! Measures the engine beside bare wasmtime, with the same components in the same run.
//!
//! ```text
//! cargo xtask bench engine [--json]
//! ```
//!
//! Ends with 1 if a target is missed. Figures are medians; only ratios within one run mean anything.

mod bare;
mod input;
mod load;
mod memory;
mod ours;
mod worker;

use std::error::Error;
use std::process::ExitCode;

use omi_figures::Figure;

/// What went wrong, for the person who measures.
type Failed = Box<dyn Error + Send + Sync>;

/// What is asked for.
enum Task {
    /// Everything, as a table or as JSON.
    Measure { json: bool },
    /// The memory of workers or instances, in a process that has done nothing else.
    Memory(memory::Of),
}

fn task() -> Result<Task, Failed> {
    let mut json = false;
    // `cargo bench` adds `--bench`.
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    while let Some(word) = words.next() {
        match (word.as_str(), words.next()) {
            ("--json", None) => json = true,
            (memory::WORD, Some(of)) => return Ok(Task::Memory(of.parse()?)),
            (other, _) => {
                return Err(format!("`{other}` is not known; hint: cargo xtask bench engine [--json]").into());
            }
        }
    }
    Ok(Task::Measure { json })
}

fn main() -> Result<ExitCode, Failed> {
    let json = match task()? {
        Task::Measure { json } => json,
        Task::Memory(of) => {
            println!("{}", memory::bytes_each(of)?);
            return Ok(ExitCode::SUCCESS);
        }
    };
    let figures = measure()?;
    Ok(omi_figures::print(&figures, "bare wasmtime", json))
}

fn measure() -> Result<Vec<Figure>, Failed> {
    let mut figures = load::measure()?;
    figures.push(worker::measure()?);
    figures.push(memory::measure()?);
    figures.extend(input::measure()?);
    Ok(figures)
}
