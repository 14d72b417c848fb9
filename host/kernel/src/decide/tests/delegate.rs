//! A run asks another one for work.

use super::reading::*;
use super::story::*;
use crate::command::{PromptBlock, RunMode};
use crate::decision::{Decision, Reply};
use crate::delegation::{CONTEXT_CHARS_MAX, DEPTH_MAX, Delegation, DelegationMode, DelegationStatus};
use crate::descriptor::Fidelity;
use crate::effect::{Effect, Wait};
use crate::facts::WaitingParent;
use crate::id::{Ids, WorkerId};
use crate::input::Input;
use crate::model::ModelProfile;
use crate::new::{NewRun, NewSession};
use crate::refusal::Refusal;
use crate::request::{Delegate, WorkerLimits};
use crate::row::{Binding, Run, Session};
use crate::session::{SessionStatus, TITLE_CHARS_MAX};
use crate::status::Status;
use crate::write::Write;

/// The run of the story asks for this.
pub(super) fn wants(mode: DelegationMode) -> Delegate {
    Delegate {
        owner: "ann".into(),
        parent: run_id(),
        client: "tools".into(),
        request: "d1".into(),
        mode,
        objective: "Count the words\nin the readme".into(),
        context: None,
        session: (mode == DelegationMode::Continue).then(child_session_id),
        title: None,
        adapter: None,
        model: None,
        profile: None,
        run_mode: RunMode::Ask,
        cwd: None,
        depth_max: None,
        budget_usd: None,
        limits: WorkerLimits { parked_max: 8, ..WorkerLimits::default() },
        legacy: Vec::new(),
    }
}

pub(super) fn delegates(delegate: Delegate) -> Input {
    Input::Delegate(Box::new(delegate))
}

fn child_session() -> Session {
    Session { id: child_session_id(), default_adapter: "pi".into(), ..session() }
}

/// A run that is executed; its session has delegated to another one before.
fn running() -> Story {
    let mut story = Story::at(Status::Running);
    story.facts.child_session = Some(child_session());
    story
}

fn new_run(decision: &Decision) -> &NewRun {
    let mut new = decision.writes.iter().filter_map(|write| match write {
        Write::InsertRun(new) => Some(&**new),
        _ => None,
    });
    new.next().unwrap()
}

fn new_session(decision: &Decision) -> &NewSession {
    let mut new = decision.writes.iter().filter_map(|write| match write {
        Write::InsertSession(new) => Some(new),
        _ => None,
    });
    new.next().unwrap()
}

#[test]
fn a_call_makes_a_session_and_a_run_and_the_parent_waits() {
    let decision = running().then(&delegates(wants(DelegationMode::Call)));
    assert_eq!(rows(&decision), ["session", "run", "session used", "delegation"]);
    assert_eq!(events(&decision), ["session.created", "run.queued", "session.updated", "delegation.created"]);
    assert_eq!(effects(&decision), ["schedule", "park for a child"], "in one transaction");
    assert_eq!(decision.effects[1], Effect::Park { run: run_id(), why: Wait::Child });
    let Write::InsertDelegation(new) = &decision.writes[3] else { panic!() };
    let Reply::Delegated { delegation, session, run, repeated: false } = &decision.reply else { panic!() };
    assert_eq!((&new.id, &new.child_session, &new.child_run), (delegation, session, run));
    assert_eq!((&new.parent_session, &new.parent_run), (&session_id(), &run_id()));
    assert_eq!(decision.events[3].about.run, Some(run_id()), "it is told to the parent");
}

#[test]
fn a_spawn_lets_the_parent_go_on() {
    let decision = running().then(&delegates(wants(DelegationMode::Spawn)));
    assert_eq!(rows(&decision), ["session", "run", "session used", "delegation"]);
    assert_eq!(effects(&decision), ["schedule"]);
}

