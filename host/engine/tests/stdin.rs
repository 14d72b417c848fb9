//! Writing to processes that read, do not read, or stop reading.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use omi_engine::Limits;
use omi_kernel::command::{Base64, PromptBlock};

use crate::support::{Probe, limits, shell};

/// Bytes of a picture: more than the queue of a process may hold of the adapter's own bytes.
const PICTURE_BYTES: usize = 5_000_000;

fn text(text: &str) -> PromptBlock {
    PromptBlock::Text { text: text.into() }
}

pub(crate) fn a_process_that_does_not_read_never_blocks_its_worker() {
    let limits = Limits { stdin_queue_bytes: 500_000, ..limits() };
    let probe = Probe::with("process_probe", shell("exec sleep 1000"), limits);
    let binding = probe.open();
    probe.prompt(&binding, vec![text("spawn lines 0\nfill 300000\nfill 300000\nfill 600000")]);
    probe.line("refused 1 Why::WouldBlock");
    probe.line("refused 1 Why::Limit");
    probe.line("spawned");
    let attempt = probe.prompt(&binding, vec![text("kill 50")]);
    let told = probe.answer(&attempt).0;
    assert!(told.contains("stdin-closed ClosedWhy::Requested lost "), "{told}");
    assert!(told.contains("exited Exit::Signal(15)"), "{told}");
}

pub(crate) fn a_process_that_begins_to_read_gets_everything() {
    let limits = Limits { stdin_queue_bytes: 500_000, ..limits() };
    let script = "until [ -e go ]; do sleep 0.01; done; wc -c";
    let probe = Probe::with("process_probe", shell(script), limits);
    let binding = probe.open();
    probe.prompt(&binding, vec![text("spawn lines 0\nfill 400000\nfill 400000")]);
    probe.line("refused 1 Why::WouldBlock");
    std::fs::write(probe.folder.path().join("go"), "").unwrap();
    assert_eq!(probe.line("progress "), "400000 0");
    probe.prompt(&binding, vec![text("fill 400000\nclose")]);
    assert_eq!(probe.line("stdout ChunkEnd::Newline "), "800000");
}

pub(crate) fn a_picture_is_written_as_base64_by_the_host() {
    let picture: Vec<u8> = (0..PICTURE_BYTES).map(|n| u8::try_from(n % 256).unwrap()).collect();
    let encoded = STANDARD.encode(picture);
    let probe = Probe::with("process_probe", shell("cat > got"), limits());
    let binding = probe.open();
    let image = PromptBlock::Image { mime_type: "image/png".into(), data: Base64(encoded.clone()) };
    let attempt = probe.prompt(&binding, vec![text("spawn lines 0\nimage\nclose"), image]);
    let told = probe.answer(&attempt).0;
    assert!(told.contains("exited Exit::Code(0)"), "{told}");
    assert!(std::fs::read_to_string(probe.folder.path().join("got")).unwrap() == encoded);
}

pub(crate) fn a_closed_pipe_says_what_was_lost() {
    let script = "exec <&-; echo closed; until [ -e go ]; do sleep 0.01; done";
    let probe = Probe::with("process_probe", shell(script), limits());
    let binding = probe.open();
    probe.prompt(&binding, vec![text("spawn lines 0")]);
    probe.line("stdout ChunkEnd::Newline closed");
    probe.prompt(&binding, vec![text("fill 1000")]);
    assert_eq!(probe.line("stdin-closed ClosedWhy::BrokenPipe lost "), "1000");
    // Writing on is refused, and changes nothing about the process.
    probe.prompt(&binding, vec![text("fill 10")]);
    assert_eq!(probe.line("refused 1 Why::Failed"), "(\"the process takes no more input\")");
    std::fs::write(probe.folder.path().join("go"), "").unwrap();
    assert_eq!(probe.line("exited "), "Exit::Code(0)");
}
