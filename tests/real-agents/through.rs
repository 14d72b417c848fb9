//! Each published agent through `omi-agentd`: an answer, a tool with its permission, a cancellation, a second process.

use std::path::{Path, PathBuf};
use std::time::Duration;

use omi_tests::world::{Running, World};
use rustix::process::Signal;

use crate::model_server::{ModelServer, Outcome};
use crate::setup::{AgentDirs, Note, agent_setup, is_installed, published_agents};

/// Longer than an agent takes to give up a request that was cancelled.
const PATIENCE: Duration = Duration::from_secs(20);

/// An agent registered in a world of its own, with a model of its own.
struct Stage {
    world: World,
    model: ModelServer,
    notes: &'static [Note],
}

/// The stage for an agent.
fn stage(name: &str) -> Stage {
    let folder = std::env::var_os("OMI_REAL_AGENTS");
    let folder = folder.expect(
        "OMI_REAL_AGENTS names where the agents are; hint: cargo xtask test (--quick leaves them out)",
    );
    let install = Path::new(&folder).join(name);
    let agent =
        published_agents().into_iter().find(|agent| agent.name == name).expect("it is in agents.toml");
    assert!(is_installed(&agent, &install), "`{name}` is not installed in {}", install.display());
    let world = World::new();
    let home = folder_of(&world, "agent-home");
    let tmp = folder_of(&world, "agent-tmp");
    let model = ModelServer::start();
    let setup = agent_setup(name, &AgentDirs { install, home, tmp }, model.port());
    let env: Vec<String> = setup.env.iter().map(|(name, value)| format!("{name:?} = {value:?}")).collect();
    world.configure(&format!(
        "[registrations.{name}]\ncomponent = \"acp\"\n\
         grants.agent = {{ command = {:?}, env = {{ {} }} }}\n",
        setup.argv,
        env.join(", ")
    ));
    Stage { world, model, notes: setup.notes }
}

fn folder_of(world: &World, name: &str) -> PathBuf {
    let folder = world.path(name);
    std::fs::create_dir(&folder).expect("a folder");
    folder
}

/// The number before the option that allows once, as the person reads it.
fn number_that_allows(running: &Running) -> String {
    running.says("(allow once)");
    let text = running.stderr();
    let line = text.lines().find(|line| line.ends_with("(allow once)")).expect("the option is shown");
    line.split_whitespace().next().expect("it begins with its number").to_owned()
}

fn answers(name: &str) {
    let stage = stage(name);
    let ended = stage.world.run(&["run", "--adapter", name, "say hello"], "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("Hello from the model"), "{ended:?}");
    assert!(stage.model.requests().iter().any(|request| request.user_text.contains("say hello")));
    assert_eq!(stage.world.list("runs")[0]["status"], "succeeded");
}

fn uses_a_tool_once_it_is_allowed(name: &str) {
    let stage = stage(name);
    let mut running = stage.world.start(&["run", "--adapter", name, "--ask", "run: echo made > made.txt"]);
    let number = number_that_allows(&running);
    assert!(!stage.world.work().join("made.txt").exists(), "nothing runs before it is allowed");
    running.write(&format!("{number}\n"));
    let ended = running.ended();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(
        std::fs::read_to_string(stage.world.work().join("made.txt")).expect("the tool ran").trim(),
        "made"
    );
    let types = stage.world.event_types();
    for kind in ["approval.requested", "approval.resolved", "run.succeeded"] {
        assert!(types.iter().any(|recorded| recorded == kind), "{kind}: {types:?}");
    }
}

fn does_not_use_a_tool_that_is_refused(name: &str) {
    let stage = stage(name);
    let ended = stage.world.run(&["run", "--adapter", name, "run: echo made > made.txt"], "");
    assert!(ended.stderr.contains("nobody to ask"), "{ended:?} {:?}", stage.notes);
    assert!(!stage.world.work().join("made.txt").exists(), "{ended:?}");
}

fn stops_when_it_is_cancelled(name: &str) {
    let stage = stage(name);
    let running = stage.world.start(&["run", "--adapter", name, "slow"]);
    running.prints("text", |text| text.len() > 4);
    running.signal(Signal::INT);
    let ended = running.ended();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("accepted: true, adapter told: true"), "{ended:?}");
    let left = stage.model.wait_for(PATIENCE, |request| request.outcome == Outcome::ClientLeft);
    assert!(left.is_some(), "the model goes on: {:?}", stage.model.requests());
    assert_eq!(stage.world.list("runs")[0]["status"], "cancelled");
}

macro_rules! agents {
    ($($name:ident)+) => {$(
        mod $name {
            #[test]
            fn answers() {
                super::answers(stringify!($name));
            }

            #[test]
            fn uses_a_tool_once_it_is_allowed() {
                super::uses_a_tool_once_it_is_allowed(stringify!($name));
            }

            #[test]
            fn does_not_use_a_tool_that_is_refused() {
                super::does_not_use_a_tool_that_is_refused(stringify!($name));
            }

            #[test]
            fn stops_when_it_is_cancelled() {
                super::stops_when_it_is_cancelled(stringify!($name));
            }
        }
    )+

        #[test]
        fn every_listed_agent_is_driven() {
            let mut listed: Vec<String> = published_agents().into_iter().map(|agent| agent.name).collect();
            listed.sort();
            let mut driven = vec![$(stringify!($name).to_owned()),+];
            driven.sort();
            assert_eq!(driven, listed);
        }
    };
}

agents! { gemini codexzed claude }
