//! Asks people and names artifacts as its prompt orders, one order per line, and says what it is told.

use omi_adapter_sdk::{
    Adapter, ApprovalOption, Artifact, Attempt, AttemptEvent, BindingOpened, CreateBlob, Descriptor, Event,
    Fidelity, Input, McpServer, McpTransport, Millis, OptionKind, Outputs, Pair, Payload, Ready,
    RequestApproval, RequestInput, WithdrawRequest,
};
use omi_test_guests::{descriptor, finish, polite, say, text};

/// A number that the host has given to nothing.
const FOREIGN: u32 = 4242;

/// The guest.
pub struct Guest {
    attempt: Attempt,
    is_running: bool,
    /// What it was told while no attempt ran.
    heard: Vec<String>,
    ops: u32,
    blob: u32,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        descriptor("person-probe")
    }

    fn new() -> Self {
        Self { attempt: 0, is_running: false, heard: Vec::new(), ops: 0, blob: 0 }
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if let Input::OpenBinding(open) = &input {
            self.heard.extend(open.settings.mcp_servers.iter().map(mcp_line));
        }
        match polite(input, out) {
            Some(Input::ResumeBinding(resume)) => {
                self.heard.extend(resume.settings.mcp_servers.iter().map(mcp_line));
                out.push(BindingOpened::new(resume.binding, resume.native_id, Fidelity::Native));
            }
            Some(Input::Authenticate(chosen)) => {
                out.push(Ready::new(format!("logged in by {}", chosen.method)));
            }
            Some(Input::ExecuteAttempt(execute)) => {
                self.attempt = execute.attempt;
                self.is_running = true;
                for line in std::mem::take(&mut self.heard) {
                    say(self.attempt, line, out);
                }
                for line in text(&execute.prompt).lines() {
                    self.order(line, out);
                }
            }
            Some(Input::Approval(approval)) => {
                self.hear(format!("approval {} {:?}", approval.request, approval.decision), out);
            }
            Some(Input::ProvidedInput(provided)) => {
                self.hear(format!("provided {} {:?}", provided.request, provided.answer), out);
            }
            Some(Input::BlobCreated(created)) => {
                self.blob = created.blob;
                self.name(Some(Payload::Blob(created.blob)), "", out);
            }
            _ => {}
        }
    }
}

impl Guest {
    fn order(&mut self, line: &str, out: &mut Outputs) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let number = || rest.parse::<u32>().expect("a number is expected");
        match word {
            "ask" => {
                let (request, schema) = rest.split_once(' ').unwrap_or((rest, ""));
                let request = request.parse().expect("a number is expected");
                out.push(input(request, self.attempt, schema));
            }
            "ask-foreign" => out.push(input(number(), FOREIGN, "")),
            "approve" => out.push(approval(number(), self.attempt)),
            "withdraw" => out.push(WithdrawRequest::new(number())),
            "name-text" => self.name(Some(Payload::Text(rest.to_owned())), "", out),
            "name-extra" => self.name(None, rest, out),
            "name-lost" => self.name(Some(Payload::Blob(FOREIGN)), "", out),
            "name-again" => self.name(Some(Payload::Blob(self.blob)), "", out),
            "blob" => {
                self.ops += 1;
                out.push(CreateBlob::of_attempt(self.ops, self.attempt, vec![b'b'; number() as usize]));
            }
            "finish" => {
                self.is_running = false;
                finish(self.attempt, out);
            }
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

    fn name(&self, content: Option<Payload>, extra: &str, out: &mut Outputs) {
        let artifact = Artifact {
            kind: "file".to_owned(),
            role: "result".to_owned(),
            uri: "out.txt".to_owned(),
            name: None,
            mime_type: Some("text/plain".to_owned()),
            content,
            extra: extra.to_owned(),
        };
        out.push(AttemptEvent::new(self.attempt, Event::Artifact(artifact)));
    }
}

fn input(request: u32, attempt: Attempt, schema: &str) -> RequestInput {
    RequestInput {
        request,
        attempt,
        prompt: "Which one?".to_owned(),
        schema: schema.to_owned(),
        url: Some("https://example.org/choose".to_owned()),
        extra: String::new(),
    }
}

fn approval(request: u32, attempt: Attempt) -> RequestApproval {
    let once = ApprovalOption {
        id: "once".to_owned(),
        name: "Once".to_owned(),
        kind: OptionKind::AllowOnce,
        extra: String::new(),
    };
    RequestApproval {
        request,
        attempt,
        title: "May I?".to_owned(),
        tool: None,
        options: vec![once],
        details: String::new(),
        extra: String::new(),
    }
}

fn mcp_line(server: &McpServer) -> String {
    let pairs = |pairs: &[Pair]| {
        let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join(",")
    };
    let transport = match &server.transport {
        McpTransport::Stdio(stdio) => {
            format!("stdio {} {} {}", stdio.command, stdio.args.join(","), pairs(&stdio.env))
        }
        McpTransport::Http(remote) => format!("http {} {}", remote.url, pairs(&remote.headers)),
        McpTransport::Sse(remote) => format!("sse {} {}", remote.url, pairs(&remote.headers)),
        McpTransport::Other(other) => other.clone(),
    };
    format!("mcp {} {transport}", server.name)
}
