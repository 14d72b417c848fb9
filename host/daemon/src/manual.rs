//! `omi-agentd completions` and `man`: what a shell and `man` know about the command line, made from its definition.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::CommandFactory as _;

use crate::cli::{Cli, Completions, Man};
use crate::terminal;

/// The name of the program in both.
const PROGRAM: &str = "omi-agentd";

pub(crate) fn completions(args: &Completions) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), PROGRAM, &mut script);
    // A reader that has gone away has seen enough.
    let _ = terminal::print(&String::from_utf8_lossy(&script));
    ExitCode::SUCCESS
}

pub(crate) fn man(args: &Man) -> anyhow::Result<ExitCode> {
    let Some(dir) = &args.dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page)?;
        // A reader that has gone away has seen enough.
        let _ = terminal::print(&String::from_utf8_lossy(&page));
        return Ok(ExitCode::SUCCESS);
    };
    let written = || {
        std::fs::create_dir_all(dir)?;
        clap_mangen::generate_to(Cli::command(), dir)
    };
    written().with_context(|| format!("cannot write the pages into `{}`", dir.display()))?;
    terminal::note(&format!("wrote the pages into {}", terminal::plain(&dir.display().to_string())));
    Ok(ExitCode::SUCCESS)
}
