//! HTTP: what is asked is posted, what becomes of it is followed as server-sent events.

use std::collections::BTreeMap;

use omi_tests::world::World;
use omi_tests::world::http::{Client, Events, HttpDaemon, ServerEvent};
use omi_tests::world::wire::text;
use serde_json::{Value, json};

use super::door::{Act, Door, OTHER_KEY, Told};

pub(super) struct HttpDoor {
    daemon: Option<HttpDaemon>,
    asked: BTreeMap<(String, String), Asked>,
}

/// What was asked, and what was heard of it.
struct Asked {
    session: String,
    run: String,
    events: Events,
    heard: Vec<ServerEvent>,
}

impl HttpDoor {
    pub(super) fn open(world: &World) -> Self {
        Self { daemon: Some(HttpDaemon::start(world, &[])), asked: BTreeMap::new() }
    }

    fn client(&self) -> Client {
        self.daemon.as_ref().expect("it is open").tcp()
    }

    fn asked(&mut self, client: &str, request: &str) -> &mut Asked {
        self.asked.get_mut(&(client.to_owned(), request.to_owned())).expect("it was asked")
    }
}

impl Asked {
    fn hear(&mut self, wanted: impl Fn(&ServerEvent) -> bool) -> ServerEvent {
        if let Some(event) = self.heard.iter().find(|event| wanted(event)) {
            return event.clone();
        }
        loop {
            let event = self.events.event();
            self.heard.push(event.clone());
            if wanted(&event) {
                return event;
            }
        }
    }

    /// The text, put together by the offsets of its pieces. No piece is missing.
    fn text(&self) -> String {
        let mut whole = String::new();
        for event in &self.heard {
            let piece = match event.kind.as_str() {
                "text_delta" => &event.data,
                "message.delta" => &event.data["payload"],
                _ => continue,
            };
            let offset = usize::try_from(piece["offset"].as_u64().expect("an offset")).expect("small");
            assert!(offset <= whole.len(), "a gap before {event:?}");
            if let Some(new) = text(piece, "text").get(whole.len() - offset..) {
                whole.push_str(new);
            }
        }
        whole
    }
}

impl Door for HttpDoor {
    fn supports(&self, _: Act) -> bool {
        true
    }

    fn ask(&mut self, client: &str, request: &str, prompt: &str) {
        let message = json!({ "text": prompt, "clientId": client, "requestId": request });
        let made = self.client().post("/v1/sessions", &json!({ "adapterId": "tester", "message": message }));
        assert_eq!(made.status, 201, "{made:?}");
        let made = made.json();
        let session = text(&made["session"], "sessionId");
        let events = self.client().listen(&format!("/v1/sessions/{session}/events?after=0"));
        let asked = Asked { session, run: text(&made["accepted"], "runId"), events, heard: vec![] };
        self.asked.insert((client.to_owned(), request.to_owned()), asked);
    }

    fn text(&mut self, client: &str, request: &str) {
        let asked = self.asked(client, request);
        let before = asked.heard.iter().filter(|event| event.kind == "text_delta").count();
        let is_more = |event: &ServerEvent| matches!(event.kind.as_str(), "text_delta" | "message.delta");
        loop {
            let event = asked.events.event();
            asked.heard.push(event.clone());
            if is_more(&event) && asked.heard.len() > before {
                return;
            }
        }
    }

    fn allow(&mut self, client: &str, request: &str) {
        let http = self.client();
        let asked = self.asked(client, request).hear(|event| event.kind == "approval.requested");
        let option = &asked.data["payload"]["options"][0]["optionId"];
        let place =
            format!("/v1/approvals/{}/{}", text(&asked.data, "attemptId"), asked.data["payload"]["request"]);
        let answered = http.post(&place, &json!({ "optionId": option }));
        assert!((200..300).contains(&answered.status), "{answered:?}");
    }

    fn stop(&mut self, client: &str, request: &str) {
        let http = self.client();
        let run = self.asked(client, request).run.clone();
        let stopped = http.post(&format!("/v1/runs/{run}/cancel"), &json!({}));
        assert_eq!(stopped.json()["accepted"], true, "{stopped:?}");
    }

    fn ended(&mut self, client: &str, request: &str) -> Told {
        let http = self.client();
        let asked = self.asked(client, request);
        let ends = ["run.succeeded", "run.failed", "run.cancelled", "run.timed_out", "run.orphaned"];
        asked.hear(|event| ends.contains(&event.kind.as_str()));
        let run = http.get(&format!("/v1/runs/{}", asked.run)).json();
        let said = run["finalText"].as_str().unwrap_or_default().to_owned();
        assert_eq!(asked.text(), said);
        Told { status: text(&run, "status"), text: said }
    }

    fn again(&mut self) {
        let http = self.client();
        for asked in self.asked.values_mut() {
            let last = asked.heard.iter().filter_map(|event| event.id).max().unwrap_or_default();
            let place = format!("/v1/sessions/{}/events", asked.session);
            asked.events = http.with("last-event-id", &last.to_string()).listen(&place);
        }
    }

    fn stranger(&mut self, client: &str, request: &str) {
        let other = self.client().with_key(Some(OTHER_KEY));
        let asked = self.asked(client, request);
        let (session, run) = (format!("/v1/sessions/{}", asked.session), format!("/v1/runs/{}", asked.run));
        let nowhere = (404, "not_found".to_owned());
        for path in [session.clone(), format!("{session}/events"), format!("{session}/messages"), run.clone()]
        {
            assert_eq!(other.get(&path).problem(), nowhere, "{path}");
        }
        let stolen = json!({ "text": "say stolen" });
        assert_eq!(other.post(&format!("{session}/messages"), &stolen).problem(), nowhere);
        assert_eq!(other.post(&format!("{run}/cancel"), &json!({})).problem(), nowhere);
        assert_eq!(other.post(&format!("{run}/retry"), &json!({})).problem(), nowhere);
        let renamed = other.send("PATCH", &session, Some(&json!({ "title": "stolen" })));
        assert_eq!(renamed.problem(), nowhere);
        let listed = other.get("/v1/sessions").json();
        assert_eq!(listed["items"], Value::Array(vec![]), "{listed}");
    }

    fn end(&mut self) {
        self.asked.clear();
        let ended = self.daemon.take().expect("it is open").end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}
