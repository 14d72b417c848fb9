//! Which model is asked for: the one that was named, else what the registration has for the profile.

use super::reading::*;
use super::story::*;
use crate::decision::Decision;
use crate::effect::Effect;
use crate::input::{Begin, Input};
use crate::model::{ModelProfile, Models};
use crate::request::Retry;
use crate::status::Status;
use crate::write::{ModelChange, Write};

fn models() -> Models {
    [(ModelProfile::MainReasoner, "big".to_owned()), (ModelProfile::Vision, "eyes".to_owned())].into()
}

fn begins(models: Models) -> Input {
    Input::Begin(Begin { models, ..begin() })
}

fn held(models: Models) -> Input {
    Input::Begin(Begin { models, held: vec![binding_id()], ..begin() })
}

/// A queued run with this profile, and a model if one was named.
fn needs(profile: ModelProfile, model: Option<&str>) -> Story {
    let mut story = Story::at(Status::Queued);
    let run = story.facts.run.as_mut().unwrap();
    (run.profile, run.model) = (profile, model.map(str::to_owned));
    story
}

/// The model that a native session is opened with.
fn bound_with(decision: &Decision) -> Option<&str> {
    let Some(Effect::Bind { settings, .. }) = decision.effects.last() else { panic!() };
    settings.model.as_deref()
}

/// What the record says about the model when the run begins.
fn recorded(decision: &Decision) -> Option<&ModelChange> {
    let Write::MoveRun { change, .. } = &decision.writes[0] else { panic!() };
    change.model.as_ref()
}

#[test]
fn a_profile_is_a_model_of_the_registration() {
    for (profile, model) in [(ModelProfile::MainReasoner, "big"), (ModelProfile::Vision, "eyes")] {
        let decision = needs(profile, None).then(&begins(models()));
        assert_eq!(bound_with(&decision), Some(model));
        assert_eq!(recorded(&decision), Some(&ModelChange::Ask(model.to_owned())));
    }
}

#[test]
fn a_profile_without_a_model_is_left_to_the_runtime() {
    let decision = needs(ModelProfile::Router, None).then(&begins(models()));
    assert_eq!((bound_with(&decision), recorded(&decision)), (None, None));
}

#[test]
fn a_model_that_was_named_wins() {
    let decision = needs(ModelProfile::Vision, Some("mine")).then(&begins(models()));
    assert_eq!((bound_with(&decision), recorded(&decision)), (Some("mine"), None));
}

#[test]
fn the_adapter_is_told_the_model_with_the_prompt() {
    let decision = needs(ModelProfile::Vision, None).bound(binding()).then(&held(models()));
    let [Effect::Execute { execute, .. }] = &decision.effects[..] else { panic!() };
    assert_eq!(execute.model.as_deref(), Some("eyes"));
}

#[test]
fn another_registration_has_models_of_its_own() {
    let mut story = Story::at(Status::Failed);
    story.facts.run.as_mut().unwrap().model = Some("big".into());
    let over = |adapter: Option<&str>, model: Option<&str>| {
        let retry = Retry {
            owner: "ann".into(),
            run: run_id(),
            adapter: adapter.map(Into::into),
            model: model.map(str::to_owned),
            checkpoint: None,
            legacy: vec![],
            anyway: false,
        };
        run_change(&story.then(&Input::Retry(retry))).model
    };
    assert_eq!(over(None, None), None, "the same model again");
    assert_eq!(over(Some("echo"), None), None, "the same registration is no other one");
    assert_eq!(over(None, Some("small")), Some(ModelChange::Ask("small".into())));
    assert_eq!(over(Some("pi"), None), Some(ModelChange::Unknown));
    assert_eq!(over(Some("pi"), Some("small")), Some(ModelChange::Ask("small".into())));

    // With the model unknown, the next attempt asks for what the new registration has for the profile.
    let mut story = needs(ModelProfile::Vision, None);
    story.facts.run.as_mut().unwrap().adapter = "pi".into();
    let decision = story.then(&begins([(ModelProfile::Vision, "other-eyes".to_owned())].into()));
    assert_eq!(bound_with(&decision), Some("other-eyes"));
}
