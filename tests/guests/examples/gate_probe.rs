//! Opens what the prompt says, line by line, and says what it is told about it, each line with the number of the effect.
//!
//! `grants` · `agent OP ARG…` · `shell OP PROGRAM ARG…` · `shell-in OP FOLDER PROGRAM ARG…` · `shell-env OP NAME PROGRAM` ·
//! `write OP TEXT` · `close OP` · `kill OP` · `read OP PATH` · `put OP PATH TEXT` · `get OP PATH` · `abort OP` · `ask REQUEST` ·
//! `undeclared COUNT` · `finish`. `for worker` and `for binding` change on whose behalf; `with GRANT` changes the grant.
//! What it is told after the end of an attempt is said in the next one.

use omi_adapter_sdk::{
    Adapter, ApprovalOption, Attempt, Binding, Capability, CloseStdin, Content, Descriptor, FileOutcome,
    Framing, GrantRequest, HttpRequest, Input, Kill, Millis, Op, OptionKind, Output, Outputs, Part, ReadFile,
    RequestApproval, Scope, Spawn, WriteFile, WriteMode, WriteStdin,
};
use omi_test_guests::{descriptor, finish, polite, say, text};

/// The first number of what is not declared.
const UNDECLARED: u32 = 1_000_000;

/// The guest.
pub struct Guest {
    attempt: Attempt,
    binding: Binding,
    scope: Scope,
    grant: Option<String>,
    is_running: bool,
    /// What it was told while no attempt ran.
    heard: Vec<String>,
    grants: Vec<String>,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        let grant = |name: &str, capability, pattern: &str| GrantRequest {
            name: name.to_owned(),
            capability,
            operation: "*".to_owned(),
            pattern: pattern.to_owned(),
            reason: "Tests what is opened.".to_owned(),
            optional: true,
            extra: String::new(),
        };
        let grants = vec![
            grant("agent", Capability::Process, "*"),
            grant("shell", Capability::Terminal, "*"),
            grant("workspace", Capability::Files, "*"),
            grant("source", Capability::Files, "src/**"),
            grant("remote", Capability::Http, "GET /v1/*"),
        ];
        Descriptor { grants, ..descriptor("gate-probe") }
    }

    fn new() -> Self {
        Self {
            attempt: 0,
            binding: 0,
            scope: Scope::Worker,
            grant: None,
            is_running: false,
            heard: Vec::new(),
            grants: Vec::new(),
        }
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if let Input::Start(start) = &input {
            self.grants.clone_from(&start.grants);
        }
        match polite(input, out) {
            Some(Input::ExecuteAttempt(execute)) => {
                (self.attempt, self.binding) = (execute.attempt, execute.binding);
                (self.scope, self.grant) = (Scope::Attempt(execute.attempt), None);
                self.is_running = true;
                for line in std::mem::take(&mut self.heard) {
                    say(self.attempt, line, out);
                }
                for line in text(&execute.prompt).lines() {
                    self.obey(line, out);
                }
            }
            Some(input) => {
                if let Some(line) = told(input) {
                    self.hear(line, out);
                }
            }
            None => {}
        }
    }
}

impl Guest {
    fn obey(&mut self, line: &str, out: &mut Outputs) {
        let mut words = line.split(' ');
        let word = words.next().unwrap_or_default();
        let rest: Vec<String> = words.map(str::to_owned).collect();
        match (word, rest.first().map(String::as_str)) {
            ("grants", _) => self.hear(format!("grants {}", self.grants.join(",")), out),
            ("for", Some("worker")) => self.scope = Scope::Worker,
            ("for", Some("binding")) => self.scope = Scope::Binding(self.binding),
            ("with", Some(grant)) => self.grant = Some(grant.to_owned()),
            ("undeclared", Some(count)) => {
                let count: u32 = count.parse().expect("a number is expected");
                for n in 0..count {
                    out.push(Spawn::lines(UNDECLARED + n, "undeclared"));
                }
            }
            ("finish", _) => {
                self.is_running = false;
                finish(self.attempt, out);
            }
            (word, Some(op)) => {
                let op = op.parse().expect("a number is expected");
                self.open(word, op, &rest[1..], out);
            }
            (other, None) => panic!("`{other}` is not understood"),
        }
    }

