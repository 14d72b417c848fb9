//! An engine, a worker, and what it reports, for all tests.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use omi_engine::{
    Adapter, Binding, Bound, BoundProcess, CallSink, Engine, EngineConfig, Limits, Registration, ReportSink,
    SupervisorCommand, Worker, WorkerSpec,
};
use omi_kernel::command::{BindingSettings, Command, Execute, McpServer, NotPerformed, PromptBlock, RunMode};
use omi_kernel::grant::{Allowed, Asked, Grant, GrantEffect, GrantSource, Policy, Scope, Verdict, authorize};
use omi_kernel::id::{AttemptId, BindingId, GrantId, Ids, RunId, SessionId, Timestamp, WorkerId};
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
    engine_of(limits, supervisor())
}

/// An engine with these limits whose processes run under this supervisor.
pub(crate) fn engine_of(limits: Limits, supervisor: SupervisorCommand) -> Engine {
    static TOKIO: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    let tokio = TOKIO.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
    });
    let config = EngineConfig { cache_dir: Some(cache_dir()), limits, metered: false, supervisor };
    Engine::new(config, tokio.handle().clone()).unwrap()
}

/// The folder of compiled components, shared by all tests.
pub(crate) fn cache_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("engine-cache")
}

/// This binary, as a supervisor.
pub(crate) fn supervisor() -> SupervisorCommand {
    SupervisorCommand {
        program: std::env::current_exe().unwrap(),
        args: vec![OsString::from(SUPERVISE)],
        private: Vec::new(),
    }
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
    registration([("agent", binding(Bound::Process(process)))])
}

/// A registration that binds these.
pub(crate) fn registration<const N: usize>(grants: [(&str, Binding); N]) -> Registration {
    let grants = grants.map(|(name, binding)| (name.to_owned(), binding)).into();
    Registration { name: "test".into(), grants, ..Registration::default() }
}

/// A binding that allows everything that is declared.
pub(crate) fn binding(bound: Bound) -> Binding {
    Binding { bound, policy: Policy::Allow, operations: Vec::new(), resources: Vec::new() }
}

/// What the kernel answers where no session has a grant and nobody can be asked.
pub(crate) fn decide(session: Option<&SessionId>, asked: &Asked) -> Command {
    let op = asked.access.op;
    let deny = |text: String| Command::Refuse { op, why: NotPerformed::Denied(text) };
    match authorize(&asked.access, Scope::Worker, &asked.terms, &[], Timestamp(0)) {
        Verdict::Allow(Allowed::Policy) => {
            let grant = session.map(|session| Box::new(grant(session, asked, GrantSource::Policy)));
            Command::Perform { op, grant }
        }
        Verdict::Allow(Allowed::Grant(grant)) => panic!("there is none: {grant:?}"),
        Verdict::Ask => deny("nobody can be asked here".to_owned()),
        Verdict::Deny(denial) => deny(denial.to_string()),
    }
}

/// A grant of a session that covers what was asked.
pub(crate) fn grant(session: &SessionId, asked: &Asked, source: GrantSource) -> Grant {
    Grant {
        id: ids(GrantId::new),
        session: Some(session.clone()),
        run: None,
        registration: Some(asked.terms.registration.clone()),
        name: Some(asked.access.grant.clone()),
        capability: Some(asked.access.capability.clone()),
        operation: asked.access.operation.clone(),
        pattern: asked.access.covers.clone(),
        effect: GrantEffect::Allow,
        source,
        only: None,
        to: None,
        origin: None,
        expires_at: None,
        revoked_at: None,
    }
}

/// What a native session is to be like.
pub(crate) fn settings(mcp_servers: Vec<McpServer>) -> Box<BindingSettings> {
    Box::new(BindingSettings { cwd: "/".into(), mcp_servers, ..BindingSettings::default() })
}

