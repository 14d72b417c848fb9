//! The timers of one worker. They are due by the worker's own time and are kept on its thread.

use std::collections::{BTreeMap, BTreeSet};

use crate::input::Op;
use crate::limits;
use crate::output::Scope;

/// Timers by when they are due.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: BTreeSet<(u32, Op)>,
    set: BTreeMap<Op, (u32, Scope)>,
}

impl Timers {
    /// Sets a timer; false if there are as many as there may be.
    pub(crate) fn set(&mut self, op: Op, scope: Scope, at_ms: u32) -> bool {
        if self.set.len() >= limits::TIMERS as usize {
            return false;
        }
        self.due.insert((at_ms, op));
        self.set.insert(op, (at_ms, scope));
        true
    }

    /// Forgets a timer.
    pub(crate) fn clear(&mut self, op: Op) {
        if let Some((at_ms, _)) = self.set.remove(&op) {
            self.due.remove(&(at_ms, op));
        }
    }

    /// Forgets the timers of a scope that ended.
    pub(crate) fn end(&mut self, scope: Scope) {
        let ended: Vec<Op> = self.set.iter().filter(|(_, (_, of))| *of == scope).map(|(op, _)| *op).collect();
        for op in ended {
            self.clear(op);
        }
    }

    /// Takes the timers that are due, earliest first.
    pub(crate) fn take_due(&mut self, now_ms: u32) -> Vec<Op> {
        let due: Vec<Op> =
            self.due.iter().take_while(|(at_ms, _)| *at_ms <= now_ms).map(|(_, op)| *op).collect();
        for op in &due {
            self.clear(*op);
        }
        due
    }

    /// When the next one is due.
    pub(crate) fn next_ms(&self) -> Option<u32> {
        self.due.first().map(|(at_ms, _)| *at_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_are_due_in_order_and_can_be_cleared() {
        let mut timers = Timers::default();
        for (op, at_ms) in [(1, 30), (2, 10), (3, 20), (4, 20)] {
            assert!(timers.set(op, Scope::Worker, at_ms));
        }
        timers.clear(4);
        assert_eq!(timers.next_ms(), Some(10));
        assert_eq!(timers.take_due(20), [2, 3]);
        timers.end(Scope::Worker);
        assert_eq!(timers.next_ms(), None);
    }

    #[test]
    fn there_are_only_so_many() {
        let mut timers = Timers::default();
        assert!((0..limits::TIMERS).all(|op| timers.set(op, Scope::Worker, 0)));
        assert!(!timers.set(limits::TIMERS, Scope::Worker, 0));
    }
}
