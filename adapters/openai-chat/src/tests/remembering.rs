//! What is sent of the conversation: the same whether a worker saw it or is told it.

use omi_adapter_sdk::testkit::{answer_text, cancel, http_body, http_end, http_head, refused};
use omi_adapter_sdk::{BindingSettings, Event, HttpOutcome, Media, Output, PastRun, PromptBlock, Why};
use serde_json::{Value, json};

use super::script::{COPY, ONE_MODEL, Script, body, execute, run_id, stream};

/// How a turn goes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    Answered,
    CancelledAtOnce,
    CancelledInTheMiddle,
    CutOff,
    Refused,
    Filtered,
}

const ENDINGS: [Ending; 6] = [
    Ending::Answered,
    Ending::CancelledAtOnce,
    Ending::CancelledInTheMiddle,
    Ending::CutOff,
    Ending::Refused,
    Ending::Filtered,
];

fn text(text: &str) -> PromptBlock {
    PromptBlock::Text(text.to_owned())
}

fn picture(blob: u32) -> PromptBlock {
    let mime_type = "image/png".to_owned();
    PromptBlock::Image(Media { mime_type, data: blob, size: 10, extra: String::new() })
}

/// The prompt of a run: every second one has a picture.
fn prompt(run: u32) -> Vec<PromptBlock> {
    let mut prompt = vec![text(&format!("prompt {run}"))];
    prompt.extend(run.is_multiple_of(2).then(|| picture(run)));
    prompt
}

/// Plays a turn to its end; gives what the host recorded as its answer.
fn play(script: &mut Script, attempt: u32, run: u32, ending: Ending) -> String {
    let mut outputs = script.prompts(attempt, run, prompt(run));
    let op = script.request().op;
    let said = format!("answer {attempt}");
    let mut tell = |input| outputs.extend(script.tell(input));
    match ending {
        Ending::CancelledAtOnce => {
            tell(cancel(attempt));
            tell(http_end(op, HttpOutcome::Aborted));
        }
        Ending::CancelledInTheMiddle => {
            tell(http_head(op, 200));
            tell(http_body(op, stream(&[&said], None)));
            tell(cancel(attempt));
            tell(http_end(op, HttpOutcome::Aborted));
        }
        Ending::Refused => {
            tell(http_head(op, 500));
            tell(http_end(op, HttpOutcome::Complete));
        }
        Ending::Answered | Ending::CutOff | Ending::Filtered => {
            let word = match ending {
                Ending::Answered => Some("stop"),
                Ending::Filtered => Some("content_filter"),
                _ => None,
            };
            tell(http_head(op, 200));
            tell(http_body(op, stream(&[&said], word)));
            if word.is_none() {
                tell(http_end(op, HttpOutcome::Complete));
            }
        }
    }
    assert!(omi_adapter_sdk::testkit::outcome(&outputs).is_some(), "{outputs:?}");
    answer_text(&outputs)
}

/// What the host tells of these turns: a picture is another blob by then.
fn history(turns: &[(u32, String)]) -> Vec<PastRun> {
    let block = |block| match block {
        PromptBlock::Image(media) => PromptBlock::Image(Media { data: media.data + COPY, ..media }),
        block => block,
    };
    let past = |(run, answer): &(u32, String)| PastRun {
        omi_run: run_id(*run),
        prompt: prompt(*run).into_iter().map(block).collect(),
        answer: answer.clone(),
        status: "succeeded".to_owned(),
        extra: String::new(),
    };
    turns.iter().map(past).collect()
}

/// A worker that takes the session up.
fn later(config: &str, turns: &[(u32, String)], left_out: u32) -> Script {
    let mut script = Script::started_with(config, ONE_MODEL);
    let settings = BindingSettings::in_folder("/work");
    script.open(1, BindingSettings { history: history(turns), history_left_out: left_out, ..settings });
    script
}

/// The request for a run, and what is said about turns that are left out.
fn asked(script: &mut Script, attempt: u32, run: u32) -> (Value, Option<String>) {
    let outputs = script.prompts(attempt, run, prompt(run));
    let progress = outputs.into_iter().find_map(|output| match output {
        Output::AttemptEvent(event) => match event.event {
            Event::Progress(progress) => Some(progress.text),
            _ => None,
        },
        _ => None,
    });
    (body(&script.request())["messages"].clone(), progress)
}

#[test]
fn a_restart_changes_no_request() {
    for config in ["{}", r#"{"contextChars": 4050}"#, r#"{"contextChars": 45}"#, r#"{"contextChars": 0}"#] {
        for first in ENDINGS {
            for second in ENDINGS {
                for third in ENDINGS {
                    let mut script = Script::started(config);
                    let mut turns = Vec::new();
                    for (run, ending) in [(1, first), (2, second), (3, third)] {
                        let answer = play(&mut script, run, run, ending);
                        turns.push((run, answer));
                    }
                    let without = asked(&mut script, 9, 4);
                    let with = asked(&mut later(config, &turns, 0), 9, 4);
                    assert_eq!(without, with, "{config} {first:?} {second:?} {third:?}");
                }
            }
        }
    }
}

