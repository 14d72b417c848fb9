//! The suite judged: every bundled adapter keeps every rule, and for every rule there is an adapter that breaks just that.

mod bundled;
mod files;
mod rules;

use std::path::Path;
use std::sync::OnceLock;

use omi_conformance::{Options, Peer, Report, Verdict, check, rule::Level};
use omi_engine::{Engine, EngineConfig};

/// An engine for trials, with a cache beside the build.
fn engine() -> Engine {
    static TOKIO: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    let tokio = TOKIO.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a thread")
    });
    let config = EngineConfig::for_trials(Some(root().join("target/tmp/conformance-cache")));
    Engine::new(config, tokio.handle().clone()).expect("an engine")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace")
}

/// Judges a component that `cargo xtask adapters` built, whole.
fn judge(component: &str, peer: Option<&str>) -> Report {
    let path = root().join("target").join(component);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| {
        panic!("{}: {error}; hint: cargo xtask adapters", path.display());
    });
    let peer = peer.map(|peer| Peer::read(&root().join(peer)).expect("a peer file"));
    judge_bytes(component, &bytes, peer)
}

fn judge_bytes(name: &str, bytes: &[u8], peer: Option<Peer>) -> Report {
    let options = Options { level: Some(Level::Full), peer, ..Options::default() };
    check(&engine(), name, bytes, options, &mut |_| {})
}

/// The rules that a report names, each with the case that found it.
fn broken(report: &Report) -> Vec<(&'static str, String)> {
    let broken = report.cases.iter().filter_map(|case| match &case.verdict {
        Verdict::Broken { rule, what } => Some((rule.name, format!("{}: {what}", case.name))),
        Verdict::Passed | Verdict::NotRun(_) => None,
    });
    broken.collect()
}

/// The names of the cases that could not be judged.
fn not_run(report: &Report) -> Vec<&str> {
    let not_run = report.cases.iter().filter(|case| matches!(case.verdict, Verdict::NotRun(_)));
    not_run.map(|case| case.name.as_str()).collect()
}
