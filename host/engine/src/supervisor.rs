//! The supervisor: the small program under which every process runs (ARCHITECTURE §5).
//!
//! It is the daemon's own binary, started again with a hidden subcommand, and has one thread. It starts the program,
//! is the parent of everything that the program leaves behind, and ends all of it when told to, when the program
//! ends, or when the daemon is gone. So nothing survives: not a grandchild that called `setsid`, and not after the
//! daemon was killed.
//!
//! ```text
//!  daemon ──── control socket (fd 0 of the supervisor; its end is the order to kill) ──── supervisor
//!     │  first a message with three descriptors, then `t` (SIGTERM) or `k` (SIGKILL)        │ subreaper
//!     │  ◀── `started PID` or `failed ERRNO`, then `code N` or `signal N`, then the end     ▼
//!     └──────────────── stdin, stdout, stderr: pipes, held by the program alone ───────── program and its tree
//! ```

pub(crate) mod message;
mod tree;

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal};

use message::{Order, Word};
use tree::Reaped;

/// Time that what a program leaves behind has to end by itself after SIGTERM.
const LEFTOVERS_GRACE: Duration = Duration::from_millis(500);
/// Time between two looks while something is being ended: a kill takes effect within microseconds.
const ENDING_TICK: Duration = Duration::from_millis(10);
/// Time between two looks while the program runs: only to bury what it abandoned.
const RUNNING_TICK: Duration = Duration::from_secs(1);
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
    let [stdin, stdout, stderr] = message::receive_descriptors(&control)?;
    tree::adopt()?;
    let Some((program, args)) = args.split_first() else {
        return Err(std::io::Error::other("no program was named"));
    };
    let mut command = Command::new(program);
    command.args(args).stdin(stdin).stdout(stdout).stderr(stderr).process_group(0);
    let spawned = command.spawn();
    // Only the program may hold the pipes: else neither side would see the other's end.
    drop(command);
    let child = match spawned {
        Ok(child) => child,
        Err(error) => return say(&control, Word::Failed(error.raw_os_error().unwrap_or(0))),
    };
    let pid = Pid::from_child(&child);
    say(&control, Word::Started(pid.as_raw_nonzero().get()))?;
    Supervision {
        control: Some(control),
        group: pid,
        program: Some(Program::new(pid)),
        stage: Stage::Running,
    }
    .run();
    Ok(())
}

fn say(control: &UnixStream, word: Word) -> std::io::Result<()> {
    (&mut &*control).write_all(word.to_line().as_bytes())
}

/// The program that was asked for, while it runs.
struct Program {
    pid: Pid,
    /// Becomes readable when the program ends, where the system has this.
    #[cfg(target_os = "linux")]
    ended: Option<std::os::fd::OwnedFd>,
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
    stage: Stage,
}

impl Supervision {
    fn run(mut self) {
        while self.bury() {
            match self.stage {
                Stage::Running => {}
                Stage::Ending { kill_at } if Instant::now() < kill_at => {}
                Stage::Ending { .. } => self.stage = Stage::Killing,
                Stage::Killing => tree::signal(self.group, Signal::KILL),
            }
            match self.wait() {
                None => {}
                Some(Order::Terminate) => tree::signal(self.group, Signal::TERM),
                Some(Order::Kill) => {
                    self.stage = Stage::Killing;
                    tree::signal(self.group, Signal::KILL);
                }
            }
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
                        self.program_ended(word);
                    }
                }
            }
        }
    }

    fn program_ended(&mut self, word: Word) {
        self.program = None;
        if let Some(control) = &self.control {
            // If the daemon is gone, the next look at the socket says so.
            let _ = say(control, word);
        }
        if matches!(self.stage, Stage::Running) {
            self.stage = Stage::Ending { kill_at: Instant::now() + LEFTOVERS_GRACE };
            tree::signal(self.group, Signal::TERM);
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
