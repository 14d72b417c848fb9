//! Loading a component whose compiled code is in the cache.

use std::time::Instant;

use crate::Failed;
use crate::bare::Bare;
use crate::ours::{Ours, bundled};
use omi_figures::{Figure, Unit, median};

/// Times that each is loaded.
const TIMES: usize = 101;
/// Milliseconds that loading may take.
const LOAD_MS_MAX: f64 = 5.0;

/// The median of each bundled adapter, whose digest is known. Ours also looks at what it imports, links it, starts it, and
/// asks who it is. What is installed is hashed before, which is the last figure.
pub(crate) fn measure() -> Result<Vec<Figure>, Failed> {
    let (cache, bare_cache) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let (ours, bare) = (Ours::new(cache.path())?, Bare::new()?);
    let mut figures = Vec::new();
    for (name, title) in [("echo", "load `echo`, cached"), ("acp", "load `acp`, cached")] {
        let bytes = bundled(name)?;
        let (digest, file) = (omi_engine::digest(&bytes), bare_cache.path().join(name));
        // The first of each compiles.
        ours.engine.load_known(name, &bytes, &digest)?;
        bare.keep(&bytes, &file)?;
        let (mut loads, mut bare_loads) = (Vec::new(), Vec::new());
        for _ in 0..TIMES {
            loads.push(milliseconds(|| Ok(ours.engine.load_known(name, &bytes, &digest)?))?);
            bare_loads.push(milliseconds(|| Ok(bare.kept(&file)?))?);
        }
        let (load, bare_load) = (median(&mut loads), median(&mut bare_loads));
        figures.push(Figure::new(title, load, Unit::Milliseconds).beside(bare_load).at_most(LOAD_MS_MAX));
    }
    let bytes = bundled("acp")?;
    let mut hashes = Vec::new();
    for _ in 0..TIMES {
        hashes.push(milliseconds(|| Ok(omi_engine::digest(&bytes)))?);
    }
    let hash = median(&mut hashes);
    figures.push(Figure::new("hash `acp` (SHA-256)", hash, Unit::Milliseconds));
    Ok(figures)
}

fn milliseconds<T>(run: impl FnOnce() -> Result<T, Failed>) -> Result<f64, Failed> {
    let begun = Instant::now();
    let loaded = run()?;
    let taken = begun.elapsed();
    drop(loaded);
    Ok(taken.as_secs_f64() * 1e3)
}
