//! The daemon's side of a supervisor: starting it, what it says, and what is ordered.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf, pipe};
use tokio::process::{Child, Command};

use super::{KILL_WAIT, Launch, SupervisorCommand};
use crate::input::Exit;
use crate::supervisor::confine::NAMED;
use crate::supervisor::installation::{self, Place};
use crate::supervisor::message::{self, Order, Word};
use crate::supervisor::options::{Belongings, Confinement, Options, Role};
use crate::supervisor::{kill_group, kill_tree};

/// Time between two looks at what is being killed: a kill takes effect within microseconds.
const KILL_TICK: Duration = Duration::from_millis(10);

/// A running supervisor. When this is dropped, the supervisor kills everything below it and ends.
pub(super) struct Control {
    words: Lines<BufReader<OwnedReadHalf>>,
    orders: OwnedWriteHalf,
    child: Child,
    /// The program's process group, once it runs.
    group: Option<Pid>,
    belongings: Belongings,
}

/// Our ends of the pipes of a program.
pub(super) struct Pipes {
    pub(super) stdin: pipe::Sender,
    pub(super) stdout: pipe::Receiver,
    pub(super) stderr: pipe::Receiver,
}

impl Control {
    /// Starts a supervisor for a program.
    pub(super) fn open(launch: &Launch, supervisor: &SupervisorCommand) -> io::Result<(Self, Pipes)> {
        let limits = launch.limits.clone();
        let belongings = Belongings::make(&limits, launch.confine.is_some())?;
        let confinement = confinement(launch, supervisor);
        let options = Options { role: Role::Supervise, limits, belongings, confinement };
        let opened = Self::start(launch, supervisor, &options);
        if opened.is_err() {
            options.belongings.remove();
        }
        opened
    }

    fn start(
        launch: &Launch,
        supervisor: &SupervisorCommand,
        options: &Options,
    ) -> io::Result<(Self, Pipes)> {
        let (ours, theirs) = StdUnixStream::pair()?;
        let (stdin_reader, stdin_writer) = io::pipe()?;
        let (stdout_reader, stdout_writer) = io::pipe()?;
        let (stderr_reader, stderr_writer) = io::pipe()?;
        message::send(&ours, [stdin_reader.as_fd(), stdout_writer.as_fd(), stderr_writer.as_fd()], options)?;
        drop((stdin_reader, stdout_writer, stderr_writer));
        let child = Command::new(&supervisor.program)
            .args(&supervisor.args)
            .args(&launch.argv)
            .env_clear()
            .envs(&launch.env)
            .current_dir(&launch.cwd)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // It begins a session of its own, which the leader of a process group cannot. So a Ctrl-C in the daemon's
            // terminal is the daemon's to handle.
            .spawn()
            .map_err(|error| {
                io::Error::new(
                    error.kind(),
                    format!("supervisor `{}`: {error}", supervisor.program.display()),
                )
            })?;
        ours.set_nonblocking(true)?;
        let pipes = Pipes {
            stdin: pipe::Sender::from_owned_fd(stdin_writer.into())?,
            stdout: pipe::Receiver::from_owned_fd(stdout_reader.into())?,
            stderr: pipe::Receiver::from_owned_fd(stderr_reader.into())?,
        };
        let (words, orders) = UnixStream::from_std(ours)?.into_split();
        let belongings = options.belongings.clone();
        Ok((Self { words: BufReader::new(words).lines(), orders, child, group: None, belongings }, pipes))
    }

    /// What the supervisor says next; none when it is gone. May be dropped half-way without losing anything.
    pub(super) async fn word(&mut self) -> Option<Word> {
        let word = self.words.next_line().await.ok().flatten().and_then(|line| Word::read(&line));
        if let Some(Word::Started(group)) = word {
            self.group = Pid::from_raw(group);
        }
        word
    }

    /// Orders something. If the supervisor is gone there is nothing left to order.
    pub(super) async fn order(&mut self, order: Order) {
        let _ = self.orders.write_all(&[order.byte()]).await;
    }

    /// Does the work of a supervisor that did not kill, and lets it continue in case it was stopped.
    pub(super) async fn free(&mut self) {
        tracing::warn!(group = ?self.group, "a supervisor does not kill; the daemon does, and lets it continue");
        self.kill_below().await;
        if let Some(supervisor) = self.supervisor() {
            let _ = kill_process(supervisor, Signal::CONT);
        }
    }

    /// Ends a supervisor that cannot be made to kill, after what is below it.
    pub(super) async fn abandon(&mut self) {
        self.kill_below().await;
        // It may have ended meanwhile.
        let _ = self.child.start_kill();
    }

    /// Kills the control group, and what is found below the supervisor until there is nothing more.
    async fn kill_below(&self) {
        if let Some(group) = &self.belongings.group {
            kill_group(group);
        }
        let (Some(supervisor), group) = (self.supervisor(), self.group) else { return };
        let give_up = Instant::now() + KILL_WAIT;
        // Looking through all processes takes long enough to hold up others.
        let kill = move || {
            while kill_tree(supervisor, group) && Instant::now() < give_up {
                std::thread::sleep(KILL_TICK);
            }
        };
        let _ = tokio::task::spawn_blocking(kill).await;
    }

    /// The supervisor's process; its id is not used again before it is buried.
    fn supervisor(&self) -> Option<Pid> {
        Pid::from_raw(i32::try_from(self.child.id()?).ok()?)
    }

    /// Buries the supervisor. If it was gone before its program, it could not end what was below it: then the
    /// program's process group and its control group are killed here, and what was made for it is removed.
    pub(super) async fn bury(mut self, exit: Exit) {
        let ended = self.child.wait().await;
        if exit == Exit::Unknown
            && let Some(group) = self.group
        {
            tracing::warn!(
                ?group,
                ?ended,
                "a supervisor ended before its program; killing what can be found"
            );
            let _ = kill_process_group(group, Signal::KILL);
        }
        if let Some(group) = &self.belongings.group {
            // Nothing is in it, if the supervisor ended in order.
            kill_group(group);
        }
        // Removing waits for the disk, and in this rare case for the system to see that the group is empty.
        let belongings = self.belongings;
        let _ = tokio::task::spawn_blocking(move || belongings.remove()).await;
    }
}

fn confinement(launch: &Launch, supervisor: &SupervisorCommand) -> Option<Confinement> {
    let confine = launch.confine.as_ref()?;
    let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
    let mut known: Vec<_> =
        NAMED.iter().filter_map(std::env::var_os).map(PathBuf::from).map(absolute).collect();
    if !launch.chosen {
        known.extend(installed(launch));
    }
    Some(Confinement {
        folder: launch.cwd.clone(),
        state: confine.state.clone(),
        read: confine.read.clone(),
        known,
        private: supervisor.private.iter().cloned().map(absolute).collect(),
    })
}

/// Where the program of a registration is installed.
fn installed(launch: &Launch) -> Vec<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let path = launch.env.get(OsStr::new("PATH")).map(OsString::as_os_str);
    let place = Place { cwd: &launch.cwd, path, home: home.as_deref() };
    launch.argv.first().map(|program| installation::folders(program.as_ref(), place)).unwrap_or_default()
}
