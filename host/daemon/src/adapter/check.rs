//! `omi-agentd adapter check`: runs the conformance suite over a component, and shows what it found.

mod junit;
mod text;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use omi_conformance::rule::Level;
use omi_conformance::{Options, Peer, Recording, Report, check};
use omi_engine::{Engine, EngineConfig, read_component};

use crate::bundled;
use crate::cli::{Check, CheckLevel};
use crate::component::Bundled;
use crate::state::StateDir;
use crate::terminal::{self, plain};

/// What was judged broke a rule.
const BROKEN: u8 = 1;
/// Not everything could be judged, and that was wanted.
const IN_PART: u8 = 2;

pub(super) fn run(args: &Check, state: &StateDir, tokio: &tokio::runtime::Handle) -> ExitCode {
    judge(args, state, tokio).unwrap_or_else(|error| terminal::cannot(&error))
}

fn judge(args: &Check, state: &StateDir, tokio: &tokio::runtime::Handle) -> anyhow::Result<ExitCode> {
    let subject = Subject::find(&args.component)?;
    let peer = match &args.peer {
        Some(path) => Some(Peer::read(path)?),
        None => subject.peer()?,
    };
    let plays = Plays::of(peer.as_ref());
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
    let again = text::again(args);
    let mut shown = true;
    let report = check(&engine, &subject.name, &subject.bytes, options, &mut |case| {
        if !args.json {
            shown = shown && terminal::print(&text::case(case, &again, args.calls));
        }
    });
    let written = args.junit.as_ref().map_or(Ok(()), |path| write_junit(&report, path));
    if let Some(case) = &args.case {
        is_there(&report, case)?;
    }
    plays.notes(&report, &subject).iter().for_each(|note| terminal::note(&plain(note)));
    let in_part = plays.nothing() && report.judged.has_runtime();
    let text = if args.json { format!("{:#}\n", report.json()) } else { text::summary(&report, in_part) };
    // A reader that has gone away has seen enough.
    let _ = terminal::print(&text);
    written?;
    Ok(exit_code(&report, args.strict))
}

fn exit_code(report: &Report, strict: bool) -> ExitCode {
    let unplayed = report.counts().unplayed;
    if !report.is_clean() {
        return ExitCode::from(BROKEN);
    }
    if strict && unplayed > 0 {
        terminal::error(&format!(
            "{unplayed} cases were not run for want of what a peer file says, and --strict wants all; \
             hint: the lines that begin with `not run` say what is missing"
        ));
        return ExitCode::from(IN_PART);
    }
    ExitCode::SUCCESS
}

fn write_junit(report: &Report, path: &Path) -> anyhow::Result<()> {
    let xml = junit::xml(report).context("cannot write the report as JUnit")?;
    std::fs::write(path, xml).map_err(|error| {
        anyhow!("cannot write `{}`: {error}; hint: name a file where you may write", path.display())
    })
}

