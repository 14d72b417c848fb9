//! `omi-agentd adapter`: what a person decides about components.

mod add;
mod check;
mod import;
mod install;
mod new;
mod shown;
mod stanza;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use omi_kernel::input::Input;
use omi_store::{ComponentView, GrantFilter, GrantView, Reader};
use serde_json::{Value, json};

use crate::cli::{Adapter, AdapterCommand, Json, Named};
use crate::component::{ComponentFile, FileState, load_bundled, short};
use crate::config::{Config, ConfigFile};
use crate::engine::LateEngine;
use crate::inspect;
use crate::link::{self, Found, Remote};
use crate::record::Record;
use crate::state::StateDir;
use crate::terminal::{self, plain};
use shown::Shown;

/// Grants that are looked through for those of one component: as many as anybody would read.
const GRANTS_MAX: u32 = 1000;

pub(crate) fn adapter(
    args: Adapter,
    state: &StateDir,
    file: &ConfigFile,
    tokio: &tokio::runtime::Handle,
) -> anyhow::Result<ExitCode> {
    match args.command {
        AdapterCommand::Add(args) => add::add(&args, state, file, tokio),
        AdapterCommand::New(args) => new::new(&args),
        AdapterCommand::Install(args) => install::install(&args, state, tokio),
        AdapterCommand::Check(args) => Ok(check::run(&args, state, tokio)),
        AdapterCommand::List(args) => list(&args, state, &file.load()?, tokio),
        AdapterCommand::Info(args) => info(&args, state, tokio),
        AdapterCommand::Remove(args) => remove(&args, state, tokio),
    }
}

fn list(
    args: &Json,
    state: &StateDir,
    config: &Config,
    tokio: &tokio::runtime::Handle,
) -> anyhow::Result<ExitCode> {
    let mut rows = inspect::adapter_rows(state, config, tokio)?;
    let components = inspect::reader(state)?.map_or(Ok(Vec::new()), |reader| reader.components())?;
    rows.extend(components.iter().map(installed_row));
    Ok(inspect::list(&rows, args.json, "no adapters", |row| {
        if row["installed"].is_string() { installed_line(row) } else { inspect::adapter_line(row) }
    }))
}

fn installed_row(component: &ComponentView) -> Value {
    json!({ "installed": component.name, "path": component.path, "digest": component.digest,
        "adapterId": component.adapter_id, "version": component.version,
        "file": FileState::of(component).as_str(), "installedAtMs": component.installed_at_ms })
}

fn installed_line(row: &Value) -> String {
    let text = |key: &str| plain(row[key].as_str().unwrap_or_default());
    let file = match text("file").as_str() {
        "installed" => String::new(),
        other => format!("  ({other}; hint: omi-agentd adapter install {})", text("path")),
    };
    let (name, adapter, version) = (text("installed"), text("adapterId"), text("version"));
    let digest = text("digest");
    format!("installed     {name:12} {adapter} {version} ({})  {}{file}", short(&digest), text("path"))
}

/// The installed component that is meant by a path or a name; none if there is none.
fn find(reader: &Reader, named: &str) -> anyhow::Result<Option<ComponentView>> {
    let path = Path::new(named);
    let real = path.canonicalize().or_else(|_| std::path::absolute(path));
    if let Some(path) = real.as_deref().ok().and_then(Path::to_str)
        && let Some(component) = reader.component(path)?
    {
        return Ok(Some(component));
    }
    let mut of_name: Vec<ComponentView> = reader.components()?;
    of_name.retain(|component| component.name == named);
    if let [first, second, ..] = of_name.as_slice() {
        bail!("`{named}` is installed at `{}` and at `{}`; hint: name the path", first.path, second.path);
    }
    Ok(of_name.pop())
}

