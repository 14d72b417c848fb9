//! A worker, and the server and the host that it talks to.

use omi_adapter_sdk::testkit::{self, TestKit};
use omi_adapter_sdk::{
    Attempt, Binding, BindingSettings, ExecuteAttempt, Failure, FailureDetail, HttpOutcome, HttpRequest,
    Input, Op, OpenBinding, Outcome, Output, Part, PromptBlock, RunMode,
};
use serde_json::{Value, json};

use crate::Chat;

/// Added to the number of a blob for the copy of it.
pub(super) const COPY: u32 = 100;

/// A list of one model.
pub(super) const ONE_MODEL: &str = r#"{"object":"list","data":[{"id":"only"}]}"#;

/// A worker.
pub(super) struct Script {
    pub(super) kit: TestKit<Chat>,
    /// What was asked for and not looked at yet.
    asked: Vec<Output>,
}

impl Script {
    /// A worker that has asked its server which models it has.
    pub(super) fn greeting(config: &str) -> (Self, HttpRequest) {
        let mut script = Self { kit: TestKit::new(), asked: Vec::new() };
        script.asked = script.kit.start(config);
        let request = script.request();
        (script, request)
    }

    /// A worker whose server has these models.
    pub(super) fn started_with(config: &str, models: &str) -> Self {
        let (mut script, request) = Self::greeting(config);
        let outputs = script.answers(request.op, 200, models);
        assert!(matches!(outputs.last(), Some(Output::Ready(_))), "{outputs:?}");
        script
    }

    /// A worker whose server has one model, with binding 1.
    pub(super) fn started(config: &str) -> Self {
        let mut script = Self::started_with(config, ONE_MODEL);
        script.open(1, BindingSettings::in_folder("/work"));
        script
    }

    pub(super) fn open(&mut self, binding: Binding, settings: BindingSettings) -> Vec<Output> {
        let omi_session = "ses_00000000000000000000000000000001".to_owned();
        let extra = String::new();
        self.kit.send(Input::OpenBinding(OpenBinding { binding, omi_session, settings, extra }))
    }

    /// Tells the worker something; what it asks for is looked at later, too.
    pub(super) fn tell(&mut self, input: Input) -> Vec<Output> {
        let mut outputs = self.kit.send(input);
        // The host copies a blob at once.
        let mut copies = Vec::new();
        for output in &outputs {
            let Output::CreateBlob(create) = output else { continue };
            let [Part::BlobRaw(blob)] = create.content[..] else { panic!("a copy is asked for: {create:?}") };
            copies.push(testkit::blob_created(create.op, blob + COPY, 10));
        }
        for copy in copies {
            outputs.extend(self.kit.send(copy));
        }
        self.asked.clone_from(&outputs);
        outputs
    }

    /// The one request that was asked for.
    pub(super) fn request(&self) -> HttpRequest {
        let requests: Vec<_> = self
            .asked
            .iter()
            .filter_map(|output| match output {
                Output::HttpRequest(request) => Some(request.clone()),
                _ => None,
            })
            .collect();
        let [request] = &requests[..] else { panic!("one request is expected: {:?}", self.asked) };
        request.clone()
    }

    /// A prompt of blocks, for the run of this number.
    pub(super) fn prompts(&mut self, attempt: Attempt, run: u32, prompt: Vec<PromptBlock>) -> Vec<Output> {
        self.tell(execute(attempt, 1, run, prompt, None))
    }

    /// A prompt of one text: the request that is made of it, and its body.
    pub(super) fn asks(&mut self, attempt: Attempt, prompt: &str) -> (Op, Value) {
        self.prompts(attempt, attempt, vec![PromptBlock::Text(prompt.to_owned())]);
        let request = self.request();
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v1/chat/completions"));
        (request.op, body(&request))
    }

    /// A whole answer.
    pub(super) fn answers(&mut self, op: Op, status: u16, text: &str) -> Vec<Output> {
        self.answers_with(op, status, &[], text, HttpOutcome::Complete)
    }

    /// An answer that ends like this. The outputs of all three inputs, as far as they are wanted.
    pub(super) fn answers_with(
        &mut self,
        op: Op,
        status: u16,
        headers: &[(&str, &str)],
        text: &str,
        end: HttpOutcome,
    ) -> Vec<Output> {
        let mut outputs = self.tell(testkit::http_head_with(op, status, headers));
        outputs.extend(self.tell(testkit::http_body(op, text)));
        outputs.extend(self.tell(testkit::http_end(op, end)));
        self.asked.clone_from(&outputs);
        outputs
    }
}

/// An attempt.
pub(super) fn execute(
    attempt: Attempt,
    binding: Binding,
    run: u32,
    prompt: Vec<PromptBlock>,
    model: Option<&str>,
) -> Input {
    Input::ExecuteAttempt(ExecuteAttempt {
        attempt,
        binding,
        omi_session: "ses_00000000000000000000000000000001".to_owned(),
        omi_run: run_id(run),
        omi_attempt: format!("att_{attempt:032}"),
        number: 1,
        prompt,
        mode: RunMode::Ask,
        model: model.map(str::to_owned),
        tools: Vec::new(),
        extra: String::new(),
    })
}

/// The id of a run.
pub(super) fn run_id(run: u32) -> String {
    format!("run_{run:032}")
}

/// The body of a request, blobs shown as `<base64 7>`.
pub(super) fn body(request: &HttpRequest) -> Value {
    let show = |part: &Part| match part {
        Part::Bytes(bytes) => String::from_utf8(bytes.clone()).expect("text"),
        Part::BlobRaw(blob) => format!("<raw {blob}>"),
        Part::BlobBase64(blob) => format!("<base64 {blob}>"),
    };
    let text: String = request.body.iter().map(show).collect();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A stream of these texts that ends with this word, if with one.
pub(super) fn stream(texts: &[&str], finish: Option<&str>) -> String {
    let event = |choice: Value| format!("data: {}\n\n", json!({ "model": "m-1", "choices": [choice] }));
    let mut body: String =
        texts.iter().map(|text| event(json!({ "index": 0, "delta": { "content": text } }))).collect();
    if let Some(word) = finish {
        body += &event(json!({ "index": 0, "delta": {}, "finish_reason": word }));
        body += "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n";
    }
    body
}

/// How an attempt failed.
pub(super) fn failure(outputs: &[Output]) -> (&'static str, FailureDetail) {
    match testkit::outcome(outputs) {
        Some(Outcome::Failed(failure)) => told(failure),
        other => panic!("it fails: {other:?} in {outputs:?}"),
    }
}

/// What a failure is.
pub(super) fn told(failure: &Failure) -> (&'static str, FailureDetail) {
    match failure {
        Failure::Retryable(detail) => ("retryable", detail.clone()),
        Failure::Fatal(detail) => ("fatal", detail.clone()),
        Failure::Stale(detail) => ("stale", detail.clone()),
        Failure::AuthRequired(wanted) => {
            ("auth", FailureDetail::new("", wanted.methods[0].description.clone()))
        }
        Failure::Other(detail) => panic!("never: {detail:?}"),
    }
}
