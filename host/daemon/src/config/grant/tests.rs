//! What a grant of a configuration may say, and how it is told what it may not.

use std::collections::BTreeMap;
use std::path::PathBuf;

use omi_engine::{Bound, BoundHttp, BoundProcess, Folder, ProcessFolder, ProcessLimits, SecretSource};
use omi_kernel::grant::Policy;

use crate::config::{Config, ConfigError};

fn load(text: &str) -> Result<(Config, PathBuf), ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, text).unwrap();
    Ok((Config::load(&path, true)?, folder.path().to_owned()))
}

fn with(grant: &str, more: &str) -> String {
    format!("[registrations.x]\ncomponent = 'acp'\n{more}\n[registrations.x.grants]\ng = {{ {grant} }}\n")
}

fn bound(grant: &str) -> (omi_engine::Binding, PathBuf) {
    let (config, folder) = load(&with(grant, "")).unwrap_or_else(|error| panic!("{error}"));
    (config.registrations["x"].grants()["g"].clone(), folder)
}

fn process(grant: &str) -> (BoundProcess, PathBuf) {
    match bound(grant) {
        (omi_engine::Binding { bound: Bound::Process(process), .. }, folder) => (process, folder),
        (other, _) => panic!("{other:?}"),
    }
}

fn http(grant: &str) -> BoundHttp {
    match bound(grant).0.bound {
        Bound::Http(http) => http,
        other => panic!("{other:?}"),
    }
}

/// The error names the key of the grant and says this, in one line.
fn refused(grant: &str, key: &str, said: &str) {
    let error = load(&with(grant, "")).unwrap_err().to_string();
    let key = if key.is_empty() {
        "`registrations.x.grants.g`".to_owned()
    } else {
        format!("`registrations.x.grants.g.{key}`")
    };
    assert!(!error.contains('\n') && error.contains(&key) && error.contains(said), "{grant}: {error}");
}

#[test]
fn a_grant_binds_exactly_one_thing() {
    refused("policy = 'ask'", "", "hint: set one of `command`, `terminal`, `folder` and `origin`");
    refused("command = ['a'], folder = 'session'", "", "binds `command` and `folder`");
    refused("terminal = 'session', origin = 'https://x'", "", "binds `terminal` and `origin`");
}

#[test]
fn keys_belong_to_what_is_bound() {
    refused("folder = 'session', cwd = '/'", "cwd", "hint: it belongs to `command`");
    refused("folder = 'session', env = { A = 'b' }", "env", "it belongs to `command` and `terminal`");
    refused("folder = 'session', secrets = { A = { env = 'A' } }", "secrets", "`origin`");
    refused("terminal = 'session', cwd = '/'", "cwd", "does not go with `terminal`");
    refused("terminal = 'session', private = true", "private", "it belongs to `origin`");
    refused("origin = 'https://x', methods = ['GET'], confine = 'landlock'", "confine", "`command`");
    for key in ["methods = ['GET']", "timeout-ms = 1", "body-bytes = 1", "private = false"] {
        refused(&format!("command = ['a'], {key}"), key.split(' ').next().unwrap(), "it belongs to `origin`");
    }
    for key in ["pass-env = ['A']", "limits = {}", "state-folders = ['/a']", "read-folders = ['/a']"] {
        refused(
            &format!("folder = 'session', {key}"),
            key.split(' ').next().unwrap(),
            "`command` and `terminal`",
        );
    }
}

#[test]
fn the_policy_is_what_is_said_or_follows_from_what_is_bound() {
    let policy = |grant: &str| bound(grant).0.policy;
    assert_eq!(policy("command = ['a']"), Policy::Allow);
    assert_eq!(policy("origin = 'https://x', methods = ['GET']"), Policy::Allow);
    assert_eq!(policy("folder = 'session'"), Policy::Ask);
    assert_eq!(policy("terminal = 'session'"), Policy::Ask);
    for (word, policy) in
        [("deny", Policy::Deny), ("ask", Policy::Ask), ("allow", Policy::Allow), ("legacy", Policy::Legacy)]
    {
        assert_eq!(bound(&format!("command = ['a'], policy = '{word}'")).0.policy, policy);
    }
    refused("command = ['a'], policy = 'yes'", "policy", "hint: `deny`, `ask`, `allow` or `legacy`");
    refused("command = ['a'], policy = ''", "policy", "is no policy");
}

