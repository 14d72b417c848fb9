//! Cancellations under way: who waits for an acknowledgement, and which attempts have how long to stop.

use std::collections::BTreeMap;
use std::time::Duration;

use omi_kernel::decision::Reply;
use omi_kernel::id::{AttemptId, RunId, Timestamp};
use tokio::sync::oneshot;

use crate::client::{Answered, CancelAck, RequestError};
use crate::clock::after;

/// How long an acknowledgement waits for what the adapter says. It is promised within 2 s: the rest is for the loop to
/// come round.
const ACKNOWLEDGE: Duration = Duration::from_millis(1800);

type Waiting = (oneshot::Sender<Result<Answered, RequestError>>, CancelAck);

/// A cancellation under way.
#[derive(Default)]
struct Cancel {
    run: Option<RunId>,
    /// The command was handed to the worker.
    told: bool,
    waiting: Vec<Waiting>,
    acknowledge_by: Option<Timestamp>,
    stop_by: Option<Timestamp>,
}

impl Cancel {
    /// Answers whoever waits, once.
    fn answer(&mut self, dispatched: bool, acknowledged: bool) {
        self.acknowledge_by = None;
        for (answer, ack) in self.waiting.drain(..) {
            let ack = CancelAck { dispatch_attempted: dispatched, adapter_acknowledged: acknowledged, ..ack };
            // The client may have gone.
            let _ = answer.send(Ok(Answered::Cancel(ack)));
        }
    }
}

/// Cancellations under way. The time is that of a clock that never goes back.
pub(super) struct Cancels {
    grace: Duration,
    cancels: BTreeMap<AttemptId, Cancel>,
}

impl Cancels {
    pub(super) fn new(grace: Duration) -> Self {
        Self { grace, cancels: BTreeMap::new() }
    }

    /// Somebody waits for the acknowledgement of what the kernel decided.
    pub(super) fn acknowledge(
        &mut self,
        reply: Reply,
        answer: oneshot::Sender<Result<Answered, RequestError>>,
        now: Timestamp,
    ) {
        let Reply::Cancelling { accepted, attempt, dispatching, dispatched, acknowledged, status } = reply
        else {
            return;
        };
        let ack = CancelAck {
            accepted,
            attempt: attempt.clone(),
            dispatch_attempted: dispatched,
            adapter_acknowledged: acknowledged,
            status,
        };
        match attempt {
            Some(attempt) if dispatching => {
                let cancel = self.cancels.entry(attempt).or_default();
                cancel.acknowledge_by.get_or_insert(after(now, ACKNOWLEDGE));
                cancel.waiting.push((answer, ack));
            }
            // The client may have gone.
            Some(_) | None => drop(answer.send(Ok(Answered::Cancel(ack)))),
        }
    }

    /// The time of a cancellation begins; `told` says that the adapter is being told. If not, nobody waits for it.
    pub(super) fn begin(&mut self, run: RunId, attempt: AttemptId, told: bool, now: Timestamp) {
        let stop_by = Some(after(now, self.grace));
        let cancel = self.cancels.entry(attempt).or_default();
        (cancel.run, cancel.told, cancel.stop_by) = (Some(run), told, stop_by);
        if told {
            cancel.acknowledge_by = Some(after(now, ACKNOWLEDGE));
        } else {
            cancel.answer(false, false);
        }
    }

    /// The adapter said what became of it.
    pub(super) fn answered(&mut self, attempt: &AttemptId, dispatched: bool, acknowledged: bool) {
        if let Some(cancel) = self.cancels.get_mut(attempt) {
            cancel.answer(dispatched, acknowledged);
        }
    }

    /// A run is over: whoever still waits is told what is known, which is whether the adapter was told.
    pub(super) fn over(&mut self, run: &RunId) {
        let of_run = self.cancels.extract_if(.., |_, cancel| cancel.run.as_ref() == Some(run));
        of_run.for_each(|(_, mut cancel)| cancel.answer(cancel.told, false));
    }

