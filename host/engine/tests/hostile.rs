//! Guests that misbehave harm nothing but their own worker: beside each of them an honest one goes on.

use omi_engine::{LoadError, Registration};
use omi_kernel::command::{Command, StopReason};
use omi_kernel::id::BindingId;
use omi_kernel::report::{Failure, FailureDetail, Outcome, Report, WorkerEnd};

use crate::support::{Probe, component, engine, ids, limits, load, program};

/// How a worker of this guest fails when it gets a prompt, while a neighbour in the same engine goes on.
fn failure_of(guest: &str) -> FailureDetail {
    // A second of running would do for all but the slowest of builds.
    let engine = engine(omi_engine::Limits { call_ms: 5_000, ..limits() });
    let (bad, good) = (load(&engine, guest), load(&engine, "echo"));
    let neighbour = Probe::on(engine.clone(), &good, Registration::default(), 1);
    let binding = neighbour.open();
    let probe = Probe::on(engine, &bad, Registration::default(), 1);
    probe.execute("do your worst");
    let failure = probe.failure();
    let attempt =
        neighbour.prompt(&binding, vec![omi_kernel::command::PromptBlock::Text { text: "well".into() }]);
    assert_eq!(neighbour.answer(&attempt).0, "well");
    assert!(!failure.message.contains('\n'), "{failure:?}");
    failure
}

/// The answer of a guest that gets through its prompt.
fn answer_of(guest: &str) -> String {
    let probe = Probe::start(guest);
    let attempt = probe.execute("go on");
    probe.answer(&attempt).0
}

fn load_error(guest: &str) -> LoadError {
    let limits = omi_engine::Limits { startup_ms: 300, ..limits() };
    engine(limits).load(guest, &component(guest)).unwrap_err()
}

pub(crate) fn a_spin_in_describe_is_a_limit() {
    let error = load_error("describe_spin");
    assert!(matches!(&error, LoadError::LimitHit { text } if text.contains("300 ms")), "{error}");
}

pub(crate) fn a_panic_in_describe_has_its_message() {
    let error = load_error("describe_trap");
    assert!(
        matches!(&error, LoadError::Trapped { text } if text.contains("I do not know who I am")),
        "{error}"
    );
}

pub(crate) fn a_spin_ends_its_worker() {
    let failure = failure_of("call_spin");
    assert_eq!(failure.code, "adapter_deadline", "{failure:?}");
}

pub(crate) fn recursion_ends_its_worker() {
    let failure = failure_of("call_recurse");
    assert_eq!(failure.code, "adapter_trapped", "{failure:?}");
}

pub(crate) fn growing_memory_ends_its_worker() {
    let failure = failure_of("call_grow");
    assert_eq!(failure.code, "adapter_limit", "{failure:?}");
    assert!(failure.message.contains("memory"), "{failure:?}");
}

pub(crate) fn a_panic_ends_its_worker_and_nothing_is_performed() {
    // `failure_of` sees that nothing is reported before the end.
    let failure = failure_of("call_panic");
    assert_eq!(failure.code, "adapter_trapped", "{failure:?}");
    assert!(failure.message.contains("this is a bug of the guest"), "{failure:?}");
}

pub(crate) fn a_million_outputs_end_the_worker() {
    let failure = failure_of("call_outputs");
    assert!(
        ["adapter_limit", "adapter_deadline", "adapter_trapped"].contains(&failure.code.as_str()),
        "{failure:?}"
    );
}

pub(crate) fn a_log_flood_is_dropped() {
    assert_eq!(answer_of("log_flood"), "");
}

pub(crate) fn what_is_not_granted_is_refused() {
    let answer = answer_of("gate_ungranted");
    let lines: Vec<&str> = answer.lines().collect();
    assert_eq!(lines.len(), 6, "{answer}");
    let undeclared = |grant: &str| format!("the component does not declare that for the grant `{grant}`");
    assert!(
        lines[0].starts_with("1 denied `test` may not start ") && lines[0].contains(&undeclared("secret")),
        "{answer}"
    );
    for line in &lines[1..5] {
        assert!(line.contains("denied") && line.contains("[registrations.test.grants.agent]"), "{answer}");
    }
    assert!(lines[5].starts_with("6 denied `test` may not read `/etc/passwd`"), "{answer}");
    assert!(lines[5].contains(&undeclared("workspace")), "{answer}");
}

