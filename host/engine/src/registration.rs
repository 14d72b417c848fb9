//! What a registration binds: the real things behind the names of a component's grants.

use std::collections::BTreeMap;
use std::path::PathBuf;

use omi_kernel::descriptor::Capability;

/// A registration: a component under a name, its configuration, and what it may touch.
#[derive(Debug, Clone, Default)]
pub struct Registration {
    /// Its name: `claude`, `hermes`.
    pub name: String,
    /// Its `[config]` table.
    pub config: serde_json::Value,
    /// What is behind each grant.
    pub grants: BTreeMap<String, Bound>,
}

/// What is behind a grant.
#[derive(Debug, Clone)]
pub enum Bound {
    /// A program that may be started.
    Process(BoundProcess),
}

impl Bound {
    /// The kind of thing it is.
    pub fn capability(&self) -> Capability {
        match self {
            Self::Process(_) => Capability::Process,
        }
    }
}

/// A program that may be started.
#[derive(Debug, Clone, Default)]
pub struct BoundProcess {
    /// The program and its first arguments; the adapter may add more. Never a shell command line.
    pub argv: Vec<String>,
    /// Variables set for it.
    pub set_env: BTreeMap<String, String>,
    /// Variables passed on from the daemon, besides the ones that every program gets.
    pub pass_env: Vec<String>,
    /// Its folder; else that of the worker.
    pub cwd: Option<PathBuf>,
}
