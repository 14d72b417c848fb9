//! The line adapter, which is correct: one line to a program for each prompt, and the line that comes back is the answer.
//!
//! A wrong guest wraps it and deviates in one respect: it keeps an input from it, or changes what it asks for.

use omi_adapter_sdk::lines::Lines;
use omi_adapter_sdk::{
    Attempt, AttemptEvent, AttemptFinished, BindingFailed, BindingOpened, CancelAnswer, Capabilities,
    CloseStdin, Descriptor, ExecuteAttempt, Failure, Fault, Fidelity, GrantRequest, Input, LINE_BYTES_MAX,
    Op, Outcome, Output, Outputs, ProcessOutput, Ready, Refused, SetTimer, Spawn, Start, Why,
};

use crate::text;
use crate::writer::{Full, Writer};

/// The op of the program.
pub const AGENT: Op = 1;

/// Milliseconds that the program has for an answer: one that is alive says something in less.
const ANSWER_MS: u32 = 30_000;

/// A descriptor of the line adapter.
pub fn descriptor(id: &str) -> Descriptor {
    Descriptor {
        protocol: "lines".to_owned(),
        capabilities: Capabilities::least(),
        grants: vec![GrantRequest::process("agent", "Runs the program that answers.")],
        ..crate::descriptor(id)
    }
}

/// The adapter.
#[derive(Debug)]
pub struct Line {
    phase: Phase,
    stdin: Writer,
    lines: Lines,
    running: Option<Running>,
    /// The last op that was used.
    op: Op,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Before `start`.
    New,
    /// The program was asked for.
    Starting,
    /// The program runs.
    Up,
    /// The worker is to end: commands are answered, and nothing is begun.
    Stopped,
    /// The worker ends: there is nothing more to say.
    Faulted,
}

/// The attempt whose answer is waited for.
#[derive(Clone, Copy, Debug)]
struct Running {
    attempt: Attempt,
    timer: Op,
}

impl Default for Line {
    fn default() -> Self {
        let (stdin, lines) = (Writer::new(AGENT, 0), Lines::new(LINE_BYTES_MAX));
        Self { phase: Phase::New, stdin, lines, running: None, op: AGENT }
    }
}

impl Line {
    /// Takes one thing that happened. What it does not know, and what comes too late, is ignored.
    pub fn handle(&mut self, input: Input, out: &mut Outputs) {
        if self.phase == Phase::Faulted {
            return;
        }
        match input {
            Input::Start(start) => self.start(&start, out),
            Input::Spawned(spawned) if spawned.op == AGENT && self.phase == Phase::Starting => {
                self.phase = Phase::Up;
                out.push(Ready::new("line"));
            }
            Input::OpenBinding(open) if self.phase == Phase::Up => {
                out.push(BindingOpened::new(open.binding, format!("line-{}", open.binding), Fidelity::None));
            }
            Input::OpenBinding(open) => out.push(BindingFailed::new(open.binding, not_up())),
            Input::ResumeBinding(resume) => {
                let failure = Failure::stale("not_kept", "a session of lines ends with its worker");
                out.push(BindingFailed::new(resume.binding, failure));
            }
            Input::ExecuteAttempt(execute) => self.execute(&execute, out),
            Input::CancelAttempt(cancel) => {
                let answer = CancelAnswer::new(cancel.attempt, false, false);
                out.push(answer.because("the program cannot be told to stop"));
            }
            Input::Stdout(output) if output.op == AGENT => self.hear(&output, out),
            Input::StdinProgress(progress) if progress.op == AGENT && self.phase == Phase::Up => {
                self.stdin.progress(out);
            }
            Input::Refused(refused) => self.refused(&refused, out),
            Input::Timer(op) if self.timer() == Some(op) => {
                self.finish(Outcome::Failed(Failure::retryable("timed_out", "no answer in time")), out);
            }
            Input::Exited(exited) if exited.op == AGENT && self.phase == Phase::Up => {
                self.end(
                    Failure::retryable("agent_ended", format!("the program ended: {}", exited.exit)),
                    out,
                );
            }
            Input::Stop(_) => self.stop(out),
            _ => {}
        }
    }

