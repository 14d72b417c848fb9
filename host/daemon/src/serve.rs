//! `omi-agentd serve --stdio`: many clients and requests on one pipe, each message with its correlation.

use std::collections::BTreeMap;
use std::io::BufRead as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use omi_kernel::event::EventKind;
use omi_kernel::id::{OwnerId, RunId};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::client::{Answered, Client, LiveKind};
use crate::config::Config;
use crate::daemon::{Daemon, Manner};
use crate::follow::{Follow, Seen, Shown, is_end};
use crate::prompt::OWNER;
use crate::state::StateDir;
use crate::terminal;
use crate::wire::{self, Correlation, Inbound, Interrupt, Query};

/// Bytes of one line: a prompt with a picture in it.
const LINE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Messages that wait to be read or written; then the other side waits.
const QUEUE_MAX: usize = 256;
/// How long the last messages have to be written once everything has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

pub(crate) async fn serve(state: &StateDir, config: Config) -> anyhow::Result<ExitCode> {
    let cwd = std::env::current_dir().context("cannot tell the working folder")?;
    let daemon = Daemon::start(state, config, Manner { cwd, person: false, adopt_queued: true })?;
    let (lines, out) = (read_lines(), write_messages());
    let server = Server {
        client: daemon.client.clone(),
        config: daemon.config.clone(),
        database: state.database(),
        out: out.messages.clone(),
        requests: Arc::default(),
    };
    server.send(wire::init()).await;
    server.serve(lines, out.closed).await;
    daemon.end().await;
    Ok(ExitCode::SUCCESS)
}

/// A request by its client and its own name.
type Key = (String, String);

/// One pipe, and what its clients have asked.
#[derive(Clone)]
struct Server {
    client: Client,
    config: Arc<Config>,
    database: PathBuf,
    out: mpsc::Sender<Value>,
    /// The run of each request that is not over; none until it is accepted.
    requests: Arc<Mutex<BTreeMap<Key, watch::Receiver<Option<RunId>>>>>,
}

impl Server {
    async fn serve(
        self,
        mut lines: mpsc::Receiver<Result<String, String>>,
        mut closed: watch::Receiver<bool>,
    ) {
        let mut tasks = JoinSet::new();
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok();
        loop {
            let line = tokio::select! {
                line = lines.recv() => line,
                // Nobody reads what is said here any more.
                _ = closed.wait_for(|closed| *closed) => None,
                () = terminated(&mut terminate) => None,
            };
            match line {
                Some(Ok(line)) if line.trim().is_empty() => {}
                Some(Ok(line)) => match wire::read(&line) {
                    Ok(Inbound::Query(query)) => self.query(*query, &mut tasks),
                    Ok(Inbound::Interrupt(interrupt)) => {
                        tasks.spawn(self.clone().interrupt(interrupt));
                    }
                    Ok(Inbound::Stop {}) => break,
                    Err(why) => self.refuse(&line, &why).await,
                },
                Some(Err(why)) => self.refuse("", &why).await,
                None => break,
            }
            while tasks.try_join_next().is_some() {}
        }
        self.client.shutdown().await;
        // A client that does not read its last messages has had its time.
        let _ = tokio::time::timeout(LAST_WORDS, tasks.join_all()).await;
    }

    /// What cannot be read may still say whose it is.
    async fn refuse(&self, line: &str, why: &str) {
        let value: Value = serde_json::from_str(line).unwrap_or_default();
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        self.send(Correlation::new(&text("clientId"), &text("requestId")).error(why)).await;
    }

    async fn send(&self, message: Value) {
        // A writer that is gone has said so, and the loop ends.
        let _ = self.out.send(message).await;
    }

    fn requests(&self) -> MutexGuard<'_, BTreeMap<Key, watch::Receiver<Option<RunId>>>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a request before anything else is read, so that an interrupt behind it finds it.
    fn query(&self, query: Query, tasks: &mut JoinSet<()>) {
        let key = (query.client_id.clone(), query.request_id.clone());
        let (run, known) = watch::channel(None);
        let repeated = self.requests().insert(key.clone(), known).is_some();
        let server = self.clone();
        tasks.spawn(async move {
            let correlation = Correlation::new(&key.0, &key.1);
            if let Err(why) = server.run(query, correlation.clone(), run).await {
                server.send(correlation.error(&why)).await;
            }
            if !repeated {
                server.requests().remove(&key);
            }
        });
    }

