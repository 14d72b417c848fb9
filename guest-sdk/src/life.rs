//! The life of a worker: nothing before `start`, and only refusals once it failed.

use crate::{Failure, Fault, Input, Outputs, Start};

/// The life of a worker whose state is a `W`, from `start` on.
pub struct Life<W>(Stage<W>);

enum Stage<W> {
    Idle,
    Running(Box<W>),
    /// Nothing more is possible; what still arrives gets this answer.
    Ended(Failure),
}

impl<W> Default for Life<W> {
    fn default() -> Self {
        Self(Stage::Idle)
    }
}

impl<W> Life<W> {
    /// Takes an input. `begin` makes the state at `start`, where a failure is told as a fault; `go_on` takes every input
    /// after that, and gives the failure if it was the end of the worker, told by itself.
    pub fn handle(
        &mut self,
        input: Input,
        out: &mut Outputs,
        begin: impl FnOnce(&Start, &mut Outputs) -> Result<W, Failure>,
        go_on: impl FnOnce(&mut W, Input, &mut Outputs) -> Option<Failure>,
    ) {
        match (&mut self.0, input) {
            (Stage::Idle, Input::Start(start)) => {
                self.0 = match begin(&start, out) {
                    Ok(worker) => Stage::Running(Box::new(worker)),
                    Err(failure) => {
                        out.push(Fault::new(failure.clone()));
                        Stage::Ended(failure)
                    }
                };
            }
            (Stage::Idle, _) => {}
            (Stage::Running(worker), input) => {
                if let Some(failure) = go_on(worker, input, out) {
                    self.0 = Stage::Ended(failure);
                }
            }
            (Stage::Ended(failure), input) => failure.refuse(&input, out),
        }
    }
}
