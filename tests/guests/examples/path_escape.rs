//! Reads and writes what is outside of its folder, in every way it knows, and says what came of each.
//!
//! The prompt names the folder beside its own in which a secret is; its own folder has the links that the test made.

use omi_adapter_sdk::{
    Adapter, Attempt, Capability, Content, Descriptor, FileOutcome, Input, Millis, Outputs, Why,
};
use omi_test_guests::{anything, asking, finish, polite, read, say, text, write};

/// Ops of writing begin here.
const WRITES: u32 = 1000;

/// The guest.
#[derive(Default)]
pub struct Guest {
    attempt: Attempt,
    folder: String,
    forms: Vec<String>,
    open: usize,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        asking("path-escape", vec![anything("workspace", Capability::Files)])
    }

    fn new() -> Self {
        Self::default()
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        if let Input::OpenBinding(open) = &input {
            self.folder.clone_from(&open.settings.cwd);
        }
        match polite(input, out) {
            Some(Input::ExecuteAttempt(execute)) => {
                self.attempt = execute.attempt;
                self.forms = forms(&self.folder, &text(&execute.prompt));
                self.open = 2 * self.forms.len();
                for (op, form) in (1..).zip(&self.forms) {
                    out.push(read(op, self.attempt, "workspace", form));
                    out.push(write(WRITES + op, self.attempt, "workspace", form, "overwritten"));
                }
            }
            Some(Input::File(file)) => {
                let came = match file.outcome {
                    FileOutcome::Read(read) => match read.content {
                        Content::Bytes(bytes) => format!("GOT {}", String::from_utf8_lossy(&bytes)),
                        Content::Blob(_) => "GOT a blob".to_owned(),
                    },
                    FileOutcome::Written(bytes) => format!("GOT {bytes} bytes written"),
                    FileOutcome::Failed(error) => format!("refused {error:?}"),
                };
                self.settle(file.op, &came, out);
            }
            Some(Input::Refused(refused)) => {
                let why = match refused.why {
                    Why::Failed(text) | Why::Denied(text) => text,
                    other => format!("UNEXPECTED {other:?}"),
                };
                self.settle(refused.op, &format!("refused {why}"), out);
            }
            _ => {}
        }
    }
}

impl Guest {
    fn settle(&mut self, op: u32, came: &str, out: &mut Outputs) {
        let form = &self.forms[(op % WRITES) as usize - 1];
        let what = if op > WRITES { "write" } else { "read" };
        let short: String = form.chars().take(60).collect();
        say(self.attempt, format!("{what} {short:?}: {came}"), out);
        self.open -= 1;
        if self.open == 0 {
            say(self.attempt, format!("{} forms tried", self.forms.len()), out);
            finish(self.attempt, out);
        }
    }
}

/// The ways out, for a folder and a secret in the folder beside it.
fn forms(folder: &str, beside: &str) -> Vec<String> {
    let name = beside.rsplit('/').next().unwrap_or_default();
    let secret = format!("{name}/secret.txt");
    vec![
        "..".to_owned(),
        "/".to_owned(),
        String::new(),
        ".".to_owned(),
        format!("../{secret}"),
        format!("./../{secret}"),
        format!("inside/../../{secret}"),
        format!("missing/../../{secret}"),
        format!(".//..//{secret}"),
        format!("{}etc/passwd", "../".repeat(64)),
        "/etc/passwd".to_owned(),
        "//etc/passwd".to_owned(),
        format!("{beside}/secret.txt"),
        format!("{folder}/../{secret}"),
        format!("{folder}-beside/secret.txt"),
        "/proc/self/root/etc/passwd".to_owned(),
        "/proc/self/environ".to_owned(),
        "/dev/zero".to_owned(),
        "link-to-file".to_owned(),
        "link-to-folder/secret.txt".to_owned(),
        "link-to-link/secret.txt".to_owned(),
        "inside/link-upwards/secret.txt".to_owned(),
        "link-to-etc/passwd".to_owned(),
        "link-to-proc/environ".to_owned(),
        "link-to-itself".to_owned(),
        "pipe".to_owned(),
        "link-to-device".to_owned(),
        "inside".to_owned(),
        format!("notes.txt\0/../../{secret}"),
        format!("notes.txt/../../{secret}"),
        "x".repeat(5_000),
    ]
}
