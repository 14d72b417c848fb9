//! Files and HTTP as a session sees them, and what becomes of them when nobody waits any more.

use omi_adapter_sdk::testkit::{
    self, TestKit, file_failed, file_read, file_written, http_body, http_end, http_head,
};
use omi_adapter_sdk::{
    Capabilities, Content, Descriptor, FileError, GrantRequest, Host, HttpOutcome, HttpRequest, Input,
    Output, ReadFile, Scope, Session, SessionAdapter, Why, WriteFile, WriteMode, log,
};

/// A session that does what the prompt of its attempt names, and logs what came of it.
struct Worker;

impl Session for Worker {
    fn describe() -> Descriptor {
        Descriptor {
            adapter_id: "test".to_owned(),
            version: "0.1.0".to_owned(),
            title: String::new(),
            protocol: "none".to_owned(),
            capabilities: Capabilities::least(),
            grants: vec![
                GrantRequest::files("workspace", "src/**", "Reads sources."),
                GrantRequest::http("remote", "POST /v1/*", "Asks the model.").optional(),
            ],
            config_schema: String::new(),
            extra: String::new(),
        }
    }

    async fn run(host: Host) {
        let Input::Start(start) = host.next_input().await else { panic!("`start` comes first") };
        log::info(&format!("granted: {}", start.grants.join(" ")));
        loop {
            match host.next_input().await {
                Input::ExecuteAttempt(execute) => {
                    let [omi_adapter_sdk::PromptBlock::Text(word)] = &execute.prompt[..] else { continue };
                    let said = match word.as_str() {
                        "read" => read(&host).await,
                        "write" => write(&host).await,
                        "ask" => ask(&host).await,
                        "give up" => give_up(&host).await,
                        "read in time" => match host.within(50, read(&host)).await {
                            Some(said) => said,
                            None => "too late".to_owned(),
                        },
                        "ask in time" => match host.within(50, ask(&host)).await {
                            Some(said) => said,
                            None => "too late".to_owned(),
                        },
                        _ => "what?".to_owned(),
                    };
                    log::info(&said);
                }
                other => log::info(&format!("input {other:?}")),
            }
        }
    }
}

