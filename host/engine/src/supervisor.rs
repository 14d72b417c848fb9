//! The supervisor: the small program under which every process runs (ARCHITECTURE §5).
//!
//! It is the daemon's own binary, started again with a hidden subcommand, and has one thread. It starts the program,
//! is the parent of everything that the program leaves behind, and ends all of it when told to, when the program
//! ends, when there are too many, or when the daemon is gone. So nothing survives: not a grandchild that called
//! `setsid`, and not after the daemon was killed. What the program was given (a control group, a temporary folder) is
//! removed with it.
//!
//! ```text
//!  daemon ──── control socket (fd 0 of the supervisor; its end is the order to kill) ──── supervisor
//!     │  first a message with three descriptors and the options,                            │ subreaper, its own session
//!     │  then `t` (SIGTERM) or `k` (SIGKILL)                                                ▼
//!     │  ◀── `started PID`, or `failed ERRNO` or `refused TEXT`;                         launcher: limits and confines
//!     │      `too-many N`; then `code N` or `signal N`, then the end                        │ itself, and becomes
//!     │                                                                                     ▼
//!     └──────────────── stdin, stdout, stderr: pipes, held by the program alone ───────── program and its tree
//! ```
//!
//! What is guaranteed, and where:
//!
//! - Linux: everything below is found in `/proc` and killed until nothing is left, whatever it does. It is counted ten
//!   times a second; more than is allowed ends all of it. No process has a controlling terminal.
//! - Linux, with a control group: what multiplies faster than it can be found ends at once, and also if the supervisor
//!   itself was killed. Where the group has the controller of processes, it never becomes more.
//! - Linux, without one: a limit of the system (`RLIMIT_NPROC`) keeps a bomb near its limit, but not if it is root's.
//!   If the supervisor is killed, only the program's process group is ended.
//! - Elsewhere: only the program's process group is ended, and processes are not counted.
//!
//! A program that is not confined has the rights of its user, so it can stop its supervisor (SIGSTOP). A kill then takes
//! a few seconds: the daemon does the supervisor's work and, if that does not let it go on, ends it too. What remains:
//! nothing is counted while it is stopped, and if the daemon dies meanwhile, the program lives until somebody lets the
//! supervisor continue.

#[cfg(target_os = "linux")]
mod capabilities;
mod cgroup;
pub(crate) mod confine;
pub(crate) mod installation;
mod launch;
pub(crate) mod message;
pub(crate) mod options;
mod rlimit;
mod tree;

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Pid;

pub(crate) use cgroup::kill as kill_group;
use message::{DESCRIPTORS, Order, Word};
use options::{Belongings, Options, Role};
pub(crate) use tree::kill as kill_tree;
use tree::{Census, Reaped};

/// Time that what a program leaves behind has to end by itself after SIGTERM.
const LEFTOVERS_GRACE: Duration = Duration::from_millis(500);
/// Time between two looks while something is being ended: a kill takes effect within microseconds.
const ENDING_TICK: Duration = Duration::from_millis(10);
/// Time between two looks while the program runs, to bury what it abandoned and to see whether there are too many: a
/// bomb starts hundreds in it.
const RUNNING_TICK: Duration = Duration::from_millis(100);
/// The same where the end of the program cannot be waited for.
const BLIND_TICK: Duration = Duration::from_millis(20);

/// Runs the supervisor. `args` are the program and its arguments; standard input is the control socket.
///
/// Nothing else may run in this process: it takes over all of it.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    match supervise(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error is closed when the daemon starts this; a person who starts it by hand reads this.
            let _ =
                writeln!(std::io::stderr(), "cannot supervise: {error}; hint: only the daemon starts this");
            ExitCode::FAILURE
        }
    }
}

fn supervise(args: &[OsString]) -> std::io::Result<()> {
    let control = UnixStream::from(std::os::fd::AsFd::as_fd(&std::io::stdin()).try_clone_to_owned()?);
    let (descriptors, options) = message::receive(&control)?;
    let Some((program, args)) = args.split_first() else {
        return Err(std::io::Error::other("no program was named"));
    };
    match options.role {
        Role::Launch => launch::launch(&control, descriptors, &options, program, args),
        Role::Supervise => {
            let done = watch_over(control, descriptors, &options, program);
            options.belongings.remove();
            done
        }
    }
}

/// Starts the program and watches until nothing of it is left.
fn watch_over(
    control: UnixStream,
    descriptors: [OwnedFd; DESCRIPTORS],
    options: &Options,
    program: &OsStr,
) -> std::io::Result<()> {
    // A session of its own, without a terminal: what runs in it can neither read nor write where a person answers.
    rustix::process::setsid()?;
    tree::adopt()?;
    let launched = launch::start(&descriptors, options);
    // Only the program may hold the pipes: else neither side would see the other's end.
    drop(descriptors);
    let (pid, launcher) = match launched {
        Ok(launched) => launched,
        Err(error) => {
            let why = format!("cannot start `{}`: {error}", program.to_string_lossy());
            return say(&control, &Word::Refused(why));
        }
    };
    let stage = match become_of(&launcher, &control) {
        Launched::Runs => Stage::Running,
        Launched::Not(word) => return say(&control, &word),
        Launched::Unwanted => Stage::Killing,
    };
    let supervision = Supervision {
        control: Some(control),
        group: pid,
        program: Some(Program::new(pid)),
        belongings: options.belongings.clone(),
        census: Census::new(options.limits.processes),
        stage,
    };
    supervision.tell(&Word::Started(pid.as_raw_nonzero().get()));
    supervision.run();
    Ok(())
}

