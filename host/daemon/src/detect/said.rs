//! The version that a program says, where no package does: it is run for a moment, in a group of its own, with nothing
//! of this program's environment but where programs and the home folder are.

use std::fs::File;
use std::io::{Read as _, Result, Seek as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// How long a program may take to say it: the slowest that was measured took two seconds.
const TIME_MAX: Duration = Duration::from_secs(5);
/// Time between two looks at whether it has ended.
const TICK: Duration = Duration::from_millis(10);
/// Bytes of what it says that are looked at.
const SAID_BYTES_MAX: u64 = 16 * 1024;

/// The first version in what a program says to these arguments; none if it says none in time.
pub(super) fn version(program: &Path, args: &[String]) -> Option<String> {
    let said = said(program, args, TIME_MAX).ok()?;
    crate::catalogue::version(&said).map(|version| version.to_string())
}

fn said(program: &Path, args: &[String], time_max: Duration) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let (mut output, mut errors) = (tempfile::tempfile_in(&folder)?, tempfile::tempfile_in(&folder)?);
    let mut command = Command::new(program);
    command.args(args).env_clear().env("TMPDIR", folder.path()).current_dir(&folder).process_group(0);
    command.envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "HOME"));
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(errors.try_clone()?);
    let mut child = command.spawn()?;
    let ended = ends_in(&child, time_max);
    end(&mut child);
    if !ended {
        return Ok(String::new());
    }
    Ok(beginning(&mut output)? + "\n" + &beginning(&mut errors)?)
}

/// It is not reaped by this: its group keeps its number.
fn ends_in(child: &Child, time_max: Duration) -> bool {
    let deadline = Instant::now() + time_max;
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    while Instant::now() < deadline {
        match waitid(WaitId::Pid(Pid::from_child(child)), options) {
            Ok(None) => std::thread::sleep(TICK),
            Ok(Some(_)) => return true,
            Err(_) => return false,
        }
    }
    false
}

/// Ends what is left of it, with what it started.
fn end(child: &mut Child) {
    // Nothing may be left of it.
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    let _ = child.wait();
}

fn beginning(file: &mut File) -> Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.take(SAID_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, time_max: Duration) -> String {
        said(Path::new("/bin/sh"), &["-c".to_owned(), script.to_owned()], time_max).unwrap()
    }

    #[test]
    fn what_it_says_on_both_streams_is_heard_and_its_environment_is_bare() {
        let said = sh("echo 1.2.3; echo more >&2; env", TIME_MAX);
        assert!(said.starts_with("1.2.3\n") && said.contains("more"), "{said}");
        let names: Vec<&str> = said.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
        let known = ["PATH", "HOME", "TMPDIR", "PWD", "OLDPWD", "SHLVL", "_"];
        assert!(names.iter().all(|name| known.contains(name)), "{names:?}");
    }

    #[test]
    fn one_that_does_not_end_is_ended_with_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let pids = folder.path().join("pids");
        let script = format!("sleep 600 & echo $! $$ > {}; wait", pids.display());
        assert_eq!(sh(&script, TIME_MAX), "");
        let pids = std::fs::read_to_string(pids).unwrap();
        assert_eq!(pids.split_whitespace().count(), 2, "{pids}");
        let deadline = Instant::now() + TIME_MAX;
        for pid in pids.split_whitespace() {
            let runs = || {
                let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
                !state.is_empty() && !state.contains(") Z ")
            };
            while runs() {
                assert!(Instant::now() < deadline, "{pid} lives on");
                std::thread::sleep(TICK);
            }
        }
    }
}