async fn read(host: &Host) -> String {
    let read = ReadFile::new(host.op(), Scope::Attempt(1), "workspace", "src/a.rs").range(2, 10);
    match host.read_file(read).await.map(|read| read.content) {
        Ok(Content::Bytes(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
        Ok(Content::Blob(blob)) => format!("blob {blob}"),
        Err(failure) => failure.to_string(),
    }
}

async fn write(host: &Host) -> String {
    let write = WriteFile::new(host.op(), Scope::Attempt(1), "workspace", "src/a.rs", "text");
    match host.write_file(write.mode(WriteMode::CreateNew)).await {
        Ok(bytes) => format!("{bytes} bytes"),
        Err(failure) => failure.to_string(),
    }
}

fn request(host: &Host) -> HttpRequest {
    HttpRequest::new(host.op(), Scope::Attempt(1), "remote", "POST", "/v1/messages").body("{}").lines()
}

async fn ask(host: &Host) -> String {
    let mut response = match host.request(request(host)).await {
        Ok(response) => response,
        Err(failure) => return failure.to_string(),
    };
    match response.body(8).await {
        Ok(body) => format!("{} {}", response.status, String::from_utf8_lossy(&body)),
        Err(failure) => failure.to_string(),
    }
}

/// Gives a request up and waits for its end.
async fn give_up(host: &Host) -> String {
    let Ok(mut response) = host.request(request(host)).await else { return "refused".to_owned() };
    response.abort();
    match response.next_piece().await {
        Ok(_) => "a piece".to_owned(),
        Err(failure) => failure.to_string(),
    }
}

type Kit = TestKit<SessionAdapter<Worker>>;

/// A worker that was told to do this; the op of the effect it asked for, which is followed by its timer if it has one.
fn told(word: &str) -> (Kit, u32) {
    let mut kit = Kit::new();
    kit.start_with_grants("{}", &["workspace", "remote"]);
    let outputs = kit.execute(1, 1, word);
    (kit, testkit::effect_op(&outputs))
}

fn last_line(kit: &Kit) -> String {
    kit.logged().pop().map(|(_, line)| line).unwrap_or_default()
}

#[test]
fn a_session_knows_what_it_was_granted() {
    let mut kit = Kit::new();
    kit.start("{}");
    assert_eq!(last_line(&kit), "granted: workspace", "what is not optional");
    let (kit, _) = told("read");
    assert_eq!(last_line(&kit), "granted: workspace remote");
}

#[test]
fn a_file_is_read_and_written_or_the_reason_is_known() {
    for (word, answer, said) in [
        ("read", file_read(1, "hello", 7), "hello"),
        ("read", file_failed(1, FileError::Outside), "it is outside the granted folder"),
        ("read", testkit::refused(1, Why::Denied("policy `deny`".to_owned())), "denied: policy `deny`"),
        ("write", file_written(1, 4), "4 bytes"),
        ("write", file_failed(1, FileError::Exists), "it exists already"),
        ("write", testkit::refused(1, Why::Cancelled), "cancelled"),
        ("write", file_read(1, "", 0), "the host answered something else"),
    ] {
        let (mut kit, op) = told(word);
        assert_eq!(op, 1);
        assert_eq!(kit.send(answer), []);
        assert_eq!(last_line(&kit), said);
    }
}

#[test]
fn a_request_is_answered_in_pieces() {
    let (mut kit, op) = told("ask");
    kit.send_all([http_head(op, 200), http_body(op, "one "), http_body(op, "two")]);
    assert_eq!(last_line(&kit), "granted: workspace remote", "the body is not complete");
    kit.send(http_end(op, HttpOutcome::Complete));
    assert_eq!(last_line(&kit), "200 one two");
}

#[test]
fn a_request_that_fails_says_why_before_and_after_its_head() {
    for (inputs, said) in [
        (vec![testkit::refused(1, Why::Denied("no".to_owned()))], "denied: no"),
        (vec![http_end(1, HttpOutcome::Failed("connection refused".to_owned()))], "connection refused"),
        (vec![http_head(1, 200), http_end(1, HttpOutcome::TimedOut)], "the answer took too long"),
    ] {
        let (mut kit, _) = told("ask");
        assert_eq!(kit.send_all(inputs), []);
        assert_eq!(last_line(&kit), said);
    }
}

#[test]
fn an_answer_that_is_not_wanted_is_given_up_once_and_its_end_is_nobodys_input() {
    let (mut kit, op) = told("ask");
    let outputs = kit.send_all([http_head(op, 200), http_body(op, "more than eight bytes")]);
    assert_eq!(outputs, [Output::HttpAbort(op)]);
    assert_eq!(last_line(&kit), "the answer has more than 8 bytes");
    assert_eq!(kit.send_all([http_body(op, "late"), http_end(op, HttpOutcome::Aborted)]), []);
    assert_eq!(last_line(&kit), "the answer has more than 8 bytes");
}

#[test]
fn a_request_that_was_given_up_ends_as_aborted() {
    let (mut kit, op) = told("give up");
    assert_eq!(kit.send(http_head(op, 200)), [Output::HttpAbort(op)]);
    assert_eq!(kit.send(http_end(op, HttpOutcome::Aborted)), []);
    assert_eq!(last_line(&kit), "the request was given up");
}

#[test]
fn what_takes_too_long_is_given_up_and_forgotten() {
    let (mut kit, op) = told("ask in time");
    assert_eq!(kit.advance(50), [Output::HttpAbort(op)]);
    assert_eq!(kit.send(testkit::refused(op, Why::Cancelled)), []);
    assert_eq!(last_line(&kit), "too late");

    let (mut kit, op) = told("read in time");
    assert_eq!(kit.advance(50), []);
    assert_eq!(kit.send(file_read(op, "late", 4)), []);
    assert_eq!(last_line(&kit), "too late", "the late answer is no input of the session");
}

#[test]
#[should_panic(expected = "the test's mistake: no file waits")]
fn the_kit_admits_one_answer_for_a_file() {
    let (mut kit, op) = told("read");
    kit.send_all([testkit::refused(op, Why::Expired), file_read(op, "late", 4)]);
}

#[test]
#[should_panic(expected = "the test's mistake: no request waits")]
fn the_kit_admits_nothing_after_the_end_of_a_request() {
    let (mut kit, op) = told("give up");
    kit.send_all([http_head(op, 200), http_end(op, HttpOutcome::Complete), http_body(op, "late")]);
}

#[test]
#[should_panic(expected = "the test's mistake: no request waits")]
fn the_kit_admits_no_body_before_its_head() {
    let (mut kit, op) = told("ask");
    kit.send(http_body(op, "early"));
}

#[test]
fn a_body_that_nobody_reads_is_given_up_not_a_full_memory() {
    struct Deaf;
    impl Session for Deaf {
        fn describe() -> Descriptor {
            Worker::describe()
        }
        async fn run(host: Host) {
            let request = HttpRequest { scope: Scope::Worker, ..request(&host) };
            let Ok(mut response) = host.request(request).await else { return };
            host.sleep(1000).await;
            match response.next_piece().await {
                Ok(_) => log::info("a piece"),
                Err(failure) => log::info(&failure.to_string()),
            }
            std::future::pending::<()>().await;
        }
    }
    let mut kit = TestKit::<SessionAdapter<Deaf>>::new();
    kit.start("{}");
    kit.send(http_head(1, 200));
    let piece = vec![b'x'; 1024 * 1024];
    let outputs = kit.send_all((0..40).map(|_| http_body(1, &piece)));
    assert_eq!(outputs, [Output::HttpAbort(1)]);
    kit.send(http_end(1, HttpOutcome::Aborted));
    kit.advance(1000);
    let line = kit.logged().pop().map(|(_, line)| line).unwrap_or_default();
    assert!(line.contains("the adapter reads none"), "{line}");
}
