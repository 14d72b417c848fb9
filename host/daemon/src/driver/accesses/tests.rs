//! What workers want to open, from their report to what the kernel is asked and what is recorded.

use omi_kernel::command::BindingSettings;
use omi_kernel::descriptor::{Capability, GrantRequest};
use omi_kernel::effect::Effect;
use omi_kernel::event::{Event, EventKind};
use omi_kernel::grant::{Policy, Terms};
use omi_kernel::id::{AdapterId, BindingId, Cursor, EventId, Ids, Timestamp};
use omi_kernel::report::Report;
use omi_kernel::row::HOST_REQUESTS;
use omi_store::Reader;
use serde_json::json;

use super::*;
use crate::driver::random;
use crate::driver::scene::{Scene, scene};

impl Scene {
    fn asks(&mut self, op: u32, policy: Policy) {
        let access = Access {
            worker: self.worker.clone(),
            op,
            grant: "agent".to_owned(),
            capability: Capability::Process,
            operation: "spawn".to_owned(),
            resource: "prog".to_owned(),
            covers: "prog".to_owned(),
        };
        let declared = GrantRequest {
            name: "agent".to_owned(),
            capability: Capability::Process,
            operation: "spawn".to_owned(),
            pattern: "*".to_owned(),
            reason: "It runs.".to_owned(),
            optional: false,
        };
        let terms = Terms {
            registration: AdapterId::from("nobody"),
            component: "x".to_owned(),
            digest: "d".to_owned(),
            declared: Some(declared),
            bound: Some(Capability::Process),
            policy,
            operations: Vec::new(),
            resources: Vec::new(),
        };
        let asked = Box::new(Asked { scope: AccessScope::Worker, access, terms });
        let report = Report::AccessAsked { request: HOST_REQUESTS + op, session: None, attempt: None, asked };
        let worker = self.worker.clone();
        self.driver.report(&worker, report);
    }

    fn withdraws(&mut self, op: u32) {
        let worker = self.worker.clone();
        self.driver.report(&worker, Report::AccessWithdrawn { request: HOST_REQUESTS + op });
    }

    /// The run begins: its worker is to make a binding.
    fn binds(&mut self) -> AttemptId {
        let mut source = random;
        let ids = &mut Ids::new(&mut source);
        let attempt = AttemptId::new(ids);
        let settings = Box::new(BindingSettings { cwd: "/".to_owned(), ..BindingSettings::default() });
        self.driver.perform(Effect::Bind {
            run: self.run.clone(),
            timeout_ms: None,
            attempt: attempt.clone(),
            worker: self.worker.clone(),
            binding: BindingId::new(ids),
            session: SessionId::new(ids),
            resume: None,
            settings,
        });
        attempt
    }

    /// The number and attempt of each access that waits to be decided.
    fn waiting(&self) -> Vec<(u32, Option<AttemptId>)> {
        let access = |item: &Item| match item {
            Item::Input { input: Input::AccessAsked(asked), .. } => {
                Some((asked.asked.access.op, asked.attempt.clone()))
            }
            Item::Input { .. } | Item::Live(_) => None,
        };
        self.driver.items.iter().filter_map(access).collect()
    }

    fn decisions(&self) -> Vec<(String, String)> {
        let reader = Reader::open(&self.folder.path().join("record")).unwrap();
        let decisions = reader.gate_decisions(10).unwrap();
        decisions.into_iter().map(|decision| (decision.decision, decision.reason)).collect()
    }
}

#[test]
fn what_is_wanted_before_there_is_an_attempt_is_asked_in_its_name() {
    let mut scene = scene("nobody");
    scene.asks(1, Policy::Ask);
    scene.asks(2, Policy::Ask);
    assert_eq!(scene.waiting(), []);
    let attempt = scene.binds();
    assert_eq!(scene.waiting(), [(1, Some(attempt.clone())), (2, Some(attempt.clone()))]);
    scene.asks(3, Policy::Ask);
    assert_eq!(scene.waiting().last(), Some(&(3, Some(attempt))));
}

#[test]
fn it_is_decided_without_an_attempt_if_the_run_gives_the_worker_up() {
    let mut scene = scene("nobody");
    scene.asks(1, Policy::Ask);
    let run = scene.run.clone();
    scene.driver.perform(Effect::Dequeue { run });
    assert_eq!(scene.waiting(), [(1, None)]);
    assert!(scene.driver.commit());
    let decisions = scene.decisions();
    assert!(
        matches!(decisions.as_slice(), [(decision, why)] if decision == "deny" && why.contains("nobody can be asked")),
        "{decisions:?}"
    );
}

#[test]
fn a_run_that_begins_again_has_no_attempt_to_ask_for_until_then() {
    let mut scene = scene("nobody");
    let first = scene.binds();
    let (run, worker) = (scene.run.clone(), scene.worker.clone());
    scene.driver.pool.begins_again(&worker);
    scene.asks(1, Policy::Ask);
    assert_eq!(scene.waiting(), []);
    let second = scene.binds();
    assert_ne!(first, second);
    assert_eq!(scene.waiting(), [(1, Some(second))]);
    assert!(scene.driver.pool.has(&run, &worker));
}

#[test]
fn what_is_wanted_no_longer_is_not_decided() {
    let mut scene = scene("nobody");
    scene.asks(1, Policy::Ask);
    scene.asks(2, Policy::Ask);
    scene.withdraws(1);
    let attempt = scene.binds();
    assert_eq!(scene.waiting(), [(2, Some(attempt))], "nor held");
    scene.withdraws(2);
    assert_eq!(scene.waiting(), []);
    assert!(scene.driver.items.is_empty());
}

#[test]
fn a_question_that_is_open_is_answered_when_it_is_taken_back_and_no_other_is() {
    let mut scene = scene("nobody");
    let attempt = scene.binds();
    let mut source = random;
    let ids = &mut Ids::new(&mut source);
    let number = HOST_REQUESTS + 7;
    scene.driver.requests.note(&Event {
        protocol_version: 2,
        event_id: EventId::new(ids),
        cursor: Cursor(1),
        session_id: SessionId::new(ids),
        run_id: Some(scene.run.clone()),
        attempt_id: Some(attempt.clone()),
        request_id: None,
        kind: EventKind::ApprovalRequested,
        timestamp_ms: Timestamp(0),
        payload: json!({ "request": number, "kind": "access" }).into(),
    });
    scene.withdraws(6);
    assert!(scene.driver.items.is_empty(), "nobody asked that");
    scene.withdraws(7);
    let answers = scene.driver.items.iter().any(|item| {
        matches!(item, Item::Input { input: Input::ApprovalAnswered { attempt: of, request, answer, by }, .. }
            if *of == attempt && *request == number && *answer == Answer::Cancelled && *by == By::Runtime)
    });
    assert!(answers);
}

#[test]
fn what_is_allowed_is_recorded_first_and_what_cannot_be_decided_is_refused() {
    let mut scene = scene("nobody");
    let run = scene.run.clone();
    scene.driver.perform(Effect::Dequeue { run });
    scene.asks(1, Policy::Allow);
    scene.asks(2, Policy::Deny);
    assert!(scene.driver.commit());
    let decided: Vec<String> = scene.decisions().into_iter().rev().map(|(decision, _)| decision).collect();
    assert_eq!(decided, ["allow", "deny"]);
    let told = scene.driver.pool.early(&scene.worker);
    assert!(matches!(told, [Command::Perform { op: 1, .. }, Command::Refuse { op: 2, .. }]), "{told:?}");
    drop(scene.tokio);
}
