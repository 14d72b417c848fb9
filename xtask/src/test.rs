//! `cargo xtask test`: set-up, then every check and every test, the tests last so that their summary stands last.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::languages::{self, Languages};
use crate::real_agents::{self, Installed};
use crate::{a2a_server, adapters, chromium, client, deny, mcp_client, schemathesis, step};

/// Tells the tests to run the long ones too.
const LONG_VARIABLE: &str = "OMI_TEST_LONG";

/// Names the folder of the published agents; without it the tests that drive them are left out.
const REAL_AGENTS_VARIABLE: &str = "OMI_REAL_AGENTS";

/// The modules of the test program `real-agents` that drive what has to be installed, with the Node that it needs.
const DRIVEN: [&str; 3] = [MATRIX, "only_pi", "gate"];

/// The one of them that has a module for each published agent.
const MATRIX: &str = "matrix";

/// The targets that are tested. Examples are left out: they are the hostile guests, built as components.
pub(crate) const TESTED: [&str; 4] = ["--workspace", "--lib", "--bins", "--tests"];

/// Runs everything; `quick` leaves out the published agents, `long` adds the long tests.
pub(crate) fn run(long: bool, quick: bool) -> Result<()> {
    adapters::build_all()?;
    let agents = if quick { None } else { Some(real_agents::install(long)?) };
    let languages = if long { Some(languages::install()?) } else { None };
    let a2a = if long { a2a_server::install()? } else { None };
    let mcp = if long { mcp_client::install()? } else { None };
    let schemathesis = if long { schemathesis::install()? } else { None };
    let client = if long { client::install()? } else { None };
    let browser = if long { chromium::install() } else { None };
    step::run("format", step::cargo().args(["fmt", "--all", "--check"]))?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"];
    step::run("lints", step::cargo().args(clippy))?;
    let doc = ["doc", "--workspace", "--no-deps"];
    step::run("documentation", step::cargo().args(doc).env("RUSTDOCFLAGS", "--deny warnings"))?;
    let not_checked = deny::check()?;
    // The tests start programs of other packages, which a test run alone does not build.
    step::run("build", step::cargo().arg("build").args(TESTED))?;
    let doctests = ["test", "--doc", "--workspace"];
    let folder = agents.as_ref().map(|agents| agents.folder.as_path());
    step::run("documentation tests", with_variables(step::cargo().args(doctests), long, folder))?;
    if long {
        // Millions of steps: only a release build has them done in minutes.
        let simulation =
            ["test", "--release", "-p", "omi-model", "--test", "main", "--", "--ignored", "for_long"];
        step::run("long simulation", step::cargo().args(simulation))?;
    }
    if long {
        step::run("a burst of 100,000 events", &mut long_tests("burst::", None))?;
    }
    if let Some(Languages { folder, there, left_out: _ }) = &languages {
        for language in there {
            step::run(&format!("an adapter in {language}"), &mut language_test(language, folder))?;
        }
    }
    for name in agents.iter().flat_map(|agents| &agents.long) {
        step::run(&format!("the agent {name}"), with_variables(&mut agent_test(name), long, folder))?;
    }
    if let Some(folder) = &a2a {
        step::run("a published A2A agent", &mut a2a_test(folder))?;
    }
    if let Some(folder) = &mcp {
        step::run(
            "a published client of MCP",
            &mut long_tests("mcp::", Some((mcp_client::VARIABLE, folder))),
        )?;
    }
    if let Some(folder) = &schemathesis {
        step::run(
            "HTTP as it is described",
            &mut long_tests("described::", Some((schemathesis::VARIABLE, folder))),
        )?;
    }
    if let Some(program) = &browser {
        step::run(
            "an extension of Chromium",
            &mut long_tests("native::chromium::", Some((chromium::VARIABLE, program))),
        )?;
    }
    if let Some(tools) = &client {
        client::test(tools)?;
        step::run("the TypeScript client in Node", &mut long_tests("client::node::", None))?;
        if let Some(program) = &browser {
            step::run(
                "the TypeScript client in Chromium",
                &mut long_tests("client::browser::", Some((chromium::VARIABLE, program))),
            )?;
        }
    }
    let mut tests = test_runner(agents.is_some());
    step::run_last("tests", with_variables(&mut tests, long, folder))?;
    let mut left_out = Vec::new();
    left_out.extend(not_checked.map(str::to_owned));
    left_out.extend(languages.into_iter().flat_map(|languages| languages.left_out).map(str::to_owned));
    left_out.extend(agents.into_iter().flat_map(|agents| agents.left_out));
    left_out.extend((long && a2a.is_none()).then(|| a2a_server::LEFT_OUT.to_owned()));
    left_out.extend((long && mcp.is_none()).then(|| mcp_client::LEFT_OUT.to_owned()));
    left_out.extend((long && schemathesis.is_none()).then(|| schemathesis::LEFT_OUT.to_owned()));
    left_out.extend((long && client.is_none()).then(|| client::LEFT_OUT.to_owned()));
    left_out.extend((long && browser.is_none()).then(|| chromium::LEFT_OUT.to_owned()));
    left_out.extend(quick.then(|| "published agents (--quick)".to_owned()));
    left_out.extend((!long).then(|| "long tests (--long)".to_owned()));
    step::say(format_args!(
        "passed; left out: {}",
        if left_out.is_empty() { "nothing".to_owned() } else { left_out.join(", ") }
    ));
    Ok(())
}