#[test]
fn a_continuation_goes_on_where_the_last_one_was() {
    let decision = running().then(&delegates(wants(DelegationMode::Continue)));
    assert_eq!(rows(&decision), ["run", "session used", "delegation"]);
    let run = new_run(&decision);
    assert_eq!((run.session.clone(), run.adapter.as_str()), (child_session_id(), "pi"));
    assert_eq!(effects(&decision), ["schedule", "park for a child"]);

    let mut story = running();
    story.facts.child_session.as_mut().unwrap().status = SessionStatus::Archived;
    assert_eq!(rows(&story.then(&delegates(wants(DelegationMode::Continue))))[0], "session archived > open");
    story.facts.child_session.as_mut().unwrap().status = SessionStatus::Closed;
    let refusal = story.refuses(&delegates(wants(DelegationMode::Continue)));
    assert_eq!(refusal, Refusal::SessionClosed(child_session_id()));
}

#[test]
fn only_what_was_delegated_to_from_here_is_continued() {
    let mut story = running();
    story.facts.child_session = None;
    let input = delegates(wants(DelegationMode::Continue));
    assert_eq!(story.refuses(&input), Refusal::NotDelegated(child_session_id()));
    story.facts.child_session = Some(Session { owner: "bob".into(), ..child_session() });
    assert_eq!(story.refuses(&input), Refusal::NotDelegated(child_session_id()));

    let nameless = Delegate { session: None, ..wants(DelegationMode::Continue) };
    assert_eq!(running().refuses(&delegates(nameless)), Refusal::ContinueNamesSession);
    for mode in [DelegationMode::Call, DelegationMode::Spawn] {
        let named = Delegate { session: Some(child_session_id()), ..wants(mode) };
        assert_eq!(running().refuses(&delegates(named)), Refusal::ContinueNamesSession);
    }
}

#[test]
fn a_child_gets_what_it_needs_and_nothing_else() {
    let mut story = running();
    let parent = story.facts.run.as_mut().unwrap();
    parent.cwd = Some("/srv/ann".into());
    parent.input = prompt("a long secret talk");
    parent.system_prompt_hash = Some("s1".into());
    let delegate = Delegate { context: Some("It is in French.".into()), ..wants(DelegationMode::Call) };
    let decision = story.then(&delegates(delegate));
    let run = new_run(&decision);
    let [PromptBlock::Text { text }] = &run.input.prompt[..] else { panic!() };
    assert!(
        text.contains("Count the words") && text.contains("It is in French.") && !text.contains("secret")
    );
    assert_eq!((run.parent.clone(), run.mode), (Some(run_id()), RunMode::Ask));
    assert_eq!((run.adapter.as_str(), run.profile), ("echo", ModelProfile::Worker));
    assert_eq!((run.cwd.as_deref(), &run.system_prompt_hash), (Some("/srv/ann"), &None));
    let session = new_session(&decision);
    assert_eq!(
        (session.surface.as_str(), session.title.as_deref()),
        ("delegated_agent", Some("Count the words"))
    );
    assert_eq!((session.owner.as_str(), session.default_cwd.as_deref()), ("ann", Some("/srv/ann")));
}

#[test]
fn a_child_may_have_its_own_registration_model_and_folder() {
    let delegate = Delegate {
        adapter: Some("claude".into()),
        model: Some("big".into()),
        profile: Some(ModelProfile::Verifier),
        cwd: Some("/elsewhere".into()),
        title: Some("t".repeat(TITLE_CHARS_MAX + 1)),
        legacy: vec!["claude".into()],
        ..wants(DelegationMode::Call)
    };
    let decision = running().then(&delegates(delegate));
    let run = new_run(&decision);
    assert_eq!((run.adapter.as_str(), run.model.as_deref()), ("claude", Some("big")));
    assert_eq!((run.profile, run.cwd.as_deref()), (ModelProfile::Verifier, Some("/elsewhere")));
    assert_eq!(new_session(&decision).title.as_ref().unwrap().len(), TITLE_CHARS_MAX, "a title is cut");
    assert!(rows(&decision).contains(&"legacy grant".to_owned()));
    let other = Delegate { legacy: vec!["pi".into()], ..wants(DelegationMode::Call) };
    assert!(!rows(&running().then(&delegates(other))).contains(&"legacy grant".to_owned()));
}

