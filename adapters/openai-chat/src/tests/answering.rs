//! Answers that are whole.

use omi_adapter_sdk::testkit::{answer_text, outcome};
use omi_adapter_sdk::{
    AttemptFinished, BindingSettings, EmbeddedText, Event, HttpOutcome, Media, Outcome, Output, PromptBlock,
    ResourceLink, Usage,
};
use serde_json::json;

use super::script::{Script, body, failure, stream};

fn events(outputs: &[Output]) -> Vec<&Event> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::AttemptEvent(event) => Some(&event.event),
            _ => None,
        })
        .collect()
}

fn usage(outputs: &[Output]) -> Option<&Usage> {
    outputs.iter().find_map(|output| match output {
        Output::AttemptFinished(AttemptFinished { usage, .. }) => usage.as_ref(),
        _ => None,
    })
}

#[test]
fn a_stream_is_told_as_it_comes() {
    use omi_adapter_sdk::testkit::{http_body, http_end, http_head};
    let mut script = Script::started("{}");
    let (op, body) = script.asks(1, "hello");
    let expected = json!({ "model": "only", "stream": true, "stream_options": { "include_usage": true },
        "messages": [{ "role": "user", "content": "hello" }] });
    assert_eq!(body, expected);
    assert_eq!(script.tell(http_head(op, 200)), []);
    let outputs = script.tell(http_body(op, stream(&["Gr", "üß"], None)));
    assert_eq!(answer_text(&outputs), "Grüß");
    assert!(events(&outputs).contains(&&Event::ModelUsed("m-1".to_owned())), "{outputs:?}");
    let thought = "data: {\"choices\":[{\"delta\":{\"reasoning\":\"hm\"}}]}\n\n";
    let outputs = script.tell(http_body(op, thought));
    assert_eq!(events(&outputs), [&Event::ThoughtDelta("hm".to_owned())]);
    let outputs = script.tell(http_body(op, stream(&[" Gott"], Some("stop"))));
    assert_eq!(answer_text(&outputs), " Gott");
    assert_eq!(outcome(&outputs), Some(&Outcome::succeeded("stop")));
    let used = usage(&outputs).expect("it was told");
    assert_eq!((used.input_tokens, used.output_tokens, used.cost_usd), (Some(3), Some(2), None));
    assert_eq!(script.tell(http_end(op, HttpOutcome::Aborted)), [], "nobody waits for the end");
    script.kit.settled();
}

#[test]
fn a_stream_without_its_last_event_is_whole_if_it_says_why_it_ended() {
    let whole = stream(&["hi"], Some("length"));
    let (body, _) = whole.split_once("data: {\"choices\":[],").expect("the use comes last");
    for (body, end) in [
        (body.to_owned(), HttpOutcome::Complete),
        (body.trim_end().to_owned(), HttpOutcome::Complete),
        (body.to_owned(), HttpOutcome::Failed("reset".to_owned())),
    ] {
        let mut script = Script::started("{}");
        let (op, _) = script.asks(1, "hello");
        let outputs = script.answers_with(op, 200, &[], &body, end);
        assert_eq!(answer_text(&outputs), "hi");
        assert_eq!(outcome(&outputs), Some(&Outcome::succeeded("length")));
        assert_eq!(usage(&outputs), None, "what is not said is not zero");
        script.kit.settled();
    }
}

#[test]
fn a_server_that_does_not_stream_answers_too() {
    let mut script = Script::started("{}");
    let (op, _) = script.asks(1, "hello");
    let answer = json!({ "model": "m-2", "choices": [{ "message": { "role": "assistant", "content": "hi", "reasoning_content": "hm" },
        "finish_reason": "stop" }], "usage": { "prompt_tokens": 1, "completion_tokens": 2, "prompt_tokens_details": { "cached_tokens": 1 } } });
    let outputs = script.answers(op, 200, &answer.to_string());
    assert_eq!(answer_text(&outputs), "hi");
    assert_eq!(outcome(&outputs), Some(&Outcome::succeeded("stop")));
    assert_eq!(usage(&outputs).expect("it was told").cache_read_tokens, Some(1));
    for event in [Event::ModelUsed("m-2".to_owned()), Event::ThoughtDelta("hm".to_owned())] {
        assert!(events(&outputs).contains(&&event), "{outputs:?}");
    }
    script.kit.settled();
}

