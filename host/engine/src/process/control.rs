//! The daemon's side of a supervisor: starting it, what it says, and what is ordered.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf, pipe};
use tokio::process::{Child, Command};

use super::{Launch, SupervisorCommand};
use crate::input::Exit;
use crate::supervisor::kill_group;
use crate::supervisor::message::{self, Order, Word};
use crate::supervisor::options::{Belongings, Confinement, Limits, Options, Role};

/// A running supervisor. When this is dropped, the supervisor kills everything below it and ends.
pub(super) struct Control {
    words: Lines<BufReader<OwnedReadHalf>>,
    orders: OwnedWriteHalf,
    child: Child,
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
        let limits = limits(launch);
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
        Ok((Self { words: BufReader::new(words).lines(), orders, child, belongings }, pipes))
    }

    /// What the supervisor says next; none when it is gone. May be dropped half-way without losing anything.
    pub(super) async fn word(&mut self) -> Option<Word> {
        self.words.next_line().await.ok().flatten().and_then(|line| Word::read(&line))
    }

    /// Orders something. If the supervisor is gone there is nothing left to order.
    pub(super) async fn order(&mut self, order: Order) {
        let _ = self.orders.write_all(&[order.byte()]).await;
    }

    /// Buries the supervisor. If it was gone before its program, it could not end what was below it: then the
    /// program's process group and its control group are killed here, and what was made for it is removed.
    pub(super) async fn bury(mut self, group: i32, exit: Exit) {
        let ended = self.child.wait().await;
        if exit == Exit::Unknown {
            tracing::warn!(group, ?ended, "a supervisor ended before its program; killing what can be found");
            if let Some(group) = Pid::from_raw(group) {
                let _ = kill_process_group(group, Signal::KILL);
            }
            if let Some(group) = &self.belongings.group {
                kill_group(group);
            }
        }
        // Removing waits for the disk, and in this rare case for the system to see that the group is empty.
        let belongings = self.belongings;
        let _ = tokio::task::spawn_blocking(move || belongings.remove()).await;
    }
}

fn limits(launch: &Launch) -> Limits {
    let limits = &launch.limits;
    Limits {
        processes: limits.processes,
        open_files: limits.open_files,
        memory_bytes: limits.memory_bytes,
        file_bytes: limits.file_bytes,
    }
}

fn confinement(launch: &Launch, supervisor: &SupervisorCommand) -> Option<Confinement> {
    let confine = launch.confine.as_ref()?;
    Some(Confinement {
        state: confine.state.clone(),
        read: confine.read.clone(),
        private: supervisor.private.clone(),
    })
}
