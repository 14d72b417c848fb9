//! What the agent says becomes events, each thing once.

use omi_adapter_sdk::testkit;
use omi_adapter_sdk::{Event, Output, Payload};
use serde_json::json;

use crate::tests::script::{Script, card, old_card};

#[test]
fn pieces_of_a_result_are_pieces_of_the_answer() {
    let mut script = Script::working();
    let said: Vec<String> = [("one ", false), ("two ", true), ("three", true)]
        .map(|(text, append)| script.says_text(text, append).text())
        .into();
    assert_eq!(said, ["one ", "two ", "three"]);
    script.says_status("COMPLETED", None);
    assert_eq!(script.ended(), "succeeded completed");
    script.kit.settled();
}

#[test]
fn a_snapshot_says_only_what_is_new() {
    let mut script = Script::working();
    script.says_text("one ", false).says_text("two ", true);
    let snapshot = |text: &str| json!({"artifacts": [{"artifactId": "out", "parts": [{"text": text}]}]});
    assert_eq!(script.says_task("WORKING", &snapshot("one two ")).text(), "");
    assert_eq!(script.says_task("WORKING", &snapshot("one ")).text(), "", "an older snapshot");
    assert_eq!(script.says_task("WORKING", &snapshot("one two three")).text(), "three");
    assert_eq!(script.says_text(" four", true).text(), " four");
    // What was said cannot be taken back: another text is another message.
    assert_eq!(script.says_text("quite another text", false).text(), "quite another text");
    assert!(matches!(script.events()[0], Event::MessageEnd(_)), "{:?}", script.events());
}

#[test]
fn what_is_said_about_the_work_is_progress_and_what_ends_it_is_the_answer() {
    let mut script = Script::working();
    script.says_status("WORKING", Some("looking around"));
    assert!(matches!(script.events()[..], [Event::Progress(progress)] if progress.text == "looking around"));
    script.says_status("WORKING", Some("looking around"));
    assert!(script.events().is_empty(), "{:?}", script.events());
    script.says_status("COMPLETED", Some("found it"));
    assert_eq!((script.text().as_str(), script.ended().as_str()), ("found it", "succeeded completed"));
}

#[test]
fn an_answer_without_a_task_is_a_success() {
    let mut script = Script::prompted();
    let context = script.context();
    script.says(&json!({"message": {"messageId": "m", "contextId": context, "role": "ROLE_AGENT", "parts": [{"text": "hi"}]}}));
    assert_eq!((script.text().as_str(), script.ended().as_str()), ("hi", "succeeded message"));
    assert_eq!(script.aborted(), [script.stream], "what is open is given up");
    script.kit.settled();
}

