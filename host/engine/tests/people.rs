//! What an adapter asks people, what it is told, and what its sessions are to be like.

use omi_kernel::command::{Answer, Command, InputAnswer, McpServer, McpTransport};
use omi_kernel::id::{AttemptId, BindingId, NativeSessionId, SessionId};
use omi_kernel::report::{InputRequest, Outcome, Report};
use serde_json::{Value, json};

use crate::support::{Probe, ids, settings};

/// Requests that are open at the same time in one worker.
const OPEN_REQUESTS: u32 = 256;

/// A worker that was told to do this.
fn ordered(orders: &str) -> (Probe, BindingId, AttemptId) {
    let probe = Probe::start("person_probe");
    let binding = probe.open();
    let attempt = probe.prompt_text(&binding, orders);
    (probe, binding, attempt)
}

fn asked(probe: &Probe) -> InputRequest {
    match probe.next() {
        Report::InputRequested(asked) => asked,
        other => panic!("nothing is asked: {other:?}"),
    }
}

fn approval_asked(probe: &Probe) -> u32 {
    match probe.next() {
        Report::ApprovalRequested(asked) => asked.request,
        other => panic!("no approval is asked: {other:?}"),
    }
}

fn provide(probe: &Probe, request: u32, answer: InputAnswer) {
    probe.worker.send(Command::ProvideInput { request, answer }).unwrap();
}

fn approve(probe: &Probe, request: u32) {
    let answer = Answer::Selected { option_id: "once".into() };
    probe.worker.send(Command::Approval { request, answer }).unwrap();
}

