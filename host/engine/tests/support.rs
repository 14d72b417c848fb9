//! An engine, a worker, and what it reports, for all tests.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use omi_engine::{
    Adapter, Bound, BoundProcess, Engine, EngineConfig, Limits, Registration, ReportSink, SupervisorCommand,
    Worker, WorkerSpec,
};
use omi_kernel::command::{BindingSettings, Command, Execute, McpServer, PromptBlock, RunMode};
use omi_kernel::id::{AttemptId, BindingId, Ids, RunId, SessionId, WorkerId};
use omi_kernel::report::{Activity, FailureDetail, Lease, Outcome, Report, WorkerEnd};
use tempfile::TempDir;

/// The word with which this binary is a supervisor.
pub(crate) const SUPERVISE: &str = "supervise-for-a-test";
/// The longest that anything in these tests may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
/// Time between two looks at something that does not report.
const LOOK: Duration = Duration::from_millis(5);

/// Limits that tests do not wait for.
pub(crate) fn limits() -> Limits {
    Limits { grace_ms: 200, ..Limits::default() }
}

/// An engine with these limits.
pub(crate) fn engine(limits: Limits) -> Engine {
    static TOKIO: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    let tokio = TOKIO.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
    });
    let config = EngineConfig { cache_dir: Some(cache_dir()), limits, supervisor: supervisor() };
    Engine::new(config, tokio.handle().clone()).unwrap()
}

/// The folder of compiled components, shared by all tests.
pub(crate) fn cache_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("engine-cache")
}

/// This binary, as a supervisor.
pub(crate) fn supervisor() -> SupervisorCommand {
    SupervisorCommand { program: std::env::current_exe().unwrap(), args: vec![OsString::from(SUPERVISE)] }
}

/// The component of a bundled adapter or of a guest.
pub(crate) fn component(name: &str) -> Vec<u8> {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = |variable: &str, kind: &str| {
        std::env::var_os(variable).map_or_else(|| workspace.join("target").join(kind), PathBuf::from)
    };
    let file = format!("{name}.wasm");
    [folder("OMI_ADAPTERS", "adapters"), folder("OMI_GUESTS", "guests")]
        .iter()
        .find_map(|folder| fs::read(folder.join(&file)).ok())
        .unwrap_or_else(|| panic!("there is no component `{file}`; hint: run `cargo xtask adapters`"))
}

