//! A daemon in folders of its own: state, home, temporary files, a folder to work in and a configuration.

pub mod http;
pub mod schema;
pub mod server;
pub mod wire;

use std::io::{Read, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than anything takes that is waited for, even on a busy machine.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A daemon's folders.
pub struct World {
    folder: tempfile::TempDir,
}

/// What a program that has ended left behind.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl World {
    /// Folders that nobody else uses, with an empty configuration.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let world = Self { folder };
        for name in ["home", "tmp", "work"] {
            std::fs::create_dir(world.path(name)).expect("a folder");
        }
        world.configure("");
        world.share_compiled();
        world
    }

    /// Compiles each component once for all tests: it takes seconds in a debug build, and is kept by its content.
    fn share_compiled(&self) {
        let shared = program("omi-agentd").with_file_name("compiled-for-tests");
        // A folder in which others could write, as some systems make them, is not used.
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&shared).expect("a folder");
        std::fs::create_dir(self.path("state")).expect("a folder");
        std::os::unix::fs::symlink(shared, self.path("state/compiled")).expect("a link");
    }

    /// A file or folder of this world.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder that agents work in.
    pub fn work(&self) -> PathBuf {
        self.path("work")
    }

    /// Writes the configuration.
    pub fn configure(&self, text: &str) {
        std::fs::write(self.path("config.toml"), text).expect("the configuration is written");
    }

    /// Registers the test agent as `tester`, with arguments.
    pub fn register_tester(&self, arguments: &[&str]) {
        self.configure(&tester(arguments, ""));
    }

    /// Installs a component, as a person who says yes to what it asks for.
    pub fn install(&self, component: &Path) {
        let file = component.to_str().expect("a path that is text");
        let ended = self.run(&["adapter", "install", file, "--yes"], "");
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }

    /// Registers a guest under its own name with more lines of its registration, and installs it.
    pub fn register_guest(&self, name: &str, more: &str) {
        self.configure(&format!("{}{more}\n", guest(name)));
        self.install(&guest_file(name));
    }

    /// The daemon's program with arguments, in this world. Nothing of the test's own environment reaches it but PATH.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("omi-agentd"));
        self.settle(&mut command);
        command.arg("--state-dir").arg(self.path("state")).arg("--config").arg(self.path("config.toml"));
        command.args(arguments);
        command
    }

    /// Puts a program into this world.
    pub fn settle(&self, command: &mut Command) {
        command.env_clear().env("HOME", self.path("home")).env("TMPDIR", self.path("tmp"));
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).current_dir(self.work());
    }

    /// Runs the daemon's program to its end.
    pub fn run(&self, arguments: &[&str], input: &str) -> Ended {
        let mut running = self.start(arguments);
        running.write(input);
        drop(running.stdin.take());
        running.ended()
    }

    /// Starts the daemon's program.
    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::start(&mut self.command(arguments))
    }

    /// What `omi-agentd KIND --json` lists.
    pub fn list(&self, kind: &str) -> Vec<Value> {
        let ended = self.run(&[kind, "--json"], "");
        assert_eq!(ended.code, Some(0), "{ended:?}");
        match serde_json::from_str(&ended.stdout) {
            Ok(Value::Array(list)) => list,
            _ => ended.stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect(),
        }
    }

    /// The JSON value that the daemon's program prints for arguments.
    pub fn show(&self, arguments: &[&str]) -> Value {
        let ended = self.run(arguments, "");
        assert_eq!(ended.code, Some(0), "{ended:?}");
        serde_json::from_str(&ended.stdout).expect("a JSON value")
    }

    /// The types of all events, in order.
    pub fn event_types(&self) -> Vec<String> {
        let text = |event: &Value| event["type"].as_str().unwrap_or_default().to_owned();
        self.list("events").iter().map(text).collect()
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

/// A configuration that registers the test agent as `tester`.
pub fn tester(arguments: &[&str], more: &str) -> String {
    agent("tester", arguments, more)
}

/// A configuration that registers the test agent under a name.
pub fn agent(name: &str, arguments: &[&str], more: &str) -> String {
    let mut command = vec![program("omi-test-agents").display().to_string()];
    command.extend(arguments.iter().map(|&argument| argument.to_owned()));
    format!(
        "[registrations.{name}]\ncomponent = \"acp\"\ngrants.agent = {{ command = {command:?} }}\n{more}\n"
    )
}

/// A configuration that registers a component of the tests under its own name. It is to be installed as well.
pub fn guest(name: &str) -> String {
    format!("[registrations.{name}]\ncomponent = '{}'\n", guest_file(name).display())
}

/// A component of the tests.
pub fn guest_file(name: &str) -> PathBuf {
    let component = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../target/guests/{name}.wasm"));
    let hint = format!("{} is not built; hint: cargo xtask test", component.display());
    component.canonicalize().expect(&hint)
}

/// A program of the workspace: beside this one, or beside the folder `deps` of the test programs.
pub fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a program knows its own file");
    let folder = own.parent().expect("a file is in a folder");
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    let program = folder.join(name);
    assert!(program.is_file(), "`{}` is not built; hint: cargo xtask test", program.display());
    program
}

