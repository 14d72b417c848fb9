//! What an answered prompt takes where nothing goes wrong.

use std::collections::BTreeSet;

use super::Play;
use crate::check::caught;
use crate::report::{NotRun, Reason};
use crate::stage::Subject;
use crate::stage::flow::Prompt;
use crate::stop::{Broken, Stop};
use crate::weather::Effect;

/// An answered prompt.
pub(super) struct Fair {
    /// Steps of the runtime.
    pub(super) steps: usize,
    /// The kinds of effect that were asked for, by the word for them.
    pub(super) effects: BTreeSet<&'static str>,
}

impl Fair {
    /// Plays an answered prompt; else why it cannot be.
    pub(super) fn of(subject: &Subject) -> Result<Self, NotRun> {
        let mut play = Play { subject, calls: Vec::new() };
        let steps = caught(|| {
            play.in_fair_weather(|stage| {
                stage.begin()?;
                stage.answers(1, &stage.words(Prompt::Answer)?)?;
                Ok(stage.steps())
            })
        });
        let steps = steps.map_err(|stop| match stop {
            Stop::NotRun(not_run) => not_run,
            Stop::Broken(Broken { rule, what }) => {
                let why = format!("even where nothing goes wrong `{}` is broken: {what}", rule.name);
                NotRun { why, reason: Reason::Unable }
            }
        })?;
        let outputs = play.calls.iter().flat_map(|call| call.outputs.as_array().into_iter().flatten());
        let kinds = outputs.filter_map(|output| output.as_object()?.keys().next().map(String::as_str));
        let effect = |kind: &str| match kind {
            "spawn" => Some(Effect::Spawn.as_str()),
            "read-file" | "write-file" => Some(Effect::File.as_str()),
            "http-request" => Some(Effect::Request.as_str()),
            "set-timer" => Some(Effect::Timer.as_str()),
            "create-blob" => Some(Effect::Blob.as_str()),
            _ => None,
        };
        Ok(Self { steps, effects: kinds.filter_map(effect).collect() })
    }
}
