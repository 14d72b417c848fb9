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

mod attempts;
mod cancels;
mod commit;
mod effects;
mod pool;
mod reports;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use omi_engine::{Engine, Worker};
use omi_kernel::id::{AdapterId, Cursor, Ids, RunId, Timestamp, WorkerId};
use omi_kernel::input::Input;
use omi_kernel::report::{FailureDetail, Report};
use omi_kernel::schedule::Scheduler;
use omi_store::{Store, StoreError};
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::client::{Answered, Client, LiveText, Published, Request, RequestError};
use crate::config::Config;
use attempts::Attempts;
use cancels::Cancels;
use pool::Pool;
pub(crate) use pool::load;

/// Messages that wait for the driver; then whoever sends waits, and with it the workers.
const MESSAGES_MAX: usize = 1024;
/// Messages of one batch: enough to share a commit, few enough that nobody waits long for it.
const BATCH_MAX: usize = 256;
/// Things kept while nothing can be recorded; then messages are no longer taken, and senders wait.
const KEPT_MAX: usize = 4096;
/// Published things a slow surface may be behind; then it is told that there is a gap.
const PUBLISHED_MAX: usize = 4096;
/// How long to wait before a failed commit is tried again.
const RETRY: Duration = Duration::from_millis(200);
/// How long workers have to end when the daemon does; then they are killed.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(8);

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
    /// A worker was started for a run, or could not be.
    Started {
        /// The run.
        run: RunId,
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

/// A worker that was started.
pub(crate) struct Started {
    pub(crate) worker: Worker,
    pub(crate) digest: String,
    pub(crate) resume: omi_kernel::descriptor::Fidelity,
    pub(crate) bindings_max: usize,
}

impl std::fmt::Debug for Started {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Started").field("digest", &self.digest).finish_non_exhaustive()
    }
}

/// How a driver is set up.
pub(crate) struct Setup {
    /// The record.
    pub(crate) store: Store,
    /// What runs adapters.
    pub(crate) engine: Engine,
    /// What is configured.
    pub(crate) config: Arc<Config>,
    /// The working folder where neither run nor session names one.
    pub(crate) cwd: PathBuf,
    /// There is a person who can be asked for permission.
    pub(crate) person: bool,
    /// Runs that an earlier daemon left in the queue are taken up.
    pub(crate) adopt_queued: bool,
}

/// Where a client waits for its answer.
type Answer = oneshot::Sender<Result<Answered, RequestError>>;

/// Something to be decided or published, in order.
enum Item {
    Input { input: Input, answer: Option<Answer> },
    Live(LiveText),
}

/// The loop's state. All of it is a cache: rows are the truth, and start-up derives it again.
pub(crate) struct Driver {
    store: Store,
    config: Arc<Config>,
    cwd: PathBuf,
    person: bool,
    messages: mpsc::Receiver<Message>,
    published: broadcast::Sender<Published>,
    items: VecDeque<Item>,
    cursor: Cursor,
    sequence: u64,
    scheduler: Scheduler,
    pool: Pool,
    attempts: Attempts,
    cancels: Cancels,
    ending: Option<(Instant, oneshot::Sender<()>)>,
    failing: bool,
}

/// Starts the driver on a thread of its own. The record is reconciled before this returns (seed §8.4).
pub(crate) fn start(setup: Setup, tokio: &tokio::runtime::Handle) -> Result<Client, StoreError> {
    let (sender, messages) = mpsc::channel(MESSAGES_MAX);
    let (published, listener) = broadcast::channel(PUBLISHED_MAX);
    let client = Client { messages: sender.clone(), published: Arc::new(listener) };
    let mut driver = Driver {
        store: setup.store,
        cwd: setup.cwd.clone(),
        person: setup.person,
        messages,
        published,
        items: VecDeque::new(),
        cursor: Cursor::default(),
        sequence: 0,
        scheduler: Scheduler::new(setup.config.workers_max),
        pool: Pool::new(setup.engine, setup.config.clone(), setup.cwd, sender, tokio.clone()),
        attempts: Attempts::default(),
        cancels: Cancels::new(Duration::from_millis(setup.config.cancel_grace_ms)),
        ending: None,
        failing: false,
        config: setup.config,
    };
    driver.reconcile(setup.adopt_queued)?;
    let tokio = tokio.clone();
    // The only place that could fail is the system's limit of threads, and then nothing works.
    std::thread::Builder::new()
        .name("driver".to_owned())
        .spawn(move || driver.run(&tokio))
        .expect("the system gives the daemon a thread");
    Ok(client)
}

impl Driver {
    fn reconcile(&mut self, adopt_queued: bool) -> Result<(), StoreError> {
        let outcomes = self.store.batch(&[Input::Reconcile], now(), &mut Ids::new(&mut random))?;
        for committed in outcomes.into_iter().flatten() {
            if let Some(event) = committed.events.last() {
                self.cursor = event.cursor;
            }
            if adopt_queued {
                committed.effects.into_iter().for_each(|effect| self.perform(effect));
            }
        }
        Ok(())
    }

