//! Whole trees of real processes, each as bad as it can be: what they may use, and that nothing of them is left.
//!
//! Each tree has a variable of its own in its environment, which `/proc` shows of every process of it, whatever else
//! the process has changed. So nothing that is left can hide.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStringExt;
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use std::{fs, iter};

use omi_engine::{Binding, Bound, BoundProcess, ProcessLimits, Registration};
use omi_kernel::command::PromptBlock;
use omi_kernel::id::BindingId;
use omi_kernel::report::{Report, WorkerEnd};
use tempfile::TempDir;

use crate::support::{PATIENCE, Probe, is_alive, limits, shell, wait_until};

/// The word with which this binary is a daemon that has one tree and never ends by itself.
pub(crate) const DAEMON: &str = "daemon-of-a-tree-for-a-test";
/// The variable that marks a tree.
const MARK: &str = "OMI_TREE_TEST";
/// Processes of a tree that is to have few.
const FEW: u32 = 64;
/// A bomb of 1023 processes, each of which waits for its two; it is no more where nothing ends it.
const BOMB: &str =
    "bomb() { [ $1 = 0 ] && exec sleep 1000; bomb $(($1 - 1)) & bomb $(($1 - 1)) & wait; }; bomb 9";
/// A chain in which each process starts the next and ends: never more than a few, never the same for long. It ends
/// by itself after a while. `$1` begins each.
const CHAIN: &str = "[ $1 = 0 ] || { sh -c \"$0\" \"$0\" $(($1 - 1)) & }";
/// Ends all that a signal can be ignored of.
const STUBBORN: &str = "trap '' TERM HUP INT PIPE;";
/// Leaves the control group, where the user may.
const LEAVE: &str = "for procs in /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/unified/cgroup.procs; do \
                     if [ -e $procs ]; then echo 0 2>/dev/null > $procs; fi; done;";

/// A worker with one tree, and the tree's mark.
struct Tree {
    probe: Probe,
    binding: BindingId,
    mark: String,
}

impl Tree {
    /// Starts what `script` says.
    fn start(script: &str) -> Self {
        Self::of(shell(script), "spawn lines 0")
    }

    /// Starts what is behind the grant `agent`, and obeys the other orders.
    fn of(mut registration: Registration, orders: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mark = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        bound(&mut registration).setting.set_env.insert(MARK.into(), mark.clone());
        let probe = Probe::with("process_probe", registration, limits());
        let binding = probe.open();
        let tree = Self { probe, binding, mark };
        tree.order(orders);
        tree
    }

    fn order(&self, orders: &str) {
        self.probe.prompt(&self.binding, vec![PromptBlock::Text { text: orders.into() }]);
    }

    /// The rest of the next line that it writes and that begins like this.
    fn says(&self, beginning: &str) -> String {
        self.probe.line(&format!("stdout ChunkEnd::Newline {beginning}"))
    }

    /// Kills its worker. Nothing of the tree is left when that is reported.
    fn kill(self) {
        self.probe.worker.kill();
        while !matches!(self.probe.next(), Report::Ended(WorkerEnd::Stopped)) {}
        self.assert_gone();
    }

    fn assert_gone(&self) {
        let left = marked(&self.mark);
        assert!(left.is_empty(), "left behind: {left:?}");
    }
}

/// What the grant `agent` of a registration is bound to.
pub(crate) fn bound(registration: &mut Registration) -> &mut BoundProcess {
    match registration.grants.get_mut("agent") {
        Some(Binding { bound: Bound::Process(process), .. }) => process,
        other => panic!("no process is bound: {other:?}"),
    }
}

fn with_few(script: &str) -> Registration {
    let mut registration = shell(script);
    bound(&mut registration).setting.limits.processes = FEW;
    registration
}

/// The processes that have a mark in their environment; one that ended has none any more.
fn marked(mark: &str) -> Vec<String> {
    let variable = format!("{MARK}={mark}");
    let pids =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    let has_it = |pid: &String| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|set| set == variable.as_bytes())
    };
    pids.filter(|pid| pid.parse::<u32>().is_ok()).filter(has_it).collect()
}

