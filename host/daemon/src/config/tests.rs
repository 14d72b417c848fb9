//! What a configuration file may say, and how it is told what it may not.

use super::*;
use omi_kernel::command::McpTransport;
use omi_kernel::model::ModelProfile;
use omi_kernel::permission::ApprovalPolicy;

fn load(text: &str) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, text).unwrap();
    Config::load(&path, true)
}

fn refused(text: &str, named: &[&str]) {
    let error = load(text).unwrap_err().to_string();
    assert!(!error.contains('\n'), "{error}");
    for name in named {
        assert!(error.contains(name), "no `{name}` in: {error}");
    }
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    refused(
        "workers-max = 2\n\n[registrations.x]\ncomponent = 'acp'\ncolour = 1\n",
        &["config.toml:5:", "colour"],
    );
}

#[test]
fn a_registration_takes_the_place_of_a_bundled_one() {
    let config =
        load("[registrations.gemini]\ncomponent = 'acp'\ngrants.agent.command = ['mine']\n").unwrap();
    let gemini = &config.registrations["gemini"];
    assert_eq!(gemini.programs().collect::<Vec<_>>(), [("agent", "mine")]);
    assert_eq!(gemini.no_progress_ms, None, "the whole of it");
    assert!(config.registrations.contains_key("echo"));
}

#[test]
fn no_bundled_registration_opts_in_to_the_legacy_policy() {
    let config = Config::load(Path::new("/nonexistent/config.toml"), false).unwrap();
    for registration in config.registrations.values() {
        assert_eq!(registration.policy(true), ApprovalPolicy::Ask);
        assert_eq!(registration.policy(false), ApprovalPolicy::Refuse);
        assert!(!registration.is_legacy());
    }
    assert!(config.legacy_adapters().is_empty());
}

#[test]
fn bundled_agents_are_watched_for_progress_and_echo_is_not() {
    let config = Config::load(Path::new("/nonexistent/config.toml"), false).unwrap();
    let watched = |name: &str| config.registrations[name].no_progress_ms;
    assert_eq!(
        ["claude", "gemini", "opencode", "codex", "echo"].map(watched),
        [Some(150_000), Some(150_000), Some(150_000), Some(300_000), None]
    );
}

#[test]
fn what_can_mean_nothing_is_refused_with_its_key() {
    refused("[registrations.x]\ncomponent = 'acp'\ngrants.agent.command = []\n", &["grants.agent.command"]);
    for key in ["workers-max", "wait-timeout-ms", "events-keep-days", "events-max"] {
        refused(&format!("{key} = 0\n"), &["config.toml", &format!("`{key}`"), "hint:"]);
    }
    for key in ["workers-max", "run-timeout-ms", "no-progress-ms"] {
        let text = format!("[registrations.x]\ncomponent = 'acp'\n{key} = 0\n");
        refused(&text, &[&format!("`registrations.x.{key}`"), "hint:"]);
    }
}

#[test]
fn numbers_are_read_and_have_defaults() {
    let config = load("parked-max = 0\nidle-worker-ms = 5\nworkers-max = 3\n").unwrap();
    assert_eq!((config.parked_max, config.idle_worker_ms, config.workers_max), (0, 5, 3));
    assert_eq!((config.wait_timeout_ms, config.cancel_grace_ms), (1_800_000, 10_000));
    assert_eq!((config.events_keep_days, config.events_max), (90, 1_000_000));
}

#[test]
fn limits_and_legacy_registrations_are_those_that_say_so() {
    let text =
        "parked-max = 2\n[registrations.a]\ncomponent = 'acp'\nworkers-max = 1\napprovals = 'legacy'\n";
    let config = load(text).unwrap();
    let limits = config.worker_limits();
    assert_eq!(limits.of_adapter, BTreeMap::from([(AdapterId::from("a"), 1)]));
    assert_eq!(limits.parked_max, 2);
    assert_eq!(config.legacy_adapters(), [AdapterId::from("a")]);
}

#[test]
fn a_profile_has_a_model_and_an_unknown_profile_is_named() {
    let config =
        load("[registrations.x]\ncomponent = 'acp'\n[registrations.x.models]\nworker = 'small'\n").unwrap();
    let models = &config.registrations["x"].models;
    assert_eq!(models.get(&ModelProfile::Worker).map(String::as_str), Some("small"));
    refused(
        "[registrations.x]\ncomponent = 'acp'\n[registrations.x.models]\npainter = 'big'\n",
        &["config.toml:4:", "painter", "main_reasoner"],
    );
    refused(
        "[registrations.x]\ncomponent = 'acp'\nmodels.worker = ''\n",
        &["`registrations.x.models.worker` is empty"],
    );
}

fn with_servers(servers: &str) -> Result<RegistrationConfig, ConfigError> {
    let config = load(&format!("[registrations.x]\ncomponent = 'acp'\n{servers}"))?;
    Ok(config.registrations["x"].clone())
}

const TOOLS: &str =
    "[[registrations.x.mcp-servers]]\ntransport = 'stdio'\nname = 'tools'\ncommand = 'tools'\n";

#[test]
fn mcp_servers_are_read_and_named_once() {
    let far =
        "[[registrations.x.mcp-servers]]\ntransport = 'http'\nname = 'far'\nurl = 'http://127.0.0.1:1/'\n";
    let registration = with_servers(&format!("{TOOLS}{far}")).unwrap();
    let names: Vec<_> = registration.mcp_servers.iter().map(|server| server.name.as_str()).collect();
    assert_eq!(names, ["tools", "far"]);
    assert!(matches!(registration.mcp_servers[1].transport, McpTransport::Http { .. }));
    let twice = with_servers(&format!("{TOOLS}{TOOLS}")).unwrap_err().to_string();
    assert!(twice.contains("registrations.x.mcp-servers") && twice.contains("`tools`"), "{twice}");
    let odd = with_servers(&format!("{TOOLS}colour = 'red'\n")).unwrap_err().to_string();
    assert!(odd.contains("colour"), "{odd}");
}

#[test]
fn the_mcp_hash_is_of_what_stays() {
    let hash = |env: &str| with_servers(&format!("{TOOLS}env = {{ {env} }}\n")).unwrap().mcp_hash();
    assert_eq!(with_servers("").unwrap().mcp_hash(), None);
    let plain = hash("A = '1', B = '2'");
    assert_eq!(plain.as_ref().map(String::len), Some(64));
    assert_eq!(hash("B = '2', OMI_RUN_ID = 'run_1', A = '1', OMI_BRIDGE_PIPE = '/tmp/x'"), plain);
    assert_ne!(hash("A = '1', B = '3'"), plain);
    let tools = with_servers(&format!("tools = true\n{TOOLS}env = {{ A = '1', B = '2' }}\n")).unwrap();
    assert!(tools.mcp_hash() != plain && tools.mcp_hash().is_some(), "with the tools it is another session");
    let alone = with_servers("tools = true\n").unwrap().mcp_hash();
    assert!(alone.is_some() && alone != tools.mcp_hash());
    let omi = format!("tools = true\n{}", TOOLS.replace("'tools'", "'omi'"));
    assert!(with_servers(&omi).unwrap_err().to_string().contains("hint: rename it"));
    assert_ne!(hash("A = '1', B = '2', OMI_OWNER_ID = 'me'"), plain, "the owner stays the same");
}
