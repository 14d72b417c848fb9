//! Limits that the system keeps for each process of a tree: set by the launcher, inherited by everything below.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::registration::ProcessLimits;

/// Threads for each process that a tree may have: the system counts threads, and a Node program has a dozen.
const THREADS_PER_PROCESS: u64 = 16;

/// The processes of a tree and their threads, as the system counts them.
pub(super) fn tasks(processes: u32) -> u64 {
    u64::from(processes) * THREADS_PER_PROCESS
}

/// Sets the limits of this process. None is ever raised, and none can be raised again.
///
/// The number of processes is the supervisor's to watch. What is set here only keeps a bomb from running ahead of it:
/// the system counts all that the user runs, so there is room for the tree besides what runs already. It does not bind
/// root.
pub(super) fn set(limits: &ProcessLimits) -> io::Result<()> {
    // A core file has in it whatever the program knew.
    lower(Resource::Core, Some(0))?;
    lower(Resource::Nofile, limits.open_files)?;
    lower(Resource::Fsize, limits.file_bytes)?;
    #[cfg(target_os = "linux")]
    lower(Resource::Nproc, Some(tasks_of_the_user().saturating_add(tasks(limits.processes))))?;
    lower(Resource::As, limits.memory_bytes)
}

fn lower(resource: Resource, value: Option<u64>) -> io::Result<()> {
    let Some(value) = value else { return Ok(()) };
    let value = getrlimit(resource).maximum.map_or(value, |maximum| maximum.min(value));
    setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })?;
    Ok(())
}

/// The threads of all processes of this user.
#[cfg(target_os = "linux")]
fn tasks_of_the_user() -> u64 {
    use std::os::unix::fs::MetadataExt;

    /// Threads in `/proc/PID/stat`: field 20, counted from field 3, the first after the name.
    const THREADS: usize = 20 - 3;

    let user = rustix::process::getuid().as_raw();
    let threads = |pid: i32| {
        let owner = std::fs::metadata(format!("/proc/{pid}")).ok()?.uid();
        let threads = || super::tree::stat(pid)?.split_whitespace().nth(THREADS)?.parse::<u64>().ok();
        if owner == user { threads() } else { None }
    };
    super::tree::pids().filter_map(threads).sum()
}
