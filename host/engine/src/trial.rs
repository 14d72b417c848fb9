//! An adapter called by hand: what it is told and what it asks for are plain data, and nothing is performed.
//!
//! The conformance suite plays the host with it, and a recording is replayed through it. Values are JSON in the
//! words of the contract (see [`Called`]), so that they can be written down, compared and read by a person.

use std::path::PathBuf;

use serde_json::Value;

use crate::engine::{Engine, EngineConfig};
use crate::instance::{Instance, Purpose};
use crate::limits::{self, Limits};
use crate::load::Adapter;
use crate::process::SupervisorCommand;
use crate::trap::{TrapKind, Trapped};
use crate::v0_1;

/// A worker whose host is the caller. Everything of it happens on the caller's thread.
pub struct Trial {
    instance: Instance,
    shapes: v0_1::Shapes,
}

/// What a call answered, and what it took.
#[derive(Debug, Clone, PartialEq)]
pub struct Called {
    /// The outputs: a list like `[{"ready": {"runtime": "echo", "extra": ""}}]`.
    pub outputs: Value,
    /// Units of fuel (about one for each WebAssembly instruction) it took; 0 if the engine does not meter.
    pub fuel: u64,
    /// Bytes of linear memory the instance has after it.
    pub memory_bytes: usize,
}

/// Why a call did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrialError {
    /// The inputs are not inputs of the contract: the caller's mistake.
    #[error("these are no inputs of the contract: {0}")]
    NoInputs(String),
    /// It took too long.
    #[error("{0}")]
    Deadline(String),
    /// It went over a limit of memory or data.
    #[error("{0}")]
    Limit(String),
    /// It asked for more at once than the host takes.
    #[error("{outputs} outputs in one call; the limit is {}", limits::OUTPUTS_PER_CALL)]
    TooMany {
        /// How many outputs.
        outputs: usize,
    },
    /// It panicked, recursed too deep, or failed in another way of its own.
    #[error("{0}")]
    Trapped(String),
    /// It tried to wait.
    #[error("{0}")]
    Waited(String),
    /// The engine failed.
    #[error("{0}")]
    Host(String),
}

impl TrialError {
    /// It is the adapter's own doing: a worker would end of it.
    pub fn ends_worker(&self) -> bool {
        match self {
            Self::Deadline(_)
            | Self::Limit(_)
            | Self::TooMany { .. }
            | Self::Trapped(_)
            | Self::Waited(_) => true,
            Self::NoInputs(_) | Self::Host(_) => false,
        }
    }
}

impl From<Trapped> for TrialError {
    fn from(Trapped { kind, text }: Trapped) -> Self {
        match kind {
            TrapKind::Deadline => Self::Deadline(text),
            TrapKind::Limit => Self::Limit(text),
            TrapKind::TooMany { outputs } => Self::TooMany { outputs },
            TrapKind::Waited => Self::Waited(text),
            TrapKind::Trapped | TrapKind::Contract => Self::Trapped(text),
            TrapKind::Host => Self::Host(text),
        }
    }
}

impl EngineConfig {
    /// For an engine that only runs trials: it meters, and no worker of it could start a process.
    pub fn for_trials(cache_dir: Option<PathBuf>) -> Self {
        let supervisor = SupervisorCommand { program: PathBuf::new(), args: Vec::new(), private: Vec::new() };
        Self { cache_dir, limits: Limits::default(), metered: true, supervisor }
    }
}

impl Engine {
    /// Starts an instance to be called by hand. `seed` is what `wasi:random` is made of; `start.seed` is up to the caller.
    pub fn trial(&self, adapter: &Adapter, seed: u32) -> Result<Trial, TrialError> {
        let who = format!("{} (trial)", adapter.name());
        let purpose = Purpose::alone(who, seed, limits::RECORDED_TRANSFER_BYTES);
        let instance = Instance::start(self.runtime(), adapter.component(), purpose)?;
        Ok(Trial { instance, shapes: adapter.component().shapes() })
    }
}

impl Trial {
    /// What `describe` answers, as a JSON object.
    pub fn describe(&mut self) -> Result<Value, TrialError> {
        Ok(self.shapes.write_descriptor(&self.instance.describe_whole()?))
    }

    /// Tells what happened: a list of inputs like `[{"timer": 3}]`. `now_ms` counts from the worker's start.
    pub fn call(&mut self, now_ms: u32, inputs: &Value) -> Result<Called, TrialError> {
        let inputs = self.shapes.read_inputs(inputs).map_err(TrialError::NoInputs)?;
        let before = self.instance.fuel();
        let outputs = self.instance.handle(now_ms, &inputs)?;
        Ok(Called {
            outputs: self.shapes.write_outputs(&outputs),
            fuel: before.saturating_sub(self.instance.fuel()),
            memory_bytes: self.instance.memory_bytes(),
        })
    }
}

impl std::fmt::Debug for Trial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trial").finish_non_exhaustive()
    }
}
