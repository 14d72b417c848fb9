//! Everything below a supervisor: found, counted, signalled and buried.
//!
//! On Linux the supervisor is a subreaper: whatever loses its parent becomes its child, and all descendants are found
//! in `/proc`. Elsewhere only the program's process group can be reached, and a grandchild that left it is missed.

use std::io;

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, wait};

use super::message::Word;

/// Passes in search of what is not stopped yet, before the killing begins: a bomb has more and more to be stopped.
#[cfg(target_os = "linux")]
const STOP_PASSES: u32 = 20;

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

fn word(status: WaitStatus) -> Option<Word> {
    status.exit_status().map(Word::Code).or_else(|| status.terminating_signal().map(Word::Signal))
}

/// Asks every process below to end. One that is gone meanwhile is no failure.
#[cfg(target_os = "linux")]
pub(super) fn terminate(_group: Pid) {
    for process in descendants(rustix::process::getpid()) {
        let _ = rustix::process::kill_process(process.pid, Signal::TERM);
    }
}

/// Kills every process below a supervisor that can be found, and says whether there was any. What was forked meanwhile
/// is left for the next time.
///
/// All are stopped first: each one that is killed makes room for another child of those that still run.
#[cfg(target_os = "linux")]
pub(crate) fn kill(supervisor: Pid, _group: Option<Pid>) -> bool {
    let mut found = std::collections::HashMap::new();
    for _ in 0..STOP_PASSES {
        let fresh: Vec<_> =
            descendants(supervisor).into_iter().filter(|process| !found.contains_key(&process.pid)).collect();
        if fresh.is_empty() {
            break;
        }
        signal(supervisor, &fresh, Signal::STOP);
        found.extend(fresh.into_iter().map(|process| (process.pid, process)));
    }
    let found: Vec<_> = found.into_values().collect();
    signal(supervisor, &found, Signal::KILL);
    !found.is_empty()
}

/// Signals processes, and their process groups as a whole: a member cannot fork past a signal to its group. A group is
/// within one session, and the supervisor and what is below it have sessions of their own, so it has no stranger in it.
#[cfg(target_os = "linux")]
fn signal(supervisor: Pid, processes: &[Process], signal: Signal) {
    let spared = [rustix::process::getpgrp(), supervisor];
    let groups: std::collections::HashSet<_> = processes.iter().map(|process| process.group).collect();
    for group in groups.into_iter().filter(|group| !spared.contains(group)) {
        let _ = rustix::process::kill_process_group(group, signal);
    }
    for process in processes {
        let _ = rustix::process::kill_process(process.pid, signal);
    }
}

/// Asks the program's process group to end.
#[cfg(not(target_os = "linux"))]
pub(super) fn terminate(group: Pid) {
    let _ = rustix::process::kill_process_group(group, Signal::TERM);
}

/// Kills the program's process group, and says whether there was one.
#[cfg(not(target_os = "linux"))]
pub(crate) fn kill(_supervisor: Pid, group: Option<Pid>) -> bool {
    group.is_some_and(|group| rustix::process::kill_process_group(group, Signal::KILL).is_ok())
}

/// Watches how many processes there are below. It looks at all of them only if there can be too many: it knows how many
/// there were, and the system tells how many were started since.
pub(super) struct Census {
    limit: u64,
    /// How many there were, and how many the system had started before they were counted.
    last: Option<(u64, u64)>,
}

impl Census {
    /// A watch over a tree that may have so many processes.
    pub(super) fn new(limit: u32) -> Self {
        Self { limit: limit.into(), last: None }
    }

    /// How many there are, if they are too many.
    #[cfg(target_os = "linux")]
    pub(super) fn too_many(&mut self) -> Option<u32> {
        let started = started();
        if let (Some((count, before)), Some(now)) = (self.last, started)
            && count + now.saturating_sub(before) <= self.limit
        {
            return None;
        }
        let count = below(rustix::process::getpid()).len() as u64;
        self.last = started.map(|started| (count, started));
        (count > self.limit).then(|| u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// Elsewhere they cannot be found, so they are not counted.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn too_many(&mut self) -> Option<u32> {
        let Self { limit: _, last: _ } = self;
        None
    }
}

/// How many processes and threads the system has started since it runs.
#[cfg(target_os = "linux")]
fn started() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("processes "))?.trim().parse().ok()
}

/// A process below.
#[cfg(target_os = "linux")]
struct Process {
    pid: Pid,
    group: Pid,
    /// It has ended and waits for its parent to notice.
    is_zombie: bool,
}

/// Every process below that runs.
#[cfg(target_os = "linux")]
fn descendants(supervisor: Pid) -> Vec<Process> {
    below(supervisor).into_iter().filter(|process| !process.is_zombie).collect()
}

/// Every process below.
#[cfg(target_os = "linux")]
fn below(supervisor: Pid) -> Vec<Process> {
    use std::collections::HashMap;

    let mut children: HashMap<Pid, Vec<Process>> = HashMap::new();
    for (parent, process) in pids().filter_map(process) {
        children.entry(parent).or_default().push(process);
    }
    let mut found = children.remove(&supervisor).unwrap_or_default();
    let mut next = 0;
    while let Some(process) = found.get(next) {
        let below = children.remove(&process.pid).unwrap_or_default();
        found.extend(below);
        next += 1;
    }
    found
}

/// A process and its parent. The state, the parent and the group are the first fields after the name.
#[cfg(target_os = "linux")]
fn process(pid: i32) -> Option<(Pid, Process)> {
    let stat = stat(pid)?;
    let mut fields = stat.split_whitespace();
    let is_zombie = matches!(fields.next()?, "Z" | "X");
    let parent = Pid::from_raw(fields.next()?.parse().ok()?)?;
    let group = Pid::from_raw(fields.next()?.parse().ok()?)?;
    Some((parent, Process { pid: Pid::from_raw(pid)?, group, is_zombie }))
}

/// The ids of all processes that can be seen.
#[cfg(target_os = "linux")]
pub(super) fn pids() -> impl Iterator<Item = i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// What the system tells about a process, after its name, which may itself contain anything.
#[cfg(target_os = "linux")]
pub(super) fn stat(pid: i32) -> Option<String> {
    // A name need not be text.
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    stat.rsplit_once(')').map(|(_, after_name)| after_name.to_owned())
}