#[test]
fn legacy_is_the_registration_s_word_or_a_grant_s() {
    let (config, _) = load(&with("folder = 'session'", "approvals = 'legacy'")).unwrap();
    assert_eq!(config.registrations["x"].grants()["g"].policy, Policy::Legacy);
    assert_eq!(config.legacy_adapters().len(), 1);
    let (config, _) = load(&with("folder = 'session', policy = 'ask'", "approvals = 'legacy'")).unwrap();
    assert_eq!(config.registrations["x"].grants()["g"].policy, Policy::Ask);
    let (config, _) = load(&with("folder = 'session', policy = 'legacy'", "")).unwrap();
    assert_eq!(config.legacy_adapters().len(), 1, "its runs need the grant");
    let (config, _) = load(&with("folder = 'session'", "")).unwrap();
    assert_eq!(config.legacy_adapters(), []);
}

#[test]
fn a_program_and_its_paths_begin_at_the_file() {
    let (process, folder) = process("command = ['./bin/a', './b'], cwd = 'work'");
    assert_eq!(process.argv, [folder.join("bin/a").display().to_string(), "./b".to_owned()]);
    assert_eq!(process.cwd, ProcessFolder::At(folder.join("work")));
    assert_eq!(self::process("command = ['a']").0.argv, ["a"], "one that is looked for on PATH");
    for empty in ["command = []", "command = ['']", "command = [' ', 'a']"] {
        refused(empty, "command", "hint: name the program");
    }
}

#[test]
fn a_program_starts_in_the_folder_of_the_daemon_or_of_the_session() {
    assert_eq!(process("command = ['a']").0.cwd, ProcessFolder::Worker);
    assert_eq!(process("command = ['a'], cwd = 'session'").0.cwd, ProcessFolder::Session);
    refused("command = ['a'], cwd = ''", "cwd", "is no path");
}

#[test]
fn only_a_file_that_is_there_can_be_named_as_bundled() {
    let argv = process("command = ['pi', '-e', 'bundled:omi-gate.js']").0.argv;
    assert_eq!(argv[2], "bundled:omi-gate.js", "it gets its path when a worker is started");
    refused("command = ['pi', 'bundled:other.js']", "command", "hint: there is `bundled:omi-gate.js`");
}

#[test]
fn a_folder_is_the_session_s_or_a_path() {
    let folder_of = |grant: &str| match bound(grant) {
        (omi_engine::Binding { bound: Bound::Files(files), .. }, at) => (files.folder, at),
        (omi_engine::Binding { bound: Bound::Terminal(terminal), .. }, at) => (terminal.folder, at),
        (other, _) => panic!("{other:?}"),
    };
    assert_eq!(folder_of("folder = 'session'").0, Folder::Session);
    assert_eq!(folder_of("terminal = 'session'").0, Folder::Session);
    let (folder, at) = folder_of("folder = 'session/below'");
    assert_eq!(folder, Folder::At(at.join("session/below")));
    assert_eq!(folder_of("terminal = '/srv'").0, Folder::At("/srv".into()));
    refused("folder = ''", "folder", "is no path");
    refused("terminal = ' '", "terminal", "is no path");
}

#[test]
fn what_is_narrowed_is_something_that_can_be_done() {
    let narrowed = bound("folder = 'session', operations = ['read'], resources = ['src/**']").0;
    assert_eq!(
        (narrowed.operations, narrowed.resources),
        (vec!["read".to_owned()], vec!["src/**".to_owned()])
    );
    refused("folder = 'session', operations = ['delete']", "operations", "hint: `read`, `write`");
    refused("command = ['a'], operations = ['read']", "operations", "hint: `spawn`");
    refused("folder = 'session', operations = []", "operations", "is empty");
    refused("folder = 'session', resources = []", "resources", "is empty");
    refused("folder = 'session', resources = ['']", "resources", "empty pattern");
}