pub(crate) fn what_is_granted_stays_in_its_bounds() {
    let probe = Probe::with("gate_ungranted", program(&["/bin/true"]), limits());
    let attempt = probe.execute("go on");
    let (answer, _) = probe.answer(&attempt);
    let mut lines: Vec<&str> = answer.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines[1], "2 spawned", "{answer}");
    assert!(lines[2].contains("need a `terminal` grant"), "{answer}");
    for (line, folder) in [(lines[3], "`/`"), (lines[4], "`..`")] {
        let reason = format!("(grant `agent`): the folder {folder} is not below the granted one");
        assert!(line.contains("denied `test` may not start ") && line.contains(&reason), "{answer}");
        assert!(line.contains("[registrations.test.grants.agent]"), "{answer}");
    }
}

pub(crate) fn foreign_numbers_are_refused() {
    // `answer` sees that nothing about another attempt or binding is reported.
    let answer = answer_of("scope_foreign");
    let lines: Vec<&str> = answer.lines().collect();
    assert_eq!(lines.len(), 5, "{answer}");
    for (line, words) in
        lines.iter().zip(["1 Why::Unknown", "2 Why::Unknown", "3 Why::Unknown", "4242 Why::Unknown"])
    {
        assert!(line.starts_with(words), "{answer}");
    }
    assert_eq!(lines[4], "4 timer");
}

pub(crate) fn an_omi_id_is_no_native_id() {
    let probe = Probe::start("binding_omi_id");
    assert!(matches!(probe.next(), Report::Ready { .. }));
    let binding = ids(BindingId::new);
    probe.send_open(&binding);
    match probe.next() {
        Report::BindingFailed { binding: failed, failure: Failure::Fatal(why) } => {
            assert_eq!((failed, why.code.as_str()), (binding, "native_id_is_omi_id"));
        }
        other => panic!("{other:?}"),
    }
}

pub(crate) fn what_comes_after_the_end_is_dropped() {
    let probe = Probe::start("attempt_twice");
    let attempt = probe.execute("go on");
    assert_eq!(probe.answer(&attempt), (String::new(), Outcome::Succeeded { stop_reason: "done".into() }));
    probe.worker.send(Command::Stop { reason: StopReason::Shutdown }).unwrap();
    assert_eq!(probe.end(), WorkerEnd::Stopped);
}

pub(crate) fn a_stopping_worker_starts_nothing() {
    let probe = Probe::with("stop_late", program(&["/bin/sleep", "1000"]), limits());
    let attempt = probe.execute("go on");
    probe.answer(&attempt);
    probe.worker.send(Command::Stop { reason: StopReason::Recycle }).unwrap();
    assert_eq!(probe.end(), WorkerEnd::Stopped);
}

pub(crate) fn refusals_do_not_pile_up() {
    let failure = failure_of("timer_flood");
    assert_eq!(failure.code, "adapter_limit", "{failure:?}");
}

pub(crate) fn waiting_is_a_trap() {
    let failure = failure_of("wasi_wait");
    assert!(failure.message.contains("tried to wait"), "{failure:?}");
}

pub(crate) fn the_world_is_empty_and_the_same() {
    let engine = engine(limits());
    let adapter = load(&engine, "wasi_world");
    let world = |seed| {
        let probe = Probe::on(engine.clone(), &adapter, Registration::default(), seed);
        let attempt = probe.execute("look");
        probe.answer(&attempt).0
    };
    let (first, same, other) = (world(1), world(1), world(2));
    assert_eq!(first, same);
    assert_ne!(first.lines().next(), other.lines().next());
    assert!(first.ends_with("clock true\nfrozen true\nvariables 0\narguments 0\nfiles false\n"), "{first}");
}
