//! What a registration binds: the real things behind the names of a component's grants, and the policy for each.

use std::collections::BTreeMap;
use std::path::PathBuf;

use omi_kernel::descriptor::Capability;
use omi_kernel::grant::Policy;
use serde::{Deserialize, Serialize};

use crate::limits;

/// A registration: a component under a name, its configuration, and what it may touch.
#[derive(Debug, Clone, Default)]
pub struct Registration {
    /// Its name: `claude`, `hermes`.
    pub name: String,
    /// Its component, as the registration names it.
    pub component: String,
    /// Its `[config]` table.
    pub config: serde_json::Value,
    /// What is behind each grant.
    pub grants: BTreeMap<String, Binding>,
}

/// What is behind one grant, and what is decided where nothing else is.
#[derive(Debug, Clone)]
pub struct Binding {
    /// The real thing.
    pub bound: Bound,
    /// What is decided.
    pub policy: Policy,
    /// The operations it is narrowed to; none means all that the component declares.
    pub operations: Vec<String>,
    /// The patterns it is narrowed to; none means all that the component declares.
    pub resources: Vec<String>,
}

/// What is behind a grant.
#[derive(Debug, Clone)]
pub enum Bound {
    /// A program that may be started.
    Process(BoundProcess),
    /// A folder in which programs of the runtime's choice may be started.
    Terminal(BoundTerminal),
    /// A folder below which files may be read and written.
    Files(BoundFiles),
    /// A server that requests may be sent to.
    Http(BoundHttp),
}

impl Bound {
    /// The kind of thing it is.
    pub fn capability(&self) -> Capability {
        match self {
            Self::Process(_) => Capability::Process,
            Self::Terminal(_) => Capability::Terminal,
            Self::Files(_) => Capability::Files,
            Self::Http(_) => Capability::Http,
        }
    }
}

/// A program that may be started.
#[derive(Debug, Clone, Default)]
pub struct BoundProcess {
    /// The program and its first arguments; the adapter may add more. Never a shell command line.
    pub argv: Vec<String>,
    /// What it is started with.
    pub setting: Setting,
    /// Its folder.
    pub cwd: ProcessFolder,
}

/// The folder in which the program of a registration starts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ProcessFolder {
    /// That of the worker.
    #[default]
    Worker,
    /// The working folder of the session on whose behalf it is started; that of the worker where there is none.
    Session,
    /// This one, absolute.
    At(PathBuf),
}

/// A folder in which programs of the runtime's choice may be started.
#[derive(Debug, Clone, Default)]
pub struct BoundTerminal {
    /// The folder.
    pub folder: Folder,
    /// What they are started with.
    pub setting: Setting,
}

/// What a program is started with.
#[derive(Debug, Clone, Default)]
pub struct Setting {
    /// Variables set for it.
    pub set_env: BTreeMap<String, String>,
    /// Variables passed on from the daemon, besides the ones that every program gets.
    pub pass_env: Vec<String>,
    /// Variables that hold a secret. Their values are left out of everything it says.
    pub secrets: BTreeMap<String, Secret>,
    /// What it may use of the machine.
    pub limits: ProcessLimits,
    /// How it is confined, if it is.
    pub confine: Option<Confine>,
}

/// A folder below which files may be read and written.
#[derive(Debug, Clone, Default)]
pub struct BoundFiles {
    /// The folder.
    pub folder: Folder,
}

/// A folder of a grant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Folder {
    /// The working folder of the session on whose behalf it is used.
    #[default]
    Session,
    /// This one, absolute.
    At(PathBuf),
}

/// A server that requests may be sent to.
#[derive(Debug, Clone)]
pub struct BoundHttp {
    /// Scheme, host and port: `https://api.example.com`.
    pub origin: String,
    /// The methods that may be used, in upper case.
    pub methods: Vec<String>,
    /// It may be on this machine or in a private network.
    pub private: bool,
    /// Headers that hold a secret, which the adapter never sees.
    pub secrets: BTreeMap<String, Secret>,
    /// Milliseconds that one request may take, its answer included.
    pub timeout_ms: u64,
    /// Bytes that the body of one answer may have.
    pub body_bytes: u64,
}

/// A secret: where it is, not what it is. It is read when it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Where it is.
    pub source: SecretSource,
    /// What stands before it: `Bearer `.
    pub prefix: String,
}

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// In a variable of the daemon's environment.
    Env(String),
    /// In a file, whose last line end does not count.
    File(PathBuf),
}

/// What one program, with everything it starts, may use of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessLimits {
    /// Processes at the same time.
    pub processes: u32,
    /// Files that each process may have open, where that is limited.
    pub open_files: Option<u64>,
    /// Bytes of address space of each process, where that is limited.
    pub memory_bytes: Option<u64>,
    /// Bytes of each file that is written, where that is limited.
    pub file_bytes: Option<u64>,
}

impl Default for ProcessLimits {
    fn default() -> Self {
        Self { processes: limits::TREE_PROCESSES, open_files: None, memory_bytes: None, file_bytes: None }
    }
}

/// How a program is confined: Landlock rules (ARCHITECTURE §5). It may write to its folder, to a private temporary
/// folder and to `state`; it may read those, what the system is made of, and `read`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Confine {
    /// The agent's own folders, absolute, where it keeps its state.
    pub state: Vec<PathBuf>,
    /// More that it may read, absolute.
    pub read: Vec<PathBuf>,
}
