//! Every file of the catalogue is what it should be.

use std::collections::BTreeSet;
use std::path::Path;

use omi_engine::Bound;
use omi_kernel::descriptor::Recovery;
use serde_json::Value;

use super::*;
use crate::config::Config;
use crate::schema::wrong;

fn config() -> Config {
    Config::load(Path::new("/nonexistent/config.toml"), false).unwrap_or_else(|error| panic!("{error}"))
}

/// Every word of a schema is one that is looked at when a configuration is checked.
fn is_understood(schema: &Value) -> bool {
    let words =
        ["$schema", "type", "description", "default", "enum", "minimum", "minLength", "properties", "items"];
    let rest = ["additionalProperties", "anyOf"];
    let below = schema["properties"].as_object().into_iter().flatten().map(|(_, schema)| schema);
    let below = below.chain(schema.get("items")).all(is_understood);
    let known = |key: &String| words.contains(&key.as_str()) || rest.contains(&key.as_str());
    below && schema.as_object().is_some_and(|schema| schema.keys().all(known))
}

fn schema_of(component: &str) -> Value {
    let path = format!("{}/../../adapters/{component}/src/config.schema.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_file_is_an_agent_and_its_registration_is_there() {
    let config = config();
    for (name, text) in FILES {
        let agent = Agent::parse(text).unwrap_or_else(|error| panic!("{name}.toml: {error}"));
        assert!(config.registrations.contains_key(*name), "{name}");
        assert!(!agent.title.is_empty() && !agent.detect.install.contains('\n'), "{name}");
    }
    let names: BTreeSet<&str> = FILES.iter().map(|(name, _)| *name).collect();
    for name in [
        "claude",
        "codex",
        "gemini",
        "opencode",
        "qwen",
        "copilot",
        "kimi",
        "kilo",
        "pi-acp",
        "vibe",
        "fast-agent",
        "hermes",
        "openclaw",
    ] {
        assert!(names.contains(name), "{name} is missing");
    }
}

#[test]
fn the_component_of_every_agent_understands_its_config() {
    for (name, registration) in &config().registrations {
        if !FILES.iter().any(|(file, _)| file == name) {
            continue;
        }
        let config = registration.settings();
        let why = wrong(&config, &schema_of(&registration.component));
        assert_eq!(why, None, "{name}.toml: [registration.config]");
    }
}

#[test]
fn the_schema_is_really_asked() {
    for component in ["acp", "pi-mono", "a2a", "openai-chat"] {
        assert!(is_understood(&schema_of(component)), "{component}");
    }
    let schema = schema_of("acp");
    for odd in [r#"{"moed": "x"}"#, r#"{"mode": 1}"#, r#"{"systemPrompt": "loud"}"#, r#"{"lineBytesMax": 1}"#]
    {
        assert!(wrong(&serde_json::from_str(odd).unwrap(), &schema).is_some(), "{odd}");
    }
    let fine = serde_json::json!({ "mode": "plan", "systemPrompt": "meta", "initializeTimeoutMs": 5 });
    assert_eq!(wrong(&fine, &schema), None);
}

#[test]
fn a_variable_that_logs_somebody_in_reaches_the_agent() {
    let config = config();
    for (name, agent) in Agent::all() {
        let Some(binding) = config.registrations[name].grants().get("agent") else {
            panic!("{name}: no agent")
        };
        let Bound::Process(process) = &binding.bound else { panic!("{name}: no program") };
        let setting = &process.setting;
        for variable in &agent.detect.login.env {
            let passed = setting.secrets.contains_key(variable) || setting.pass_env.contains(variable);
            assert!(passed, "{name}: `{variable}` does not reach the agent");
        }
        for file in &agent.detect.login.files {
            let variable = file.strip_prefix('$').map(|rest| rest.split('/').next().unwrap_or_default());
            let passed = variable.is_none_or(|variable| setting.pass_env.iter().any(|pass| pass == variable));
            assert!(passed && (variable.is_some() || file.starts_with("~/")), "{name}: `{file}`");
        }
    }
}

#[test]
fn what_is_known_says_what_becomes_of_it() {
    for (name, agent) in Agent::all() {
        for known in &agent.known {
            assert!(known.omi.is_some() || known.hint.is_some(), "{name}: {}", known.wrong);
            assert!(!known.broken || known.hint.is_some(), "{name}: what is to be done? {}", known.wrong);
            let needs = |of: &String| agent.detect.needs.iter().any(|need| need.program == *of);
            assert!(known.of.as_ref().is_none_or(needs), "{name}: {:?}", known.of);
        }
        let packages = agent.detect.needs.iter().flat_map(|need| need.source().packages);
        for package in agent.detect.source().packages.iter().chain(packages) {
            assert!(package.starts_with("npm:") || package.starts_with("pip:"), "{name}: {package}");
        }
    }
}

#[test]
fn only_openclaw_goes_on_by_itself() {
    for (name, registration) in &config().registrations {
        let wanted = (name == "openclaw").then_some(Recovery::Runtime);
        assert_eq!(registration.recovers, wanted, "{name}");
    }
}