/// What makes, builds and runs an adapter in a language.
fn language_test(language: &str, tools: &Path) -> Command {
    let mut cargo = step::cargo();
    cargo.args(["test", "--quiet", "--workspace", "--test", "main", "--", "--ignored", "--exact"]);
    cargo.arg(format!("languages::{language}")).env(languages::VARIABLE, tools);
    cargo
}

/// What drives an agent made with the published A2A SDK.
fn a2a_test(folder: &Path) -> Command {
    let mut cargo = step::cargo();
    cargo.args(["test", "--quiet", "--workspace", "--test", "real-agents", "--", "--ignored", "a2a::"]);
    cargo.env(a2a_server::VARIABLE, folder);
    cargo
}

/// Long tests of a module, and where what they need is, by the name of a variable.
fn long_tests(module: &str, needs: Option<(&str, &Path)>) -> Command {
    let mut cargo = step::cargo();
    cargo.args(["test", "--quiet", "--workspace", "--test", "main", "--", "--ignored", module]);
    cargo.envs(needs);
    cargo
}

/// What drives each real runtime that is installed: its name and the command.
pub(crate) fn real_agents(agents: &Installed, a2a: Option<&Path>) -> Vec<(String, Command)> {
    let others = DRIVEN.into_iter().filter(|module| *module != MATRIX);
    let others = others.map(|module| (module.to_owned(), real_agents_test(&format!("{module}::"))));
    let names = agents.normal.iter().chain(&agents.long);
    let mut all: Vec<_> = names.map(|name| (name.clone(), agent_test(name))).chain(others).collect();
    all.extend(a2a.map(|folder| ("a2a".to_owned(), a2a_test(folder))));
    for (_, command) in &mut all {
        with_variables(command, true, Some(&agents.folder));
    }
    all
}

/// What drives one agent through all behaviours.
fn agent_test(name: &str) -> Command {
    real_agents_test(&format!("{MATRIX}::{}::", name.replace('-', "_")))
}

/// Tests of real runtimes. With the whole workspace, so that nothing is built again.
fn real_agents_test(filter: &str) -> Command {
    let mut cargo = step::cargo();
    cargo.args(["test", "--quiet", "--workspace", "--test", "real-agents"]);
    cargo.args(["--", "--include-ignored", filter]);
    cargo
}

/// What runs the tests. Without the published agents theirs are left out, and not counted as passed.
fn test_runner(with_agents: bool) -> Command {
    let mut cargo = step::cargo();
    let nextest = step::is_on_path("cargo-nextest");
    cargo.args(if nextest { ["nextest", "run"].as_slice() } else { &["test"] });
    cargo.arg("--no-fail-fast").args(TESTED);
    match (with_agents, nextest) {
        (true, _) => {}
        (false, true) => {
            let driven = format!("binary(real-agents) & test(/^({})::/)", DRIVEN.join("|"));
            cargo.args(["--filterset", &format!("not ({driven})")]);
        }
        (false, false) => {
            cargo
                .arg("--")
                .args(DRIVEN.iter().flat_map(|module| ["--skip".to_owned(), format!("{module}::")]));
        }
    }
    cargo
}

fn with_variables<'a>(command: &'a mut Command, long: bool, agents: Option<&Path>) -> &'a mut Command {
    command.env_remove(LONG_VARIABLE).env_remove(REAL_AGENTS_VARIABLE);
    if long {
        command.env(LONG_VARIABLE, "1");
    }
    if let Some(folder) = agents {
        command.env(REAL_AGENTS_VARIABLE, folder);
    }
    command
}
