//! The command line.

mod adapter;
mod check;
mod doctor;
mod manual;
mod native;
mod schema;
mod talk;
#[cfg(test)]
mod tests;
mod value;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use omi_kernel::command::RunMode;
use omi_kernel::model::ModelProfile;

pub(crate) use adapter::{
    Adapter, AdapterCommand, Add, Grant, Grants, GrantsCommand, Install, Language, ListGrants, Named, New,
};
pub(crate) use check::{Check, CheckLevel, Record, Replay};
pub(crate) use doctor::{Adapters, Doctor};
pub(crate) use manual::{Completions, Man};
pub(crate) use native::{Browser, InstallNativeHost, NativeHost, NativeHostCommand, UninstallNativeHost};
pub(crate) use talk::{Answer, Approve, Asked, Cancel, Delegate};

/// What commands exit with.
const EXIT_CODES: &str =
    "Exit codes of `run`, `retry` and `delegate` (other commands: 0 or 1, unless their help says more):
  0    the run succeeded
  1    it failed, or the command could not do what it was to
  2    wrong usage
  3    the run was cancelled
  4    it timed out
  5    it was orphaned: its daemon is gone, and nobody knows what became of it
  130  the command was left with a second Ctrl-C";
pub(crate) use schema::{Schema, SchemaOf};

/// The daemon beneath your AI agents: durable sessions and runs over any agent runtime.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 110, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// Where the record is kept [default: the platform's state folder]
    #[arg(long, global = true, value_name = "FOLDER", env = "OMI_AGENT_STATE_DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    /// The configuration file [default: omi-agentd/config.toml in the platform's configuration folder]
    #[arg(long, global = true, value_name = "FILE", env = "OMI_AGENT_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Log more to standard error (twice: much more)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run one prompt: the answer goes to standard output, everything else to standard error
    Run(Run),
    /// Try a run again that failed, timed out, was orphaned or cancelled: another attempt under the same run
    Retry(Retry),
    /// Have a run stopped
    Cancel(Cancel),
    /// Answer a request for permission
    Approve(Approve),
    /// Answer a request for information, or choose a way to log in
    Answer(Answer),
    /// Have a run ask another one for work
    Delegate(Delegate),
    /// Run one prompt, and write down what is said between the host and the adapter
    Record(Record),
    /// Replay a recording, without the runtime, and compare what comes of it
    Replay(Replay),
    /// Serve clients
    Serve(Serve),
    /// Serve the control tools to an MCP client over standard input and output
    Mcp,
    /// Talk to an extension of a browser, or let one talk to omi-agentd
    NativeHost(NativeHost),
    /// Connect an agent to the control tools: agents start it with what a native session is handed
    #[command(hide = true)]
    McpShim,
    /// List the sessions that are recorded
    Sessions(List),
    /// Show a session, or change it
    Session(Session),
    /// List the runs that are recorded, or show one with its attempts
    Runs(ListRuns),
    /// List what is asked of people and not answered, also by runs whose daemon is gone
    Requests(Json),
    /// List the artifacts that are recorded, and whether their files are still what they were
    Artifacts(ListArtifacts),
    /// List what a run delegated, and what it works for
    Delegations(ListDelegations),
    /// List the events that are recorded, or follow what happens
    Events(ListEvents),
    /// List the adapters: what is bundled, what is registered, what is on PATH
    Adapters(Adapters),
    /// Look at what is on this machine, and say what is wrong and what helps
    Doctor(Doctor),
    /// Write an adapter, look at components, install them, remove them
    Adapter(Adapter),
    /// Look at what adapters were allowed and denied, and take it back
    Grants(Grants),
    /// Print what makes a shell complete this command line
    Completions(Completions),
    /// Print the manual page, or write the pages of all commands
    Man(Man),
    /// Print the schema of what programs and omi-agentd say to each other
    Schema(Schema),
}

impl Command {
    /// It runs an adapter on a host that is only played.
    pub(crate) fn is_trial(&self) -> bool {
        matches!(self, Self::Replay(_) | Self::Adapter(Adapter { command: AdapterCommand::Check(_) }))
    }
}

/// Run one prompt, in the daemon that serves the state folder, else in this process.
///
/// Exit code: 0 succeeded, 1 failed (or could not be run), 2 wrong usage, 3 cancelled, 4 timed out, 5 orphaned.
/// Ctrl-C cancels the run and waits for what becomes of it; a second one leaves at once.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Run {
    /// The prompt; `-` reads it from standard input
    pub(crate) prompt: String,
    #[command(flatten)]
    pub(crate) agent: Agent,
    /// Continue this session [default: a new one]
    #[arg(long, short, value_name = "SESSION")]
    pub(crate) session: Option<String>,
    /// The title of a new session [default: the first line of the prompt]
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,
    /// A key of your own: the same prompt with the same key is the same run, whenever it is asked again
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
    /// Attach a picture (png, jpeg, gif or webp); may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) image: Vec<PathBuf>,
    /// The model to ask for
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// What it needs of a model; the registration's configuration says which that is
    #[arg(long, value_name = "PROFILE", value_parser = value::profile)]
    pub(crate) profile: Option<ModelProfile>,
    /// The running time it may take: `90s`, `5m`, `1h`, `500ms`
    #[arg(long, value_name = "TIME", value_parser = value::milliseconds)]
    pub(crate) timeout: Option<u64>,
    /// The system prompt
    #[arg(long, value_name = "TEXT")]
    pub(crate) system_prompt: Option<String>,
    /// The working folder of the agent [default: this one]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) cwd: Option<PathBuf>,
    /// What it may do
    #[arg(long, value_enum, default_value_t = Mode::Act)]
    pub(crate) mode: Mode,
    /// Ask for permissions and information on standard input even if it is not a terminal
    #[arg(long)]
    pub(crate) ask: bool,
    /// Print events as JSON lines instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which registration runs it, and with which agent.