#[test]
fn only_a_run_that_is_executed_delegates() {
    let may = [Status::Running, Status::WaitingApproval, Status::WaitingInput];
    for status in Status::ALL {
        let decided = Story::at(status).decide(&delegates(wants(DelegationMode::Spawn)));
        if may.contains(&status) {
            assert!(decided.is_ok(), "{status}");
        } else {
            assert_eq!(decided, Err(Refusal::CannotDelegate(status)));
        }
    }
}

#[test]
fn nobody_delegates_for_somebody_else() {
    let missing = Refusal::NotFound { what: "run", id: run_id().to_string() };
    let bob = delegates(Delegate { owner: "bob".into(), ..wants(DelegationMode::Spawn) });
    assert_eq!(running().refuses(&bob), missing);
    assert_eq!(Story::nothing().refuses(&bob), missing, "it cannot be told from one that is not there");
}

#[test]
fn delegations_are_nested_only_so_deep() {
    let at_depth = |depth, depth_max| {
        let mut story = running();
        story.facts.depth = depth;
        story.decide(&delegates(Delegate { depth_max, ..wants(DelegationMode::Call) }))
    };
    assert!(at_depth(2, None).is_ok());
    assert_eq!(at_depth(3, None), Err(Refusal::TooDeep { depth: 4, max: 3 }));
    assert!(at_depth(DEPTH_MAX - 1, Some(DEPTH_MAX)).is_ok());
    assert_eq!(at_depth(DEPTH_MAX, Some(DEPTH_MAX)), Err(Refusal::TooDeep { depth: 6, max: 5 }));
    assert_eq!(at_depth(1, Some(1)), Err(Refusal::TooDeep { depth: 2, max: 1 }));
    assert_eq!(at_depth(0, Some(0)), Err(Refusal::InvalidDepth(0)));
    assert_eq!(at_depth(0, Some(DEPTH_MAX + 1)), Err(Refusal::InvalidDepth(DEPTH_MAX + 1)));
}

#[test]
fn an_objective_is_needed_and_a_context_is_short() {
    let empty =
        Delegate { objective: " \n".into(), context: Some("much".into()), ..wants(DelegationMode::Call) };
    assert_eq!(running().refuses(&delegates(empty)), Refusal::EmptyPrompt);
    let with = |chars| Delegate { context: Some("ü".repeat(chars)), ..wants(DelegationMode::Call) };
    assert!(running().decide(&delegates(with(CONTEXT_CHARS_MAX))).is_ok());
    let (has, max) = (CONTEXT_CHARS_MAX + 1, CONTEXT_CHARS_MAX);
    let expected = Refusal::TooLong { what: "the context", has, max, unit: "characters" };
    assert_eq!(running().refuses(&delegates(with(has))), expected);
}

#[test]
fn the_same_request_again_is_the_same_delegation() {
    let first = running().then(&delegates(wants(DelegationMode::Call)));
    let new = new_run(&first);
    let child = Run {
        id: new.id.clone(),
        session: new.session.clone(),
        mode: new.mode,
        input: new.input.clone(),
        ..run(Status::Succeeded)
    };
    let of = Delegation {
        parent_run: run_id(),
        child_run: child.id.clone(),
        child_session: child.session.clone(),
        ..delegation(DelegationMode::Call, DelegationStatus::Succeeded)
    };
    let mut story = running();
    (story.facts.keyed, story.facts.delegation) = (Some((child.clone(), child_session())), Some(of.clone()));
    for status in Status::ALL {
        // Also if its parent is over by now.
        story.facts.run.as_mut().unwrap().status = status;
        let decision = story.then(&delegates(wants(DelegationMode::Call)));
        let (delegation, session, run) = (of.id.clone(), child.session.clone(), child.id.clone());
        assert_eq!(decision.reply, Reply::Delegated { delegation, session, run, repeated: true });
        assert_nothing(&decision);
    }
    let conflict = Refusal::RequestConflict("d1".into());
    let others = [
        Delegate { objective: "Something else".into(), ..wants(DelegationMode::Call) },
        Delegate { run_mode: RunMode::Act, ..wants(DelegationMode::Call) },
        wants(DelegationMode::Spawn),
    ];
    for other in others {
        assert_eq!(story.refuses(&delegates(other)), conflict);
    }
    story.facts.delegation = Some(Delegation { parent_run: parent_run_id(), ..of });
    assert_eq!(story.refuses(&delegates(wants(DelegationMode::Call))), conflict, "another run asked");
    story.facts.delegation = None;
    assert_eq!(story.refuses(&delegates(wants(DelegationMode::Call))), conflict, "it is no delegation");
}

