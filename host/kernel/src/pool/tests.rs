//! What a pool gives, and what it never takes away.

use super::*;
use crate::id::Ids;

fn waiting(run: u128, session: u128, adapter: &str) -> Waiting {
    Waiting {
        run: RunId::new(&mut Ids::new(&mut || run)),
        session: SessionId::new(&mut Ids::new(&mut || session)),
        adapter: adapter.into(),
    }
}

fn worker(n: u128) -> WorkerId {
    WorkerId::new(&mut Ids::new(&mut || n))
}

fn pool(workers_max: usize, of_adapter: &[(&str, usize)]) -> Pool {
    Pool::new(workers_max, of_adapter.iter().map(|(adapter, max)| ((*adapter).into(), *max)).collect())
}

/// The component of a registration, with these bytes.
fn runs(adapter: &str, digest: &str) -> Runs {
    Runs { component: format!("/{adapter}.wasm"), digest: digest.to_owned() }
}

fn install(pool: &mut Pool, adapter: &str, digest: Option<&str>) {
    pool.installed(format!("/{adapter}.wasm"), digest.map(str::to_owned));
}

/// A worker that executes a run of a session and holds its binding.
fn busy(pool: &mut Pool, n: u128, adapter: &str) -> Waiting {
    let waiting = waiting(n, n, adapter);
    pool.starting(worker(n), &waiting, Timestamp(0));
    assert_eq!(pool.started(&worker(n), runs(adapter, "old"), 1), Some(waiting.run.clone()));
    let holding = Holding { session: waiting.session.clone(), fidelity: Fidelity::None };
    pool.hold(&worker(n), BindingId::new(&mut Ids::new(&mut || n)), holding);
    waiting
}

/// A worker that has executed a run of a session, holds its binding, and is idle since `at`.
fn used(pool: &mut Pool, n: u128, adapter: &str, at: i64) {
    let run = busy(pool, n, adapter).run;
    pool.release(&run, Timestamp(at));
}

#[test]
fn a_session_goes_back_to_the_worker_that_holds_its_binding() {
    let mut pool = pool(8, &[]);
    used(&mut pool, 1, "pi", 5);
    used(&mut pool, 2, "pi", 6);
    assert_eq!(pool.find(&waiting(9, 2, "pi"), 0), Lease::Use(worker(2)));
    pool.lease(&worker(2), &waiting(9, 2, "pi").run);
    assert_eq!(pool.find(&waiting(10, 2, "pi"), 0), Lease::Wait, "it is never opened twice");
    assert_eq!(pool.find(&waiting(11, 3, "pi"), 0), Lease::Start, "what is pinned is not taken over");
}

#[test]
fn a_session_that_can_be_taken_up_elsewhere_leaves_a_busy_worker() {
    let mut pool = pool(8, &[]);
    let (busy, other) = (waiting(1, 1, "acp"), waiting(2, 2, "acp"));
    let binding = BindingId::new(&mut Ids::new(&mut || 2));
    pool.starting(worker(1), &busy, Timestamp(0));
    pool.started(&worker(1), runs("acp", "old"), 3);
    let holding = Holding { session: other.session.clone(), fidelity: Fidelity::Native };
    pool.hold(&worker(1), binding.clone(), holding);
    assert_eq!(pool.find(&other, 1), Lease::Move { worker: worker(1), binding: binding.clone() });
    pool.let_go(&worker(1), &binding);
    assert_eq!(pool.find(&other, 1), Lease::Start);
}

#[test]
fn a_full_pool_evicts_the_idle_worker_that_was_used_longest_ago() {
    let mut pool = pool(8, &[("pi", 2)]);
    used(&mut pool, 1, "pi", 7);
    used(&mut pool, 2, "pi", 6);
    assert_eq!(pool.find(&waiting(9, 9, "pi"), 0), Lease::Evict(worker(2)));
    pool.stopping(&worker(2));
    assert_eq!(pool.find(&waiting(9, 9, "pi"), 0), Lease::Evict(worker(1)));
    pool.ended(&worker(2));
    assert_eq!(pool.find(&waiting(9, 9, "pi"), 0), Lease::Start);
}

#[test]
fn a_worker_that_a_run_has_is_never_evicted() {
    let mut pool = pool(1, &[]);
    let first = waiting(1, 1, "pi");
    pool.starting(worker(1), &first, Timestamp(0));
    assert_eq!(pool.find(&waiting(2, 2, "acp"), 0), Lease::Wait);
    pool.started(&worker(1), runs("pi", "old"), 1);
    assert_eq!(pool.find(&waiting(2, 2, "acp"), 0), Lease::Wait, "between binding and execution neither");
    assert_eq!(pool.find(&waiting(2, 2, "acp"), 1), Lease::Start, "the first is parked");
    pool.release(&first.run, Timestamp(1));
    assert_eq!(pool.find(&waiting(2, 2, "acp"), 0), Lease::Evict(worker(1)));
}