#[derive(Debug, Args)]
pub(crate) struct Agent {
    /// The registration to run it with [default: the session's, else `default-adapter`, else `echo`]
    #[arg(long, short, value_name = "ID")]
    pub(crate) adapter: Option<String>,
    /// Run this ACP agent instead of the registration's own, as `command arguments…` (no shell); while no daemon serves
    #[arg(long, value_name = "COMMAND")]
    pub(crate) agent: Option<String>,
}

/// What `--adapter` is of `retry`.
const RETRY_ADAPTER: &str = "The registration to run it with [default: that of the attempt before]";

/// Try a run again. Exit code as of `run`.
#[derive(Debug, Args)]
#[command(mut_arg("adapter", |arg| arg.help(RETRY_ADAPTER)))]
pub(crate) struct Retry {
    /// The run
    pub(crate) run: String,
    #[command(flatten)]
    pub(crate) agent: Agent,
    /// The model to ask for
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// The checkpoint to begin from: an artifact of the run's session
    #[arg(long, value_name = "ARTIFACT")]
    pub(crate) checkpoint: Option<String>,
    /// Also where the runtime may be going on with it by itself, so that the work may be done twice
    #[arg(long)]
    pub(crate) anyway: bool,
    /// Ask for permissions and information on standard input even if it is not a terminal
    #[arg(long)]
    pub(crate) ask: bool,
    /// Print events as JSON lines instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

/// Show a session, or change it.
#[derive(Debug, Args)]
pub(crate) struct Session {
    /// The session
    #[arg(value_name = "SESSION")]
    pub(crate) id: String,
    /// Give it this title
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,
    #[command(flatten)]
    pub(crate) status: SessionStatus,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where a session is to stand.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct SessionStatus {
    /// Put it away: a new prompt opens it again
    #[arg(long)]
    pub(crate) archive: bool,
    /// Close it for good: it takes no new runs
    #[arg(long)]
    pub(crate) close: bool,
    /// Open it again after it was put away
    #[arg(long)]
    pub(crate) reopen: bool,
}

/// What a run may do.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Mode {
    /// Answer; change nothing.
    Ask,
    /// Act.
    Act,
}

impl From<Mode> for RunMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Ask => Self::Ask,
            Mode::Act => Self::Act,
        }
    }
}

/// Serve clients.
#[derive(Debug, Args)]
#[command(
    after_help = "Where it is found, and the file with its API key, is in `endpoint.json` in the state folder. It ends with \
     Ctrl-C, SIGTERM, or what --stdio says."
)]
pub(crate) struct Serve {
    /// Speak wire protocol v2 as JSON lines over standard input and output, until the input ends
    #[arg(long)]
    pub(crate) stdio: bool,
    /// Serve HTTP on this address [default without --stdio: a free port of 127.0.0.1]
    #[arg(long, value_name = "ADDRESS:PORT", num_args = 0..=1, default_missing_value = "127.0.0.1:0")]
    pub(crate) http: Option<SocketAddr>,
    /// Other machines may reach that address: it needs TLS, or a proxy that is configured
    #[arg(long, requires = "http")]
    pub(crate) remote: bool,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// At most so many
    #[arg(long, default_value_t = 50, value_name = "COUNT")]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Json {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListRuns {
    /// Of this session only, or this run with its attempts
    pub(crate) of: Option<String>,
    #[command(flatten)]
    pub(crate) list: List,
}

#[derive(Debug, Args)]
pub(crate) struct ListArtifacts {
    /// Of this session or run only
    pub(crate) of: Option<String>,
    #[command(flatten)]
    pub(crate) list: List,
}

#[derive(Debug, Args)]
pub(crate) struct ListDelegations {
    /// The run
    pub(crate) run: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListEvents {
    /// Of this session or run only
    pub(crate) of: Option<String>,
    /// After this cursor [default: 0; with --follow: from now on]
    #[arg(long, value_name = "CURSOR")]
    pub(crate) after: Option<i64>,
    /// Go on with what happens, until the daemon that serves ends
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// Print JSON lines
    #[arg(long)]
    pub(crate) json: bool,
    /// At most so many [default: 500]
    #[arg(long, value_name = "COUNT", conflicts_with = "follow")]
    pub(crate) limit: Option<u32>,
}