    fn open(&self, word: &str, op: Op, rest: &[String], out: &mut Outputs) {
        let extra = String::new();
        let scope = self.scope;
        let grant = |usual: &str| self.grant.clone().unwrap_or_else(|| usual.to_owned());
        let spawn = |usual: &str| Spawn { scope, grant: grant(usual), ..Spawn::lines(op, usual) };
        let bytes = |text: &str| vec![Part::Bytes(text.as_bytes().to_vec())];
        match word {
            "agent" => out.push(Spawn { args: rest.to_vec(), ..spawn("agent") }),
            "shell" => {
                out.push(Spawn {
                    command: Some(rest[0].clone()),
                    args: rest[1..].to_vec(),
                    ..spawn("shell")
                });
            }
            "shell-in" => {
                let (cwd, command, args) = (Some(rest[0].clone()), Some(rest[1].clone()), rest[2..].to_vec());
                out.push(Spawn { cwd, command, args, ..spawn("shell") });
            }
            "shell-env" => {
                let env = vec![(rest[0].clone(), "added".to_owned())];
                out.push(Spawn { command: Some(rest[1].clone()), env, ..spawn("shell") });
            }
            "write" => {
                let parts = bytes(&(rest.join(" ") + "\n"));
                out.push(WriteStdin { process: op, parts, extra });
            }
            "close" => out.push(CloseStdin::new(op)),
            "kill" => out.push(Kill::new(op, 50)),
            "read" => {
                let (grant, path) = (grant("workspace"), rest[0].clone());
                out.push(ReadFile { op, scope, grant, path, offset: 0, max: 0, extra });
            }
            "put" => {
                let (grant, path, content) =
                    (grant("workspace"), rest[0].clone(), bytes(&rest[1..].join(" ")));
                out.push(WriteFile { op, scope, grant, path, content, mode: WriteMode::Replace, extra });
            }
            "get" => {
                let (grant, path, method) = (grant("remote"), rest[0].clone(), "GET".to_owned());
                let (headers, body, framing) = (Vec::new(), Vec::new(), Framing::Lines(0));
                out.push(HttpRequest { op, scope, grant, method, path, headers, body, framing, extra });
            }
            "abort" => out.push(Output::HttpAbort(op)),
            "ask" => out.push(RequestApproval {
                request: op,
                attempt: self.attempt,
                title: "May I?".to_owned(),
                tool: None,
                options: vec![ApprovalOption {
                    id: "once".to_owned(),
                    name: "Once".to_owned(),
                    kind: OptionKind::AllowOnce,
                    extra: String::new(),
                }],
                details: String::new(),
                extra,
            }),
            other => panic!("`{other}` is not understood"),
        }
    }

    fn hear(&mut self, line: String, out: &mut Outputs) {
        if self.is_running {
            say(self.attempt, line, out);
        } else {
            self.heard.push(line);
        }
    }
}

fn told(input: Input) -> Option<String> {
    let text = |data: &[u8]| String::from_utf8_lossy(data).trim_end().to_owned();
    Some(match input {
        Input::Spawned(spawned) => format!("{} spawned", spawned.op),
        Input::Refused(refused) => format!("{} refused {:?}", refused.op, refused.why),
        Input::Stdout(chunk) => format!("{} out {}", chunk.op, text(&chunk.data)),
        Input::Stderr(chunk) => format!("{} err {}", chunk.op, text(&chunk.data)),
        Input::Exited(exited) => {
            format!("{} exited {:?} {}", exited.op, exited.exit, text(exited.stderr_tail.as_bytes()))
        }
        Input::File(file) => match file.outcome {
            FileOutcome::Read(read) => match read.content {
                Content::Bytes(bytes) => format!("{} read {} {}", file.op, read.size, text(&bytes)),
                Content::Blob(_) => format!("{} read {} as a blob", file.op, read.size),
            },
            FileOutcome::Written(bytes) => format!("{} written {bytes}", file.op),
            FileOutcome::Failed(error) => format!("{} failed {error:?}", file.op),
        },
        Input::HttpHead(head) => format!("{} head {}", head.op, head.status),
        Input::HttpBody(body) => format!("{} body {}", body.op, text(&body.data)),
        Input::HttpEnd(end) => format!("{} end {:?}", end.op, end.outcome),
        Input::Approval(approval) => format!("{} approval {:?}", approval.request, approval.decision),
        _ => return None,
    })
}
