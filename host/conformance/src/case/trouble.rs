//! Everything around the adapter goes wrong: refusals, full queues, odd pieces and bytes, late inputs, dead runtimes.

use serde_json::{Value, json};

use super::fair::Fair;
use super::{Case, Play, full};
use crate::canonical;
use crate::report::Reason;
use crate::rule::{self, Rule};
use crate::stage::Stage;
use crate::stage::flow::Prompt;
use crate::stop::{Broken, Step, Stop, keeps};
use crate::told;
use crate::watch::BindingState;
use crate::weather::{Effect, Refusal, Weather};

/// An op and a request that no adapter gets to.
const UNKNOWN: u32 = 1_999_999_999;
/// Bytes of a small queue: room for one prompt, not for two.
const STDIN_ROOM: usize = 4096;
/// What an agent may print that is no line of any protocol: no UTF-8, control characters, broken and very deep JSON.
const NOISE: &[&[u8]] = &[b"\xff\xfe\xc3\x28", b"\x00\x1b[31m", b"{\"jsonrpc\":", b"", DEEP.as_bytes()];
/// JSON that a parser which recurses for each level does not survive.
const DEEP: &str = match std::str::from_utf8(&[b'['; 20_000]) {
    Ok(text) => text,
    Err(_) => "",
};

/// What a case for each of its effects and each of its steps needs of `fair`; without it those are one case each.
pub(super) fn cases(fair: Option<&Fair>) -> Vec<Case> {
    let mut cases = late();
    match fair {
        Some(fair) => cases.extend(refusals(fair)),
        None => cases.push(full("refused/each", |_| Ok(()))),
    }
    cases.push(full("stdin/full", full_queue));
    for bytes in [1, 7] {
        cases.push(full(format!("output/pieces-of-{bytes}"), move |play| {
            let weather = Weather { pieces: Some(bytes), ..Weather::default() };
            same_answer(play, weather, &rule::PIECES_JOINED)
        }));
    }
    cases.push(full("output/noise", |play| {
        let weather = Weather { noise: NOISE.to_vec(), ..Weather::default() };
        play.on(weather, |stage| {
            through(stage, &stage.words(Prompt::Answer)?, &rule::BYTES_TOLERATED)?;
            took_place(stage, "it starts no program that could print nonsense")
        })
    }));
    match fair {
        Some(fair) => cases.extend(losses(fair)),
        None => cases.push(full("exit/each-step", |_| Ok(()))),
    }
    cases
}

/// The process takes nothing, so that a second prompt finds the queue full; then it takes everything.
fn full_queue(play: &mut Play<'_>) -> Step {
    play.on(Weather { stdin_room: Some(STDIN_ROOM), ..Weather::default() }, |stage| {
        stage.begin()?;
        stage.blamed = &rule::BACKPRESSURE_KEPT;
        stage.weather.stdin_stuck = true;
        let words = stage.words(Prompt::Answer)? + &" and more".repeat(STDIN_ROOM / 16);
        stage.execute(1, &words)?;
        if !stage.ends(1)? {
            stage.tell(vec![told::cancel(1)])?;
            // One that only its process can end is ended with its worker.
            if !stage.ends(1)? {
                return Ok(());
            }
        }
        if stage.is_over() {
            return Ok(());
        }
        took_place_if(stage.has_process(), "it starts no program that it could write to")?;
        stage.execute(2, &words)?;
        stage.weather.stdin_stuck = false;
        stage.follow()?;
        let ended = stage.ends(2)? || stage.is_over();
        Ok(keeps(ended, &rule::BACKPRESSURE_KEPT, || {
            "after a full queue the attempt is never finished".to_owned()
        })?)
    })
}

