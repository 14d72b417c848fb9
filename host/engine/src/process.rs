//! A process of a worker: started under a supervisor, read, written and ended by tasks that never hold up the worker.

mod control;
mod output;
mod table;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use omi_kernel::report::Report;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::framing::{Framer, Framing};
use crate::inbox::{Inbox, Item};
use crate::input::{ClosedWhy, Exit, Input, Op};
use crate::lease::lease;
use crate::redact::{Hidden, Redactor};
use crate::registration::{Confine, ProcessLimits};
use crate::stdin::Stdin;
use crate::supervisor::message::{Order, Word};

use control::Control;
pub(crate) use table::Processes;

/// How long a supervisor has to end everything that it was ordered to kill, which takes it milliseconds. One that takes
/// longer was stopped by what it watches over.
const KILL_WAIT: Duration = Duration::from_secs(2);

/// How the supervisor is started: the daemon's own binary and its hidden subcommand. The program and its arguments
/// are added after these.
#[derive(Debug, Clone)]
pub struct SupervisorCommand {
    /// The binary.
    pub program: PathBuf,
    /// The hidden subcommand.
    pub args: Vec<OsString>,
    /// Folders that no confined program may be granted, nor one that has them in it: the daemon's own.
    pub private: Vec<PathBuf>,
}

/// A process to start.
#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) op: Op,
    pub(crate) argv: Vec<String>,
    pub(crate) env: BTreeMap<OsString, OsString>,
    pub(crate) cwd: PathBuf,
    pub(crate) framing: Framing,
    /// What it may use of the machine.
    pub(crate) limits: ProcessLimits,
    /// How it is confined, if it is.
    pub(crate) confine: Option<Confine>,
    /// Whether the runtime chose the program, and not the registration.
    pub(crate) chosen: bool,
    /// What must not be seen of what it says.
    pub(crate) hidden: Hidden,
    /// What a refusal adds to the system's own words.
    pub(crate) hint: String,
}

/// A process that was asked for, until its end was told.
pub(crate) struct Process {
    stdin: Stdin,
    /// The shortest time that was ordered for ending it.
    grace: watch::Sender<Option<Duration>>,
    task: JoinHandle<()>,
}

impl Process {
    /// Starts a process. What becomes of it is told to `inbox`.
    pub(crate) fn start(
        launch: Launch,
        stdin: Stdin,
        supervisor: &SupervisorCommand,
        inbox: Arc<Inbox>,
        tokio: &tokio::runtime::Handle,
    ) -> Self {
        let (grace, ordered) = watch::channel(None);
        let running = Running { stdin: stdin.clone(), ordered, inbox };
        let task = tokio.spawn(running.run(launch, supervisor.clone()));
        Self { stdin, grace, task }
    }

    /// Its standard input.
    pub(crate) fn stdin(&self) -> &Stdin {
        &self.stdin
    }

    /// Closes its input, sends SIGTERM after `grace`, SIGKILL after `grace` again. No time at all means SIGKILL.
    pub(crate) fn end(&self, grace: Duration) {
        self.grace.send_modify(|ordered| *ordered = Some(ordered.map_or(grace, |before| before.min(grace))));
    }

    /// Ends it at once, and returns what ends when nothing of it is left.
    pub(crate) fn kill(self) -> JoinHandle<()> {
        self.end(Duration::ZERO);
        self.task
    }
}

/// The task of one process.
struct Running {
    stdin: Stdin,
    ordered: watch::Receiver<Option<Duration>>,
    inbox: Arc<Inbox>,
}

/// How far the ending of a process has come.
enum Ending {
    Not,
    Terminate {
        at: Instant,
        grace: Duration,
    },
    Kill {
        at: Instant,
    },
    /// Its supervisor was told to kill it.
    Killed {
        by: Instant,
    },
    /// Its supervisor did not: the daemon killed it, and lets the supervisor continue in case it was stopped.
    Freed {
        by: Instant,
    },
    /// Its supervisor was killed.
    Abandoned,
}

impl Ending {
    fn due(&self) -> Option<Instant> {
        match self {
            Self::Not | Self::Abandoned => None,
            Self::Terminate { at, .. } | Self::Kill { at } => Some(*at),
            Self::Killed { by } | Self::Freed { by } => Some(*by),
        }
    }

    /// What follows the order to kill.
    fn killed() -> Self {
        Self::Killed { by: Instant::now() + KILL_WAIT }
    }
}

impl Running {
    async fn run(mut self, launch: Launch, supervisor: SupervisorCommand) {
        let (op, hidden) = (launch.op, launch.hidden.clone());
        if let Err(why) = self.supervise(launch, &supervisor).await {
            let why = hidden.text(&why);
            self.inbox.tell(Item::Input(Input::SpawnFailed { op, why }));
        }
    }