/// What became of a launcher.
enum Launched {
    /// The program.
    Runs,
    /// Nothing: it said why.
    Not(Word),
    /// Something was ordered meanwhile, or the daemon is gone: what it may become is not wanted any more.
    Unwanted,
}

fn become_of(launcher: &UnixStream, control: &UnixStream) -> Launched {
    let mut watched = [PollFd::new(launcher, PollFlags::IN), PollFd::new(control, PollFlags::IN)];
    while poll(&mut watched, None).is_err() {}
    if watched[0].revents().is_empty() {
        return Launched::Unwanted;
    }
    let mut line = String::new();
    match BufReader::new(launcher).read_line(&mut line) {
        Ok(0) => Launched::Runs,
        Ok(_) | Err(_) => Launched::Not(Word::read(&line).unwrap_or(Word::Failed(0))),
    }
}

fn say(control: &UnixStream, word: &Word) -> std::io::Result<()> {
    (&mut &*control).write_all(word.to_line().as_bytes())
}

/// The program that was asked for, while it runs.
struct Program {
    pid: Pid,
    /// Becomes readable when the program ends, where the system has this.
    #[cfg(target_os = "linux")]
    ended: Option<OwnedFd>,
}

impl Program {
    fn new(pid: Pid) -> Self {
        Self {
            pid,
            #[cfg(target_os = "linux")]
            ended: rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok(),
        }
    }
}

/// How far the ending has come.
#[derive(Clone, Copy)]
enum Stage {
    /// The program runs.
    Running,
    /// What is left was asked to end.
    Ending { kill_at: Instant },
    /// What is left is killed until nothing is left.
    Killing,
}

struct Supervision {
    /// Gone when the daemon is.
    control: Option<UnixStream>,
    /// The process group of the program: the program's own id, also after it has ended.
    group: Pid,
    /// Gone when it has ended.
    program: Option<Program>,
    belongings: Belongings,
    census: Census,
    stage: Stage,
}

impl Supervision {
    fn run(mut self) {
        while self.bury() {
            match self.stage {
                Stage::Running => self.count(),
                Stage::Ending { kill_at } if Instant::now() < kill_at => self.count(),
                Stage::Ending { .. } => self.stage = Stage::Killing,
                Stage::Killing => self.kill(),
            }
            match self.wait() {
                None => {}
                Some(Order::Terminate) => tree::terminate(self.group),
                Some(Order::Kill) => self.kill(),
            }
        }
    }

    fn kill(&mut self) {
        self.stage = Stage::Killing;
        if let Some(group) = &self.belongings.group {
            cgroup::kill(group);
        }
        tree::kill(rustix::process::getpid(), Some(self.group));
    }

    /// Ends all of it if there are too many.
    fn count(&mut self) {
        let Some(processes) = self.census.too_many() else { return };
        // First of all: each moment there are more.
        self.kill();
        self.tell(&Word::TooMany(processes));
    }

    /// Says something to the daemon. If it is gone, the next look at the socket says so.
    fn tell(&self, word: &Word) {
        if let Some(control) = &self.control {
            let _ = say(control, word);
        }
    }

    /// Reaps whatever has ended; false if nothing is left.
    fn bury(&mut self) -> bool {
        loop {
            match tree::reap() {
                Reaped::None => return true,
                Reaped::NobodyLeft => return false,
                Reaped::Ended(pid, word) => {
                    if self.program.as_ref().is_some_and(|program| program.pid == pid) {
                        self.program_ended(&word);
                    }
                }
            }
        }
    }

    fn program_ended(&mut self, word: &Word) {
        self.program = None;
        self.tell(word);
        if matches!(self.stage, Stage::Running) {
            self.stage = Stage::Ending { kill_at: Instant::now() + LEFTOVERS_GRACE };
            tree::terminate(self.group);
        }
    }

    /// Waits for an order, for the end of the program, or for the next look.
    fn wait(&mut self) -> Option<Order> {
        let tick = match self.stage {
            Stage::Ending { .. } | Stage::Killing => ENDING_TICK,
            Stage::Running if self.hears_the_end() => RUNNING_TICK,
            Stage::Running => BLIND_TICK,
        };
        let mut watched = Vec::new();
        watched.extend(self.control.as_ref().map(|control| PollFd::new(control, PollFlags::IN)));
        #[cfg(target_os = "linux")]
        watched.extend(
            self.program
                .iter()
                .filter_map(|program| program.ended.as_ref())
                .map(|fd| PollFd::new(fd, PollFlags::IN)),
        );
        let timeout = Timespec::try_from(tick).unwrap_or(Timespec { tv_sec: 0, tv_nsec: 0 });
        // An interrupted or failed wait is a shorter one: the loop looks at everything again.
        let _ = poll(&mut watched, Some(&timeout));
        let told = self.control.is_some() && watched.first().is_some_and(|fd| !fd.revents().is_empty());
        if !told {
            return None;
        }
        let order = self.control.as_ref().and_then(message::receive_order);
        if order.is_none() {
            self.control = None;
            return Some(Order::Kill);
        }
        order
    }

    #[cfg(target_os = "linux")]
    fn hears_the_end(&self) -> bool {
        self.program.as_ref().is_some_and(|program| program.ended.is_some())
    }

    #[cfg(not(target_os = "linux"))]
    fn hears_the_end(&self) -> bool {
        false
    }
}
