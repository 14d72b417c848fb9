//! A tool that is allowed, and one that is refused.

use omi_tests::world::wire::text;

use crate::expected::Seen;
use crate::model_server::TOOL_SAID;
use crate::stage::Stage;

/// Nothing runs before it is allowed, then it does, and the model is told what came of it.
pub(super) fn allowed(mut stage: Stage) -> Seen {
    let prompt = stage.command("echo made > made.txt");
    stage.query("a", &prompt);
    let asked = stage.asked("a");
    if let Some(asked) = &asked {
        assert!(!stage.made(), "nothing runs before it is allowed");
        stage.decide(asked, "allow_once");
    }
    let (result, status) = stage.ended("a");
    assert_eq!(status, "succeeded", "{result}");
    assert!(text(&result, "text").contains(TOOL_SAID), "{result}");
    assert!(stage.made(), "the tool has run: {result}");
    stage.end();
    Seen::plain(if asked.is_some() { "ok" } else { "not asked" })
}

/// Nothing runs; what the turn comes to differs.
pub(super) fn refused(mut stage: Stage) -> Seen {
    let prompt = stage.command("echo made > made.txt");
    stage.query("a", &prompt);
    let Some(asked) = stage.asked("a") else {
        stage.ended("a");
        stage.end();
        return Seen::plain("not asked");
    };
    stage.decide(&asked, "reject_once");
    let (result, status) = stage.ended("a");
    assert!(!stage.made(), "it was refused: {result}");
    let told = stage.model.requests().iter().any(|request| request.tool_output.is_some());
    let session = text(&result, "sessionId");
    let next = stage.goes_on(&session, "b");
    assert!(!stage.made(), "it was refused: {result}");
    stage.end();
    let became = match (status.as_str(), told) {
        ("succeeded", true) => "the agent goes on",
        ("succeeded", false) => "the turn ends",
        (other, _) => &format!("the run is {other}"),
    };
    Seen::plain(&format!("{became}{next}"))
}