/// Loads a component.
pub(crate) fn load(engine: &Engine, name: &str) -> Adapter {
    engine.load(name, &component(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A registration whose grant `agent` is a shell script.
pub(crate) fn shell(script: &str) -> Registration {
    program(&["/bin/sh", "-c", script])
}

/// A registration whose grant `agent` is a program.
pub(crate) fn program(argv: &[&str]) -> Registration {
    let process =
        BoundProcess { argv: argv.iter().map(ToString::to_string).collect(), ..BoundProcess::default() };
    Registration {
        name: "test".into(),
        config: serde_json::Value::Null,
        grants: [("agent".to_owned(), Bound::Process(process))].into(),
    }
}

/// What a native session is to be like.
pub(crate) fn settings(mcp_servers: Vec<McpServer>) -> BindingSettings {
    BindingSettings { cwd: "/".into(), model: None, system_prompt: None, mcp_servers }
}

/// A new identifier's source.
pub(crate) fn ids<T>(make: impl FnOnce(&mut Ids<'_>) -> T) -> T {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    make(&mut Ids::new(&mut || NEXT.fetch_add(1, Ordering::Relaxed).into()))
}

/// A worker under test.
pub(crate) struct Probe {
    pub(crate) worker: Worker,
    reports: Receiver<Report>,
    /// The folder its processes start in.
    pub(crate) folder: TempDir,
    _engine: Engine,
}

impl Probe {
    /// Starts a worker of a component that may touch nothing.
    pub(crate) fn start(name: &str) -> Self {
        Self::with(name, Registration { name: "test".into(), ..Registration::default() }, limits())
    }

    /// Starts a worker.
    pub(crate) fn with(name: &str, registration: Registration, limits: Limits) -> Self {
        let engine = engine(limits);
        let adapter = load(&engine, name);
        Self::on(engine, &adapter, registration, 7)
    }

    /// Starts a worker of a loaded component.
    pub(crate) fn on(engine: Engine, adapter: &Adapter, registration: Registration, seed: u32) -> Self {
        let (sink, reports) = mpsc::channel();
        let sink: ReportSink = Box::new(move |report| drop(sink.send(report)));
        let folder = TempDir::new().unwrap();
        let worker = engine.start_worker(adapter, spec(registration, &folder, seed), sink).unwrap();
        Self { worker, reports, folder, _engine: engine }
    }

    /// A worker that was started otherwise.
    pub(crate) fn of(worker: Worker, reports: Receiver<Report>, folder: TempDir, engine: Engine) -> Self {
        Self { worker, reports, folder, _engine: engine }
    }

    /// The next report, but for those that a process has started.
    pub(crate) fn next(&self) -> Report {
        loop {
            match self.received() {
                Report::ProcessStarted { .. } => {}
                other => return other,
            }
        }
    }

    /// What identifies the process that was started: the next report.
    pub(crate) fn lease(&self) -> Lease {
        match self.received() {
            Report::ProcessStarted { lease } => lease,
            other => panic!("no process was started: {other:?}"),
        }
    }

    fn received(&self) -> Report {
        match self.reports.recv_timeout(PATIENCE) {
            Ok(report) => report,
            Err(RecvTimeoutError::Timeout) => panic!("no report came"),
            Err(RecvTimeoutError::Disconnected) => panic!("nothing more is reported"),
        }
    }

    /// Waits for the adapter and opens a binding.
    pub(crate) fn open(&self) -> BindingId {
        assert!(matches!(self.next(), Report::Ready { .. }));
        let binding = ids(BindingId::new);
        self.send_open(&binding);
        assert!(matches!(self.next(), Report::BindingOpened { binding: opened, .. } if opened == binding));
        binding
    }

    /// Asks for a binding.
    pub(crate) fn send_open(&self, binding: &BindingId) {
        let (session, settings) = (ids(SessionId::new), settings(Vec::new()));
        self.worker.send(Command::OpenBinding { binding: binding.clone(), session, settings }).unwrap();
    }

    /// Opens a binding and sends a text prompt to it.
    pub(crate) fn execute(&self, text: &str) -> AttemptId {
        self.prompt_text(&self.open(), text)
    }

    /// Sends a text prompt to a binding.
    pub(crate) fn prompt_text(&self, binding: &BindingId, text: &str) -> AttemptId {
        self.prompt(binding, vec![PromptBlock::Text { text: text.into() }])
    }

    /// Sends a prompt to a binding.
    pub(crate) fn prompt(&self, binding: &BindingId, prompt: Vec<PromptBlock>) -> AttemptId {
        let attempt = ids(AttemptId::new);
        let execute = Execute {
            attempt: attempt.clone(),
            binding: binding.clone(),
            session: ids(SessionId::new),
            run: ids(RunId::new),
            number: 1,
            prompt,
            mode: RunMode::Act,
            model: None,
        };
        self.worker.send(Command::Execute(execute)).unwrap();
        attempt
    }

    /// The answer of an attempt, to its end.
    pub(crate) fn answer(&self, of: &AttemptId) -> (String, Outcome) {
        let mut answer = String::new();
        loop {
            match self.next() {
                Report::Activity { attempt, activity: Activity::MessageDelta { text, .. } }
                    if attempt == *of =>
                {
                    answer += &text;
                }
                Report::Activity { .. } => {}
                Report::AttemptFinished { attempt, outcome, .. } if attempt == *of => {
                    return (answer, outcome);
                }
                other => panic!("the attempt is not finished: {other:?}; so far: {answer}"),
            }
        }
    }

    /// The answer of an attempt so far, when it has a line that begins like this; and the rest of that line.
    pub(crate) fn line(&self, beginning: &str) -> String {
        let mut answer = String::new();
        loop {
            match self.next() {
                Report::Activity { activity: Activity::MessageDelta { text, .. }, .. } => answer += &text,
                other => panic!("no line `{beginning}`: {other:?}; so far: {answer}"),
            }
            if let Some(rest) = answer.lines().find_map(|line| line.strip_prefix(beginning)) {
                return rest.to_owned();
            }
        }
    }

    /// How the worker ended, and that nothing was reported before or after.
    pub(crate) fn end(&self) -> WorkerEnd {
        let Report::Ended(end) = self.next() else { panic!("the worker has not ended") };
        assert!(matches!(self.reports.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected)));
        end
    }

    /// How the worker failed.
    pub(crate) fn failure(&self) -> FailureDetail {
        match self.end() {
            WorkerEnd::Trapped(detail) => detail,
            other => panic!("it did not fail: {other:?}"),
        }
    }
}

/// What a worker under test is.
pub(crate) fn spec(registration: Registration, folder: &TempDir, seed: u32) -> WorkerSpec {
    let id = ids(WorkerId::new);
    WorkerSpec { id, registration: Arc::new(registration), cwd: folder.path().to_owned(), seed }
}

/// Waits until something is so.
pub(crate) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: it never became so");
        std::thread::sleep(LOOK);
    }
}

/// Whether a process runs (a zombie does not).
pub(crate) fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}