#[test]
fn a_secret_has_one_source() {
    let (process, folder) = process(
        "command = ['a'], secrets = { KEY = { env = 'MY_KEY' }, TOKEN = { file = 'token', prefix = 'x ' } }",
    );
    let secrets = process.setting.secrets;
    assert_eq!(secrets["KEY"].source, SecretSource::Env("MY_KEY".to_owned()));
    assert_eq!(secrets["TOKEN"].source, SecretSource::File(folder.join("token")));
    assert_eq!(secrets["TOKEN"].prefix, "x ");
    let secret = |form: &str| format!("command = ['a'], secrets = {{ KEY = {form} }}");
    refused(&secret("{}"), "secrets.KEY", "needs one source");
    refused(&secret("{ env = 'A', file = 'b' }"), "secrets.KEY", "needs one source");
    refused(&secret("{ env = '' }"), "secrets.KEY", "names no variable");
    refused(&secret("{ file = '' }"), "secrets.KEY", "is no path");
    refused(&secret("{ env = 'A', prefix = \"a\\nb\" }"), "secrets.KEY", "control character");
    for itself in
        ["secrets = { KEY = 'sk-123' }", "secrets = 'sk-123'", "secrets = { KEY = { value = 'sk-123' } }"]
    {
        let error = load(&with(&format!("command = ['a'], {itself}"), "")).unwrap_err().to_string();
        assert!(!error.contains("sk-123") && !error.contains('\n'), "{error}");
        assert!(error.contains("config.toml:") && error.contains("env"), "{error}");
    }
}

#[test]
fn a_variable_is_named_once_and_well() {
    let both = "command = ['a'], env = { KEY = 'x' }, secrets = { KEY = { env = 'KEY' } }";
    refused(both, "secrets.KEY", "in another way as well");
    refused(
        "command = ['a'], pass-env = ['KEY'], secrets = { KEY = { env = 'KEY' } }",
        "secrets.KEY",
        "another way",
    );
    refused("command = ['a'], env = { 'A=B' = 'x' }", "env", "no name of a variable");
    refused("command = ['a'], pass-env = ['']", "pass-env", "no name of a variable");
    refused("command = ['a'], secrets = { \"A\\nB\" = { env = 'A' } }", "secrets", "no name of a variable");
}

#[test]
fn limits_are_numbers_above_zero() {
    let setting = process(
        "command = ['a'], limits = { processes = 4, open-files = 5, memory-bytes = 6, file-bytes = 7 }",
    )
    .0
    .setting;
    let all = ProcessLimits { processes: 4, open_files: Some(5), memory_bytes: Some(6), file_bytes: Some(7) };
    assert_eq!(setting.limits, all);
    assert_eq!(process("command = ['a']").0.setting.limits, ProcessLimits::default());
    for key in ["processes", "open-files", "memory-bytes", "file-bytes"] {
        refused(
            &format!("command = ['a'], limits = {{ {key} = 0 }}"),
            &format!("limits.{key}"),
            "cannot be 0",
        );
    }
}

#[test]
fn folders_are_opened_to_what_is_confined() {
    let (process, folder) = process(
        "command = ['a'], confine = 'landlock', state-folders = ['state'], read-folders = ['/opt/x']",
    );
    let confine = process.setting.confine.unwrap();
    assert_eq!((confine.state, confine.read), (vec![folder.join("state")], vec![PathBuf::from("/opt/x")]));
    refused(
        "command = ['a'], state-folders = ['/a']",
        "state-folders",
        "it goes with `confine = \"landlock\"`",
    );
    refused("terminal = 'session', read-folders = ['/a']", "read-folders", "it goes with `confine");
    refused("command = ['a'], confine = 'seccomp'", "confine", "hint: `landlock`");
}

