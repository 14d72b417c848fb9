//! What an adapter wants to open waits until the kernel has decided, and ends exactly once.

use omi_engine::{Binding, Bound, BoundFiles, BoundProcess, Registration};
use omi_kernel::command::{Command, NotPerformed, StopReason};
use omi_kernel::grant::{AccessScope, Grant, Policy};
use omi_kernel::id::{BindingId, GrantId};
use omi_kernel::report::{Report, WorkerEnd};
use omi_kernel::row::HOST_REQUESTS;

use crate::support::{Probe, Question, binding, ids, limits, registration};

/// Effects of one worker that may wait at the same time.
const OPEN: u32 = 64;
/// Refusals of one worker that are recorded.
const RECORDED: usize = 100;
/// Violations that a worker survives.
const VIOLATIONS: u32 = 1_000;

fn ask(binding: Binding) -> Binding {
    Binding { policy: Policy::Ask, ..binding }
}

fn script(script: &str) -> Binding {
    let argv = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    binding(Bound::Process(BoundProcess { argv, ..BoundProcess::default() }))
}

fn files() -> Binding {
    binding(Bound::Files(BoundFiles::default()))
}

/// A worker whose questions the test answers, with an open binding.
fn asking(registration: Registration) -> (Probe, BindingId) {
    let mut probe = Probe::with("gate_probe", registration, limits());
    probe.asks = true;
    let binding = probe.open();
    (probe, binding)
}

/// A worker that has asked for one thing, and its question.
fn asked(registration: Registration, orders: &str) -> (Probe, BindingId, Question) {
    let (probe, binding) = asking(registration);
    probe.prompt_text(&binding, orders);
    let question = probe.asked();
    (probe, binding, question)
}

pub(crate) fn what_waits_is_opened_once_and_not_before() {
    let (probe, binding, question) = asked(registration([("workspace", ask(files()))]), "put 1 a.txt hello");
    let access = &question.asked.access;
    assert_eq!((access.operation.as_str(), access.resource.as_str()), ("write", "a.txt"));
    assert_eq!((question.request, question.asked.scope), (HOST_REQUESTS, AccessScope::Attempt));
    assert!(question.session.is_some() && question.attempt.is_some());
    let path = probe.folder.path().join("a.txt");
    assert!(!path.exists(), "it was written before it was allowed");
    let grant = probe.allow(&question);
    assert_eq!(probe.line("1 "), "written 5");
    std::fs::remove_file(&path).unwrap();
    // It is not there any more: neither decision is about anything.
    probe.perform(&question, Some(grant));
    probe.worker.send(Command::Refuse { op: 1, why: NotPerformed::Expired }).unwrap();
    let attempt = probe.prompt_text(&binding, "finish");
    assert_eq!(probe.answer(&attempt).0, "");
    assert!(!path.exists(), "it was written twice");
}

pub(crate) fn what_is_refused_says_why() {
    for (why, words) in [
        (NotPerformed::Denied("not today".into()), "refused Why::Denied(\"not today\")"),
        (NotPerformed::Expired, "refused Why::Expired"),
        (NotPerformed::Cancelled, "refused Why::Cancelled"),
    ] {
        let (probe, _, _) = asked(registration([("workspace", ask(files()))]), "read 1 a.txt");
        probe.worker.send(Command::Refuse { op: 1, why }).unwrap();
        assert_eq!(probe.line("1 "), words);
    }
}

pub(crate) fn a_grant_that_was_revoked_meanwhile_opens_nothing() {
    let origin = ids(GrantId::new);
    for by_origin in [false, true] {
        let (probe, _, question) = asked(registration([("workspace", ask(files()))]), "put 1 a.txt hello");
        let session = question.session.clone().unwrap();
        let grant = crate::support::grant(&session, &question.asked, omi_kernel::grant::GrantSource::User);
        let grant = Grant { origin: Some(origin.clone()), ..grant };
        let revoked = if by_origin { origin.clone() } else { grant.id.clone() };
        probe.worker.send(Command::Revoke { grant: revoked }).unwrap();
        probe.perform(&question, Some(grant));
        let refused = probe.line("1 ");
        assert!(refused.starts_with("refused Why::Denied") && refused.contains("revoked"), "{refused}");
        assert!(!probe.folder.path().join("a.txt").exists());
    }
}