#[test]
fn a_large_answer_is_told_in_pieces_that_are_not_large() {
    let mut script = Script::started("{}");
    let (op, _) = script.asks(1, "hello");
    let large = "ü".repeat(100_000);
    let outputs = script.answers(op, 200, &stream(&[&large], Some("stop")));
    assert_eq!(answer_text(&outputs), large);
    let longest = events(&outputs).into_iter().map(|event| match event {
        Event::MessageDelta(delta) => delta.text.len(),
        _ => 0,
    });
    assert!(longest.max() <= Some(32 * 1024));
}

#[test]
fn many_small_pieces_at_once_are_few_outputs() {
    let mut script = Script::started("{}");
    let (op, _) = script.asks(1, "hello");
    let outputs = script.answers(op, 200, &stream(&vec!["a"; 5_000], Some("stop")));
    assert_eq!(answer_text(&outputs), "a".repeat(5_000));
    assert!(outputs.len() < 20, "{} outputs", outputs.len());
}

#[test]
fn a_server_that_does_not_know_the_use_is_asked_without_it_once() {
    let mut script = Script::started("{}");
    let (op, _) = script.asks(1, "hello");
    let outputs = script.answers(op, 400, r#"{"error":{"message":"Unknown field: stream_options"}}"#);
    assert_eq!(outcome(&outputs), None);
    let again = script.request();
    assert_eq!(body(&again).get("stream_options"), None);
    let outputs = script.answers(again.op, 200, &stream(&["hi"], Some("stop")));
    assert_eq!(outcome(&outputs), Some(&Outcome::succeeded("stop")));
    let (op, second) = script.asks(2, "and now?");
    assert_eq!(second.get("stream_options"), None, "it is known by then");
    let (kind, detail) = failure(&script.answers(op, 400, "stream_options"));
    assert_eq!((kind, detail.code.as_str()), ("fatal", "request_refused"));
    script.kit.settled();
}

#[test]
fn everything_in_a_prompt_reaches_the_model() {
    let media = |data, mime_type: &str| Media {
        mime_type: mime_type.to_owned(),
        data,
        size: 9,
        extra: String::new(),
    };
    let link = ResourceLink {
        uri: "file:///a".to_owned(),
        name: "a".to_owned(),
        mime_type: None,
        extra: String::new(),
    };
    let embedded = EmbeddedText {
        uri: "file:///b".to_owned(),
        mime_type: None,
        text: "bee".to_owned(),
        extra: String::new(),
    };
    let mut script = Script::started("{}");
    script.prompts(
        1,
        1,
        vec![
            PromptBlock::Text("look".to_owned()),
            PromptBlock::Image(media(7, "image/png")),
            PromptBlock::Audio(media(8, "audio/mpeg")),
            PromptBlock::Link(link),
            PromptBlock::Embedded(embedded),
        ],
    );
    let expected = json!([
        { "type": "text", "text": "look" },
        { "type": "image_url", "image_url": { "url": "data:image/png;base64,<base64 7>" } },
        { "type": "input_audio", "input_audio": { "data": "<base64 8>", "format": "mp3" } },
        { "type": "text", "text": "[a](file:///a)" },
        { "type": "text", "text": "file:///b:\nbee" },
    ]);
    assert_eq!(body(&script.request())["messages"][0]["content"], expected);
    let outputs = script.prompts(2, 2, vec![PromptBlock::Other("{}".to_owned())]);
    assert_eq!(failure(&outputs).1.code, "prompt_unsupported");
}

#[test]
fn both_system_prompts_are_one_message_in_order() {
    let mut script = Script::started_with(r#"{"systemPrompt": "of the table"}"#, super::script::ONE_MODEL);
    let settings = BindingSettings::in_folder("/work");
    script.open(1, BindingSettings { system_prompt: Some("of the run".to_owned()), ..settings });
    let (_, body) = script.asks(1, "hello");
    assert_eq!(body["messages"][0], json!({ "role": "system", "content": "of the table\n\nof the run" }));
}
