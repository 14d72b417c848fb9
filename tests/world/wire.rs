//! A daemon that serves wire protocol v2, as a client sees it.

use serde_json::{Value, json};

use super::{Ended, Running, World};

/// The client that asks where a test names none.
pub const CLIENT: &str = "test";

/// A daemon that serves.
pub struct Serving {
    /// Its program.
    pub running: Running,
}

impl Serving {
    /// Starts one, and waits until it speaks.
    pub fn start(world: &World) -> Self {
        let serving = Self { running: world.start(&["serve", "--stdio"]) };
        serving.running.message("init", |message| message["type"] == "init");
        serving
    }

    /// Sends a message of a client.
    pub fn send(&mut self, client: &str, kind: &str, request: &str, fields: &Value) {
        let mut message =
            json!({ "type": kind, "protocolVersion": 2, "requestId": request, "clientId": client });
        if let (Some(message), Value::Object(fields)) = (message.as_object_mut(), fields) {
            message.extend(fields.clone());
        }
        self.running.write(&format!("{message}\n"));
    }

    /// Sends a message.
    pub fn ask(&mut self, kind: &str, request: &str, fields: &Value) {
        self.send(CLIENT, kind, request, fields);
    }

    /// Has a prompt run by a registration.
    pub fn query(&mut self, request: &str, adapter: &str, prompt: &str) {
        self.ask("query", request, &json!({ "adapterId": adapter, "prompt": prompt }));
    }

    /// Waits for a message of a kind to a request of any client.
    pub fn hear(&self, kind: &str, request: &str) -> Value {
        self.hear_that(kind, request, |_| true)
    }

    /// Waits for a message of a kind to a request that satisfies a condition.
    pub fn hear_that(&self, kind: &str, request: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.running.message(&format!("`{kind}` to `{request}`"), |message| {
            message["type"] == kind && message["requestId"] == request && wanted(message)
        })
    }

    /// Waits until a run stands somewhere.
    pub fn hear_status(&self, request: &str, status: &str) -> Value {
        self.hear_that("status", request, |message| message["status"] == status)
    }

    /// Waits for the end of a query.
    pub fn result(&self, request: &str) -> Value {
        self.hear("result", request)
    }

    /// Waits for the refusal of a request: its code and its one line.
    pub fn refusal(&self, request: &str) -> (String, String) {
        let error = self.hear("error", request);
        let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
        assert!(!text("code").is_empty() && !text("message").contains('\n'), "{error}");
        (text("code"), text("message"))
    }

    /// Has a run stopped, and waits for its end.
    pub fn stop(&mut self, request: &str) -> Value {
        self.ask("interrupt", request, &json!({}));
        self.result(request)
    }

    /// Waits until so many messages of a kind were said to a request, and gives them.
    pub fn hear_all(&self, kind: &str, request: &str, count: usize) -> Vec<Value> {
        let is = |message: &Value| message["type"] == kind && message["requestId"] == request;
        self.running.prints(&format!("{count} `{kind}` to `{request}`"), |all| {
            let messages = all.lines().filter_map(|line| serde_json::from_str(line).ok());
            messages.filter(is).count() >= count
        });
        self.said_to(kind, request)
    }

    /// Everything that was said so far.
    pub fn said(&self) -> Vec<Value> {
        self.running.stdout().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Everything of a kind that was said to a request so far.
    pub fn said_to(&self, kind: &str, request: &str) -> Vec<Value> {
        let all = self.said().into_iter();
        all.filter(|message| message["type"] == kind && message["requestId"] == request).collect()
    }

    /// Sends a message as a client of v1 does.
    pub fn say_v1(&mut self, message: &Value) {
        self.running.write(&format!("{message}\n"));
    }

    /// Waits for a message of a kind to a client of v1 that satisfies a condition.
    pub fn told_v1(&self, kind: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.running.message(&format!("`{kind}` of v1"), |message| {
            message["type"] == kind && is_v1(message) && wanted(message)
        })
    }

    /// Everything that was said to clients of v1 so far.
    pub fn said_v1(&self) -> Vec<Value> {
        self.said().into_iter().filter(is_v1).collect()
    }

    /// Ends it in good order.
    pub fn end(mut self) -> Ended {
        drop(self.running.stdin.take());
        let ended = self.running.ended();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended
    }

    /// Ends it as a power failure would.
    pub fn kill(self) {
        self.running.signal(rustix::process::Signal::KILL);
        assert_eq!(self.running.ended().code, None);
    }
}

fn is_v1(message: &Value) -> bool {
    message.get("protocolVersion").is_none()
}

/// The text of a field that must be one.
pub fn text(message: &Value, field: &str) -> String {
    message[field].as_str().unwrap_or_else(|| panic!("no `{field}` in {message}")).to_owned()
}
