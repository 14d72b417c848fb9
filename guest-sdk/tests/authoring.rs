//! What an author relies on: tasks, timers and processes of a session, and the kit that checks the contract.

use std::cell::RefCell;
use std::rc::Rc;

use omi_adapter_sdk::testkit::{self, TestKit};
use omi_adapter_sdk::{
    AttemptEvent, Capabilities, ChunkEnd, Descriptor, Event, Failure, Fault, GrantRequest, Host, Input, Kill,
    Output, ProcessOutput, Progress, Ready, Session, SessionAdapter, SetTimer, Spawn, Why, log,
};

fn descriptor() -> Descriptor {
    Descriptor {
        adapter_id: "test".to_owned(),
        version: "0.1.0".to_owned(),
        title: String::new(),
        protocol: "none".to_owned(),
        capabilities: Capabilities::least(),
        grants: vec![GrantRequest::process("agent", "Runs the agent.")],
        config_schema: String::new(),
        extra: String::new(),
    }
}

/// A session of one `async fn`.
macro_rules! session {
    ($name:ident, $host:ident, $run:block) => {
        struct $name;

        impl Session for $name {
            fn describe() -> Descriptor {
                descriptor()
            }

            async fn run($host: Host) $run
        }
    };
}

fn say(host: &Host, text: &str) {
    let progress = Progress { text: text.to_owned(), extra: String::new() };
    host.send(AttemptEvent::new(1, Event::Progress(progress)));
}

fn said(outputs: &[Output]) -> Vec<String> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::AttemptEvent(AttemptEvent { event: Event::Progress(progress), .. }) => {
                Some(progress.text.clone())
            }
            _ => None,
        })
        .collect()
}

#[test]
fn tasks_run_side_by_side_and_timers_come_due_in_order() {
    session!(Sleepers, host, {
        for (name, ms) in [("late", 200), ("early", 100)] {
            let task_host = host.clone();
            host.task(async move {
                task_host.sleep(ms).await;
                say(&task_host, &format!("{name} at {}", task_host.now()));
            });
        }
        std::future::pending::<()>().await;
    });
    let mut kit = TestKit::<SessionAdapter<Sleepers>>::new();
    kit.start("{}");
    kit.execute(1, 1, "");
    assert_eq!(said(&kit.advance(500)), ["early at 100", "late at 200"]);
}

#[test]
fn tasks_can_wait_for_each_other() {
    session!(Relay, host, {
        let slot = Rc::new(RefCell::new(None));
        let (reader, writer) = (Rc::clone(&slot), host.clone());
        host.task(async move {
            // Polled once before the value is there, and again when its timer wakes it.
            while reader.borrow().is_none() {
                writer.sleep(1).await;
            }
            say(&writer, reader.borrow().unwrap_or("nothing"));
        });
        host.next_input().await;
        host.next_input().await;
        *slot.borrow_mut() = Some("handed over");
        std::future::pending::<()>().await;
    });
    let mut kit = TestKit::<SessionAdapter<Relay>>::new();
    kit.start("{}");
    kit.execute(1, 1, "");
    assert_eq!(said(&kit.advance(10)), ["handed over"]);
}

#[test]
fn what_comes_in_time_clears_its_timer_and_what_does_not_is_nothing() {
    session!(Patient, host, {
        loop {
            let input = host.within(50, host.next_input()).await;
            log::info(if input.is_some() { "input" } else { "nothing" });
        }
    });
    let mut kit = TestKit::<SessionAdapter<Patient>>::new();
    assert_eq!(
        kit.start("{}"),
        [SetTimer::new(1, 50).into(), Output::ClearTimer(1), SetTimer::new(2, 50).into()]
    );
    kit.advance(50);
    let lines: Vec<String> = kit.logged().into_iter().map(|(_, line)| line).collect();
    assert_eq!(lines, ["input", "nothing"]);
}

#[test]
fn a_session_that_ends_too_early_is_a_fault_and_one_that_is_told_to_is_not() {
    session!(Short, host, {
        host.next_input().await;
    });
    let mut kit = TestKit::<SessionAdapter<Short>>::new();
    let outputs = kit.start("{}");
    assert!(
        matches!(&outputs[..], [Output::Fault(Fault { failure: Failure::Fatal(it), .. })] if it.code == "session_ended")
    );

    session!(UntilStop, host, { while !matches!(host.next_input().await, Input::Stop(_)) {} });
    let mut kit = TestKit::<SessionAdapter<UntilStop>>::new();
    kit.start("{}");
    let stop = omi_adapter_sdk::Stop {
        reason: omi_adapter_sdk::StopReason::Idle,
        grace_ms: 0,
        extra: String::new(),
    };
    assert_eq!(kit.send(Input::Stop(stop)), []);
}

