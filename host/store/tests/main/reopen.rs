//! What is recorded outlives the daemon, and a start-up that is repeated changes nothing.

use omi_kernel::descriptor::Fidelity;
use omi_kernel::input::Input;
use omi_kernel::permission::ApprovalPolicy;

use crate::bench::*;

/// A bench with one of everything: a success, a failure to come, a question, a queue.
fn busy() -> Bench {
    let mut bench = Bench::new();
    let (_, done) = bench.running("done");
    bench.take(finished(&done.attempt, well(), "done", None));
    let (_, asking) = bench.running("asking");
    bench.take(asks_leave(&asking.attempt, 1, ApprovalPolicy::Ask));
    let (stopping, _) = bench.running("stopping");
    bench.take(cancel(&stopping.run));
    let starting = bench.accept(asks("starting"));
    bench.begin(&starting.run);
    let lost = bench.accept(asks("lost"));
    let begun = bench.begin(&lost.run);
    bench.take(opened(&begun, "native-lost", Fidelity::None));
    bench.accept(asks("queued"));
    bench
}

#[test]
fn everything_survives() {
    let bench = busy();
    let before = bench.dump();
    let bench = bench.reopen();
    assert_eq!(bench.dump(), before);
}

#[test]
fn reconciliation_changes_nothing_the_second_time() {
    let mut bench = busy().reopen();
    let first = bench.take(Input::Reconcile);
    assert_eq!(first.events.len(), 2 * 4 + 1, "four runs with their attempts, and one binding");
    let after = bench.dump();
    let second = bench.take(Input::Reconcile);
    assert_eq!(bench.dump(), after);
    assert!(second.events.is_empty());
    assert_eq!(second.effects, first.effects, "what is queued is scheduled each time");

    let mut bench = bench.reopen();
    assert!(bench.take(Input::Reconcile).events.is_empty());
    assert_eq!(bench.dump(), after, "nor after another restart");
}

#[test]
fn no_worker_of_the_last_daemon_is_left() {
    let mut bench = busy().reopen();
    bench.take(Input::Reconcile);
    assert_eq!(bench.column("SELECT DISTINCT adapter_instance_id FROM run_attempts"), [""]);
    assert_eq!(bench.column("SELECT DISTINCT adapter_instance_id FROM adapter_bindings"), ["null"]);
}

#[test]
fn surfaces_see_what_was_orphaned() {
    let mut bench = busy().reopen();
    bench.take(Input::Reconcile);
    let orphaned = "SELECT visibility || ' ' || retention_class || ' ' || COUNT(*) FROM events \
                    WHERE type IN ('attempt.orphaned', 'run.orphaned') GROUP BY visibility, retention_class";
    assert_eq!(bench.column(orphaned), ["ui core 8"]);
}

#[test]
fn an_orphaned_run_takes_no_late_reports() {
    let mut bench = Bench::new();
    let (accepted, begun) = bench.running("r1");
    let mut bench = bench.reopen();
    bench.take(Input::Reconcile);
    let before = bench.dump();
    bench.take(chunk(&begun.attempt, "m1", 0, "late"));
    bench.take(finished(&begun.attempt, well(), "late", None));
    assert_eq!(bench.dump(), before);
    assert_eq!(bench.statuses(&accepted.run), ["orphaned", "orphaned"]);
}

#[test]
fn a_native_session_outlives_the_daemon() {
    let mut bench = Bench::new();
    let (first, begun) = bench.running("r1");
    bench.take(finished(&begun.attempt, well(), "one", None));
    let mut bench = bench.reopen();
    bench.take(Input::Reconcile);
    let second = bench.accept(asks_in(&first.session, "r2"));
    let resumed = bench.begin(&second.run);
    assert_eq!(resumed.binding, begun.binding);
    bench.take(opened(&resumed, "native-r1", Fidelity::Native));
    assert!(bench.events().contains(&"binding.resumed".to_owned()));
    assert_eq!(bench.column("SELECT COUNT(*) FROM adapter_bindings"), ["1"]);
}
