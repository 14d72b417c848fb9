//! Cancellations under way: who waits for an acknowledgement, and which attempts have how long to stop.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use omi_kernel::decision::Reply;
use omi_kernel::id::AttemptId;
use tokio::sync::oneshot;

use crate::client::{Answered, CancelAck, RequestError};

/// How long an acknowledgement waits for what the adapter says.
const ACKNOWLEDGE: Duration = Duration::from_secs(2);

type Waiting = (oneshot::Sender<Result<Answered, RequestError>>, CancelAck);

/// A cancellation under way.
struct Cancel {
    waiting: Vec<Waiting>,
    acknowledge_by: Option<Instant>,
    stop_by: Option<Instant>,
}

/// Cancellations under way.
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
            Some(attempt) if dispatching => self.entry(attempt).waiting.push((answer, ack)),
            // The client may have gone.
            Some(_) | None => drop(answer.send(Ok(Answered::Cancel(ack)))),
        }
    }

    fn entry(&mut self, attempt: AttemptId) -> &mut Cancel {
        let new = || Cancel { waiting: Vec::new(), acknowledge_by: None, stop_by: None };
        self.cancels.entry(attempt).or_insert_with(new)
    }

    /// The time of a cancellation begins; `told` says that the adapter was told.
    pub(super) fn begin(&mut self, attempt: AttemptId, told: bool) {
        let now = Instant::now();
        let stop_by = Some(now + self.grace);
        let cancel = self.entry(attempt);
        cancel.stop_by = stop_by;
        cancel.acknowledge_by = told.then_some(now + ACKNOWLEDGE);
    }

    /// It is known what became of telling the adapter.
    pub(super) fn answered(&mut self, attempt: &AttemptId, dispatched: bool, acknowledged: bool) {
        let Some(cancel) = self.cancels.get_mut(attempt) else { return };
        cancel.acknowledge_by = None;
        for (answer, ack) in cancel.waiting.drain(..) {
            let ack = CancelAck { dispatch_attempted: dispatched, adapter_acknowledged: acknowledged, ..ack };
            // The client may have gone.
            let _ = answer.send(Ok(Answered::Cancel(ack)));
        }
    }

    /// The attempt is over: whoever still waits is told what is known, which is that the adapter was told.
    pub(super) fn over(&mut self, attempt: &AttemptId) {
        let told = self.cancels.get(attempt).is_some_and(|cancel| cancel.acknowledge_by.is_some());
        self.answered(attempt, told, false);
        self.cancels.remove(attempt);
    }

    /// When something is due next.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.cancels.values().flat_map(|cancel| [cancel.acknowledge_by, cancel.stop_by]).flatten().min()
    }

    /// The attempts whose time to stop is over. Each is named once.
    pub(super) fn grace_over(&mut self, now: Instant) -> Vec<AttemptId> {
        self.take_due(now, |cancel| &mut cancel.stop_by)
    }

    /// The attempts whose adapter has not said in time what became of the cancellation. Each is named once.
    pub(super) fn unanswered(&mut self, now: Instant) -> Vec<AttemptId> {
        self.take_due(now, |cancel| &mut cancel.acknowledge_by)
    }

    fn take_due(
        &mut self,
        now: Instant,
        deadline: impl Fn(&mut Cancel) -> &mut Option<Instant>,
    ) -> Vec<AttemptId> {
        let passed = |cancel: &mut Cancel| deadline(cancel).take_if(|by| *by <= now).is_some();
        let due = self.cancels.iter_mut().filter_map(|(attempt, cancel)| passed(cancel).then_some(attempt));
        due.cloned().collect()
    }
}
