//! Real processes under the supervisor: how they start, write and end.

use std::sync::Mutex;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use omi_engine::{Bound, Limits, ProcessFolder, Registration, reap};
use omi_kernel::report::{Activity, Lease, Report};
use tempfile::TempDir;

#[cfg(target_os = "linux")]
use crate::support::is_alive;
use crate::support::{PATIENCE, Probe, limits, program, shell};

/// Bytes of output in the test of a worker that does not keep up: many times what the inbox holds.
const FLOOD_BYTES: usize = 20_000_000;
/// How long a process is watched that must not get on.
const WATCH: Duration = Duration::from_millis(300);

/// What the probe says about a process that does what `script` says.
fn told(script: &str, orders: &str) -> String {
    told_of(shell(script), orders)
}

fn told_of(registration: Registration, orders: &str) -> String {
    let probe = Probe::with("process_probe", registration, limits());
    let attempt = probe.execute(orders);
    probe.answer(&attempt).0
}

fn assert_line(told: &str, line: &str) {
    assert!(told.lines().any(|other| other == line), "`{line}` is missing in:\n{told}");
}

pub(crate) fn a_missing_program_is_named() {
    let told = told_of(program(&["no-such-program-anywhere", "x"]), "spawn bytes");
    assert!(told.contains("cannot start `no-such-program-anywhere`: No such file"), "{told}");
    assert!(told.contains("hint: ") && told.contains("[registrations.test.grants.agent]"), "{told}");
    let not_a_program = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let told = told_of(program(&[not_a_program]), "spawn bytes");
    assert!(told.contains("/Cargo.toml`: Permission denied"), "{told}");
}

pub(crate) fn a_process_that_exits_at_once_says_how() {
    let told = told("echo oh no >&2; exit 3", "spawn lines 0");
    assert_line(&told, "spawned");
    assert_line(&told, "tail oh no");
    assert_line(&told, "exited Exit::Code(3)");
}

pub(crate) fn a_process_ended_by_a_signal_says_which() {
    assert_line(&told("kill -9 $$", "spawn lines 0"), "exited Exit::Signal(9)");
}

pub(crate) fn a_flood_of_stderr_is_read() {
    let told = told("yes error | head -c 18000000 >&2; echo through; echo last >&2", "spawn lines 0");
    assert_line(&told, "stdout ChunkEnd::Newline through");
    assert!(told.contains("error\nlast\nexited Exit::Code(0)"), "{told}");
}

pub(crate) fn a_line_of_ten_megabytes_is_split() {
    let told = told("head -c 10000000 /dev/zero | tr '\\0' x; echo; echo short", "spawn lines 0");
    assert!(told.contains("counted 10000005 splits 152 longest 65536"), "{told}");
    assert_line(&told, "stdout ChunkEnd::Newline short");
}

pub(crate) fn bytes_come_as_they_are() {
    let told = told("printf 'a\\r\\nb'; head -c 1000000 /dev/zero", "spawn bytes");
    assert!(told.contains("counted 1000004 splits 0"), "{told}");
}

pub(crate) fn a_process_may_close_its_output_and_live_on() {
    let script = "echo hi; exec >/dev/null; cat; exit 4";
    let probe = Probe::with("process_probe", shell(script), limits());
    let binding = probe.open();
    let prompt = |text: &str| vec![omi_kernel::command::PromptBlock::Text { text: text.into() }];
    probe.prompt(&binding, prompt("spawn lines 0"));
    probe.line("stdout ChunkEnd::Eof");
    let attempt = probe.prompt(&binding, prompt("close"));
    assert_line(&probe.answer(&attempt).0, "exited Exit::Code(4)");
}

pub(crate) fn the_environment_is_what_was_allowed() {
    // Cargo sets CARGO_MANIFEST_DIR for the tests: it stands for any secret of the daemon.
    let mut registration = shell("echo \"${CARGO_MANIFEST_DIR-none} $SET ${PATH:+path} $(pwd)\"");
    let bound = registration.grants.get_mut("agent").map(|binding| &mut binding.bound);
    let Some(Bound::Process(process)) = bound else { panic!("no grant") };
    process.setting.set_env.insert("SET".into(), "this".into());
    let folder = TempDir::new().unwrap();
    process.cwd = ProcessFolder::At(folder.path().to_owned());
    let told = told_of(registration, "spawn lines 0");
    let folder = folder.path().canonicalize().unwrap();
    assert_line(&told, &format!("stdout ChunkEnd::Newline none this path {}", folder.display()));
}

pub(crate) fn output_waits_for_a_slow_worker_and_is_whole() {
    let script = format!("head -c {FLOOD_BYTES} /dev/zero | tr '\\0' x; echo through > marker");
    let engine = crate::support::engine(Limits { inbox_bytes: 256 * 1024, ..limits() });
    let adapter = crate::support::load(&engine, "process_probe");
    let folder = TempDir::new().unwrap();
    let (sink, reports) = mpsc::channel();
    let (let_go, gate) = mpsc::channel::<()>();
    // The worker is held up when it reports that the process runs.
    let gate = Mutex::new(Some(gate));
    let held_up = move |report: Report| {
        let spawned = matches!(&report, Report::Activity { activity: Activity::MessageDelta { text, .. }, .. } if text == "spawned\n");
        drop(sink.send(report));
        if spawned && let Some(gate) = gate.lock().unwrap().take() {
            gate.recv_timeout(PATIENCE).unwrap();
        }
    };
    let spec = crate::support::spec(shell(&script), &folder, 1);
    let worker = engine.start_worker(&adapter, spec, Box::new(held_up)).unwrap();
    let probe = Probe::of(worker, reports, folder, engine);
    let attempt = probe.execute("spawn bytes");
    probe.line("spawned");
    let watched = Instant::now() + WATCH;
    while Instant::now() < watched {
        assert!(!probe.folder.path().join("marker").exists(), "the process was not held up");
    }
    let_go.send(()).unwrap();
    let (told, _) = probe.answer(&attempt);
    assert!(told.contains(&format!("counted {FLOOD_BYTES} splits 0")), "{told}");
    assert!(probe.folder.path().join("marker").exists());
}

#[cfg(target_os = "linux")]
pub(crate) fn a_started_process_can_be_reaped_by_its_lease() {
    let probe = Probe::with("process_probe", shell("echo pid $$; exec sleep 1000"), limits());
    let binding = probe.open();
    probe.prompt_text(&binding, "spawn lines 0");
    let lease = probe.lease();
    let pid = probe.line("stdout ChunkEnd::Newline pid ");
    assert_eq!(lease.pid.to_string(), pid);
    assert!(!reap(&Lease { start_ticks: lease.start_ticks + 1, ..lease.clone() }));
    assert!(!reap(&Lease { boot_id: "of another boot".into(), ..lease.clone() }));
    assert!(is_alive(&pid));
    assert!(reap(&lease));
    assert_eq!(probe.line("exited "), "Exit::Signal(9)");
    assert!(!reap(&lease), "it was buried");
}

/// Elsewhere nothing says what a process is beyond its id, so nothing is leased and nothing reaped.
#[cfg(not(target_os = "linux"))]
pub(crate) fn a_started_process_can_be_reaped_by_its_lease() {
    let own = i32::try_from(std::process::id()).unwrap();
    assert!(!reap(&Lease { pid: own, start_ticks: 0, boot_id: String::new() }));
}
