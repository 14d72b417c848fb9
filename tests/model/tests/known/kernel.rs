//! Defects of decisions, each as the shortest story that shows it.

use omi_kernel::decision::Reply;
use omi_kernel::delegation::DelegationMode;
use omi_kernel::descriptor::Fidelity;
use omi_kernel::effect::Effect;
use omi_kernel::id::{AttemptId, Ids, RunId, Timestamp, WorkerId};
use omi_kernel::input::{BindingOpened, Finished, Input};
use omi_kernel::report::{Activity, Failure, InputRequest, Outcome};
use omi_kernel::request::{Retry, SessionRef};
use omi_kernel::status::Status;
use omi_kernel::usage::Usage;
use omi_model::script::Dice;
use omi_model::{Record, Taken, story};

/// A record, and the identifiers it has given.
#[derive(Default)]
pub(super) struct Story {
    pub(super) record: Record,
    last_id: u128,
}

impl Story {
    pub(super) fn take(&mut self, input: &Input) -> Taken {
        let last_id = &mut self.last_id;
        let mut source = || {
            *last_id += 1;
            *last_id
        };
        self.record.take(input, Timestamp(1), &mut Ids::new(&mut source)).unwrap().unwrap()
    }

    pub(super) fn accept(&mut self) -> RunId {
        let accept = story::accept(&mut Dice::new(0), "ann", SessionRef::default());
        run(&self.take(&Input::Accept(Box::new(accept))))
    }

    /// A run of another session.
    pub(super) fn accept_elsewhere(&mut self) -> RunId {
        let external = Some(("chat".into(), "elsewhere".into()));
        let session = SessionRef { external, ..SessionRef::default() };
        let mut accept = story::accept(&mut Dice::new(0), "ann", session);
        accept.request = "elsewhere".into();
        run(&self.take(&Input::Accept(Box::new(accept))))
    }

    /// The run has a worker; answers its attempt.
    pub(super) fn begin(&mut self, run: &RunId) -> (AttemptId, Taken) {
        let worker = WorkerId::new(&mut Ids::new(&mut || 1 << 100));
        let begin = story::begin(run.clone(), worker, vec![], story::REGISTRATIONS[0], &mut Dice::new(0));
        let taken = self.take(&Input::Begin(begin));
        (self.record.executing(run).unwrap(), taken)
    }

    /// The run is executed; answers its attempt.
    pub(super) fn execute(&mut self, run: &RunId) -> AttemptId {
        let (attempt, taken) = self.begin(run);
        let made = taken.effects.into_iter().find_map(|effect| match effect {
            Effect::Bind { binding, .. } => Some(binding),
            _ => None,
        });
        self.take(&Input::BindingOpened(BindingOpened {
            attempt: attempt.clone(),
            binding: made.unwrap(),
            native_id: format!("n-{run}").as_str().into(),
            fidelity: Fidelity::Native,
            model: None,
            digest: "d1".into(),
            mcp_hash: None,
        }));
        attempt
    }

    fn cost(&mut self, attempt: &AttemptId, usd: f64) {
        let usage = Usage { cost_usd: Some(usd), ..Usage::default() };
        self.take(&Input::Activity { attempt: attempt.clone(), activity: Activity::Usage(usage) });
    }

    pub(super) fn status(&self, run: &RunId) -> Status {
        self.record.runs.get(run).unwrap().run.status
    }
}

fn run(taken: &Taken) -> RunId {
    match &taken.reply {
        Reply::Accepted { run, .. } | Reply::Delegated { run, .. } => run.clone(),
        other => panic!("{other:?}"),
    }
}

/// The use that is recorded is part of what is spent already, whether the delegation has ended or not.
#[test]
fn what_a_run_that_is_tried_again_costs_is_counted_once() {
    let mut story = Story::default();
    let parent = story.accept();
    story.execute(&parent);
    let mut delegate = story::delegate(&mut Dice::new(0), "ann", parent, &[], 3);
    (delegate.mode, delegate.budget_usd) = (DelegationMode::Spawn, Some(1.0));
    let child = run(&story.take(&Input::Delegate(Box::new(delegate))));
    let attempt = story.execute(&child);
    let outcome = Outcome::Failed(Failure::Fatal(story::trouble("broken")));
    story.take(&Input::Finished(Finished {
        attempt,
        outcome,
        usage: None,
        text: String::new(),
        acted: false,
        person: false,
    }));
    story.take(&Input::Retry(Retry {
        owner: "ann".into(),
        run: child.clone(),
        adapter: None,
        model: None,
        checkpoint: None,
        legacy: vec![],
        anyway: false,
    }));
    let attempt = story.execute(&child);
    story.cost(&attempt, 0.5);
    story.cost(&attempt, 0.75);
    assert_eq!(story.status(&child), Status::Running, "0.75 of 1.00 is spent");
}

/// An adapter knows nothing of an attempt that is still being bound. What it asks for one must not lead to `running`.
#[test]
fn nobody_asks_for_an_attempt_that_no_adapter_has() {
    let mut story = Story::default();
    let run = story.accept();
    let (attempt, _) = story.begin(&run);
    let prompt = "Which one?".to_owned();
    let request = InputRequest { attempt, request: 1, prompt, schema: None, url: None };
    story.take(&Input::InputRequested { request, person: true });
    assert_eq!(story.status(&run), Status::Starting);
}
