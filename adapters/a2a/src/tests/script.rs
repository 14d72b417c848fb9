//! The agent of these tests: it says what the test says, and what is sent to it is read back as JSON.

use omi_adapter_sdk::testkit::{self, TestKit};
use omi_adapter_sdk::{
    Event, Failure, HttpOutcome, HttpRequest, Input, Op, Outcome, Output, Part, RequestInput,
};
use serde_json::{Value, json};

use crate::A2a;

/// The name of the task of attempt 1.
pub(super) const TASK: &str = "task-1";

/// The kit, and what the adapter asked for in the last step.
pub(super) struct Script {
    pub(super) kit: TestKit<A2a>,
    pub(super) out: Vec<Output>,
    /// The stream that was opened last.
    pub(super) stream: Op,
    /// It speaks version 0.3.
    pub(super) old: bool,
    pub(super) context: String,
}

/// A card of version 1.0.
pub(super) fn card(streaming: bool) -> Value {
    json!({"name": "scripted", "version": "1.0", "capabilities": {"streaming": streaming},
        "supportedInterfaces": [{"url": "http://x/rpc", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}]})
}

/// A card of version 0.3.
pub(super) fn old_card() -> Value {
    json!({"name": "scripted", "url": "http://x/rpc", "protocolVersion": "0.3.0", "capabilities": {"streaming": true}})
}

impl Script {
    /// A worker that waits for the card.
    pub(super) fn started(config: &str) -> Self {
        let mut kit = TestKit::new();
        let out = kit.start(config);
        Self { kit, out, stream: 0, old: false, context: String::new() }
    }

    /// A worker with one open binding, 1.
    pub(super) fn open_with(config: &str, card: &Value) -> Self {
        let mut script = Self::started(config);
        script.old = card.get("url").is_some();
        let op = script.request().op;
        script.answers(op, 200, card);
        assert!(matches!(&script.out[..], [Output::Ready(_)]), "{:?}", script.out);
        script.out = script.kit.open(1, "/work");
        match &script.out[..] {
            [Output::BindingOpened(opened)] => script.context.clone_from(&opened.native_id),
            other => panic!("one binding is opened: {other:?}"),
        }
        script
    }

    /// A worker in attempt 1, whose stream has begun.
    pub(super) fn prompted_with(config: &str, card: &Value) -> Self {
        let mut script = Self::open_with(config, card);
        script.out = script.kit.execute(1, 1, "do it");
        if card["capabilities"]["streaming"] == true {
            script.streams();
        }
        script
    }

    /// The same with an agent that streams, in version 1.0.
    pub(super) fn prompted() -> Self {
        Self::prompted_with("{}", &card(true))
    }

    /// Attempt 1 has a task that is being worked on.
    pub(super) fn working() -> Self {
        let mut script = Self::prompted();
        script.says_task("WORKING", &json!({}));
        script
    }

    /// The last request is answered with a stream.
    pub(super) fn streams(&mut self) -> &mut Self {
        self.stream = self.request().op;
        self.send(testkit::http_head_with(
            self.stream,
            200,
            &[("Content-Type", "text/event-stream; charset=utf-8")],
        ))
    }

    /// Something happens.
    pub(super) fn send(&mut self, input: Input) -> &mut Self {
        self.out = self.kit.send(input);
        self
    }

    /// The agent says something in the stream.
    pub(super) fn says(&mut self, result: &Value) -> &mut Self {
        let event = json!({"jsonrpc": "2.0", "id": self.stream, "result": result});
        self.send(testkit::http_body(self.stream, format!("data: {event}\r\n\r\n")))
    }

    /// The agent says where the task stands, with more members of the task.
    pub(super) fn says_task(&mut self, state: &str, more: &Value) -> &mut Self {
        let task = self.task(state, more);
        if self.old { self.says(&task) } else { self.says(&json!({ "task": task })) }
    }

    /// A task.
    pub(super) fn task(&self, state: &str, more: &Value) -> Value {
        let context = self.context();
        let mut task = json!({"id": TASK, "contextId": context, "status": {"state": self.state(state)}});
        if self.old {
            task["kind"] = "task".into();
        }
        for (key, value) in more.as_object().into_iter().flatten() {
            if key == "status" {
                for (key, value) in value.as_object().into_iter().flatten() {
                    task["status"][key] = value.clone();
                }
            } else {
                task[key] = value.clone();
            }
        }
        task
    }

    fn state(&self, state: &str) -> String {
        if self.old { state.to_lowercase().replace('_', "-") } else { format!("TASK_STATE_{state}") }
    }

    /// The agent says that the task stands elsewhere, and why.
    pub(super) fn says_status(&mut self, state: &str, text: Option<&str>) -> &mut Self {
        let mut status = json!({"state": self.state(state)});
        if let Some(text) = text {
            let id = format!("said-{text}");
            status["message"] = json!({"messageId": id, "role": "ROLE_AGENT", "parts": [{"text": text}]});
        }
        let update = json!({"taskId": TASK, "contextId": self.context(), "status": status});
        if !self.old {
            return self.says(&json!({ "statusUpdate": update }));
        }
        let mut update = update;
        update["kind"] = "status-update".into();
        self.says(&update)
    }

    /// The agent says a piece of the result `out`.
    pub(super) fn says_text(&mut self, text: &str, append: bool) -> &mut Self {
        self.says(&json!({"artifactUpdate": {"taskId": TASK, "append": append,
            "artifact": {"artifactId": "out", "parts": [{"text": text}]}}}))
    }

    /// The stream ends like this.
    pub(super) fn drops(&mut self, outcome: HttpOutcome) -> &mut Self {
        self.send(testkit::http_end(self.stream, outcome))
    }

