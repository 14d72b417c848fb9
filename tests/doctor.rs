//! `omi-agentd doctor`: what is wrong with this machine comes first, each with what helps, and nothing is changed.

use omi_tests::world::server::{Server, answer};
use omi_tests::world::wire::Serving;
use omi_tests::world::{Ended, World, agent, eventually, guest_file, program};
use serde_json::Value;

use crate::catalogue::Machine;

/// The lines about what is wrong; they come before all others.
fn wrong(ended: &Ended) -> Vec<String> {
    let lines: Vec<&str> = ended.stdout.lines().collect();
    let count = lines.iter().take_while(|line| line.starts_with("wrong  ")).count();
    assert!(!lines[count..].iter().any(|line| line.starts_with("wrong")), "{ended:?}");
    assert_eq!(ended.code, Some(i32::from(count > 0)), "{ended:?}");
    lines[..count].iter().map(|line| (*line).to_owned()).collect()
}

/// Exactly these things are wrong: each line has all the words of one.
fn is_wrong(ended: &Ended, expected: &[&[&str]]) {
    let lines = wrong(ended);
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for words in expected {
        let found = lines.iter().any(|line| words.iter().all(|word| line.contains(word)));
        assert!(found, "no line with {words:?}: {lines:#?}");
    }
}

#[test]
fn a_machine_with_nothing_wrong_is_well() {
    let machine = Machine::new();
    let ended = machine.run(&["doctor"], &[]);
    is_wrong(&ended, &[]);
    for what in ["fine   state: ", "fine   record: ", "fine   compiled: ", "fine   configuration: "] {
        assert!(ended.stdout.contains(what), "{what}: {ended:?}");
    }
    let all: Value = serde_json::from_str(&machine.run(&["doctor", "--json"], &[]).stdout).unwrap();
    assert_eq!((&all["well"], &all["probed"]), (&true.into(), &serde_json::json!([])));
    assert!(all["agents"].as_array().unwrap().len() >= 13, "{all}");
}

#[test]
fn a_state_folder_that_is_not_there_is_not_made() {
    let world = World::new();
    let state = world.path("new/state").display().to_string();
    let ended = world.run(&["doctor", "--state-dir", &state, "echo"], "");
    assert!(ended.stdout.contains("is not there yet, and can be made"), "{ended:?}");
    assert!(!world.path("new").exists(), "nothing is changed");
    let nowhere = world.run(&["doctor", "--state-dir", "/proc/no-such-folder", "echo"], "");
    is_wrong(&nowhere, &[&["state: ", "/proc/no-such-folder", "cannot be made", "hint: "]]);
}

#[test]
fn a_configuration_that_cannot_be_read_is_named() {
    let world = World::new();
    world.configure("colour = 'red'\n");
    is_wrong(
        &world.run(&["doctor"], ""),
        &[&["configuration: ", "config.toml:1", "colour", "hint: mend line 1"]],
    );
    world.configure("[registrations.x]\ncomponent = 'acp'\nworkers-max = 0\n");
    is_wrong(&world.run(&["doctor"], ""), &[&["configuration: ", "registrations.x.workers-max", "hint: "]]);
    let missing = world.path("no-such.toml").display().to_string();
    let ended = world.run(&["doctor", "--config", &missing], "");
    is_wrong(&ended, &[&["configuration: ", "no-such.toml", "hint: ", "--config"]]);
    world.configure("default-adapter = 'nobody'\n");
    is_wrong(&world.run(&["doctor", "echo"], ""), &[&["default-adapter: ", "`nobody`", "hint: "]]);
}

#[test]
fn each_thing_that_a_registration_lacks_is_one_line() {
    let world = World::new();
    let probe = world.path("probe.wasm");
    std::fs::copy(guest_file("effect_probe"), &probe).unwrap();
    world.configure(
        "[registrations.one]\ncomponent = 'acp'\ngrants.agent.command = ['no-such-program']\n\
         [registrations.two]\ncomponent = 'acp'\n\
         [registrations.three]\ncomponent = 'acp'\ngrants.agent = { command = ['sh'], secrets = { A = { file = 'no-key' } } }\n\
         grants.workspace.folder = '/no/such/folder'\ngrants.odd.folder = 'session'\n\
         [registrations.four]\ncomponent = 'nowhere.wasm'\n\
         [registrations.five]\ncomponent = 'probe.wasm'\n",
    );
    let ended = world.run(&["doctor", "one", "two", "three", "four", "five", "six"], "");
    let install = format!("hint: omi-agentd adapter install {}", probe.canonicalize().unwrap().display());
    is_wrong(
        &ended,
        &[
            &["one: ", "`no-such-program` is not on PATH", "hint: "],
            &["two: ", "`grants.agent`", "hint: omi-agentd adapter info acp"],
            &["three: ", "no-key", "hint: "],
            &["three: ", "/no/such/folder", "hint: "],
            &["four: ", "nowhere.wasm", "hint: "],
            &["five: ", "is not installed", &install],
            &["six: ", "no registration", "hint: "],
        ],
    );
    assert!(ended.stdout.contains("note   three: `grants.odd` is bound"), "{ended:?}");
    world.install(&probe);
    crate::install::change(&probe);
    let ended = world.run(&["doctor", "five"], "");
    assert!(
        wrong(&ended).iter().any(|line| line.contains("has changed") && line.contains(&install)),
        "{ended:?}"
    );
}