#[test]
fn a_worker_that_comes_too_late_for_its_run_is_idle() {
    let mut pool = pool(8, &[]);
    let first = waiting(1, 1, "acp");
    pool.starting(worker(1), &first, Timestamp(0));
    pool.release(&first.run, Timestamp(1));
    assert_eq!(pool.started(&worker(1), runs("acp", "old"), 4), None);
    assert_eq!(pool.find(&waiting(2, 2, "acp"), 0), Lease::Use(worker(1)));
    assert_eq!(pool.idle_since(Timestamp(0)), vec![]);
    assert_eq!(pool.idle_since(Timestamp(1)), vec![worker(1)]);
}

#[test]
fn an_idle_worker_gets_no_run_once_its_component_is_installed_anew() {
    let mut pool = pool(8, &[]);
    let (own, other) = (waiting(9, 1, "acp"), waiting(10, 2, "acp"));
    pool.starting(worker(1), &own, Timestamp(0));
    pool.started(&worker(1), runs("acp", "old"), 4);
    let holding = Holding { session: own.session.clone(), fidelity: Fidelity::Native };
    pool.hold(&worker(1), BindingId::new(&mut Ids::new(&mut || 1)), holding);
    pool.release(&own.run, Timestamp(1));
    assert_eq!((pool.find(&other, 0), pool.outdated()), (Lease::Use(worker(1)), vec![]));
    install(&mut pool, "acp", Some("new"));
    assert_eq!(pool.outdated(), [worker(1)]);
    assert_eq!(pool.find(&other, 0), Lease::Start, "what it has room for goes elsewhere");
    assert_eq!(pool.find(&own, 0), Lease::Wait, "two workers with the same native session are one too many");
    pool.stopping(&worker(1));
    assert_eq!((pool.find(&own, 0), pool.outdated()), (Lease::Wait, vec![]), "it is told to end once");
    pool.ended(&worker(1));
    assert_eq!(pool.find(&own, 0), Lease::Start);
}

#[test]
fn a_run_keeps_its_worker_whatever_is_installed_meanwhile() {
    let mut pool = pool(8, &[("pi", 1)]);
    let run = busy(&mut pool, 1, "pi").run;
    install(&mut pool, "pi", Some("new"));
    assert_eq!((pool.of_run(&run), pool.outdated()), (Some(&worker(1)), vec![]));
    assert_eq!(pool.find(&waiting(9, 1, "pi"), 1), Lease::Wait, "also while the run waits for a person");
    pool.release(&run, Timestamp(1));
    assert_eq!(pool.outdated(), [worker(1)], "now nothing needs it");
    assert_eq!(pool.find(&waiting(9, 2, "pi"), 0), Lease::Wait, "it has the one place until it has ended");
}

#[test]
fn a_worker_that_comes_with_bytes_that_were_replaced_meanwhile_is_outdated() {
    let mut pool = pool(8, &[]);
    let first = waiting(1, 1, "pi");
    pool.starting(worker(1), &first, Timestamp(0));
    install(&mut pool, "pi", Some("new"));
    assert!(!pool.is_outdated(&worker(1)), "nobody knows yet which it will run");
    pool.started(&worker(1), runs("pi", "old"), 1);
    assert!(pool.is_outdated(&worker(1)));
    pool.release(&first.run, Timestamp(1));
    assert_eq!(pool.outdated(), [worker(1)]);
    pool.starting(worker(2), &first, Timestamp(2));
    pool.started(&worker(2), runs("pi", "new"), 1);
    assert!(!pool.is_outdated(&worker(2)));
}

#[test]
fn only_workers_of_that_component_with_other_bytes_are_outdated() {
    let mut pool = pool(8, &[]);
    used(&mut pool, 1, "pi", 1);
    used(&mut pool, 2, "acp", 1);
    install(&mut pool, "pi", Some("old"));
    assert_eq!(pool.outdated(), vec![], "the same bytes installed again change nothing");
    install(&mut pool, "pi", None);
    assert_eq!(pool.outdated(), [worker(1)], "it is not installed any more");
    install(&mut pool, "pi", Some("old"));
    assert_eq!(pool.find(&waiting(9, 1, "pi"), 0), Lease::Use(worker(1)), "it is what is installed again");
}
