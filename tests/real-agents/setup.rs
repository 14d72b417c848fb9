//! The published agents of `agents.toml`, and what each needs to talk to the scripted model server.

mod own;

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) use own::Own;
use own::own;

/// The list of agents, which the set-up installs from.
const AGENTS: &str = include_str!("agents.toml");

/// Where an agent is installed and where it may live; all paths are absolute.
#[derive(Clone, Debug)]
pub(crate) struct AgentDirs {
    /// The folder the agent was installed into: `<cache>/agents/<name>`.
    pub(crate) install: PathBuf,
    /// A `HOME` of its own, which exists and is empty.
    pub(crate) home: PathBuf,
    /// A `TMPDIR` of its own, which exists.
    pub(crate) tmp: PathBuf,
}

/// How to start an agent, and what a test must know about it. The working folder is the test's choice.
#[derive(Clone, Debug)]
pub(crate) struct AgentSetup {
    /// The program with its arguments; the program is an absolute path.
    pub(crate) argv: Vec<String>,
    /// The whole environment: nothing else of the test's own reaches the agent.
    pub(crate) env: Vec<(String, String)>,
    /// The registration's `[config]`, in TOML.
    pub(crate) config: String,
    /// What is its own.
    pub(crate) own: Own,
}

/// One entry of `agents.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublishedAgent {
    /// The name, and the name of its folder in the cache.
    pub(crate) name: String,
    /// The packages with their exact versions, as the installer takes them.
    pub(crate) packages: Vec<String>,
    /// The program, relative to the folder, with its arguments.
    pub(crate) command: Vec<String>,
    /// Whether only the long suite drives it.
    pub(crate) long: bool,
    /// The Node it runs with, where that is not the machine's own.
    pub(crate) node: Option<String>,
}

impl PublishedAgent {
    /// The version of its first package, which is the agent itself.
    pub(crate) fn version(&self) -> &str {
        self.packages[0].rsplit(['@', '=']).next().unwrap_or_default()
    }
}

/// All entries of `agents.toml`, in its order.
pub(crate) fn published_agents() -> Vec<PublishedAgent> {
    let table: toml::Table = AGENTS.parse().expect("agents.toml is TOML");
    let entries = table["agent"].as_array().expect("agents.toml has [[agent]] entries");
    entries.iter().map(published_agent).collect()
}

fn published_agent(entry: &toml::Value) -> PublishedAgent {
    let strings = |key: &str| {
        let list = entry[key].as_array().into_iter().flatten();
        list.filter_map(toml::Value::as_str).map(str::to_owned).collect()
    };
    PublishedAgent {
        name: entry["name"].as_str().expect("an agent has a name").to_owned(),
        packages: strings("packages"),
        command: strings("command"),
        long: entry.get("long").and_then(toml::Value::as_bool).unwrap_or(false),
        node: entry.get("node").and_then(toml::Value::as_str).map(str::to_owned),
    }
}

/// Whether the folder holds exactly the packages that `agents.toml` names.
pub(crate) fn is_installed(agent: &PublishedAgent, install: &Path) -> bool {
    fs::read_to_string(install.join(".packages"))
        .is_ok_and(|packages| packages.trim_end() == agent.packages.join("\n"))
}

/// Writes the agent's configuration into its home and says how to start it against the model on `port`.
pub(crate) fn agent_setup(name: &str, dirs: &AgentDirs, port: u16) -> AgentSetup {
    let agents = published_agents();
    let agent = agents.iter().find(|agent| agent.name == name);
    let agent = agent.unwrap_or_else(|| panic!("agents.toml has no agent `{name}`"));
    let mut argv = agent.command.clone();
    argv[0] = text(&dirs.install.join(&argv[0]));
    let own = own(name, dirs, port).unwrap_or_else(|error| panic!("cannot configure `{name}`: {error}"));
    argv.extend(own.arguments.iter().map(|&argument| argument.to_owned()));
    let mut env = common_env(agent, dirs);
    env.extend(own.env.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    AgentSetup { argv, env, config: known_config(name), own }
}

/// The `[config]` with which this agent is registered where nobody says otherwise, in TOML: what users get is driven.
fn known_config(name: &str) -> String {
    let known = match name {
        // Versions and runtimes that are registered in another way, or not at all.
        "claude" | "codexzed" | "pi" | "pi-new" => return String::new(),
        "claude-new" => "claude",
        other => other,
    };
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../adapters/acp/agents/{known}.toml"));
    let all = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let table = all.split_once("[registration.config]\n").map_or("", |(_, rest)| rest);
    table.split_once("\n[").map_or(table, |(table, _)| table).to_owned()
}

/// The environment of every agent. `PATH` is the test's, for the interpreter and the shell's commands, behind what was
/// installed for this agent.
fn common_env(agent: &PublishedAgent, dirs: &AgentDirs) -> Vec<(String, String)> {
    let beside = |folder: String| text(&dirs.install.with_file_name(folder).join("node_modules/.bin"));
    let node = agent.node.as_ref().map(|version| beside(format!("node-{version}")));
    let paths = node.into_iter().chain([beside(agent.name.clone())]);
    let paths = paths.chain(std::env::var("PATH")).collect::<Vec<_>>().join(":");
    let pairs = [
        ("PATH", paths),
        ("HOME", text(&dirs.home)),
        ("TMPDIR", text(&dirs.tmp)),
        ("XDG_CONFIG_HOME", text(&dirs.home.join(".config"))),
        ("XDG_CACHE_HOME", text(&dirs.home.join(".cache"))),
        ("XDG_DATA_HOME", text(&dirs.home.join(".local/share"))),
        ("XDG_STATE_HOME", text(&dirs.home.join(".local/state"))),
        ("LANG", "C.UTF-8".to_owned()),
        ("NO_PROXY", "127.0.0.1,localhost".to_owned()),
    ];
    pairs.map(|(key, value)| (key.to_owned(), value)).to_vec()
}

fn text(path: &Path) -> String {
    path.to_str().expect("test folders have UTF-8 names").to_owned()
}
