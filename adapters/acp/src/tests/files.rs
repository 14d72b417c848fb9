//! Files that the agent reads and writes through this client.

use omi_adapter_sdk::testkit::{self, file_failed, file_read, file_written};
use omi_adapter_sdk::{
    Blob, Content, FileError, FileOutcome, FileRead, FileResult, Input, Output, Part, ReadFile, Scope, Why,
    WriteFile, WriteMode,
};
use serde_json::{Value, json};

use super::script::{AGENT, Script, messages};

const READ: &str = "fs/read_text_file";
const WRITE: &str = "fs/write_text_file";

/// Bytes of one read.
const PIECE: usize = 1024 * 1024;

fn prompted() -> Script {
    Script::prompted_with(&["workspace"])
}

/// The read that the last step asked for.
fn read_asked(script: &Script) -> ReadFile {
    match &script.out[..] {
        [Output::ReadFile(read)] => read.clone(),
        other => panic!("one read is expected: {other:?}"),
    }
}

/// The agent reads a file of these bytes; what it gets.
fn reads(script: &mut Script, params: Value, bytes: &[u8]) -> Value {
    script.asks("r", READ, params);
    let read = read_asked(script);
    script.send(file_read(read.op, bytes, u32::try_from(bytes.len()).expect("a small file")));
    script.result("r")
}

#[test]
fn files_and_terminals_are_offered_as_they_are_granted() {
    for (grants, files, terminal) in [
        (&["agent"][..], false, false),
        (&["agent", "workspace"], true, false),
        (&["agent", "terminal"], false, true),
        (&["terminal", "agent", "workspace"], true, true),
    ] {
        let mut kit = testkit::TestKit::<crate::Acp>::new();
        kit.start_with_grants("{}", grants);
        let params = messages(&kit.send(testkit::spawned(AGENT)))[0]["params"].clone();
        let offered = &params["clientCapabilities"];
        assert_eq!(offered["fs"], json!({"readTextFile": files, "writeTextFile": files}), "{grants:?}");
        assert_eq!(offered["terminal"], json!(terminal), "{grants:?}");
    }
}

#[test]
fn what_is_not_granted_is_no_method_of_this_client() {
    let mut script = Script::prompted_with(&["terminal"]);
    assert_eq!(script.asks("r", READ, json!({"path": "/work/a"})).error("r").0, -32601);
    assert_eq!(script.asks("w", WRITE, json!({"path": "/work/a", "content": ""})).error("w").0, -32601);
    let mut script = prompted();
    assert_eq!(script.asks("t", "terminal/create", json!({"command": "ls"})).error("t").0, -32601);
}

#[test]
fn a_file_is_read_on_behalf_of_the_attempt_or_of_the_session_between_two() {
    let mut script = prompted();
    script.asks("r", READ, json!({"path": "/work/src/a.rs"}));
    let read = read_asked(&script);
    assert_eq!((read.grant.as_str(), read.path.as_str()), ("workspace", "/work/src/a.rs"));
    assert_eq!(read.scope, Scope::Attempt(1));
    script.send(file_read(read.op, "fn a() {}\n", 10));
    assert_eq!(script.result("r"), json!({"content": "fn a() {}\n"}));

    script.says_text("read").says(&json!({"id": 3, "result": {"stopReason": "end_turn"}}));
    assert!(testkit::outcome(&script.out).is_some());
    script.asks("again", READ, json!({"path": "b.rs"}));
    let read = read_asked(&script);
    assert_eq!(read.scope, Scope::Binding(1));
    assert_eq!(read.path, "/work/b.rs", "a path that is not absolute is in the session's folder");
}

#[test]
fn lines_are_chosen_from_the_text() {
    let mut script = prompted();
    let text = "one\ntwo\nthree\nfour";
    for (line, limit, content) in [
        (json!(2), json!(2), "two\nthree\n"),
        (json!(4), Value::Null, "four"),
        (Value::Null, json!(1), "one\n"),
        (json!(9), json!(9), ""),
    ] {
        let got =
            reads(&mut script, json!({"path": "/work/a", "line": line, "limit": limit}), text.as_bytes());
        assert_eq!(got["content"], content, "line {line}, limit {limit}");
    }
}

