//! Drives a program that answers each line with a line: a prompt goes in as one line, and the line that comes back
//! is the answer. `cat` is such a program.
//!
//! Such a program cannot be told to stop and remembers nothing by a name, so neither is claimed: a cancellation is
//! answered with "not told", and a session ends with its program.

use omi_adapter_sdk::{
    AttemptEvent, AttemptFinished, BindingFailed, BindingOpened, CancelAnswer, Capabilities, Descriptor,
    Either, Event, ExecuteAttempt, Failure, Fault, Fidelity, GrantRequest, Host, Input, Outcome, Process,
    PromptBlock, Ready, Session, Spawn, either, log,
};

/// The name of the grant: the registration binds it to a program.
const AGENT: &str = "agent";

/// Milliseconds that the program may take for an answer.
const ANSWER_MS: u32 = 30_000;

/// The name of the one message in each answer.
const MESSAGE: &str = "answer";

/// The adapter.
pub struct LineAdapter;

omi_adapter_sdk::export_session!(LineAdapter);

impl Session for LineAdapter {
    fn describe() -> Descriptor {
        Descriptor {
            adapter_id: "line-adapter".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            title: "LineAdapter".to_owned(),
            protocol: "lines".to_owned(),
            // One binding and one attempt at a time, nothing to take up again, no cancellation.
            capabilities: Capabilities::least(),
            grants: vec![GrantRequest::process(AGENT, "Runs the program that answers.")],
            config_schema: String::new(),
            extra: String::new(),
        }
    }

    async fn run(host: Host) {
        let mut agent = match host.start(Spawn::lines(host.op(), AGENT)).await {
            Ok(agent) => agent,
            Err(why) => return host.send(Fault::new(Failure::fatal("spawn_refused", why.to_string()))),
        };
        // The program says no name of its own.
        host.send(Ready::new(""));
        loop {
            match either(next_order(&host), agent.read_line()).await {
                Either::First(Order::Execute(execute)) => {
                    let ended = attempt(&host, &mut agent, &execute).await;
                    let outcome = match &ended {
                        Ended::With(outcome) => outcome.clone(),
                        Ended::Stopped => failed("stopped", "the worker was told to stop"),
                    };
                    host.send(AttemptFinished::new(execute.attempt, outcome, None));
                    if ended == Ended::Stopped {
                        return agent.close_stdin();
                    }
                }
                Either::First(Order::Stop) => return agent.close_stdin(),
                // Nobody asked: a greeting, or an answer that came too late.
                Either::Second(Ok(Some(line))) => log::debug(&format!("nobody waits for `{line}`")),
                Either::Second(Err(failure)) => log::warn(&failure.to_string()),
                Either::Second(Ok(None)) => break,
            }
        }
        host.send(Fault::new(Failure::retryable("agent_ended", "the program ended")));
    }
}

/// What the caller has to see to.
enum Order {
    Execute(ExecuteAttempt),
    Stop,
}

/// The next order. What can be answered at once is answered here.
async fn next_order(host: &Host) -> Order {
    loop {
        match host.next_input().await {
            Input::OpenBinding(open) => {
                let native_id = format!("line-{}", open.binding);
                host.send(BindingOpened::new(open.binding, native_id, Fidelity::None));
            }
            Input::ResumeBinding(resume) => {
                let failure = Failure::stale("not_kept", "a session ends with its program");
                host.send(BindingFailed::new(resume.binding, failure));
            }
            Input::CancelAttempt(cancel) => {
                let answer = CancelAnswer::new(cancel.attempt, false, false);
                host.send(answer.because("the program cannot be told to stop"));
            }
            Input::ExecuteAttempt(execute) => return Order::Execute(execute),
            Input::Stop(_) => return Order::Stop,
            // `start` says nothing that matters here; the rest answers what this adapter never asks.
            _ => {}
        }
    }
}

/// How an attempt ended.
#[derive(PartialEq)]
enum Ended {
    With(Outcome),
    /// The worker has to end before the attempt is done.
    Stopped,
}

