//! Defects of accesses, each as the shortest story that shows it.

use omi_kernel::command::NotPerformed;
use omi_kernel::effect::Effect;
use omi_kernel::grant::{Access, AccessScope, Asked, Policy};
use omi_kernel::id::{AttemptId, Ids, RunId, Timestamp, WorkerId};
use omi_kernel::input::{AccessAsked, By, Finished, Input};
use omi_kernel::report::{Failure, InputRequest, Outcome};
use omi_kernel::row::{HOST_REQUESTS, LOG_IN};
use omi_kernel::status::Status;
use omi_model::script::Dice;
use omi_model::{Taken, story};

use super::kernel::Story;

/// Something that a person has to be asked about.
fn ask(story: &mut Story, attempt: &AttemptId, op: u32, scope: AccessScope, of: Option<&RunId>) -> Taken {
    let worker = WorkerId::new(&mut Ids::new(&mut || 1 << 100));
    let asked = story::access(story::REGISTRATIONS[0], worker, op, scope, &mut Dice::new(0));
    let Asked { access, terms, .. } = asked;
    assert_eq!(terms.policy, Policy::Ask);
    let access = Access { resource: "src/a".into(), ..access };
    let session = of.map(|run| story.record.runs.get(run).unwrap().run.session.clone());
    story.take(&Input::AccessAsked(Box::new(AccessAsked {
        at: Timestamp(1),
        request: HOST_REQUESTS + op,
        session,
        attempt: Some(attempt.clone()),
        asked: Asked { scope, access, terms },
        person: true,
    })))
}

fn cancelled(taken: &Taken, number: u32) -> bool {
    let is = |effect: &Effect| matches!(effect, Effect::Refuse { op, why: NotPerformed::Cancelled, .. } if *op == number);
    taken.effects.iter().any(is)
}

fn finished(attempt: AttemptId, outcome: Outcome) -> Input {
    Input::Finished(Finished {
        attempt,
        outcome,
        usage: None,
        text: String::new(),
        acted: false,
        person: true,
    })
}

/// The worker lives on when the attempt is over in whose name a person was asked: it must be told.
#[test]
fn what_a_worker_asks_for_is_refused_when_the_attempt_is_over() {
    let mut story = Story::default();
    let run = story.accept();
    let attempt = story.execute(&run);
    ask(&mut story, &attempt, 1, AccessScope::Worker, None);
    let well = Outcome::Succeeded { stop_reason: "end_turn".into() };
    let taken = story.take(&finished(attempt, well));
    assert!(cancelled(&taken, 1), "{:?}", taken.effects);
}

/// No adapter has an attempt without a binding, whether a person is asked or not.
#[test]
fn an_attempt_that_no_adapter_has_is_not_told_to_stop() {
    let mut story = Story::default();
    let run = story.accept();
    let (attempt, _) = story.begin(&run);
    ask(&mut story, &attempt, 1, AccessScope::Worker, None);
    assert_eq!(story.status(&run), Status::WaitingApproval);
    let taken = story.take(&Input::Cancel { owner: "ann".into(), run });
    let tells = |effect: &Effect| matches!(effect, Effect::DispatchCancel { executing: true, .. });
    assert!(!taken.effects.iter().any(tells));
}

/// The next attempt begins with the log-in: nothing that was asked in the name of this one stays open.
#[test]
fn a_log_in_ends_what_else_was_asked() {
    let mut story = Story::default();
    let run = story.accept();
    let attempt = story.execute(&run);
    story.take(&finished(
        attempt.clone(),
        Outcome::Failed(Failure::AuthRequired { methods: story::methods(), message: String::new() }),
    ));
    ask(&mut story, &attempt, 1, AccessScope::Worker, None);
    let answer = omi_kernel::command::InputAnswer::Provided { value: "key".into() };
    let by = By::Person("ann".into());
    let taken = story.take(&Input::InputProvided { attempt, request: LOG_IN, answer, by });
    assert!(cancelled(&taken, 1), "{:?}", taken.effects);
}

/// A worker with the bindings of two sessions asks for one of them while it works for the other: whoever is asked there
/// has nothing to say here, and the answer would be recorded there.
#[test]
fn nobody_is_asked_about_another_session() {
    let mut story = Story::default();
    let (here, there) = (story.accept(), story.accept_elsewhere());
    let attempt = story.execute(&there);
    let taken = ask(&mut story, &attempt, 1, AccessScope::Binding, Some(&here));
    let refused = |effect: &Effect| matches!(effect, Effect::Refuse { why: NotPerformed::Denied(_), .. });
    assert!(taken.effects.iter().any(refused), "{:?}", taken.effects);
    assert_eq!(story.status(&there), Status::Running);
}

/// A run that is asked to log in goes on waiting: were it to return first, its time would run while a person is asked.
#[test]
fn a_run_that_waits_for_a_log_in_next_does_not_return_first() {
    let mut story = Story::default();
    let run = story.accept();
    let (attempt, taken) = story.begin(&run);
    let made = taken.effects.into_iter().find_map(|effect| match effect {
        Effect::Bind { binding, .. } => Some(binding),
        _ => None,
    });
    ask(&mut story, &attempt, 1, AccessScope::Worker, None);
    let failure = Failure::AuthRequired { methods: story::methods(), message: String::new() };
    let taken = story.take(&Input::BindingFailed { attempt, binding: made.unwrap(), failure, person: true });
    let returns = |effect: &Effect| matches!(effect, Effect::Unpark { .. });
    assert!(!taken.effects.iter().any(returns), "{:?}", taken.effects);
}

/// What an adapter asks for an attempt that it does not have must not make it wait: its binding would come too late.
#[test]
fn nobody_asks_for_an_attempt_that_waits_for_its_binding() {
    let mut story = Story::default();
    let run = story.accept();
    let (attempt, _) = story.begin(&run);
    ask(&mut story, &attempt, 1, AccessScope::Worker, None);
    let prompt = "Which one?".to_owned();
    let request = InputRequest { attempt, request: 1, prompt, schema: None, url: None };
    story.take(&Input::InputRequested { request, person: true });
    assert_eq!(story.status(&run), Status::WaitingApproval);
}
