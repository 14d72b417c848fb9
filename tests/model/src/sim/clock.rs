//! Time of the simulated world: what comes due, and a wall clock that jumps.

use omi_kernel::command::{Answer, InputAnswer};
use omi_kernel::id::{AttemptId, Timestamp};
use omi_kernel::input::{By, Input};
use omi_kernel::row::RequestKind;
use omi_kernel::status::Status;
use omi_kernel::watch::Due;

use super::Sim;
use crate::script::Dice;

/// How long a worker may be idle.
const IDLE_MS: i64 = 30_000;
/// Events that are kept, where old ones are to go: few, so that some do.
const EVENTS_MAX: u64 = 60;

impl Sim {
    /// Time passes, or jumps, or somebody cleans up.
    pub(super) fn tick(&mut self, dice: &mut Dice) {
        match dice.below(16) {
            0..=5 => self.pass(dice.of(&[1, 50, 150, 500])),
            6..=9 => self.pass(dice.of(&[1_000, 2_500, 5_000, 11_000])),
            10 | 11 => self.pass(dice.of(&[20_000, 70_000])),
            12 => self.now = Timestamp(self.now.0 - dice.of(&[1, 1_000, 3_600_000])),
            13 => self.now = Timestamp(self.now.0 + dice.of(&[1_000, 3_600_000])),
            _ => {
                let ended_before = Timestamp(self.now.0 - dice.of(&[600_000, 60_000, 5_000]));
                let events_max = dice.of(&[u64::MAX >> 1, EVENTS_MAX, 400]);
                self.items.push_back(Input::Retain { ended_before, events_max });
            }
        }
    }

    /// So many milliseconds pass.
    pub(super) fn pass(&mut self, ms: i64) {
        self.now = Timestamp(self.now.0 + ms);
        self.clock = Timestamp(self.clock.0 + ms);
        let clock = self.clock;
        let due = self
            .driver
            .live
            .iter_mut()
            .filter(|(_, live)| live.transcript.due().is_some_and(|at| at <= clock));
        let chunks: Vec<_> = due
            .filter_map(|(attempt, live)| Some((attempt.clone(), live.transcript.chunk(clock)?)))
            .collect();
        self.items.extend(chunks.into_iter().map(|(attempt, chunk)| Input::Chunk { attempt, chunk }));
        self.cancels_due();
        for (attempt, due) in self.driver.watch.due(clock) {
            match due {
                Due::TimedOut(timeout) => {
                    self.waits_untimed(&attempt);
                    let text = self.driver.live.get(&attempt).map(|live| live.transcript.text());
                    self.keep_text(&attempt);
                    let text = text.unwrap_or_default();
                    self.items.push_back(Input::TimedOut { attempt, timeout, text });
                }
                Due::Unanswered => self.unanswered(&attempt),
            }
        }
        for worker in self.driver.pool.idle_since(Timestamp(clock.0 - IDLE_MS)) {
            self.evict(&worker);
        }
    }

    /// While a person is asked, the time of an attempt stands still.
    fn waits_untimed(&mut self, attempt: &AttemptId) {
        let status = self.record.attempts.get(attempt).map(|row| row.attempt.status);
        if let Some(Status::WaitingApproval | Status::WaitingInput) = status {
            self.fault = Some(format!("the time of {attempt} is over while it is {status:?}"));
        }
    }

    fn cancels_due(&mut self) {
        let clock = self.clock;
        let mut items = Vec::new();
        for (attempt, cancel) in &mut self.driver.cancels {
            if cancel.acknowledge_by.take_if(|by| *by <= clock).is_some() {
                let attempt = attempt.clone();
                items.push(Input::CancelDispatched { attempt, dispatched: true, acknowledged: false });
            }
            if cancel.stop_by.take_if(|by| *by <= clock).is_some() {
                items.push(Input::CancelGraceOver { attempt: attempt.clone() });
            }
        }
        self.items.extend(items);
    }

    /// Nobody answered in time.
    fn unanswered(&mut self, attempt: &AttemptId) {
        for (request, kind) in self.record.open_of(attempt) {
            let (attempt, by) = (attempt.clone(), By::Deadline);
            self.items.push_back(match kind {
                RequestKind::Approval | RequestKind::Access => {
                    Input::ApprovalAnswered { attempt, request, answer: Answer::Expired, by }
                }
                RequestKind::Input | RequestKind::Authentication => {
                    Input::InputProvided { attempt, request, answer: InputAnswer::Expired, by }
                }
            });
        }
    }
}