/// What comes late, twice or for nothing, before and after an attempt.
fn late() -> Vec<Case> {
    type Late = (&'static str, fn() -> Value);
    let inputs: [Late; 12] = [
        ("timer", || told::timer(UNKNOWN)),
        ("refused", || told::refused(UNKNOWN, &json!({ "unknown": "no such op" }))),
        ("spawned", || told::spawned(UNKNOWN)),
        ("stdout", || told::stdout(UNKNOWN, b"hello\n", "newline")),
        ("exited", || told::exited(UNKNOWN, &json!({ "code": 0 }))),
        ("stdin-closed", || told::stdin_closed(UNKNOWN, "broken-pipe")),
        ("file", || told::file(UNKNOWN, &json!({ "failed": "not-found" }))),
        ("http-end", || told::http_end(UNKNOWN, &json!("aborted"))),
        ("blob-created", || told::blob_created(UNKNOWN, UNKNOWN, 1)),
        ("approval", || told::approval(UNKNOWN, &json!("expired"))),
        ("provided-input", || told::provided(UNKNOWN, &json!("expired"))),
        ("tool-result", || told::tool_failed(UNKNOWN)),
    ];
    let case = |(name, input): Late| {
        full(format!("late/{name}"), move |play| {
            play.in_fair_weather(|stage| {
                stage.begin()?;
                ignores(stage, input())?;
                stage.answers(1, &stage.words(Prompt::Answer)?)?;
                ignores(stage, input())
            })
        })
    };
    let mut cases: Vec<Case> = inputs.into_iter().map(case).collect();
    cases.push(full("late/cleared-timer", |play| {
        play.in_fair_weather(|stage| {
            stage.begin()?;
            stage.answers(1, &stage.words(Prompt::Answer)?)?;
            took_place_if(!stage.cleared.is_empty(), "it clears no timer")?;
            stage.cleared.clone().into_iter().try_for_each(|timer| ignores(stage, told::timer(timer)))
        })
    }));
    cases.push(full("late/repeated", |play| {
        play.in_fair_weather(|stage| {
            stage.begin()?;
            stage.answers(1, &stage.words(Prompt::Answer)?)?;
            let told = stage.calls.iter().flat_map(|call| call.inputs.as_array().into_iter().flatten());
            let replies: Vec<Value> = told.filter(|input| ends_an_op(input)).cloned().collect();
            stage.blamed = &rule::LATE_IGNORED;
            for reply in replies {
                stage.tell(vec![reply])?;
            }
            stage.blamed = &rule::CALL_RETURNS;
            stage.answers(2, &stage.words(Prompt::Answer)?)
        })
    }));
    cases
}

/// Inputs that are the last about their op: told again, they are about nothing.
fn ends_an_op(input: &Value) -> bool {
    let ends =
        ["timer", "refused", "file", "http-end", "blob-created", "approval", "provided-input", "tool-result"];
    ends.iter().any(|case| input.get(case).is_some())
}

pub(super) fn ignores(stage: &mut Stage<'_>, input: Value) -> Step {
    let before = std::mem::replace(&mut stage.blamed, &rule::LATE_IGNORED);
    stage.tell(vec![input])?;
    stage.blamed = before;
    let asked = stage.calls.last().map(|call| call.outputs.clone()).unwrap_or_default();
    Ok(keeps(asked == json!([]), &rule::LATE_IGNORED, || format!("it asks for {asked}"))?)
}

/// Each kind of effect that the adapter asks for is refused.
fn refusals(fair: &Fair) -> Vec<Case> {
    let each = Effect::ALL.into_iter().filter(|effect| fair.effects.contains(effect.as_str()));
    each.flat_map(|effect| {
        [Refusal::Denied, Refusal::Failed, Refusal::Expired].map(|refusal| (effect, refusal))
    })
    .map(|(effect, refusal)| {
        let name = format!("refused/{}-{}", effect.as_str(), format!("{refusal:?}").to_lowercase());
        full(name, move |play| {
            let weather = Weather { refuses: Some((effect, refusal)), ..Weather::default() };
            play.on(weather, |stage| through(stage, &stage.words(Prompt::Answer)?, &rule::REFUSAL_SURVIVED))
        })
    })
    .collect()
}

/// The runtime is lost at each of its steps.
fn losses(fair: &Fair) -> Vec<Case> {
    let case = |step| {
        full(format!("exit/step-{step}"), move |play: &mut Play<'_>| {
            let weather = Weather { gone_at: Some(step), ..Weather::default() };
            play.on(weather, |stage| through(stage, &stage.words(Prompt::Answer)?, &rule::EXIT_NOTICED))
        })
    };
    (0..fair.steps).map(case).collect()
}

/// Start, binding, prompt, whatever comes of each: all of them are answered, or the adapter gives up.
fn through(stage: &mut Stage<'_>, words: &str, rule: &'static Rule) -> Step {
    stage.blamed = rule;
    let silent = |what: &str| Stop::Broken(Broken::new(rule, format!("{what} is not answered")));
    let blame = |stop: Stop, what: &str| match stop {
        Stop::Broken(broken)
            if broken.rule == &rule::START_ANSWERED || broken.rule == &rule::BINDING_ANSWERED =>
        {
            silent(what)
        }
        other => other,
    };
    stage.start().map_err(|stop| blame(stop, "`start`"))?;
    if !stage.watch.ready || stage.is_over() {
        return Ok(());
    }
    stage.open(1).map_err(|stop| blame(stop, "`open-binding`"))?;
    if stage.watch.bindings.get(&1) != Some(&BindingState::Open) || stage.is_over() {
        return Ok(());
    }
    stage.execute(1, words)?;
    if stage.ends(1)? || stage.is_over() { Ok(()) } else { Err(silent("`execute-attempt`")) }
}

/// What the case is about has happened; else there is nothing to judge.
fn took_place(stage: &Stage<'_>, without: &str) -> Step {
    took_place_if(stage.weathered, without)
}

fn took_place_if(so: bool, without: &str) -> Step {
    if so { Ok(()) } else { Err(Stop::nothing(format!("there is nothing to go wrong: {without}"))) }
}

/// An answered prompt has the same answer as where nothing goes wrong.
fn same_answer(play: &mut Play<'_>, weather: Weather, rule: &'static Rule) -> Step {
    let answered = |stage: &mut Stage<'_>| -> Step<String> {
        stage.begin()?;
        stage.answers(1, &stage.words(Prompt::Answer)?)?;
        Ok(canonical::text(&canonical::events(&stage.calls), 1))
    };
    let fair = play.in_fair_weather(answered)?;
    let told = play.on(weather, |stage| {
        stage.blamed = rule;
        let answer = answered(stage)?;
        took_place(stage, "nothing comes from outside that could be cut")?;
        Ok(answer)
    });
    let told = told.map_err(|stop| match stop {
        // It gets through where nothing goes wrong, so it is the weather that it does not stand.
        Stop::NotRun(not_run) if not_run.reason != Reason::Nothing => Broken::new(rule, not_run.why).into(),
        not_run @ Stop::NotRun(_) => not_run,
        Stop::Broken(Broken { rule: other, what }) if *other == rule::ATTEMPT_FINISHED => {
            Stop::Broken(Broken::new(rule, what))
        }
        broken @ Stop::Broken(_) => broken,
    })?;
    Ok(keeps(told == fair, rule, || format!("the answer is {told:?}, without it {fair:?}"))?)
}
