//! The memory of a live worker that has nothing to do.

use std::process::Command;
use std::str::FromStr;

use crate::Failed;
use crate::bare::Bare;
use crate::ours::{Ours, bundled};
use omi_figures::{Figure, Unit};

/// The word with which this binary is one of the processes that are measured.
pub(crate) const WORD: &str = "--memory-of";
/// Workers that live at the same time.
const WORKERS: u32 = 400;
/// Kilobytes that a worker may take.
const WORKER_KB_MAX: f64 = 100.0;

/// What is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Of {
    /// Workers of the engine, with their threads.
    Ours,
    /// Instances of bare wasmtime, without threads.
    Bare,
}

impl Of {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Bare => "bare",
        }
    }
}

impl FromStr for Of {
    type Err = Failed;
    fn from_str(word: &str) -> Result<Self, Failed> {
        let known = [Self::Ours, Self::Bare].into_iter().find(|of| of.as_str() == word);
        known.ok_or_else(|| format!("{WORD} knows no `{word}`").into())
    }
}

/// What each takes, measured in processes of their own: in this one there is memory that was used before.
pub(crate) fn measure() -> Result<Figure, Failed> {
    let [ours, bare] = [Of::Ours, Of::Bare].map(kilobytes_each);
    let name = "memory of an idle worker of `echo` (RSS)";
    Ok(Figure::new(name, ours?, Unit::Kilobytes).beside(bare?).at_most(WORKER_KB_MAX))
}

fn kilobytes_each(of: Of) -> Result<f64, Failed> {
    let output = Command::new(std::env::current_exe()?).args([WORD, of.as_str()]).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let bytes: f64 = String::from_utf8(output.stdout)?.trim().parse()?;
    Ok(bytes / 1e3)
}

/// The bytes that each of them adds to what is resident.
pub(crate) fn bytes_each(of: Of) -> Result<f64, Failed> {
    let cache = tempfile::tempdir()?;
    let bytes = bundled("echo")?;
    match of {
        Of::Ours => {
            let ours = Ours::new(cache.path())?;
            let adapter = ours.engine.load("echo", &bytes)?;
            grown(|| ours.start(&adapter))
        }
        Of::Bare => {
            let bare = Bare::new()?;
            let component = bare.prepare(&bytes)?;
            grown(|| Ok(bare.start(&component)?))
        }
    }
}

/// What each more adds. The first has what all share.
fn grown<T>(make: impl Fn() -> Result<T, Failed>) -> Result<f64, Failed> {
    let first = make()?;
    let before = resident()?;
    let all: Vec<T> = (0..WORKERS).map(|_| make()).collect::<Result<_, _>>()?;
    let after = resident()?;
    drop((first, all));
    Ok((after - before) / f64::from(WORKERS))
}

/// The bytes of this process that are in memory, with the stacks of all threads as far as they are.
fn resident() -> Result<f64, Failed> {
    let read = || std::fs::read_to_string("/proc/self/smaps_rollup");
    let text = read()
        .map_err(|error| format!("/proc/self/smaps_rollup: {error}; hint: this is measured on Linux"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Rss:"));
    let number =
        line.and_then(|line| line.split_whitespace().next()).ok_or("/proc/self/smaps_rollup has no Rss")?;
    Ok(number.parse::<f64>()? * 1024.0)
}