/// A new identifier's source.
pub(crate) fn ids<T>(make: impl FnOnce(&mut Ids<'_>) -> T) -> T {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    make(&mut Ids::new(&mut || NEXT.fetch_add(1, Ordering::Relaxed).into()))
}

/// What a worker wants to open.
pub(crate) struct Question {
    pub(crate) request: u32,
    pub(crate) session: Option<SessionId>,
    pub(crate) attempt: Option<AttemptId>,
    pub(crate) asked: Asked,
}

/// A worker under test.
pub(crate) struct Probe {
    pub(crate) worker: Worker,
    reports: Receiver<Report>,
    /// The folder its processes start in.
    pub(crate) folder: TempDir,
    /// What is asked of the kernel is decided by the test itself.
    pub(crate) asks: bool,
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
        let folder = TempDir::new().unwrap();
        let spec = spec(registration, &folder, seed);
        Self::started(engine, adapter, spec, folder)
    }

    /// Starts a worker whose calls are written down.
    pub(crate) fn recorded(engine: Engine, adapter: &Adapter, calls: CallSink) -> Self {
        let folder = TempDir::new().unwrap();
        let spec = WorkerSpec { calls: Some(calls), ..spec(Registration::default(), &folder, 7) };
        Self::started(engine, adapter, spec, folder)
    }

    fn started(engine: Engine, adapter: &Adapter, spec: WorkerSpec, folder: TempDir) -> Self {
        let (sink, reports) = mpsc::channel();
        let sink: ReportSink = Box::new(move |report| drop(sink.send(report)));
        let worker = engine.start_worker(adapter, spec, sink).unwrap();
        Self::of(worker, reports, folder, engine)
    }

    /// A worker that was started otherwise.
    pub(crate) fn of(worker: Worker, reports: Receiver<Report>, folder: TempDir, engine: Engine) -> Self {
        Self { worker, reports, folder, asks: false, _engine: engine }
    }

    /// What it wants to open: the next report.
    pub(crate) fn asked(&self) -> Question {
        match self.next() {
            Report::AccessAsked { request, session, attempt, asked } => {
                Question { request, session, attempt, asked: *asked }
            }
            other => panic!("nothing is asked for: {other:?}"),
        }
    }

    /// Allows it, by a grant of its session.
    pub(crate) fn allow(&self, question: &Question) -> Grant {
        let session = question.session.as_ref().expect("a session is known");
        let grant = grant(session, &question.asked, GrantSource::User);
        self.perform(question, Some(grant.clone()));
        grant
    }

    /// Allows it, by this grant.
    pub(crate) fn perform(&self, question: &Question, grant: Option<Grant>) {
        let grant = grant.map(Box::new);
        self.worker.send(Command::Perform { op: question.asked.access.op, grant }).unwrap();
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

    /// The next report. What the kernel is asked is answered, unless the test does that.
    fn received(&self) -> Report {
        loop {
            match self.report() {
                Report::AccessAsked { session, asked, .. } if !self.asks => {
                    // It may have ended meanwhile.
                    let _ = self.worker.send(decide(session.as_ref(), &asked));
                }
                other => return other,
            }
        }
    }

    fn report(&self) -> Report {
        match self.reports.recv_timeout(PATIENCE) {
            Ok(report) => report,
            Err(RecvTimeoutError::Timeout) => panic!("no report came"),
            Err(RecvTimeoutError::Disconnected) => panic!("nothing more is reported"),
        }
    }

    /// Waits for the adapter and opens a binding.
    pub(crate) fn open(&self) -> BindingId {
        self.open_in(self.folder.path())
    }

    /// Waits for the adapter and opens a binding in a folder.
    pub(crate) fn open_in(&self, folder: &Path) -> BindingId {
        assert!(matches!(self.next(), Report::Ready { .. }));
        let binding = ids(BindingId::new);
        self.send_open_in(&binding, folder);
        assert!(matches!(self.next(), Report::BindingOpened { binding: opened, .. } if opened == binding));
        binding
    }

    /// Asks for a binding in the worker's own folder.
    pub(crate) fn send_open(&self, binding: &BindingId) {
        self.send_open_in(binding, self.folder.path());
    }

    fn send_open_in(&self, binding: &BindingId, folder: &Path) {
        let cwd = folder.to_str().unwrap().to_owned();
        let settings = Box::new(BindingSettings { cwd, ..*settings(Vec::new()) });
        let session = ids(SessionId::new);
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

    /// The rest of the next line of an answer that begins like this.
    pub(crate) fn line(&self, beginning: &str) -> String {
        let answer = self.until(beginning);
        let rest = answer.lines().find_map(|line| line.strip_prefix(beginning));
        rest.expect("`until` found it").to_owned()
    }

    /// What is answered from now on until there is a line that begins like this.
    pub(crate) fn until(&self, beginning: &str) -> String {
        let mut answer = String::new();
        while !answer.lines().any(|line| line.starts_with(beginning)) {
            match self.next() {
                Report::Activity { activity: Activity::MessageDelta { text, .. }, .. } => answer += &text,
                other => panic!("no line `{beginning}`: {other:?}; so far: {answer}"),
            }
        }
        answer
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
    WorkerSpec { id, registration: Arc::new(registration), cwd: folder.path().to_owned(), seed, calls: None }
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