#[test]
fn a_long_file_is_read_in_pieces_and_no_further_than_needed() {
    let text = "0123456789abcde\n".repeat(3 * PIECE / 16) + "the end €";
    let (bytes, size) = (text.as_bytes(), u32::try_from(text.len()).expect("a small file"));
    let mut script = prompted();
    script.asks("r", READ, json!({"path": "/work/a"}));
    for piece in bytes.chunks(PIECE) {
        let read = read_asked(&script);
        let offset = usize::try_from(read.offset).expect("it fits");
        assert_eq!(&bytes[offset..offset + piece.len()], piece);
        assert_eq!(read.max, 1_048_576);
        script.send(file_read(read.op, piece, size));
    }
    assert_eq!(script.result("r")["content"], text.as_str());

    script.asks("two", READ, json!({"path": "/work/a", "line": 65_536, "limit": 2}));
    for piece in bytes.chunks(PIECE).take(2) {
        let read = read_asked(&script);
        script.send(file_read(read.op, piece, size));
    }
    assert_eq!(script.result("two")["content"], "0123456789abcde\n".repeat(2));
}

#[test]
fn an_answer_that_is_larger_than_the_queue_is_written_in_pieces() {
    let mut script = prompted();
    // Every byte becomes six in JSON.
    let bytes = vec![1; 4 * PIECE];
    script.asks("r", READ, json!({"path": "/work/a"}));
    for piece in bytes.chunks(PIECE) {
        let op = read_asked(&script).op;
        script.send(file_read(op, piece, u32::try_from(bytes.len()).expect("a small file")));
    }
    let sizes: Vec<usize> = script.out.iter().filter_map(written_bytes).collect();
    assert!(sizes.len() > 10 && sizes.iter().all(|bytes| *bytes <= 1024 * 1024), "{sizes:?}");
    assert_eq!(script.result("r")["content"].as_str().map(str::len), Some(bytes.len()));
}