/// A case that was named was run, unless the component cannot be loaded at all.
fn is_there(report: &Report, named: &str) -> anyhow::Result<()> {
    if !report.is_clean() || report.cases.iter().any(|case| case.name.starts_with(named)) {
        return Ok(());
    }
    match report.left_out.first() {
        Some(case) => bail!("the case `{case}` is judged at level full; hint: leave --level out"),
        None => bail!(
            "there is no case `{named}` for this component; hint: without --case all of them are run and named"
        ),
    }
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
        if let Some(bundled) = Bundled::named(named)
            && !path.exists()
        {
            return Ok(Self { name: named.to_owned(), bytes: bundled.bytes().to_vec(), path: None });
        }
        let bytes = read_component(path)?;
        let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Ok(Self { name, bytes, path: Some(path.to_owned()) })
    }

    /// The peer file that belongs to it, if there is one.
    fn peer(&self) -> anyhow::Result<Option<Peer>> {
        if self.path.is_none() {
            let peer = bundled::PEERS.iter().find(|(name, _)| *name == self.name);
            // A test of ours reads each of them.
            return Ok(peer.and_then(|(_, text)| Peer::parse(text).ok()));
        }
        let Some(found) = self.peer_files().into_iter().find(|path| path.is_file()) else { return Ok(None) };
        terminal::note(&plain(&format!("the pretended runtime is `{}`", found.display())));
        Ok(Some(Peer::read(&found)?))
    }

    /// Where its peer file may be. A build puts components deep down, where a name in Rust has `_` for `-`; the file stays
    /// where its author works, under the name that they gave.
    fn peer_files(&self) -> Vec<PathBuf> {
        let Some(path) = &self.path else { return Vec::new() };
        let folders = [path.parent().unwrap_or(Path::new("")), Path::new("")];
        let mut names = vec![format!("{}.peer.toml", self.name)];
        if self.name.contains('_') {
            names.push(format!("{}.peer.toml", self.name.replace('_', "-")));
        }
        let mut files: Vec<PathBuf> =
            folders.iter().flat_map(|folder| names.iter().map(|name| folder.join(name))).collect();
        files.dedup();
        files
    }
}

/// What is played: the grants of the peer file, each with its table; none if there is no file.
struct Plays(Option<Vec<(&'static str, String)>>);

impl Plays {
    fn of(peer: Option<&Peer>) -> Self {
        let own = |(table, grant): (&'static str, &str)| (table, grant.to_owned());
        Self(peer.map(|peer| peer.grants().into_iter().map(own).collect()))
    }

    /// There is no peer file.
    fn nothing(&self) -> bool {
        self.0.is_none()
    }

    /// What does not fit together: a runtime that nobody plays, or one that is played for nobody.
    fn notes(&self, report: &Report, subject: &Subject) -> Vec<String> {
        let Some(plays) = &self.0 else {
            let looked: Vec<String> =
                subject.peer_files().iter().map(|file| format!("`{}`", file.display())).collect();
            let wants = report.judged.has_runtime() && !looked.is_empty();
            let note = format!(
                "nothing plays its runtime: there is none of {}; hint: --peer FILE",
                looked.join(", ")
            );
            return if wants { vec![note] } else { Vec::new() };
        };
        // What a component that cannot be loaded asks for is not known.
        let declared = report.judged.adapter.as_ref().map(|_| &report.judged.grants);
        let mut notes = Vec::new();
        for (at, (table, grant)) in plays.iter().enumerate() {
            if declared.is_some_and(|declared| !declared.contains_key(grant)) {
                notes.push(format!(
                    "the peer file has a [[{table}]] for `{grant}`, which the component does not ask for; \
                     hint: name one of its grants"
                ));
            }
            if plays[..at].contains(&(*table, grant.clone())) {
                notes.push(format!(
                    "the peer file has another [[{table}]] for `{grant}`, which is not used; \
                     hint: put its replies into the first"
                ));
            }
        }
        notes
    }
}

fn recording(path: &Path) -> anyhow::Result<(String, Recording)> {
    let recording = Recording::read(path)?;
    let (name, cut) =
        (path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(), recording.cut_bytes);
    if cut > 0 {
        let shown = path.display();
        terminal::note(&plain(&format!(
            "the last {cut} bytes of `{shown}` are no whole line, and are left out"
        )));
    }
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

    #[test]
    fn a_peer_file_is_looked_for_under_the_name_of_the_build_and_of_the_author() {
        let files = |path: &str| {
            let name = Path::new(path).file_stem().unwrap().to_str().unwrap().to_owned();
            Subject { name, bytes: Vec::new(), path: Some(PathBuf::from(path)) }.peer_files()
        };
        let (rust, here) = (["a/my_x.peer.toml", "a/my-x.peer.toml"], ["my_x.peer.toml", "my-x.peer.toml"]);
        assert_eq!(files("a/my_x.wasm"), [rust, here].concat().iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(files("x.wasm"), [PathBuf::from("x.peer.toml")]);
    }
}