pub(crate) fn a_grant_of_another_session_opens_nothing() {
    let (probe, _, question) = asked(registration([("workspace", ask(files()))]), "put 1 a.txt hello");
    let foreign = ids(omi_kernel::id::SessionId::new);
    let grant = crate::support::grant(&foreign, &question.asked, omi_kernel::grant::GrantSource::User);
    probe.perform(&question, Some(grant));
    assert!(probe.line("1 ").starts_with("refused Why::Denied"));
    let (probe, _, question) = asked(registration([("workspace", ask(files()))]), "put 1 a.txt hello");
    probe.perform(&question, None);
    assert!(probe.line("1 ").starts_with("refused Why::Denied"));
}

pub(crate) fn revoking_ends_what_is_open() {
    let (probe, binding, question) = asked(registration([("agent", script("exec sleep 1000"))]), "agent 1");
    let grant = probe.allow(&question);
    assert_eq!(probe.line("1 "), "spawned");
    probe.worker.send(Command::Revoke { grant: ids(GrantId::new) }).unwrap();
    probe.prompt_text(&binding, "grants");
    assert_eq!(probe.line("grants "), "agent", "another grant changes nothing");
    probe.worker.send(Command::Revoke { grant: grant.id }).unwrap();
    assert_eq!(probe.line("1 exited "), "Exit::Signal(15) ");
}

pub(crate) fn what_is_written_to_a_process_that_waits_arrives() {
    let registration = registration([("agent", script("cat"))]);
    let (probe, _, question) = asked(registration, "agent 1\nwrite 1 hello\nwrite 1 again\nclose 1");
    probe.allow(&question);
    assert_eq!(probe.line("1 out h"), "ello");
    assert_eq!(probe.line("1 out a"), "gain");
    assert_eq!(probe.line("1 exited "), "Exit::Code(0) ");
}

pub(crate) fn what_is_killed_while_it_waits_never_runs() {
    let registration = registration([("agent", ask(script("touch ran")))]);
    let (probe, binding, question) = asked(registration, "agent 1\nwrite 1 hello\nkill 1");
    assert_eq!(probe.next(), Report::AccessWithdrawn { request: question.request });
    assert_eq!(probe.line("1 "), "refused Why::Cancelled");
    probe.allow(&question);
    let attempt = probe.prompt_text(&binding, "write 1 more\nfinish");
    probe.answer(&attempt);
    let attempt = probe.prompt_text(&binding, "finish");
    assert!(probe.answer(&attempt).0.contains("1 refused Why::Unknown"), "the op stands for nothing");
    assert!(!probe.folder.path().join("ran").exists());
}

pub(crate) fn what_waits_ends_with_its_attempt() {
    let registration = registration([("workspace", ask(files()))]);
    let (probe, binding) = asking(registration);
    let attempt = probe.prompt_text(&binding, "put 1 a.txt hello\nfor binding\nput 2 b.txt hello\nfinish");
    let (of_attempt, of_binding) = (probe.asked(), probe.asked());
    assert_eq!((of_binding.request, of_binding.asked.scope), (HOST_REQUESTS + 1, AccessScope::Binding));
    assert_eq!(of_binding.attempt, None);
    assert_eq!(probe.next(), Report::AccessWithdrawn { request: of_attempt.request });
    assert_eq!(probe.answer(&attempt).0, "");
    probe.allow(&of_attempt);
    probe.allow(&of_binding);
    probe.prompt_text(&binding, "grants");
    assert_eq!(probe.line("1 "), "refused Why::Cancelled");
    assert_eq!(probe.line("2 "), "written 5");
    assert!(!probe.folder.path().join("a.txt").exists() && probe.folder.path().join("b.txt").exists());
}

pub(crate) fn what_waits_when_the_worker_stops_is_taken_back() {
    let (probe, _, question) = asked(registration([("workspace", ask(files()))]), "put 1 a.txt hello");
    probe.worker.send(Command::Stop { reason: StopReason::Shutdown }).unwrap();
    assert_eq!(probe.next(), Report::AccessWithdrawn { request: question.request });
    assert_eq!(probe.end(), WorkerEnd::Stopped);
}

