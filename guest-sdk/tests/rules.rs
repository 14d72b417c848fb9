//! Each rule of the kit fails for an adapter that breaks it, and an adapter that keeps them all passes.

use std::cell::RefCell;

use omi_adapter_sdk::testkit::{TestKit, approval, authenticate, cancel, close, exited, spawned};
use omi_adapter_sdk::{
    Adapter, Artifact, AttemptEvent, AttemptFinished, AuthRequired, BindingFailed, BindingOpened, CallTool,
    CancelAnswer, Cancellation, Capabilities, CreateBlob, Decision, Descriptor, Event, Failure, Fault,
    Fidelity, GrantRequest, HttpRequest, Input, Kill, Millis, Outcome, Output, Outputs, Payload, ReadFile,
    Ready, RequestApproval, RequestInput, Scope, SetTimer, Spawn, WithdrawRequest,
};

thread_local! {
    /// Who the puppet says it is; every test has a thread of its own.
    static DESCRIPTOR: RefCell<Descriptor> = RefCell::new(descriptor());
    /// What the puppet says next.
    static NEXT: RefCell<Vec<Output>> = const { RefCell::new(Vec::new()) };
}

fn descriptor() -> Descriptor {
    Descriptor {
        adapter_id: "test".to_owned(),
        version: "0.1.0".to_owned(),
        title: String::new(),
        protocol: "none".to_owned(),
        capabilities: Capabilities { cancellation: Cancellation::Acknowledged, ..Capabilities::least() },
        grants: vec![GrantRequest::process("agent", "Runs the agent.")],
        config_schema: String::new(),
        extra: String::new(),
    }
}

/// Says whatever its test wants, right or wrong.
struct Puppet;

impl Adapter for Puppet {
    fn describe() -> Descriptor {
        DESCRIPTOR.with_borrow(Clone::clone)
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _now: Millis, _input: Input, out: &mut Outputs) {
        out.extend(NEXT.take());
    }
}

/// Has it say this to the next input.
fn says<const COUNT: usize>(outputs: [Output; COUNT]) {
    NEXT.set(outputs.into());
}

/// The kit, with a worker that says this when it starts.
fn starts_with<const COUNT: usize>(outputs: [Output; COUNT]) -> TestKit<Puppet> {
    let mut kit = TestKit::new();
    says(outputs);
    kit.start("{}");
    kit
}

/// A worker that is ready, with binding 1 and attempt 1 running, that says this when it is told anything.
fn running<const COUNT: usize>(outputs: [Output; COUNT]) -> TestKit<Puppet> {
    let mut kit = starts_with([Ready::new("").into()]);
    says([BindingOpened::new(1, "native-1", Fidelity::None).into()]);
    kit.open(1, "/work");
    kit.execute(1, 1, "hello");
    says(outputs);
    kit
}

/// It says this in the middle of an attempt.
fn in_an_attempt<const COUNT: usize>(outputs: [Output; COUNT]) -> TestKit<Puppet> {
    let mut kit = running(outputs);
    kit.send(Input::Timer(99));
    kit
}

/// It describes itself like this.
fn described(change: impl FnOnce(&mut Descriptor)) {
    DESCRIPTOR.with_borrow_mut(change);
    TestKit::<Puppet>::new();
}

fn finished() -> Output {
    AttemptFinished::new(1, Outcome::succeeded("end_turn"), None).into()
}

fn ask(request: u32) -> Output {
    RequestApproval::new(request, 1, "May I?", Vec::new()).into()
}

fn log_in() -> Output {
    AuthRequired { methods: Vec::new(), message: String::new(), extra: String::new() }.into()
}

#[test]
fn an_adapter_that_keeps_the_rules_passes() {
    let mut kit = starts_with([log_in()]);
    for _ in 0..2 {
        says([Ready::new("").into()]);
        kit.send(authenticate("key"));
    }
    says([
        Spawn::lines(1, "agent").into(),
        CreateBlob { scope: Scope::Binding(1), ..CreateBlob::of_attempt(2, 1, Vec::new()) }.into(),
        BindingOpened::new(1, "ses_of_the_runtime", Fidelity::None).into(),
    ]);
    kit.open(1, "/work");
    says([ask((1 << 31) - 1), SetTimer::new(3, 10).into(), Output::ClearTimer(3)]);
    kit.execute(1, 1, "hello");
    kit.send(spawned(1));
    says([CancelAnswer::new(1, true, true).into()]);
    kit.send(cancel(1));
    says([WithdrawRequest::new((1 << 31) - 1).into(), finished()]);
    kit.send(exited(1, 0, ""));
    says([BindingFailed::new(1, Failure::stale("lost", "")).into()]);
    kit.send(Input::Timer(3));
    kit.settled();
}

