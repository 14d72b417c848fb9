//! Everything below a supervisor: found, signalled and buried.
//!
//! On Linux the supervisor is a subreaper: whatever loses its parent becomes its child, and all descendants are found
//! in `/proc`. Elsewhere only the program's process group can be reached, and a grandchild that left it is missed.

use std::io;

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, wait};

use super::message::Word;

/// What came of looking for an ended process.
pub(super) enum Reaped {
    /// None has ended.
    None,
    /// One has.
    Ended(Pid, Word),
    /// There is none at all.
    NobodyLeft,
}

/// Makes this process the parent of whatever loses its own.
pub(super) fn adopt() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    Ok(())
}

/// Buries one process that has ended.
pub(super) fn reap() -> Reaped {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) => {
                if let Some(word) = word(status) {
                    return Reaped::Ended(pid, word);
                }
            }
            Ok(None) => return Reaped::None,
            Err(rustix::io::Errno::INTR) => {}
            Err(_no_children) => return Reaped::NobodyLeft,
        }
    }
}

/// Sends a signal to every process below. One that is gone meanwhile is no failure.
#[cfg(target_os = "linux")]
pub(super) fn signal(_group: Pid, signal: Signal) {
    for pid in descendants() {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// Sends a signal to the program's process group.
#[cfg(not(target_os = "linux"))]
pub(super) fn signal(group: Pid, signal: Signal) {
    let _ = rustix::process::kill_process_group(group, signal);
}

fn word(status: WaitStatus) -> Option<Word> {
    status.exit_status().map(Word::Code).or_else(|| status.terminating_signal().map(Word::Signal))
}

#[cfg(target_os = "linux")]
fn descendants() -> Vec<Pid> {
    use std::collections::BTreeMap;

    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    for pid in entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()) {
        if let Some(parent) = parent(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = vec![rustix::process::getpid().as_raw_nonzero().get()];
    let mut next = 0;
    while let Some(pid) = found.get(next) {
        found.extend(children.remove(pid).unwrap_or_default());
        next += 1;
    }
    found.into_iter().skip(1).filter_map(Pid::from_raw).collect()
}

/// The parent of a process: the second field after the name, which may itself contain anything.
#[cfg(target_os = "linux")]
fn parent(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(1)?.parse().ok()
}
