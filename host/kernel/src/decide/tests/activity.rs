//! What an attempt does while it runs.

use super::reading::*;
use super::story::*;
use crate::event::{Retention, Visibility};
use crate::input::Input;
use crate::report::Activity;
use crate::status::Status;
use crate::transcript::Chunk;

fn does(activity: Activity) -> Input {
    Input::Activity { attempt: attempt_id(), activity }
}

fn chunk() -> Input {
    let chunk = Chunk { message: "m1".into(), offset: 3, text: "Grüße".into() };
    Input::Chunk { attempt: attempt_id(), chunk }
}

fn message_completed() -> Input {
    Input::MessageCompleted { attempt: attempt_id(), message: "m1".into(), text: "all of it".into() }
}

#[test]
fn a_chunk_says_which_bytes_it_covers_and_is_transient() {
    let decision = Story::at(Status::Running).then(&chunk());
    let event = &decision.events[0];
    assert_eq!((event.retention, event.visibility), (Retention::Transient, Visibility::Ui));
    let text = payload(&decision, "message.delta");
    assert_eq!((&text["offset"], &text["end"]), (&3.into(), &(3 + "Grüße".len()).into()));
}

#[test]
fn a_whole_message_replaces_its_chunks() {
    let decision = Story::at(Status::Running).then(&message_completed());
    assert_eq!(rows(&decision), ["compact m1"]);
    assert_eq!(payload(&decision, "message.completed")["text"], "all of it");
    assert_eq!(decision.events[0].retention, Retention::Core);
}

#[test]
fn each_activity_has_its_event() {
    let id = || "call-1".to_owned();
    let cases = [
        (Activity::Progress { text: "reading".into() }, "progress.updated"),
        (
            Activity::ToolStarted {
                id: id(),
                name: "read".into(),
                title: "Read a file".into(),
                kind: "read".into(),
                input: None,
            },
            "tool.started",
        ),
        (Activity::ToolUpdated { id: id(), title: None, content: None }, "tool.updated"),
        (Activity::ToolCompleted { id: id(), output: None }, "tool.completed"),
        (Activity::ToolFailed { id: id(), error: trouble("no_such_file") }, "tool.failed"),
        (Activity::ModelUsed { model: "small".into() }, "progress.updated"),
        (Activity::Other { name: "plan".into(), value: 1.into() }, "progress.updated"),
    ];
    for (activity, kind) in cases {
        let decision = Story::at(Status::Running).then(&does(activity));
        assert_eq!(events(&decision), [kind]);
        assert!(decision.writes.is_empty() && decision.effects.is_empty());
        assert!(decision.events[0].payload.is_object());
    }
}

#[test]
fn a_thought_is_never_recorded() {
    let decision = Story::at(Status::Running).then(&does(Activity::ThoughtDelta { text: "hm".into() }));
    assert!(decision.writes.is_empty() && decision.events.is_empty() && decision.effects.is_empty());
}

#[test]
fn nothing_is_recorded_once_the_attempt_is_over() {
    for story in terminal().map(Story::at).chain([Story::logging_in()]) {
        for input in [chunk(), message_completed(), does(Activity::Progress { text: "late".into() })] {
            assert_counted(&story.then(&input));
        }
    }
}
