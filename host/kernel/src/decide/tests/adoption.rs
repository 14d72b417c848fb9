//! A native session that an earlier product left is taken up as the first generation, and only then.

use super::reading::*;
use super::story::*;
use crate::descriptor::Fidelity;
use crate::effect::Effect;
use crate::input::{Begin, Input};
use crate::report::Failure;
use crate::row::{Binding, BindingStatus};
use crate::status::Status;

/// A queued run whose client names a native session of an earlier product.
fn legacy() -> Story {
    let mut story = Story::at(Status::Queued);
    story.facts.run.as_mut().unwrap().input.legacy_adapter_session_id = Some("old-1".into());
    story
}

fn begins(protocol: &str, resume: Fidelity) -> Input {
    Input::Begin(Begin { protocol: protocol.to_owned(), resume, mcp_hash: Some("m1".into()), ..begin() })
}

#[test]
fn it_becomes_generation_1_and_is_taken_up() {
    let mut story = legacy();
    story.facts.run.as_mut().unwrap().cwd = Some("/a".into());
    story.facts.run.as_mut().unwrap().system_prompt_hash = Some("s1".into());
    let decision = story.then(&begins("acp", Fidelity::Native));
    assert_eq!(rows(&decision), ["run queued > starting", "attempt 1", "binding 1"]);
    assert_eq!(events(&decision), ["run.starting", "attempt.created", "binding.created"]);
    assert_eq!(payload(&decision, "binding.created")["adopted"], true);
    let new = new_binding(&decision);
    assert_eq!((new.native_id.as_str(), new.fidelity, &new.worker), ("old-1", Fidelity::Native, &None));
    assert_eq!((new.session.clone(), new.adapter.as_str()), (session_id(), "echo"));
    assert_eq!(new.cwd.as_deref(), Some("/a"));
    assert_eq!((new.system_prompt_hash.as_deref(), new.mcp_hash.as_deref()), (Some("s1"), Some("m1")));
    let [Effect::Bind { binding, resume, .. }] = &decision.effects[..] else { panic!() };
    assert_eq!((binding, resume.as_ref()), (&new.id, Some(&"old-1".into())));
}

#[test]
fn once_it_is_taken_up_it_is_a_binding_like_any_other() {
    let adopted = Binding { native_id: Some("old-1".into()), ..binding() };
    let mut story = Story::at(Status::Starting).bound(adopted.clone());
    story.facts.named = Some(adopted);
    let decision = story.then(&opened(binding_id(), "old-1"));
    assert_eq!(events(&decision), ["binding.resumed", "attempt.started", "run.running"]);
}

#[test]
fn only_the_protocol_of_the_earlier_product_can_take_it_up() {
    for (protocol, resume) in
        [("pi-rpc", Fidelity::Native), ("acp", Fidelity::None), ("acp", Fidelity::Reconstructed)]
    {
        let decision = legacy().then(&begins(protocol, resume));
        assert_eq!(rows(&decision), ["run queued > starting", "attempt 1"], "{protocol}");
        assert_eq!(effects(&decision), ["open"]);
    }
}

#[test]
fn a_session_that_has_had_a_native_session_adopts_none() {
    let mut later = legacy();
    later.facts.generation = 1;
    assert_eq!(effects(&later.then(&begins("acp", Fidelity::Native))), ["open"]);
    let bound = legacy().bound(binding()).then(&begins("acp", Fidelity::Native));
    let [Effect::Bind { binding, resume, .. }] = &bound.effects[..] else { panic!() };
    assert_eq!((binding, resume.as_ref()), (&binding_id(), Some(&"native-1".into())));
}

#[test]
fn a_native_session_that_another_session_has_is_not_taken_from_it() {
    for status in [BindingStatus::Active, BindingStatus::Stale] {
        let mut story = legacy();
        story.facts.native_conflict = Some(Binding { session: other_session_id(), status, ..binding() });
        let decision = story.then(&begins("acp", Fidelity::Native));
        assert_eq!(rows(&decision), ["run queued > starting", "attempt 1"]);
        assert_eq!(effects(&decision), ["open"]);
    }
}

#[test]
fn if_it_is_gone_the_second_attempt_makes_generation_2_in_the_same_session() {
    let adopted = Binding { native_id: Some("old-1".into()), ..binding() };
    let mut story = Story::at(Status::Starting).bound(adopted);
    story.facts.run = legacy().facts.run;
    story.facts.run.as_mut().unwrap().status = Status::Starting;
    let gone = story.then(&binding_failed(binding_id(), stale(), true));
    assert_eq!(
        rows(&gone),
        ["binding active > stale", "attempt starting > failed", "run starting > starting"]
    );
    assert_eq!(effects(&gone), ["begin again"]);

    let (run, failed) =
        after(&gone, story.facts.run.as_ref().unwrap(), story.facts.attempt.as_ref().unwrap());
    story.facts.run = Some(run);
    story.facts.attempt = Some(failed);
    story.facts.binding = None;
    let again = story.then(&begins("acp", Fidelity::Native));
    assert_eq!(rows(&again), ["run starting > starting", "attempt 2"], "it is not adopted again");
    let [Effect::Bind { resume: None, session, .. }] = &again.effects[..] else { panic!() };
    assert_eq!(*session, session_id());
    assert_eq!(new_attempt(&again).retry_reason.as_deref(), Some("stale_binding"));

    story.facts.attempt = Some(crate::row::Attempt { number: 2, ..attempt(Status::Starting) });
    let there = story.then(&opened(new_binding_id(), "native-2"));
    assert_eq!(new_binding(&there).generation, 2);
    assert_eq!(new_binding(&there).session, session_id());
    assert_eq!(payload(&there, "binding.replaced")["generation"], 2);
}

#[test]
fn a_log_in_or_a_passing_trouble_does_not_lose_it() {
    let transient = Failure::Retryable(trouble("busy"));
    for (failure, person) in [
        (auth_required(), true),
        (auth_required(), false),
        (transient, true),
        (Failure::Fatal(trouble("x")), true),
    ] {
        let story = Story::at(Status::Starting).bound(binding());
        let decision = story.then(&binding_failed(binding_id(), failure, person));
        assert!(!rows(&decision).iter().any(|row| row.starts_with("binding")), "{:?}", rows(&decision));
        assert!(!events(&decision).contains(&"binding.stale"));
    }
}
