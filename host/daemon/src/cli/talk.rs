//! `approve`, `answer`, `cancel`, `delegate`: what is said to a daemon about a run that it has.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use omi_kernel::delegation::DelegationMode;
use omi_kernel::model::ModelProfile;

use super::{Mode, value};

/// Answer a request for permission. Needs a daemon that serves: `requests` lists what it is asked for.
#[derive(Debug, Args)]
pub(crate) struct Approve {
    #[command(flatten)]
    pub(crate) asked: Asked,
    #[command(flatten)]
    pub(crate) given: Permission,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which request is meant.
#[derive(Debug, Args)]
pub(crate) struct Asked {
    /// The run, or the attempt, that asks
    #[arg(value_name = "RUN|ATTEMPT")]
    pub(crate) of: String,
    /// The number of the request [default: the only one that is open]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) request: Option<u32>,
}

/// What is answered to a request for permission.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Permission {
    /// One of the options that are offered
    #[arg(long, value_name = "ID")]
    pub(crate) option: Option<String>,
    /// Refuse it
    #[arg(long)]
    pub(crate) reject: bool,
    /// Leave it undecided: what asks goes on without an answer
    #[arg(long)]
    pub(crate) cancel: bool,
}

/// Answer a request for information, or choose a way to log in. Needs a daemon that serves.
#[derive(Debug, Args)]
pub(crate) struct Answer {
    #[command(flatten)]
    pub(crate) asked: Asked,
    #[command(flatten)]
    pub(crate) given: Information,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is answered to a request for information.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Information {
    /// The answer: a text, JSON where the request has a schema, or the id of a way to log in; `-` reads standard input
    pub(crate) value: Option<String>,
    /// Say nothing
    #[arg(long)]
    pub(crate) decline: bool,
    /// Leave it unanswered: what asks goes on without
    #[arg(long)]
    pub(crate) cancel: bool,
}

/// Have a run stopped, and say what is known of it: exit code 0 if it was accepted, 1 if the run was over.
#[derive(Debug, Args)]
pub(crate) struct Cancel {
    /// The run
    pub(crate) run: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Have a run that goes on ask another one for work. Needs the daemon that has it. `call` and `continue` wait for the result.
///
/// Exit code as of `run`, where it waits; else 0.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Delegate {
    /// What for; `-` reads it from standard input
    pub(crate) objective: String,
    /// The run that asks
    #[arg(long, value_name = "RUN")]
    pub(crate) parent: String,
    /// How
    #[arg(long, value_enum)]
    pub(crate) mode: HowDelegated,
    /// What the new run needs to know
    #[arg(long, value_name = "TEXT")]
    pub(crate) context: Option<String>,
    /// For `continue`: the session of an earlier delegation
    #[arg(long, short, value_name = "SESSION")]
    pub(crate) session: Option<String>,
    /// The title of a new session
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,
    /// The registration to run it with [default: the session's, else the parent's]
    #[arg(long, short, value_name = "ID")]
    pub(crate) adapter: Option<String>,
    /// The model to ask for
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// What it needs of a model
    #[arg(long, value_name = "PROFILE", value_parser = value::profile)]
    pub(crate) profile: Option<ModelProfile>,
    /// What it may do
    #[arg(long, value_enum, default_value_t = Mode::Ask)]
    pub(crate) run_mode: Mode,
    /// The working folder of the agent [default: the parent's]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) cwd: Option<PathBuf>,
    /// How deep runs may delegate
    #[arg(long, value_name = "COUNT")]
    pub(crate) max_depth: Option<u32>,
    /// US dollars that it and everything below it may cost
    #[arg(long, value_name = "USD")]
    pub(crate) max_budget: Option<f64>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// How a run is delegated.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum HowDelegated {
    /// In a new session; the parent waits for the result.
    Call,
    /// In a new session; the parent goes on.
    Spawn,
    /// In the session of an earlier delegation; the parent waits for the result.
    Continue,
}

impl From<HowDelegated> for DelegationMode {
    fn from(mode: HowDelegated) -> Self {
        match mode {
            HowDelegated::Call => Self::Call,
            HowDelegated::Spawn => Self::Spawn,
            HowDelegated::Continue => Self::Continue,
        }
    }
}
