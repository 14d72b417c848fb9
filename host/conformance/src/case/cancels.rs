//! Cancellation in every state that an attempt can be in, and the end of the worker in the middle of one.

use omi_kernel::descriptor::Cancellation;

use super::{Case, Play, core};
use crate::rule;
use crate::stage::Stage;
use crate::stage::flow::Prompt;
use crate::stop::{Step, keeps};
use crate::told;
use crate::weather::Weather;

pub(super) fn cases() -> Vec<Case> {
    vec![
        core("cancel/at-once", |play| {
            play.in_fair_weather(|stage| {
                stage.begin()?;
                let words = stage.words(Prompt::Answer)?;
                stage.tell(vec![told::execute(1, 1, &words), told::cancel(1)])?;
                stage.settles()
            })
        }),
        core("cancel/running", |play| {
            hanging(play, |stage| {
                stage.tell(vec![told::cancel(1)])?;
                stage.settles()?;
                ends_if_it_can(stage)
            })
        }),
        core("cancel/twice", |play| {
            hanging(play, |stage| {
                stage.tell(vec![told::cancel(1)])?;
                stage.tell(vec![told::cancel(1)])?;
                stage.settles()
            })
        }),
        core("cancel/finished", |play| {
            play.in_fair_weather(|stage| {
                stage.begin()?;
                stage.answers(1, &stage.words(Prompt::Answer)?)?;
                stage.tell(vec![told::cancel(1)])?;
                stage.settles()
            })
        }),
        core("cancel/next-prompt", |play| {
            hanging(play, |stage| {
                stage.tell(vec![told::cancel(1)])?;
                stage.settles()?;
                if stage.ends(1)? && !stage.is_over() {
                    stage.answers(2, &stage.words(Prompt::Answer)?)?;
                }
                Ok(())
            })
        }),
        core("cancel/permission", |play| {
            play.on(Weather { silent_person: true, ..Weather::default() }, |stage| {
                stage.begin()?;
                stage.asks(1)?;
                let open: Vec<u32> = stage
                    .watch
                    .asked
                    .iter()
                    .filter(|(_, open)| **open)
                    .map(|(request, _)| *request)
                    .collect();
                // The host answers what is open before it has an attempt cancelled.
                let mut inputs: Vec<_> =
                    open.into_iter().map(|request| told::approval(request, &"cancelled".into())).collect();
                inputs.push(told::cancel(1));
                stage.tell(inputs)?;
                stage.settles()
            })
        }),
        core("stop/running", |play| {
            hanging(play, |stage| {
                stage.stop()?;
                stage.settles()
            })
        }),
        core("stop/cancelled", |play| hanging(play, |stage| stage.tell(vec![told::cancel(1), told::stop()]))),
    ]
}

/// On a worker with an attempt that goes on until it is cancelled.
fn hanging(play: &mut Play<'_>, story: impl FnOnce(&mut Stage<'_>) -> Step) -> Step {
    play.in_fair_weather(|stage| {
        stage.begin()?;
        stage.hangs(1)?;
        story(stage)
    })
}

/// An adapter whose runtime acknowledges gets to the end of a cancelled attempt.
fn ends_if_it_can(stage: &mut Stage<'_>) -> Step {
    if stage.subject.adapter.descriptor().capabilities.cancellation != Cancellation::Acknowledged {
        return Ok(());
    }
    let ended = stage.ends(1)? || stage.is_over();
    Ok(keeps(ended, &rule::CANCEL_ENDS, || "a cancelled attempt is never finished".to_owned())?)
}
