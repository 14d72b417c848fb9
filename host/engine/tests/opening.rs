//! What is opened stays in the bounds of its grant: programs of the runtime's choice, files, requests; and what comes
//! back has no secret in it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use omi_engine::{
    Binding, Bound, BoundFiles, BoundHttp, BoundProcess, BoundTerminal, Folder, ProcessFolder, Registration,
    Secret, SecretSource, Setting,
};
use tempfile::TempDir;

use crate::support::{Probe, binding, limits, registration};

/// A secret with a quotation mark, which is written otherwise in JSON.
const SECRET: &str = "open\"sesame";

fn start(registration: Registration, orders: &str) -> Probe {
    let probe = Probe::with("gate_probe", registration, limits());
    let binding = probe.open();
    probe.prompt_text(&binding, orders);
    probe
}

fn terminal(folder: Folder) -> Registration {
    registration([("shell", binding(Bound::Terminal(BoundTerminal { folder, setting: Setting::default() })))])
}

fn files(folder: Folder) -> Binding {
    binding(Bound::Files(BoundFiles { folder }))
}

fn secret(file: &Path, prefix: &str) -> Secret {
    Secret { source: SecretSource::File(file.to_owned()), prefix: prefix.to_owned() }
}

fn with_secret(script: &str, file: &Path) -> Registration {
    let argv = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    let secrets = [("KEY".to_owned(), secret(file, ""))].into();
    let setting = Setting { secrets, ..Setting::default() };
    registration([(
        "agent",
        binding(Bound::Process(BoundProcess { argv, setting, cwd: ProcessFolder::Worker })),
    )])
}

fn secret_file(folder: &TempDir) -> std::path::PathBuf {
    let file = folder.path().join("key");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    file
}

pub(crate) fn a_program_of_the_runtimes_choice_runs_in_the_folder_of_its_session() {
    let probe = start(terminal(Folder::Session), "shell 1 /bin/pwd");
    let folder = probe.folder.path().canonicalize().unwrap();
    assert_eq!(probe.line("1 out "), folder.to_str().unwrap());
    let probe = start(terminal(Folder::Session), "shell-env 1 ADDED env");
    assert_eq!(probe.line("1 out ADDED="), "added");
    let probe = start(terminal(Folder::Session), "for worker\nshell 1 /bin/pwd");
    let refused = probe.line("1 ");
    assert!(
        refused.starts_with("refused Why::Denied") && refused.contains("working folder of a session"),
        "{refused}"
    );
    let fixed = TempDir::new().unwrap();
    let probe = start(terminal(Folder::At(fixed.path().to_owned())), "for worker\nshell 1 /bin/pwd");
    assert_eq!(probe.line("1 out "), fixed.path().canonicalize().unwrap().to_str().unwrap());
}

pub(crate) fn the_program_of_a_registration_runs_in_the_folder_of_a_session_if_it_says_so() {
    let argv = vec!["/bin/pwd".to_owned()];
    let process = BoundProcess { argv, cwd: ProcessFolder::Session, ..BoundProcess::default() };
    let of_session = TempDir::new().unwrap();
    let probe =
        Probe::with("gate_probe", registration([("agent", binding(Bound::Process(process)))]), limits());
    let binding = probe.open_in(of_session.path());
    for (orders, folder) in [
        ("agent 1", of_session.path()),
        ("for binding\nagent 2", of_session.path()),
        ("for worker\nagent 3", probe.folder.path()),
    ] {
        probe.prompt_text(&binding, orders);
        let op = orders.rsplit(' ').next().unwrap();
        assert_eq!(probe.line(&format!("{op} out ")), folder.canonicalize().unwrap().to_str().unwrap());
    }
}

pub(crate) fn a_program_does_not_leave_its_folder() {
    let probe = Probe::with("gate_probe", terminal(Folder::Session), limits());
    let binding = probe.open();
    let folder = probe.folder.path();
    std::fs::create_dir(folder.join("inside")).unwrap();
    std::os::unix::fs::symlink("/", folder.join("out")).unwrap();
    std::os::unix::fs::symlink("inside", folder.join("in")).unwrap();
    let orders =
        "shell-in 1 out /bin/pwd\nshell-in 2 .. /bin/pwd\nshell-in 3 / /bin/pwd\nshell-in 4 out/etc /bin/pwd";
    probe.prompt_text(&binding, orders);
    for op in 1..=4 {
        let refused = probe.line(&format!("{op} "));
        assert!(refused.contains("is not below the granted one"), "{refused}");
    }
    let inside = folder.join("inside").canonicalize().unwrap();
    for (op, below) in [(5, "in".to_owned()), (6, format!("{}/inside", folder.display()))] {
        probe.prompt_text(&binding, &format!("shell-in {op} {below} /bin/pwd"));
        assert_eq!(probe.line(&format!("{op} out ")), inside.to_str().unwrap());
    }
}

pub(crate) fn variables_do_not_make_it_another_program() {
    for name in ["PATH", "LD_PRELOAD"] {
        let refused = start(terminal(Folder::Session), &format!("shell-env 1 {name} env")).line("1 ");
        assert!(refused.starts_with("refused Why::Denied") && refused.contains(name), "{refused}");
    }
}