/// What a thread reads and a test waits for.
#[derive(Clone, Default)]
struct Text(Arc<(Mutex<Vec<u8>>, Condvar)>);

impl Text {
    fn read(&self, mut from: impl Read + Send + 'static) -> JoinHandle<()> {
        let text = self.clone();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = from.read(&mut bytes) {
                text.lock().extend_from_slice(&bytes[..count]);
                text.0.1.notify_all();
            }
        })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self) -> String {
        String::from_utf8_lossy(&self.lock()).into_owned()
    }

    fn wait_for(&self, wanted: impl Fn(&str) -> bool) -> bool {
        let waiting = |bytes: &mut Vec<u8>| !wanted(&String::from_utf8_lossy(bytes));
        let waited = self.0.1.wait_timeout_while(self.lock(), PATIENCE, waiting);
        waited.is_ok_and(|(_, timeout)| !timeout.timed_out())
    }
}

/// A program that runs. It is killed when this is dropped.
pub struct Running {
    child: Child,
    /// Its standard input.
    pub stdin: Option<ChildStdin>,
    stdout: Text,
    stderr: Text,
    readers: Vec<JoinHandle<()>>,
}

impl Running {
    /// Starts a program, with all three streams held by the test.
    pub fn start(command: &mut Command) -> Self {
        let mut running = Self::start_unread(command);
        running.read_on();
        running
    }

    /// Starts a program whose standard output nobody reads yet.
    pub fn start_unread(command: &mut Command) -> Self {
        Self::spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()))
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("the program starts");
        let (stdout, stderr) = (Text::default(), Text::default());
        let readers = vec![stderr.read(child.stderr.take().expect("stderr is a pipe"))];
        Self { stdin: child.stdin.take(), child, stdout, stderr, readers }
    }

    /// Bytes of its standard output that wait to be read, while nobody does.
    pub fn unread(&self) -> u64 {
        let stdout = self.child.stdout.as_ref().expect("nobody reads yet");
        rustix::io::ioctl_fionread(stdout).expect("a pipe knows what is in it")
    }

    /// Begins to read its standard output.
    pub fn read_on(&mut self) {
        let stdout = self.child.stdout.take().expect("stdout is a pipe that nobody reads yet");
        self.readers.push(self.stdout.read(stdout));
    }

    /// Closes the other end of its standard output, which nobody has begun to read.
    pub fn stop_reading(&mut self) {
        drop(self.child.stdout.take());
    }

    /// Starts a program whose standard input is a terminal, which is given too: what is written to it is typed.
    pub fn start_at_terminal(command: &mut Command) -> (Self, std::fs::File) {
        let (terminal, person) = terminal();
        command.stdin(terminal).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = Self::spawn(command);
        running.read_on();
        (running, person)
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes to its standard input. One that does not read has its reasons; what it says shows them.
    pub fn write(&mut self, text: &str) {
        if let Some(stdin) = &mut self.stdin {
            let _ = stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush());
        }
    }

    /// Waits until its standard error holds a text.
    pub fn says(&self, text: &str) {
        assert!(self.stderr.wait_for(|all| all.contains(text)), "no `{text}` in: {}", self.stderr.get());
    }

    /// Waits until its standard output satisfies a condition.
    pub fn prints(&self, what: &str, wanted: impl Fn(&str) -> bool) {
        assert!(self.stdout.wait_for(wanted), "no {what} in: {}{}", self.stdout.get(), self.stderr.get());
    }

    /// Waits for a JSON line of its standard output.
    pub fn message(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let find = |all: &str| all.lines().filter_map(|line| serde_json::from_str(line).ok()).find(&wanted);
        self.prints(what, |all| find(all).is_some());
        find(&self.stdout.get()).unwrap_or_default()
    }

    /// What it has written to its standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.get()
    }

    /// What it has written to its standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.get()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(pid.expect("a process id"), signal).expect("the signal is sent");
    }

    /// Waits for its end.
    pub fn ended(mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("the program can be waited for") {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end: {}{}", self.stdout.get(), self.stderr.get());
            std::thread::sleep(Duration::from_millis(10));
        };
        for reader in self.readers.drain(..) {
            reader.join().expect("the reader ends");
        }
        Ended { code: status.code(), stdout: self.stdout.get(), stderr: self.stderr.get() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A terminal: the end for a program, and that of the person, which shows what the program says.
pub fn terminal() -> (std::fs::File, std::fs::File) {
    use std::os::unix::fs::OpenOptionsExt as _;
    let person = rustix::pty::openpt(rustix::pty::OpenptFlags::RDWR | rustix::pty::OpenptFlags::NOCTTY);
    let person = person.expect("a terminal");
    rustix::pty::grantpt(&person).and_then(|()| rustix::pty::unlockpt(&person)).expect("a terminal");
    let name = rustix::pty::ptsname(&person, Vec::new()).expect("a terminal has a name");
    let flags = i32::try_from(rustix::fs::OFlags::NOCTTY.bits()).expect("a flag");
    let name = name.to_str().expect("text").to_owned();
    let terminal = std::fs::File::options().read(true).write(true).custom_flags(flags).open(name);
    (terminal.expect("a terminal"), person.into())
}

/// Waits until a condition holds.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
