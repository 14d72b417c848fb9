//! How long the kernel takes to decide, without reading and without writing.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use anyhow::{Result, anyhow};
use omi_kernel::id::Ids;
use omi_kernel::input::Input;
use omi_model::Record;
use omi_model::coverage::kind;
use omi_model::script::Seed;
use omi_model::sim::{Entry, Setting, Sim};

use omi_figures::{Figure, Unit, percentile};

/// Worlds whose inputs are decided again.
const WORLDS: usize = 60;
/// Steps of each.
const STEPS: usize = 500;
/// Times that each input is decided, so that the clock is read seldom.
const TIMES: u32 = 8;
/// The seed of the worlds. The number itself means nothing.
const SEED: u64 = 0x5eed_0006;
/// Nanoseconds that a decision may take.
const DECISION_NS_MAX: f64 = 5_000.0;

/// The median of each kind of input.
pub(crate) fn measure() -> Result<Vec<Figure>> {
    let mut scripts = Seed::new(SEED);
    let mut taken: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
    for _ in 0..WORLDS {
        let mut sim = Sim::new(Setting::new(scripts.roll()));
        sim.journal = Some(Vec::new());
        sim.play(&scripts.script(STEPS)).map_err(|fault| anyhow!(fault))?;
        again(sim.journal.unwrap_or_default(), &mut taken)?;
    }
    let mut all: Vec<f64> = taken.values().flatten().copied().collect();
    let figure = |(kind, mut values): (&str, Vec<f64>)| {
        let name = format!("decide {kind}, p50 of {}", values.len());
        let figure = Figure::new(name, percentile(&mut values, 50), Unit::Nanoseconds);
        // Starting decides about every run there is, once.
        if kind == "Reconcile" { figure } else { figure.at_most(DECISION_NS_MAX) }
    };
    let mut figures: Vec<Figure> = taken.into_iter().map(figure).collect();
    let name = format!("decide, p50 of {}", all.len());
    figures.push(Figure::new(name, percentile(&mut all, 50), Unit::Nanoseconds).at_most(DECISION_NS_MAX));
    figures.push(Figure::new("decide, p99", percentile(&mut all, 99), Unit::Nanoseconds));
    Ok(figures)
}

fn again(journal: Vec<Entry>, taken: &mut BTreeMap<&'static str, Vec<f64>>) -> Result<()> {
    let mut record = Record::default();
    let mut last_id = 0;
    for entry in journal {
        let Entry::Batch { now, inputs, .. } = entry else { continue };
        for input in inputs {
            // What is refused is quick, and says nothing.
            if let Some(nanoseconds) = nanoseconds(&input, &record) {
                taken.entry(kind(&input)).or_default().push(nanoseconds);
            }
            let mut source = || {
                last_id += 1;
                last_id
            };
            let outcome = record.take(&input, now, &mut Ids::new(&mut source));
            // What is refused was timed, too.
            let _ = outcome.map_err(|fault| anyhow!(fault))?;
        }
    }
    Ok(())
}

fn nanoseconds(input: &Input, record: &Record) -> Option<f64> {
    let facts = record.facts(&input.wants());
    let mut other_id = 1 << 100;
    let mut source = || {
        other_id += 1;
        other_id
    };
    let mut ids = Ids::new(&mut source);
    omi_kernel::decide(input, &facts, &mut ids).ok()?;
    let begun = Instant::now();
    for _ in 0..TIMES {
        // Only the time counts here.
        let _ = black_box(omi_kernel::decide(black_box(input), black_box(&facts), &mut ids));
    }
    Some(begun.elapsed().as_secs_f64() * 1e9 / f64::from(TIMES))
}