    /// The attempt whose answer is waited for.
    pub fn running(&self) -> Option<Attempt> {
        self.running.map(|running| running.attempt)
    }

    fn timer(&self) -> Option<Op> {
        self.running.map(|running| running.timer)
    }

    fn start(&mut self, start: &Start, out: &mut Outputs) {
        if self.phase == Phase::New {
            self.phase = Phase::Starting;
            self.stdin = Writer::new(AGENT, start.limits.stdin_queue_bytes);
            out.push(Spawn::lines(AGENT, "agent"));
        }
    }

    fn execute(&mut self, execute: &ExecuteAttempt, out: &mut Outputs) {
        let attempt = execute.attempt;
        if let Err(failure) = self.write(execute, out) {
            out.push(AttemptFinished::new(attempt, Outcome::Failed(failure), None));
            return;
        }
        self.op += 1;
        self.running = Some(Running { attempt, timer: self.op });
        out.push(SetTimer::new(self.op, ANSWER_MS));
    }

    fn write(&mut self, execute: &ExecuteAttempt, out: &mut Outputs) -> Result<(), Failure> {
        if self.phase != Phase::Up {
            return Err(not_up());
        }
        if self.running.is_some() {
            return Err(Failure::retryable("busy", "the program answers one prompt at a time"));
        }
        let line = text(&execute.prompt).replace('\n', " ") + "\n";
        let stuck = |Full| Failure::retryable("agent_stuck", "the program does not read");
        self.stdin.write(line.as_bytes(), out).map_err(stuck)
    }

    /// A line that nobody waits for is forgotten: the protocol does not say which prompt it answers.
    fn hear(&mut self, output: &ProcessOutput, out: &mut Outputs) {
        for line in self.lines.push(&output.data, output.end) {
            let Some(Running { attempt, .. }) = self.running else { continue };
            self.stdin.answered();
            let outcome = match line {
                Ok(line) => {
                    out.push(AttemptEvent::text(attempt, "answer", line));
                    Outcome::succeeded("end_turn")
                }
                Err(too_long) => Outcome::Failed(Failure::fatal("line_too_long", too_long.to_string())),
            };
            self.finish(outcome, out);
        }
    }

    fn refused(&mut self, refused: &Refused, out: &mut Outputs) {
        match self.phase {
            Phase::Starting if refused.op == AGENT => {
                self.end(Failure::fatal("spawn_refused", refused.why.to_string()), out);
            }
            Phase::Up if refused.op == AGENT && refused.why == Why::WouldBlock => self.stdin.would_block(),
            Phase::Up if refused.op == AGENT || self.timer() == Some(refused.op) => {
                let failure = Failure::retryable("effect_refused", refused.why.to_string());
                self.finish(Outcome::Failed(failure), out);
            }
            Phase::New | Phase::Starting | Phase::Up | Phase::Stopped | Phase::Faulted => {}
        }
    }

    /// Ends the attempt that runs, if one does.
    fn finish(&mut self, outcome: Outcome, out: &mut Outputs) {
        if let Some(Running { attempt, timer }) = self.running.take() {
            out.push(Output::ClearTimer(timer));
            out.push(AttemptFinished::new(attempt, outcome, None));
        }
    }

    fn end(&mut self, failure: Failure, out: &mut Outputs) {
        self.finish(Outcome::Failed(failure.clone()), out);
        self.phase = Phase::Faulted;
        out.push(Fault::new(failure));
    }

    fn stop(&mut self, out: &mut Outputs) {
        self.finish(Outcome::Failed(not_up()), out);
        if self.phase == Phase::Up {
            out.push(CloseStdin::new(AGENT));
        }
        self.phase = Phase::Stopped;
    }
}

fn not_up() -> Failure {
    Failure::retryable("not_up", "the program does not run, or its worker is to end")
}

#[cfg(test)]
mod tests;
