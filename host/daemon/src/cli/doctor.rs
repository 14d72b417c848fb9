//! `doctor` and `adapters`: what is on this machine, and what is wrong with it.

use clap::Args;

/// List what is bundled and registered, or look for agents on this machine.
#[derive(Debug, Args)]
pub(crate) struct Adapters {
    /// Look for every known agent: its program, its version, whether somebody is logged in, what is known to be wrong
    /// with it, and the one command that comes next. No agent is started
    #[arg(long)]
    pub(crate) detect: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Look at the state folder, the configuration, and every agent that is registered or on this machine.
///
/// Exit code: 0 nothing is wrong, 1 something is. What is wrong comes first, one line each.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Doctor {
    /// Look at these agents only, and be strict with them
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Start each agent for a moment, and ask each server who it is, until the adapter is ready. No model is called.
    /// Needs a state folder that no daemon uses
    #[arg(long)]
    pub(crate) probe: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