#[test]
fn a_session_that_takes_no_input_is_a_fault_not_a_full_memory() {
    session!(Deaf, _host, { std::future::pending().await });
    let mut kit = TestKit::<SessionAdapter<Deaf>>::new();
    let mut outputs = kit.start("{}");
    for _ in 0..5000 {
        outputs.extend(kit.send(Input::Timer(99)));
    }
    assert!(
        matches!(&outputs[0], Output::Fault(Fault { failure: Failure::Fatal(it), .. }) if it.code == "inbox_full")
    );
}

session!(Runner, host, {
    host.next_input().await;
    let mut process = match host.start(Spawn::lines(host.op(), "agent")).await {
        Ok(process) => process,
        Err(why) => return host.send(Ready::new(why.to_string())),
    };
    if let Err(full) = process.write("ping\n") {
        log::error(&full.to_string());
    }
    while let Ok(Some(line)) = process.read_line().await {
        log::info(&format!("read {line}"));
    }
    let exited = process.exited().await;
    log::warn(&format!("ended with {}: {}", exited.exit, exited.stderr_tail));
    process.kill(0);
    std::future::pending::<()>().await;
});

#[test]
fn a_process_is_started_written_to_read_and_waited_for() {
    let mut kit = TestKit::<SessionAdapter<Runner>>::new();
    assert!(matches!(&kit.start("{}")[..], [Output::Spawn(spawn)] if spawn.op == 1));
    assert_eq!(testkit::written_text(&kit.send(testkit::spawned(1))), "ping\n");
    let half = ProcessOutput { op: 1, data: b"po".to_vec(), end: ChunkEnd::Split, extra: String::new() };
    kit.send(Input::Stdout(half));
    kit.send_all([testkit::line(1, "ng"), testkit::line(1, "bye"), testkit::eof(1)]);
    let outputs = kit.send(testkit::exited(1, 3, "oops"));
    assert_eq!(outputs, [Kill::new(1, 0).into()]);
    let lines: Vec<String> =
        kit.logged().into_iter().map(|(level, line)| format!("{level:?} {line}")).collect();
    assert_eq!(lines[0], format!("{:?} read pong", log::Level::Info));
    assert_eq!(lines[2], format!("{:?} ended with exit status 3: oops", log::Level::Warn));
}

#[test]
fn a_process_that_is_refused_says_why() {
    let mut kit = TestKit::<SessionAdapter<Runner>>::new();
    kit.start("{}");
    let outputs = kit.send(testkit::refused(1, Why::Denied("no grant `agent`".to_owned())));
    assert_eq!(outputs[0], Ready::new("denied: no grant `agent`").into());
}

#[test]
fn what_was_written_and_refused_is_said_where_the_answer_is_read() {
    session!(Writer, host, {
        let Ok(mut process) = host.start(Spawn::lines(host.op(), "agent")).await else { return };
        if let Err(full) = process.write("ping\n") {
            log::error(&full.to_string());
        }
        while let Some(line) = process.read_line().await.transpose() {
            log::info(&line.unwrap_or_else(|failure| failure.to_string()));
        }
        std::future::pending::<()>().await;
    });
    let mut kit = TestKit::<SessionAdapter<Writer>>::new();
    let op = testkit::effect_op(&kit.start("{}"));
    kit.send(testkit::spawned(op));
    kit.send_all([
        testkit::line(op, "before"),
        testkit::refused(op, Why::Failed("its input is closed".to_owned())),
        testkit::line(op, "after"),
    ]);
    let lines: Vec<String> = kit.logged().into_iter().map(|(_, line)| line).collect();
    assert_eq!(lines, ["before", "writing to the process was refused: its input is closed", "after"]);
}

#[test]
fn a_session_that_says_what_is_wrong_and_ends_says_it_once() {
    session!(Honest, host, {
        host.next_input().await;
        host.send(Fault::new(Failure::retryable("no_luck", "not today")));
    });
    let mut kit = TestKit::<SessionAdapter<Honest>>::new();
    assert_eq!(kit.start("{}"), [Fault::new(Failure::retryable("no_luck", "not today")).into()]);
    kit.settled();
}
