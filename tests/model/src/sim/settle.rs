//! Everybody behaves: then everything must come to an end, and everything that was lent must be given back.

use omi_kernel::command::{Answer, InputAnswer};
use omi_kernel::id::WorkerId;
use omi_kernel::input::{By, Input};
use omi_kernel::row::RequestKind;
use serde_json::json;

use super::Sim;
use crate::{Fault, ensure};

/// Rounds in which everybody behaves, until all is quiet: each ends something, and there are never so many runs.
const ROUNDS_MAX: usize = 600;
/// Milliseconds that pass in a round: less than the shortest limit, so that nothing ends only for want of time.
const ROUND_MS: i64 = 700;
/// Rounds after the last run: one to ask, one to hear, one to say what follows.
const LAST_ROUNDS: usize = 3;

impl Sim {
    /// Has everybody behave until all is quiet. The error is what is stuck.
    pub(super) fn settle(&mut self) -> Result<(), Fault> {
        for _ in 0..ROUNDS_MAX {
            if self.record.live().next().is_none() {
                self.go_on()?;
                // What workers have still to say and to hear beside their attempts.
                (0..LAST_ROUNDS).try_for_each(|_| self.round())?;
                return self.check_quiet();
            }
            self.round()?;
        }
        let live: Vec<String> = self.record.live().map(|row| format!("{:?}", row.run)).collect();
        Err(format!(
            "nothing moves any more, and these are not over:\n{}\n{:#?}",
            live.join("\n"),
            self.driver
        ))
    }

    fn round(&mut self) -> Result<(), Fault> {
        for worker in self.fakes.keys().cloned().collect::<Vec<WorkerId>>() {
            let last_native = &mut self.last_native;
            let mut native = || {
                *last_native += 1;
                *last_native
            };
            if let Some(fake) = self.fakes.get_mut(&worker) {
                fake.behave(&mut native);
            }
            self.note_told(&worker);
            while self.fakes.get(&worker).is_some_and(|fake| !fake.outbox.is_empty()) {
                self.hear_from(&worker);
                self.go_on()?;
            }
        }
        let asked = if self.setting.patient { Vec::new() } else { self.asked() };
        for (attempt, owner, request, kind) in asked {
            let by = By::Person(owner);
            self.items.push_back(match kind {
                RequestKind::Access => {
                    let answer = Answer::Selected { option_id: "once".into() };
                    Input::ApprovalAnswered { attempt, request, answer, by }
                }
                RequestKind::Approval => {
                    let answer = Answer::Selected { option_id: "yes".into() };
                    Input::ApprovalAnswered { attempt, request, answer, by }
                }
                RequestKind::Input | RequestKind::Authentication => {
                    let answer = InputAnswer::Provided { value: json!("key") };
                    Input::InputProvided { attempt, request, answer, by }
                }
            });
            self.go_on()?;
        }
        self.pass(ROUND_MS);
        self.go_on()
    }

    /// Nothing is left over.
    fn check_quiet(&self) -> Result<(), Fault> {
        let driver = &self.driver;
        let (executing, parked) = (driver.scheduler.executing(), driver.scheduler.parked());
        ensure(executing == 0 && parked == 0, || {
            format!("{executing} + {parked} permits are not given back")
        })?;
        let waiting = driver.scheduler.waiting();
        ensure(waiting == 0, || format!("{waiting} runs are over and still wait for a worker"))?;
        ensure(driver.withheld.is_empty(), || format!("never told: {:?}", driver.withheld))?;
        ensure(driver.live.is_empty(), || format!("attempts of nobody: {:?}", driver.live.keys()))?;
        ensure(driver.watch.next_due().is_none(), || "the time of an attempt that is over runs".to_owned())?;
        ensure(driver.accesses.is_empty(), || format!("held and never asked: {:?}", driver.accesses))?;
        for (worker, fake) in &self.fakes {
            ensure(fake.gate.waiting() == 0, || format!("{worker} is never told: {:?}", fake.gate))?;
        }
        self.record.judge_all()
    }
}
