//! The driver: the one loop that owns all change (ARCHITECTURE §4).
//!
//! ```text
//! messages ─▶ translate ─▶ batch: read, decide, write, COMMIT ─▶ publish ─▶ perform effects ─┐
//!     ▲                                                                                      │
//!     └────────── workers report, timers come due, clients ask ◀─────────────────────────────┘
//! ```
//!
//! In-memory state changes, events are published and effects performed only after the commit. If it fails, requests
//! are refused and everything else is kept and decided again.

mod accesses;
mod attempts;
mod cancels;
mod commit;
mod effects;
mod held;
mod pool;
mod reports;
mod requests;
#[cfg(test)]
mod scene;
mod schedule;
mod setup;
mod slot;
mod start;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use omi_kernel::effect::Effect;
use omi_kernel::id::{Cursor, Ids, RunId, Timestamp, WorkerId};
use omi_kernel::input::Input;
use omi_kernel::report::{FailureDetail, Report};
use omi_kernel::schedule::{Scheduler, Waiting};
use omi_kernel::watch::Watch;
use omi_store::{Store, StoreError};
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::client::{Answered, LiveText, Published, Request, RequestError};
use crate::clock::{Clock, after, until};
use crate::config::Config;
use attempts::Attempts;
use cancels::Cancels;
use held::Held;
use pool::Pool;
use requests::OpenRequests;
pub(crate) use setup::{Setup, start};
use start::Started;

/// Messages that wait for the driver; then whoever sends waits, and with it the workers.
const MESSAGES_MAX: usize = 1024;
/// Messages of one batch: enough to share a commit, few enough that nobody waits long for it.
const BATCH_MAX: usize = 256;
/// Things kept while nothing can be recorded; then reports are no longer taken, and workers wait.
const KEPT_MAX: usize = 4096;
/// Published things a slow surface may be behind; then it is told that there is a gap.
const PUBLISHED_MAX: usize = 4096;
/// How long to wait before a failed commit is tried again.
const RETRY: Duration = Duration::from_millis(200);
/// How long workers have to end when the daemon does; then they are killed.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(8);
/// How long killed workers have to say so when the daemon ends; what they did not say is orphaned by the next one.
const KILLED_GRACE: Duration = Duration::from_secs(1);
/// How often old events are looked for: each time only so many go that nobody else waits long.
const RETAIN_EVERY: Duration = Duration::from_mins(1);
/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What reaches the driver.
#[derive(Debug)]
pub(crate) enum Message {
    /// A client asks.
    Request(Request),
    /// A worker reports.
    Report {
        /// The worker.
        worker: WorkerId,
        /// What.
        report: Report,
    },
    /// A worker was started, or could not be.
    Started {
        /// The worker.
        worker: WorkerId,
        /// What came of it.
        started: Result<Started, FailureDetail>,
    },
    /// The daemon ends.
    Shutdown {
        /// Told when everything is closed.
        done: oneshot::Sender<()>,
    },
}

/// Where a client waits for its answer.
type Answer = oneshot::Sender<Result<Answered, RequestError>>;

/// Something to be decided or published, in order.
enum Item {
    Input { input: Input, answer: Option<Answer> },
    Live(LiveText),
}

/// The end of the daemon.
struct Ending {
    /// Workers are killed then.
    by: Timestamp,
    killed: bool,
    done: Vec<oneshot::Sender<()>>,
}

/// The loop's state. All of it is a cache: rows are the truth, and start-up derives it again.
pub(crate) struct Driver {
    store: Store,
    config: Arc<Config>,
    cwd: PathBuf,
    person: bool,
    tokio: tokio::runtime::Handle,
    clock: Clock,
    /// What clients ask: taken also while nothing can be recorded, to be refused.
    asked: mpsc::Receiver<Message>,
    /// Keeps `asked` open when no client is left.
    _asked: mpsc::Sender<Message>,
    /// What workers report.
    messages: mpsc::Receiver<Message>,
    published: broadcast::Sender<Published>,
    items: VecDeque<Item>,
    cursor: Cursor,
    sequence: u64,
    scheduler: Scheduler,
    /// The runs that left the queue and are not over.
    leased: BTreeMap<RunId, Waiting>,
    /// Runs that lost their worker and wait for another one. Each has a permit.
    elsewhere: VecDeque<Waiting>,
    /// The worker that has to end before a run can have one.
    evicting: BTreeMap<RunId, WorkerId>,
    /// Queued runs of an earlier daemon that this one does not take up, unless one of their session comes after them.
    left_queued: Vec<Waiting>,
    /// What is to be told once the run has a permit.
    held: Held,
    pool: Pool,
    attempts: Attempts,
    requests: OpenRequests,
    watch: Watch,
    cancels: Cancels,
    retain_at: Timestamp,
    ending: Option<Ending>,
    failing: bool,
}

impl Driver {
    fn reconcile(&mut self, adopt_queued: bool) -> Result<(), StoreError> {
        let now = self.clock.of_day();
        for outcome in self.store.batch(&[Input::Reconcile], now, &mut Ids::new(&mut random))? {
            let committed = match outcome {
                Ok(committed) => committed,
                Err(rejected) => {
                    tracing::error!(%rejected, "what an earlier daemon left cannot be brought in order");
                    continue;
                }
            };
            self.cursor = committed.events.last().map_or(self.cursor, |event| event.cursor);
            for effect in committed.effects {
                match effect {
                    Effect::Schedule { run, session, adapter } if !adopt_queued => {
                        self.left_queued.push(Waiting { run, session, adapter });
                    }
                    effect => self.perform(effect),
                }
            }
        }
        Ok(())
    }