fn written_bytes(output: &Output) -> Option<usize> {
    match output {
        Output::WriteStdin(write) => match &write.parts[..] {
            [Part::Bytes(bytes)] => Some(bytes.len()),
            other => panic!("{other:?}"),
        },
        // The time in which the agent has to read begins anew with each piece.
        Output::SetTimer(_) | Output::ClearTimer(_) => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn more_text_than_fits_the_memory_is_an_error_that_says_what_to_do() {
    let mut script = prompted();
    script.asks("r", READ, json!({"path": "/work/a"}));
    let piece = vec![b'x'; PIECE];
    for _ in 0..4 {
        let op = read_asked(&script).op;
        script.send(file_read(op, &piece, u32::MAX));
    }
    let op = read_asked(&script).op;
    let (code, message) = script.send(file_read(op, &piece, u32::MAX)).error("r");
    assert_eq!(code, -32603);
    assert!(message.contains("4194304 bytes") && message.contains("hint: read it in parts"), "{message}");
}

#[test]
fn a_file_is_written_whole() {
    let mut script = prompted();
    script.asks("w", WRITE, json!({"path": "/work/new/a.txt", "content": "grüße\n"}));
    let [Output::WriteFile(write)] = &script.out[..] else { panic!("{:?}", script.out) };
    let op = write.op;
    let expected = WriteFile::new(op, Scope::Attempt(1), "workspace", "/work/new/a.txt", "grüße\n");
    assert_eq!((write, write.mode), (&expected, WriteMode::Replace));
    script.send(file_written(op, 8));
    assert_eq!(script.result("w"), json!({}));
}

#[test]
fn each_reason_has_its_error() {
    let denied = "the grant `workspace` is denied; hint: policy = \"ask\"";
    for (input, code, words) in [
        (file_failed(2, FileError::NotFound), -32002, "`/work/a`: there is no such file"),
        (file_failed(2, FileError::Outside), -32602, "outside the granted folder"),
        (file_failed(2, FileError::NotAFile), -32602, "not a regular file"),
        (file_failed(2, FileError::TooLarge), -32603, "too large"),
        (file_failed(2, FileError::Io("disk full".to_owned())), -32603, "disk full"),
        (testkit::refused(2, Why::Denied(denied.to_owned())), -32603, denied),
        (testkit::refused(2, Why::Expired), -32603, "nobody answered in time"),
        (testkit::refused(2, Why::Cancelled), -32800, "cancelled"),
        (file_read(2, b"GIF89a\xff\xfe", 8), -32602, "not UTF-8"),
        (file_written(2, 1), -32603, "answered something else"),
    ] {
        let mut script = prompted();
        script.asks("r", READ, json!({"path": "/work/a"}));
        let op = read_asked(&script).op;
        let (got, message) = script.send(with_op(input, op)).error("r");
        assert_eq!(got, code, "{message}");
        assert!(message.contains(words), "{message}");
        assert_eq!(testkit::outcome(&script.out), None, "the turn goes on");
    }
}

/// The same answer, about another op.
fn with_op(input: Input, op: u32) -> Input {
    match input {
        Input::File(result) => Input::File(FileResult { op, ..result }),
        Input::Refused(refused) => testkit::refused(op, refused.why),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_missing_file_is_named_as_the_protocol_names_it() {
    let mut script = prompted();
    script.asks("r", READ, json!({"path": "/work/a"}));
    let op = read_asked(&script).op;
    script.send(file_failed(op, FileError::NotFound));
    assert_eq!(script.written()[0]["error"]["data"], json!({"uri": "/work/a"}));
}

#[test]
fn a_blob_where_bytes_were_asked_for_is_given_back() {
    let mut script = prompted();
    script.asks("r", READ, json!({"path": "/work/a"}));
    let op = read_asked(&script).op;
    let blob: Blob = 7;
    let read = FileRead { content: Content::Blob(blob), size: 9, extra: String::new() };
    script.send(Input::File(FileResult { op, outcome: FileOutcome::Read(read), extra: String::new() }));
    assert_eq!(script.out[0], Output::DropBlob(blob));
    assert_eq!(script.error("r").0, -32603);
}

#[test]
fn an_unknown_session_and_odd_parameters_are_errors() {
    let mut script = prompted();
    script.says(&json!({"id": "r", "method": READ, "params": {"sessionId": "s2", "path": "/work/a"}}));
    let (code, message) = script.error("r");
    assert_eq!(code, -32602);
    assert!(message.contains("`s2`"), "{message}");
    for params in [json!({"path": 1}), json!({}), json!({"path": "/work/a", "line": -1})] {
        assert_eq!(script.asks("r", READ, params).error("r").0, -32602);
    }
    assert_eq!(script.says(&json!({"id": "r", "method": WRITE})).error("r").0, -32602);
}

#[test]
fn nothing_new_is_begun_in_a_turn_that_is_cancelled() {
    let mut script = prompted();
    script.send(testkit::cancel(1));
    let (code, message) = script.asks("w", WRITE, json!({"path": "/work/a", "content": ""})).error("w");
    assert_eq!((code, message.as_str()), (-32800, "the turn was cancelled"));
}

#[test]
fn only_so_many_requests_are_open() {
    let mut script = prompted();
    let ops: Vec<u32> =
        (0..64).map(|_| read_asked(script.asks("r", READ, json!({"path": "/work/a"}))).op).collect();
    let (code, message) = script.asks("more", READ, json!({"path": "/work/a"})).error("more");
    assert_eq!(code, -32603);
    assert!(message.contains("hint: wait"), "{message}");
    script.send(file_read(ops[9], "", 0));
    assert_eq!(script.result("r")["content"], "");
    read_asked(script.asks("more", READ, json!({"path": "/work/a"})));
}