    async fn supervise(&mut self, launch: Launch, supervisor: &SupervisorCommand) -> Result<(), String> {
        let program = launch.argv.first().cloned().unwrap_or_default();
        let cannot = |error: io::Error| format!("cannot start `{program}`: {error}; {}", launch.hint);
        let (mut control, pipes) = Control::open(&launch, supervisor).map_err(cannot)?;
        let word = tokio::select! {
            word = control.word() => word,
            () = unwanted(&mut self.ordered) => {
                // It may run and have stopped its supervisor before that could say so.
                control.order(Order::Kill).await;
                let (exit, _) = self.watch(&mut control, Ending::killed()).await;
                control.bury(exit).await;
                return Err(format!("`{program}` was killed before it ran"));
            }
        };
        let group = match word {
            Some(Word::Started(pid)) => pid,
            Some(Word::Failed(errno)) => return Err(cannot(io::Error::from_raw_os_error(errno))),
            Some(Word::Refused(why)) => return Err(why),
            Some(Word::TooMany(_) | Word::Code(_) | Word::Signal(_)) | None => {
                return Err(format!(
                    "cannot start `{program}`: its supervisor `{}` did not answer; hint: is this the daemon's binary?",
                    supervisor.program.display()
                ));
            }
        };
        let op = launch.op;
        if let Some(lease) = lease(group) {
            self.inbox.tell(Item::Report(Report::ProcessStarted { lease }));
        }
        self.inbox.tell(Item::Input(Input::Spawned { op }));
        let (gone, supervisor_gone) = watch::channel(false);
        let stdin = tokio::spawn(self.stdin.clone().run(pipes.stdin, Arc::clone(&self.inbox)));
        let stdout = tokio::spawn(output::read_stdout(
            op,
            pipes.stdout,
            (Redactor::new(launch.hidden.clone()), Framer::new(launch.framing)),
            Arc::clone(&self.inbox),
            supervisor_gone.clone(),
        ));
        let stderr = tokio::spawn(output::read_stderr(
            op,
            pipes.stderr,
            Redactor::new(launch.hidden),
            Arc::clone(&self.inbox),
            supervisor_gone,
        ));
        // An order may have come before the process ran.
        let ending = self.begin_end(&mut control, Ending::Not).await;
        let (exit, too_many) = self.watch(&mut control, ending).await;
        control.bury(exit).await;
        gone.send_replace(true);
        self.stdin.abandon(ClosedWhy::Exited);
        let (_, _, stderr_tail) = tokio::join!(stdin, stdout, stderr);
        let mut stderr_tail = stderr_tail.unwrap_or_default();
        if let Some(processes) = too_many {
            stderr_tail += &ended_for(processes, launch.limits.processes);
        }
        self.inbox.tell(Item::Input(Input::Exited { op, exit, stderr_tail }));
        Ok(())
    }

    /// Watches over the process until its supervisor is gone, and with it everything below. Answers how it ended, and
    /// how many processes it had if it was ended for having too many.
    async fn watch(&mut self, control: &mut Control, mut ending: Ending) -> (Exit, Option<u32>) {
        let mut exit = Exit::Unknown;
        let mut too_many = None;
        loop {
            let due = ending.due();
            tokio::select! {
                word = control.word() => match word {
                    None => return (exit, too_many),
                    Some(Word::Code(code)) => exit = Exit::Code(code),
                    Some(Word::Signal(signal)) => exit = Exit::Signal(signal),
                    Some(Word::TooMany(processes)) => too_many = Some(processes),
                    Some(Word::Started(_) | Word::Failed(_) | Word::Refused(_)) => {}
                },
                Ok(()) = self.ordered.changed() => ending = self.begin_end(control, ending).await,
                () = sleep_until(due) => ending = self.go_on(control, ending).await,
            }
            if exit != Exit::Unknown {
                self.stdin.abandon(ClosedWhy::Exited);
            }
        }
    }

    async fn begin_end(&mut self, control: &mut Control, ending: Ending) -> Ending {
        let Some(grace) = *self.ordered.borrow_and_update() else { return ending };
        if !grace.is_zero() {
            // What is queued is still written: it may be the runtime's own word for the end.
            self.stdin.close();
        }
        match ending {
            Ending::Not | Ending::Terminate { .. } | Ending::Kill { .. } if grace.is_zero() => {
                self.stdin.abandon(ClosedWhy::Requested);
                control.order(Order::Kill).await;
                Ending::killed()
            }
            Ending::Not => Ending::Terminate { at: Instant::now() + grace, grace },
            Ending::Terminate { .. }
            | Ending::Kill { .. }
            | Ending::Killed { .. }
            | Ending::Freed { .. }
            | Ending::Abandoned => ending,
        }
    }

    /// The next step of ending a process that took too long over the last one.
    async fn go_on(&self, control: &mut Control, ending: Ending) -> Ending {
        match ending {
            Ending::Terminate { grace, .. } => {
                self.stdin.abandon(ClosedWhy::Requested);
                control.order(Order::Terminate).await;
                Ending::Kill { at: Instant::now() + grace }
            }
            Ending::Kill { .. } => {
                control.order(Order::Kill).await;
                Ending::killed()
            }
            Ending::Killed { .. } => {
                control.free().await;
                Ending::Freed { by: Instant::now() + KILL_WAIT }
            }
            Ending::Freed { .. } => {
                control.abandon().await;
                Ending::Abandoned
            }
            Ending::Not | Ending::Abandoned => ending,
        }
    }
}

/// What the last words of a process are followed by that was ended for having too many.
fn ended_for(processes: u32, limit: u32) -> String {
    format!(
        "\nomi-agentd ended it: it had {processes} processes at once, and {limit} are allowed; \
         hint: raise `limits.processes` of its grant"
    )
}

/// Waits until a process that was not started yet is not wanted any more: it was ordered to end, and its time is over.
async fn unwanted(ordered: &mut watch::Receiver<Option<Duration>>) {
    let grace = ordered.wait_for(Option::is_some).await.map_or(None, |grace| *grace).unwrap_or_default();
    let at_once = ordered.wait_for(|grace| *grace == Some(Duration::ZERO));
    let _ = tokio::time::timeout(grace, at_once).await;
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