#[test]
fn another_attempt_of_a_run_takes_its_place() {
    for ending in ENDINGS {
        let mut script = Script::started("{}");
        let one = play(&mut script, 1, 1, Ending::Answered);
        play(&mut script, 2, 2, ending);
        let same_run = asked(&mut script, 3, 2);
        assert_eq!(same_run, asked(&mut later("{}", &[(1, one.clone())], 0), 3, 2), "{ending:?}");
        let op = script.request().op;
        let two = answer_text(&script.answers(op, 200, &stream(&["better"], Some("stop"))));
        let turns = [(1, one), (2, two)];
        assert_eq!(asked(&mut script, 4, 3), asked(&mut later("{}", &turns, 0), 4, 3), "{ending:?}");
    }
}

#[test]
fn an_old_run_that_is_tried_again_keeps_its_place() {
    // Room for all of them, for two and for none.
    for config in ["{}", r#"{"contextChars": 34}"#, r#"{"contextChars": 0}"#] {
        let mut script = Script::started(config);
        let mut turns: Vec<_> =
            [1, 3, 5].map(|run| (run, play(&mut script, run, run, Ending::CancelledInTheMiddle))).into();
        turns[1].1 = play(&mut script, 7, 3, Ending::Answered);
        let without = asked(&mut script, 9, 9);
        assert_eq!(without, asked(&mut later(config, &turns, 0), 9, 9), "{config}");
    }
}

#[test]
fn the_conversation_is_prompt_and_answer_in_turn() {
    let mut script = Script::started("{}");
    for (run, ending) in [
        (1, Ending::Answered),
        (3, Ending::Refused),
        (5, Ending::CancelledInTheMiddle),
        (7, Ending::CancelledAtOnce),
        (9, Ending::CutOff),
    ] {
        play(&mut script, run, run, ending);
    }
    let message = |role: &str, content: &str| json!({ "role": role, "content": content });
    let expected = json!([
        message("user", "prompt 1"),
        message("assistant", "answer 1"),
        message("user", "prompt 5"),
        message("assistant", "answer 5"),
        message("user", "prompt 9"),
        message("assistant", "answer 9"),
        message("user", "prompt 11"),
    ]);
    assert_eq!(asked(&mut script, 11, 11), (expected, None));
}

#[test]
fn a_picture_of_an_earlier_prompt_is_sent_again() {
    let mut script = Script::started("{}");
    play(&mut script, 2, 2, Ending::Answered);
    let (messages, _) = asked(&mut script, 3, 3);
    assert_eq!(
        messages[0]["content"][1]["image_url"]["url"],
        format!("data:image/png;base64,<base64 {}>", 2 + COPY)
    );
}

#[test]
fn a_picture_that_the_host_does_not_keep_is_said_to_be_missing() {
    let mut script = Script::started("{}");
    let outputs = script.kit.send(execute(2, 1, 2, prompt(2), None));
    let mut answers = Vec::new();
    for output in &outputs {
        match output {
            Output::CreateBlob(create) => answers.push(refused(create.op, Why::Limit("full".to_owned()))),
            Output::HttpRequest(request) => {
                answers.push(http_head(request.op, 200));
                answers.push(http_body(request.op, stream(&["nice"], Some("stop"))));
            }
            _ => {}
        }
    }
    let outputs = script.kit.send_all(answers);
    assert_eq!(answer_text(&outputs), "nice", "the prompt itself has its picture");
    let (messages, _) = asked(&mut script, 3, 3);
    assert_eq!(
        messages[0]["content"][1],
        json!({ "type": "text", "text": "[a picture, image/png, is not kept]" })
    );
}

#[test]
fn the_oldest_turns_are_left_out_first_and_it_is_said_how_many() {
    let turns: Vec<(u32, String)> = [1, 3, 5, 7].map(|run| (run, "an answer".to_owned())).into();
    // Two turns of 17 characters.
    let mut script = later(r#"{"contextChars": 34}"#, &turns, 6);
    let (messages, progress) = asked(&mut script, 9, 9);
    assert_eq!(messages.as_array().map(Vec::len), Some(5), "{messages}");
    assert_eq!(messages[0]["content"], "prompt 5");
    assert_eq!(progress.as_deref(), Some("8 earlier turns of the session are not sent to the model"));
}

#[test]
fn pictures_that_are_left_out_are_let_go() {
    let turns = [(2, "two".to_owned()), (3, "three".to_owned())];
    let mut script = Script::started_with(r#"{"contextChars": 100}"#, ONE_MODEL);
    let settings = BindingSettings::in_folder("/work");
    let outputs = script.open(1, BindingSettings { history: history(&turns), ..settings });
    assert!(outputs.contains(&Output::DropBlob(2 + COPY)), "{outputs:?}");
}

#[test]
fn what_failover_left_is_history_like_any_other() {
    let past = |status: &str, answer: &str| PastRun {
        omi_run: run_id(1),
        prompt: vec![text("of another adapter"), PromptBlock::Other("{\"of\":\"later\"}".to_owned())],
        answer: answer.to_owned(),
        status: status.to_owned(),
        extra: String::new(),
    };
    for status in ["succeeded", "failed", "cancelled", "timed_out", "orphaned"] {
        let mut script = Script::started_with("{}", ONE_MODEL);
        let settings = BindingSettings::in_folder("/work");
        script.open(1, BindingSettings { history: vec![past(status, "as far as it came")], ..settings });
        let (messages, _) = asked(&mut script, 3, 3);
        assert_eq!(messages[0]["content"], "of another adapter\n\n[a block that is not known]");
        assert_eq!(messages[1]["content"], "as far as it came", "{status}");
    }
}