    /// Time passes.
    pub(super) fn later(&mut self, ms: u32) -> &mut Self {
        self.out = self.kit.advance(ms);
        self
    }

    /// A request is answered with a status and a JSON body.
    pub(super) fn answers(&mut self, op: Op, status: u16, body: &Value) -> &mut Self {
        self.out = self.kit.send_all([
            testkit::http_head_with(op, status, &[("content-type", "application/json")]),
            testkit::http_body(op, body.to_string()),
            testkit::http_end(op, HttpOutcome::Complete),
        ]);
        self
    }

    /// The last request of this method is answered with a result.
    pub(super) fn results(&mut self, method: &str, result: &Value) -> &mut Self {
        let op = self.request_of(method).op;
        self.answers(op, 200, &json!({"jsonrpc": "2.0", "id": op, "result": result}))
    }

    /// The last request of this method is answered with an error.
    pub(super) fn fails(&mut self, method: &str, code: i64, message: &str) -> &mut Self {
        let op = self.request_of(method).op;
        self.answers(op, 200, &json!({"id": op, "error": {"code": code, "message": message}}))
    }

    /// The context id of binding 1.
    pub(super) fn context(&self) -> String {
        self.context.clone()
    }

    /// The requests of the last step.
    pub(super) fn requests(&self) -> Vec<&HttpRequest> {
        self.out
            .iter()
            .filter_map(|output| match output {
                Output::HttpRequest(request) => Some(request),
                _ => None,
            })
            .collect()
    }

    /// The one request of the last step.
    pub(super) fn request(&self) -> &HttpRequest {
        match &self.requests()[..] {
            [request] => request,
            other => panic!("one request is expected: {other:?} in {:?}", self.out),
        }
    }

    /// The one request of the last step that calls this method.
    pub(super) fn request_of(&self, method: &str) -> &HttpRequest {
        let found: Vec<&HttpRequest> =
            self.requests().into_iter().filter(|request| body(request)["method"] == method).collect();
        match &found[..] {
            [request] => request,
            other => panic!("one `{method}` is expected: {other:?} in {:?}", self.out),
        }
    }

    /// What the requests of the last step call.
    pub(super) fn methods(&self) -> Vec<String> {
        self.requests()
            .iter()
            .map(|request| body(request)["method"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// The requests that the last step gave up.
    pub(super) fn aborted(&self) -> Vec<Op> {
        self.out
            .iter()
            .filter_map(|output| match output {
                Output::HttpAbort(op) => Some(*op),
                _ => None,
            })
            .collect()
    }

    /// What the last step asks a person.
    pub(super) fn question(&self) -> &RequestInput {
        let mut asked = self.out.iter().filter_map(|output| match output {
            Output::RequestInput(request) => Some(request),
            _ => None,
        });
        match (asked.next(), asked.next()) {
            (Some(request), None) => request,
            (None, _) | (_, Some(_)) => panic!("one question is expected: {:?}", self.out),
        }
    }

    /// The events of the last step.
    pub(super) fn events(&self) -> Vec<&Event> {
        self.out
            .iter()
            .filter_map(|output| match output {
                Output::AttemptEvent(event) => Some(&event.event),
                _ => None,
            })
            .collect()
    }

    /// The text of the answer in the last step.
    pub(super) fn text(&self) -> String {
        testkit::answer_text(&self.out)
    }

    /// What the last step says about a cancellation: dispatched, acknowledged.
    pub(super) fn cancel_answer(&self) -> Option<(bool, bool)> {
        self.out.iter().find_map(|output| match output {
            Output::CancelAnswer(answer) => Some((answer.dispatched, answer.acknowledged)),
            _ => None,
        })
    }

    /// How the last step ended an attempt: `succeeded completed`, `fatal task_failed: …`, `cancelled`.
    pub(super) fn ended(&self) -> String {
        match testkit::outcome(&self.out) {
            Some(Outcome::Succeeded(success)) => format!("succeeded {}", success.stop_reason),
            Some(Outcome::Cancelled) => "cancelled".to_owned(),
            Some(Outcome::Failed(failure)) => failed(failure),
            None => panic!("no attempt ended: {:?}", self.out),
        }
    }

    /// Whether the last step ended an attempt.
    pub(super) fn has_ended(&self) -> bool {
        testkit::outcome(&self.out).is_some()
    }

    /// How the last step ended the worker.
    pub(super) fn fault(&self) -> String {
        let fault = self.out.iter().find_map(|output| match output {
            Output::Fault(fault) => Some(failed(&fault.failure)),
            _ => None,
        });
        fault.unwrap_or_else(|| panic!("no fault: {:?}", self.out))
    }
}

/// The body of a request, with blobs as `<base64 of 7>`.
pub(super) fn body(request: &HttpRequest) -> Value {
    let text: String = request
        .body
        .iter()
        .map(|part| match part {
            Part::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Part::BlobBase64(blob) => format!("<base64 of {blob}>"),
            Part::BlobRaw(blob) => format!("<blob {blob}>"),
        })
        .collect();
    serde_json::from_str(&text).unwrap_or_default()
}

/// `fatal task_failed: the agent failed`.
fn failed(failure: &Failure) -> String {
    let (kind, detail) = match failure {
        Failure::Stale(detail) => ("stale", detail),
        Failure::Retryable(detail) => ("retryable", detail),
        Failure::Fatal(detail) => ("fatal", detail),
        Failure::Other(detail) => ("other", detail),
        Failure::AuthRequired(wanted) => {
            let said: Vec<&str> = wanted.methods.iter().map(|method| method.description.as_str()).collect();
            return format!("auth-required: {}", said.join("; "));
        }
    };
    format!("{kind} {}: {}", detail.code, detail.message)
}
