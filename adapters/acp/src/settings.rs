//! What is chosen in a session before it is open, and before a prompt: its mode, its options, its model, one at a time.

use std::collections::VecDeque;

use omi_adapter_sdk::rpc::RpcError;
use omi_adapter_sdk::{Binding, ExecuteAttempt, Failure, Outcome, Outputs, RunMode, log};
use serde_json::Value;

use crate::choices::{Choices, What};
use crate::config::Config;
use crate::link::Call;
use crate::sessions::{Session, Stage};
use crate::wording::said;
use crate::worker::Worker;

/// A value that is to be in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    what: What,
    value: String,
    /// Without it nothing is done: that the agent offers no such choice is a failure.
    must: bool,
}

/// The wishes of a session, and the one that the agent was asked for.
#[derive(Default)]
pub(crate) struct Wishes {
    open: VecDeque<Wish>,
    asked: Option<(u32, Wish)>,
    last: u32,
}

impl Wishes {
    /// Nothing is wished any more; an answer that is still to come changes nothing.
    pub(crate) fn clear(&mut self) {
        self.open.clear();
        self.asked = None;
    }

    /// What a session is to be like from its beginning. One that is taken up may not say what it offers.
    pub(crate) fn for_session(&mut self, config: &Config, model: Option<&str>, options_known: bool) {
        self.clear();
        let wish = |what, value: &str, must| Wish { what, value: value.to_owned(), must };
        self.open.extend(config.mode.as_deref().map(|mode| wish(What::Mode, mode, false)));
        let options = config.options.iter();
        self.open.extend(
            options.map(|(id, value)| wish(What::Option(id.clone()), &value.to_string(), options_known)),
        );
        self.open.extend(model.map(|model| wish(What::Model, model, false)));
    }

    /// What a prompt needs.
    fn for_prompt(&mut self, mode: Option<(String, bool)>, model: Option<String>) {
        self.clear();
        self.open.extend(mode.map(|(value, must)| Wish { what: What::Mode, value, must }));
        self.open.extend(model.map(|value| Wish { what: What::Model, value, must: false }));
    }
}

impl Session {
    /// Wish for what this attempt needs.
    pub(crate) fn wish_for(&mut self, execute: &ExecuteAttempt, config: &Config) {
        let mode = match execute.mode {
            RunMode::Ask => config.ask_mode.clone().map(|mode| (mode, true)),
            RunMode::Act => match (&config.act_mode, &config.ask_mode) {
                (Some(mode), _) => Some((mode.clone(), true)),
                (None, Some(_)) => self.mode_at_open.clone().map(|mode| (mode, false)),
                (None, None) => None,
            },
        };
        let model = execute.model.clone().or_else(|| self.model_at_open.clone());
        self.wishes.for_prompt(mode, model.filter(|_| config.models));
    }
}

impl Worker {
    /// Ask for the next wish that is not fulfilled; when none is left the session is open, or its prompt is sent.
    pub(crate) fn fulfil(&mut self, binding: Binding, out: &mut Outputs) {
        let Some(session) = self.sessions.get_mut(&binding) else { return };
        let Some(id) = session.native_id.clone() else { return };
        while let Some(wish) = session.wishes.open.pop_front() {
            let (method, params) = match request(&session.choices, &wish, &id) {
                Ok(Some(request)) => request,
                Ok(None) => continue,
                Err(failure) => return self.not_fulfilled(binding, failure, out),
            };
            // Until the agent says yes nobody knows which one it uses.
            session.choices.is(&wish.what, None);
            session.wishes.last += 1;
            let number = session.wishes.last;
            session.wishes.asked = Some((number, wish));
            let timeout_ms = Some(self.config.session_timeout_ms);
            return self.link.call(Call::Choose(binding, number), method, params, timeout_ms, out);
        }
        if session.stage == Stage::Open {
            self.send_prompt(binding, out);
        } else {
            self.opened(binding, out);
        }
    }

    /// It is chosen, or not.
    pub(crate) fn chosen(
        &mut self,
        binding: Binding,
        number: u32,
        answer: Result<Value, RpcError>,
        out: &mut Outputs,
    ) {
        let Some(session) = self.sessions.get_mut(&binding) else { return };
        let Some((_, wish)) = session.wishes.asked.take_if(|(asked, _)| *asked == number) else { return };
        match answer {
            Ok(result) => {
                session.choices.is(&wish.what, Some(&wish.value));
                session.choices.update(&result);
                self.fulfil(binding, out);
            }
            Err(error) => {
                let what = wish.what.word();
                let by = if session.is_opening() { "" } else { "_by_agent" };
                let message = format!("the agent refused the {what} `{}`: {}", wish.value, said(&error));
                self.not_fulfilled(binding, Failure::fatal(format!("{what}_refused{by}"), message), out);
            }
        }
    }

    fn not_fulfilled(&mut self, binding: Binding, failure: Failure, out: &mut Outputs) {
        let Some(session) = self.sessions.get_mut(&binding) else { return };
        session.wishes.clear();
        if session.is_opening() {
            self.open_failed(binding, failure, out);
        } else {
            self.finish(binding, Outcome::Failed(failure), None, out);
        }
    }
}

/// What to ask the agent so that the value is in use: nothing if it is, or if the agent leaves no choice.
fn request(choices: &Choices, wish: &Wish, id: &str) -> Result<Option<(&'static str, Value)>, Failure> {
    let (what, value) = (wish.what.word(), &wish.value);
    match choices.get(&wish.what) {
        Some(choice) if choice.current.as_ref() == Some(value) => Ok(None),
        Some(choice) if choice.allows(value) => Ok(Some(choice.request(id, value))),
        Some(choice) => {
            let has = choice.values.join(", ");
            let message = format!("the agent has no {what} `{value}`{}\nhint: it has {has}", of(&wish.what));
            Err(Failure::fatal(format!("unknown_{what}"), message))
        }
        None if wish.must => {
            let has = match choices.option_ids() {
                ids if ids.is_empty() => "none".to_owned(),
                ids => ids.join(", "),
            };
            let message = match &wish.what {
                What::Option(id) => format!("the agent has no option `{id}`\nhint: its options: {has}"),
                What::Mode | What::Model => {
                    format!(
                        "the agent lets nobody choose a {what}, and `{value}` is needed\nhint: its options: {has}"
                    )
                }
            };
            Err(Failure::fatal(format!("unknown_{what}"), message))
        }
        None => {
            log::warn(&format!("the agent lets nobody choose a {what}; `{value}` was asked for"));
            Ok(None)
        }
    }
}

/// Which option a value is of, for the middle of a sentence.
fn of(what: &What) -> String {
    match what {
        What::Option(id) => format!(" for its option `{id}`"),
        What::Mode | What::Model => String::new(),
    }
}
