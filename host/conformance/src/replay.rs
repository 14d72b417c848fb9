//! A recording is replayed: the same inputs, without the runtime, and what comes of it is compared.

use omi_engine::{Adapter, Engine, TrialError};
use serde_json::Value;

use crate::canonical;
use crate::recording::{Call, Recording};

/// What came of a replay.
#[derive(Debug, Clone, PartialEq)]
pub struct Replay {
    /// The calls with what they answered now.
    pub calls: Vec<Call>,
    /// The first call that asks for something else than when it was recorded.
    pub outputs_differ_at: Option<usize>,
    /// The first canonical event that is another one: then and now.
    pub events_differ: Option<(Option<Value>, Option<Value>)>,
    /// Canonical events now.
    pub events: usize,
}

/// A recording that could not be replayed to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("call {call} of the recording: {error}")]
pub struct ReplayError {
    /// Which call, from 0.
    pub call: usize,
    /// Why it did not return.
    pub error: TrialError,
}

/// Replays a recording against a component: the one that was recorded, or another version of it.
pub fn replay(engine: &Engine, adapter: &Adapter, recording: &Recording) -> Result<Replay, ReplayError> {
    let at = |call| move |error| ReplayError { call, error };
    let mut trial = engine.trial(adapter, recording.header.seed).map_err(at(0))?;
    let mut calls = Vec::with_capacity(recording.calls.len());
    for (number, call) in recording.calls.iter().enumerate() {
        match trial.call(call.now_ms, &call.inputs) {
            Ok(called) => calls.push(Call { outputs: called.outputs, ..call.clone() }),
            // It did not return when it was recorded, either, and that ended its worker.
            Err(error) if call.outputs.is_null() && error.ends_worker() => {
                calls.push(call.clone());
                break;
            }
            Err(error) => return Err(at(number)(error)),
        }
    }
    let pairs = || recording.calls.iter().zip(&calls);
    let outputs_differ_at = pairs().position(|(then, now)| then.outputs != now.outputs);
    let (then, now) = (canonical::events(&recording.calls), canonical::events(&calls));
    let differs = (0..then.len().max(now.len())).find(|at| then.get(*at) != now.get(*at));
    let events_differ = differs.map(|at| (then.get(at).cloned(), now.get(at).cloned()));
    Ok(Replay { calls, outputs_differ_at, events_differ, events: now.len() })
}