pub(crate) fn information_is_asked_for_and_given() {
    let schema = json!({"type": "object", "required": ["name"]});
    let (probe, binding, attempt) = ordered(&format!("ask 7 {schema}\nask 8"));
    let expected = |request, schema| InputRequest {
        attempt: attempt.clone(),
        request,
        prompt: "Which one?".into(),
        schema,
        url: Some("https://example.org/choose".into()),
    };
    assert_eq!(asked(&probe), expected(7, Some(schema)));
    assert_eq!(asked(&probe), expected(8, None));
    provide(&probe, 7, InputAnswer::Provided { value: json!({"name": "ä"}) });
    assert_eq!(probe.line("provided "), r#"7 Answer::Provided("{\"name\":\"ä\"}")"#);
    // It was answered: a second answer goes nowhere, and the next is to the other request.
    provide(&probe, 7, InputAnswer::Declined);
    provide(&probe, 8, InputAnswer::Provided { value: json!("blue") });
    assert_eq!(probe.line("provided "), r#"8 Answer::Provided("\"blue\"")"#);
    probe.prompt_text(&binding, "finish");
}

pub(crate) fn every_answer_arrives_as_it_was_given() {
    let (probe, _, _) = ordered("ask 1\nask 2\nask 3");
    let answers = [InputAnswer::Declined, InputAnswer::Cancelled, InputAnswer::Expired];
    for (request, answer) in (1..).zip(answers) {
        assert_eq!(asked(&probe).request, request);
        provide(&probe, request, answer);
    }
    for told in ["1 Answer::Declined", "2 Answer::Cancelled", "3 Answer::Expired"] {
        assert_eq!(probe.line("provided "), told);
    }
}

pub(crate) fn a_schema_that_is_no_json_is_a_string() {
    let (probe, _, _) = ordered("ask 1 {what");
    assert_eq!(asked(&probe).schema, Some(Value::String("{what".into())));
}

pub(crate) fn an_answer_of_the_other_kind_changes_nothing() {
    let (probe, _, _) = ordered("ask 1\napprove 2");
    assert_eq!(asked(&probe).request, 1);
    assert_eq!(approval_asked(&probe), 2);
    approve(&probe, 1);
    provide(&probe, 2, InputAnswer::Declined);
    provide(&probe, 1, InputAnswer::Declined);
    approve(&probe, 2);
    assert_eq!(probe.line("provided "), "1 Answer::Declined");
    assert_eq!(probe.line("approval "), "2 Decision::Selected(\"once\")");
}

pub(crate) fn a_number_is_used_once() {
    let (probe, _, _) = ordered("ask 1\napprove 1\nask 1\nask 2");
    assert_eq!(asked(&probe).request, 1);
    assert_eq!(asked(&probe).request, 2);
}

pub(crate) fn what_is_taken_back_is_not_answered() {
    let (probe, _, _) = ordered("ask 1\nask 2\nwithdraw 1\nwithdraw 9");
    assert_eq!((asked(&probe).request, asked(&probe).request), (1, 2));
    assert_eq!(probe.next(), Report::RequestWithdrawn { request: 1 });
    provide(&probe, 1, InputAnswer::Declined);
    provide(&probe, 2, InputAnswer::Declined);
    assert!(
        matches!(probe.next(), Report::Activity { activity, .. } if format!("{activity:?}").contains("provided 2"))
    );
}

pub(crate) fn what_is_open_at_the_end_is_cancelled() {
    let (probe, binding, attempt) = ordered("ask 1\napprove 2\nfinish");
    assert_eq!(asked(&probe).request, 1);
    assert_eq!(approval_asked(&probe), 2);
    assert!(matches!(probe.answer(&attempt).1, Outcome::Succeeded { .. }));
    probe.prompt_text(&binding, "");
    assert_eq!(probe.line("provided "), "1 Answer::Cancelled");
    assert_eq!(probe.line("approval "), "2 Decision::Cancelled");
}

pub(crate) fn nobody_is_asked_for_a_foreign_attempt() {
    let (probe, _, _) = ordered("ask-foreign 1");
    assert_eq!(probe.line("provided "), "1 Answer::Cancelled");
}

pub(crate) fn too_many_questions_are_declined() {
    let one_too_many = OPEN_REQUESTS + 1;
    let orders: Vec<String> = (1..=one_too_many).map(|request| format!("ask {request}")).collect();
    let (probe, binding, _) = ordered(&orders.join("\n"));
    for request in 1..=OPEN_REQUESTS {
        assert_eq!(asked(&probe).request, request);
    }
    assert_eq!(probe.line("provided "), format!("{one_too_many} Answer::Declined"));
    // Where one is answered there is room for another.
    provide(&probe, 1, InputAnswer::Declined);
    assert_eq!(probe.line("provided "), "1 Answer::Declined");
    probe.prompt_text(&binding, "ask 1000");
    assert_eq!(asked(&probe).request, 1000);
}

pub(crate) fn a_chosen_way_to_log_in_arrives() {
    let probe = Probe::start("person_probe");
    assert!(matches!(probe.next(), Report::Ready { .. }));
    probe.worker.send(Command::Authenticate { method: "web".into() }).unwrap();
    assert_eq!(probe.next(), Report::Ready { runtime: "logged in by web".into() });
}

pub(crate) fn the_mcp_servers_arrive() {
    let pairs = |name: &str, value: &str| [(name.to_owned(), value.to_owned())].into();
    let server = |name: &str, transport| McpServer { name: name.into(), transport };
    let servers = || {
        let (command, args) = ("/bin/files".to_owned(), vec!["-r".to_owned(), "x y".to_owned()]);
        vec![
            server("files", McpTransport::Stdio { command, args, env: pairs("A", "1") }),
            server("web", McpTransport::Http { url: "http://h/".into(), headers: pairs("X", "2") }),
            server("news", McpTransport::Sse { url: "http://s/".into(), headers: pairs("Y", "3") }),
        ]
    };
    let lines = ["files stdio /bin/files -r,x y A=1", "web http http://h/ X=2", "news sse http://s/ Y=3"];
    let probe = Probe::start("person_probe");
    assert!(matches!(probe.next(), Report::Ready { .. }));
    let (binding, session, settings) = (ids(BindingId::new), ids(SessionId::new), || settings(servers()));
    let open =
        Command::OpenBinding { binding: binding.clone(), session: session.clone(), settings: settings() };
    let resumed = ids(BindingId::new);
    let native_id = NativeSessionId("before".into());
    let resume = Command::ResumeBinding { binding: resumed, session, native_id, settings: settings() };
    for command in [open, resume] {
        probe.worker.send(command).unwrap();
        assert!(matches!(probe.next(), Report::BindingOpened { .. }));
        probe.prompt_text(&binding, "");
        for line in lines {
            assert_eq!(probe.line("mcp "), line);
        }
    }
}