pub(crate) fn a_mark_shows_a_whole_tree() {
    // Without this, the other tests would be content with anything.
    let tree = Tree::start("setsid sleep 1000 & echo pid $!; echo pid $$; wait");
    let (grandchild, child) = (tree.says("pid "), tree.says("pid "));
    let shown = marked(&tree.mark);
    assert!(shown.contains(&grandchild) && shown.contains(&child), "{shown:?}");
    tree.kill();
}

fn assert_bomb_ends(script: &str) {
    let begun = Instant::now();
    let tree = Tree::of(with_few(script), "spawn lines 0");
    assert!(tree.probe.line("omi-agentd ended it: it had ").contains("and 64 are allowed; hint: "));
    assert_eq!(tree.probe.line("exited "), "Exit::Signal(9)");
    tree.assert_gone();
    println!("a bomb took {:?}", begun.elapsed());
}

pub(crate) fn a_fork_bomb_ends_within_its_limit() {
    assert_bomb_ends(BOMB);
}

pub(crate) fn a_fork_bomb_outside_of_its_group_ends_too() {
    assert_bomb_ends(&format!("{LEAVE} {STUBBORN} {BOMB}"));
}

pub(crate) fn a_fork_bomb_of_daemons_ends_too() {
    let bomb = "[ $1 = 0 ] && exec sleep 1000; setsid sh -c \"$0\" \"$0\" $(($1 - 1)) & \
                setsid sh -c \"$0\" \"$0\" $(($1 - 1)) & wait";
    assert_bomb_ends(&format!("{LEAVE} exec sh -c '{bomb}' '{bomb}' 9"));
}

pub(crate) fn as_many_as_are_allowed_live() {
    let tree = Tree::of(
        with_few("for i in $(seq 40); do sleep 1000 & done; echo pid $$; read go; echo alive; exit 7"),
        "spawn lines 0",
    );
    tree.says("pid ");
    // Long enough for the supervisor to have counted them: it looks again while it waits for the answer.
    wait_until("all of them are there", || marked(&tree.mark).len() > 40);
    tree.order("write go");
    tree.says("alive");
    assert_eq!(tree.probe.line("exited "), "Exit::Code(7)");
    tree.assert_gone();
}

pub(crate) fn a_chain_that_never_rests_is_caught() {
    let start = format!("echo begun; exec sh -c '{CHAIN}' '{CHAIN}' 20000");
    for start in [start.clone(), format!("{LEAVE} {start}")] {
        let tree = Tree::start(&start);
        tree.says("begun");
        assert!(!marked(&tree.mark).is_empty());
        tree.kill();
    }
}

pub(crate) fn daemons_of_daemons_end() {
    let tree = Tree::start(&format!(
        "{STUBBORN} setsid sh -c 'setsid sh -c \"echo pid \\$\\$; sleep 1000\" & sleep 1000' & wait"
    ));
    assert!(is_alive(&tree.says("pid ")));
    tree.kill();
}

pub(crate) fn what_has_no_readable_name_ends() {
    let folder = TempDir::new().unwrap();
    let program = folder.path().join(OsString::from_vec(b"a \xff) Z 1".to_vec()));
    fs::copy(fs::canonicalize("/bin/sleep").unwrap(), &program).unwrap();
    let tree =
        Tree::start(&format!("cd '{}'; setsid ./a* 1000 & echo pid $!; wait", folder.path().display()));
    let pid = tree.says("pid ");
    let name = || fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
    wait_until("it has its name", || name().starts_with(b"a \xff"));
    tree.kill();
}

pub(crate) fn one_that_ignores_all_orders_is_killed() {
    let tree = Tree::of(
        shell(&format!("{STUBBORN} echo begun; while :; do sleep 1000; done")),
        "spawn lines 0\nclose",
    );
    tree.says("begun");
    tree.order("kill 100");
    assert_eq!(tree.probe.line("exited "), "Exit::Signal(9)");
    tree.assert_gone();
}

