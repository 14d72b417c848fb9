//! Many simulated worlds, one after the other: for the test of every run, and for how long a million steps take.

use std::time::{Duration, Instant};

use crate::Fault;
use crate::coverage::Coverage;
use crate::script::{Script, Seed};
use crate::sim::{Setting, Sim};

/// Steps of one world: enough for everything to happen, few enough for a record that is quick to read.
pub const WORLD_STEPS: usize = 500;

/// What came of it.
#[derive(Debug)]
pub struct Report {
    /// The steps that were taken.
    pub steps: u64,
    /// What they led to.
    pub coverage: Coverage,
    /// How long it took.
    pub elapsed: Duration,
}

/// A rule that was broken.
#[derive(Debug)]
pub struct Broken {
    /// The seed.
    pub seed: u64,
    /// The script of the world.
    pub script: Script,
    /// The rule.
    pub fault: Fault,
}

/// Simulates worlds until there were so many steps. The same seed takes the same ones.
pub fn simulate(seed: u64, steps: u64) -> Result<Report, Box<Broken>> {
    let begun = Instant::now();
    let mut scripts = Seed::new(seed);
    let mut report = Report { steps: 0, coverage: Coverage::default(), elapsed: Duration::ZERO };
    while report.steps < steps {
        let setting = Setting::new(scripts.roll());
        let script = scripts.script(WORLD_STEPS);
        let mut sim = Sim::new(setting);
        if let Err(fault) = sim.play(&script) {
            return Err(Box::new(Broken { seed, script, fault }));
        }
        report.steps += WORLD_STEPS as u64;
        report.coverage.add(&sim.coverage);
    }
    report.elapsed = begun.elapsed();
    Ok(report)
}
