//! Whatever happens in whatever order, the rules hold, and everything comes to an end.

use std::time::Instant;

use omi_kernel::id::{Ids, Timestamp};
use omi_model::coverage::Coverage;
use omi_model::script::Dice;
use omi_model::sim::{Setting, Sim};
use omi_model::walk::Walk;
use omi_model::{Fault, Record};
use proptest::prelude::any;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

/// Scripts of one seed.
const SCRIPTS: u32 = 220;
/// Scripts of the seed that is another one each time.
const RANDOM_SCRIPTS: u32 = 60;
/// Scripts of the long suite.
const LONG_SCRIPTS: u32 = 12_000;
/// Walks of wild inputs.
const WALKS: u32 = 40;
/// Steps of one script, at most.
const STEPS: usize = 1000;
/// Shorter scripts that are tried once one fails: enough for a short one, and a minute at most.
const SHRINKS_MAX: u32 = 8_000;
/// The seed of every run of this test. The number itself means nothing.
const SEED: u64 = 0x5eed_0003;

fn runner(seed: u64, scripts: u32) -> TestRunner {
    let config = Config {
        cases: scripts,
        failure_persistence: None,
        max_shrink_iters: SHRINKS_MAX,
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

fn simulate(seed: u64, scripts: u32) -> Coverage {
    let seen = std::cell::RefCell::new(Coverage::default());
    let scripted = proptest::collection::vec(any::<u64>(), 0..=STEPS);
    let outcome = runner(seed, scripts).run(&(0..Setting::COUNT, scripted), |(setting, script)| {
        let mut sim = Sim::new(Setting::new(setting));
        let played = sim.play(&script);
        seen.borrow_mut().add(&sim.coverage);
        played.map_err(TestCaseError::fail)
    });
    match outcome {
        Ok(()) => seen.into_inner(),
        Err(TestError::Fail(reason, (setting, script))) => {
            panic!("seed {seed:#x}: {reason}\nthe shortest script found, in setting {setting}:\n{script:?}")
        }
        Err(error) => panic!("seed {seed:#x}: {error}"),
    }
}

#[test]
fn the_rules_hold_in_a_simulated_world() {
    let begun = Instant::now();
    let seen = simulate(SEED, SCRIPTS);
    println!("{} inputs decided in {:?}: {seen:#?}", seen.decided, begun.elapsed());
    assert!(seen.missing().is_empty(), "{:#?}", seen.missing());
    assert!(seen.unmet().is_empty(), "{:#?}", seen.unmet());
}

/// Another seed each time; `OMI_TEST_SEED` plays one again.
pub(crate) fn seed() -> u64 {
    let given = std::env::var("OMI_TEST_SEED").ok().and_then(|seed| {
        let digits = seed.trim_start_matches("0x");
        u64::from_str_radix(digits, if digits == seed { 10 } else { 16 }).ok()
    });
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let seed = given.unwrap_or(u64::from(clock.subsec_nanos()));
    println!("OMI_TEST_SEED={seed:#x}");
    seed
}

#[test]
fn the_rules_hold_whatever_the_seed() {
    simulate(seed(), RANDOM_SCRIPTS);
}

#[test]
#[ignore = "millions of steps: `cargo xtask test --long` runs it in a release build"]
fn the_rules_hold_for_long() {
    simulate(seed(), LONG_SCRIPTS);
}

/// Plays wild inputs, from the beginning.
fn walk(script: &[u64]) -> Result<Coverage, Fault> {
    let (mut record, mut walk, mut seen) = (Record::default(), Walk::default(), Coverage::default());
    let mut now = Timestamp(1_700_000_000_000);
    let mut last_id = 0;
    for number in script {
        let mut dice = Dice::new(*number);
        now = Timestamp(now.0 + dice.of(&[0, 0, 0, 1, 30_000, -600_000]));
        let input = walk.input(&record, now, &mut dice);
        let mut source = || {
            last_id += 1;
            last_id
        };
        let taken = record.take(&input, now, &mut Ids::new(&mut source));
        let taken = taken.map_err(|fault| format!("{fault}\nafter {input:#?}"))?;
        seen.note(&input, &taken, &record);
        if let Ok(taken) = &taken {
            walk.note(taken);
        }
    }
    record.judge_all()?;
    Ok(seen)
}

#[test]
fn the_rules_hold_against_what_no_driver_sends() {
    for seed in [SEED, seed()] {
        let seen = std::cell::RefCell::new(Coverage::default());
        let scripted = proptest::collection::vec(any::<u64>(), 0..=STEPS);
        let outcome = runner(seed, WALKS).run(&scripted, |script| {
            seen.borrow_mut().add(&walk(&script).map_err(TestCaseError::fail)?);
            Ok(())
        });
        outcome.unwrap_or_else(|failed| panic!("seed {seed:#x}: {failed}"));
        let seen = seen.into_inner();
        assert!(seed != SEED || seen.missing().is_empty(), "{:#?}", seen.missing());
    }
}