#[test]
fn requests_have_an_origin_methods_and_limits() {
    let remote = http(
        "origin = 'https://API.example.com:443', methods = ['GET', 'POST'], \
         secrets = { Authorization = { env = 'T', prefix = 'Bearer ' } }",
    );
    assert_eq!(remote.origin, "https://api.example.com");
    assert_eq!(remote.methods, ["GET", "POST"]);
    assert_eq!((remote.private, remote.timeout_ms, remote.body_bytes), (false, 120_000, 64 * 1024 * 1024));
    assert_eq!(remote.secrets.keys().collect::<Vec<_>>(), ["authorization"]);
    refused("origin = 'https://x/v1', methods = ['GET']", "origin", "more than an origin");
    refused("origin = 'https://me:pw@x', methods = ['GET']", "origin", "a name or password");
    refused("origin = 'https://x'", "methods", "names no method");
    refused("origin = 'https://x', methods = ['get']", "methods", "in upper case");
    refused("origin = 'https://x', methods = ['GET'], timeout-ms = 0", "timeout-ms", "cannot be 0");
    refused("origin = 'https://x', methods = ['GET'], body-bytes = 0", "body-bytes", "cannot be 0");
    let secrets =
        |secrets: &str| format!("origin = 'https://x', methods = ['GET'], secrets = {{ {secrets} }}");
    refused(&secrets("'a b' = { env = 'A' }"), "secrets", "no name of a header");
    refused(&secrets("A = { env = 'A' }, a = { env = 'A' }"), "secrets", "twice");
}

#[test]
fn the_keys_of_bundled_agents_are_secrets_and_nothing_is_opened_beside_the_agent() {
    let config = Config::load(std::path::Path::new("/nonexistent/config.toml"), false).unwrap();
    let mut keys = BTreeMap::new();
    for (name, registration) in &config.registrations {
        for (grant, binding) in registration.grants() {
            assert_eq!((grant.as_str(), binding.policy), ("agent", Policy::Allow), "{name}");
            let Bound::Process(process) = &binding.bound else { panic!("{name}: {binding:?}") };
            assert!(!process.setting.pass_env.iter().any(|variable| variable.ends_with("_KEY")), "{name}");
            keys.insert(name.as_str(), process.setting.secrets.keys().cloned().collect::<Vec<_>>());
        }
    }
    let expected: &[(&str, &[&str])] = &[
        ("claude", &["ANTHROPIC_API_KEY"]),
        ("codex", &["CODEX_API_KEY", "OPENAI_API_KEY"]),
        ("copilot", &["COPILOT_GITHUB_TOKEN", "COPILOT_PROVIDER_API_KEY", "GH_TOKEN", "GITHUB_TOKEN"]),
        ("fast-agent", &["ANTHROPIC_API_KEY", "OPENAI_API_KEY"]),
        ("gemini", &["GEMINI_API_KEY", "GOOGLE_API_KEY"]),
        ("hermes", &["OPENROUTER_API_KEY"]),
        ("kilo", &["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY"]),
        ("kimi", &[]),
        ("openclaw", &["OPENCLAW_GATEWAY_TOKEN"]),
        ("opencode", &["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY"]),
        ("pi-acp", &["ANTHROPIC_API_KEY", "OPENAI_API_KEY"]),
        ("pi-mono", &["ANTHROPIC_API_KEY", "GEMINI_API_KEY", "OPENAI_API_KEY"]),
        ("qwen", &["OPENAI_API_KEY"]),
        ("vibe", &["MISTRAL_API_KEY"]),
    ];
    let expected =
        expected.iter().map(|(name, keys)| (*name, keys.iter().map(|key| (*key).to_owned()).collect()));
    assert_eq!(keys, expected.collect());
}

#[test]
fn a_component_is_found_from_the_file() {
    let (config, folder) = load("").unwrap();
    assert_eq!(config.component("a.wasm"), Ok(folder.join("a.wasm")));
    assert_eq!(config.component("/opt/a.wasm"), Ok(PathBuf::from("/opt/a.wasm")));
}
