//! What each agent needs of its own to talk to the scripted model server, and what it does otherwise than the usual.

use std::{fs, io};

use omi_tests::measured::Behaviour;
use serde_json::json;

use super::{AgentDirs, text};
use crate::model_server::OUTSIDE;

/// A key that is none.
const KEY: &str = "scripted";

/// What is an agent's own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Own {
    /// Added to the common environment.
    pub(crate) env: Vec<(&'static str, String)>,
    /// The adapter that speaks to it; none for the one of nearly all.
    pub(crate) adapter: Option<&'static str>,
    /// Added to the command.
    pub(crate) arguments: &'static [&'static str],
    /// Added to the grant of its program, in TOML.
    pub(crate) grant: &'static str,
    /// Written before each command, where an agent asks only about those that it takes for dangerous.
    pub(crate) dangerous: &'static str,
    /// It cannot load a session in the minute in which that began.
    pub(crate) loads_later: bool,
    /// What it does otherwise than the usual (see `expected.rs`).
    pub(crate) differs: &'static [(Behaviour, &'static str)],
}

/// Writes the agent's configuration into its home.
pub(super) fn own(name: &str, dirs: &AgentDirs, port: u16) -> io::Result<Own> {
    match name {
        "gemini" => gemini(dirs, port),
        "codexzed" => codexzed(dirs, port),
        "claude" => claude(dirs, port),
        "claude-new" => claude_new(dirs, port),
        "codex" => codex(dirs, port),
        "opencode" => opencode(dirs, port),
        "copilot" => Ok(copilot(port)),
        "kimi" => kimi(dirs, port),
        "qwen" => qwen(dirs, port),
        "hermes" => hermes(dirs, port),
        "pi-acp" => pi_acp(dirs, port),
        "pi" => pi(dirs, port),
        "pi-new" => pi_new(dirs, port),
        other => panic!("agents.toml names `{other}`, for which there is no configuration"),
    }
}

/// Asks for every shell command by default, once the folder is trusted.
fn gemini(dirs: &AgentDirs, port: u16) -> io::Result<Own> {
    let folder = dirs.home.join(".gemini");
    fs::create_dir_all(&folder)?;
    let settings = json!({
        "security": { "auth": { "selectedType": "gemini-api-key" } },
        // A model named outright: the automatic choice would ask the model first.
        "model": { "name": "gemini-2.5-flash" },
        "general": { "enableAutoUpdate": false, "enableAutoUpdateNotification": false },
        "privacy": { "usageStatisticsEnabled": false },
        "telemetry": { "enabled": false }
    });
    fs::write(folder.join("settings.json"), settings.to_string())?;
    let env = vec![
        ("GEMINI_API_KEY", KEY.to_owned()),
        ("GOOGLE_GEMINI_BASE_URL", format!("http://127.0.0.1:{port}")),
        ("GEMINI_CLI_TRUST_WORKSPACE", "true".to_owned()),
    ];
    let differs = &[(
        Behaviour::DaemonRestarted,
        "native from the next minute on; before, a new native session, recorded",
    )];
    Ok(Own { env, loads_later: true, differs, ..Own::default() })
}

/// Asks for every command that it does not know to be harmless. Its own sandbox stays off, because it needs
/// kernel features that a container may lack.
fn codexzed(dirs: &AgentDirs, port: u16) -> io::Result<Own> {
    codex_with(
        dirs,
        port,
        "gpt-5.4-mini",
        "approval_policy = \"untrusted\"\nsandbox_mode = \"danger-full-access\"\n",
    )
}

/// Its mode is chosen by the client or the environment, and stands above the configuration. In `read-only` it asks about
/// commands that are to run outside of its sandbox, and about no other.
fn codex(dirs: &AgentDirs, port: u16) -> io::Result<Own> {
    let mut own = codex_with(dirs, port, "gpt-5.5", "")?;
    own.dangerous = OUTSIDE;
    own.env.push(("MODEL_PROVIDER", "scripted".to_owned()));
    own.env.push(("INITIAL_AGENT_MODE", "read-only".to_owned()));
    Ok(own)
}