pub(crate) fn a_folder_that_becomes_a_link_out_is_seen_when_it_is_used() {
    let mut probe = Probe::with("gate_probe", terminal(Folder::Session), limits());
    probe.asks = true;
    let binding = probe.open();
    let inside = probe.folder.path().join("inside");
    std::fs::create_dir(&inside).unwrap();
    probe.prompt_text(&binding, "shell-in 1 inside touch ran");
    let question = probe.asked();
    assert_eq!(
        (question.asked.access.resource.as_str(), question.asked.access.covers.as_str()),
        ("touch ran", "touch **")
    );
    std::fs::remove_dir(&inside).unwrap();
    let elsewhere = TempDir::new().unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), &inside).unwrap();
    probe.allow(&question);
    assert!(probe.line("1 ").contains("is not below the granted one"));
    assert!(!elsewhere.path().join("ran").exists());
}

pub(crate) fn a_program_in_the_folder_is_the_one_that_was_asked_about() {
    for swapped in [false, true] {
        let mut probe = Probe::with("gate_probe", terminal(Folder::Session), limits());
        probe.asks = true;
        let binding = probe.open();
        let folder = probe.folder.path().canonicalize().unwrap();
        for name in ["one", "two"] {
            std::fs::create_dir(folder.join(name)).unwrap();
            std::os::unix::fs::symlink("/bin/echo", folder.join(name).join("run")).unwrap();
        }
        let link = folder.join("link");
        std::os::unix::fs::symlink("one", &link).unwrap();
        probe.prompt_text(&binding, "shell-in 1 link ./run hello");
        let question = probe.asked();
        let program = folder.join("one/run").display().to_string();
        assert_eq!(question.asked.access.resource, format!("{program} hello"));
        assert_eq!(question.asked.access.covers, format!("{program} **"));
        if swapped {
            std::fs::remove_file(&link).unwrap();
            std::os::unix::fs::symlink("two", &link).unwrap();
        }
        probe.allow(&question);
        if swapped {
            let refused = probe.line("1 ");
            assert!(refused.starts_with("refused Why::Denied") && refused.contains("two/run"), "{refused}");
        } else {
            assert_eq!(probe.line("1 out "), "hello");
        }
    }
}

pub(crate) fn files_are_read_and_written_below_the_folder() {
    let grants = [("workspace", files(Folder::Session)), ("source", files(Folder::Session))];
    let probe = Probe::with("gate_probe", registration(grants), limits());
    let binding = probe.open();
    let folder = probe.folder.path().to_owned();
    std::fs::write(folder.join("large"), vec![b'x'; 100_000]).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", folder.join("out")).unwrap();
    std::fs::create_dir(folder.join("src")).unwrap();
    let orders = format!(
        "put 1 a.txt hello\nread 2 {}/a.txt\nread 3 large\nread 4 ../a.txt\nread 5 /etc/passwd\nread 6 out\nread 7 src\n\
         with source\nput 8 src/b.txt hi\nput 9 a.txt gone\nfor worker\nread 10 src/b.txt",
        folder.display()
    );
    probe.prompt_text(&binding, &orders);
    let told = |op: u32, words: &str| {
        let line = probe.line(&format!("{op} "));
        assert!(line.starts_with(words), "{op}: {line}");
        line
    };
    told(4, "failed FileError::Outside");
    told(5, "failed FileError::Outside");
    assert!(told(10, "refused Why::Denied").contains("working folder of a session"));
    told(1, "written 5");
    told(2, "read 5 hello");
    told(3, "read 100000 as a blob");
    told(6, "failed FileError::Outside");
    told(7, "failed FileError::NotAFile");
    told(8, "written 2");
    assert_eq!(std::fs::read_to_string(folder.join("a.txt")).unwrap(), "hello");
}

pub(crate) fn a_pattern_of_the_component_binds_it() {
    let refused =
        start(registration([("source", files(Folder::Session))]), "with source\nput 1 a.txt gone").line("1 ");
    assert!(refused.contains("does not declare that for the grant `source`"), "{refused}");
    let narrowed = Binding { resources: vec!["docs/**".into()], ..files(Folder::Session) };
    let refused = start(registration([("workspace", narrowed)]), "put 1 a.txt gone").line("1 ");
    assert!(
        refused.contains("`resources`") && refused.contains("[registrations.test.grants.workspace]"),
        "{refused}"
    );
}

