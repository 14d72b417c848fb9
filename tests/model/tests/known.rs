//! Defects that the simulation has found, each as the shortest story that shows it. One that nobody has mended yet is
//! ignored by name, and loses that mark with the defect; where the simulation must step around it, the place says
//! `KNOWN DEFECT`.

mod access;
mod kernel;

use omi_kernel::descriptor::Fidelity;
use omi_kernel::effect::Wait;
use omi_kernel::id::{AttemptId, BindingId, Ids, RunId, SessionId, Timestamp, WorkerId};
use omi_kernel::pool::{Holding, Lease, Pool, Runs};
use omi_kernel::schedule::{Scheduler, Waiting};
use omi_kernel::watch::{Due, TimeLimits, Watch};

fn waiting(run: u128, session: u128) -> Waiting {
    Waiting {
        run: RunId::new(&mut Ids::new(&mut || run)),
        session: SessionId::new(&mut Ids::new(&mut || session)),
        adapter: "acp".into(),
    }
}

/// A parent that waits by `continue` keeps its worker, and that worker holds the session that is to go on: the child
/// waits for the worker, the worker for the parent, and the parent for the child.
#[test]
fn a_child_gets_a_worker_although_its_parents_worker_holds_its_session() {
    let mut pool = Pool::new(4, [].into());
    let (parent, child) = (waiting(1, 1), waiting(2, 2));
    let worker = WorkerId::new(&mut Ids::new(&mut || 1));
    pool.starting(worker.clone(), &parent, Timestamp(0));
    let runs = Runs { component: "acp".into(), digest: "d1".into() };
    pool.started(&worker, runs, 3);
    for (binding, session) in [(1, parent.session), (2, child.session.clone())] {
        let binding = BindingId::new(&mut Ids::new(&mut || binding));
        pool.hold(&worker, binding, Holding { session, fidelity: Fidelity::Native });
    }
    assert_ne!(
        pool.find(&child, 1),
        Lease::Wait,
        "the parent is parked: nobody will ever give the worker back"
    );
}

/// Who waits for a person and then for another run too must still be told when nobody answers.
#[test]
fn a_person_has_a_time_limit_while_another_run_is_waited_for() {
    let (attempt, run) = (AttemptId::new(&mut Ids::new(&mut || 1)), waiting(1, 1).run);
    let limits = TimeLimits { run_ms: None, progress_ms: None, wait_ms: Some(1000) };
    let mut watch = Watch::default();
    watch.begin(attempt.clone(), run.clone(), limits, Timestamp(0));
    watch.pause(&run, Wait::Person, Timestamp(0));
    watch.pause(&run, Wait::Child, Timestamp(10));
    assert_eq!(watch.due(Timestamp(1000)), vec![(attempt, Due::Unanswered)]);
}

/// Who may go on and is asked again before it has a permit waits again, even if no place to wait is left but its own:
/// given a permit, its time would run while a person is asked.
#[test]
fn a_run_that_is_asked_again_before_it_returns_does_not_return() {
    let mut scheduler = Scheduler::new(1, 1);
    (1..=2).for_each(|number| scheduler.enqueue(waiting(number, number)));
    let first = scheduler.lease(|_| true).unwrap().run;
    scheduler.park(&first, Wait::Person);
    let second = scheduler.lease(|_| true).unwrap().run;
    scheduler.unpark(&first, Wait::Person);
    scheduler.park(&first, Wait::Person);
    scheduler.release(&second);
    assert_eq!(scheduler.resume(), None, "a person is asked");
}
