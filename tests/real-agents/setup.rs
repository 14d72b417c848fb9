//! The published agents of `agents.toml`, and what each needs to talk to the scripted model server.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

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
    /// How this agent differs from what the protocol lets one expect.
    pub(crate) notes: &'static [Note],
}

/// A difference of an agent that a test must allow for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// It asks for permission before it announced the tool call.
    AsksBeforeAnnouncing,
    /// It sends no `tool_call` for a call that it asks about, only a later `tool_call_update`.
    NeverAnnounces,
    /// It sends `tool_call` twice for the same call.
    AnnouncesTwice,
    /// It ends the turn as `cancelled` when the permission is rejected.
    RejectionCancels,
    /// It ends the turn as `end_turn`, without asking the model again, when the permission is rejected.
    RejectionEndsTurn,
    /// It does not end when its stdin is closed.
    IgnoresEndOfInput,
    /// It does not end on SIGTERM.
    IgnoresTerminate,
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
    let prepared = match name {
        "gemini" => gemini(dirs, port),
        "codexzed" => codexzed(dirs, port),
        "claude" => claude(dirs, port),
        other => panic!("agents.toml names `{other}`, for which setup.rs has no configuration"),
    };
    let (own_env, notes) = prepared.unwrap_or_else(|error| panic!("cannot configure `{name}`: {error}"));
    let mut env = common_env(dirs);
    env.extend(own_env.into_iter().map(|(key, value)| (key.to_owned(), value)));
    AgentSetup { argv, env, notes }
}

/// What an agent adds to the common environment, and its differences.
type Own = (Vec<(&'static str, String)>, &'static [Note]);

/// Asks for every shell command by default, once the folder is trusted.
fn gemini(dirs: &AgentDirs, port: u16) -> io::Result<Own> {
    let folder = dirs.home.join(".gemini");
    fs::create_dir_all(&folder)?;
    let settings = serde_json::json!({
        "security": { "auth": { "selectedType": "gemini-api-key" } },
        // A model named outright: the automatic choice would ask the model first.
        "model": { "name": "gemini-2.5-flash" },
        "general": { "enableAutoUpdate": false, "enableAutoUpdateNotification": false },
        "privacy": { "usageStatisticsEnabled": false },
        "telemetry": { "enabled": false }
    });
    fs::write(folder.join("settings.json"), settings.to_string())?;
    let env = vec![
        ("GEMINI_API_KEY", "scripted".to_owned()),
        ("GOOGLE_GEMINI_BASE_URL", format!("http://127.0.0.1:{port}")),
        ("GEMINI_CLI_TRUST_WORKSPACE", "true".to_owned()),
    ];
    Ok((env, &[Note::AsksBeforeAnnouncing, Note::NeverAnnounces, Note::IgnoresTerminate]))
}

/// Asks for every command that it does not know to be harmless. Its own sandbox stays off, because it needs
/// kernel features that a container may lack.
fn codexzed(dirs: &AgentDirs, port: u16) -> io::Result<Own> {
    let folder = dirs.home.join(".codex");
    fs::create_dir_all(&folder)?;
    let config = format!(
        r#"model = "gpt-5.4-mini"
model_provider = "scripted"
approval_policy = "untrusted"
sandbox_mode = "danger-full-access"
check_for_update_on_startup = false

[model_providers.scripted]
name = "scripted"
base_url = "http://127.0.0.1:{port}/v1"
wire_api = "responses"
env_key = "SCRIPTED_KEY"
supports_websockets = false
request_max_retries = 0
stream_max_retries = 0

[analytics]
enabled = false
"#
    );
    fs::write(folder.join("config.toml"), config)?;
    let env = vec![
        ("CODEX_HOME", text(&folder)),
        ("SCRIPTED_KEY", "scripted".to_owned()),
        ("NO_BROWSER", "1".to_owned()),
    ];
    Ok((env, &[Note::AsksBeforeAnnouncing, Note::RejectionCancels, Note::IgnoresEndOfInput]))
}

/// Asks for every command that it does not know to be harmless.
fn claude(dirs: &AgentDirs, port: u16) -> io::Result<Own> {
    let folder = dirs.home.join(".claude");
    fs::create_dir_all(&folder)?;
    let env = vec![
        ("ANTHROPIC_API_KEY", "scripted".to_owned()),
        ("ANTHROPIC_BASE_URL", format!("http://127.0.0.1:{port}")),
        ("CLAUDE_CONFIG_DIR", text(&folder)),
        ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1".to_owned()),
        ("DISABLE_AUTOUPDATER", "1".to_owned()),
    ];
    Ok((env, &[Note::AnnouncesTwice, Note::RejectionEndsTurn, Note::IgnoresEndOfInput]))
}

/// The environment of every agent. `PATH` is the test's, for the interpreter and the shell's commands.
fn common_env(dirs: &AgentDirs) -> Vec<(String, String)> {
    let path = std::env::var("PATH").expect("the tests have a PATH");
    let pairs = [
        ("PATH", path),
        ("HOME", text(&dirs.home)),
        ("TMPDIR", text(&dirs.tmp)),
        ("XDG_CONFIG_HOME", text(&dirs.home.join(".config"))),
        ("XDG_CACHE_HOME", text(&dirs.home.join(".cache"))),
        ("LANG", "C.UTF-8".to_owned()),
        ("NO_PROXY", "127.0.0.1,localhost".to_owned()),
    ];
    pairs.map(|(key, value)| (key.to_owned(), value)).to_vec()
}

fn text(path: &Path) -> String {
    path.to_str().expect("test folders have UTF-8 names").to_owned()
}
