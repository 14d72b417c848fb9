//! What identifies a process beyond the life of the daemon: read when it starts, compared before it is ended.

use std::fs;

use omi_kernel::report::Lease;
use rustix::process::{Pid, Signal, kill_process_group};

/// Where Linux says which boot this is.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// The time of the start in `/proc/PID/stat`: field 22, counted from field 3, the first after the name.
const START_TICKS: usize = 22 - 3;

/// The lease of a process that leads its group; none where the system does not tell, or if it is gone already.
pub(crate) fn lease(pid: i32) -> Option<Lease> {
    let boot_id = fs::read_to_string(BOOT_ID).ok()?.trim().to_owned();
    Some(Lease { pid, start_ticks: start_ticks(pid)?, boot_id })
}

/// Ends, with SIGKILL, the process group that an earlier daemon left behind; answers whether there was one to end.
///
/// Nothing is touched unless the process is still the very one that the lease is of: the same id, started in the same
/// tick of the same boot. Its supervisor normally ended it long before; this is for the case that the supervisor was
/// killed, too. Then whatever left the group (a grandchild that called `setsid`) has a parent that knows nothing of
/// it: it cannot be found, and lives on. So does the rest of a group whose first process is gone.
pub fn reap(lease: &Lease) -> bool {
    // Zero and less are no processes but groups of them, and the first one is the system's.
    if lease.pid <= 1 || self::lease(lease.pid).as_ref() != Some(lease) {
        return false;
    }
    Pid::from_raw(lease.pid).is_some_and(|group| kill_process_group(group, Signal::KILL).is_ok())
}

/// When a process started. The name before it may itself contain anything.
fn start_ticks(pid: i32) -> Option<u64> {
    // A program may have any bytes for a name.
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(START_TICKS)?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::process::{Child, Command, Stdio};

    use super::*;

    const KILLED: i32 = 9;

    /// A process that says what it is told, and a child of it, in a group of their own.
    fn group() -> (Child, Lease) {
        let child = Command::new("/bin/sh")
            .args(["-c", "cat & exec cat"])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lease = lease(child.id().try_into().unwrap()).unwrap();
        (child, lease)
    }

    #[test]
    fn the_group_of_a_lease_is_ended_once() {
        let (mut child, lease) = group();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        assert!(reap(&lease));
        assert_eq!(child.wait().unwrap().signal(), Some(KILLED));
        // The pipe ends when nobody of the group holds it any more.
        assert_eq!(output.read_line(&mut String::new()).unwrap(), 0);
        assert!(!reap(&lease), "it was buried");
    }

    #[test]
    fn another_process_with_the_same_id_is_not_touched() {
        let (mut child, lease) = group();
        let others = [
            Lease { start_ticks: lease.start_ticks + 1, ..lease.clone() },
            Lease { boot_id: "of another boot".to_owned(), ..lease.clone() },
            Lease { pid: -lease.pid, ..lease.clone() },
            Lease { pid: 0, ..lease.clone() },
        ];
        assert!(!others.iter().any(reap));
        // Signals are delivered before anything else is done: it would not answer.
        child.stdin.as_mut().unwrap().write_all(b"alive\n").unwrap();
        let mut answer = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut answer).unwrap();
        assert_eq!(answer, "alive\n");
        assert!(reap(&lease));
        assert_eq!(child.wait().unwrap().signal(), Some(KILLED));
    }

    #[test]
    fn the_start_is_after_the_boot_and_not_after_a_child_of_it() {
        let own = lease(i32::try_from(std::process::id()).unwrap()).unwrap();
        let (mut child, childs) = group();
        assert!(own.start_ticks > 0 && own.start_ticks <= childs.start_ticks, "{own:?} {childs:?}");
        assert_eq!(own.boot_id, childs.boot_id);
        assert!(reap(&childs));
        child.wait().unwrap();
    }
}
