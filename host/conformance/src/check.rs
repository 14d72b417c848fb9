//! The judgement of a component: whether it loads, then every case.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use omi_engine::{Adapter, Engine, LoadError};
use serde_json::Value;

use crate::case::{self, Case, Play};
use crate::peer::Peer;
use crate::recording::Recording;
use crate::replay::replay;
use crate::report::{CaseResult, Judged, Report, Verdict};
use crate::rule::{self, Level, Rule};
use crate::stage::Subject;
use crate::stop::{Broken, Step, Stop, keeps};

/// The name of the first case, which every other one needs.
const LOAD: &str = "component/load";
/// The name of the case about what `describe` answers.
const DESCRIBE: &str = "describe/valid";

/// What to judge, and how.
#[derive(Debug, Default)]
pub struct Options {
    /// How thoroughly; core unless it is said.
    pub level: Option<Level>,
    /// Only the case of this name, else those whose name begins like this. What `component/load` finds is always there.
    pub only: Option<String>,
    /// The pretended runtime.
    pub peer: Option<Peer>,
    /// Recordings with their names: each is a case.
    pub recordings: Vec<(String, Recording)>,
}

/// Judges a component. `engine` must meter; `told` hears of each case when it is over.
pub fn check(
    engine: &Engine,
    name: &str,
    bytes: &[u8],
    options: Options,
    told: &mut dyn FnMut(&CaseResult),
) -> Report {
    let level = options.level.unwrap_or(Level::Core);
    let began = Instant::now();
    let digest = omi_engine::digest(bytes);
    let loaded = engine.load_known(name, bytes, &digest);
    let judged = judged(name, bytes, digest, loaded.as_ref().ok());
    let verdict = match &loaded {
        Ok(_) => Verdict::Passed,
        Err(error) => Verdict::Broken { rule: breaks(error), what: error.to_string() },
    };
    let mut report = Report { judged, level, cases: Vec::new(), left_out: Vec::new() };
    let mut add = |case: CaseResult| {
        told(&case);
        report.cases.push(case);
    };
    add(CaseResult { name: LOAD.to_owned(), verdict, calls: Vec::new(), took: began.elapsed() });
    let Ok(adapter) = loaded else { return report };
    let only = options.only.unwrap_or_default();
    match described(engine, &adapter) {
        Ok(descriptor) => {
            let subject = Subject { engine: engine.clone(), adapter, peer: options.peer };
            let mut cases = vec![describe_valid(descriptor)];
            cases.extend(case::cases(&subject));
            cases.extend(options.recordings.into_iter().map(|(name, recording)| recorded(&name, recording)));
            let exact = only == LOAD || cases.iter().any(|case| case.name == only);
            cases.retain(|case| if exact { case.name == only } else { case.name.starts_with(&only) });
            let (wanted, above): (Vec<Case>, Vec<Case>) =
                cases.into_iter().partition(|case| case.level <= level);
            for case in wanted {
                add(run(&subject, &case));
            }
            report.left_out = above.into_iter().map(|case| case.name).collect();
        }
        Err(what) => {
            let verdict = Verdict::Broken { rule: &rule::DESCRIBE_RETURNS, what };
            let (calls, took) = (Vec::new(), began.elapsed());
            add(CaseResult { name: DESCRIBE.to_owned(), verdict, calls, took });
        }
    }
    report
}

/// Runs one case.
fn run(subject: &Subject, case: &Case) -> CaseResult {
    let began = Instant::now();
    let mut play = Play { subject, calls: Vec::new() };
    let verdict = match caught(|| (case.run)(&mut play)) {
        Ok(()) => Verdict::Passed,
        Err(Stop::Broken(Broken { rule, what })) => Verdict::Broken { rule, what },
        Err(Stop::NotRun(not_run)) => Verdict::NotRun(not_run),
    };
    // What led to nothing wrong is looked at by nobody.
    let calls = if matches!(verdict, Verdict::Broken { .. }) { play.calls } else { Vec::new() };
    CaseResult { name: case.name.clone(), verdict, calls, took: began.elapsed() }
}

