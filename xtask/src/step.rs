//! Running programs: as a step the user watches, or quietly and with a time limit; and progress lines.

use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::io::Read;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::place;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// How often a program under a time limit is looked at: too short to be felt, too long to cost anything.
const POLL: Duration = Duration::from_millis(50);

/// How many of a failed program's last lines go into the error: enough for its own reason and hint.
const ERROR_LINES_MAX: usize = 12;

/// A step the user watched has failed; its own output said why.
#[derive(Debug)]
pub(crate) struct StepFailed {
    name: String,
    code: Option<i32>,
}

impl StepFailed {
    /// The step's exit code, or 1 where a signal ended it.
    pub(crate) fn exit_code(&self) -> ExitCode {
        self.code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
    }
}

impl fmt::Display for StepFailed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(out, "step `{}` failed with exit code {code}", self.name),
            None => write!(out, "step `{}` was ended by a signal", self.name),
        }
    }
}

impl std::error::Error for StepFailed {}

/// Elapsed time counts from here.
pub(crate) fn start_clock() {
    LazyLock::force(&START);
}

/// Time since the start, in seconds.
pub(crate) fn elapsed_s() -> f64 {
    START.elapsed().as_secs_f64()
}

/// Prints one progress line with the elapsed time on stderr.
pub(crate) fn say(text: impl fmt::Display) {
    eprintln!("xtask [{:7.1} s] {text}", elapsed_s());
}

/// `cargo` in the work tree, without what the outer `cargo run` set for this program alone:
/// build scripts that watch those variables would run again each time.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command.current_dir(place::root());
    command
}

/// Runs one step in the open, between a header and a line with its time.
pub(crate) fn run(name: &str, command: &mut Command) -> Result<()> {
    let begun = Instant::now();
    run_last(name, command)?;
    say(format_args!("{name}: done in {:.1} s", begun.elapsed().as_secs_f64()));
    Ok(())
}

/// Runs the step whose own closing lines are to stand last: nothing is printed after them.
pub(crate) fn run_last(name: &str, command: &mut Command) -> Result<()> {
    say(format_args!("{name} …"));
    let status =
        command.status().with_context(|| format!("step `{name}`: cannot run {}", program(command)))?;
    if !status.success() {
        return Err(StepFailed { name: name.to_owned(), code: status.code() }.into());
    }
    Ok(())
}

/// Runs a program quietly and gives its standard output; it is killed when the time is over.
pub(crate) fn output(command: &mut Command, limit: Duration) -> Result<String> {
    let program = program(command);
    // The last lines of a failure are shown: they must be its reason, not a stack.
    command.env("RUST_BACKTRACE", "0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot run {program}"))?;
    let stdout = read_aside(child.stdout.take());
    let stderr = read_aside(child.stderr.take());
    let Some(status) = wait(&mut child, limit)? else {
        bail!("{program} did not end within {} s", limit.as_secs());
    };
    let stdout = stdout.join().unwrap_or_default();
    if !status.success() {
        bail!("{program} failed ({status}): {}", last_lines(&stderr.join().unwrap_or_default()));
    }
    Ok(stdout)
}

/// Whether a program of this name is on PATH.
pub(crate) fn is_on_path(program: &str) -> bool {
    env::var_os("PATH")
        .is_some_and(|paths| env::split_paths(&paths).any(|folder| folder.join(program).is_file()))
}

fn wait(child: &mut Child, limit: Duration) -> Result<Option<std::process::ExitStatus>> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(POLL);
    }
}

/// Reads a pipe to its end on a thread of its own, so that a full pipe never blocks the program.
fn read_aside(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before a broken pipe is still worth showing.
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn program(command: &Command) -> String {
    let name = std::path::Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let first = command.get_args().next().map(OsStr::to_string_lossy);
    first.map_or_else(|| format!("`{}`", name.display()), |first| format!("`{} {first}`", name.display()))
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(ERROR_LINES_MAX)..].join("\n    ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_what_the_program_printed() {
        let text = output(Command::new("sh").args(["-c", "echo one; echo two >&2"]), Duration::from_mins(1))
            .unwrap();
        assert_eq!(text, "one\n");
    }

    #[test]
    fn a_failure_carries_the_last_words() {
        let error =
            output(Command::new("sh").args(["-c", "echo reason >&2; exit 3"]), Duration::from_mins(1));
        let text = error.unwrap_err().to_string();
        assert!(text.contains("reason") && text.contains('3'), "{text}");
    }

    #[test]
    fn a_program_that_hangs_is_killed() {
        let begun = Instant::now();
        let error = output(Command::new("sleep").arg("600"), Duration::from_millis(1)).unwrap_err();
        assert!(error.to_string().contains("did not end within"), "{error}");
        assert!(begun.elapsed() < Duration::from_mins(5));
    }

    #[test]
    fn a_failed_step_keeps_its_exit_code() {
        let error = run("a step", Command::new("sh").args(["-c", "exit 7"])).unwrap_err();
        let failed = error.downcast_ref::<StepFailed>().expect("a step failure");
        assert_eq!(failed.code, Some(7));
    }
}
