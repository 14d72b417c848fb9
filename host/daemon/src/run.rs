//! `omi-agentd run` and `retry`: one run, followed to its end.

mod asked;
mod following;
mod show;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use omi_kernel::command::{Base64, PromptBlock};
use omi_kernel::id::{AdapterId, ArtifactId, Cursor, RunId, SessionId};
use omi_kernel::request::{Retry as RetryRequest, SessionRef};
use omi_kernel::status::Status;
use omi_store::{Reader, RunView};

use crate::cli::{Agent, Record, Retry, Run};
use crate::client::{Answered, RequestError};
use crate::config::{Config, RegistrationConfig};
use crate::daemon::{Daemon, Manner};
use crate::detect::on_path;
use crate::prompt::{Prompt, fail_over, owner};
use crate::recording::Recordings;
use crate::state::StateDir;
use crate::subscribe::{SubscribeFilter, Subscription};
use crate::{terminal, words};
use following::Following;

/// Bytes of a picture: what providers take at most.
const IMAGE_BYTES_MAX: u64 = 20 * 1024 * 1024;

pub(crate) async fn run(run: Run, state: &StateDir, config: Config) -> anyhow::Result<ExitCode> {
    execute(run, state, config, None).await
}

/// Runs a prompt, and says where what was said is written down.
pub(crate) async fn record(args: Record, state: &StateDir, config: Config) -> anyhow::Result<ExitCode> {
    let recordings = Recordings::create(&args.to)?;
    let code = execute(args.run, state, config, Some(recordings.clone())).await;
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

async fn execute(
    run: Run,
    state: &StateDir,
    mut config: Config,
    recordings: Option<Recordings>,
) -> anyhow::Result<ExitCode> {
    let cwd = match &run.cwd {
        Some(cwd) => cwd.canonicalize().with_context(|| format!("cannot work in `{}`", cwd.display()))?,
        None => std::env::current_dir().context("cannot tell the working folder")?,
    };
    let adapter = use_agent(&run.agent, &mut config)?;
    if adapter.is_none() && run.session.is_none() && config.default_adapter.is_none() {
        note_agents(&config);
    }
    let prompt = prompt(&run, adapter, &cwd)?;
    let accept = prompt.accept(owner(), &config)?;
    let manner = Manner { cwd, person: person(run.ask), adopt_queued: false, recordings };
    let daemon = Daemon::start(state, config, manner)?;
    let code = async {
        let before = Reader::open(&state.database())?.latest_cursor()?;
        let accepted = daemon.client.accept(accept).await;
        follow(&daemon, state, run.json, before, accepted).await
    };
    let code = code.await;
    daemon.end().await;
    code
}

pub(crate) async fn retry(args: Retry, state: &StateDir, mut config: Config) -> anyhow::Result<ExitCode> {
    let retry = RetryRequest {
        owner: owner(),
        run: RunId::parse(&args.run)?,
        adapter: use_agent(&args.agent, &mut config)?.map(AdapterId),
        model: args.model,
        checkpoint: args.checkpoint.as_deref().map(ArtifactId::parse).transpose()?,
        legacy: vec![],
        anyway: args.anyway,
    };
    let retry = fail_over(retry, &config)?;
    let cwd = std::env::current_dir().context("cannot tell the working folder")?;
    let manner = Manner { cwd, person: person(args.ask), adopt_queued: false, recordings: None };
    let daemon = Daemon::start(state, config, manner)?;
    let code = async {
        let before = Reader::open(&state.database())?.latest_cursor()?;
        let accepted = daemon.client.retry(retry).await.map_err(with_flag);
        follow(&daemon, state, args.json, before, accepted).await
    };
    let code = code.await;
    daemon.end().await;
    code
}

/// A refusal that names what overrides it as the command line has it.
fn with_flag(error: RequestError) -> RequestError {
    match error {
        RequestError::Refused { code, message } => {
            RequestError::Refused { code, message: message.replace("`anyway`", "`--anyway`") }
        }
        RequestError::Ending => RequestError::Ending,
    }
}

/// There is somebody at the terminal, or it is said that there is.
fn person(ask: bool) -> bool {
    ask || std::io::IsTerminal::is_terminal(&std::io::stdin())
}

/// Follows a run that was accepted after `before` to its end. One that is over already is shown as it is recorded.
async fn follow(
    daemon: &Daemon,
    state: &StateDir,
    json: bool,
    before: Cursor,
    accepted: Result<Answered, RequestError>,
) -> anyhow::Result<ExitCode> {
    let (session, run, repeated) = match accepted? {
        Answered::Accepted { session, run, repeated } => (session, run, repeated),
        other => bail!("an answer to something else: {other:?}"),
    };
    if repeated {
        let found = Reader::open(&state.database())?.run(Some(&owner()), &run)?;
        return before_now(&found.context("the run is not in the record")?, json);
    }
    let filter = SubscribeFilter { owner: Some(owner()), session: Some(session.clone()), run: None };
    let news = Subscription::new(&daemon.client, state.database(), filter, Some(before));
    Following::new(&daemon.client, json, &session, run).follow(news).await
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
fn exit_code(status: Status) -> ExitCode {
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
