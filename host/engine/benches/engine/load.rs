//! Loading a component whose compiled code is in the cache.

use std::time::Instant;

use crate::Failed;
use crate::bare::Bare;
use crate::figure::{Figure, Unit, median};
use crate::ours::{Ours, bundled};

/// Times that each is loaded.
const TIMES: usize = 101;
/// Milliseconds that loading may take.
const LOAD_MS_MAX: f64 = 5.0;

/// The median of each bundled adapter. Ours also looks at what it imports, hashes it, and asks who it is.
pub(crate) fn measure() -> Result<Vec<Figure>, Failed> {
    let (cache, bare_cache) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let (ours, bare) = (Ours::new(cache.path())?, Bare::new(bare_cache.path())?);
    let mut figures = Vec::new();
    for (name, title) in [("echo", "load `echo`, cached"), ("acp", "load `acp`, cached")] {
        let bytes = bundled(name)?;
        // The first of each compiles.
        ours.engine.load(name, &bytes)?;
        bare.component(&bytes)?;
        let (mut loads, mut bare_loads) = (Vec::new(), Vec::new());
        for _ in 0..TIMES {
            loads.push(milliseconds(|| Ok(ours.engine.load(name, &bytes)?))?);
            bare_loads.push(milliseconds(|| Ok(bare.component(&bytes)?))?);
        }
        let (load, bare_load) = (median(&mut loads), median(&mut bare_loads));
        figures.push(Figure::new(title, Unit::Milliseconds, load, bare_load).at_most(LOAD_MS_MAX));
    }
    Ok(figures)
}

fn milliseconds<T>(run: impl FnOnce() -> Result<T, Failed>) -> Result<f64, Failed> {
    let begun = Instant::now();
    let loaded = run()?;
    let taken = begun.elapsed();
    drop(loaded);
    Ok(taken.as_secs_f64() * 1e3)
}
