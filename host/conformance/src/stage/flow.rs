//! The steps that every conversation has: a start, a binding, a prompt, an end.

use omi_kernel::descriptor::Capability;
use serde_json::Value;

use super::Stage;
use crate::canonical;
use crate::rule::{self, Rule};
use crate::stop::{Broken, Step, Stop, keeps};
use crate::told;
use crate::watch::{AttemptState, BindingState, Watch};

/// What a prompt is to lead to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Prompt {
    Answer,
    Hang,
    Permission,
}

impl Stage<'_> {
    /// `start`, up to whatever answers it.
    pub(crate) fn start(&mut self) -> Step {
        let peer = self.subject.peer.as_ref();
        let config = peer.and_then(|peer| peer.config.as_ref());
        let config = config
            .and_then(|config| serde_json::to_value(config).ok())
            .unwrap_or_else(|| Value::Object(Default::default()));
        let declared = &self.subject.adapter.descriptor().grants;
        let mut grants: Vec<String> = declared.iter().map(|grant| grant.name.clone()).collect();
        grants.sort_unstable();
        self.tell(vec![told::start(&config, &grants, self.weather.limits())])?;
        self.until(answered)?;
        self.was_answered(answered(&self.watch), &rule::START_ANSWERED, || {
            "`start` is not answered".to_owned()
        })
    }

    /// `start`, up to `ready`. The case cannot be run if the runtime does not let it get there.
    pub(crate) fn start_ready(&mut self) -> Step {
        self.start()?;
        if let Some(method) = self.watch.logged_out.clone() {
            self.tell(vec![told::authenticate(&method)])?;
            self.until(answered)?;
        }
        if self.watch.ready {
            return Ok(());
        }
        let why = match &self.watch.fault {
            Some(fault) => format!("it gives up at the start ({fault})"),
            None => "it wants somebody to log in".to_owned(),
        };
        Err(Stop::unplayed(format!("{why}; hint: what the peer file says does not bring it to `ready`")))
    }

    /// `open-binding`, up to its answer.
    pub(crate) fn open(&mut self, binding: u32) -> Step {
        self.tell(vec![told::open(binding)])?;
        self.binding_answered(binding, "open-binding")
    }

    /// `resume-binding`, up to its answer.
    pub(crate) fn resume(&mut self, binding: u32, native_id: &str) -> Step {
        self.tell(vec![told::resume(binding, native_id)])?;
        self.binding_answered(binding, "resume-binding")
    }

    fn binding_answered(&mut self, binding: u32, what: &str) -> Step {
        let asked = |watch: &Watch| watch.bindings.get(&binding) == Some(&BindingState::Asked);
        self.until(|watch| !asked(watch))?;
        let answered = self.is_over() || !asked(&self.watch);
        self.was_answered(answered, &rule::BINDING_ANSWERED, || {
            format!("`{what}` of {binding} is not answered")
        })
    }

    /// Whatever has to be answered was; of a runtime whose peer file has no answer, nothing can be said.
    fn was_answered(&self, so: bool, rule: &'static Rule, what: impl FnOnce() -> String) -> Step {
        match &self.unheard {
            Some(line) if !so => {
                Err(Stop::unplayed(format!("no reply of the peer file fits what is written: {line}")))
            }
            _ => Ok(keeps(so, rule, what)?),
        }
    }

    /// A worker that is ready and holds binding 1.
    pub(crate) fn begin(&mut self) -> Step {
        self.start_ready()?;
        self.open_for_sure(1)
    }

    /// A binding that is there. The case cannot be run if the runtime does not let it be.
    pub(crate) fn open_for_sure(&mut self, binding: u32) -> Step {
        self.open(binding)?;
        if self.watch.bindings.get(&binding) == Some(&BindingState::Open) {
            return Ok(());
        }
        let why = format!("the binding {binding} is not there: {}", self.last_failure());
        Err(Stop::unplayed(format!("{why}; hint: what the peer file says does not let it be opened")))
    }

    fn last_failure(&self) -> String {
        let events = canonical::events(&self.calls);
        let failed =
            events.iter().rev().find(|event| event.get("binding-failed").or(event.get("fault")).is_some());
        failed.map_or_else(|| "it says nothing".to_owned(), Value::to_string)
    }

    /// The words that lead to something; not run if the peer file does not say which.
    pub(crate) fn words(&self, prompt: Prompt) -> Step<String> {
        let prompts = self.subject.peer.as_ref().map(|peer| peer.prompts.clone()).unwrap_or_default();
        let (named, word) = match prompt {
            Prompt::Answer => (prompts.answer, "answer"),
            Prompt::Hang => (prompts.hang, "hang"),
            Prompt::Permission => (prompts.permission, "permission"),
        };
        match (named, prompt) {
            (Some(words), _) => Ok(words),
            // Whoever needs no runtime answers anything.
            (None, Prompt::Answer) if !self.has_runtime() => Ok("hello".to_owned()),
            (None, _) => Err(Stop::unplayed(format!("no peer file says which prompt leads to `{word}`"))),
        }
    }

    fn has_runtime(&self) -> bool {
        let declared = &self.subject.adapter.descriptor().grants;
        declared.iter().any(|grant| grant.capability != Capability::Files)
    }

    /// `execute-attempt` in binding 1, without waiting for anything.
    pub(crate) fn execute(&mut self, attempt: u32, words: &str) -> Step {
        self.tell(vec![told::execute(attempt, 1, words)])
    }

    /// Waits for the end of an attempt; whether it came.
    pub(crate) fn ends(&mut self, attempt: u32) -> Step<bool> {
        self.until(|watch| watch.attempts.get(&attempt) == Some(&AttemptState::Finished))
    }

    /// An attempt that is answered, as the peer file says.
    pub(crate) fn answers(&mut self, attempt: u32, words: &str) -> Step {
        self.execute(attempt, words)?;
        self.succeeds(attempt)
    }

    /// Waits until an attempt has succeeded.
    pub(crate) fn succeeds(&mut self, attempt: u32) -> Step {
        let ended = self.ends(attempt)? || self.is_over();
        self.was_answered(ended, &rule::ATTEMPT_FINISHED, || {
            format!("the attempt {attempt} is never finished")
        })?;
        match self.watch.outcomes.get(&attempt) {
            Some(outcome) if outcome.get("succeeded").is_some() => Ok(()),
            Some(outcome) => Err(self.misled(&format!("it ends as {outcome}"))),
            None => Err(self.misled(&format!("the worker gives up: {}", self.last_failure()))),
        }
    }

    /// The words of the peer file do not lead to what it says.
    fn misled(&self, what: &str) -> Stop {
        let unheard = self.unheard.as_ref().map(|line| format!("; no reply fits what is written: {line}"));
        let hint = "hint: the peer file says what its prompts lead to";
        Stop::unplayed(format!(
            "the prompt does not lead where it should: {what}{}; {hint}",
            unheard.unwrap_or_default()
        ))
    }

    /// An attempt that goes on until it is cancelled, as the peer file says.
    pub(crate) fn hangs(&mut self, attempt: u32) -> Step {
        self.execute(attempt, &self.words(Prompt::Hang)?)?;
        match self.watch.outcomes.get(&attempt) {
            None => Ok(()),
            Some(outcome) => Err(self.misled(&format!("`hang` ends as {outcome}"))),
        }
    }

    /// An attempt that asks a person, as the peer file says.
    pub(crate) fn asks(&mut self, attempt: u32) -> Step {
        self.execute(attempt, &self.words(Prompt::Permission)?)?;
        self.until(|watch| !watch.asked.is_empty())?;
        if self.watch.asked.is_empty() { Err(self.misled("`permission` asks nobody")) } else { Ok(()) }
    }

    /// Whatever was asked has been answered, after as long as it may take.
    pub(crate) fn settles(&mut self) -> Step {
        self.until(|watch| watch.cancels.values().all(|waiting| *waiting == 0))?;
        if self.is_over() {
            return Ok(());
        }
        if let Some((attempt, _)) = self.watch.cancels.iter().find(|(_, waiting)| **waiting > 0) {
            let what = format!("`cancel-attempt` of {attempt} is not answered");
            return Err(Broken::new(&rule::CANCEL_ANSWERED, what).into());
        }
        let acknowledged: Vec<u32> = self.watch.acknowledged.iter().copied().collect();
        for attempt in acknowledged {
            let ended = self.ends(attempt)? || self.is_over();
            keeps(ended, &rule::CANCEL_ENDS, || {
                format!("the cancellation of {attempt} is acknowledged, and the attempt is never finished")
            })?;
        }
        Ok(())
    }

    /// `stop`, and what is said after it.
    pub(crate) fn stop(&mut self) -> Step {
        self.tell(vec![told::stop()])
    }
}

fn answered(watch: &Watch) -> bool {
    !watch.awaits_ready
}
