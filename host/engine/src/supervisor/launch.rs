//! The launcher: this program started once more by the supervisor, which limits and confines itself and then becomes
//! the program. So the supervisor is bound by none of it, and can clean up.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::process::Pid;

use super::message::{self, DESCRIPTORS, Word};
use super::options::{Options, Role};
use super::{cgroup, confine, rlimit, say};

/// Starts the launcher, with the arguments of this process. What it says comes out of the socket: nothing at all if it
/// has become the program.
pub(super) fn start(
    descriptors: &[OwnedFd; DESCRIPTORS],
    options: &Options,
) -> io::Result<(Pid, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    let options = Options { role: Role::Launch, ..options.clone() };
    message::send(&ours, descriptors.each_ref().map(AsFd::as_fd), &options)?;
    let child = Command::new(own_program()?)
        .args(std::env::args_os().skip(1))
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    Ok((Pid::from_child(&child), ours))
}

/// Becomes the program. If that fails, says why.
pub(super) fn launch(
    socket: &UnixStream,
    descriptors: [OwnedFd; DESCRIPTORS],
    options: &Options,
    program: &OsStr,
    args: &[OsString],
) -> io::Result<()> {
    let scratch = options.belongings.scratch.as_deref();
    if let Some(group) = &options.belongings.group {
        // Where it cannot be entered, the supervisor still finds everything.
        let _ = cgroup::enter(group);
    }
    if let Some(confinement) = &options.confinement
        && let Err(why) = confine::confine(confinement, scratch, program)
    {
        return say(socket, &Word::Refused(why));
    }
    let [stdin, stdout, stderr] = descriptors;
    let mut command = Command::new(program);
    command.args(args).stdin(stdin).stdout(stdout).stderr(stderr);
    if let Some(scratch) = scratch {
        command.env("TMPDIR", scratch).env("XDG_CACHE_HOME", confine::cache(scratch));
    }
    let error = match rlimit::set(&options.limits) {
        Ok(()) => command.exec(),
        Err(error) => error,
    };
    say(socket, &Word::Failed(error.raw_os_error().unwrap_or(0)))
}

/// This very program, also where its file was replaced meanwhile.
#[cfg(target_os = "linux")]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere the program has to be found, which may fail")]
fn own_program() -> io::Result<PathBuf> {
    Ok(PathBuf::from("/proc/self/exe"))
}

#[cfg(not(target_os = "linux"))]
fn own_program() -> io::Result<PathBuf> {
    std::env::current_exe()
}