/// A mistake of the suite itself is no verdict about the adapter.
pub(crate) fn caught<T>(run: impl FnOnce() -> Step<T>) -> Step<T> {
    catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(Stop::unable("the suite failed; hint: report what it printed")))
}

fn judged(name: &str, bytes: &[u8], digest: String, adapter: Option<&Adapter>) -> Judged {
    let id = |adapter: &Adapter| {
        let descriptor = adapter.descriptor();
        (descriptor.adapter_id.clone(), descriptor.version.clone())
    };
    let grants = |adapter: &Adapter| {
        let grants = adapter.descriptor().grants.iter();
        grants.map(|grant| (grant.name.clone(), grant.capability.as_str().to_owned())).collect()
    };
    Judged {
        name: name.to_owned(),
        adapter: adapter.map(id),
        digest,
        bytes: bytes.len(),
        imports: adapter.map(|adapter| adapter.imports().to_vec()).unwrap_or_default(),
        grants: adapter.map(grants).unwrap_or_default(),
    }
}

/// The rule that a component breaks which cannot be loaded.
fn breaks(error: &LoadError) -> &'static Rule {
    match error {
        LoadError::Read { .. } | LoadError::NotAComponent { .. } => &rule::COMPONENT_VALID,
        LoadError::TooLarge { .. } => &rule::COMPONENT_SIZE,
        LoadError::Import { .. } => &rule::IMPORTS_ALLOWED,
        LoadError::Version { .. } => &rule::CONTRACT_VERSION,
        LoadError::NoExport => &rule::CONTRACT_EXPORTED,
        LoadError::Mismatch { .. } => &rule::CONTRACT_TYPES,
        LoadError::Start { .. } => &rule::STARTS_WITHIN_LIMITS,
        LoadError::Trapped { .. } | LoadError::LimitHit { .. } => &rule::DESCRIBE_RETURNS,
        LoadError::Descriptor { .. } => &rule::DESCRIBE_VALID,
    }
}

/// The whole of what `describe` answers, with what the host does not need.
fn described(engine: &Engine, adapter: &Adapter) -> Result<Value, String> {
    let descriptor = engine.trial(adapter, 0).and_then(|mut trial| trial.describe());
    descriptor.map_err(|error| error.to_string())
}

fn describe_valid(descriptor: Value) -> Case {
    let run = move |_: &mut Play<'_>| {
        let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let is = |kept: bool, what: String| keeps(kept, &rule::DESCRIBE_VALID, || what);
        let version = text(&descriptor, "version");
        is(version.parse::<semver::Version>().is_ok(), format!("the version `{version}` is no semver"))?;
        for name in ["title", "protocol"] {
            is(!text(&descriptor, name).is_empty(), format!("`{name}` is empty"))?;
        }
        for name in ["config-schema", "extra"] {
            let said = text(&descriptor, name);
            let object = serde_json::from_str::<Value>(&said).is_ok_and(|value| value.is_object());
            is(said.is_empty() || object, format!("`{name}` is no JSON object"))?;
        }
        for grant in descriptor["grants"].as_array().into_iter().flatten() {
            let name = text(grant, "name");
            is(!text(grant, "reason").trim().is_empty(), format!("the grant `{name}` has no reason"))?;
        }
        Ok(())
    };
    Case { name: DESCRIBE.to_owned(), level: Level::Core, run: Box::new(run) }
}

fn recorded(name: &str, recording: Recording) -> Case {
    let run = move |play: &mut Play<'_>| -> Step {
        let broken = |what: String| Broken::new(&rule::RECORDING_SAME, what);
        let subject = play.subject;
        let replay = replay(&subject.engine, &subject.adapter, &recording)
            .map_err(|error| broken(error.to_string()))?;
        play.calls = replay.calls;
        match replay.events_differ {
            None => Ok(()),
            Some((then, now)) => {
                let shown =
                    |event: Option<Value>| event.map_or("nothing".to_owned(), |event| event.to_string());
                Err(broken(format!("recorded was {}, now it is {}", shown(then), shown(now))).into())
            }
        }
    };
    Case { name: format!("recording/{name}"), level: Level::Core, run: Box::new(run) }
}