pub(crate) fn so_much_waits_and_no_more() {
    let (probe, binding) = asking(registration([("workspace", ask(files()))]));
    let orders: Vec<String> = (1..=OPEN + 1).map(|op| format!("read {op} a.txt")).collect();
    probe.prompt_text(&binding, &orders.join("\n"));
    let questions: Vec<Question> = (0..OPEN).map(|_| probe.asked()).collect();
    let refused = probe.line(&format!("{} ", OPEN + 1));
    assert!(refused.starts_with("refused Why::Limit"), "{refused}");
    for question in &questions {
        probe.allow(question);
    }
    for op in 1..=OPEN {
        assert_eq!(probe.line(&format!("{op} ")), "failed FileError::NotFound");
    }
    probe.prompt_text(&binding, "read 100 a.txt");
    assert_eq!(probe.asked().request, HOST_REQUESTS + OPEN);
}

pub(crate) fn what_is_not_declared_is_recorded_a_while_and_ends_the_worker() {
    let (probe, _, question) = asked(registration([("undeclared", script("touch ran"))]), "undeclared 1");
    // Not even a kernel that is wrong can have it opened.
    probe.perform(&question, None);
    assert!(probe.line("1000000 ").contains("does not declare"));
    assert!(!probe.folder.path().join("ran").exists());
    let probe = Probe::with("gate_probe", registration([("undeclared", script("touch ran"))]), limits());
    probe.execute(&format!("undeclared {}", VIOLATIONS + 1));
    let failure = probe.failure();
    assert_eq!(failure.code, "adapter_contract", "{failure:?}");
    assert!(failure.message.contains("does not declare"), "{failure:?}");
}

pub(crate) fn refusals_beyond_a_number_are_told_and_not_recorded() {
    let (probe, binding) = asking(registration([]));
    let mut asked = 0;
    let mut op = 0;
    while asked < RECORDED {
        // Fewer than may wait, in each call.
        let orders: Vec<String> = (0..10).map(|n| format!("agent {}", op + n)).collect();
        op += 10;
        probe.prompt_text(&binding, &orders.join("\n"));
        for _ in 0..10 {
            let question = probe.asked();
            let why = NotPerformed::Denied("no".into());
            probe.worker.send(Command::Refuse { op: question.asked.access.op, why }).unwrap();
            asked += 1;
        }
        for n in op - 10..op {
            assert_eq!(probe.line(&format!("{n} ")), "refused Why::Denied(\"no\")");
        }
    }
    probe.prompt_text(&binding, "agent 1000");
    let refused = probe.line("1000 ");
    assert!(refused.contains("[registrations.test.grants.agent]"), "{refused}");
}

pub(crate) fn what_is_asked_for_and_killed_again_and_again_ends_the_worker() {
    let probe = Probe::with("gate_probe", registration([("agent", script("true"))]), limits());
    let times = RECORDED + VIOLATIONS as usize + 2;
    let orders: Vec<String> = (1..=times).map(|op| format!("agent {op}\nkill {op}")).collect();
    probe.execute(&orders.join("\n"));
    let failure = probe.failure();
    assert_eq!(failure.code, "adapter_contract", "{failure:?}");
    assert!(failure.message.contains("again and again"), "{failure:?}");
}

pub(crate) fn a_number_of_the_host_is_not_for_adapters() {
    let probe = Probe::with("gate_probe", registration([]), limits());
    let binding = probe.open();
    probe.prompt_text(&binding, &format!("ask {HOST_REQUESTS}"));
    let declined = probe.line(&format!("{HOST_REQUESTS} "));
    assert!(declined.starts_with("approval Decision::Rejected"), "{declined}");
    probe.prompt_text(&binding, &format!("ask {}", HOST_REQUESTS - 1));
    assert!(matches!(probe.next(), Report::ApprovalRequested(asked) if asked.request == HOST_REQUESTS - 1));
}

pub(crate) fn an_adapter_is_told_what_it_may_use() {
    let denied = Binding { policy: Policy::Deny, ..files() };
    let grants =
        [("workspace", denied), ("agent", script("true")), ("source", ask(files())), ("other", files())];
    let probe = Probe::with("gate_probe", registration(grants), limits());
    let binding = probe.open();
    probe.prompt_text(&binding, "grants");
    assert_eq!(probe.line("grants "), "agent,source");
}