    fn run(mut self, tokio: &tokio::runtime::Handle) {
        loop {
            self.schedule();
            self.receive(tokio);
            self.come_due();
            while !self.items.is_empty() && self.commit() {}
            let deadline = self.ending.as_ref().map(|(deadline, _)| *deadline);
            if deadline.is_some_and(|deadline| self.ended(deadline)) {
                break;
            }
        }
        let Self { store, ending, .. } = self;
        drop(store);
        if let Some((_, done)) = ending {
            // Nobody waits for it any more: it has ended all the same.
            let _ = done.send(());
        }
    }

    /// Waits for messages, but no longer than until something is due.
    fn receive(&mut self, tokio: &tokio::runtime::Handle) {
        if self.items.len() >= KEPT_MAX {
            std::thread::sleep(RETRY);
            return;
        }
        let patience = if self.items.is_empty() { self.next_due() } else { Some(RETRY) };
        let mut batch = Vec::with_capacity(BATCH_MAX);
        let messages = &mut self.messages;
        tokio.block_on(async {
            let receive = messages.recv_many(&mut batch, BATCH_MAX);
            match patience {
                // That nothing came in time is what the timeout is for.
                Some(patience) => drop(tokio::time::timeout(patience, receive).await),
                None => drop(receive.await),
            }
        });
        for message in batch {
            self.translate(message);
        }
    }

    fn next_due(&self) -> Option<Duration> {
        let now = now();
        let chunk = self
            .attempts
            .next_due()
            .map(|due| Duration::from_millis(u64::try_from(due.0 - now.0).unwrap_or_default()));
        let until = |at: Instant| at.saturating_duration_since(Instant::now());
        let cancel = self.cancels.next_due().map(until);
        let end = self.ending.as_ref().map(|(deadline, _)| until(*deadline));
        [chunk, cancel, end].into_iter().flatten().min()
    }

    fn come_due(&mut self) {
        for (attempt, chunk) in self.attempts.due(now()) {
            self.decide(Input::Chunk { attempt, chunk });
        }
        for attempt in self.cancels.grace_over(Instant::now()) {
            self.decide(Input::CancelGraceOver { attempt });
        }
        for attempt in self.cancels.unanswered(Instant::now()) {
            self.decide(Input::CancelDispatched { attempt, dispatched: true, acknowledged: false });
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
            Message::Started { run, worker, started } => self.started(run, &worker, started),
            Message::Shutdown { done } => {
                self.pool.stop_all();
                self.ending.get_or_insert((Instant::now() + SHUTDOWN_GRACE, done));
            }
        }
    }

    /// Has an input decided with the next batch.
    fn decide(&mut self, input: Input) {
        self.items.push_back(Item::Input { input, answer: None });
    }

    /// Publishes live text in its place among the events.
    fn live(&mut self, live: LiveText) {
        self.items.push_back(Item::Live(live));
    }

    /// Gives permits to runs that wait, and finds each a worker.
    fn schedule(&mut self) {
        if self.ending.is_some() {
            return;
        }
        while let Some(waiting) = self.scheduler.lease() {
            if let Some(worker) = self.pool.lease(&waiting) {
                self.begin(waiting.run, &worker);
            }
        }
    }

    fn begin(&mut self, run: RunId, worker: &WorkerId) {
        let default_cwd = self.cwd.display().to_string();
        let input = match self.pool.begin(run.clone(), worker, default_cwd) {
            Some(begin) => Input::Begin(begin),
            None => {
                Input::CannotBegin { run, failure: FailureDetail::new("worker_gone", "the worker had ended") }
            }
        };
        self.decide(input);
    }

    fn started(&mut self, run: RunId, worker: &WorkerId, started: Result<Started, FailureDetail>) {
        match started {
            // The run stays queued: the next daemon takes it up.
            Ok(started) if self.ending.is_some() => self.pool.dismiss(worker, started),
            Ok(started) => {
                self.pool.started(worker, started);
                self.begin(run, worker);
            }
            Err(failure) => {
                self.pool.forget(worker);
                self.decide(Input::CannotBegin { run, failure });
            }
        }
    }

    /// Everything has stopped, or has had its time.
    fn ended(&mut self, deadline: Instant) -> bool {
        if self.pool.is_empty() && (self.items.is_empty() || self.failing) {
            return true;
        }
        if Instant::now() < deadline {
            return false;
        }
        self.pool.kill_all();
        true
    }

    /// The policy for requests for permission of a registration.
    fn policy(&self, adapter: &AdapterId) -> omi_kernel::permission::ApprovalPolicy {
        self.config
            .registrations
            .get(adapter.as_str())
            .map_or(omi_kernel::permission::ApprovalPolicy::Refuse, |registration| {
                registration.policy(self.person)
            })
    }
}

/// The time of day.
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// 128 random bits: a UUIDv4 (seed §7).
pub(crate) fn random() -> u128 {
    uuid::Uuid::new_v4().as_u128()
}