    /// When something is due next.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.cancels.values().flat_map(|cancel| [cancel.acknowledge_by, cancel.stop_by]).flatten().min()
    }

    /// The attempts whose time to stop is over. Each is named once.
    pub(super) fn grace_over(&mut self, now: Timestamp) -> Vec<AttemptId> {
        let passed = |cancel: &mut Cancel| cancel.stop_by.take_if(|by| *by <= now).is_some();
        self.cancels
            .iter_mut()
            .filter_map(|(attempt, cancel)| passed(cancel).then(|| attempt.clone()))
            .collect()
    }

    /// Answers whoever has waited long enough for what the adapter says: nothing more is known than whether it was
    /// told. Gives the attempts whose adapter was, each once.
    pub(super) fn unanswered(&mut self, now: Timestamp) -> Vec<AttemptId> {
        let mut told = Vec::new();
        for (attempt, cancel) in &mut self.cancels {
            if cancel.acknowledge_by.is_some_and(|by| by <= now) {
                cancel.answer(cancel.told, false);
                told.extend(cancel.told.then(|| attempt.clone()));
            }
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use omi_kernel::id::Ids;
    use omi_kernel::status::Status;

    use super::*;

    type Asked = oneshot::Receiver<Result<Answered, RequestError>>;

    fn cancels() -> (Cancels, RunId, AttemptId) {
        let (run, attempt) = (RunId::new(&mut Ids::new(&mut || 1)), AttemptId::new(&mut Ids::new(&mut || 1)));
        (Cancels::new(Duration::from_secs(10)), run, attempt)
    }

    fn ask(cancels: &mut Cancels, attempt: &AttemptId, dispatching: bool) -> Asked {
        let (answer, asked) = oneshot::channel();
        let reply = Reply::Cancelling {
            accepted: true,
            attempt: Some(attempt.clone()),
            dispatching,
            dispatched: false,
            acknowledged: false,
            status: Status::Cancelling,
        };
        cancels.acknowledge(reply, answer, Timestamp(0));
        asked
    }

    /// What was said: whether the adapter was told, and whether it confirmed. None as long as nothing was.
    fn said(asked: &mut Asked) -> Option<(bool, bool)> {
        match asked.try_recv() {
            Ok(Ok(Answered::Cancel(ack))) => Some((ack.dispatch_attempted, ack.adapter_acknowledged)),
            Ok(other) => panic!("{other:?}"),
            Err(_) => None,
        }
    }

    #[test]
    fn a_guest_that_hangs_does_not_hold_up_the_acknowledgement() {
        let (mut cancels, run, attempt) = cancels();
        let mut asked = ask(&mut cancels, &attempt, true);
        cancels.begin(run, attempt.clone(), true, Timestamp(0));
        assert_eq!(cancels.unanswered(Timestamp(1799)), vec![]);
        assert_eq!(said(&mut asked), None);
        let due = cancels.next_due().unwrap();
        assert!(due < Timestamp(2000), "{due:?}");
        assert_eq!(cancels.unanswered(due), vec![attempt.clone()]);
        assert_eq!(said(&mut asked), Some((true, false)), "it was told, and said nothing");
        assert_eq!(cancels.unanswered(Timestamp(9999)), vec![], "once");
        assert_eq!(cancels.grace_over(Timestamp(10_000)), vec![attempt]);
        assert_eq!(cancels.grace_over(Timestamp(20_000)), vec![]);
    }

    #[test]
    fn everybody_who_asks_is_answered_once() {
        let (mut cancels, run, attempt) = cancels();
        let mut first = ask(&mut cancels, &attempt, true);
        cancels.begin(run.clone(), attempt.clone(), true, Timestamp(0));
        let mut second = ask(&mut cancels, &attempt, false);
        assert_eq!(said(&mut second), Some((false, false)), "what is known when it asks");
        cancels.answered(&attempt, true, true);
        assert_eq!(said(&mut first), Some((true, true)));
        cancels.answered(&attempt, true, false);
        cancels.over(&run);
        assert_eq!(said(&mut first), None);
        assert_eq!(cancels.next_due(), None);
    }

    #[test]
    fn an_adapter_that_could_not_be_told_is_not_said_to_have_been() {
        let (mut cancels, run, attempt) = cancels();
        let mut asked = ask(&mut cancels, &attempt, true);
        cancels.begin(run, attempt, false, Timestamp(0));
        assert_eq!(said(&mut asked), Some((false, false)));
    }

    #[test]
    fn an_attempt_that_is_over_first_was_told_all_the_same() {
        let (mut cancels, run, attempt) = cancels();
        let mut asked = ask(&mut cancels, &attempt, true);
        cancels.begin(run.clone(), attempt, true, Timestamp(0));
        cancels.over(&run);
        assert_eq!(said(&mut asked), Some((true, false)));
    }
}
