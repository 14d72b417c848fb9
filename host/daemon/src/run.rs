//! `omi-agentd run` and `retry`: one run, followed to its end, in this process or in the daemon that serves the folder.

mod asked;
mod following;
mod show;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use omi_kernel::command::{Base64, PromptBlock};
use omi_kernel::id::{AdapterId, ArtifactId, Cursor, RunId, SessionId};
use omi_kernel::request::{Retry as RetryRequest, SessionRef};
use omi_kernel::status::Status;
use omi_store::{Reader, RunView};

use crate::cli::{Agent, Record, Retry, Run};
use crate::client::Answered;
use crate::config::{Config, RegistrationConfig};
use crate::daemon::{Daemon, Manner};
use crate::detect::on_path;
use crate::link::{self, Found, Link, LinkError, Reached, Remote};
use crate::prompt::{Prompt, fail_over, owner};
use crate::recording::Recordings;
use crate::state::StateDir;
use crate::subscribe::SubscribeFilter;
use crate::{terminal, words};
pub(crate) use asked::information;
use following::Following;
pub(crate) use show::cancel_line;

/// Bytes of a picture: what providers take at most.
const IMAGE_BYTES_MAX: u64 = 20 * 1024 * 1024;

pub(crate) async fn run(run: Run, state: &StateDir, config: Config) -> anyhow::Result<ExitCode> {
    match link::find(state).await? {
        Found::Free(lock) => {
            let begin = |config, manner| Daemon::begin(lock, state, config, manner);
            execute(run, state, config, None, begin).await
        }
        Found::Serving(remote) => hand_over(run, state, remote).await,
    }
}

/// Has a prompt run by a daemon that serves.
async fn hand_over(run: Run, state: &StateDir, remote: Remote) -> anyhow::Result<ExitCode> {
    agent_of_its_own(&run.agent)?;
    let prompt = prompt(&run, run.agent.adapter.clone(), &folder(&run)?)?;
    let before = Reader::open(&state.database())?.latest_cursor()?;
    let accepted = remote.query(&prompt, before).await?;
    follow(&remote.into(), state, Manners::of(run.json, run.ask), before, accepted).await
}

/// The registrations of a daemon that runs are what they are.
fn agent_of_its_own(agent: &Agent) -> anyhow::Result<()> {
    if agent.agent.is_some() {
        bail!(
            "--agent changes a registration, and the omi-agentd that runs has its own; \
             hint: register it with `omi-agentd adapter add`, end that daemon, or name another folder with --state-dir"
        );
    }
    Ok(())
}

/// Runs a prompt, and says where what was said is written down.
pub(crate) async fn record(args: Record, state: &StateDir, config: Config) -> anyhow::Result<ExitCode> {
    let recordings = Recordings::create(&args.to)?;
    let begin = |config, manner| Daemon::start(state, config, manner);
    let code = execute(args.run, state, config, Some(recordings.clone()), begin).await;
    let recorded = recordings.end();
    for recorded in &recorded {
        let (path, replay) = (recorded.path.display().to_string(), recorded.replay());
        terminal::note(&format!("recorded {}; hint: {}", terminal::plain(&path), terminal::plain(&replay)));
    }
    if recorded.is_empty() && code.is_ok() {
        terminal::note("nothing was recorded: no worker was needed");
    }
    code
}

/// The folder that a run works in.
fn folder(run: &Run) -> anyhow::Result<PathBuf> {
    match &run.cwd {
        Some(cwd) => cwd.canonicalize().with_context(|| format!("cannot work in `{}`", cwd.display())),
        None => std::env::current_dir().context("cannot tell the working folder"),
    }
}

/// Runs a prompt in a daemon that is begun for it.
async fn execute(
    run: Run,
    state: &StateDir,
    mut config: Config,
    recordings: Option<Recordings>,
    begin: impl FnOnce(Config, Manner) -> anyhow::Result<Daemon>,
) -> anyhow::Result<ExitCode> {
    let cwd = folder(&run)?;
    let adapter = use_agent(&run.agent, &mut config)?;
    if adapter.is_none() && run.session.is_none() && config.default_adapter.is_none() {
        note_agents(&config);
    }
    let prompt = prompt(&run, adapter, &cwd)?;
    let accept = prompt.accept(owner(), &config)?;
    let manner = Manner { cwd, person: person(run.ask), adopt_queued: false, recordings };
    let daemon = begin(config, manner)?;
    let client = daemon.client.clone();
    let reached = Reached::begun(daemon);
    let code = async {
        let before = Reader::open(&state.database())?.latest_cursor()?;
        let accepted = client.accept(accept).await?;
        follow(&reached.link, state, Manners::of(run.json, run.ask), before, accepted).await
    };
    let code = code.await;
    reached.end().await;
    code
}

pub(crate) async fn retry(args: Retry, state: &StateDir, mut config: Config) -> anyhow::Result<ExitCode> {
    let found = link::find(state).await?;
    if let Found::Serving(_) = found {
        agent_of_its_own(&args.agent)?;
    }
    let retry = RetryRequest {
        owner: owner(),
        run: RunId::parse(&args.run)?,
        adapter: use_agent(&args.agent, &mut config)?.map(AdapterId),
        model: args.model,
        checkpoint: args.checkpoint.as_deref().map(ArtifactId::parse).transpose()?,
        legacy: vec![],
        anyway: args.anyway,
    };
    let manners = Manners::of(args.json, args.ask);
    let lock = match found {
        Found::Serving(remote) => {
            let before = Reader::open(&state.database())?.latest_cursor()?;
            let accepted = remote.retry(&retry, before).await.map_err(with_flag)?;
            return follow(&remote.into(), state, manners, before, accepted).await;
        }
        Found::Free(lock) => lock,
    };
    let retry = fail_over(retry, &config)?;
    let cwd = std::env::current_dir().context("cannot tell the working folder")?;
    let manner = Manner { cwd, person: person(args.ask), adopt_queued: false, recordings: None };
    let daemon = Daemon::begin(lock, state, config, manner)?;
    let client = daemon.client.clone();
    let reached = Reached::begun(daemon);
    let code = async {
        let before = Reader::open(&state.database())?.latest_cursor()?;
        let accepted = client.retry(retry).await.map_err(with_flag)?;
        follow(&reached.link, state, manners, before, accepted).await
    };
    let code = code.await;
    reached.end().await;
    code
}

