//! `omi-agentd adapter install`: shows what a component asks for, asks a person, and records the answer.

use std::io::{BufRead as _, IsTerminal as _};
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use omi_kernel::input::Input;
use omi_kernel::report::FailureDetail;
use serde_json::json;

use super::Book;
use super::shown::Shown;
use super::stanza::stanza;
use crate::cli::Install;
use crate::component::ComponentFile;
use crate::engine::LateEngine;
use crate::inspect;
use crate::state::StateDir;
use crate::terminal;

pub(super) fn install(
    args: &Install,
    state: &StateDir,
    tokio: &tokio::runtime::Handle,
) -> anyhow::Result<ExitCode> {
    let failed = |failure: FailureDetail| anyhow!(failure.message);
    let file = ComponentFile::at(&args.file).map_err(failed)?;
    let engine = LateEngine::of(state, Vec::new(), tokio).get()?;
    let shown = Shown::of(&file.load(&engine).map_err(failed)?, file.path());
    // From here on nobody else changes what is compared with, but for another client of a daemon that serves.
    let book = Book::open(state, tokio)?;
    let before = inspect::reader(state)?.map_or(Ok(None), |reader| reader.component(file.path()))?;
    let known = before.is_some();
    let changes = before.map(|before| shown.changes(before)).unwrap_or_default();

    shown.lines().iter().for_each(|line| terminal::note(line));
    match (known, changes.as_slice()) {
        (false, _) => terminal::note("installed  it is not"),
        (true, []) => terminal::note("installed  with these bytes already"),
        (true, changes) => changes.iter().for_each(|line| terminal::note(&format!("changed    {line}"))),
    }
    if !args.yes && !agreed(&args.file.display().to_string())? {
        bail!("not installed");
    }
    match book {
        Book::Own(mut record) => {
            record.decide(Input::InstallComponent(Box::new(shown.component.clone())))?;
        }
        Book::Serving(remote) => {
            // The bytes that were agreed to, and no others.
            let agreed = json!({ "path": shown.component.path, "digest": shown.component.digest });
            tokio.block_on(remote.ask("install_component", agreed))?;
        }
    }
    terminal::note("installed; these lines would register it:");
    let text = if args.json {
        let mut value = shown.json();
        value["changes"] = json!(changes);
        value["configuration"] = json!(stanza(&shown.component));
        format!("{value}\n")
    } else {
        stanza(&shown.component)
    };
    // A reader that has gone away has seen enough.
    let _ = terminal::print(&text);
    Ok(ExitCode::SUCCESS)
}

/// Asks the person at the terminal. Only a plain yes is one.
fn agreed(file: &str) -> anyhow::Result<bool> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        bail!(
            "cannot ask whether to install `{file}`: standard input is no terminal; \
             hint: read what it asks for, then add --yes"
        );
    }
    terminal::note("install it? [y/N]");
    let mut line = String::new();
    input.lock().read_line(&mut line)?;
    Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
}