#[test]
fn files_are_artifacts_told_once_and_large_ones_are_blobs() {
    let mut script = Script::working();
    let result = json!({"artifactId": "files", "name": "result", "parts": [
        {"raw": "AAEC", "filename": "a.bin", "mediaType": "application/octet-stream"},
        {"url": "https://x/b.html"},
        {"data": {"n": 1}},
    ]});
    script.says(&json!({"artifactUpdate": {"taskId": "task-1", "artifact": result}}));
    let Some(Output::CreateBlob(create)) = script.out.first() else { panic!("{:?}", script.out) };
    assert!(format!("{:?}", create.content).contains("[0, 1, 2]"), "{create:?}");
    assert!(script.events().is_empty(), "what comes after it waits");
    let op = create.op;
    script.send(testkit::blob_created(op, 5, 3));
    let artifacts: Vec<(Option<&str>, &str, Option<&Payload>)> = script
        .events()
        .into_iter()
        .map(|event| match event {
            Event::Artifact(file) => (file.name.as_deref(), file.uri.as_str(), file.content.as_ref()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        artifacts,
        [
            (Some("a.bin"), "a2a:files/0", Some(&Payload::Blob(5))),
            (Some("result"), "https://x/b.html", None),
            (Some("result"), "a2a:files/2", Some(&Payload::Json(r#"{"n":1}"#.to_owned()))),
        ]
    );
    script.says_task("COMPLETED", &json!({"artifacts": [result]}));
    assert!(script.events().is_empty(), "{:?}", script.events());
    assert_eq!(script.ended(), "succeeded completed");
    script.kit.settled();
}

#[test]
fn an_attempt_ends_after_its_files() {
    let mut script = Script::working();
    let files = json!({"artifacts": [{"artifactId": "f", "parts": [{"raw": "AAEC", "filename": "a"}]}]});
    script.says_task("COMPLETED", &files);
    assert!(!script.has_ended());
    let op = script.out.iter().find_map(|output| match output {
        Output::CreateBlob(create) => Some(create.op),
        _ => None,
    });
    script.send(testkit::blob_created(op.expect("a blob is wanted"), 5, 3));
    assert_eq!(script.ended(), "succeeded completed");
    script.kit.settled();
}

#[test]
fn an_agent_of_nought_point_three_is_understood() {
    let mut script = Script::prompted_with("{}", &old_card());
    script.says_task("SUBMITTED", &json!({}));
    let artifact = json!({"artifactId": "out", "parts": [{"kind": "text", "text": "hi"}]});
    script.says(
        &json!({"kind": "artifact-update", "taskId": "task-1", "artifact": artifact, "lastChunk": true}),
    );
    assert_eq!(script.text(), "hi");
    script.says_status("COMPLETED", None);
    assert_eq!(script.ended(), "succeeded completed");
    script.kit.settled();
}

#[test]
fn an_agent_that_does_not_stream_is_asked_until_it_is_done() {
    let mut script = Script::prompted_with("{}", &card(false));
    let task = |state: &str, text: &str| script_task(state, text);
    script.results("SendMessage", &json!({"task": task("SUBMITTED", "")}));
    assert!(script.requests().is_empty());
    script.later(250);
    assert_eq!(script.methods(), ["GetTask"]);
    script.results("GetTask", &task("WORKING", "half "));
    assert_eq!(script.text(), "half ");
    script.later(250);
    script.results("GetTask", &task("COMPLETED", "half done"));
    assert_eq!((script.text().as_str(), script.ended().as_str()), ("done", "succeeded completed"));
    script.kit.settled();
}

fn script_task(state: &str, text: &str) -> serde_json::Value {
    let script = Script::open_with("{}", &card(false));
    let parts =
        if text.is_empty() { json!([]) } else { json!([{"artifactId": "out", "parts": [{"text": text}]}]) };
    script.task(state, &json!({"artifacts": parts}))
}

#[test]
fn an_answer_in_the_history_alone_is_the_answer() {
    let mut script = Script::working();
    let history = json!([
        {"messageId": "1", "role": "ROLE_USER", "parts": [{"text": "do it"}]},
        {"messageId": "2", "role": "ROLE_AGENT", "parts": [{"text": "did it"}]},
    ]);
    script.says_task("COMPLETED", &json!({"history": history}));
    assert_eq!((script.text().as_str(), script.ended().as_str()), ("did it", "succeeded completed"));
}

#[test]
fn what_is_of_another_task_ends_nothing_and_tells_nothing() {
    let mut script = Script::working();
    let done = json!({"state": "TASK_STATE_COMPLETED",
        "message": {"messageId": "x", "role": "ROLE_AGENT", "parts": [{"text": "other"}]}});
    let artifact = json!({"artifactId": "x", "parts": [{"text": "other"}]});
    for other in [
        json!({"statusUpdate": {"taskId": "task-2", "contextId": "theirs", "status": done}}),
        json!({"task": {"id": "task-2", "contextId": "theirs", "status": done}}),
        json!({"artifactUpdate": {"taskId": "task-2", "artifact": artifact}}),
        json!({"message": {"messageId": "y", "taskId": "task-2", "role": "ROLE_AGENT", "parts": [{"text": "other"}]}}),
    ] {
        script.says(&other);
        assert!(script.out.is_empty(), "{other}: {:?}", script.out);
    }
    script.says_status("COMPLETED", Some("mine"));
    assert_eq!((script.text().as_str(), script.ended().as_str()), ("mine", "succeeded completed"));
    assert!(!script.out.iter().any(|output| matches!(output, Output::BindingFailed(_))), "{:?}", script.out);
    script.kit.settled();
}

#[test]
fn an_echo_of_the_prompt_is_no_answer() {
    for (card, role) in [(card(true), "ROLE_USER"), (old_card(), "user")] {
        let mut script = Script::prompted_with("{}", &card);
        let mut echo = json!({"messageId": "m", "role": role, "parts": [{"text": "do it"}]});
        if script.old {
            echo["kind"] = "message".into();
            script.says(&echo);
        } else {
            script.says(&json!({ "message": echo }));
        }
        assert!(script.out.is_empty(), "{role}: {:?}", script.out);
        script.says_task("WORKING", &json!({"status": {"message": echo}}));
        assert!(script.events().is_empty(), "{role}: {:?}", script.events());
        script.says_status("COMPLETED", None);
        assert_eq!(script.ended(), "succeeded completed");
        script.kit.settled();
    }
}
