//! `adapter check`, `record` and `replay`: judging components, and running again what was recorded.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Run;

/// Judge whether a component keeps the adapter contract. Nothing real is started, and nothing has to be installed.
///
/// The component is run on a host that is only played, with a pretended runtime: what that says is in a peer file,
/// `NAME.peer.toml` beside `NAME.wasm`, or in this folder; NAME may have `-` where the component has `_`. Without one the
/// cases that need a runtime are reported as not run.
/// Exit code: 0 no rule is broken, 1 a rule is broken, 2 it could not be judged (no such file, a wrong peer file), or with
/// --strict not everything was.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The component: a `.wasm` file, or the name of a bundled one
    #[arg(value_name = "FILE|NAME")]
    pub(crate) component: String,
    /// How thoroughly: `core` is its own behaviour, `full` also everything that can go wrong around it
    #[arg(long, value_enum, default_value_t = CheckLevel::Full)]
    pub(crate) level: CheckLevel,
    /// What the pretended runtime says; else `NAME.peer.toml` beside the component, or in this folder
    #[arg(long, value_name = "FILE")]
    pub(crate) peer: Option<PathBuf>,
    /// Replay this recording as one more case; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) recording: Vec<PathBuf>,
    /// Run only the case of this name, else those whose name begins like this
    #[arg(long, value_name = "NAME")]
    pub(crate) case: Option<String>,
    /// Exit with 2 if a case was not run for want of a peer file, or of a prompt or reply in it
    #[arg(long)]
    pub(crate) strict: bool,
    /// Show every input and output of a case that breaks a rule, in full
    #[arg(long)]
    pub(crate) calls: bool,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the report as JUnit XML to this file, too
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
}

/// How thoroughly.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum CheckLevel {
    Core,
    Full,
}

/// Run one prompt, and write down what is said between the host and the adapter.
///
/// The file can be replayed without the runtime (`replay`), and is a case of `adapter check --recording`. Secrets of the
/// registration and what MCP servers are given are left out; what you and the agent say is not, and neither are the
/// contents of files: read it before you give it away. Exit code as of `run`.
#[derive(Debug, Args)]
pub(crate) struct Record {
    /// The file to write, which must not be there yet; a second worker gets one of its own beside it
    #[arg(long, value_name = "FILE")]
    pub(crate) to: PathBuf,
    #[command(flatten)]
    pub(crate) run: Run,
}

/// Replay a recording, without the runtime, and compare what comes of it.
///
/// Exit code: 0 the same canonical events, 1 others, 2 it could not be replayed.
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The recording
    #[arg(value_name = "FILE")]
    pub(crate) recording: PathBuf,
    /// The component to replay it with: a `.wasm` file or a bundled one [default: the bundled one of that name]
    #[arg(long, value_name = "FILE|NAME")]
    pub(crate) component: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
