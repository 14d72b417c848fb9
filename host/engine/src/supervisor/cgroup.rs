//! A control group (cgroup v2) for each program, where one can be had.
//!
//! It is made below the daemon's own, which needs the right to do so: a service with `Delegate=yes`, a user's own
//! service manager, a container with a writable `/sys/fs/cgroup`. The launcher enters it before it becomes the program;
//! the supervisor stays outside. What is in it ends at one word, however fast it multiplies, also where the supervisor
//! was killed. A program with enough rights can leave it: then it is still below the supervisor.
//!
//! Nothing here is an error: where a step cannot be done, there is no group, and everything is found in `/proc`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::options::under_a_new_name;
use super::rlimit::tasks;

/// What the name of everything that is made for a program begins with. The id of the daemon's process and a number follow.
pub(super) const PREFIX: &str = "omi-agentd-";
/// How long the system may take to see that a group whose processes were killed is empty.
const EMPTY_WAIT: Duration = Duration::from_secs(1);
/// Time between two attempts to remove it.
const EMPTY_TICK: Duration = Duration::from_millis(5);

/// Makes a group for a program of so many processes.
pub(super) fn make(processes: u32) -> Option<PathBuf> {
    static PARENT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let parent = PARENT.get_or_init(|| {
        let parent = own()?;
        sweep(&parent);
        Some(parent)
    });
    let parent = parent.as_ref()?;
    let group = under_a_new_name(|name| {
        let group = parent.join(name);
        fs::create_dir(&group).map(|()| group)
    });
    let group = group.ok()?;
    // There only where the controller was handed down.
    let _ = fs::write(group.join("pids.max"), tasks(processes).to_string());
    Some(group)
}

/// Moves this process into a group.
pub(super) fn enter(group: &Path) -> io::Result<()> {
    fs::write(group.join("cgroup.procs"), "0")
}

/// Kills everything in a group, also what is being forked (Linux 5.14).
pub(crate) fn kill(group: &Path) {
    let _ = fs::write(group.join("cgroup.kill"), "1");
}

/// Removes a group, when nothing is in it. What was just killed may need a moment to be gone.
pub(super) fn remove(group: &Path) {
    let deadline = Instant::now() + EMPTY_WAIT;
    while let Err(error) = fs::remove_dir(group) {
        if error.kind() != io::ErrorKind::ResourceBusy || Instant::now() > deadline {
            return;
        }
        std::thread::sleep(EMPTY_TICK);
    }
}

/// The folder of this process's own group.
fn own() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    locate(&mounts, &groups)
}

/// Where the hierarchy of version 2 is mounted, and this process's place in it.
fn locate(mounts: &str, groups: &str) -> Option<PathBuf> {
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let path = Path::new(path);
    mounts.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        // A group outside of what is mounted is shown with `..`; a space in a name as an escape.
        let is_plain = !point.contains('\\') && !path.iter().any(|part| part == "..");
        let below = path.strip_prefix(root).ok()?;
        (kind.starts_with("cgroup2 ") && is_plain).then(|| Path::new(point).join(below))
    })
}

/// Removes the empty groups of daemons that are gone. One of this process's id is of an earlier process.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let daemon = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split_once('-'));
        let Some(daemon) = daemon.and_then(|(daemon, _)| daemon.parse::<u32>().ok()) else { continue };
        if daemon == std::process::id() || !Path::new(&format!("/proc/{daemon}")).exists() {
            // It is refused where a process is in it.
            let _ = fs::remove_dir(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
36 31 0:33 / /sys/fs/cgroup/devices rw,relatime - cgroup cgroup rw,devices
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:4 - cgroup2 cgroup2 rw
";

    #[test]
    fn the_own_group_is_below_the_mount() {
        let at = |mounts: &str, groups: &str| locate(mounts, groups);
        let unified = |path: &str| Some(PathBuf::from(format!("/sys/fs/cgroup/unified/{path}")));
        assert_eq!(at(HYBRID, "3:cpuset:/x\n0::/\n"), unified(""));
        assert_eq!(at(HYBRID, "0::/user.slice/a b.service\n"), unified("user.slice/a b.service"));
        assert_eq!(at(HYBRID, "0::/../other\n"), None);
        assert_eq!(at(HYBRID, "3:cpuset:/x\n"), None);
        assert_eq!(at("36 31 0:33 / /c rw - cgroup cgroup rw\n", "0::/\n"), None);
        let part = "41 31 0:38 /box /c rw - cgroup2 cgroup2 rw\n";
        assert_eq!(at(part, "0::/box/in\n"), Some(PathBuf::from("/c/in")));
        assert_eq!(at(part, "0::/elsewhere\n"), None);
        assert_eq!(at("", ""), None);
    }

    #[test]
    fn only_what_dead_daemons_left_is_removed() {
        let parent = tempfile::TempDir::new().unwrap();
        let own = std::process::id();
        let (mine, theirs, parents) =
            (format!("{PREFIX}{own}-9"), format!("{PREFIX}4294967295-1"), format!("{PREFIX}1-1"));
        let all = [mine.as_str(), &theirs, &parents, "omi-agentd-x-1", "other"];
        for name in all {
            fs::create_dir(parent.path().join(name)).unwrap();
        }
        sweep(parent.path());
        let left: Vec<_> = all.into_iter().filter(|name| parent.path().join(name).exists()).collect();
        assert_eq!(left, [parents.as_str(), "omi-agentd-x-1", "other"]);
    }
}