#[test]
fn a_secret_is_seen_to_be_set_and_never_shown() {
    let world = World::new();
    let more = "grants.agent.secrets = { KEY = { env = 'MY_KEY' } }";
    let text = format!("[registrations.mine]\ncomponent = 'acp'\ngrants.agent.command = ['sh']\n{more}\n");
    world.configure(&text);
    let unset = world.run(&["doctor", "mine"], "");
    assert!(
        unset.stdout.contains("note   mine: the variable `MY_KEY` of its secret `KEY` is not set"),
        "{unset:?}"
    );
    let mut command = world.command(&["doctor", "mine"]);
    let set = omi_tests::world::Running::start(command.env("MY_KEY", "sesame")).ended();
    assert!(
        set.stdout.contains("fine   mine: the variable `MY_KEY`") && !set.stdout.contains("sesame"),
        "{set:?}"
    );
}

#[test]
fn an_agent_matters_only_to_whoever_relies_on_it() {
    let machine = Machine::new();
    machine.npm("claude-agent-acp", "@agentclientprotocol/claude-agent-acp", "0.100.0");
    let ended = machine.run(&["doctor"], &[]);
    is_wrong(&ended, &[]);
    assert!(ended.stdout.contains("note   claude: nobody is logged in"), "{ended:?}");
    let named = machine.run(&["doctor", "claude"], &[]);
    is_wrong(&named, &[&["claude: ", "nobody is logged in", "hint: claude /login"]]);
    is_wrong(&machine.run(&["doctor", "claude"], &[("ANTHROPIC_API_KEY", "sesame")]), &[]);
    let missing = machine.run(&["doctor", "gemini"], &[]);
    is_wrong(
        &missing,
        &[&["gemini: ", "`gemini` is not on PATH", "hint: npm install -g @google/gemini-cli@"]],
    );
    machine.npm("pi-acp", "pi-acp", "0.0.34");
    machine.npm("pi", "@mariozechner/pi-coding-agent", "0.73.1");
    let broken = machine.run(&["doctor", "pi-acp"], &[]);
    is_wrong(
        &broken,
        &[&["pi-acp: ", "never answers", "hint: npm install -g @earendil-works/pi-coding-agent@"]],
    );
}

#[test]
fn a_daemon_that_runs_is_named_and_cannot_be_probed_beside() {
    let world = World::new();
    world.register_tester(&[]);
    let serving = Serving::start(&world);
    let pid = format!("process {}", serving.running.id());
    let ended = world.run(&["doctor", "tester"], "");
    is_wrong(&ended, &[]);
    assert!(ended.stdout.contains("note   state: ") && ended.stdout.contains(&pid), "{ended:?}");
    is_wrong(&world.run(&["doctor", "tester", "--probe"], ""), &[&["probe: ", &pid, "hint: "]]);
}