/// One test for each thing that is refused: what is said, and the words of the rule.
macro_rules! refused {
    ($($name:ident: $rule:literal, $wrong:expr;)*) => {
        $(#[test]
        #[should_panic(expected = $rule)]
        fn $name() {
            $wrong;
        })*
    };
}

refused! {
    a_second_ready: "`ready` is sent once", starts_with([Ready::new("").into(), Ready::new("").into()]);
    a_ready_after_a_fault: "`ready` is sent once",
        starts_with([Fault::new(Failure::fatal("a", "")).into(), Ready::new("").into()]);
    a_log_in_that_nobody_waits_for: "`auth-required` is sent once", in_an_attempt([log_in()]);
    a_second_fault: "there is one",
        starts_with([Fault::new(Failure::fatal("a", "")).into(), Fault::new(Failure::fatal("b", "")).into()]);
    no_ready: "`ready`, `auth-required` or `fault` comes after", starts_with([]).settled();
    a_spawn_after_stop: "nothing new is started after `stop`", {
        let mut kit = running([Spawn::lines(1, "agent").into()]);
        kit.stop();
    };

    a_binding_that_nobody_asked_for: "nobody asked for binding 2",
        in_an_attempt([BindingOpened::new(2, "native-2", Fidelity::None).into()]);
    a_binding_that_is_opened_twice: "one `binding-opened` or `binding-failed`",
        in_an_attempt([BindingOpened::new(1, "native-1", Fidelity::None).into()]);
    a_binding_that_is_lost_twice: "one `binding-opened` or `binding-failed`", {
        let lost = || BindingFailed::new(1, Failure::stale("lost", "")).into();
        in_an_attempt([lost(), lost()])
    };
    a_binding_that_is_never_opened: "binding 1 waits", {
        let mut kit = starts_with([Ready::new("").into()]);
        kit.open(1, "/work");
        kit.settled();
    };
    a_native_id_of_omi: "is one of Omi", {
        let mut kit = starts_with([Ready::new("").into()]);
        says([BindingOpened::new(1, "run_0123456789abcdef0123456789abcdef", Fidelity::None).into()]);
        kit.open(1, "/work");
    };

    an_attempt_that_finishes_twice: "attempt 1 is not running", in_an_attempt([finished(), finished()]);
    an_event_after_the_end: "attempt 1 is not running",
        in_an_attempt([finished(), AttemptEvent::text(1, "answer", "late").into()]);
    an_attempt_that_never_ends: "waits for its `attempt-finished`", running([]).settled();
    a_cancellation_that_is_never_answered: "waits for its `cancel-answer`", {
        let mut kit = running([finished()]);
        kit.send(cancel(1));
        kit.settled();
    };
    a_cancellation_that_is_answered_twice: "one `cancel-answer` for each", {
        let answer = || CancelAnswer::new(1, true, true).into();
        running([answer(), answer()]).send(cancel(1))
    };
    a_cancellation_that_is_acknowledged_and_not_dispatched: "was dispatched",
        running([CancelAnswer::new(1, false, true).into()]).send(cancel(1));
    a_cancellation_that_claims_to_be_dispatched: "claims more than", {
        DESCRIPTOR.with_borrow_mut(|it| it.capabilities.cancellation = Cancellation::Unsupported);
        running([CancelAnswer::new(1, true, false).into()]).send(cancel(1))
    };
    a_cancellation_that_claims_to_be_acknowledged: "claims more than", {
        DESCRIPTOR.with_borrow_mut(|it| it.capabilities.cancellation = Cancellation::Dispatched);
        running([CancelAnswer::new(1, true, true).into()]).send(cancel(1))
    };
    a_stopped_attempt_that_goes_on: "was stopped and not finished", {
        let mut kit = running([CancelAnswer::new(1, true, true).into()]);
        kit.send(cancel(1));
        kit.settled();
    };
    an_artifact_that_was_denied: "there are no artifacts", {
        let [kind, role, uri, extra] = ["file", "result", "a", ""].map(str::to_owned);
        let artifact = Artifact { kind, role, uri, name: None, mime_type: None, content: None, extra };
        in_an_attempt([AttemptEvent::new(1, Event::Artifact(artifact)).into()])
    };
    a_tool_that_was_denied: "no tools are called", {
        let (name, input) = ("search".to_owned(), Payload::Json("{}".to_owned()));
        in_an_attempt([CallTool { op: 1, attempt: 1, name, input, extra: String::new() }.into()])
    };

    a_request_number_that_is_too_large: "is below 2^31", in_an_attempt([ask(1 << 31)]);
    a_request_number_that_is_used_twice: "request 7 is used twice", {
        let [prompt, schema, extra] = ["Which?", "", ""].map(str::to_owned);
        let input = RequestInput { request: 7, attempt: 1, prompt, schema, url: None, extra };
        in_an_attempt([ask(7), input.into()])
    };
    a_request_that_is_withdrawn_after_its_answer: "only a request that is open", {
        let mut kit = in_an_attempt([ask(7)]);
        says([WithdrawRequest::new(7).into()]);
        kit.send(approval(7, Decision::Expired))
    };
    a_request_that_was_not_made: "only a request that is open", in_an_attempt([WithdrawRequest::new(7).into()]);

    an_op_that_is_used_twice: "op 1 is used twice",
        in_an_attempt([SetTimer::new(1, 10).into(), Spawn::lines(1, "agent").into()]);
    a_grant_that_was_not_declared: "lists no grant `shell`",
        in_an_attempt([Spawn::terminal(1, Scope::Worker, "shell", "ls").into()]);
    a_process_that_was_not_started: "7 is not a process", in_an_attempt([Kill::new(7, 0).into()]);
    a_timer_that_was_not_set: "7 is not a timer", in_an_attempt([Output::ClearTimer(7)]);
    a_request_that_was_not_sent: "7 is not a request", in_an_attempt([Output::HttpAbort(7)]);
    a_scope_of_a_binding_that_is_closed: "a scope names what the worker holds", {
        let mut kit = running([CreateBlob { scope: Scope::Binding(1), ..CreateBlob::of_attempt(2, 1, vec![]) }.into()]);
        kit.send(close(1))
    };
    a_scope_of_an_attempt_that_is_over: "a scope names what the worker holds",
        in_an_attempt([finished(), ReadFile::new(2, Scope::Attempt(1), "agent", "a").into()]);
    a_scope_of_an_attempt_of_another_worker: "a scope names what the worker holds",
        in_an_attempt([HttpRequest::new(2, Scope::Attempt(2), "agent", "GET", "/").into()]);

    an_adapter_without_an_id: "an adapter's id is made of", described(|it| it.adapter_id = "My Adapter".to_owned());
    a_version_that_is_none: "a version is three numbers", described(|it| it.version = "one".to_owned());
    a_worker_that_holds_nothing: "at least one binding", described(|it| it.capabilities.bindings_per_worker = 0);
    a_grant_without_a_reason: "gives no reason", described(|it| it.grants[0].reason.clear());
    two_grants_of_one_name: "two grants are called `agent`", described(|it| it.grants.push(it.grants[0].clone()));
    a_schema_that_is_no_json: "`config-schema` is a JSON object", described(|it| it.config_schema = "none".to_owned());

    a_second_start: "the test's mistake", starts_with([]).start("{}");
    a_binding_that_is_used_twice: "the test's mistake", running([]).open(1, "/work");
}

/// Describes itself anew each time.
struct Fickle;

impl Adapter for Fickle {
    fn describe() -> Descriptor {
        let described = descriptor();
        DESCRIPTOR.with_borrow_mut(|it| it.title.push('!'));
        Descriptor { title: Puppet::describe().title, ..described }
    }

    fn new() -> Self {
        Self
    }

    fn handle(&mut self, _now: Millis, _input: Input, _out: &mut Outputs) {}
}

#[test]
#[should_panic(expected = "`describe` always answers the same")]
fn a_description_that_changes() {
    TestKit::<Fickle>::new();
}