    fn run(mut self) {
        loop {
            self.schedule();
            self.receive();
            self.come_due();
            self.count_late();
            while !self.items.is_empty() && self.commit() {}
            if self.has_ended() {
                break;
            }
        }
        let Self { store, ending, .. } = self;
        drop(store);
        for done in ending.into_iter().flat_map(|ending| ending.done) {
            // Nobody waits for it any more: it has ended all the same.
            let _ = done.send(());
        }
    }

    /// Waits for messages, but no longer than until something is due.
    fn receive(&mut self) {
        let patience = match (self.items.is_empty(), self.failing) {
            (true, _) => self.next_due(),
            (false, true) => RETRY,
            // What waits already shares the commit; nobody waits for more.
            (false, false) => Duration::ZERO,
        };
        let mut batch = Vec::with_capacity(BATCH_MAX);
        let mut asks = Vec::new();
        let (asked, messages) = (&mut self.asked, &mut self.messages);
        let full = self.items.len() >= KEPT_MAX;
        self.tokio.block_on(async {
            let receive = async {
                tokio::select! {
                    _ = asked.recv_many(&mut asks, BATCH_MAX) => {}
                    _ = messages.recv_many(&mut batch, BATCH_MAX), if !full => {}
                }
            };
            // That nothing came in time is what the timeout is for.
            drop(tokio::time::timeout(patience, receive).await);
        });
        for message in batch.into_iter().chain(asks) {
            self.translate(message);
        }
    }

    fn next_due(&self) -> Duration {
        let idle = Duration::from_millis(self.config.idle_worker_ms);
        let due = [
            self.attempts.next_due(),
            self.cancels.next_due(),
            self.watch.next_due(),
            self.pool.next_overdue(),
            self.pool.oldest_idle().filter(|_| self.ending.is_none()).map(|since| after(since, idle)),
            self.ending.as_ref().map(|ending| ending.by),
            Some(self.retain_at),
        ];
        let next = due.into_iter().flatten().min().unwrap_or(self.retain_at);
        until(self.clock.since_start(), next)
    }

    fn come_due(&mut self) {
        let now = self.clock.since_start();
        for (attempt, chunk) in self.attempts.due(now) {
            self.decide(Input::Chunk { attempt, chunk });
        }
        for attempt in self.cancels.grace_over(now) {
            self.decide(Input::CancelGraceOver { attempt });
        }
        for attempt in self.cancels.unanswered(now) {
            self.decide(Input::CancelDispatched { attempt, dispatched: true, acknowledged: false });
        }
        self.watch_due(now);
        self.pool.kill_overdue(now);
        self.evict_idle(now);
        if now >= self.retain_at {
            self.retain_at = after(now, RETAIN_EVERY);
            self.retain();
        }
    }

    /// Old events go.
    fn retain(&mut self) {
        let keep_ms = i64::try_from(self.config.events_keep_days).unwrap_or(i64::MAX).saturating_mul(DAY_MS);
        let ended_before = Timestamp(self.clock.of_day().0.saturating_sub(keep_ms));
        self.decide(Input::Retain { ended_before, events_max: self.config.events_max });
    }

    /// What was reported about attempts that are over is counted, once for each batch.
    fn count_late(&mut self) {
        if self.items.len() < KEPT_MAX {
            for (attempt, count) in self.attempts.take_late() {
                self.decide(Input::CameLate { attempt, count });
            }
        }
    }

    fn translate(&mut self, message: Message) {
        match message {
            Message::Request(request) if self.ending.is_some() => {
                // The client may have gone.
                let _ = request.answer.send(Err(RequestError::Ending));
            }
            Message::Request(request) => {
                let item = Item::Input { input: request.input, answer: Some(request.answer) };
                self.items.push_back(item);
            }
            Message::Report { worker, report } => self.report(&worker, report),
            Message::Started { worker, started } => self.started(&worker, started),
            Message::Shutdown { done } => self.end(done),
        }
    }

    /// The daemon ends: no more work is taken, and the workers are told to end.
    fn end(&mut self, done: oneshot::Sender<()>) {
        let now = self.clock.since_start();
        self.pool.stop_all(now);
        let new = || Ending { by: after(now, SHUTDOWN_GRACE), killed: false, done: Vec::new() };
        self.ending.get_or_insert_with(new).done.push(done);
    }

    /// Has an input decided with the next batch.
    fn decide(&mut self, input: Input) {
        self.items.push_back(Item::Input { input, answer: None });
    }

    /// Publishes live text in its place among the events.
    fn live(&mut self, live: LiveText) {
        self.items.push_back(Item::Live(live));
    }

    /// Everything has stopped and is recorded, or has had its time. What is left is orphaned by the next daemon.
    fn has_ended(&mut self) -> bool {
        let now = self.clock.since_start();
        let Some(ending) = &mut self.ending else { return false };
        if self.pool.is_empty() && (self.items.is_empty() || self.failing) {
            return true;
        }
        if now < ending.by {
            return false;
        }
        if ending.killed {
            return true;
        }
        (ending.killed, ending.by) = (true, after(now, KILLED_GRACE));
        self.pool.kill_all();
        false
    }
}

/// 128 random bits: a UUIDv4 (seed §7).
pub(crate) fn random() -> u128 {
    uuid::Uuid::new_v4().as_u128()
}
