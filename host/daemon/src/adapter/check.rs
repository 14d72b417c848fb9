//! `omi-agentd adapter check`: runs the conformance suite over a component, and shows what it found.

mod junit;
mod text;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use omi_conformance::rule::Level;
use omi_conformance::{Options, Peer, Recording, check};
use omi_engine::{Engine, EngineConfig, read_component};

use crate::bundled;
use crate::cli::{Check, CheckLevel};
use crate::state::StateDir;
use crate::terminal;

/// What was judged broke a rule.
const BROKEN: u8 = 1;

pub(super) fn run(args: &Check, state: &StateDir, tokio: &tokio::runtime::Handle) -> ExitCode {
    judge(args, state, tokio).unwrap_or_else(|error| terminal::cannot(&error))
}

fn judge(args: &Check, state: &StateDir, tokio: &tokio::runtime::Handle) -> anyhow::Result<ExitCode> {
    let subject = Subject::find(&args.component)?;
    let peer = match &args.peer {
        Some(path) => Some(Peer::read(path)?),
        None => subject.peer()?,
    };
    let options = Options {
        level: Some(match args.level {
            CheckLevel::Core => Level::Core,
            CheckLevel::Full => Level::Full,
        }),
        only: args.case.clone(),
        peer,
        recordings: args.recording.iter().map(|path| recording(path)).collect::<anyhow::Result<_>>()?,
    };
    let engine = Engine::new(EngineConfig::for_trials(Some(state.compiled())), tokio.clone())?;
    if !args.json {
        terminal::note("compiling (the first time may take some seconds) …");
    }
    let mut shown = true;
    let report = check(&engine, &subject.name, &subject.bytes, options, &mut |case| {
        if !args.json {
            shown = shown && terminal::print(&text::case(case, &args.component, args.calls));
        }
    });
    if report.cases.len() < 2 && args.case.is_some() && report.is_clean() {
        let case = args.case.as_deref().unwrap_or_default();
        bail!(
            "there is no case `{case}` for this component; hint: without --case all of them are run and named"
        );
    }
    if let Some(path) = &args.junit {
        let xml = junit::xml(&report).context("cannot write the report as JUnit")?;
        std::fs::write(path, xml).with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    let text = if args.json { format!("{:#}\n", report.json()) } else { text::summary(&report) };
    // A reader that has gone away has seen enough.
    let _ = terminal::print(&text);
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(BROKEN) })
}

/// What is to be judged.
struct Subject {
    name: String,
    bytes: Vec<u8>,
    /// Where it is; a bundled one is nowhere.
    path: Option<PathBuf>,
}

impl Subject {
    /// A file, or a bundled component.
    fn find(named: &str) -> anyhow::Result<Self> {
        let path = Path::new(named);
        if let Some(bundled) = bundled::COMPONENTS.iter().find(|bundled| bundled.name == named)
            && !path.exists()
        {
            return Ok(Self { name: bundled.name.to_owned(), bytes: bundled.bytes.to_vec(), path: None });
        }
        let bytes = read_component(path)?;
        let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Ok(Self { name, bytes, path: Some(path.to_owned()) })
    }

    /// The peer file that belongs to it, if there is one.
    fn peer(&self) -> anyhow::Result<Option<Peer>> {
        let Some(path) = &self.path else {
            let peer = bundled::PEERS.iter().find(|(name, _)| *name == self.name);
            // A test of ours reads each of them.
            return Ok(peer.and_then(|(_, text)| Peer::parse(text).ok()));
        };
        // A build puts components deep down; the file stays where its author works.
        let beside = path.with_extension("peer.toml");
        let here = PathBuf::from(beside.file_name().unwrap_or_default());
        let Some(found) = [beside, here].into_iter().find(|path| path.is_file()) else { return Ok(None) };
        terminal::note(&format!("the pretended runtime is `{}`", found.display()));
        Ok(Some(Peer::read(&found)?))
    }
}

fn recording(path: &Path) -> anyhow::Result<(String, Recording)> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{shown}`"))?;
    let recording = Recording::parse(&text).with_context(|| format!("cannot use `{shown}`"))?;
    let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    Ok((name, recording))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peer_files_of_bundled_components_can_be_read() {
        for (name, text) in bundled::PEERS {
            assert!(bundled::COMPONENTS.iter().any(|bundled| bundled.name == *name), "{name}");
            Peer::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_said_in_one_line() {
        let error = Subject::find("no-such.wasm").err().unwrap().to_string();
        assert!(error.contains("cannot read `no-such.wasm`"), "{error}");
    }
}
