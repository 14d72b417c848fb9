//! The life of a worker with a well-behaved adapter.

use omi_engine::Registration;
use omi_kernel::command::{Base64, Command, PromptBlock, StopReason};
use omi_kernel::id::BindingId;
use omi_kernel::report::{Failure, Outcome, Report, WorkerEnd};

use crate::support::{Probe, engine, ids, limits, load};

/// Workers at the same time: more than there are cores.
const MANY: usize = 16;

pub(crate) fn a_prompt_comes_back() {
    let probe = Probe::start("echo");
    let attempt = probe.execute("hello to you");
    let (answer, outcome) = probe.answer(&attempt);
    assert_eq!(answer, "hello to you");
    assert_eq!(outcome, Outcome::Succeeded { stop_reason: "end_turn".into() });
}

pub(crate) fn a_stopped_worker_says_so_last() {
    let probe = Probe::start("echo");
    probe.open();
    probe.worker.send(Command::Stop { reason: StopReason::Idle }).unwrap();
    assert_eq!(probe.end(), WorkerEnd::Stopped);
    assert!(probe.worker.send(Command::Stop { reason: StopReason::Idle }).is_err());
}

pub(crate) fn a_killed_worker_stops_in_the_middle_of_a_call() {
    let call_ms = u32::try_from(crate::support::PATIENCE.as_millis()).unwrap() * 2;
    let probe = Probe::with("call_spin", Registration::default(), omi_engine::Limits { call_ms, ..limits() });
    probe.execute("spin");
    probe.worker.kill();
    assert_eq!(probe.end(), WorkerEnd::Stopped);
}

pub(crate) fn an_attempt_on_a_binding_that_is_not_open_is_stale() {
    let probe = Probe::start("echo");
    probe.open();
    let attempt = probe.prompt(&ids(BindingId::new), vec![PromptBlock::Text { text: "hello".into() }]);
    let (_, outcome) = probe.answer(&attempt);
    assert!(matches!(outcome, Outcome::Failed(Failure::Stale(why)) if why.code == "binding_not_open"));
}

pub(crate) fn a_picture_that_is_not_base64_fails_its_attempt() {
    let probe = Probe::start("echo");
    let binding = probe.open();
    let image = |data: &str| PromptBlock::Image { mime_type: "image/png".into(), data: Base64(data.into()) };
    let attempt = probe.prompt(&binding, vec![image("not base64!")]);
    let (_, outcome) = probe.answer(&attempt);
    assert!(matches!(outcome, Outcome::Failed(Failure::Fatal(why)) if why.code == "image_not_base64"));
    let attempt = probe.prompt(&binding, vec![image("AAAA")]);
    assert_eq!(probe.answer(&attempt).0, "[image/png, 3 bytes]");
}

pub(crate) fn many_workers_at_once() {
    let engine = engine(limits());
    let adapter = load(&engine, "echo");
    let registration = || Registration { name: "echo".into(), ..Registration::default() };
    let probes: Vec<Probe> =
        (0..MANY).map(|_| Probe::on(engine.clone(), &adapter, registration(), 1)).collect();
    let attempts: Vec<_> =
        probes.iter().enumerate().map(|(n, probe)| probe.execute(&format!("I am {n}"))).collect();
    for (n, (probe, attempt)) in probes.iter().zip(&attempts).enumerate() {
        assert_eq!(probe.answer(attempt).0, format!("I am {n}"));
        probe.worker.kill();
        assert!(matches!(probe.next(), Report::Ended(WorkerEnd::Stopped)));
    }
}
