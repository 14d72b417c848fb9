//! Starting a worker, up to its first word.

use std::time::Instant;

use crate::Failed;
use crate::bare::Bare;
use crate::ours::{Ours, bundled};
use omi_figures::{Figure, Unit, median};

/// Times that a worker is started.
const TIMES: usize = 501;
/// Microseconds that a new worker may take.
const NEW_US_MAX: f64 = 200.0;

/// The median until the adapter has said `ready`, so with its first call. Bare wasmtime makes the same call in an
/// instance without a thread.
pub(crate) fn measure() -> Result<Figure, Failed> {
    let cache = tempfile::tempdir()?;
    let (ours, bare) = (Ours::new(cache.path())?, Bare::new()?);
    let bytes = bundled("echo")?;
    let (adapter, component) = (ours.engine.load("echo", &bytes)?, bare.prepare(&bytes)?);
    let (mut taken, mut bare_taken) = (Vec::new(), Vec::new());
    for _ in 0..TIMES {
        let begun = Instant::now();
        let started = ours.start(&adapter)?;
        taken.push(begun.elapsed().as_secs_f64() * 1e6);
        started.end()?;
        let begun = Instant::now();
        let instance = bare.start(&component)?;
        bare_taken.push(begun.elapsed().as_secs_f64() * 1e6);
        drop(instance);
    }
    let name = "new worker of `echo`, until it is ready";
    let figure = Figure::new(name, median(&mut taken), Unit::Microseconds).beside(median(&mut bare_taken));
    Ok(figure.at_most(NEW_US_MAX))
}