/// Kills a tree that stops its supervisor with `stop`.
fn assert_killed_with_a_stopped_supervisor(stop: &str) {
    let tree = Tree::start(&format!(
        "{STUBBORN} echo supervisor $PPID; setsid sleep 1000 & read go; {stop}; while :; do sleep 1000; done"
    ));
    let supervisor = tree.says("supervisor ");
    // Not before the supervisor has said that it runs.
    tree.order("write go");
    let stat = || fs::read_to_string(format!("/proc/{supervisor}/stat")).unwrap_or_default();
    wait_until("the supervisor is stopped", || stat().contains(") T "));
    let begun = Instant::now();
    tree.order("kill 0");
    let exit = tree.probe.line("exited ");
    assert!(exit == "Exit::Signal(9)" || exit == "Exit::Unknown", "{exit}");
    assert!(begun.elapsed() < PATIENCE / 2, "it took {:?}", begun.elapsed());
    tree.assert_gone();
    wait_until("the supervisor is gone", || !is_alive(&supervisor));
}

pub(crate) fn one_that_stops_its_supervisor_is_killed() {
    assert_killed_with_a_stopped_supervisor("kill -STOP $PPID");
}

pub(crate) fn one_that_stops_its_supervisor_again_and_again_is_killed() {
    assert_killed_with_a_stopped_supervisor(
        "setsid sh -c 'while kill -STOP $0; do :; done' $PPID & while kill -STOP $PPID; do :; done",
    );
}

pub(crate) fn one_that_floods_stderr_is_killed() {
    let tree = Tree::start(&format!("{STUBBORN} echo begun; yes flood >&2"));
    tree.says("begun");
    tree.kill();
}

pub(crate) fn one_that_never_reads_is_killed() {
    let tree = Tree::of(shell(&format!("{STUBBORN} echo begun; sleep 1000")), "spawn lines 0\nfill 3000000");
    tree.says("begun");
    tree.order("kill 100");
    // The shell is killed, and so is what it waited for.
    assert_eq!(tree.probe.line("exited "), "Exit::Signal(9)");
    tree.assert_gone();
}

pub(crate) fn one_that_closes_its_output_and_lives_on_is_killed() {
    let tree = Tree::start(&format!("{STUBBORN} echo begun; exec >&- 2>&-; while :; do sleep 1000; done"));
    tree.says("begun");
    tree.probe.line("stdout ChunkEnd::Eof");
    assert!(!marked(&tree.mark).is_empty());
    tree.order("kill 100");
    assert_eq!(tree.probe.line("exited "), "Exit::Signal(9)");
    tree.assert_gone();
}

/// A daemon with the tree of a script, whose lines it prints.
pub(crate) fn daemon(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let script = args.next().unwrap().into_string().unwrap();
    let tree = Tree::start(&script);
    println!("mark {}", tree.mark);
    println!("terminal {}", fs::File::open("/dev/tty").is_ok());
    println!("says {}", tree.says(""));
    loop {
        std::thread::park();
    }
}

/// The rest of the next line that a daemon prints and that begins like this.
fn prints(lines: &mut impl Iterator<Item = std::io::Result<String>>, beginning: &str) -> String {
    let line = iter::from_fn(|| lines.next()).map(Result::unwrap).find(|line| line.starts_with(beginning));
    line.unwrap_or_else(|| panic!("it never printed `{beginning}`"))[beginning.len()..].trim_end().to_owned()
}

pub(crate) fn nothing_of_any_tree_survives_a_killed_daemon() {
    let script = format!(
        "{STUBBORN} setsid sleep 1000 & yes flood >&2 & exec 3>&1 >&-; echo begun >&3; exec 3>&-; \
         exec sh -c '{CHAIN}; exec sleep 1000' '{CHAIN}' 20000"
    );
    let mut daemon = Command::new(std::env::current_exe().unwrap())
        .args([DAEMON, &script])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(daemon.stdout.take().unwrap()).lines();
    let mark = prints(&mut lines, "mark ");
    assert_eq!(prints(&mut lines, "says "), "begun");
    assert!(!marked(&mark).is_empty());
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    wait_until("nothing of the tree is left", || marked(&mark).is_empty());
}