/// The model is one that it knows: about another one it warns in the text of its answer. When a refused permission is answered with `cancelled`, that is the answer to the refusal, and omi says so.
fn codex_with(dirs: &AgentDirs, port: u16, model: &str, policy: &str) -> io::Result<Own> {
    let folder = dirs.home.join(".codex");
    fs::create_dir_all(&folder)?;
    let config = format!(
        r#"model = "{model}"
model_provider = "scripted"
check_for_update_on_startup = false
{policy}
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
    let env =
        vec![("CODEX_HOME", text(&folder)), ("SCRIPTED_KEY", KEY.to_owned()), ("NO_BROWSER", "1".to_owned())];
    let differs = &[(Behaviour::ToolRefused, "the turn ends")];
    Ok(Own { env, differs, ..Own::default() })
}

/// Asks for every command that it does not know to be harmless.
fn claude(dirs: &AgentDirs, port: u16) -> io::Result<Own> {
    let own = claude_new(dirs, port)?;
    let differs = &[(Behaviour::ToolRefused, "the turn ends")];
    Ok(Own { differs, ..own })
}

fn claude_new(dirs: &AgentDirs, port: u16) -> io::Result<Own> {
    let folder = dirs.home.join(".claude");
    fs::create_dir_all(&folder)?;
    let env = vec![
        ("ANTHROPIC_API_KEY", KEY.to_owned()),
        ("ANTHROPIC_BASE_URL", format!("http://127.0.0.1:{port}")),
        ("CLAUDE_CONFIG_DIR", text(&folder)),
        ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1".to_owned()),
        ("DISABLE_AUTOUPDATER", "1".to_owned()),
    ];
    Ok(Own { env, ..Own::default() })
}

/// Asks for nothing unless it is told to.
fn opencode(dirs: &AgentDirs, port: u16) -> io::Result<Own> {
    let folder = dirs.home.join(".config/opencode");
    fs::create_dir_all(&folder)?;
    let limit = json!({ "context": 100_000, "output": 4096 });
    let config = json!({
        "provider": { "scripted": {
            "npm": "@ai-sdk/openai-compatible", "name": "scripted",
            "options": { "baseURL": format!("http://127.0.0.1:{port}/v1"), "apiKey": KEY },
            "models": { "scripted": { "name": "scripted", "tool_call": true, "limit": limit } }
        } },
        "model": "scripted/scripted", "small_model": "scripted/scripted",
        "permission": { "bash": "ask", "edit": "ask" },
        "autoupdate": false, "share": "disabled"
    });
    fs::write(folder.join("opencode.json"), config.to_string())?;
    let env = vec![
        ("OPENCODE_DISABLE_AUTOUPDATE", "1".to_owned()),
        ("OPENCODE_DISABLE_MODELS_FETCH", "1".to_owned()),
    ];
    let differs = &[(Behaviour::ToolRefused, "the turn ends")];
    Ok(Own { env, differs, ..Own::default() })
}

fn copilot(port: u16) -> Own {
    let env = vec![
        ("COPILOT_PROVIDER_BASE_URL", format!("http://127.0.0.1:{port}/v1")),
        ("COPILOT_PROVIDER_TYPE", "openai".to_owned()),
        ("COPILOT_PROVIDER_API_KEY", KEY.to_owned()),
        ("COPILOT_MODEL", "scripted".to_owned()),
        ("COPILOT_OFFLINE", "true".to_owned()),
    ];
    let differs = &[(Behaviour::ToolRefused, "the turn ends")];
    Own { env, differs, ..Own::default() }
}

fn kimi(dirs: &AgentDirs, port: u16) -> io::Result<Own> {
    let folder = dirs.home.join(".kimi-code");
    fs::create_dir_all(&folder)?;
    let config = format!(
        r#"default_model = "scripted"

[providers.scripted]
type = "openai"
base_url = "http://127.0.0.1:{port}/v1"
api_key = "{KEY}"

[models.scripted]
provider = "scripted"
model = "scripted"
max_context_size = 100000
"#
    );
    fs::write(folder.join("config.toml"), config)?;
    Ok(Own { env: vec![("KIMI_CODE_HOME", text(&folder))], ..Own::default() })
}

/// In its own mode a model decides what is allowed; in `default` a person does.
fn qwen(dirs: &AgentDirs, port: u16) -> io::Result<Own> {
    let folder = dirs.home.join(".qwen");
    fs::create_dir_all(&folder)?;
    let settings = json!({
        "security": { "auth": { "selectedType": "openai" } },
        "general": { "disableAutoUpdate": true, "enableAutoUpdate": false },
        "privacy": { "usageStatisticsEnabled": false },
        "telemetry": { "enabled": false }
    });
    fs::write(folder.join("settings.json"), settings.to_string())?;
    let env = vec![
        ("OPENAI_API_KEY", KEY.to_owned()),
        ("OPENAI_BASE_URL", format!("http://127.0.0.1:{port}/v1")),
        ("OPENAI_MODEL", "scripted".to_owned()),
    ];
    let differs = &[(Behaviour::ToolRefused, "the turn ends")];
    Ok(Own { env, differs, ..Own::default() })
}

/// Asks only about commands that it takes for dangerous.
fn hermes(dirs: &AgentDirs, port: u16) -> io::Result<Own> {
    let folder = dirs.home.join(".hermes");
    fs::create_dir_all(&folder)?;
    let config = format!(
        "model:\n  default: scripted\n  provider: custom\n  base_url: http://127.0.0.1:{port}/v1\n  api_key: {KEY}\n"
    );
    fs::write(folder.join("config.yaml"), config)?;
    let env = vec![("HERMES_HOME", text(&folder))];
    Ok(Own { env, dangerous: "rm -rf nothing; ", ..Own::default() })
}

/// Never asks.
fn pi_acp(dirs: &AgentDirs, port: u16) -> io::Result<Own> {
    pi_home(dirs, port)?;
    let differs = &[
        (Behaviour::ToolAllowed, "not asked"),
        (Behaviour::ToolRefused, "not asked"),
        (Behaviour::CancelledWhileAsked, "not asked"),
    ];
    Ok(Own { env: vec![("PI_OFFLINE", "1".to_owned())], differs, ..Own::default() })
}

/// Its oldest kind, on the machine's own Node: its session ends with its process.
fn pi(dirs: &AgentDirs, port: u16) -> io::Result<Own> {
    let own = pi_new(dirs, port)?;
    let differs = &[(Behaviour::DaemonRestarted, "new native session, recorded")];
    Ok(Own { differs, ..own })
}

/// Asks through the gate that comes with the daemon.
fn pi_new(dirs: &AgentDirs, port: u16) -> io::Result<Own> {
    pi_home(dirs, port)?;
    Ok(Own {
        env: vec![("PI_OFFLINE", "1".to_owned())],
        adapter: Some("pi-mono"),
        arguments: &["-e", "bundled:omi-gate.js"],
        grant: "cwd = \"session\"",
        ..Own::default()
    })
}

/// The model that every pi finds in its home.
fn pi_home(dirs: &AgentDirs, port: u16) -> io::Result<()> {
    let folder = dirs.home.join(".pi/agent");
    fs::create_dir_all(&folder)?;
    let models = json!({ "providers": { "scripted": {
        "baseUrl": format!("http://127.0.0.1:{port}/v1"), "api": "openai-completions", "apiKey": KEY,
        "models": [{ "id": "scripted", "contextWindow": 100_000, "maxTokens": 4096 }]
    } } });
    fs::write(folder.join("models.json"), models.to_string())?;
    // It would begin its first answer with its version.
    let settings = json!({ "defaultProvider": "scripted", "defaultModel": "scripted", "quietStartup": true });
    fs::write(folder.join("settings.json"), settings.to_string())
}
