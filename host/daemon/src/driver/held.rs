//! What is to be told the adapters of runs that wait for a permit, in order.

use std::collections::BTreeMap;

use omi_kernel::command::{Answer, InputAnswer, NotPerformed};
use omi_kernel::effect::Effect;
use omi_kernel::id::RunId;

/// What is to be told the adapters of runs that wait for a permit. A run asks a bounded number of things before it is
/// answered, so that this is bounded by the runs that may wait.
#[derive(Debug, Default)]
pub(super) struct Held(BTreeMap<RunId, Vec<Effect>>);

impl Held {
    /// Holds an effect of a run back.
    pub(super) fn hold(&mut self, run: RunId, effect: Effect) {
        self.0.entry(run).or_default().push(effect);
    }

    /// The run has its permit, or is over: what was held, in order.
    pub(super) fn take(&mut self, run: &RunId) -> Vec<Effect> {
        self.0.remove(run).unwrap_or_default()
    }

    /// The run is to stop: what was answered is not told any more. Its adapter hears that its questions are
    /// cancelled and what it wanted to open is not, so that it does not wait for them.
    pub(super) fn cancel(&mut self, run: &RunId) -> Vec<Effect> {
        let cancelled = |mut effect| {
            if let Effect::Answer { answer, .. } = &mut effect {
                *answer = Answer::Cancelled;
                return Some(effect);
            }
            if let Effect::ProvideInput { answer, .. } = &mut effect {
                *answer = InputAnswer::Cancelled;
                return Some(effect);
            }
            if let Effect::Perform { worker, op, .. } = effect {
                return Some(Effect::Refuse { worker, op, why: NotPerformed::Cancelled });
            }
            None
        };
        self.take(run).into_iter().filter_map(cancelled).collect()
    }
}

#[cfg(test)]
mod tests {
    use omi_kernel::id::{AttemptId, Ids, WorkerId};

    use super::*;

    fn answer(answer: Answer) -> Effect {
        let mut one = || 1;
        let ids = &mut Ids::new(&mut one);
        let (run, attempt, worker) = (RunId::new(ids), AttemptId::new(ids), WorkerId::new(ids));
        Effect::Answer { run, attempt, worker, request: 7, answer }
    }

    fn again() -> Effect {
        let mut one = || 1;
        let ids = &mut Ids::new(&mut one);
        Effect::BeginAgain { run: RunId::new(ids), worker: WorkerId::new(ids) }
    }

    #[test]
    fn what_is_held_comes_back_in_order_and_once() {
        let run = RunId::new(&mut Ids::new(&mut || 1));
        let mut held = Held::default();
        for effect in [answer(Answer::Expired), again()] {
            assert_eq!(effect.waits_for_permit(), Some(&run));
            held.hold(run.clone(), effect);
        }
        assert_eq!(held.take(&run), [answer(Answer::Expired), again()]);
        assert_eq!(held.take(&run), []);
    }

    #[test]
    fn a_run_that_is_to_stop_hears_only_that_its_questions_are_cancelled() {
        let run = RunId::new(&mut Ids::new(&mut || 1));
        let mut held = Held::default();
        held.hold(run.clone(), answer(Answer::Selected { option_id: "allow".to_owned() }));
        held.hold(run.clone(), again());
        assert_eq!(held.cancel(&run), [answer(Answer::Cancelled)]);
        assert_eq!(held.take(&run), []);
    }

    #[test]
    fn what_a_run_that_is_to_stop_was_allowed_to_open_is_not_opened() {
        let mut one = || 1;
        let ids = &mut Ids::new(&mut one);
        let (run, worker) = (RunId::new(ids), WorkerId::new(ids));
        let effect = Effect::Perform { run: Some(run.clone()), worker: worker.clone(), op: 3, grant: None };
        assert_eq!(effect.waits_for_permit(), Some(&run));
        let mut held = Held::default();
        held.hold(run.clone(), effect);
        assert_eq!(held.cancel(&run), [Effect::Refuse { worker, op: 3, why: NotPerformed::Cancelled }]);
    }
}