pub(crate) fn a_secret_is_taken_out_of_all_that_a_process_says() {
    let folder = TempDir::new().unwrap();
    // The secret is written in two parts; between them the process waits to be told to go on.
    let script = "printf 'a %.6s' \"$KEY\"; echo ready >&2; read go; printf '%s z\\n' \"${KEY#??????}\"; \
                  printf '{\"k\":\"open\\\\\"sesame\"}\\n'; echo \"lost $KEY\" >&2; exit 3";
    let registration = with_secret(script, &secret_file(&folder));
    let probe = Probe::with("gate_probe", registration, limits());
    let binding = probe.open();
    probe.prompt_text(&binding, "agent 1");
    assert_eq!(probe.line("1 err "), "ready");
    probe.prompt_text(&binding, "write 1 go");
    // The last line of the tail, which comes when the process has ended.
    let told = probe.until("lost ");
    for line in
        ["1 out a [redacted] z", "1 out {\"k\":\"[redacted]\"}", "1 err lost [redacted]", "lost [redacted]"]
    {
        assert!(told.lines().any(|other| other == line), "`{line}` is missing in:\n{told}");
    }
    assert!(!told.contains("sesame"), "{told}");
}

pub(crate) fn a_secret_that_is_not_there_is_named_and_its_text_is_not() {
    let folder = TempDir::new().unwrap();
    let refused = start(with_secret("true", &folder.path().join("none")), "agent 1").line("1 ");
    assert!(
        refused.starts_with("refused Why::Failed") && refused.contains("cannot read the secret in"),
        "{refused}"
    );
    let short = folder.path().join("short");
    std::fs::write(&short, "abc").unwrap();
    let refused = start(with_secret("true", &short), "agent 1").line("1 ");
    assert!(refused.contains("hint: ") && !refused.contains("abc"), "{refused}");
}

/// A server that answers each request with its `authorization` header, or with a redirect to the path after `/v1/to`.
fn server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(&mut stream.unwrap());
        }
    });
    port
}

fn answer(stream: &mut TcpStream) {
    let lines: Vec<String> = BufReader::new(stream.try_clone().unwrap())
        .lines()
        .map(Result::unwrap)
        .take_while(|line| !line.is_empty())
        .collect();
    let path = lines[0].split(' ').nth(1).unwrap();
    let header = lines.iter().find(|line| line.to_lowercase().starts_with("authorization"));
    let (head, body) = match path.strip_prefix("/v1/to") {
        Some(to) => (format!("307 Moved\r\nlocation: /{}", to.replace('-', "/")), String::new()),
        None => ("200 OK".to_owned(), format!("{}\nend\n", header.cloned().unwrap_or_default())),
    };
    let length = body.len();
    write!(stream, "HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}").unwrap();
}

fn remote(port: u16, methods: &[&str], secrets: BTreeMap<String, Secret>) -> Registration {
    let bound = BoundHttp {
        origin: format!("http://127.0.0.1:{port}"),
        methods: methods.iter().map(ToString::to_string).collect(),
        private: true,
        secrets,
        timeout_ms: 60_000,
        body_bytes: 1_000_000,
    };
    registration([("remote", binding(Bound::Http(bound)))])
}

pub(crate) fn a_request_has_the_secret_and_its_answer_has_not() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "open-sesame\n").unwrap();
    let secrets: BTreeMap<_, _> = [("authorization".to_owned(), secret(&file, "Bearer "))].into();
    let probe = start(remote(server(), &["GET"], secrets), "get 1 /v1/who");
    assert_eq!(probe.line("1 head "), "200");
    assert_eq!(probe.line("1 body ").to_lowercase(), "authorization: bearer [redacted]");
    assert_eq!(probe.line("1 end "), "HttpOutcome::Complete");
}

pub(crate) fn a_request_goes_where_it_is_granted_and_nowhere_else() {
    let port = server();
    let get = |path: &str| start(remote(port, &["GET"], BTreeMap::new()), &format!("get 1 {path}"));
    assert_eq!(get("/v1/tov1-b").line("1 head "), "200");
    let failed = get("/v1/toadmin").line("1 end ");
    assert!(failed.contains("HttpOutcome::Failed") && failed.contains("admin"), "{failed}");
    assert!(get("/admin").line("1 ").contains("does not declare that for the grant `remote`"));
    assert!(get("/v1/../admin").line("1 ").starts_with("refused Why::Denied"));
    let post_only = start(remote(port, &["POST"], BTreeMap::new()), "get 1 /v1/a").line("1 ");
    assert!(post_only.contains("add it to `methods`"), "{post_only}");
}

pub(crate) fn a_request_can_be_given_up() {
    // Nobody answers: the connection is accepted by the system and never read.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let registration = remote(listener.local_addr().unwrap().port(), &["GET"], BTreeMap::new());
    let mut probe = Probe::with("gate_probe", registration, limits());
    probe.asks = true;
    let binding = probe.open();
    probe.prompt_text(&binding, "get 1 /v1/a\nabort 1\nget 2 /v1/a\nget 3 /v1/a");
    let questions = [probe.asked(), probe.asked(), probe.asked()];
    assert_eq!(probe.line("1 "), "refused Why::Cancelled");
    let grants = [probe.allow(&questions[1]), probe.allow(&questions[2])];
    probe.prompt_text(&binding, "abort 2");
    assert_eq!(probe.line("2 "), "end HttpOutcome::Aborted");
    let [_, grant] = grants;
    probe.worker.send(omi_kernel::command::Command::Revoke { grant: grant.id }).unwrap();
    assert_eq!(probe.line("3 "), "end HttpOutcome::Aborted");
}
