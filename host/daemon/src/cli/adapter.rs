//! `adapter` and `grants`: what a person decides about components and what they may touch.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::check::Check;
use super::{Json, List, value};

/// Write an adapter, look at components, install them, remove them.
#[derive(Debug, Args)]
pub(crate) struct Adapter {
    #[command(subcommand)]
    pub(crate) command: AdapterCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdapterCommand {
    /// Make a folder with a small adapter to begin from: its source, its tests, the contract, and how it is built
    New(New),
    /// Show what a component asks for, and let registrations use it: this file with these bytes, until it changes
    Install(Install),
    /// Register an agent: adds lines to the configuration file
    Add(Add),
    /// List what is bundled, registered and installed, and whether installed files are still what they were
    List(Json),
    /// Show a component: bundled, installed, or any file
    Info(Named),
    /// Judge whether a component keeps the adapter contract
    Check(Check),
    /// Let registrations use a component no longer, and forget what was granted to it for good
    Remove(Named),
}

/// Make a folder with a small adapter to begin from. The commands that come next go to standard output.
#[derive(Debug, Args)]
pub(crate) struct New {
    /// Its name, which becomes the adapter's id: `a-z`, `0-9` and `-`, beginning with a letter
    #[arg(value_parser = value::adapter_name)]
    pub(crate) name: String,
    /// The language it is written in
    #[arg(long, value_enum, default_value_t = Language::Rust)]
    pub(crate) language: Language,
    /// The folder to make; one that exists has to be empty [default: NAME]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) path: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What adapters can be begun in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lowercase")]
pub(crate) enum Language {
    /// With the SDK; needs cargo.
    Rust,
    /// Against the bare contract; needs npm.
    JavaScript,
    /// Against the bare contract; needs python3.
    Python,
}

/// Install a component. What it asks for goes to standard error, the lines that register it to standard output.
#[derive(Debug, Args)]
pub(crate) struct Install {
    /// The component: a `.wasm` file
    pub(crate) file: PathBuf,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Register an agent: adds `[registrations.NAME]` to the end of the configuration file, and changes nothing else in it.
///
/// A known agent keeps what is known about it, and gets what is given besides.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Add {
    /// The name of the registration: `a-z`, `0-9` and `-`, beginning with a letter
    #[arg(value_parser = value::adapter_name)]
    pub(crate) name: String,
    /// A bundled component, or the `.wasm` file of an installed one [default: acp]
    #[arg(long, value_name = "NAME|PATH")]
    pub(crate) component: Option<String>,
    /// The program to start, as `command arguments…`: no shell, but quotes as in one
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["origin", "from"])]
    pub(crate) command: Option<String>,
    /// The server to send requests to: scheme, host and port, and the path where its API begins if the component has
    /// the setting `basePath`
    #[arg(long, value_name = "URL", conflicts_with = "from", requires = "component")]
    pub(crate) origin: Option<String>,
    /// An `agent.json` of the ACP registry. Nothing is downloaded: what is missing is said, with the command that gets it
    #[arg(long, value_name = "FILE", conflicts_with = "component")]
    pub(crate) from: Option<PathBuf>,
    /// A secret and the variable that it is read from when it is used: HEADER=VARIABLE with --origin (`authorization` gets
    /// `Bearer ` before it), VARIABLE=VARIABLE with a program. May be repeated
    #[arg(long, value_name = "NAME=VARIABLE")]
    pub(crate) secret_env: Vec<String>,
    /// A setting of the component: KEY=VALUE, the value as TOML has it, else a text. May be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = value::pair)]
    pub(crate) set: Vec<(String, String)>,
    /// Show the lines instead of writing them
    #[arg(long)]
    pub(crate) print: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// Its name, or the path of its file
    #[arg(value_name = "NAME|PATH")]
    pub(crate) name: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Look at what adapters were allowed and denied, and take it back.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Grants {
    #[command(subcommand)]
    pub(crate) command: Option<GrantsCommand>,
    #[command(flatten)]
    pub(crate) list: ListGrants,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GrantsCommand {
    /// List grants
    List(ListGrants),
    /// Show a grant with what was decided under it
    Show(Grant),
    /// Take a grant back: nothing more is opened under it, and what is open ends
    Revoke(Grant),
    /// List what was decided outside of any session: for workers, and about components
    Decisions(List),
}

#[derive(Debug, Args)]
pub(crate) struct ListGrants {
    /// Of this session or run only
    #[arg(value_name = "SESSION|RUN")]
    pub(crate) of: Option<String>,
    /// Also those that were revoked or have expired
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) list: List,
}

#[derive(Debug, Args)]
pub(crate) struct Grant {
    /// The grant
    #[arg(value_name = "GRANT")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::{Cli, Command};
    use super::*;

    fn grants(words: &[&str]) -> Grants {
        let words = ["omi-agentd", "grants"].iter().chain(words);
        match Cli::try_parse_from(words).unwrap().command {
            Command::Grants(grants) => grants,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn grants_are_listed_with_and_without_the_word() {
        let bare = grants(&["ses_1", "--all"]);
        assert!(bare.command.is_none() && bare.list.all);
        assert_eq!(bare.list.of.as_deref(), Some("ses_1"));
        assert!(grants(&[]).list.of.is_none());
        match grants(&["list", "run_1", "--json"]).command {
            Some(GrantsCommand::List(list)) => {
                assert_eq!((list.of.as_deref(), list.list.json, list.all), (Some("run_1"), true, false));
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(grants(&["revoke", "grant_1"]).command, Some(GrantsCommand::Revoke(_))));
    }
}