    async fn run(
        &self,
        query: Query,
        mut correlation: Correlation,
        accepted: watch::Sender<Option<RunId>>,
    ) -> Result<(), String> {
        let accept = query.prompt()?.accept(&self.config).map_err(|error| error.to_string())?;
        let published = self.client.subscribe();
        let answered = self.client.accept(accept).await.map_err(|error| error.to_string())?;
        let Answered::Accepted { session, run, repeated } = answered else { return Ok(()) };
        accepted.send_replace(Some(run.clone()));
        correlation.session = Some(session.to_string());
        correlation.run = Some(run.to_string());
        let mut follow = Follow::new(published, self.database.clone(), session, run);
        if repeated {
            follow.rewind();
        }
        let mut shown = Shown::default();
        while let Some(seen) = follow.next().await {
            if let Some(message) = self.message(&seen, &mut shown, &mut correlation) {
                self.send(message).await;
            }
            if matches!(&seen, Seen::Event(event) if is_end(event.kind)) {
                break;
            }
        }
        Ok(())
    }

    fn message(&self, seen: &Seen, shown: &mut Shown, correlation: &mut Correlation) -> Option<Value> {
        match seen {
            Seen::StoreFailing(why) => Some(correlation.error(why)),
            Seen::Live(live) => {
                correlation.attempt = Some(live.attempt.to_string());
                let (kind, text) = match &live.kind {
                    LiveKind::Message { .. } => ("text_delta", shown.live(live)?.1),
                    LiveKind::Thought => ("thinking_delta", live.text.as_str()),
                };
                let fields = json!({ "text": text, "cursor": live.cursor, "sequence": live.sequence });
                Some(correlation.message(kind, None, fields))
            }
            Seen::Event(event) => {
                if let Some(attempt) = &event.attempt_id {
                    correlation.attempt = Some(attempt.to_string());
                }
                if let Some((_, text)) = shown.recorded(event) {
                    return Some(correlation.message("text_delta", Some(event), json!({ "text": text })));
                }
                let status = match event.kind {
                    EventKind::ToolStarted => "started",
                    EventKind::ToolUpdated => "progress",
                    EventKind::ToolCompleted => "completed",
                    EventKind::ToolFailed => "failed",
                    kind if is_end(kind) => {
                        let result = correlation.result(&self.database, event);
                        return Some(result.unwrap_or_else(|error| correlation.error(&error.to_string())));
                    }
                    _ => return None,
                };
                let payload = &event.payload;
                let fields = json!({ "status": status, "name": payload["name"], "title": payload["title"],
                    "toolUseId": payload["toolUseId"], "input": payload["input"] });
                Some(correlation.message("tool_activity", Some(event), fields))
            }
        }
    }

    async fn interrupt(self, interrupt: Interrupt) {
        let mut correlation = Correlation::new(&interrupt.client_id, &interrupt.request_id);
        let known = self.requests().get(&(interrupt.client_id, interrupt.request_id)).cloned();
        let run = match known {
            Some(mut known) => known.wait_for(Option::is_some).await.ok().and_then(|run| run.clone()),
            None => None,
        };
        let Some(run) = run else {
            let nothing =
                json!({ "accepted": false, "dispatchAttempted": false, "adapterAcknowledged": false });
            return self.send(correlation.message("cancel_ack", None, nothing)).await;
        };
        correlation.run = Some(run.to_string());
        let message = match self.client.cancel(OwnerId(OWNER.to_owned()), run).await {
            Ok(Answered::Cancel(ack)) => correlation.cancel_ack(&ack),
            Ok(Answered::Accepted { .. } | Answered::Done) => return,
            Err(error) => correlation.error(&error.to_string()),
        };
        self.send(message).await;
    }
}

async fn terminated(signal: &mut Option<tokio::signal::unix::Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// Reads standard input on a thread of its own: a read that never returns must not keep the program from ending.
fn read_lines() -> mpsc::Receiver<Result<String, String>> {
    let (sender, lines) = mpsc::channel(QUEUE_MAX);
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        loop {
            let mut line = Vec::new();
            let read = std::io::Read::take(&mut input, LINE_BYTES_MAX).read_until(b'\n', &mut line);
            let too_long = u64::try_from(line.len()).is_ok_and(|length| length >= LINE_BYTES_MAX);
            let line = match read {
                Ok(0) | Err(_) => return,
                Ok(_) if too_long => Err(format!(
                    "a line has more than {LINE_BYTES_MAX} bytes; it cannot be read on from here"
                )),
                Ok(_) => String::from_utf8(line).map_err(|_| "a line is not UTF-8".to_owned()),
            };
            if sender.blocking_send(line).is_err() || too_long {
                return;
            }
        }
    });
    lines
}

/// The writer of standard output.
struct Out {
    messages: mpsc::Sender<Value>,
    closed: watch::Receiver<bool>,
}

fn write_messages() -> Out {
    let (messages, mut queue) = mpsc::channel::<Value>(QUEUE_MAX);
    let (gone, closed) = watch::channel(false);
    std::thread::spawn(move || {
        while let Some(message) = queue.blocking_recv() {
            if !terminal::print(&format!("{message}\n")) {
                gone.send_replace(true);
                return;
            }
        }
    });
    Out { messages, closed }
}