async fn attempt(host: &Host, agent: &mut Process, execute: &ExecuteAttempt) -> Ended {
    let line = match line_of(&execute.prompt) {
        Ok(line) => line,
        Err(failure) => return Ended::With(Outcome::Failed(failure)),
    };
    if let Err(failure) = agent.write(line) {
        return Ended::With(Outcome::Failed(failure.into()));
    }
    // While the program thinks, the host still wants answers: to a cancellation, or that the worker has to end.
    let answer = either(agent.read_line(), stopped(host));
    Ended::With(match host.within(ANSWER_MS, answer).await {
        Some(Either::First(Ok(Some(text)))) => {
            host.send(AttemptEvent::text(execute.attempt, MESSAGE, text));
            host.send(AttemptEvent::new(execute.attempt, Event::MessageEnd(MESSAGE.to_owned())));
            Outcome::succeeded("end_turn")
        }
        Some(Either::First(Ok(None))) => failed("agent_ended", "the program ended"),
        // Each error of the SDK knows whether trying again can help.
        Some(Either::First(Err(failure))) => Outcome::Failed(failure.into()),
        Some(Either::Second(())) => return Ended::Stopped,
        None => failed("timed_out", "the program did not answer"),
    })
}

/// Answers what comes during an attempt, until the worker is told to stop.
async fn stopped(host: &Host) {
    while let Order::Execute(other) = next_order(host).await {
        let busy = failed("busy", "another attempt is running");
        host.send(AttemptFinished::new(other.attempt, busy, None));
    }
}

/// A failure after which the same thing may work if it is tried again.
fn failed(code: &str, message: &str) -> Outcome {
    Outcome::Failed(Failure::retryable(code, message))
}

/// The prompt as one line, its line feeds as blanks.
fn line_of(prompt: &[PromptBlock]) -> Result<String, Failure> {
    let mut texts = Vec::new();
    for block in prompt {
        texts.push(match block {
            PromptBlock::Text(text) => text.as_str(),
            PromptBlock::Link(link) => link.uri.as_str(),
            PromptBlock::Embedded(embedded) => embedded.text.as_str(),
            PromptBlock::Image(_) | PromptBlock::Audio(_) | PromptBlock::Other(_) => {
                return Err(Failure::fatal("prompt_unsupported", "a line holds nothing but text"));
            }
        });
    }
    Ok(texts.join(" ").replace(['\r', '\n'], " ") + "\n")
}

#[cfg(test)]
mod tests {
    //! The whole life of a worker, without WebAssembly and without a program: the kit plays the host.

    use omi_adapter_sdk::testkit::{self, TestKit};
    use omi_adapter_sdk::{CloseStdin, Media, Op, Output, SessionAdapter, Why};

    use super::*;

    type Kit = TestKit<SessionAdapter<LineAdapter>>;

    /// A worker that has asked for its program, and the number of the program.
    fn starting() -> (Kit, Op) {
        let mut kit = Kit::new();
        let op = testkit::effect_op(&kit.start("{}"));
        (kit, op)
    }

    /// A worker whose program runs, with binding 1.
    fn started() -> (Kit, Op) {
        let (mut kit, op) = starting();
        assert_eq!(kit.send(testkit::spawned(op)), [Ready::new("").into()]);
        assert_eq!(kit.open(1, "/work"), [BindingOpened::new(1, "line-1", Fidelity::None).into()]);
        (kit, op)
    }

    fn is_retryable(outcome: Option<&Outcome>, code: &str) -> bool {
        matches!(outcome, Some(Outcome::Failed(Failure::Retryable(detail))) if detail.code == code)
    }

    #[test]
    fn a_prompt_is_one_line_and_the_line_that_comes_back_is_the_answer() {
        let (mut kit, op) = started();
        assert_eq!(testkit::written_text(&kit.execute(1, 1, "hello\nto you")), "hello to you\n");
        let outputs = kit.send(testkit::line(op, "hello yourself"));
        assert_eq!(testkit::answer_text(&outputs), "hello yourself");
        assert_eq!(testkit::outcome(&outputs), Some(&Outcome::succeeded("end_turn")));
        kit.settled();
    }