#[test]
fn a_call_that_nobody_could_ever_execute_is_refused() {
    let story = |waiting: &[&str], awaits_child| {
        let mut story = running();
        let parent = |&adapter: &&str| WaitingParent { adapter: adapter.into(), worker: None };
        story.facts.waiting_parents = waiting.iter().map(parent).collect();
        story.facts.awaits_child = awaits_child;
        story
    };
    let call = |of_adapter: &[(&str, usize)], parked_max, mode| {
        let of_adapter = of_adapter.iter().map(|&(adapter, max)| (adapter.into(), max)).collect();
        let limits = WorkerLimits { of_adapter, parked_max };
        delegates(Delegate { limits, adapter: Some("pi".into()), ..wants(mode) })
    };
    let refused = Refusal::NoWorkerForCall("pi".into());
    for mode in [DelegationMode::Call, DelegationMode::Continue] {
        assert_eq!(story(&["pi"], false).refuses(&call(&[("pi", 1)], 8, mode)), refused);
        assert!(story(&["pi"], false).decide(&call(&[("pi", 2)], 8, mode)).is_ok());
        assert!(story(&["pi"], false).decide(&call(&[("echo", 1)], 8, mode)).is_ok(), "no limit of its own");
        assert!(
            story(&[], false).decide(&call(&[("pi", 1)], 8, mode)).is_ok(),
            "the parent holds another one"
        );
        assert_eq!(story(&["echo", "echo"], false).refuses(&call(&[], 2, mode)), refused, "too many wait");
        assert!(story(&["echo"], true).decide(&call(&[], 1, mode)).is_ok(), "the parent waits already");
    }
    assert!(story(&["pi"], false).decide(&call(&[("pi", 1)], 0, DelegationMode::Spawn)).is_ok());

    let own = WorkerLimits { of_adapter: [("echo".into(), 1)].into(), parked_max: 8 };
    let call = delegates(Delegate { limits: own, ..wants(DelegationMode::Call) });
    assert_eq!(
        running().refuses(&call),
        Refusal::NoWorkerForCall("echo".into()),
        "the parent has the only one"
    );
}

#[test]
fn a_session_that_lives_in_a_waiting_worker_is_not_continued_from_there() {
    let continues =
        delegates(Delegate { session: Some(child_session().id), ..wants(DelegationMode::Continue) });
    let with = |fidelity, worker| {
        let mut story = running();
        story.facts.child_session = Some(child_session());
        story.facts.bindings =
            vec![Binding { adapter: "pi".into(), fidelity, worker: Some(worker), ..binding() }];
        story
    };
    let refused = Refusal::NoWorkerForCall("pi".into());
    assert_eq!(with(Fidelity::None, worker_id()).refuses(&continues), refused, "the parent has the worker");
    assert!(with(Fidelity::Native, worker_id()).decide(&continues).is_ok(), "it can be taken up elsewhere");
    let other = WorkerId::new(&mut Ids::new(&mut || 77));
    assert!(with(Fidelity::None, other.clone()).decide(&continues).is_ok(), "that worker is free");
    let mut story = with(Fidelity::None, other.clone());
    story.facts.waiting_parents = vec![WaitingParent { adapter: "pi".into(), worker: Some(other) }];
    assert_eq!(story.refuses(&continues), refused, "another one that waits has the worker");
}
