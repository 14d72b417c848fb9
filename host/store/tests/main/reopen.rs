//! What is recorded outlives the daemon, and a start-up that is repeated changes nothing.

use omi_kernel::descriptor::Fidelity;
use omi_kernel::effect::Effect;
use omi_kernel::input::{Begin, Input};
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
    let schedules = |effects: &[Effect]| {
        let schedules = effects.iter().filter(|effect| matches!(effect, Effect::Schedule { .. }));
        schedules.cloned().collect::<Vec<_>>()
    };
    assert_eq!(schedules(&first.effects).len(), 1);
    assert_eq!(second.effects, schedules(&first.effects), "what is queued is scheduled each time");

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
    assert_eq!(bench.column("SELECT late_reports FROM run_attempts"), ["2"]);
    bench.beside().execute("UPDATE run_attempts SET late_reports = 0", []).unwrap();
    assert_eq!(bench.dump(), before, "but for the count nothing changed");
    assert_eq!(bench.statuses(&accepted.run), ["orphaned", "orphaned"]);
}

#[test]
fn processes_of_the_last_daemon_are_named_once_for_each() {
    let mut bench = Bench::new();
    let mut lead = |request, pid| {
        let run = bench.accept(asks(request)).run;
        bench.take(Input::Begin(Begin { lease: Some(lease(pid)), ..begin(&run) }))
    };
    lead("r1", 70);
    lead("r2", 71);
    lead("r3", 70);
    let (_, begun) = bench.running("r4");
    bench.take(Input::Leased { attempt: begun.attempt.clone(), lease: lease(72) });
    bench.take(finished(&begun.attempt, well(), "its worker may be there still", None));
    let reaped = |committed: &omi_store::Committed| {
        let effects = committed.effects.iter();
        let leases = effects.filter_map(|effect| match effect {
            Effect::Reap { lease } => Some(lease.clone()),
            _ => None,
        });
        leases.collect::<Vec<_>>()
    };
    let mut bench = bench.reopen();
    let committed = bench.take(Input::Reconcile);
    assert_eq!(reaped(&committed), [lease(70), lease(71), lease(72)]);
    let committed = bench.take(Input::Reconcile);
    assert_eq!(reaped(&committed), [], "once: their workers are forgotten");
    let kept = "SELECT COUNT(*) FROM run_attempts WHERE lease_json ->> 'bootId' = 'boot'";
    assert_eq!(bench.column(kept), ["4"], "what identified them stays on record");
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