#[test]
fn a_probe_starts_an_agent_as_a_run_does_and_leaves_nothing() {
    let world = World::new();
    let silent = agent("silent", &["exit"], "");
    let asks = agent("asks", &[], "").replace("grants.agent = {", "grants.agent = { policy = 'ask',");
    world.configure(&format!("{}{silent}{asks}", omi_tests::world::tester(&[], "")));
    let ended = world.run(&["doctor", "tester", "--probe", "--json"], "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let all: Value = serde_json::from_str(&ended.stdout).unwrap();
    let probed = &all["probed"][0];
    assert_eq!(probed["agent"], "tester", "{all}");
    assert!(probed["capabilities"].is_object() && probed["authMethods"].is_array(), "{probed}");
    assert!(probed["ms"].is_u64() && probed["error"].is_null(), "{probed}");
    let decisions = world.show(&["grants", "decisions", "--json"]);
    assert!(decisions.to_string().contains("omi-test-agents"), "it is on record: {decisions}");
    let failed = world.run(&["doctor", "silent", "asks", "--probe"], "");
    is_wrong(
        &failed,
        &[&["silent: the probe failed", "exit status 7"], &["asks: the probe failed", "nobody can be asked"]],
    );
    let name = program("omi-test-agents").display().to_string();
    let home = world.path("home").display().to_string();
    eventually("no process is left", || !processes_with(&name, &home));
}

#[test]
fn the_settings_of_a_registration_are_such_as_its_component_takes() {
    let world = World::new();
    world.configure(
        "[registrations.one]\ncomponent = 'acp'\ngrants.agent.command = ['sh']\nconfig.moed = 'plan'\n\
         [registrations.two]\ncomponent = 'acp'\ngrants.agent.command = ['sh']\nconfig.usage = 5\n\
         [registrations.far]\ncomponent = 'openai-chat'\n\
         grants.remote = { origin = 'http://127.0.0.1:1', methods = ['GET'], private = true }\n",
    );
    let ended = world.run(&["doctor", "one", "two", "far"], "");
    is_wrong(
        &ended,
        &[
            &["one: ", "`config`", "there is no setting `moed`", "hint: there are "],
            &["two: ", "`config`", "`usage` has to be one of", "hint: "],
        ],
    );
    assert!(ended.stdout.contains("fine   far: "), "whoever is named gets a line: {ended:?}");
}

#[test]
fn a_probe_asks_whoever_a_registration_talks_to() {
    let machine = Machine::new();
    machine.script("pi", "echo 'no pi today' >&2; exit 3");
    let list = r#"{"object":"list","data":[{"id":"small","object":"model"}]}"#;
    let here = Server::start(move |_| answer("200 OK", "Content-Type: application/json\r\n", list));
    let shut = Server::start(|_| answer("401 Unauthorized", "", "{}"));
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let chat = |name: &str, origin: &str| {
        let grant = format!("{{ origin = '{origin}', methods = ['GET', 'POST'], private = true }}");
        format!("[registrations.{name}]\ncomponent = 'openai-chat'\ngrants.remote = {grant}\n")
    };
    let all = [chat("here", &here.origin()), chat("shut", &shut.origin()), chat("gone", &gone)];
    machine.world.configure(&all.concat());
    let ended = machine.run(&["doctor", "pi-mono", "here", "shut", "gone", "echo", "--probe"], &[]);
    is_wrong(
        &ended,
        &[
            &["pi-mono: the probe failed", "hint: "],
            &["gone: the probe failed"],
            &["shut: it wants a log-in", "hint: ", "`secrets`"],
        ],
    );
    assert!(ended.stdout.contains("fine   here: it answers after "), "{ended:?}");
    assert!(ended.stdout.contains("fine   echo: ") && ended.stdout.contains("nothing to probe"), "{ended:?}");
}

#[test]
fn an_agent_that_needs_another_node_does_not_work() {
    let machine = Machine::new();
    machine.npm("gemini", "@google/gemini-cli", "0.61.0");
    let manifest = r#"{"name": "@google/gemini-cli", "version": "0.61.0", "engines": {"node": ">=20"}}"#;
    std::fs::write(machine.world.path("lib/node_modules/@google/gemini-cli/package.json"), manifest).unwrap();
    let look = || machine.run(&["doctor", "gemini"], &[("GEMINI_API_KEY", "sesame")]);
    machine.script("node", "echo v18.20.1");
    is_wrong(&look(), &[&["gemini: ", "needs Node >=20", "18.20.1", "hint: install Node"]]);
    machine.script("node", "echo v22.1.0");
    is_wrong(&look(), &[]);
}

/// A process runs this program with this home folder.
fn processes_with(program: &str, home: &str) -> bool {
    let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok()).any(|entry| {
        let has = |file: &str, text: &str| {
            let bytes = std::fs::read(entry.path().join(file)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).contains(text)
        };
        has("cmdline", program) && has("environ", home)
    })
}

#[test]
fn a_probe_starts_an_agent_with_the_files_that_a_run_gives_it() {
    let machine = Machine::new();
    machine.script(
        "pi",
        r#"[ "$1" = -e ] && [ -f "$2" ] || { echo "there is no $2" >&2; exit 3; }; echo 1.5.2"#,
    );
    let ended = machine.run(&["doctor", "pi-mono", "--probe"], &[]);
    assert!(ended.stdout.contains("pi-mono: it answers after"), "{ended:?}");
}