fn info(args: &Named, state: &StateDir, tokio: &tokio::runtime::Handle) -> anyhow::Result<ExitCode> {
    let reader = inspect::reader(state)?;
    let engine = LateEngine::of(state, Vec::new(), tokio).get()?;
    if let Some(bundled) = load_bundled(&engine, &args.name) {
        let shown = Shown::of(&bundled.map_err(|failure| anyhow!(failure.message))?, &args.name);
        return Ok(show(&shown, "bundled", &[], args.json));
    }
    let installed = match &reader {
        Some(reader) => find(reader, &args.name)?,
        None => None,
    };
    if let (Some(component), Some(reader)) = (installed, &reader) {
        let state = FileState::of(&component).as_str();
        let grants = granted(reader, &component.path)?;
        return Ok(show(&Shown::recorded(component), state, &grants, args.json));
    }
    if !Path::new(&args.name).exists() {
        bail!(
            "there is no component `{}`; hint: `omi-agentd adapter list` lists those that there are",
            args.name
        );
    }
    let failed = |failure: omi_kernel::report::FailureDetail| anyhow!(failure.message);
    let file = ComponentFile::at(Path::new(&args.name)).map_err(failed)?;
    let shown = Shown::of(&file.load(&engine).map_err(failed)?, file.path());
    Ok(show(&shown, "not installed", &[], args.json))
}

/// Where it is recorded what a person decided about a component.
enum Book {
    /// Here: nobody else has the record.
    Own(Box<Record>),
    /// By the daemon that serves.
    Serving(Remote),
}

impl Book {
    fn open(state: &StateDir, tokio: &tokio::runtime::Handle) -> anyhow::Result<Self> {
        Ok(match tokio.block_on(link::find(state))? {
            Found::Free(lock) => Self::Own(Box::new(Record::begin(lock, state)?)),
            Found::Serving(remote) => Self::Serving(remote),
        })
    }
}

/// What was granted to a component for good.
fn granted(reader: &Reader, path: &str) -> anyhow::Result<Vec<GrantView>> {
    let filter =
        GrantFilter { live_at: Some(crate::clock::of_day()), limit: GRANTS_MAX, ..GrantFilter::default() };
    let mut grants = reader.grants(&filter)?;
    grants.retain(|grant| grant.component.as_deref() == Some(path));
    Ok(grants)
}

fn show(shown: &Shown, state: &str, grants: &[GrantView], json: bool) -> ExitCode {
    let text = if json {
        let mut value = shown.json();
        value["state"] = json!(state);
        value["granted"] = json!(grants);
        // What is shown is made of values that are JSON.
        serde_json::to_string_pretty(&value).unwrap_or_default()
    } else {
        let mut lines = shown.lines();
        lines.push(format!("state      {state}"));
        lines.extend(grants.iter().map(|grant| format!("granted    {}", inspect::grant_line(grant))));
        lines.join("\n")
    };
    // A reader that has gone away has seen enough.
    let _ = terminal::print(&format!("{text}\n"));
    ExitCode::SUCCESS
}

fn remove(args: &Named, state: &StateDir, tokio: &tokio::runtime::Handle) -> anyhow::Result<ExitCode> {
    let book = Book::open(state, tokio)?;
    let installed = match inspect::reader(state)? {
        Some(reader) => find(&reader, &args.name)?,
        None => None,
    };
    let Some(component) = installed else {
        let named = &args.name;
        bail!(
            "there is no installed component `{named}`; hint: `omi-agentd adapter list` lists those that there are"
        );
    };
    match book {
        Book::Own(mut record) => {
            record.decide(Input::RemoveComponent { path: component.path.clone() })?;
        }
        Book::Serving(remote) => {
            tokio.block_on(remote.ask("remove_component", json!({ "path": component.path })))?;
        }
    }
    if args.json {
        let removed = json!({ "removed": component.path, "digest": component.digest });
        // A reader that has gone away has seen enough.
        let _ = terminal::print(&format!("{removed}\n"));
    } else {
        terminal::note(&format!("removed `{}`", plain(&component.path)));
    }
    Ok(ExitCode::SUCCESS)
}
