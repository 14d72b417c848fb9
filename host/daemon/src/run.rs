//! `omi-agentd run`: one prompt, followed to its end.

mod approvals;
mod show;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use omi_kernel::command::{Base64, PromptBlock};
use omi_kernel::event::{Event, EventKind};
use omi_kernel::id::{OwnerId, RunId, SessionId};
use omi_kernel::input::SessionRef;
use tokio::task::JoinHandle;

use crate::cli::Run;
use crate::client::{Answered, Client, RequestError};
use crate::config::Config;
use crate::daemon::{Daemon, Manner};
use crate::follow::{Follow, Seen, is_end};
use crate::prompt::{OWNER, Prompt};
use crate::state::StateDir;
use crate::terminal;
use approvals::Approvals;
use show::Show;

/// How long the record may refuse to be written before a one-shot run gives up.
const STORE_PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of a picture: what providers take at most.
const IMAGE_BYTES_MAX: u64 = 20 * 1024 * 1024;
/// What a second Ctrl-C leaves with, as shells have it.
const INTERRUPTED: u8 = 130;

pub(crate) async fn run(run: Run, state: &StateDir, mut config: Config) -> anyhow::Result<ExitCode> {
    let cwd = match &run.cwd {
        Some(cwd) => cwd.canonicalize().with_context(|| format!("cannot work in `{}`", cwd.display()))?,
        None => std::env::current_dir().context("cannot tell the working folder")?,
    };
    let adapter = use_agent(&run, &mut config)?;
    let person = run.ask || std::io::IsTerminal::is_terminal(&std::io::stdin());
    let prompt = prompt(&run, adapter, &cwd)?;
    let accept = prompt.accept(&config)?;

    let daemon = Daemon::start(state, config, Manner { cwd, person, adopt_queued: false })?;
    let published = daemon.client.subscribe();
    let code = match daemon.client.accept(accept).await {
        Ok(Answered::Accepted { session, run: id, .. }) => {
            let follow = Follow::new(published, state.database(), session.clone(), id.clone());
            Following::new(&daemon.client, run.json, &session, id).follow(follow).await
        }
        Ok(Answered::Cancel(_) | Answered::Done) => Ok(ExitCode::from(crate::FAILED)),
        Err(error) => Err(error.into()),
    };
    daemon.end().await;
    code
}

/// Puts the agent of `--agent` behind the registration that is used, and answers that registration's name.
fn use_agent(run: &Run, config: &mut Config) -> anyhow::Result<Option<String>> {
    let Some(agent) = &run.agent else { return Ok(run.adapter.clone()) };
    let command: Vec<String> = agent.split_whitespace().map(str::to_owned).collect();
    if command.is_empty() {
        bail!("--agent names no program; hint: --agent \"gemini --acp\"");
    }
    let name = run.adapter.clone().unwrap_or_else(|| "agent".to_owned());
    let registration = match config.registrations.get(&name) {
        Some(registration) => registration.clone(),
        None => crate::config::RegistrationConfig::bundled("acp"),
    };
    config.registrations.insert(name.clone(), registration.with_agent(command));
    Ok(Some(name))
}

fn prompt(run: &Run, adapter: Option<String>, cwd: &Path) -> anyhow::Result<Prompt> {
    let text = match run.prompt.as_str() {
        "-" => std::io::read_to_string(std::io::stdin()).context("cannot read the prompt")?,
        text => text.to_owned(),
    };
    let mut blocks = vec![PromptBlock::Text { text }];
    for path in &run.image {
        blocks.push(image(path)?);
    }
    let session = match &run.session {
        Some(id) => SessionRef { id: Some(SessionId::parse(id)?), ..SessionRef::default() },
        None => SessionRef::default(),
    };
    Ok(Prompt {
        client: "cli".to_owned(),
        request: uuid::Uuid::new_v4().to_string(),
        surface: "cli".to_owned(),
        session,
        adapter,
        blocks,
        system_prompt: run.system_prompt.clone(),
        mode: run.mode.into(),
        model: run.model.clone(),
        cwd: Some(cwd.display().to_string()),
    })
}

