//! Each published agent and each behaviour: what is seen is what is expected, and is kept for the table.

mod cancelled;
mod ended;
mod tools;

use omi_tests::measured::{Behaviour, measured};
use omi_tests::world::wire::text;

use crate::expected::{Seen, expected};
use crate::setup::published_agents;
use crate::stage::Stage;

/// Looks at a behaviour of an agent.
fn look(name: &str, behaviour: Behaviour) {
    let stage = Stage::set(name);
    let (runtime, own) = (stage.runtime.clone(), stage.own.clone());
    let seen = match behaviour {
        Behaviour::Prompt => prompt(stage),
        Behaviour::ToolAllowed => tools::allowed(stage),
        Behaviour::ToolRefused => tools::refused(stage),
        Behaviour::CancelledWhileAsked => cancelled::while_asked(stage),
        Behaviour::CancelledWhileStreaming => cancelled::while_streaming(stage),
        Behaviour::CancelledWhileToolRuns => cancelled::while_a_tool_runs(stage),
        Behaviour::CancelledAtOnce => cancelled::at_once(stage),
        Behaviour::RuntimeKilled => ended::runtime_killed(stage),
        Behaviour::DaemonRestarted => ended::daemon_restarted(stage),
        Behaviour::SideBySide => side_by_side(stage),
        Behaviour::NothingLeft => ended::nothing_left(stage),
    };
    measured(&runtime, behaviour, &seen.told);
    assert_eq!(seen.word, expected(&own, behaviour), "{name} does something else than it did");
}

fn prompt(mut stage: Stage) -> Seen {
    stage.query("a", "say hello");
    let (result, status) = stage.ended("a");
    assert_eq!(status, "succeeded", "{result}");
    assert_eq!(text(&result, "text").trim(), "Hello from the model", "{result}");
    assert!(stage.model.requests().iter().any(|request| request.user_text.contains("say hello")));
    assert_eq!(stage.world.list("runs")[0]["status"], "succeeded");
    stage.end();
    Seen::plain("ok")
}

/// Each of the two is answered only once the other has asked too. One prompt goes before them: some agents cannot start
/// twice at the same time in a home that no one has used.
fn side_by_side(mut stage: Stage) -> Seen {
    stage.query("first", "say hello");
    stage.ended("first");
    let names = ["alpha", "beta"];
    for name in names {
        stage.query(name, &format!("meet {name}"));
    }
    let ends = names.map(|name| stage.ended(name));
    for (name, (result, status)) in names.iter().zip(&ends) {
        assert_eq!(status, "succeeded", "{result}");
        let said = text(result, "text");
        assert!(said.contains(&format!("{name} has met another")), "{result}");
        assert_eq!(said.matches("has met").count(), 1, "it hears the other one: {result}");
    }
    assert_ne!(ends[0].0["sessionId"], ends[1].0["sessionId"]);
    stage.end();
    Seen::plain("ok")
}

/// The tests of an agent, each with an attribute if there is one.
macro_rules! behaviours {
    (one: $name:literal, [$($attribute:meta)?], $behaviour:ident, $test:ident) => {
        #[test]
        $(#[$attribute])?
        fn $test() {
            super::look($name, omi_tests::measured::Behaviour::$behaviour);
        }
    };
    (all: $name:literal, $attribute:tt, $($behaviour:ident = $test:ident,)+) => {
        $(behaviours! { one: $name, $attribute, $behaviour, $test })+
    };
    ($name:literal, $attribute:tt) => {
        behaviours! { all: $name, $attribute,
            Prompt = answers,
            ToolAllowed = uses_a_tool_once_it_is_allowed,
            ToolRefused = does_not_use_a_tool_that_is_refused,
            CancelledWhileAsked = is_cancelled_while_it_asks,
            CancelledWhileStreaming = is_cancelled_in_mid_text,
            CancelledWhileToolRuns = is_cancelled_while_a_tool_runs,
            CancelledAtOnce = is_cancelled_with_the_prompt,
            RuntimeKilled = is_killed_in_mid_prompt,
            DaemonRestarted = continues_after_the_daemon_was_killed,
            SideBySide = has_two_sessions_side_by_side,
            NothingLeft = leaves_nothing_behind,
        }
    };
}

/// A module of tests for each agent.
macro_rules! agents {
    ($($module:ident $name:literal)+; long: $($long:ident $long_name:literal)+) => {
        $(mod $module {
            behaviours! { $name, [] }
        })+
        $(mod $long {
            behaviours! { $long_name, [ignore = "hundreds of megabytes; hint: cargo xtask test --long"] }
        })+

        #[test]
        fn every_listed_agent_is_driven() {
            let listed = published_agents().into_iter().map(|agent| (agent.name, agent.long)).collect();
            let driven: std::collections::BTreeSet<(String, bool)> =
                [$(($name, false)),+, $(($long_name, true)),+].map(|(name, long)| (name.to_owned(), long)).into();
            assert_eq!(driven, listed);
        }
    };
}

agents! {
    gemini "gemini"
    codexzed "codexzed"
    claude "claude"
    pi "pi"
    ;
    long:
    opencode "opencode"
    copilot "copilot"
    kimi "kimi"
    qwen "qwen"
    claude_new "claude-new"
    codex "codex"
    hermes "hermes"
    pi_acp "pi-acp"
    pi_new "pi-new"
}
