//! What a test saw a real runtime do, kept as one line for the table in `adapters/README.md`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

/// Names the folder that measurements are written into. Without it nothing is written.
pub const VARIABLE: &str = "OMI_MEASURED";

/// The file of that folder: one JSON object a line. Each is written at once, so tests side by side do not mix.
const FILE: &str = "measured.jsonl";

/// A runtime, as a row of the table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Runtime {
    /// The bundled adapter that drives it.
    pub adapter: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What is looked at, as a column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Behaviour {
    /// A prompt is answered.
    Prompt,
    /// A tool runs once a person allowed it.
    ToolAllowed,
    /// A tool is refused.
    ToolRefused,
    /// The run is cancelled while a permission is asked.
    CancelledWhileAsked,
    /// The run is cancelled while text comes.
    CancelledWhileStreaming,
    /// The run is cancelled while a command runs.
    CancelledWhileToolRuns,
    /// The run is cancelled as its prompt goes out.
    CancelledAtOnce,
    /// The runtime is killed in mid prompt.
    RuntimeKilled,
    /// The daemon ends, and another one continues the session.
    DaemonRestarted,
    /// Two sessions run at the same time.
    SideBySide,
    /// The daemon is killed while a command runs: which processes are left.
    NothingLeft,
}

impl Behaviour {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 11] = [
        Self::Prompt,
        Self::ToolAllowed,
        Self::ToolRefused,
        Self::CancelledWhileAsked,
        Self::CancelledWhileStreaming,
        Self::CancelledWhileToolRuns,
        Self::CancelledAtOnce,
        Self::RuntimeKilled,
        Self::DaemonRestarted,
        Self::SideBySide,
        Self::NothingLeft,
    ];

    /// Its words: the heading of its column.
    pub fn words(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::ToolAllowed => "tool allowed",
            Self::ToolRefused => "tool refused",
            Self::CancelledWhileAsked => "cancelled while it asks",
            Self::CancelledWhileStreaming => "cancelled in mid text",
            Self::CancelledWhileToolRuns => "cancelled while a tool runs",
            Self::CancelledAtOnce => "cancelled with the prompt",
            Self::RuntimeKilled => "runtime killed",
            Self::DaemonRestarted => "daemon restarted, session continued",
            Self::SideBySide => "two sessions",
            Self::NothingLeft => "left after the daemon was killed",
        }
    }
}

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measurement {
    /// The row.
    pub runtime: Runtime,
    /// The column.
    pub behaviour: Behaviour,
    /// What was seen, in a few words.
    pub word: String,
}

/// Keeps what was seen, in a few words such as `ok` or `cancelled, ≤ 50 ms`, if somebody wants to have it.
pub fn measured(runtime: &Runtime, behaviour: Behaviour, word: &str) {
    if let Some(folder) = std::env::var_os(VARIABLE) {
        let measurement = Measurement { runtime: runtime.clone(), behaviour, word: word.to_owned() };
        write(Path::new(&folder), &measurement).expect("the measurement is written");
    }
}

/// A time in steps that are wide enough to be the same in the next run.
pub fn within(took: Duration) -> String {
    const STEPS_MS: [u128; 10] = [20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000];
    match STEPS_MS.into_iter().find(|step| took.as_millis() <= *step) {
        Some(step) if step < 1000 => format!("≤ {step} ms"),
        Some(step) => format!("≤ {} s", step / 1000),
        None => "> 30 s".to_owned(),
    }
}

/// Appends a measurement to the file of a folder.
pub fn write(folder: &Path, measurement: &Measurement) -> std::io::Result<()> {
    let Measurement { runtime: Runtime { adapter, name, version }, behaviour, word } = measurement;
    let line = json!({ "adapter": adapter, "runtime": name, "version": version,
        "behaviour": behaviour.words(), "word": word });
    std::fs::create_dir_all(folder)?;
    let mut file = OpenOptions::new().create(true).append(true).open(folder.join(FILE))?;
    file.write_all(format!("{line}\n").as_bytes())
}

/// What is in a folder, in the order in which it was measured; an error names the line that is none.
pub fn read(folder: &Path) -> Result<Vec<Measurement>, String> {
    let file = folder.join(FILE);
    let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    text.lines().map(|line| parse(line).ok_or_else(|| format!("{}: {line}", file.display()))).collect()
}

fn parse(line: &str) -> Option<Measurement> {
    let value: Value = serde_json::from_str(line).ok()?;
    let text = |key: &str| value[key].as_str().map(str::to_owned);
    let words = text("behaviour")?;
    Some(Measurement {
        runtime: Runtime { adapter: text("adapter")?, name: text("runtime")?, version: text("version")? },
        behaviour: Behaviour::ALL.into_iter().find(|behaviour| behaviour.words() == words)?,
        word: text("word")?,
    })
}
