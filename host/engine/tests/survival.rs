//! Nothing that a worker started survives it: not in a session of its own, and not when the daemon is killed.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};

use omi_kernel::command::PromptBlock;
use omi_kernel::report::{Report, WorkerEnd};

use crate::support::{Probe, is_alive, limits, shell, wait_until};

/// The word with which this binary is a daemon that will be killed.
pub(crate) const HOLD: &str = "hold-for-a-test";
/// A grandchild that has left the session and the process group, and its id on standard output.
const ESCAPE: &str = "setsid sleep 1000 & echo pid $!";

fn spawn(script: &str) -> Probe {
    let probe = Probe::with("process_probe", shell(script), limits());
    let binding = probe.open();
    probe.prompt(&binding, vec![PromptBlock::Text { text: "spawn lines 0".into() }]);
    probe
}

fn pid(probe: &Probe) -> String {
    probe.line("stdout ChunkEnd::Newline pid ")
}

pub(crate) fn a_grandchild_of_its_own_session_dies_with_its_worker() {
    let probe = spawn(&format!("{ESCAPE}; wait"));
    let grandchild = pid(&probe);
    assert!(is_alive(&grandchild));
    probe.worker.kill();
    while !matches!(probe.next(), Report::Ended(WorkerEnd::Stopped)) {}
    assert!(!is_alive(&grandchild), "it is alive after the end of its worker was reported");
}

pub(crate) fn what_a_process_leaves_behind_dies_with_it() {
    let probe = spawn(&format!("trap '' TERM; {ESCAPE}; exit 5"));
    let grandchild = pid(&probe);
    assert_eq!(probe.line("exited "), "Exit::Code(5)");
    assert!(!is_alive(&grandchild), "it is alive after the end of its process was told");
}

pub(crate) fn a_process_that_ignores_sigterm_is_killed() {
    let probe = spawn("trap '' TERM; echo pid $$; while :; do sleep 1000; done");
    let process = pid(&probe);
    probe
        .worker
        .send(omi_kernel::command::Command::Stop { reason: omi_kernel::command::StopReason::Shutdown })
        .unwrap();
    while !matches!(probe.next(), Report::Ended(WorkerEnd::Stopped)) {}
    assert!(!is_alive(&process));
}

/// A daemon with one worker, one process and an escaped grandchild. It never ends by itself.
pub(crate) fn hold(_: impl Iterator<Item = OsString>) -> ExitCode {
    let probe = spawn(&format!("echo pid $$; {ESCAPE}; wait"));
    println!("{}", pid(&probe));
    println!("{}", pid(&probe));
    loop {
        std::thread::park();
    }
}

pub(crate) fn nothing_survives_the_daemon() {
    let mut daemon = Command::new(std::env::current_exe().unwrap())
        .arg(HOLD)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(daemon.stdout.take().unwrap()).lines();
    let pids: Vec<String> = lines.take(2).map(Result::unwrap).collect();
    assert!(pids.len() == 2 && pids.iter().all(|pid| is_alive(pid)), "{pids:?}");
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    wait_until("the processes of a killed daemon are gone", || !pids.iter().any(|pid| is_alive(pid)));
}

pub(crate) fn a_killed_supervisor_takes_its_program_along() {
    let probe = spawn("echo pid $PPID; echo pid $$; exec sleep 1000");
    let (supervisor, process) = (pid(&probe), pid(&probe));
    assert!(Command::new("kill").args(["-9", &supervisor]).status().unwrap().success());
    assert_eq!(probe.line("exited "), "Exit::Unknown");
    wait_until("the program is gone", || !is_alive(&process));
}
