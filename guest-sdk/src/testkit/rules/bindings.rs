//! Bindings: each is opened or failed, once, under a name of the runtime's own.

use std::collections::BTreeMap;

use crate::{Binding, Input, Output};

/// What the ids of Omi begin with; 32 hexadecimal digits follow.
const OMI_PREFIXES: [&str; 9] = ["ses_", "run_", "att_", "evt_", "bind_", "wrk_", "grant_", "art_", "del_"];

/// Digits of an id of Omi.
const OMI_DIGITS: usize = 32;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Asked,
    /// Closed before it was opened or failed, which it still has to be.
    ClosedEarly,
    Open,
    Over,
}

#[derive(Default)]
pub(super) struct Bindings {
    states: BTreeMap<Binding, State>,
}

impl Bindings {
    pub(super) fn told(&mut self, input: &Input) {
        match input {
            Input::OpenBinding(open) => self.asked_for(open.binding),
            Input::ResumeBinding(resume) => self.asked_for(resume.binding),
            Input::CloseBinding(close) => {
                let Some(state) = self.states.get_mut(&close.binding) else {
                    panic!("the test's mistake: binding {} was not opened", close.binding);
                };
                *state = if *state == State::Asked { State::ClosedEarly } else { State::Over };
            }
            _ => {}
        }
    }

    fn asked_for(&mut self, binding: Binding) {
        let before = self.states.insert(binding, State::Asked);
        assert!(before.is_none(), "the test's mistake: binding {binding} is used twice within the worker");
    }

    pub(super) fn asked(&mut self, output: &Output) {
        match output {
            Output::BindingOpened(opened) => {
                self.moves(opened.binding, output, |state| match state {
                    State::Asked => Some(State::Open),
                    State::ClosedEarly => Some(State::Over),
                    State::Open | State::Over => None,
                });
                let native_id = &opened.native_id;
                assert!(
                    !is_of_omi(native_id),
                    "a native id is the runtime's own, `{native_id}` is one of Omi"
                );
            }
            Output::BindingFailed(failed) => self.moves(failed.binding, output, |state| match state {
                // Also later, if an open binding is lost.
                State::Asked | State::ClosedEarly | State::Open => Some(State::Over),
                State::Over => None,
            }),
            _ => {}
        }
    }

    fn moves(&mut self, binding: Binding, output: &Output, to: impl FnOnce(State) -> Option<State>) {
        let Some(state) = self.states.get_mut(&binding) else {
            panic!("nobody asked for binding {binding}: {output:?}");
        };
        let Some(next) = to(*state) else {
            panic!("one `binding-opened` or `binding-failed` for each binding: {output:?}");
        };
        *state = next;
    }

    pub(super) fn holds(&self, binding: Binding) -> bool {
        self.states.get(&binding).is_some_and(|state| *state != State::Over)
    }

    pub(super) fn settled(&self) {
        for (binding, state) in &self.states {
            let answered = !matches!(state, State::Asked | State::ClosedEarly);
            assert!(answered, "binding {binding} waits for `binding-opened` or `binding-failed`");
        }
    }
}

fn is_of_omi(native_id: &str) -> bool {
    let digits = OMI_PREFIXES.iter().find_map(|prefix| native_id.strip_prefix(prefix));
    digits.is_some_and(|digits| {
        digits.len() == OMI_DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}
