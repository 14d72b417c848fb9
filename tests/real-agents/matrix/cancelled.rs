//! A run that is cancelled: while it asks, in mid text, while a tool runs, and as its prompt goes out.

use std::time::{Duration, Instant};

use omi_tests::measured::within;
use omi_tests::world::eventually;
use omi_tests::world::wire::{CLIENT, text};
use serde_json::json;

use crate::expected::Seen;
use crate::stage::Stage;

/// How long a tool may take to end after the run: none that ends with it was seen to take longer.
const TOOL_GRACE: Duration = Duration::from_secs(3);

/// The question is closed, a late answer is refused, and the tool never runs.
pub(super) fn while_asked(mut stage: Stage) -> Seen {
    let prompt = stage.command("echo made > made.txt");
    stage.query("a", &prompt);
    let Some(asked) = stage.asked("a") else {
        stage.ended("a");
        stage.end();
        return Seen::plain("not asked");
    };
    let took = stage.cancel("a");
    assert_eq!(stage.daemon.hear("approval_resolved", "a")["outcome"], "cancelled");
    stage.decide(&asked, "allow_once");
    assert_eq!(stage.daemon.refusal("decision").0, "no_open_request");
    let next = stage.goes_on(&text(&asked, "sessionId"), "b");
    assert!(!stage.made(), "the tool ran although nobody allowed it");
    stage.end();
    cancelled(took, [next, ""])
}

/// The model is not read any more, and the next prompt is answered.
pub(super) fn while_streaming(mut stage: Stage) -> Seen {
    stage.query("a", "slow");
    let session = text(&stage.daemon.hear("text_delta", "a"), "sessionId");
    let took = stage.cancel("a");
    let model = stage.model_is_left();
    let next = stage.goes_on(&session, "b");
    stage.end();
    cancelled(took, [model, next])
}

/// The command is gone with the run, or at the latest with the agent.
pub(super) fn while_a_tool_runs(mut stage: Stage) -> Seen {
    let prompt = stage.holding();
    stage.query("a", &prompt);
    if let Some(asked) = stage.asked("a") {
        stage.decide(&asked, "allow_once");
    }
    eventually("the command runs", || stage.held() && stage.holds());
    let session = text(&stage.daemon.hear("status", "a"), "sessionId");
    let took = stage.cancel("a");
    let deadline = Instant::now() + TOOL_GRACE;
    while stage.holds() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    let tool = if stage.holds() { "; the tool goes on until its process ends" } else { "" };
    let next = stage.goes_on(&session, "b");
    stage.end();
    cancelled(took, [tool, next])
}

/// The prompt and its cancellation in one write, and then the one as soon as the other has gone out.
pub(super) fn at_once(mut stage: Stage) -> Seen {
    stage.query("first", "say hello");
    let session = text(&stage.ended("first").0, "sessionId");
    let message = |kind: &str, fields: &[(&str, &str)]| {
        let mut message = json!({ "type": kind, "protocolVersion": 2, "clientId": CLIENT, "requestId": "a" });
        for (name, value) in fields {
            message[*name] = json!(value);
        }
        format!("{message}\n")
    };
    let query = message("query", &[("adapterId", "agent"), ("sessionId", &session), ("prompt", "slow")]);
    stage.daemon.running.write(&(query + &message("interrupt", &[])));
    let (result, status) = stage.ended("a");
    assert_eq!(status, "cancelled", "{result}");
    stage.query_in(&session, "b", "slow");
    stage.daemon.hear_status("b", "running");
    let took = stage.cancel("b");
    let model = stage.model_is_left();
    let next = stage.goes_on(&session, "c");
    stage.end();
    cancelled(took, [model, next])
}

fn cancelled(took: Duration, more: [&str; 2]) -> Seen {
    let more = more.concat();
    Seen { word: format!("cancelled{more}"), told: format!("cancelled, {}{more}", within(took)) }
}
