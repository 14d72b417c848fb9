//! Bounds: work, memory and outputs for each input, very large and very many inputs, and the same again.

use serde_json::Value;

use super::trouble::ignores;
use super::{Case, full};
use crate::rule;
use crate::stage::flow::Prompt;
use crate::stop::{Broken, Stop, keeps};
use crate::told;
use crate::weather::Weather;

/// Units of fuel for one call, whatever it is about: a tenth of a second.
const FUEL: u64 = 50_000_000;
/// Units of fuel for each byte of its inputs: parsing takes some hundred, in an interpreted language some thousand.
const FUEL_PER_BYTE: u64 = 5_000;
/// Attempts before memory is looked at: what is allocated once is there by then.
const WARM_ATTEMPTS: u32 = 32;
/// Attempts over which memory is looked at.
const ATTEMPTS: u32 = 64;
/// Bytes that memory may grow for each of those: a collector of garbage takes its time.
const BYTES_PER_ATTEMPT: usize = 64 * 1024;
/// Bytes of a very long prompt: a large source file.
const PROMPT_BYTES: usize = 1024 * 1024;
/// Very many inputs of one call.
const INPUTS: u32 = 10_000;

pub(super) fn cases() -> Vec<Case> {
    vec![
        full("bounds/fuel", |play| {
            play.in_fair_weather(|stage| {
                stage.begin()?;
                // What is initialised once is over.
                let first = stage.took.len();
                stage.answers(1, &stage.words(Prompt::Answer)?)?;
                for (at, took) in stage.took.iter().enumerate().skip(first) {
                    let most = FUEL + FUEL_PER_BYTE * took.input_bytes as u64;
                    keeps(took.fuel <= most, &rule::FUEL_BOUNDED, || {
                        let bytes = took.input_bytes;
                        format!(
                            "call {at} with {bytes} bytes of input takes {} of fuel, more than {most}",
                            took.fuel
                        )
                    })?;
                }
                Ok(())
            })
        }),
        full("bounds/memory", |play| {
            play.in_fair_weather(|stage| {
                stage.begin()?;
                let words = stage.words(Prompt::Answer)?;
                for attempt in 1..=WARM_ATTEMPTS {
                    stage.answers(attempt, &words)?;
                }
                let memory = |took: &[crate::stage::Took]| took.last().map_or(0, |took| took.memory_bytes);
                let before = memory(&stage.took);
                for attempt in WARM_ATTEMPTS + 1..=WARM_ATTEMPTS + ATTEMPTS {
                    stage.answers(attempt, &words)?;
                }
                let grown = memory(&stage.took).saturating_sub(before);
                Ok(keeps(grown <= ATTEMPTS as usize * BYTES_PER_ATTEMPT, &rule::MEMORY_BOUNDED, || {
                    format!("memory grows by {grown} bytes over {ATTEMPTS} attempts")
                })?)
            })
        }),
        full("prompt/huge", |play| {
            play.in_fair_weather(|stage| {
                stage.begin()?;
                let answer = stage.words(Prompt::Answer)?;
                let filler = " and one more line of what a person pastes,\n";
                let words = answer + &filler.repeat(PROMPT_BYTES / filler.len());
                stage.blamed = &rule::HUGE_INPUTS;
                stage.execute(1, &words)?;
                let ended = stage.ends(1)? || stage.is_over() || stage.unheard.is_some();
                Ok(keeps(ended, &rule::HUGE_INPUTS, || "the attempt is never finished".to_owned())?)
            })
        }),
        full("prompt/empty", |play| {
            play.in_fair_weather(|stage| {
                stage.begin()?;
                stage.blamed = &rule::HUGE_INPUTS;
                stage.execute(1, "")?;
                stage.settles()
            })
        }),
        full("call/many", |play| {
            play.on(Weather { inputs: Some(INPUTS as usize), ..Weather::default() }, |stage| {
                stage.begin()?;
                ignores(stage, told::timer(1_000_000_000))?;
                stage.blamed = &rule::MANY_INPUTS;
                stage.tell((1..=INPUTS).map(|number| told::timer(1_000_000_000 + number)).collect())?;
                stage.answers(1, &stage.words(Prompt::Answer)?)
            })
        }),
        full("replay/same", |play| {
            let story = |stage: &mut crate::stage::Stage<'_>| {
                stage.begin()?;
                stage.answers(1, &stage.words(Prompt::Answer)?)?;
                stage.tell(vec![told::cancel(1)])?;
                stage.stop()
            };
            play.in_fair_weather(story)?;
            let first = std::mem::take(&mut play.calls);
            let again = play.in_fair_weather(|stage| {
                stage.describe()?;
                story(stage)
            });
            let again = again.map(|()| &play.calls).map_err(|stop| match stop {
                Stop::NotRun(not_run) => Broken::new(&rule::REPLAY_SAME, not_run.why).into(),
                broken @ Stop::Broken(_) => broken,
            })?;
            let differs = first.iter().zip(again).position(|(one, other)| one != other);
            Ok(keeps(differs.is_none() && first.len() == again.len(), &rule::REPLAY_SAME, || {
                let at = differs.unwrap_or(first.len().min(again.len()));
                let outputs = |calls: &[crate::recording::Call]| {
                    calls.get(at).map_or(Value::Null, |call| call.outputs.clone())
                };
                format!("call {at} asks for {}, then for {}", outputs(&first), outputs(again))
            })?)
        }),
    ]
}
