//! What a run used is the sum of what its attempts used.

use omi_kernel::descriptor::Fidelity;
use omi_kernel::input::Input;
use omi_kernel::report::{Activity, Outcome, Usage};

use crate::bench::*;

const SUMS: &str = "SELECT input_tokens || ' ' || output_tokens || ' ' || cost_usd FROM runs ORDER BY rowid";

fn used(input: u32, output: u32, cost: f64) -> Usage {
    Usage { input_tokens: Some(input), output_tokens: Some(output), cost_usd: Some(cost), ..Usage::default() }
}

#[test]
fn a_failed_attempt_counts() {
    let mut bench = Bench::new();
    let (accepted, first) = bench.running("r1");
    bench.take(finished(&first.attempt, stale(), "", Some(used(100, 1, 0.25))));
    assert_eq!(bench.column(SUMS), ["100 1 0.25"], "also while the run goes on");
    let second = bench.begin(&accepted.run);
    bench.take(opened(&second, "native-2", Fidelity::Native));
    bench.take(finished(&second.attempt, well(), "done", Some(used(20, 7, 0.5))));
    assert_eq!(bench.statuses(&accepted.run), ["succeeded", "failed", "succeeded"]);
    assert_eq!(bench.column(SUMS), ["120 8 0.75"]);
    let each = "SELECT input_tokens FROM run_attempts ORDER BY attempt_no";
    assert_eq!(bench.column(each), ["100", "20"]);
    let unknown = bench.column("SELECT cache_read_tokens FROM runs");
    assert_eq!(unknown, ["null"], "what nobody said is unknown, not zero");
}

#[test]
fn a_cancelled_attempt_counts_and_another_run_does_not() {
    let mut bench = Bench::new();
    let (stopped, first) = bench.running("r1");
    let (_, second) = bench.running("r2");
    bench.take(cancel(&stopped.run));
    bench.take(finished(&first.attempt, Outcome::Cancelled, "", Some(used(3, 4, 0.125))));
    bench.take(finished(&second.attempt, well(), "", Some(used(30, 40, 0.5))));
    assert_eq!(bench.column(SUMS), ["3 4 0.125", "30 40 0.5"]);
}

#[test]
fn sums_go_beyond_what_one_attempt_can_use() {
    let mut bench = Bench::new();
    let (accepted, first) = bench.running("r1");
    bench.take(finished(&first.attempt, stale(), "", Some(used(u32::MAX, 0, 0.0))));
    let second = bench.begin(&accepted.run);
    bench.take(opened(&second, "native-2", Fidelity::Native));
    bench.take(finished(&second.attempt, well(), "", Some(used(u32::MAX, 0, 0.0))));
    let sum = (2 * u64::from(u32::MAX)).to_string();
    assert_eq!(bench.column("SELECT input_tokens FROM runs"), [sum]);
}

#[test]
fn what_was_said_on_the_way_stays_where_the_end_says_nothing() {
    let mut bench = Bench::new();
    let (_, begun) = bench.running("r1");
    let so_far = Activity::Usage(used(10, 1, 0.25));
    bench.take(Input::Activity { attempt: begun.attempt.clone(), activity: so_far });
    let last = Usage { input_tokens: Some(12), output_tokens: Some(2), ..Usage::default() };
    bench.take(finished(&begun.attempt, well(), "", Some(last)));
    assert_eq!(bench.column(SUMS), ["12 2 0.25"]);
}
