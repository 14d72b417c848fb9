//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use omi_kernel::command::RunMode;

/// The daemon beneath your AI agents: durable sessions and runs over any agent runtime.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 110)]
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
    /// Serve clients
    Serve(Serve),
    /// List the sessions that are recorded
    Sessions(List),
    /// List the runs that are recorded
    Runs(ListRuns),
    /// List the events that are recorded
    Events(ListEvents),
    /// List the adapters: what is bundled, what is registered, what is on PATH
    Adapters(List),
}

/// Run one prompt.
///
/// Exit code: 0 succeeded, 1 failed (or could not be run), 2 wrong usage, 3 cancelled, 4 timed out, 5 orphaned.
/// Ctrl-C cancels the run and waits for what becomes of it; a second one leaves at once.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Run {
    /// The prompt; `-` reads it from standard input
    pub(crate) prompt: String,
    /// The registration to run it with [default: `default-adapter` of the configuration, else `echo`]
    #[arg(long, short, value_name = "ID")]
    pub(crate) adapter: Option<String>,
    /// Run this ACP agent instead of the registration's own, as `command arguments…` (no shell)
    #[arg(long, value_name = "COMMAND")]
    pub(crate) agent: Option<String>,
    /// Continue this session [default: a new one]
    #[arg(long, short, value_name = "SESSION")]
    pub(crate) session: Option<String>,
    /// Attach a picture (png, jpeg, gif or webp); may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) image: Vec<PathBuf>,
    /// The model to ask for
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// The system prompt
    #[arg(long, value_name = "TEXT")]
    pub(crate) system_prompt: Option<String>,
    /// The working folder of the agent [default: this one]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) cwd: Option<PathBuf>,
    /// What it may do
    #[arg(long, value_enum, default_value_t = Mode::Act)]
    pub(crate) mode: Mode,
    /// Ask for permissions on standard input even if it is not a terminal
    #[arg(long)]
    pub(crate) ask: bool,
    /// Print events as JSON lines instead of text
    #[arg(long)]
    pub(crate) json: bool,
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

/// Serve clients until standard input ends.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Speak wire protocol v2 as JSON lines over standard input and output
    #[arg(long, required = true)]
    pub(crate) stdio: bool,
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
pub(crate) struct ListRuns {
    /// Of this session only
    pub(crate) session: Option<String>,
    #[command(flatten)]
    pub(crate) list: List,
}

#[derive(Debug, Args)]
pub(crate) struct ListEvents {
    /// Of this session or run only
    pub(crate) of: Option<String>,
    /// After this cursor
    #[arg(long, default_value_t = 0, value_name = "CURSOR")]
    pub(crate) after: i64,
    /// Print JSON lines
    #[arg(long)]
    pub(crate) json: bool,
    /// At most so many
    #[arg(long, default_value_t = 500, value_name = "COUNT")]
    pub(crate) limit: u32,
}
