//! `native-host`: for extensions of a browser.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Talk to an extension of a browser over native messaging. A browser starts it; `install` tells the browser how.
///
/// It talks to the daemon that serves the state folder; where none does it is one, until the browser goes away.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, verbatim_doc_comment)]
pub(crate) struct NativeHost {
    #[command(subcommand)]
    pub(crate) command: Option<NativeHostCommand>,
    /// The id of an extension that may talk to it; may be repeated
    #[arg(long, value_name = "ID")]
    pub(crate) allow: Vec<String>,
    /// Who talks to it, as the browser says
    #[arg(value_name = "CALLER", trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) caller: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NativeHostCommand {
    /// Let extensions of a browser of this user talk to omi-agentd: those that are named, and no others
    Install(InstallNativeHost),
    /// Let no extension of a browser of this user talk to omi-agentd
    Uninstall(UninstallNativeHost),
}

#[derive(Debug, Args)]
pub(crate) struct InstallNativeHost {
    /// The browser
    #[arg(long, value_enum)]
    pub(crate) browser: Browser,
    /// The id of an extension; may be repeated
    #[arg(long, value_name = "ID", required = true)]
    pub(crate) extension_id: Vec<String>,
    /// The folder of such programs [default: the browser's own; with a profile elsewhere its `NativeMessagingHosts`]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
    /// Show what would be written, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct UninstallNativeHost {
    /// The browser
    #[arg(long, value_enum)]
    pub(crate) browser: Browser,
    /// The folder of such programs [default: the browser's own]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Browsers that speak it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Browser {
    /// Google Chrome.
    Chrome,
    /// Chromium.
    Chromium,
    /// Firefox.
    Firefox,
}