    #[test]
    fn a_prompt_that_is_more_than_text_fails() {
        let (mut kit, _) = started();
        let picture = Media { mime_type: "image/png".to_owned(), data: 1, size: 10, extra: String::new() };
        let outputs = kit.execute_blocks(1, 1, vec![PromptBlock::Image(picture)]);
        assert!(
            matches!(testkit::outcome(&outputs), Some(Outcome::Failed(Failure::Fatal(_)))),
            "{outputs:?}"
        );
    }

    #[test]
    fn a_cancellation_is_answered_at_once_and_claims_nothing() {
        let (mut kit, op) = started();
        kit.execute(1, 1, "hello");
        let answer = CancelAnswer::new(1, false, false).because("the program cannot be told to stop");
        assert_eq!(kit.send(testkit::cancel(1)), [answer.into()]);
        let outputs = kit.send(testkit::line(op, "hello yourself"));
        assert_eq!(testkit::outcome(&outputs), Some(&Outcome::succeeded("end_turn")), "the attempt went on");
    }

    #[test]
    fn an_answer_that_does_not_come_is_a_failure_and_a_late_one_is_nobodys() {
        let (mut kit, op) = started();
        kit.execute(1, 1, "wait");
        assert_eq!(kit.advance(ANSWER_MS - 1), []);
        let outputs = kit.advance(1);
        assert!(is_retryable(testkit::outcome(&outputs), "timed_out"), "{outputs:?}");
        assert_eq!(kit.send(testkit::line(op, "late")), []);
        kit.execute(2, 1, "hello");
        assert_eq!(testkit::answer_text(&kit.send(testkit::line(op, "hello yourself"))), "hello yourself");
    }

    #[test]
    fn when_the_program_ends_so_do_the_attempt_and_the_worker() {
        let (mut kit, op) = started();
        kit.execute(1, 1, "hello");
        let outputs = kit.send_all([testkit::eof(op), testkit::exited(op, 1, "")]);
        assert!(is_retryable(testkit::outcome(&outputs), "agent_ended"), "{outputs:?}");
        let fault = Fault::new(Failure::retryable("agent_ended", "the program ended"));
        assert_eq!(outputs.last(), Some(&fault.into()));
    }

    #[test]
    fn a_prompt_that_is_not_written_fails() {
        let (mut kit, op) = started();
        kit.execute(1, 1, "hello");
        let outputs = kit.send(testkit::refused(op, Why::Denied("the grant was revoked".to_owned())));
        let failure = Failure::fatal("denied", "denied: the grant was revoked");
        assert_eq!(testkit::outcome(&outputs), Some(&Outcome::Failed(failure)));
    }

    #[test]
    fn a_program_that_may_not_start_is_the_end_of_the_worker() {
        let (mut kit, op) = starting();
        let outputs = kit.send(testkit::refused(op, Why::Failed("there is no such program".to_owned())));
        let failure = Failure::fatal("spawn_refused", "there is no such program");
        assert_eq!(outputs, [Fault::new(failure).into()]);
    }

    #[test]
    fn an_earlier_session_cannot_be_taken_up() {
        let (mut kit, _) = started();
        let outputs = kit.resume(2, "line-1", "/work");
        let [Output::BindingFailed(BindingFailed { binding: 2, failure: Failure::Stale(_), .. })] =
            &outputs[..]
        else {
            panic!("it is stale: {outputs:?}");
        };
    }

    #[test]
    fn a_second_attempt_at_the_same_time_is_told_to_come_again() {
        let (mut kit, _) = started();
        kit.execute(1, 1, "hello");
        let outputs = kit.execute(2, 1, "and this");
        assert!(is_retryable(testkit::outcome(&outputs), "busy"), "{outputs:?}");
    }

    #[test]
    fn a_stop_ends_what_runs() {
        let (mut kit, op) = started();
        kit.execute(1, 1, "hello");
        let outputs = kit.stop();
        assert!(is_retryable(testkit::outcome(&outputs), "stopped"), "{outputs:?}");
        assert_eq!(outputs.last(), Some(&CloseStdin::new(op).into()));
    }
}
