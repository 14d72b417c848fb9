//! Signs of life while the agent waits for a program that runs here: it says nothing then, and is not stuck.

use omi_adapter_sdk::{Binding, Event, Millis, Op, Outputs, Progress};

use crate::outbox::Sink;
use crate::turn::{Cancel, Prompt};
use crate::worker::Worker;

/// Milliseconds between two signs: more often than any time in which silence is taken for an end.
const EVERY_MS: Millis = 15_000;

impl Worker {
    /// The agent waits for the end of a program.
    pub(crate) fn waits_for_program(&mut self, out: &mut Outputs) {
        if self.heartbeat.is_none() {
            self.heartbeat = Some(self.link.timer(EVERY_MS, out));
        }
    }

    /// A time is over: say of each turn that waits for a program that it is alive.
    pub(crate) fn beat(&mut self, timer: Op, out: &mut Outputs) {
        if self.heartbeat != Some(timer) {
            return;
        }
        self.heartbeat = None;
        let waiting: Vec<Binding> =
            self.sessions.keys().copied().filter(|binding| self.terminals.is_waited_for(*binding)).collect();
        for binding in waiting {
            let turn = self.sessions.get(&binding).and_then(|session| session.turn.as_ref());
            let Some(turn) = turn.filter(|turn| turn.prompt == Prompt::Sent && turn.cancel == Cancel::No)
            else {
                continue;
            };
            let text = "the agent waits for a program in a terminal".to_owned();
            let mut sink =
                Sink { attempt: turn.attempt, outbox: &mut self.outbox, link: &mut self.link, out };
            sink.event(Event::Progress(Progress { text, extra: String::new() }));
            self.waits_for_program(out);
        }
    }
}
