//! A run that is followed to its end: shown, answered for, and cancelled by Ctrl-C.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use omi_kernel::event::{Event, EventKind};
use omi_kernel::id::{RunId, SessionId};
use omi_kernel::status::Status;
use tokio::task::JoinHandle;

use super::Manners;
use super::asked::Questions;
use super::exit_code;
use super::show::Show;
use crate::client::{CancelAck, RequestError};
use crate::follow::is_end;
use crate::link::{Link, LinkError, News};
use crate::subscribe::Seen;
use crate::terminal::{self, Progress};

/// How long the record may refuse to be written before a one-shot run gives up.
const STORE_PATIENCE: Duration = Duration::from_secs(10);
/// What a second Ctrl-C leaves with, as shells have it.
const INTERRUPTED: u8 = 130;

/// A run that is followed to its end.
pub(super) struct Following<'l> {
    link: &'l Link,
    run: RunId,
    show: Show,
    questions: Questions,
    cancel: Option<JoinHandle<Result<CancelAck, LinkError>>>,
    cancelled: bool,
    progress: Progress,
}

impl<'l> Following<'l> {
    pub(super) fn new(link: &'l Link, manners: Manners, session: &SessionId, run: RunId) -> Self {
        let mut show = Show::new(manners.json);
        show.begin(session, &run);
        // A daemon of our own answers by itself where nobody is here.
        let questions = Questions::new(manners.person || !link.outlives_us());
        Self { link, run, show, questions, cancel: None, cancelled: false, progress: Progress::begin() }
    }

    pub(super) async fn follow(mut self, mut news: News) -> anyhow::Result<ExitCode> {
        let mut interrupts = Interrupts::new()?;
        let mut give_up: Option<tokio::time::Instant> = None;
        loop {
            tokio::select! {
                seen = news.next() => match seen {
                    Some(Seen::Event(event)) => {
                        give_up = None;
                        if let Some(status) = self.event(&event) {
                            return Ok(self.end(status).await);
                        }
                    }
                    Some(Seen::Live(live)) if live.run == self.run => self.show.live(&live),
                    Some(Seen::Live(_)) => {}
                    Some(Seen::Gap { reason, .. }) => self.show.gap(reason),
                    Some(Seen::StoreFailing(why)) => {
                        terminal::error(&why);
                        give_up.get_or_insert(tokio::time::Instant::now() + STORE_PATIENCE);
                    }
                    None => bail!("the daemon ended before the run did; hint: `omi-agentd runs {}` shows what became of it", self.run),
                },
                () = interrupts.next() => {
                    if self.cancelled {
                        self.leave();
                        return Ok(ExitCode::from(INTERRUPTED));
                    }
                    self.cancel();
                }
                line = self.questions.answered() => self.questions.answer(line, self.link).await,
                ack = acknowledged(&mut self.cancel) => self.show.cancel(&ack),
                () = self.progress.due() => self.progress(),
                () = deadline(give_up) => return Err(self.gives_up()),
            }
            if self.show.reader_gone && !self.cancelled {
                self.cancel();
            }
        }
    }

    /// Takes an event in. Answers how the run ended, if it did. What is about its session alone is about it, too.
    fn event(&mut self, event: &Event) -> Option<Status> {
        if event.run_id.as_ref().is_some_and(|run| *run != self.run) {
            return None;
        }
        self.show.event(event);
        self.progress.event(event);
        match event.kind {
            EventKind::ApprovalRequested | EventKind::InputRequested => self.questions.requested(event),
            EventKind::RunWaitingApproval | EventKind::RunWaitingInput => self.questions.ask(),
            EventKind::ApprovalResolved | EventKind::InputProvided => {
                self.questions.resolved(event);
                self.questions.ask();
            }
            _ => {}
        }
        is_end(event.kind).then(|| ended(event.kind))
    }

    /// Shows how far it is, where that is in nobody's way.
    fn progress(&self) {
        if !self.show.is_in_a_line() && !self.questions.asks() {
            self.progress.write();
        }
    }

    fn cancel(&mut self) {
        self.cancelled = true;
        let (link, run) = (self.link.clone(), self.run.clone());
        let cancel = async move { link.cancel(run).await };
        self.cancel = Some(tokio::spawn(cancel));
    }

    /// Leaves before the run has ended.
    fn leave(&self) {
        if self.link.outlives_us() {
            terminal::note(&format!(
                "left; the daemon goes on with the run, which was asked to stop; hint: `omi-agentd runs {}` shows what becomes of it",
                self.run
            ));
        }
    }

    fn gives_up(&self) -> anyhow::Error {
        if self.link.outlives_us() {
            anyhow::anyhow!("nothing can be recorded, giving up; the daemon goes on with {}", self.run)
        } else {
            anyhow::anyhow!("nothing can be recorded, giving up; the run will be listed as orphaned")
        }
    }

    async fn end(&mut self, status: Status) -> ExitCode {
        if self.cancel.is_some() {
            let ack = acknowledged(&mut self.cancel).await;
            self.show.cancel(&ack);
        }
        self.show.end();
        exit_code(status)
    }
}

/// Where a run stands after the event that ends it.
fn ended(kind: EventKind) -> Status {
    match kind {
        EventKind::RunSucceeded => Status::Succeeded,
        EventKind::RunCancelled => Status::Cancelled,
        EventKind::RunTimedOut => Status::TimedOut,
        EventKind::RunOrphaned => Status::Orphaned,
        _ => Status::Failed,
    }
}

/// What became of the request to stop, once that is known; until then it waits.
async fn acknowledged(
    cancel: &mut Option<JoinHandle<Result<CancelAck, LinkError>>>,
) -> Result<CancelAck, LinkError> {
    match cancel {
        Some(handle) => {
            let ack = handle.await.unwrap_or_else(|_| Err(RequestError::Ending.into()));
            *cancel = None;
            ack
        }
        None => std::future::pending().await,
    }
}

async fn deadline(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Ctrl-C, and what a system sends to end a program.
struct Interrupts {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Interrupts {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