/// A refusal that names what overrides it as the command line has it.
fn with_flag(error: impl Into<LinkError>) -> LinkError {
    let LinkError { code, message } = error.into();
    LinkError { code, message: message.replace("`anyway`", "`--anyway`") }
}

/// How a run is followed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manners {
    /// Events are printed as JSON lines instead of text.
    pub(crate) json: bool,
    /// There is a person here who can be asked.
    pub(crate) person: bool,
}

impl Manners {
    /// What the options say, and the terminal.
    fn of(json: bool, ask: bool) -> Self {
        Self { json, person: person(ask) }
    }
}

/// There is somebody at the terminal, or it is said that there is.
fn person(ask: bool) -> bool {
    ask || std::io::IsTerminal::is_terminal(&std::io::stdin())
}

/// Follows a run that was accepted after `before` to its end. One that is over already is shown as it is recorded.
async fn follow(
    link: &Link,
    state: &StateDir,
    manners: Manners,
    before: Cursor,
    accepted: Answered,
) -> anyhow::Result<ExitCode> {
    let (session, run, repeated) = match accepted {
        Answered::Accepted { session, run, repeated } => (session, run, repeated),
        other => bail!("an answer to something else: {other:?}"),
    };
    let mut filter = SubscribeFilter { owner: Some(owner()), session: Some(session.clone()), run: None };
    let mut after = before;
    if repeated {
        let found = Reader::open(&state.database())?.run(Some(&owner()), &run)?;
        let found = found.context("the run is not in the record")?;
        let goes_on = Status::parse(&found.status).is_some_and(|status| !status.is_terminal());
        if !goes_on || !link.outlives_us() {
            return before_now(&found, manners.json);
        }
        terminal::note("accepted before; it is followed from its beginning");
        (filter.run, after) = (Some(run.clone()), Cursor::default());
    }
    let news = link.news(filter, Some(after)).await?;
    Following::new(link, manners, &session, run).follow(news).await
}

/// What came of a run that was accepted before, by the record.
fn before_now(run: &RunView, json: bool) -> anyhow::Result<ExitCode> {
    let status = Status::parse(&run.status).context("the run has no status")?;
    terminal::note(&format!("session {}\nrun     {} (accepted before)", run.session_id, run.run_id));
    if !status.is_terminal() {
        bail!(
            "the run is {status}, and no daemon has it; hint: `omi-agentd serve --stdio` takes queued runs up"
        );
    }
    let text = if json {
        // A run is made of values that are JSON.
        serde_json::to_string(run).unwrap_or_default()
    } else {
        run.final_text.clone().unwrap_or_default()
    };
    // A reader that has gone away has seen enough.
    let _ = terminal::print(&format!("{text}\n"));
    terminal::note(&format!("run     {status}{}", reason(run)));
    Ok(exit_code(status))
}

fn reason(run: &RunView) -> String {
    run.error_message.as_ref().map_or_else(String::new, |message| format!(": {}", terminal::plain(message)))
}

/// What a run exits with.
pub(crate) fn exit_code(status: Status) -> ExitCode {
    ExitCode::from(match status {
        Status::Succeeded => 0,
        Status::Cancelled => 3,
        Status::TimedOut => 4,
        Status::Orphaned => 5,
        Status::Failed
        | Status::Queued
        | Status::Starting
        | Status::Running
        | Status::WaitingInput
        | Status::WaitingApproval
        | Status::Cancelling => crate::FAILED,
    })
}

/// Puts the agent of `--agent` behind the registration that is used, and answers that registration's name.
fn use_agent(chosen: &Agent, config: &mut Config) -> anyhow::Result<Option<String>> {
    let Some(agent) = &chosen.agent else { return Ok(chosen.adapter.clone()) };
    let command = words::split(agent).map_err(|why| anyhow::anyhow!("--agent {why}"))?;
    if command.is_empty() {
        bail!("--agent names no program; hint: --agent \"gemini --acp\"");
    }
    let name = chosen.adapter.clone().unwrap_or_else(|| "agent".to_owned());
    let registration = match config.registrations.get(&name) {
        Some(registration) => registration.clone(),
        None => RegistrationConfig::bundled("acp"),
    };
    config.registrations.insert(name.clone(), registration.with_agent(command));
    Ok(Some(name))
}

/// Says which agents there are, where nobody named one and `echo` answers.
fn note_agents(config: &Config) {
    let here: Vec<String> = on_path(config).iter().map(|name| format!("`{name}`")).collect();
    if !here.is_empty() {
        terminal::note(&format!(
            "no agent was named, so that `echo` answers; hint: on this machine are {}: --adapter, or `default-adapter` in {}",
            here.join(", "),
            config.path.display()
        ));
    }
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
        idempotency_key: run.idempotency_key.clone(),
        surface: "cli".to_owned(),
        session,
        title: run.title.clone(),
        adapter,
        blocks,
        system_prompt: run.system_prompt.clone(),
        mode: run.mode.into(),
        model: run.model.clone(),
        profile: run.profile,
        cwd: Some(cwd.display().to_string()),
        legacy_adapter_session_id: None,
        timeout_ms: run.timeout,
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