fn image(path: &Path) -> anyhow::Result<PromptBlock> {
    let name = path.display();
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let mime_type = match extension.as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        _ => bail!("`{name}` is no picture that can be attached; hint: png, jpeg, gif or webp"),
    };
    let size = std::fs::metadata(path).with_context(|| format!("cannot read `{name}`"))?.len();
    if size > IMAGE_BYTES_MAX {
        bail!("`{name}` has {size} bytes; hint: a picture may have {IMAGE_BYTES_MAX} at most");
    }
    let bytes = std::fs::read(path).with_context(|| format!("cannot read `{name}`"))?;
    let data = base64::engine::general_purpose::STANDARD.encode(bytes);
    Ok(PromptBlock::Image { mime_type: mime_type.to_owned(), data: Base64(data) })
}

/// A run that is followed to its end.
struct Following<'c> {
    client: &'c Client,
    run: RunId,
    show: Show,
    approvals: Approvals,
    cancel: Option<JoinHandle<Result<Answered, RequestError>>>,
    cancelled: bool,
}

impl<'c> Following<'c> {
    fn new(client: &'c Client, json: bool, session: &SessionId, run: RunId) -> Self {
        let mut show = Show::new(json);
        show.begin(session, &run);
        Self { client, run, show, approvals: Approvals::default(), cancel: None, cancelled: false }
    }

    async fn follow(mut self, mut follow: Follow) -> anyhow::Result<ExitCode> {
        let mut interrupts = Interrupts::new()?;
        let mut give_up: Option<tokio::time::Instant> = None;
        loop {
            tokio::select! {
                seen = follow.next() => match seen {
                    Some(Seen::Event(event)) => {
                        give_up = None;
                        if self.event(&event) {
                            return Ok(self.end(event.kind).await);
                        }
                    }
                    Some(Seen::Live(live)) => self.show.live(&live),
                    Some(Seen::StoreFailing(why)) => {
                        terminal::error(&why);
                        give_up.get_or_insert(tokio::time::Instant::now() + STORE_PATIENCE);
                    }
                    None => bail!("the daemon ended before the run did"),
                },
                () = interrupts.next() => {
                    if self.cancelled {
                        return Ok(ExitCode::from(INTERRUPTED));
                    }
                    self.cancel();
                }
                line = self.approvals.answered() => self.approvals.answer(line, self.client).await,
                ack = acknowledged(&mut self.cancel) => self.show.cancel(&ack),
                () = deadline(give_up) => bail!("nothing can be recorded, giving up; the run will be listed as orphaned"),
            }
            if self.show.reader_gone && !self.cancelled {
                self.cancel();
            }
        }
    }

    /// Takes an event in. Answers whether the run is over.
    fn event(&mut self, event: &Event) -> bool {
        self.show.event(event);
        match event.kind {
            EventKind::ApprovalRequested => self.approvals.requested(event),
            EventKind::RunWaitingApproval => self.approvals.ask(),
            EventKind::ApprovalResolved => {
                self.approvals.resolved(event);
                self.approvals.ask();
            }
            _ => {}
        }
        is_end(event.kind)
    }

    fn cancel(&mut self) {
        self.cancelled = true;
        let (client, run) = (self.client.clone(), self.run.clone());
        let cancel = async move { client.cancel(OwnerId(OWNER.to_owned()), run).await };
        self.cancel = Some(tokio::spawn(cancel));
    }

    async fn end(&mut self, kind: EventKind) -> ExitCode {
        if self.cancel.is_some() {
            let ack = acknowledged(&mut self.cancel).await;
            self.show.cancel(&ack);
        }
        self.show.end();
        ExitCode::from(match kind {
            EventKind::RunSucceeded => 0,
            EventKind::RunCancelled => 3,
            EventKind::RunTimedOut => 4,
            EventKind::RunOrphaned => 5,
            _ => crate::FAILED,
        })
    }
}

/// What became of the request to stop, once that is known; until then it waits.
async fn acknowledged(
    cancel: &mut Option<JoinHandle<Result<Answered, RequestError>>>,
) -> Result<Answered, RequestError> {
    match cancel {
        Some(handle) => {
            let ack = handle.await.unwrap_or(Err(RequestError::Ending));
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
