//! Does with a process what the prompt says, line by line, and says what it is told about it.
//!
//! `spawn bytes|lines CAP` · `write TEXT` · `fill BYTES` · `blob BYTES` · `close` · `kill GRACE`. The attempt ends when the
//! process is gone or refused. Output is said in full while it is short, and counted in any case.

use omi_adapter_sdk::{
    Adapter, Attempt, ChunkEnd, CloseStdin, CreateBlob, Descriptor, Framing, Input, Kill, Millis, Outputs,
    Part, PromptBlock, Spawn, Why, WriteStdin,
};
use omi_test_guests::{descriptor, finish, polite, say, text};

/// The process.
const PROCESS: u32 = 1;
/// Bytes of a chunk that are still said in full.
const SHORT: usize = 200;

#[derive(Default)]
/// The guest.
pub struct Guest {
    attempt: Attempt,
    ops: u32,
    images: Vec<u32>,
    bytes: usize,
    splits: u32,
    longest: usize,
    stderr_bytes: usize,
}
omi_adapter_sdk::export_adapter!(Guest);

impl Adapter for Guest {
    fn describe() -> Descriptor {
        descriptor("process-probe")
    }

    fn new() -> Self {
        Self { ops: PROCESS, ..Self::default() }
    }

    fn handle(&mut self, _: Millis, input: Input, out: &mut Outputs) {
        match polite(input, out) {
            Some(Input::ExecuteAttempt(execute)) => {
                self.attempt = execute.attempt;
                self.images = execute.prompt.iter().filter_map(image).collect();
                for line in text(&execute.prompt).lines() {
                    self.obey(line, out);
                }
            }
            Some(input) => self.told(input, out),
            None => {}
        }
    }
}

impl Guest {
    fn obey(&mut self, line: &str, out: &mut Outputs) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let number = || rest.parse::<u32>().expect("a number is expected");
        match word {
            "spawn" => {
                let stdout = match rest.strip_prefix("lines ") {
                    Some(cap) => Framing::Lines(cap.parse().expect("a cap is expected")),
                    None => Framing::Bytes,
                };
                out.push(Spawn { stdout, ..Spawn::lines(PROCESS, "agent") });
            }
            "write" => Self::write(vec![Part::Bytes(format!("{rest}\n").into_bytes())], out),
            "fill" => Self::write(vec![Part::Bytes(vec![b'x'; number() as usize])], out),
            "image" => Self::write(self.images.iter().map(|blob| Part::BlobBase64(*blob)).collect(), out),
            "blob" => {
                self.ops += 1;
                out.push(CreateBlob::of_attempt(self.ops, self.attempt, vec![b'b'; number() as usize]));
            }
            "close" => out.push(CloseStdin::new(PROCESS)),
            "kill" => out.push(Kill::new(PROCESS, number())),
            other => panic!("`{other}` is not understood"),
        }
    }

    fn write(parts: Vec<Part>, out: &mut Outputs) {
        out.push(WriteStdin { process: PROCESS, parts, extra: String::new() });
    }

    fn told(&mut self, input: Input, out: &mut Outputs) {
        match input {
            Input::Spawned(_) => say(self.attempt, "spawned", out),
            Input::Stdout(chunk) => {
                self.bytes += chunk.data.len();
                self.longest = self.longest.max(chunk.data.len());
                self.splits += u32::from(chunk.end == ChunkEnd::Split);
                if chunk.data.len() <= SHORT && chunk.end != ChunkEnd::Open {
                    let text = String::from_utf8_lossy(&chunk.data);
                    say(self.attempt, format!("stdout {:?} {text}", chunk.end), out);
                }
            }
            Input::Stderr(chunk) => self.stderr_bytes += chunk.data.len(),
            Input::StdinProgress(progress) => {
                say(self.attempt, format!("progress {} {}", progress.accepted, progress.queued), out);
            }
            Input::StdinClosed(closed) => {
                say(self.attempt, format!("stdin-closed {:?} lost {}", closed.why, closed.lost), out);
            }
            Input::BlobCreated(created) => Self::write(vec![Part::BlobRaw(created.blob)], out),
            Input::Refused(refused) => {
                say(self.attempt, format!("refused {} {:?}", refused.op, refused.why), out);
                let is_spawn =
                    refused.op == PROCESS && matches!(refused.why, Why::Failed(_) | Why::Denied(_));
                if is_spawn && !matches!(&refused.why, Why::Failed(text) if text.contains("no more input")) {
                    finish(self.attempt, out);
                }
            }
            Input::Exited(exited) => {
                let counted = format!("{} splits {} longest {}", self.bytes, self.splits, self.longest);
                say(self.attempt, format!("counted {counted} stderr {}", self.stderr_bytes), out);
                say(self.attempt, format!("tail {}", exited.stderr_tail.trim_end()), out);
                say(self.attempt, format!("exited {:?}", exited.exit), out);
                finish(self.attempt, out);
            }
            _ => {}
        }
    }
}

fn image(block: &PromptBlock) -> Option<u32> {
    match block {
        PromptBlock::Image(media) => Some(media.data),
        _ => None,
    }
}
