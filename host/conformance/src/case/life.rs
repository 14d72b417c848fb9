//! The life of a worker, its bindings and its attempts, in every order that the contract allows.

use omi_kernel::descriptor::Fidelity;
use serde_json::json;

use super::{Case, core};
use crate::rule;
use crate::stage::flow::Prompt;
use crate::stop::{Step, Stop, keeps};
use crate::told;
use crate::watch::BindingState;
use crate::weather::Weather;

pub(super) fn cases() -> Vec<Case> {
    vec![
        core("describe/stable", |play| {
            let first = play.in_fair_weather(super::super::stage::Stage::describe)?;
            let later = play.in_fair_weather(|stage| {
                stage.start()?;
                let after_start = stage.describe()?;
                Ok([after_start, stage.describe()?])
            })?;
            let same = later.iter().all(|answer| *answer == first);
            Ok(keeps(same, &rule::DESCRIBE_STABLE, || {
                "it answers otherwise when it is asked again".to_owned()
            })?)
        }),
        core("call/empty", |play| {
            play.in_fair_weather(|stage| {
                stage.start()?;
                stage.blamed = &rule::EMPTY_CALL;
                stage.tell(vec![])?;
                let asked = stage.calls.last().map(|call| call.outputs.clone()).unwrap_or_default();
                Ok(keeps(asked == json!([]), &rule::EMPTY_CALL, || format!("it asks for {asked}"))?)
            })
        }),
        core("start/stop", |play| {
            play.in_fair_weather(|stage| {
                stage.start()?;
                stage.stop()
            })
        }),
        core("start/stop-at-once", |play| {
            play.in_fair_weather(|stage| {
                let start = told::start(&json!({}), &[], stage.weather.limits());
                stage.tell(vec![start, told::stop()])
            })
        }),
        core("extension/unknown", |play| {
            play.in_fair_weather(|stage| {
                stage.start()?;
                stage.blamed = &rule::EXTENSION_IGNORED;
                stage.tell(vec![told::extension("of-a-later-host.do-something")])?;
                let asked = stage.calls.last().map(|call| call.outputs.clone()).unwrap_or_default();
                Ok(keeps(asked == json!([]), &rule::EXTENSION_IGNORED, || format!("it asks for {asked}"))?)
            })
        }),
        core("extra/unknown", |play| {
            // What goes wrong without them is not about them.
            play.in_fair_weather(|stage| {
                stage.begin()?;
                stage.answers(1, &stage.words(Prompt::Answer)?)
            })?;
            play.on(Weather { extra: true, ..Weather::default() }, |stage| {
                stage.blamed = &rule::EXTRA_IGNORED;
                stage.begin()?;
                stage.answers(1, &stage.words(Prompt::Answer)?)
            })
        }),
        core("binding/open-close", |play| {
            play.in_fair_weather(|stage| {
                stage.begin()?;
                stage.tell(vec![told::close(1)])?;
                stage.settles()?;
                stage.stop()
            })
        }),
        core("binding/close-at-once", |play| {
            play.in_fair_weather(|stage| {
                stage.start_ready()?;
                stage.tell(vec![told::open(1), told::close(1)])?;
                stage.settles()
            })
        }),
        core("binding/reopen", |play| {
            play.in_fair_weather(|stage| {
                stage.begin()?;
                stage.tell(vec![told::close(1)])?;
                stage.open(2)
            })
        }),
        core("binding/resume-unknown", |play| {
            play.in_fair_weather(|stage| {
                stage.start_ready()?;
                stage.resume(1, "nobody-knows-this-session")
            })
        }),
        core("binding/resume-own", |play| {
            let native_id = play.in_fair_weather(|stage| {
                if stage.subject.adapter.descriptor().capabilities.resume == Fidelity::None {
                    return Err(Stop::nothing("it says that no session can be taken up again"));
                }
                stage.begin()?;
                stage.answers(1, &stage.words(Prompt::Answer)?)?;
                stage.stop()?;
                Ok(stage.watch.native_ids.get(&1).cloned().unwrap_or_default())
            })?;
            play.in_fair_weather(|stage| {
                stage.start_ready()?;
                stage.resume(1, &native_id)?;
                match stage.watch.bindings.get(&1) {
                    Some(BindingState::Open) => stage.answers(1, &stage.words(Prompt::Answer)?),
                    _ => Ok(()),
                }
            })
        }),
        core("binding/close-running", |play| {
            play.in_fair_weather(|stage| {
                stage.begin()?;
                stage.hangs(1)?;
                stage.tell(vec![told::close(1)])?;
                stage.until(|watch| watch.outcomes.contains_key(&1))?;
                stage.settles()
            })
        }),
        core("binding/two", |play| {
            play.in_fair_weather(|stage| {
                holds(stage.subject.adapter.descriptor().capabilities.bindings_per_worker, "bindings")?;
                stage.begin()?;
                stage.open(2)
            })
        }),
        core("attempt/answer", |play| {
            play.in_fair_weather(|stage| {
                stage.begin()?;
                stage.answers(1, &stage.words(Prompt::Answer)?)?;
                stage.stop()
            })
        }),
        core("attempt/second", |play| {
            play.in_fair_weather(|stage| {
                stage.begin()?;
                stage.answers(1, &stage.words(Prompt::Answer)?)?;
                stage.answers(2, &stage.words(Prompt::Answer)?)
            })
        }),
        core("attempt/two-at-once", |play| {
            play.in_fair_weather(|stage| {
                holds(stage.subject.adapter.descriptor().capabilities.bindings_per_worker, "bindings")?;
                holds(stage.subject.adapter.descriptor().capabilities.attempts_per_worker, "attempts")?;
                stage.begin()?;
                stage.open_for_sure(2)?;
                let words = stage.words(Prompt::Answer)?;
                stage.tell(vec![told::execute(1, 1, &words), told::execute(2, 2, &words)])?;
                stage.succeeds(1)?;
                stage.succeeds(2)
            })
        }),
        core("attempt/permission", |play| {
            play.in_fair_weather(|stage| {
                stage.begin()?;
                stage.asks(1)?;
                stage.succeeds(1)
            })
        }),
        core("attempt/permission-denied", |play| {
            play.on(Weather { denies: true, ..Weather::default() }, |stage| {
                stage.begin()?;
                stage.asks(1)?;
                let ended = stage.ends(1)? || stage.is_over();
                Ok(keeps(ended, &rule::ATTEMPT_FINISHED, || "a denied attempt is never finished".to_owned())?)
            })
        }),
    ]
}

/// A case that needs a worker to hold two of something.
fn holds(most: u32, what: &str) -> Step {
    if most >= 2 {
        Ok(())
    } else {
        Err(Stop::nothing(format!("a worker of it holds one of the {what} at a time")))
    }
}
