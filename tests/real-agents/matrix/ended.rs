//! The runtime is killed, the daemon is killed: what became of the runs, and what is left.

use std::time::{SystemTime, UNIX_EPOCH};

use omi_tests::world::eventually;
use omi_tests::world::wire::text;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::expected::Seen;
use crate::processes::Process;
use crate::stage::Stage;

/// What only the first prompt says.
const SAID_BEFORE: &str = "my number is 4711";

/// What is seen of an agent that names its sessions' files after the minute, whatever the time is.
const FROM_THE_NEXT_MINUTE: &str = "native from the next minute on; before, a new native session, recorded";

/// The program that omi started is killed in mid text: the run fails, all of the agent ends, the next prompt works.
pub(super) fn runtime_killed(mut stage: Stage) -> Seen {
    stage.query("a", "slow");
    let session = text(&stage.daemon.hear("text_delta", "a"), "sessionId");
    let before = stage.processes();
    let first = before.iter().find(|process| before.iter().all(|other| other.id != process.parent));
    kill(first.expect("the agent has a first process"));
    let (result, status) = stage.ended("a");
    assert_eq!(stage.world.list("runs")[0]["status"], status.as_str(), "{result}");
    let next = stage.goes_on(&session, "b");
    eventually("what the killed program started is gone", || {
        let now = stage.processes();
        now.iter().all(|process| !before.contains(process))
    });
    stage.end();
    Seen::plain(&format!("{status}{next}"))
}

/// The next daemon continues the session: natively, or omi says that it is a new native session. The first one ends in
/// good order: some agents have not written down yet what they answered a moment ago.
pub(super) fn daemon_restarted(mut stage: Stage) -> Seen {
    let begun = minute();
    stage.query("a", SAID_BEFORE);
    let (result, status) = stage.ended("a");
    assert_eq!(status, "succeeded", "{result}");
    let answered = minute();
    let session = text(&result, "sessionId");
    let empty = stage.left();
    empty.nothing_left();
    let mut stage = empty.again();
    let later = minute();
    stage.query_in(&session, "b", "say hello");
    let (result, status) = stage.ended("b");
    assert_eq!(status, "succeeded", "{result}");
    assert_eq!(text(&result, "text").trim(), "Hello from the model", "nothing is said again: {result}");
    let requests = stage.model.requests();
    let last = requests.iter().rfind(|request| request.user_text.contains("say hello"));
    let shown = last.is_some_and(|request| request.body.to_string().contains(SAID_BEFORE));
    let types = stage.world.event_types();
    let recorded = |kind: &str| types.iter().any(|recorded| recorded == kind);
    // Shown where this fails: why it is another native session.
    eprintln!("{}", Value::from(stage.world.list("runs")));
    let loads_later = stage.own.loads_later;
    let ended = minute();
    stage.end();
    // The session began in a minute from `begun` to `answered`, and was taken up in one from `later` to `ended`.
    match (shown, recorded("binding.resumed"), recorded("binding.replaced")) {
        (true, true, false) if loads_later && begun < ended => Seen::plain(FROM_THE_NEXT_MINUTE),
        (false, false, true) if loads_later && answered == later => Seen::plain(FROM_THE_NEXT_MINUTE),
        (true, true, false) => Seen::plain("native"),
        (false, false, true) => Seen::plain("new native session, recorded"),
        other => panic!("what the model is shown is not what is recorded: {other:?}"),
    }
}

/// The daemon is killed while a command runs.
pub(super) fn nothing_left(mut stage: Stage) -> Seen {
    let prompt = stage.holding();
    stage.query("a", &prompt);
    if let Some(asked) = stage.asked("a") {
        stage.decide(&asked, "allow_once");
    }
    eventually("the command runs", || stage.held() && stage.holds());
    stage.killed().nothing_left();
    Seen::plain("nothing")
}

/// The minute of the clock.
fn minute() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock stands after 1970");
    now.as_secs() / 60
}

fn kill(process: &Process) {
    let id = Pid::from_raw(process.id).expect("a process id");
    kill_process(id, Signal::KILL).expect("the signal is sent");
}
