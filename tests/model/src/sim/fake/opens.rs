//! What a worker wants to open: before it is ready, while a binding is made, with its attempt, and while it is idle.

use omi_kernel::command::Command;
use omi_kernel::grant::AccessScope;
use omi_kernel::id::{AttemptId, SessionId};
use omi_kernel::report::WorkerEnd;

use super::{Fake, Message};
use crate::script::Dice;
use crate::sim::gate::{Behalf, Told};
use crate::story;

impl Fake {
    /// Its component is there, or not. It may need something before it can do anything, and say so before it is known
    /// to be there.
    pub(super) fn start(&mut self, dice: &mut Dice) {
        self.up = !dice.once_in(12) && self.runs.is_some();
        let (needs, first) = (self.up && dice.once_in(3), dice.once_in(2));
        if needs && first {
            self.ask_access(Behalf::Worker, true, dice);
        }
        self.outbox.push_back(Message::Started(self.up));
        if needs && !first {
            self.ask_access(Behalf::Worker, true, dice);
        }
        self.over = !self.up;
    }

    pub(super) fn ask_access(&mut self, behalf: Behalf, needed: bool, dice: &mut Dice) {
        let Some(op) = self.gate.next_op() else { return };
        let scope = match behalf {
            Behalf::Worker => AccessScope::Worker,
            Behalf::Binding(_) => AccessScope::Binding,
            Behalf::Attempt(..) => AccessScope::Attempt,
        };
        let asked = story::access(story::registration(&self.adapter), self.id.clone(), op, scope, dice);
        let report = self.gate.park(behalf, asked, needed);
        self.say(report);
    }

    /// Its attempt wants to open something, or it does so beside that.
    pub(super) fn ask_meanwhile(&mut self, attempt: Option<(SessionId, AttemptId)>, dice: &mut Dice) {
        if dice.once_in(2)
            && let Some((behalf, asked)) = self.gate.again(attempt.as_ref().map(|(_, attempt)| attempt))
        {
            let report = self.gate.park(behalf, asked, false);
            return self.say(report);
        }
        let held: Vec<SessionId> = self.holds.values().cloned().collect();
        let mut behalves: Vec<Behalf> = held.into_iter().map(Behalf::Binding).collect();
        behalves.push(Behalf::Worker);
        if let Some((session, attempt)) = attempt {
            let behalf = Behalf::Attempt(session, attempt);
            behalves.extend([behalf.clone(), behalf.clone(), behalf]);
        }
        let behalf = dice.of(&behalves);
        self.ask_access(behalf, false, dice);
    }

    /// It is told something about what it wants to open. Answers whether there was something.
    pub(super) fn hear_of_access(&mut self, dice: &mut Dice) -> bool {
        if self.gate.inbox.is_empty() {
            return false;
        }
        match self.gate.obey() {
            Ok(told) => {
                self.told.push(told);
                // What it cannot do without.
                if told == Told::Refused && self.doing.is_none() && dice.once_in(4) {
                    self.end();
                }
            }
            Err(fault) => self.fault = Some(fault),
        }
        true
    }

    /// It waits for what it needs, and for nothing else but its end. Answers whether it does.
    pub(super) fn waits_for_access(&mut self, dice: &mut Dice) -> bool {
        if !self.gate.is_needed() {
            return false;
        }
        if self.inbox.iter().any(|command| matches!(command, Command::Stop { .. })) {
            self.end_as(WorkerEnd::Stopped);
        } else if dice.once_in(6)
            && let Some(withdrawn) = self.gate.give_up_oldest()
        {
            self.say(withdrawn);
        }
        true
    }

    /// What was asked on such a behalf is given up with it.
    pub(super) fn give_up(&mut self, of: impl Fn(&Behalf) -> bool) {
        for report in self.gate.give_up(of) {
            self.say(report);
        }
    }
}