pub(crate) fn nothing_in_its_group_survives_a_killed_supervisor() {
    let tree = Tree::start(
        "setsid sleep 1000 & echo group $(sed -n s/^0:://p /proc/self/cgroup); echo parent $PPID; exec sleep 1000",
    );
    let (group, supervisor) = (tree.says("group "), tree.says("parent "));
    assert!(Command::new("kill").args(["-9", &supervisor]).status().unwrap().success());
    assert_eq!(tree.probe.line("exited "), "Exit::Unknown");
    if group.contains("/omi-agentd-") {
        wait_until("nothing of the tree is left", || marked(&tree.mark).is_empty());
        let groups = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let mounted = groups.lines().filter(|line| line.contains(" - cgroup2 "));
        let points = mounted.filter_map(|line| line.split(' ').nth(4));
        assert!(points.into_iter().all(|point| !fs::exists(format!("{point}{group}")).unwrap()), "{group}");
    } else {
        // Without a group, what left the session is out of reach: the test ends it.
        println!("not shown: no control group can be had here");
        for pid in marked(&tree.mark) {
            Command::new("kill").args(["-9", &pid]).status().unwrap();
        }
    }
}

pub(crate) fn no_child_has_the_terminal_of_the_daemon() {
    let binary = std::env::current_exe().unwrap();
    let script = "if (: < /dev/tty) 2>/dev/null; then echo open; else echo closed; fi; sleep 1000";
    let command = format!("'{}' {DAEMON} '{script}'", binary.display());
    // It gives what it runs a terminal of its own.
    let mut terminal = Command::new("script")
        .args(["-qec", &command, "/dev/null"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program `script` of util-linux is needed");
    let mut lines = BufReader::new(terminal.stdout.take().unwrap()).lines();
    let mark = prints(&mut lines, "mark ");
    assert_eq!(prints(&mut lines, "terminal "), "true", "the daemon has one");
    assert_eq!(prints(&mut lines, "says "), "closed");
    terminal.kill().unwrap();
    terminal.wait().unwrap();
    wait_until("nothing of the tree is left", || marked(&mark).is_empty());
}

pub(crate) fn every_process_has_its_limits() {
    let mut registration = shell(
        "echo begun; sh -c 'cat /proc/self/limits; echo; echo over'; dd if=/dev/zero of=big bs=4096 count=2",
    );
    bound(&mut registration).setting.limits = ProcessLimits {
        open_files: Some(100),
        memory_bytes: Some(1 << 30),
        file_bytes: Some(4096),
        ..ProcessLimits::default()
    };
    let tree = Tree::of(registration, "spawn lines 0");
    let mut told = String::new();
    let deadline = Instant::now() + PATIENCE;
    while !told.contains("exited ") {
        assert!(Instant::now() < deadline, "{told}");
        match tree.probe.next() {
            Report::Activity {
                activity: omi_kernel::report::Activity::MessageDelta { text, .. }, ..
            } => told += &text,
            other => panic!("{other:?}; so far: {told}"),
        }
    }
    let has = |name: &str, value: &str| {
        let line = told.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name}: {told}"));
        let values: Vec<_> = line.split(name).nth(1).unwrap().split_whitespace().take(2).collect();
        assert!(values.iter().all(|is| *is == value), "{line}");
    };
    has("Max core file size", "0");
    has("Max open files", "100");
    has("Max address space", "1073741824");
    has("Max file size", "4096");
    assert!(
        !told.lines().any(|line| line.contains("Max processes  ") && line.contains("unlimited")),
        "{told}"
    );
    assert_eq!(fs::metadata(tree.probe.folder.path().join("big")).unwrap().len(), 4096);
    tree.assert_gone();
}
