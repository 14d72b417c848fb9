//! Measures the kernel and the store beside what the machine itself can do, in one run.
//!
//! ```text
//! kernel-bench [--json] [--dir FOLDER] [--steps N]
//! ```
//!
//! Ends with 1 if a target is missed. Figures are medians; only ratios within one run mean anything.

mod accept;
mod decide;
mod disk;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use omi_figures::{Figure, Unit};

/// The seed of the simulation. The number itself means nothing.
const SEED: u64 = 0x5eed_0005;
/// Steps of the simulation unless somebody says otherwise.
const STEPS: u64 = 1_000_000;
/// Seconds that a million simulated steps may take.
const SIMULATION_S_MAX: f64 = 60.0;
/// What an accepted query may cost beside two fsyncs, in milliseconds.
const ACCEPT_EXTRA_MS: f64 = 0.6;

struct Arguments {
    json: bool,
    folder: PathBuf,
    steps: u64,
}

fn arguments() -> Result<Arguments> {
    let mut found = Arguments { json: false, folder: PathBuf::from("."), steps: STEPS };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--json" => found.json = true,
            "--dir" => found.folder = words.next().context("--dir needs a folder")?.into(),
            "--steps" => found.steps = words.next().context("--steps needs a number")?.parse()?,
            other => bail!("`{other}` is not known; hint: kernel-bench [--json] [--dir FOLDER] [--steps N]"),
        }
    }
    Ok(found)
}

fn main() -> Result<ExitCode> {
    let arguments = arguments()?;
    let mut figures = decide::measure()?;
    figures.push(simulation(arguments.steps)?);
    let folder = tempfile::tempdir_in(&arguments.folder)
        .with_context(|| format!("cannot make a folder in `{}`", arguments.folder.display()))?;
    let fsync = disk::fsync_ms(folder.path())?;
    figures.push(Figure::new("fsync of 4 KiB, p50", fsync, Unit::Milliseconds));
    let raw = disk::sqlite_commit_ms(folder.path())?;
    figures.push(Figure::new("raw SQLite commit of one row, p50", raw, Unit::Milliseconds));
    let target = 2.0 * fsync + ACCEPT_EXTRA_MS;
    figures.extend(accept::one_by_one(folder.path(), target)?);
    figures.push(accept::in_groups(folder.path())?);
    Ok(omi_figures::print(&figures, "", arguments.json))
}

fn simulation(steps: u64) -> Result<Figure> {
    let report = match omi_model::simulate(SEED, steps) {
        Ok(report) => report,
        Err(broken) => bail!("seed {:#x}: {}", broken.seed, broken.fault),
    };
    #[expect(clippy::cast_precision_loss, reason = "a number of steps is far below 2^52")]
    let scale = STEPS as f64 / report.steps as f64;
    let seconds = report.elapsed.as_secs_f64() * scale;
    let name = "1,000,000 simulated steps, every rule checked after each";
    Ok(Figure::new(name, seconds, Unit::Seconds).at_most(SIMULATION_S_MAX))
}
